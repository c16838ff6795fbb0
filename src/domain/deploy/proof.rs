//! The ladder of proof: which rung a deploy has reached, what the next one waits for, and when an answer counts.
//!
//! What counts is the revision that the deploy itself named. Where it named none, any other than before counts; and
//! where nobody can hold the two names against each other, neither does this.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Deploy, DeployFact, DeployPhase};
use crate::domain::platform::{PlatformVerdict, Rung};
use crate::domain::project::SurfaceSpec;
use crate::domain::run::Exit;
use crate::domain::{Moment, StreamId, Text, revision};

/// One more place where the new revision has to be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Surface {
    /// Its name for people: the address, or `stream agents`.
    pub name: Text,
    /// The stream that it is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamId>,
    /// The revision that it showed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw: Option<Text>,
    /// How often in a row it showed that one.
    #[serde(default)]
    pub streak: u32,
    /// Why it shows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Text>,
}

impl Surface {
    /// A surface with what it has said already.
    pub(in crate::domain) fn new(spec: &SurfaceSpec, said: Option<&Text>) -> Self {
        let (name, stream) = match spec {
            SurfaceSpec::Url(url) => (url.clone(), None),
            SurfaceSpec::Stream { stream, name } => (format!("stream {name}").into(), Some(*stream)),
        };
        Self { name, stream, saw: said.cloned(), streak: u32::from(said.is_some()), trouble: None }
    }

    fn see(&mut self, saw: Option<&Text>, trouble: Option<&Text>) {
        self.streak = match saw {
            Some(saw) if self.saw.as_ref() == Some(saw) => self.streak.saturating_add(1),
            Some(_) => 1,
            None => 0,
        };
        self.saw = saw.cloned();
        self.trouble = trouble.cloned();
    }
}

/// What the next rung of a deploy waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Which rung is next.
    pub rung: Rung,
    /// What it waits for, in words.
    pub what: String,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rung.title(), self.what)
    }
}

impl Deploy {
    /// How far up the ladder of proof it came.
    #[must_use]
    pub fn rung(&self) -> Rung {
        if self.is_seen() && !self.surfaces.is_empty() && self.unproved().next().is_none() {
            Rung::EverySurface
        } else if self.is_seen() {
            Rung::DataPlane
        } else if self.platform.as_ref().is_some_and(|said| said.verdict == PlatformVerdict::Routed) {
            Rung::ControlPlane
        } else if self.exit == Some(Exit::Code(0)) {
            Rung::Accepted
        } else {
            Rung::None
        }
    }

