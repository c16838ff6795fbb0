//! What passes are worth, as headless runs print it: never one number alone where it was measured.

use serde_json::{Value, json};

use crate::domain::{Grade, State, TestCase, Worth, Worths};

/// Adds to a test's line what its attempt touched, and whether its pass proves anything.
pub fn add_evidence(line: &mut Value, test: &TestCase) {
    if let Some(evidence) = test.latest.as_ref().and_then(|latest| latest.evidence.as_deref()) {
        line["grade"] = json!(evidence.grade);
        line["evidence"] = json!({
            "hosts": evidence.hosts.iter().map(|host| &**host).collect::<Vec<_>>(),
            "sent": evidence.sent,
            "received": evidence.received,
        });
    }
    let Some(worth) = test.worth() else { return };
    if let Some(vacuous) = &test.vacuous {
        line["vacuous_by"] = json!(vacuous.kind);
    }
    for (key, holds) in [
        ("no_evidence", worth.grade == Some(Grade::None)),
        ("vacuous", worth.vacuous),
        ("suspiciously_quick", test.is_suspiciously_quick()),
    ] {
        if holds {
            line[key] = json!(true);
        }
    }
}

/// Adds to a summary what the passes of the session's runs are worth.
pub fn add_worths(summary: &mut Value, state: &State) {
    let worths = of_runs(state, TestCase::worth);
    summary["no_evidence"] = json!(worths.of(Grade::None));
    summary["vacuous"] = json!(worths.vacuous());
    if worths.measured() > 0 {
        summary["grades"] = Grade::ALL.iter().map(|grade| (grade.word(), json!(worths.of(*grade)))).collect();
    }
}

/// The passes that this session's runs brought, as people are shown them: that nothing was touched is told where
/// something could be, or was.
#[must_use]
pub fn shown_of_runs(state: &State) -> Worths {
    let worths = of_runs(state, TestCase::worth);
    if worths.measured() > worths.of(Grade::None) { worths } else { of_runs(state, TestCase::shown_worth) }
}

/// The passes that this session's runs brought; those of earlier sessions are not its own.
fn of_runs(state: &State, worth: fn(&TestCase) -> Option<Worth>) -> Worths {
    let tests = state.inventory.tests().map(|(_, test)| test).filter(|test| !test.gone);
    let own = tests.filter(|test| test.latest.as_ref().is_some_and(|latest| latest.run.is_some()));
    let mut worths = Worths::default();
    own.filter_map(worth).for_each(|worth| worths.add(worth));
    worths
}

/// ` (52 websocket, 98 http, 3 without evidence, 2 vacuous)`; nothing where nothing is known.
#[must_use]
pub fn in_words(worths: &Worths) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut part = |count: u32, word: &str| {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    };
    if worths.measured() > 0 {
        for grade in [Grade::Websocket, Grade::Http, Grade::Network] {
            part(worths.of(grade), grade.word());
        }
        part(worths.of(Grade::None), "without evidence");
        part(worths.unmeasured(), "not measured");
    }
    part(worths.vacuous(), "vacuous");
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worths(passes: &[(Option<Grade>, bool)]) -> Worths {
        let mut worths = Worths::default();
        passes.iter().for_each(|&(grade, vacuous)| worths.add(Worth { grade, vacuous }));
        worths
    }

    #[test]
    fn passes_are_never_one_number_alone_where_they_are_measured() {
        let measured = [(Some(Grade::Websocket), false), (Some(Grade::Http), false), (Some(Grade::None), true)];
        assert_eq!(in_words(&worths(&measured)), " (1 websocket, 1 http, 1 without evidence, 1 vacuous)");
        assert_eq!(in_words(&worths(&[(None, true)])), " (1 vacuous)");
        assert_eq!(in_words(&worths(&[(None, false)])), "");
    }
}
