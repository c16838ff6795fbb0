//! Long output made short, with a word about what was left out.

use crate::domain::plain;

/// The longest line that is told.
const COLUMNS: usize = 400;

/// At most `head` lines of the beginning and `tail` of the end; the middle is counted.
pub(super) fn excerpt(text: &str, head: usize, tail: usize) -> String {
    let text = plain(text);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let left_out = lines.len().saturating_sub(head + tail);
    let mut told = String::new();
    for (n, line) in lines.iter().enumerate() {
        if left_out > 0 && n == head {
            told.push_str(&format!("… {left_out} lines left out …\n"));
        }
        if left_out == 0 || n < head || n >= head + left_out {
            told.push_str(&cut(line, COLUMNS));
            told.push('\n');
        }
    }
    told
}

/// At most so many characters of a text, with a mark where it goes on.
pub(super) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}… ({} more bytes)", &text[..end], text.len() - end),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted() {
        assert_eq!(excerpt("1\n2\n3\n4\n5\n", 1, 2), "1\n… 2 lines left out …\n4\n5\n");
        assert_eq!(excerpt("1\n2\n3\n", 1, 2), "1\n2\n3\n");
        assert_eq!(excerpt("", 1, 2), "");
        assert_eq!(cut("äöü", 2), "äö… (2 more bytes)");
    }
}