    /// The rungs that it has to climb, lowest first; it is live on the last one.
    pub fn rungs(&self) -> impl Iterator<Item = Rung> + '_ {
        let climbs = |rung: &Rung| match rung {
            Rung::None => false,
            Rung::Accepted => true,
            Rung::ControlPlane => self.has_platform,
            Rung::DataPlane => self.has_revision || !self.has_platform,
            Rung::EverySurface => !self.surfaces.is_empty(),
        };
        Rung::ALL.into_iter().filter(|rung| *rung <= self.goal).filter(climbs)
    }

    /// What the next rung waits for; nothing once the deploy is over.
    #[must_use]
    pub fn awaits(&self) -> Option<Awaited> {
        if self.phase.is_over() {
            return None;
        }
        let reached = self.rung();
        let rung = self.rungs().find(|rung| *rung > reached)?;
        let what = match rung {
            Rung::None | Rung::Accepted => match &self.platform {
                Some(said) => format!("the command runs; {}", said.verdict),
                None => "the command runs".to_owned(),
            },
            Rung::ControlPlane => match &self.platform {
                Some(said) => said.verdict.to_string(),
                None => "the platform is asked how it goes".to_owned(),
            },
            Rung::DataPlane => self.tell_answers(),
            Rung::EverySurface => self.tell_surfaces(),
        };
        Some(Awaited { rung, what })
    }

    /// Whether fresh connections showed the new revision as often in a row as is asked for.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.streak > 0 && self.streak >= self.needed
    }

    /// The surfaces that do not show it yet.
    pub fn unproved(&self) -> impl Iterator<Item = &Surface> {
        self.surfaces.iter().filter(|surface| {
            let needed = if surface.stream.is_some() { 1 } else { self.needed };
            surface.streak < needed || !self.is_shown_by(surface)
        })
    }

    fn is_shown_by(&self, surface: &Surface) -> bool {
        let same = |to: &Text, saw: &Text| revision::is_same(to, saw);
        surface.saw.as_ref().is_some_and(|saw| self.to.as_ref().map_or_else(|| self.counts(saw), |to| same(to, saw)))
    }

    /// Whether that is the revision which this deploy puts in place.
    #[must_use]
    pub fn counts(&self, saw: &str) -> bool {
        match self.back_to.as_ref().or(self.expected.as_ref()) {
            Some(named) if revision::is_same(named, saw) => true,
            Some(named) if revision::is_comparable(named, saw) => false,
            _ => self.from.as_deref() != Some(saw),
        }
    }

    /// One probe on the service's own URL, on a fresh connection.
    pub(super) fn prove(&mut self, saw: Option<&Text>, at: Moment) -> DeployFact {
        self.answers.push(saw.cloned());
        while self.answers.len() > self.needed.clamp(1, LONGEST) as usize {
            self.answers.remove(0);
        }
        match saw.filter(|saw| self.counts(saw)) {
            Some(saw) => {
                self.streak = if self.streak > 0 && self.to.as_ref() == Some(saw) { self.streak + 1 } else { 1 };
                self.to = Some(saw.clone());
            }
            None => self.streak = 0,
        }
        self.settle(at)
    }

    /// Another surface was asked, or told of itself.
    pub(super) fn hear(&mut self, name: &str, saw: Option<&Text>, trouble: Option<&Text>, at: Moment) -> DeployFact {
        if let Some(surface) = self.surfaces.iter_mut().find(|surface| *surface.name == *name) {
            surface.see(saw, trouble);
        }
        self.settle(at)
    }

    /// A stream told of itself. Gives back whether anything follows for others.
    pub(super) fn hear_stream(
        &mut self,
        stream: StreamId,
        saw: Option<&Text>,
        trouble: Option<&Text>,
        at: Moment,
    ) -> DeployFact {
        match self.surfaces.iter_mut().find(|surface| surface.stream == Some(stream)) {
            Some(surface) => surface.see(saw, trouble),
            None => return DeployFact::Nothing,
        }
        self.settle(at)
    }

    /// Whether the proof has come to an end.
    fn settle(&mut self, at: Moment) -> DeployFact {
        let is_proved = self.is_seen() && (self.goal < Rung::EverySurface || self.unproved().next().is_none());
        if self.phase != DeployPhase::Proving {
            return DeployFact::Nothing;
        }
        if is_proved {
            return self.close(DeployPhase::Live, at);
        }
        match self.overtaken_by() {
            Some(by) => self.close(DeployPhase::Superseded(PlatformVerdict::Superseded { by }.to_string().into()), at),
            None => DeployFact::Nothing,
        }
    }

    /// A third revision that answers steadily, neither the one before nor ours. Where it is not known what served
    /// before, this may still be that one.
    fn overtaken_by(&self) -> Option<Text> {
        let from = self.from.as_ref()?;
        let other = self.steady().filter(|saw| *saw != from && !self.counts(saw))?;
        Some(other.clone())
    }

    /// What all of the last answers show, once there are enough of them.
    fn steady(&self) -> Option<&Text> {
        let first = self.answers.first()?.as_ref()?;
        let is_enough = self.answers.len() >= self.needed.clamp(1, LONGEST) as usize;
        (is_enough && self.answers.iter().all(|saw| saw.as_ref() == Some(first))).then_some(first)
    }

    /// What is said where the time for the proof is over; `seen` is what who asked says of the last answer.
    pub(super) fn conclude(&self, seen: &Text) -> Text {
        let ours = self.wanted();
        let hits = self.answers.iter().flatten().filter(|saw| self.counts(saw)).count();
        let other = self.answers.iter().rev().flatten().find(|saw| !self.counts(saw));
        let text = match (self.steady(), other) {
            _ if self.is_seen() => format!("{}: {}", Rung::EverySurface.title(), self.tell_surfaces()),
            (Some(steady), _) if self.from.as_ref() == Some(steady) && !self.counts(steady) => {
                format!("nothing changed: {steady} still serves")
            }
            (Some(steady), _) if !self.counts(steady) => format!("{steady} serves, not {ours}"),
            (_, Some(other)) if hits > 0 => {
                format!("the traffic is split: {hits} of {} answers show {ours}, others {other}", self.answers.len())
            }
            _ => return seen.clone(),
        };
        text.into()
    }

    /// The revision that is looked for, in words.
    fn wanted(&self) -> &str {
        let named = self.back_to.as_ref().or(self.expected.as_ref());
        self.to.as_ref().filter(|to| self.counts(to)).or(named).map_or("a new revision", |name| name)
    }

    fn tell_answers(&self) -> String {
        let (streak, needed, wanted) = (self.streak, self.needed, self.wanted());
        let hits = self.answers.iter().flatten().filter(|saw| self.counts(saw)).count();
        let told = format!("{} of {needed} answers show {wanted}", if streak > 0 { streak as usize } else { hits });
        match self.answers.last() {
            None => format!("{told}; none came yet"),
            Some(None) => format!("{told}; the last one names no revision"),
            Some(Some(saw)) if self.counts(saw) => told,
            Some(Some(saw)) if self.from.as_ref() == Some(saw) => format!("{told}; {saw} still answers"),
            Some(Some(saw)) => format!("{told}; {saw} answers"),
        }
    }

    fn tell_surfaces(&self) -> String {
        let Some(first) = self.unproved().next() else { return "all show it".to_owned() };
        let (name, wanted) = (&first.name, self.wanted());
        let told = match (&first.saw, &first.trouble) {
            (Some(_), _) if self.is_shown_by(first) => {
                format!("{name} shows {wanted} {} of {} times", first.streak, self.needed)
            }
            (Some(saw), _) if self.from.as_ref() == Some(saw) => format!("{name} still says {saw}"),
            (Some(saw), _) => format!("{name} says {saw}, not {wanted}"),
            (None, Some(trouble)) => format!("{name}: {trouble}"),
            (None, None) => format!("{name} has not said yet which revision it is"),
        };
        match self.unproved().count() - 1 {
            0 => told,
            more => format!("{told}, and {more} more"),
        }
    }
}

/// How many of the last answers are kept at most, however long the streak has to be.
const LONGEST: u32 = 100;
