//! Text without its colours. What passed the door holds no other sequences than those.

use std::borrow::Cow;

/// The words alone, for places that have colours of their own or none: news, logs, reports, what failures are compared by.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return Cow::Borrowed(text);
    }
    let uncoloured = |part| Some(str::strip_prefix(part, "[")?.split_once('m')?.1);
    Cow::Owned(parts.fold(first.to_owned(), |all, part| all + uncoloured(part).unwrap_or(part)))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn colours_go_and_words_stay() {
        assert_eq!(plain("as it is"), "as it is");
        assert_eq!(plain("two \u{1b}[31mred\u{1b}[0m words"), "two red words");
        assert_eq!(plain("cut short \u{1b}[3"), "cut short [3");
    }
}
