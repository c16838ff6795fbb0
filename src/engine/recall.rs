//! What earlier sessions left behind, asked of the history: the latest result of each test, what is usual, what is
//! flaky, and how long deploys take.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use serde::de::IntoDeserializer;

use super::history::recent::{self, RecentTest};
use super::history::schema::Trouble;
use crate::domain::{
    CauseClass, Course, CourseWhy, Ground, LiveOnce, Moment, On, Recalled, Recollection, Signature, Span, Stop, Text,
};

mod imported;
mod past_deploys;

/// How many cycles back a test is still remembered that has not run since.
const CYCLES: i64 = 200;
/// How many deploys that went live are remembered.
const LIVE: u32 = 100;

/// Asks the history. How the last session ended is added by who knows.
///
/// # Errors
/// When the history cannot be read.
pub fn recall(connection: &Connection) -> Result<Recollection, Trouble> {
    let left = left(connection)?;
    let cycle: u32 = connection.query_row("SELECT ifnull(max(cycle), 0) FROM session", [], |row| row.get(0))?;
    let oldest = "SELECT ifnull(min(run.id), 0) FROM run JOIN session ON session.id = run.session
        WHERE run.cycle > ?1 AND session.how IS NOT 'imported'";
    let from = connection.query_row(oldest, [i64::from(cycle) - CYCLES], |row| row.get(0))?;
    let mut memory = Memory { connection, signatures: HashMap::new() };
    let (mut tests, mut failed) = (Vec::new(), None);
    recent::each_test(connection, from, |test| match memory.recalled(test) {
        Ok(recalled) => tests.extend(recalled),
        Err(error) => failed = Some(error),
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let (deploys, revisions) = (deploys(connection)?, revisions(connection, &tests)?);
    let past_deploys = past_deploys::recall(connection, &left.past_deploys)?;
    let live = live(connection)?;
    // Whatever else sessions hand on comes as the newest of them knew it.
    let cycle = cycle.max(left.cycle);
    let mut cycles = left.cycles;
    let missing = imported::cycles(connection, &cycles)?;
    cycles.extend(missing);
    cycles.sort_by_key(|record| record.number);
    Ok(Recollection { cycle, cycles, tests, deploys, past_deploys, unfinished: None, revisions, live, ..left })
}

/// A test as this project's own runs know it: what a file told is to be compared with, and is nobody's latest result.
fn own(mut test: RecentTest) -> RecentTest {
    test.attempts.retain(|attempt| !attempt.imported);
    test
}

/// What the newest session handed on that heard itself what it was left.
pub(super) fn left(connection: &Connection) -> Result<Recollection, Trouble> {
    let sql = "SELECT leaves FROM session WHERE leaves IS NOT NULL ORDER BY started DESC LIMIT 1";
    let text: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    // What another version wrote in words of its own is not worth a refusal.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

struct Memory<'a> {
    connection: &'a Connection,
    signatures: HashMap<i64, Arc<Signature>>,
}

impl Memory<'_> {
    fn recalled(&mut self, test: RecentTest) -> rusqlite::Result<Option<Recalled>> {
        // What a file told of it stands beside what was seen, cycle by cycle.
        let course = self.course(&test)?;
        let test = &own(test);
        let Some(latest) = test.attempts.first() else { return Ok(None) };
        let mut recalled = Recalled {
            node: test.node.as_str().into(),
            outcome: latest.outcome,
            started: latest.started,
            took: latest.took,
            cycle: latest.cycle,
            usual: test.usual(),
            message: None,
            signature: None,
            grounds: test.grounds().to_remember(),
            course,
            grade: latest.grade,
        };
        if latest.outcome.is_failure() {
            // Where it failed because another test did, what it is known again by follows from its own message.
            let sql = "SELECT message, iif(dependent, NULL, cause) FROM attempt WHERE test = ?1 AND run = ?2";
            let (message, cause): (Option<String>, Option<i64>) =
                self.connection.prepare_cached(sql)?.query_row((test.id, latest.run), |row| row.try_into())?;
            recalled.message = message.map(Text::from);
            recalled.signature = cause.map(|cause| self.signature(cause)).transpose()?.flatten();
        }
        Ok(Some(recalled))
    }

    /// How it ended in the newest cycles: the same failure has the same key in every session.
    fn course(&mut self, test: &RecentTest) -> rusqlite::Result<Course> {
        let mut stops = Vec::with_capacity(test.attempts.len());
        for attempt in &test.attempts {
            let cause = attempt.cause.filter(|_| attempt.outcome.is_failure());
            let signature = cause.map(|cause| self.signature(cause)).transpose()?.flatten();
            let why = signature.map_or(CourseWhy::Unknown, |signature| CourseWhy::of_key(&signature.short_key()));
            stops.push(Stop { cycle: attempt.cycle, outcome: attempt.outcome, spoilt: attempt.spoilt, why });
        }
        Ok(Course::of_newest_first(stops.into_iter()))
    }

    fn signature(&mut self, id: i64) -> rusqlite::Result<Option<Arc<Signature>>> {
        if let Some(known) = self.signatures.get(&id) {
            return Ok(Some(known.clone()));
        }
        let found = signature(self.connection, id)?.map(Arc::new);
        if let Some(found) = &found {
            self.signatures.insert(id, found.clone());
        }
        Ok(found)
    }
}

pub(super) fn signature(connection: &Connection, id: i64) -> rusqlite::Result<Option<Signature>> {
    let sql = "SELECT class, title, exception, place, message, wording FROM cause WHERE id = ?1";
    let row = |row: &rusqlite::Row<'_>| {
        let text = |column| row.get::<_, String>(column).map(Text::from);
        let maybe = |column| row.get::<_, Option<String>>(column).map(|text| text.map(Text::from));
        let class = class_of(&row.get::<_, String>(0)?);
        Ok(class.map(|class| -> rusqlite::Result<Signature> {
            let (title, exception, place, message, wording) = (text(1)?, maybe(2)?, maybe(3)?, text(4)?, maybe(5)?);
            Ok(Signature { class, title, exception, place, message, wording })
        }))
    };
    connection.prepare_cached(sql)?.query_row([id], row).optional()?.flatten().transpose()
}

