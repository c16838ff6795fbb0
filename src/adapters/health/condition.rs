//! Conditions on a JSON answer.

use serde_json::Value;

use super::text_of;

use crate::adapters::sanitize;
use crate::config::probe::{JsonCondition, Wanted};

/// What stands in the way: the first condition that does not hold.
pub(super) fn trouble(conditions: &[JsonCondition], body: &[u8]) -> Option<String> {
    if conditions.is_empty() {
        return None;
    }
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return Some("the answer is no JSON".to_owned());
    };
    conditions.iter().find_map(|condition| unmet(condition, &json)).map(|why| sanitize::text(&why).to_string())
}

fn unmet(condition: &JsonCondition, json: &Value) -> Option<String> {
    let pointer = &condition.pointer;
    let Some(found) = json.pointer(pointer).filter(|value| !value.is_null()) else {
        return Some(format!("nothing at {pointer}"));
    };
    match &condition.wanted {
        Wanted::Something => None,
        Wanted::OneOf(wanted) => {
            let found = text_of(found);
            (!wanted.contains(&found)).then(|| format!("{pointer} is {found}"))
        }
        Wanted::Within { at_least, at_most } => {
            let Some(number) = as_number(found) else {
                return Some(format!("{pointer} is {}, which is no number", text_of(found)));
            };
            let (least, most) = (at_least.filter(|least| number < *least), at_most.filter(|most| number > *most));
            least
                .map(|least| format!("{pointer} is {number}, at least {least} is well"))
                .or_else(|| most.map(|most| format!("{pointer} is {number}, at most {most} is well")))
        }
    }
}

/// A number, or a text that is one: some write their long numbers so.
fn as_number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pointer: &str, wanted: Wanted, found: Option<&str>) {
        let body =
            br#"{"status":"degraded","queue":120,"behind":"9007199254740993","share":0.4,"nan":"NaN","gone":null}"#;
        let condition = JsonCondition { pointer: pointer.into(), wanted };
        assert_eq!(trouble(&[condition], body).as_deref(), found);
    }

    fn one_of(words: &[&str]) -> Wanted {
        Wanted::OneOf(words.iter().map(|&word| word.to_owned()).collect())
    }

    fn within(at_least: Option<f64>, at_most: Option<f64>) -> Wanted {
        Wanted::Within { at_least, at_most }
    }

    #[test]
    fn a_value_has_to_be_one_of_a_few() {
        check("/status", one_of(&["ok", "degraded"]), None);
        check("/status", one_of(&["ok"]), Some("/status is degraded"));
        check("/queue", one_of(&["120"]), None);
        check("/gone", Wanted::Something, Some("nothing at /gone"));
        check("/share", Wanted::Something, None);
    }

    #[test]
    fn a_number_has_to_be_within_its_bounds_which_belong_to_it() {
        check("/queue", within(None, Some(120.0)), None);
        check("/queue", within(Some(120.0), None), None);
        check("/queue", within(None, Some(100.0)), Some("/queue is 120, at most 100 is well"));
        check("/share", within(Some(0.5), Some(1.0)), Some("/share is 0.4, at least 0.5 is well"));
        check("/behind", within(None, Some(1e18)), None);
        check("/status", within(None, Some(1.0)), Some("/status is degraded, which is no number"));
        check("/nan", within(None, Some(1.0)), Some("/nan is NaN, which is no number"));
    }

    #[test]
    fn of_several_the_first_that_does_not_hold_is_said() {
        let conditions = [("/a", Wanted::Something), ("/b", one_of(&["1"])), ("/c", Wanted::Something)];
        let conditions = conditions.map(|(pointer, wanted)| JsonCondition { pointer: pointer.into(), wanted });
        assert_eq!(trouble(&conditions, br#"{"a":1,"b":2}"#).as_deref(), Some("/b is 2"));
        assert_eq!(trouble(&conditions, b"<html>").as_deref(), Some("the answer is no JSON"));
        assert_eq!(trouble(&[], b"<html>"), None);
    }
}
