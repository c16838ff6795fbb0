//! Known failures by hand: what the mute key means here and now, and the block that shares a mute with the team.

use super::acting::{drives, looked_at};
use super::overlay::mute::MuteForm;
use super::update::{About, Wish};
use super::view::{Choice, Chosen, Overlay, ViewState};
use crate::config::date::last_day;
use crate::domain::{CauseId, Command, KnownId, KnownSpec, State, TestId, Tone};

/// Asks for the reason of a mute, or offers to end one.
pub(super) fn mute(view: &mut ViewState, about: &About) -> Vec<Wish> {
    if !drives(view, about) {
        return Vec::new();
    }
    let offer = match (looked_at(about.state, view), view.subject(about)) {
        (Some(id), _) => of_cause(about.state, id),
        (None, Some(id)) => of_test(about.state, id),
        (None, None) => Err("choose a failed test or a cause to mute"),
    };
    match offer {
        Ok(overlay) => view.overlay = Some(overlay),
        Err(why) => view.note(Tone::Warning, why, about.now),
    }
    Vec::new()
}

fn of_cause(state: &State, id: CauseId) -> Result<Overlay, &'static str> {
    let cause = state.causes.get(id).filter(|cause| cause.end.is_none()).ok_or("no test fails for this any more")?;
    if let Some(known) = known_of_cause(state, id) {
        return Ok(end_of(state, known));
    }
    let spec = KnownSpec::of_signature(cause.key.clone());
    Ok(Overlay::Mute(Box::new(MuteForm::new(cause.title().to_string(), cause.count(), spec))))
}

fn of_test(state: &State, id: TestId) -> Result<Overlay, &'static str> {
    let test = state.inventory.test(id).ok_or("this test is not known here")?;
    if let Some(known) = test.known {
        return Ok(end_of(state, known));
    }
    let cause = state
        .causes
        .of(id)
        .and_then(|id| state.causes.get(id))
        .ok_or("it does not fail: only a failure can be muted")?;
    let tests = vec![(*test.node).into()];
    let spec = KnownSpec { tests, ..KnownSpec::of_signature(cause.key.clone()) };
    Ok(Overlay::Mute(Box::new(MuteForm::new(test.name.to_string(), 1, spec))))
}

/// The known failure that excuses a whole cause.
fn known_of_cause(state: &State, id: CauseId) -> Option<KnownId> {
    let cause = state.causes.get(id).filter(|cause| state.is_muted(cause))?;
    cause.members().find_map(|test| state.inventory.test(test)?.known)
}

fn end_of(state: &State, known: KnownId) -> Overlay {
    let mut rows = vec![("un-mute it: it counts again".to_owned(), Chosen::Command(Command::Unmute(known)))];
    rows.extend(copy_block(state, known));
    Overlay::Choice(Choice { title: format!("known: {}", state.known_title(known)), rows, chosen: 0 })
}

/// What can be copied of the mute of a test or cause, where there is one.
pub(super) fn copies(state: &State, cause: Option<CauseId>, test: Option<TestId>) -> Vec<(String, Chosen)> {
    let known = match (cause, test) {
        (Some(cause), _) => known_of_cause(state, cause),
        (None, Some(test)) => state.inventory.test(test).and_then(|test| test.known),
        (None, None) => None,
    };
    let cause = cause.or_else(|| state.causes.of(test?)).and_then(|id| state.causes.get(id));
    let key = cause
        .map(|cause| (format!("the signature {}", cause.key), Chosen::Copy("the signature", cause.key.to_string())));
    known.and_then(|known| copy_block(state, known)).into_iter().chain(key).collect()
}

fn copy_block(state: &State, known: KnownId) -> Option<(String, Chosen)> {
    let spec = &state.known.get(known)?.spec;
    Some(("its [[known]] block for liveloop.toml".to_owned(), Chosen::Copy("the [[known]] block", block(spec))))
}

/// A known failure as the project's file has it, to be shared with the team.
#[must_use]
pub(super) fn block(spec: &KnownSpec) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut block = String::from("[[known]]\n");
    let mut line = |key: &str, value: String| block.push_str(&format!("{key} = {value}\n"));
    if !spec.tests.is_empty() {
        let tests: Vec<String> =
            spec.tests.iter().map(|pattern| literal(&pattern.0)).map(|text| quoted(&text)).collect();
        line("tests", format!("[{}]", tests.join(", ")));
    }
    let texts = [
        ("signature", spec.signature.as_deref().map(str::to_owned)),
        ("message", spec.message.as_ref().map(|pattern| literal(&pattern.0))),
        ("reason", Some(literal(&spec.reason))),
        ("owner", spec.owner.as_deref().map(literal)),
        ("issue", spec.issue.as_deref().map(literal)),
        ("expires", spec.expires.map(last_day)),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            line(key, quoted(&text));
        }
    }
    block
}

/// In the project's file, `${` begins a variable.
fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Moment;

    #[test]
    fn a_mute_is_copied_as_the_projects_file_has_it() {
        let spec = KnownSpec {
            tests: vec!["t.py::test_a[1]".into()],
            reason: "says \"no\" to ${x}".into(),
            issue: Some("https://issues/7".into()),
            expires: Some(Moment(1_798_761_600_000_000)),
            ..KnownSpec::of_signature("assertion:3f9a12c0".into())
        };
        assert_eq!(
            block(&spec),
            "[[known]]\ntests = [\"t.py::test_a[1]\"]\nsignature = \"assertion:3f9a12c0\"\nreason = 'says \"no\" to $${x}'\n\
             issue = \"https://issues/7\"\nexpires = \"2026-12-31\"\n"
        );
    }
}
