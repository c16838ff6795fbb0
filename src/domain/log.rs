//! What services write into their logs: the newest lines of each, how many there were of each level, and which errors
//! were never seen before. A flood arrives thinned out: what was only counted is part of the counts and is said.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::signature::mask;
use super::{Moment, ServiceId, Span, Text};

/// How many different errors of a service are known again; what comes after them is not called out.
const KNOWN_ERRORS: usize = 500;
/// How much of a message tells one error from another, in characters.
const TELLING: usize = 160;

/// How much a line of a log matters, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Of interest to whoever writes the service.
    Debug,
    /// The usual course of things, also where a line does not say.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
}

impl Level {
    /// Every level, the least first.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warning, Self::Error];

    /// The level as people say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One line of a log, read at the door: sanitized, masked, colours kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// When it was written, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Moment>,
    /// What it says, without its time.
    pub text: Text,
    /// The line as it came, where `text` is not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Text>,
    /// The revision that wrote it, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Text>,
    /// The run, request or trace that it belongs to, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Text>,
}

/// So many lines of each level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LevelCounts([u64; Level::ALL.len()]);

impl LevelCounts {
    /// Counts a line.
    pub fn add(&mut self, level: Level) {
        self.0[level as usize] += 1;
    }

    /// Takes up other counts.
    pub fn absorb(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }

    /// How many lines of one level.
    #[must_use]
    pub fn of(&self, level: Level) -> u64 {
        self.0[level as usize]
    }

    /// How many lines of all levels.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }
}

/// What happened to a service's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogEvent {
    /// Its source answers.
    Followed {
        /// Whose.
        service: ServiceId,
    },
    /// Lines were written.
    Written {
        /// Whose.
        service: ServiceId,
        /// The lines, in order.
        lines: Vec<LogLine>,
        /// The lines among them that came too fast to be kept, counted.
        #[serde(default, skip_serializing_if = "LevelCounts::is_empty")]
        skipped: LevelCounts,
        /// Further lines that nobody even read.
        #[serde(default, skip_serializing_if = "is_zero")]
        unread: u64,
    },
    /// Its source ended or did not answer; it is tried again.
    Lost {
        /// Whose.
        service: ServiceId,
        /// What was seen.
        why: Text,
        /// When the next try is.
        retry: Span,
    },
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl LogEvent {
    /// The service whose log it is about.
    #[must_use]
    pub fn service(&self) -> ServiceId {
        match self {
            Self::Followed { service } | Self::Written { service, .. } | Self::Lost { service, .. } => *service,
        }
    }
}

/// A line in its place among the lines of all services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    /// Its place in the order of arrival, counted from 0 over all services.
    pub number: u64,
    /// When it came.
    pub came: Moment,
    /// Whose it is.
    pub service: ServiceId,
    /// The line.
    pub line: LogLine,
}

impl Logged {
    /// When it was written, as far as is known.
    #[must_use]
    pub fn at(&self) -> Moment {
        self.line.written.unwrap_or(self.came)
    }
}

/// One service's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceLog {
    lines: VecDeque<Logged>,
    /// How many lines came, by level.
    pub counts: LevelCounts,
    /// How many of them are not kept: thinned out of a flood, or pushed out by newer ones.
    pub dropped: u64,
    /// How many lines nobody read, as they came faster than could be read.
    pub unread: u64,
    /// How many errors came since another revision serves, or since the session began.
    pub errors: u64,
    /// Why nothing comes, where the source is lost.
    pub lost: Option<Text>,
    /// Whether the source ever answered.
    pub followed: bool,
    known: BTreeSet<String>,
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LogFact {
    /// The first error of a kind that was never seen before, and how many more kinds came with it.
    pub news: Option<(Text, usize)>,
    /// The source was lost for this reason, and that was not known.
    pub lost: Option<Text>,
    /// The source answers again.
    pub back: bool,
}

/// The logs of all services.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Logs {
    /// By service; nothing where no log is configured.
    list: Vec<Option<ServiceLog>>,
    since: Moment,
    limit: usize,
    next: u64,
}

impl Logs {
    /// Empty logs, of which those services have one that `has_logs` says.
    pub(super) fn new(has_logs: impl Iterator<Item = bool>, limit: usize, since: Moment) -> Self {
        let log = || ServiceLog {
            lines: VecDeque::new(),
            counts: LevelCounts::default(),
            dropped: 0,
            unread: 0,
            errors: 0,
            lost: None,
            followed: false,
            known: BTreeSet::new(),
        };
        Self { list: has_logs.map(|has| has.then(log)).collect(), since, limit: limit.max(1), next: 0 }
    }

