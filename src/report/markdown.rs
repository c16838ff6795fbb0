//! Text from outside inside Markdown: whatever it says, it stays text.

use crate::domain::plain;

/// Text in a paragraph, a list or a heading, on one line.
#[must_use]
pub fn inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for (n, c) in plain(text).chars().enumerate() {
        match c {
            '\n' | '\r' | '\t' => escaped.push(' '),
            // A dollar begins a formula for some, an ampersand a letter by name.
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '$' | '&' => escaped.extend(['\\', c]),
            // At the beginning of a line these make headings and lists.
            '#' | '+' | '-' if n == 0 => escaped.extend(['\\', c]),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text as code inside a line.
#[must_use]
pub fn code(text: &str) -> String {
    let text: String = plain(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let fence = "`".repeat(longest_run(&text) + 1);
    // A space parts the fence from what begins or ends with its mark; Markdown takes one away on both sides.
    let apart = text.starts_with('`') || text.ends_with('`') || text.trim().is_empty();
    let space = if apart { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Lines as a block of code, behind a fence that they cannot close.
#[must_use]
pub fn block(language: &str, text: &str) -> String {
    let text = plain(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    let shown: String = text.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect();
    format!("{fence}{language}\n{}\n{fence}\n", shown.trim_end_matches('\n'))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(inline("# a *b* [c](d) <e> f_g"), r"\# a \*b\* \[c\](d) \<e\> f\_g");
        assert_eq!(inline("$1K & $2K &lt;"), r"\$1K \& \$2K \&lt;");
        assert_eq!(inline("two\nlines \u{1b}[31mred\u{1b}[0m"), "two lines red");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(block("text", "x\n```\ny\u{1b}[31m!\n"), "````text\nx\n```\ny!\n````\n");
    }
}
