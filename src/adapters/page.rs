//! What a page says to a person: the words of an HTML body, or of its title where it has none, without its tags.
//!
//! A reader of error pages, not of HTML: whatever it does not understand it leaves out, and it never fails.

/// The elements whose content nobody reads.
const UNREAD: [&str; 6] = ["script", "style", "head", "noscript", "svg", "template"];
/// The entities that maintenance pages use; others stay as they are written.
const ENTITIES: [(&str, &str); 13] = [
    ("nbsp", " "),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("rsquo", "’"),
    ("lsquo", "‘"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("mdash", "—"),
    ("ndash", "–"),
    ("hellip", "…"),
    // The last one, so that `&amp;lt;` is read once and not twice.
    ("amp", "&"),
];

/// The words of a page on one line, at most `letters` of them, with a mark where they were cut.
#[must_use]
pub fn words(page: &str, letters: usize) -> String {
    let body = without_tags(page);
    let text = if body.trim().is_empty() { title(page).unwrap_or_default() } else { body };
    bounded(&readable(&text), letters)
}

/// A text on one line, at most `letters` long, with a mark where it was cut.
#[must_use]
pub fn bounded(text: &str, letters: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(letters) {
        None => line,
        Some(_) => {
            let kept: String = line.chars().take(letters.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

fn title(page: &str) -> Option<String> {
    // Only ASCII letters change, so that places in the one are places in the other.
    let lower = page.to_ascii_lowercase();
    let tag = lower.find("<title")?;
    let from = tag + page.get(tag..)?.find('>')? + 1;
    let to = lower.get(from..)?.find("</title").map_or(page.len(), |to| from + to);
    Some(page.get(from..to)?.to_owned())
}

fn without_tags(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let mut text = String::new();
    let mut at = 0;
    while let Some(open) = page[at..].find('<') {
        text.push_str(&page[at..at + open]);
        let tag = at + open;
        let rest = &lower[tag + 1..];
        at = tag
            + if let Some(comment) = rest.strip_prefix("!--") {
                comment.find("-->").map_or(page.len() - tag, |end| end + "<!---->".len())
            } else {
                let name = &rest[..rest.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len())];
                let ends_at = if UNREAD.contains(&name) { rest.find(&format!("</{name}")) } else { Some(0) };
                let tag_end = ends_at.and_then(|from| rest[from..].find('>').map(|to| from + to));
                tag_end.map_or(page.len() - tag, |end| end + "<>".len())
            };
        // Words of neighbouring elements are different words.
        text.push(' ');
    }
    text.push_str(&page[at.min(page.len())..]);
    text
}

fn readable(text: &str) -> String {
    ENTITIES.iter().fold(text.replace("&#39;", "'"), |text, (name, sign)| text.replace(&format!("&{name};"), sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(page: &str, wanted: &str) {
        assert_eq!(words(page, 40), wanted, "{page}");
    }

    #[test]
    fn a_page_is_read_as_a_person_would() {
        check("<html><head><title>503</title></head><body><h1>Back at 14:00</h1></body></html>", "Back at 14:00");
        check("<html><title>503</title><h1>Service Unavailable</h1></html>", "503 Service Unavailable");
        check("<head><title>We&rsquo;ll be back</title></head><body></body>", "We’ll be back");
        check("<style>h1 { color: red }</style><p>Upgrading&nbsp;the database</p>", "Upgrading the database");
        check("<script>if (1 < 2) alert('x')</script>Down for a <b>while</b>", "Down for a while");
        check("<!-- <h1>secret</h1> -->Back soon &amp;lt;3", "Back soon &lt;3");
        check("plain words", "plain words");
        check("one\n\n  two\tthree", "one two three");
        check("A very long text that nobody would want to read", "A very long text that nobody would want…");
    }

    #[test]
    fn what_is_broken_or_hostile_gives_what_it_gives() {
        for page in
            ["<", "<<<<", "<title", "<title>", "<script>for ever", "<!--", "<!-- -", "é<é>é</é", "<STYLE>x</style", "&"]
        {
            let _ = words(page, 3);
        }
        check("<script>for ever", "");
        check("<title>cut", "cut");
    }
}
