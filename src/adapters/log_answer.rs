//! The answer of an HTTP source of logs: its lines, and the place from which to ask the next time.
//!
//! A list of objects or strings (wherever in the answer it stands), JSON lines, or plain lines. Each object becomes the
//! line that a service would have written, so that all lines are read in one way.

use serde_json::Value;

/// What an answer holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogAnswer {
    /// Its lines, in order, as they came.
    pub lines: Vec<String>,
    /// The place of the last line that has one.
    pub cursor: Option<String>,
}

/// Reads an answer. `list` is where its entries stand, `cursor` where in an entry its place stands (RFC 6901 both).
#[must_use]
pub fn read(body: &str, list: &str, cursor: &str) -> LogAnswer {
    let place = |entry: &Value| {
        let found = entry.pointer(cursor)?;
        match found {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    };
    let mut answer = LogAnswer::default();
    let mut take = |entry: &Value| {
        answer.cursor = place(entry).or(answer.cursor.take());
        answer.lines.push(entry.as_str().map_or_else(|| entry.to_string(), str::to_owned));
    };
    match serde_json::from_str::<Value>(body) {
        Ok(whole) => match whole.pointer(list) {
            Some(Value::Array(entries)) => entries.iter().for_each(take),
            Some(Value::Null) | None => {}
            Some(entry) => take(entry),
        },
        Err(_) => {
            for line in body.lines().filter(|line| !line.trim().is_empty()) {
                match serde_json::from_str::<Value>(line) {
                    Ok(entry) => take(&entry),
                    Err(_) => take(&Value::String(line.to_owned())),
                }
            }
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, list: &str, lines: &[&str], cursor: Option<&str>) {
        let answer = read(body, list, "/n");
        assert_eq!((answer.lines.iter().map(String::as_str).collect::<Vec<_>>(), answer.cursor.as_deref()), {
            (lines.to_vec(), cursor)
        });
    }

    #[test]
    fn lists_lines_and_what_is_neither() {
        check(r#"[{"n":1},{"n":"2"}]"#, "", &[r#"{"n":1}"#, r#"{"n":"2"}"#], Some("2"));
        check(r#"{"entries":[{"n":1}]}"#, "/entries", &[r#"{"n":1}"#], Some("1"));
        check(r#"{"entries":[]}"#, "/entries", &[], None);
        check("{}", "/entries", &[], None);
        check("{\"n\":1}\n{\"n\":2}\n\nplain\n", "", &[r#"{"n":1}"#, r#"{"n":2}"#, "plain"], Some("2"));
        check(r#"["a","b"]"#, "", &["a", "b"], None);
        check("", "", &[], None);
    }
}