/// The class that people call so.
fn class_of(word: &str) -> Option<CauseClass> {
    let name = word.replace(' ', "_");
    let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = name.as_str().into_deserializer();
    CauseClass::deserialize(name).ok()
}

/// How long the newest live deploy of each service took.
fn deploys(connection: &Connection) -> rusqlite::Result<Vec<(Text, Span)>> {
    let sql = "SELECT service, ended - started, max(started) FROM deploy WHERE how = 'live' GROUP BY service";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?.into(), Span(u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0))))
    })?;
    rows.collect()
}

/// The newest deploys that went live, oldest first: what can be brought back.
fn live(connection: &Connection) -> rusqlite::Result<Vec<LiveOnce>> {
    let sql = "SELECT service, to_revision, who, ended FROM deploy
        WHERE how = 'live' AND to_revision IS NOT NULL AND ended IS NOT NULL ORDER BY ended DESC LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([LIVE], |row| {
        Ok(LiveOnce {
            service: row.get::<_, String>(0)?.into(),
            revision: row.get::<_, String>(1)?.into(),
            by: row.get::<_, String>(2)?.into(),
            at: Moment(u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0)),
        })
    })?;
    let mut live = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    live.reverse();
    Ok(live)
}

/// What served when the remembered attempts were made, by number.
fn revisions(connection: &Connection, tests: &[Recalled]) -> rusqlite::Result<Vec<(u32, Text)>> {
    let on = |ground: &Ground| match ground.on {
        On::Revisions(number) => Some(number),
        On::Cycle(_) => None,
    };
    let numbers: BTreeSet<u32> = tests.iter().flat_map(|test| test.grounds.iter().filter_map(on)).collect();
    let mut words = connection.prepare_cached("SELECT words FROM revisions WHERE id = ?1")?;
    let mut row = |number| Ok((number, words.query_row([number], |row| row.get::<_, String>(0))?.into()));
    numbers.into_iter().map(&mut row).collect()
}