    /// Each service that has a log, with it.
    pub fn iter(&self) -> impl Iterator<Item = (ServiceId, &ServiceLog)> {
        self.list.iter().enumerate().filter_map(|(n, log)| Some((ServiceId(n as u32), log.as_ref()?)))
    }

    /// The log of a service.
    #[must_use]
    pub fn of(&self, service: ServiceId) -> Option<&ServiceLog> {
        self.list.get(service.index())?.as_ref()
    }

    /// Whether no service has a log.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// One past the newest line's number.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.next
    }

    /// The line of that number, while it is kept.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&Logged> {
        self.back_from(None, number + 1).next().filter(|logged| logged.number == number)
    }

    /// The lines before number `end`, the newest first; of one service, or of all.
    pub fn back_from(&self, service: Option<ServiceId>, end: u64) -> impl Iterator<Item = &Logged> {
        let mut logs: Vec<(&ServiceLog, usize)> = self.logs(service).map(|log| (log, log.place(end))).collect();
        std::iter::from_fn(move || {
            let newest =
                logs.iter_mut().filter(|(_, end)| *end > 0).max_by_key(|(log, end)| log.lines[*end - 1].number);
            let (log, end) = newest?;
            *end -= 1;
            log.lines.get(*end)
        })
    }

    /// The lines from number `start` on, the oldest first; of one service, or of all.
    pub fn on_from(&self, service: Option<ServiceId>, start: u64) -> impl Iterator<Item = &Logged> {
        let mut logs: Vec<(&ServiceLog, usize)> = self.logs(service).map(|log| (log, log.place(start))).collect();
        std::iter::from_fn(move || {
            let waiting = logs.iter_mut().filter(|(log, place)| *place < log.lines.len());
            let (log, place) = waiting.min_by_key(|(log, place)| log.lines[*place].number)?;
            *place += 1;
            log.lines.get(*place - 1)
        })
    }

    fn logs(&self, service: Option<ServiceId>) -> impl Iterator<Item = &ServiceLog> {
        self.iter().filter(move |(id, _)| service.is_none_or(|wanted| wanted == *id)).map(|(_, log)| log)
    }

    pub(super) fn apply(&mut self, event: &LogEvent, at: Moment) -> LogFact {
        let id = event.service();
        let (limit, since) = (self.limit, self.since);
        let Some(log) = self.list.get_mut(id.index()).and_then(Option::as_mut) else { return LogFact::default() };
        let mut fact = LogFact::default();
        match event {
            LogEvent::Followed { .. } => {
                fact.back = log.lost.take().is_some();
                log.followed = true;
            }
            LogEvent::Lost { why, .. } => {
                fact.lost = log.lost.is_none().then(|| why.clone());
                log.lost = Some(why.clone());
            }
            LogEvent::Written { lines, skipped, unread, .. } => {
                log.unread += unread;
                log.dropped += skipped.total() + unread;
                log.counts.absorb(*skipped);
                log.errors += skipped.of(Level::Error);
                for line in lines {
                    let is_old = line.written.is_some_and(|written| written < since);
                    log.counts.add(line.level);
                    if line.level == Level::Error {
                        log.errors += u64::from(!is_old);
                        log.meet(line, is_old, &mut fact);
                    }
                    if log.lines.len() >= limit {
                        log.lines.pop_front();
                        log.dropped += 1;
                    }
                    log.lines.push_back(Logged { number: self.next, came: at, service: id, line: line.clone() });
                    self.next += 1;
                }
            }
        }
        fact
    }

    /// Another revision of a service serves: its errors are counted from here on.
    pub(super) fn begin_anew(&mut self, service: ServiceId) {
        if let Some(Some(log)) = self.list.get_mut(service.index()) {
            log.errors = 0;
        }
    }
}

