//! What a deploy command prints, read as phases: the step protocol's JSON lines, and the words of plain scripts.

use serde::Deserialize;

use crate::adapters::sanitize;
use crate::domain::{StepState, Text};

/// What a line of a deploy's output says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A phase began or ended; the line itself is for machines.
    Step(Text, StepState),
    /// The revision that the command puts in place; the line itself is for machines.
    Target(Text),
    /// A line for people from which it follows that a phase began.
    LineOfStep(Text),
    /// A line for people.
    Line,
}

/// A line of the step protocol: `{"loop":"phase","name":"build","state":"start|ok|fail"}` or
/// `{"loop":"target","version":"…"}`.
#[derive(Deserialize)]
#[serde(tag = "loop", rename_all = "lowercase")]
enum Told {
    Phase { name: String, state: State },
    Target { version: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Start,
    Ok,
    Fail,
}

/// Words by which plain deploy scripts say that a phase begins, with the phase. The first match counts, so the later
/// phases of a deploy stand first: "starting the build" is a build, but "is ready" never is.
const WORDS: [(&str, &str); 16] = [
    ("serving 100 percent", "route"),
    ("is ready", "route"),
    ("routing traffic", "route"),
    ("shifting traffic", "route"),
    ("building", "build"),
    ("build started", "build"),
    ("compiling", "build"),
    ("pushing", "push"),
    ("uploading", "push"),
    ("pushed", "push"),
    ("creating revision", "start"),
    ("starting", "start"),
    ("rolling out", "start"),
    ("waiting for rollout", "start"),
    ("recreating", "start"),
    ("migrating", "migrate"),
];

/// Reads a deploy's output line by line. A command that speaks the step protocol says itself where its phases begin; from
/// then on nothing is guessed from its other words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reader {
    speaks: bool,
}

impl Reader {
    /// Reads a line of output that has passed the sanitizer.
    pub fn read(&mut self, line: &str) -> Said {
        match read(line) {
            said @ (Said::Step(..) | Said::Target(_)) => {
                self.speaks |= matches!(said, Said::Step(..));
                said
            }
            Said::LineOfStep(_) if self.speaks => Said::Line,
            said => said,
        }
    }
}

fn read(line: &str) -> Said {
    let trimmed = line.trim();
    if trimmed.starts_with('{')
        && let Ok(told) = serde_json::from_str::<Told>(trimmed)
    {
        return match told {
            Told::Phase { name, state } => Said::Step(
                sanitize::text(&name).into(),
                match state {
                    State::Start => StepState::Running,
                    State::Ok => StepState::Done,
                    State::Fail => StepState::Failed,
                },
            ),
            Told::Target { version } => Said::Target(sanitize::text(&version).into()),
        };
    }
    let lower = trimmed.to_ascii_lowercase();
    match WORDS.iter().find(|(words, _)| lower.contains(words)) {
        Some((_, phase)) if trimmed.len() < 200 => Said::LineOfStep((*phase).into()),
        _ => Said::Line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, wanted: &str) {
        let said = match read(line) {
            Said::Step(name, state) => format!("step {name} {state:?}"),
            Said::Target(revision) => format!("target {revision}"),
            Said::LineOfStep(name) => format!("line of {name}"),
            Said::Line => "line".to_owned(),
        };
        assert_eq!(said, wanted, "{line}");
    }

    #[test]
    fn a_command_that_names_its_phases_is_not_second_guessed() {
        let mut reader = Reader::default();
        let building = Said::LineOfStep("build".into());
        assert_eq!(reader.read("building the image"), building);
        assert_eq!(reader.read(r#"{"loop":"target","version":"b2"}"#), Said::Target("b2".into()));
        assert_eq!(reader.read("building the image"), building, "a revision is no phase");
        let roll = r#"{"loop":"phase","name":"roll","state":"start"}"#;
        assert_eq!(reader.read(roll), Said::Step("roll".into(), StepState::Running));
        assert_eq!(reader.read("starting backend-00002"), Said::Line);
    }

    #[test]
    fn the_step_protocol_and_plain_words() {
        check(r#"{"loop":"phase","name":"build","state":"start"}"#, "step build Running");
        check(r#"{"loop":"phase","name":"build","state":"fail","detail":"x"}"#, "step build Failed");
        check(r#"{"loop":"target","version":"backend-00002"}"#, "target backend-00002");
        check(r#"{"loop":"phase","name":"build"}"#, "line");
        check("==> deploying backend (serving backend-00001-lab)", "line");
        check("    NOTICE  building image for backend-00002-lab", "line of build");
        check("    NOTICE  starting backend-00002-lab", "line of start");
        check("    NOTICE  backend-00002-lab is ready, serving 100 percent of traffic", "line of route");
        check(r#"{"message":"building"}"#, "line of build");
    }
}
