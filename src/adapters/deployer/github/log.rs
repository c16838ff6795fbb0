//! The log of a job that failed: the end of it that says why, as a person wants to read it.

use crate::adapters::sanitize;
use crate::domain::Text;

/// How many lines of a job's log are told.
const LINES: usize = 30;
/// What the runner writes before the line that ended a step.
const ERROR: &str = "##[error]";

/// The lines that lead to the last error; without one, the last lines. Steps that clean up write after it.
pub(super) fn excerpt(log: &str) -> Vec<Text> {
    let lines: Vec<&str> = log.lines().map(plain).filter(|line| !line.trim().is_empty()).collect();
    let end = lines.iter().rposition(|line| line.starts_with(ERROR)).map_or(lines.len(), |error| error + 1);
    let start = end.saturating_sub(LINES);
    let left_out = (start > 0).then(|| Text::from(format!("… {start} lines before")));
    left_out.into_iter().chain(lines[start..end].iter().map(|line| told(line))).collect()
}

/// A line without the time that the runner puts before it.
fn plain(line: &str) -> &str {
    match line.trim_start_matches('\u{feff}').split_once(' ') {
        Some((time, rest)) if time.len() >= 20 && time.ends_with('Z') && time.as_bytes()[10] == b'T' => rest,
        _ => line,
    }
}

fn told(line: &str) -> Text {
    let line = match line.strip_prefix("##[").and_then(|rest| rest.split_once(']')) {
        Some(("group" | "command", rest)) => format!("> {rest}"),
        Some(("endgroup", _)) => String::new(),
        Some((kind, rest)) => format!("{kind}: {rest}"),
        None => line.to_owned(),
    };
    sanitize::text(&line).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_led_to_the_error_is_told_and_what_came_after_is_not() {
        let log = "\u{feff}2026-02-19T12:00:00.1234567Z ##[group]Run ./deploy.sh\n\
            2026-02-19T12:00:01.0000000Z \u{1b}[36mpushing\u{1b}[0m\n\
            2026-02-19T12:00:02.0000000Z ##[error]Process completed with exit code 1.\n\
            2026-02-19T12:00:03.0000000Z Post job cleanup.\n";
        assert_eq!(
            excerpt(log),
            ["> Run ./deploy.sh", "pushing", "error: Process completed with exit code 1."].map(Text::from)
        );
    }

    #[test]
    fn of_a_long_one_the_end_is_told_and_how_much_is_missing() {
        let log = (0..100).map(|n| format!("line {n}\n")).collect::<String>();
        let told = excerpt(&log);
        assert_eq!((told.len(), &*told[0], &*told[30]), (31, "… 70 lines before", "line 99"));
        assert!(excerpt("").is_empty());
    }
}