impl ServiceLog {
    /// The kept lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Logged> {
        self.lines.iter()
    }

    fn place(&self, number: u64) -> usize {
        self.lines.partition_point(|logged| logged.number < number)
    }

    /// Knows an error again by its words, without what changes from time to time. What was written before the session
    /// is no news.
    fn meet(&mut self, line: &LogLine, is_old: bool, fact: &mut LogFact) {
        let told: String = line.text.chars().take(TELLING).collect();
        let signature = mask(&told);
        if self.known.len() >= KNOWN_ERRORS || !self.known.insert(signature) || is_old {
            return;
        }
        match &mut fact.news {
            Some((_, more)) => *more += 1,
            None => fact.news = Some((line.text.clone(), 0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Level, text: &str) -> LogLine {
        LogLine { level, written: None, text: text.into(), whole: None, revision: None, run: None }
    }

    fn write(logs: &mut Logs, service: u32, lines: &[(Level, &str)]) -> LogFact {
        let lines = lines.iter().map(|(level, text)| line(*level, text)).collect();
        let written =
            LogEvent::Written { service: ServiceId(service), lines, skipped: LevelCounts::default(), unread: 0 };
        logs.apply(&written, Moment(10))
    }

    fn texts<'a>(lines: impl Iterator<Item = &'a Logged>) -> Vec<&'a str> {
        lines.map(|logged| &*logged.line.text).collect()
    }

    #[test]
    fn lines_of_several_services_stand_in_the_order_of_their_arrival() {
        let mut logs = Logs::new([true, false, true].into_iter(), 10, Moment(1));
        write(&mut logs, 0, &[(Level::Info, "a"), (Level::Info, "b")]);
        write(&mut logs, 2, &[(Level::Info, "c")]);
        write(&mut logs, 1, &[(Level::Info, "nobody's")]);
        write(&mut logs, 0, &[(Level::Info, "d")]);
        assert_eq!(texts(logs.on_from(None, 0)), ["a", "b", "c", "d"]);
        assert_eq!(texts(logs.back_from(None, 3)), ["c", "b", "a"]);
        assert_eq!(texts(logs.on_from(Some(ServiceId(0)), 1)), ["b", "d"]);
        assert_eq!(logs.get(2).map(|logged| logged.service), Some(ServiceId(2)));
        assert_eq!(logs.get(9), None);
    }

    #[test]
    fn what_is_let_go_is_counted_and_its_errors_too() {
        let mut logs = Logs::new([true].into_iter(), 2, Moment(1));
        write(&mut logs, 0, &[(Level::Info, "a"), (Level::Error, "b"), (Level::Info, "c")]);
        let mut skipped = LevelCounts::default();
        (0..40).for_each(|_| skipped.add(Level::Error));
        let flood = LogEvent::Written { service: ServiceId(0), lines: Vec::new(), skipped, unread: 5 };
        logs.apply(&flood, Moment(11));
        let log = logs.of(ServiceId(0)).unwrap();
        assert_eq!(texts(log.lines()), ["b", "c"]);
        assert_eq!((log.dropped, log.unread, log.errors, log.counts.total()), (46, 5, 41, 43));
        logs.begin_anew(ServiceId(0));
        assert_eq!(logs.of(ServiceId(0)).unwrap().errors, 0);
    }

    #[test]
    fn an_error_is_news_once_whatever_its_numbers() {
        let mut logs = Logs::new([true].into_iter(), 100, Moment(5));
        let fact = write(&mut logs, 0, &[(Level::Error, "run run_8f21 failed after 12 ms"), (Level::Error, "no disk")]);
        assert_eq!(fact.news, Some(("run run_8f21 failed after 12 ms".into(), 1)));
        assert_eq!(write(&mut logs, 0, &[(Level::Error, "run run_1b9e failed after 7 ms")]).news, None);
        let old = LogLine { written: Some(Moment(2)), ..line(Level::Error, "from yesterday") };
        let written =
            LogEvent::Written { service: ServiceId(0), lines: vec![old], skipped: LevelCounts::default(), unread: 0 };
        assert_eq!(logs.apply(&written, Moment(9)).news, None);
        assert_eq!(logs.of(ServiceId(0)).unwrap().errors, 3, "what was written before is not counted");
    }

    #[test]
    fn a_lost_source_is_said_once_until_it_is_back() {
        let mut logs = Logs::new([true].into_iter(), 100, Moment(5));
        let lost = LogEvent::Lost { service: ServiceId(0), why: "refused".into(), retry: Span::seconds(1) };
        assert_eq!(logs.apply(&lost, Moment(6)).lost, Some("refused".into()));
        assert_eq!(logs.apply(&lost, Moment(7)).lost, None);
        let followed = LogEvent::Followed { service: ServiceId(0) };
        assert!(logs.apply(&followed, Moment(8)).back);
        assert!(!logs.apply(&followed, Moment(9)).back);
    }
}
