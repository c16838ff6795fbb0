//! Notes: what people wrote on a cause or a test. A chain of whys is a kind of note; its last answer is the root cause.
//!
//! A note is tied to what stays the same between sessions: a test's full name, or what the failures of a cause have in
//! common. Writing replaces: a note has one text, the newest, and counts its versions.

use serde::{Deserialize, Serialize};

use super::{Moment, Signature, Text};

/// How long a note can be, in bytes.
pub const NOTE_LIMIT: usize = 8_000;
/// How much longer it may become by being numbered, before it is cut.
const SLACK: usize = 1_000;
/// How many lines of a note are kept.
const LINES_KEPT: usize = 200;
/// How many steps a chain can have.
const STEPS_KEPT: usize = 20;
/// How many notes are kept; beyond that the one that was written longest ago goes.
const NOTES_KEPT: usize = 1_000;
/// What stands for something that is yet to be written.
const BLANK: char = '…';

/// What a note is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteAbout {
    /// A cause, by what its failures have in common: [`Signature::key`].
    Cause(Text),
    /// A test, by its full name.
    Test(Text),
}

impl NoteAbout {
    /// A cause that has this signature.
    #[must_use]
    pub fn cause(signature: &Signature) -> Self {
        Self::Cause(signature.key().into())
    }
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Why {
    /// What was asked, without the word "why"; may be empty, as the answer before asks it.
    pub why: Text,
    /// What was found, without the word "because".
    pub because: Text,
}

/// What was written: prose, a chain of whys, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NoteText {
    /// The lines that belong to no chain.
    pub prose: Vec<Text>,
    /// The chain; the last step's answer is the root cause.
    pub chain: Vec<Why>,
}

impl NoteText {
    /// Reads what somebody wrote, and forgives a lot. Lines that begin with `why` and `because`, numbered or not, are a
    /// chain as soon as there is one of each; a line right below one of them continues it. What was left blank is left
    /// out. Everything else is prose. Where there is too much of something, a last line says how much is missing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let whole = text;
        let text = beginning(text, NOTE_LIMIT + SLACK);
        let lines: Vec<&str> = text.lines().take(LINES_KEPT).collect();
        let mut note = Self::of_lines(&lines);
        let missing = [
            (whole.len() - text.len(), "bytes"),
            (text.lines().count() - lines.len(), "lines"),
            (note.chain.len().saturating_sub(STEPS_KEPT), "steps"),
        ];
        note.chain.truncate(STEPS_KEPT);
        let missing = missing.into_iter().filter(|(count, _)| *count > 0);
        note.prose.extend(missing.map(|(count, what)| format!("… {count} more {what} had no room").into()));
        note
    }

    fn of_lines(lines: &[&str]) -> Self {
        let said: Vec<Said> = lines.iter().map(|line| Said::of(line)).collect();
        let is_chain = said.iter().any(|said| matches!(said, Said::Why { .. }))
            && said.iter().any(|said| matches!(said, Said::Because(_)));
        let numbered = said.iter().any(|said| matches!(said, Said::Why { numbered: true, .. }));
        if !is_chain && !numbered {
            return Self { prose: trimmed(lines.iter().map(|line| line.trim_end())), chain: Vec::new() };
        }
        let mut reader = Reader::default();
        said.into_iter().for_each(|said| reader.take(said));
        reader.finish()
    }

    /// The text as it is shown, edited and handed over; reading it again gives the same note.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.prose.iter().map(|line| line.to_string()).collect();
        if !lines.is_empty() && !self.chain.is_empty() {
            lines.push(String::new());
        }
        for (n, step) in self.chain.iter().enumerate() {
            let number = n + 1;
            let question = if step.why.is_empty() { "?".to_owned() } else { format!(" {}", step.why) };
            lines.push(format!("{number}. why{question}"));
            let indent = " ".repeat(number.to_string().len() + 2);
            let answer = if step.because.is_empty() { BLANK.to_string() } else { step.because.to_string() };
            lines.push(format!("{indent}because {answer}"));
        }
        lines
    }

    /// The last answer of the chain: what all the rest follows from.
    #[must_use]
    pub fn root_cause(&self) -> Option<&Text> {
        self.chain.last().map(|step| &step.because).filter(|because| !because.is_empty())
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prose.is_empty() && self.chain.is_empty()
    }

    /// What a new note begins with: a free line, and an empty chain below it that costs nothing where it stays empty.
    #[must_use]
    pub fn template() -> String {
        let steps = (1..=5).map(|n| format!("{n}. why {BLANK}?\n   because {BLANK}\n"));
        format!("\n\n{}", steps.collect::<String>())
    }
}

/// What a line of a chain says.
enum Said<'a> {
    Why { text: &'a str, numbered: bool },
    Because(&'a str),
    More(&'a str),
    Nothing,
}

impl<'a> Said<'a> {
    fn of(line: &'a str) -> Self {
        let bare = line.trim();
        if bare.is_empty() {
            return Self::Nothing;
        }
        let (numbered, rest) = without_number(bare);
        if let Some(text) = after_word(rest, "why") {
            return Self::Why { text: filled(text), numbered };
        }
        let answer = after_word(rest, "because").or_else(|| after_word(rest, "root cause"));
        answer.map_or(Self::More(line.trim_end()), |text| Self::Because(filled(text)))
    }
}

/// `1. why`, `2) why`, `- why`, `> why`: what people put before a line.
fn without_number(line: &str) -> (bool, &str) {
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let after = &line[digits..];
    match after.chars().next() {
        Some('.' | ')' | ':') if digits > 0 => (true, after[1..].trim_start()),
        Some('-' | '*' | '>' | '→' | '↳') if digits == 0 => {
            (false, after.trim_start_matches(['-', '*', '>', '→', '↳']).trim_start())
        }
        _ => (false, line),
    }
}

/// What follows a word at the beginning of a line, in whatever case, and whatever sets it off.
fn after_word<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let (begun, rest) = line.split_at_checked(word.len())?;
    let is_it = begun.eq_ignore_ascii_case(word) && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    is_it.then_some(rest)
}

/// What was said, without what sets it off; nothing where only the template's blank, or its question mark, is left.
fn filled(text: &str) -> &str {
    let text = text.trim_start_matches(|c: char| ":,?".contains(c) || c.is_whitespace()).trim_end();
    if text.chars().all(|c| c == BLANK || c == '?' || c == '.' || c.is_whitespace()) { "" } else { text }
}

/// Puts a chain together line by line.
#[derive(Default)]
struct Reader {
    prose: Vec<String>,
    steps: Vec<(String, Option<String>)>,
    /// Whether the line before belongs to the chain, so that this one may continue it.
    inside: bool,
}

impl Reader {
    fn take(&mut self, said: Said) {
        match said {
            Said::Why { text, .. } => {
                self.steps.push((text.to_owned(), None));
                self.inside = true;
            }
            Said::Because(text) => {
                match self.steps.last_mut() {
                    Some((_, because @ None)) => *because = Some(text.to_owned()),
                    // An answer to the answer before.
                    Some(_) | None => self.steps.push((String::new(), Some(text.to_owned()))),
                }
                self.inside = true;
            }
            Said::More(text) if self.inside => {
                let part = self.steps.last_mut().map(|(why, because)| because.as_mut().unwrap_or(why));
                if let Some(part) = part {
                    *part = format!("{part} {}", text.trim()).trim().to_owned();
                }
            }
            Said::More(text) => self.prose.push(text.to_owned()),
            Said::Nothing => {
                self.inside = false;
                self.prose.push(String::new());
            }
        }
    }

    fn finish(self) -> NoteText {
        let steps = self.steps.into_iter().map(|(why, because)| Why {
            why: filled(&why).into(),
            because: filled(&because.unwrap_or_default()).into(),
        });
        let written = steps.filter(|step| !step.why.is_empty() || !step.because.is_empty());
        let mut prose = trimmed(self.prose.iter().map(String::as_str));
        // The empty lines around a chain are its frame.
        prose.dedup_by(|a, b| a.is_empty() && b.is_empty());
        NoteText { prose, chain: written.collect() }
    }
}

/// Without empty lines at both ends.
fn trimmed<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Text> {
    let lines: Vec<&str> = lines.collect();
    let is_said = |line: &&str| !line.trim().is_empty();
    let Some(first) = lines.iter().position(is_said) else { return Vec::new() };
    let last = lines.iter().rposition(is_said).unwrap_or(first);
    lines[first..=last].iter().map(|line| (*line).into()).collect()
}

/// At most so many bytes of the beginning of a text.
fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

/// What a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// On what.
    pub about: NoteAbout,
    /// What.
    pub text: NoteText,
    /// Who, by name.
    pub author: Text,
    /// When.
    pub at: Moment,
    /// How often it has been written, counted from 1.
    pub version: u32,
}

/// What became of the notes by a writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// There was none before.
    New,
    /// It replaces an earlier version.
    Replaced,
    /// Nothing was written: the one that was there is gone.
    Removed,
    /// Nothing was written where nothing was.
    Nothing,
}

/// All notes, of earlier sessions too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notes {
    /// In the order of what they are about, so that one is found quickly.
    list: Vec<Note>,
    dropped: u32,
}

impl Notes {
    /// All notes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Note> {
        self.list.iter()
    }

    /// The note on something.
    #[must_use]
    pub fn get(&self, about: &NoteAbout) -> Option<&Note> {
        self.place(about).ok().and_then(|place| self.list.get(place))
    }

    /// The note on the test of that full name.
    #[must_use]
    pub fn on_test(&self, node: &Text) -> Option<&Note> {
        self.get(&NoteAbout::Test(node.clone()))
    }

    /// The note on the cause of that signature.
    #[must_use]
    pub fn on_cause(&self, signature: &Signature) -> Option<&Note> {
        if self.list.is_empty() { None } else { self.get(&NoteAbout::cause(signature)) }
    }

    /// How many were dropped because there were too many.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    fn place(&self, about: &NoteAbout) -> Result<usize, usize> {
        self.list.binary_search_by(|note| note.about.cmp(about))
    }

    /// Takes a note in the place of the one before; its version is counted here.
    pub(super) fn write(&mut self, note: Note) -> Written {
        match (self.place(&note.about), note.text.is_empty()) {
            (Ok(place), true) => {
                self.list.remove(place);
                Written::Removed
            }
            (Err(_), true) => Written::Nothing,
            (Ok(place), false) => {
                let known = &mut self.list[place];
                *known = Note { version: known.version.saturating_add(1), ..note };
                Written::Replaced
            }
            (Err(place), false) => {
                self.list.insert(place, Note { version: note.version.max(1), ..note });
                self.forget_oldest();
                Written::New
            }
        }
    }

    fn forget_oldest(&mut self) {
        if self.list.len() <= NOTES_KEPT {
            return;
        }
        if let Some((oldest, _)) = self.list.iter().enumerate().min_by_key(|(_, note)| note.at) {
            self.list.remove(oldest);
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Notes of earlier sessions; what was written in this one already is newer.
    pub(super) fn recall(&mut self, notes: &[Note]) {
        for note in notes {
            if self.place(&note.about).is_err() {
                self.write(note.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `prose|prose ## why>because why>because`
    fn told(text: &NoteText) -> String {
        let prose: Vec<&str> = text.prose.iter().map(|line| &**line).collect();
        let chain: Vec<String> = text.chain.iter().map(|step| format!("{}>{}", step.why, step.because)).collect();
        format!("{} ## {}", prose.join("|"), chain.join(" / "))
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(told(&NoteText::parse(text)), expected, "{text}");
        check_again(text);
    }

    /// What is shown reads as the same note.
    #[track_caller]
    fn check_again(text: &str) {
        let note = NoteText::parse(text);
        assert_eq!(NoteText::parse(&note.lines().join("\n")), note, "read again: {text}");
    }

    #[test]
    fn plain_text_is_a_plain_note() {
        check("seen on Monday too", "seen on Monday too ## ");
        check("\n  a list:\n  - one\n\n  - two\n\n", "  a list:|  - one||  - two ## ");
        check("why is this here", "why is this here ## ");
        check("because of the token", "because of the token ## ");
        check("whyever\nbecausewise", "whyever|becausewise ## ");
        check("", " ## ");
    }

    #[test]
    fn numbered_whys_are_a_chain_and_the_last_answer_is_the_root_cause() {
        let text = "1. why do 30 tests fail?\n   because the handshake is refused\n2. why is it refused?\n   \
                    because the key was rotated\n3. why …?\n   because …\n";
        check(text, " ## do 30 tests fail?>the handshake is refused / is it refused?>the key was rotated");
        assert_eq!(NoteText::parse(text).root_cause().map(|text| &**text), Some("the key was rotated"));
    }

    #[test]
    fn a_chain_is_read_however_it_was_typed() {
        check("WHY: it fails\nBecause, it broke", " ## it fails>it broke");
        check("- why a\n- because b\n→ because c", " ## a>b / >c");
        check(
            "1) why a\n because b\n   and more of b\n2) Why? root cause unknown\nroot cause: c",
            " ## a>b and more of b / root cause unknown>c",
        );
        check("1. why a?", " ## a?>");
        check("1. why?\n   because b", " ## >b");
    }

    #[test]
    fn prose_around_a_chain_is_kept() {
        check("ask kim\n\n1. why a\n   because b\n\nand then\n\nthis", "ask kim||and then||this ## a>b");
    }

    #[test]
    fn the_template_says_nothing() {
        assert!(NoteText::parse(&NoteText::template()).is_empty());
        check(&format!("a word{}", NoteText::template()), "a word ## ");
        // Blanks that were rubbed out say as little.
        assert!(NoteText::parse("1. why ?\n   because \n").is_empty());
    }

    #[test]
    fn no_text_is_too_long_or_does_harm() {
        let long = "é".repeat(NOTE_LIMIT);
        assert!(NoteText::parse(&long).prose[0].len() <= NOTE_LIMIT + SLACK);
        let lines = NoteText::parse(&"x\n".repeat(500)).prose;
        assert_eq!((lines.len(), &*lines[LINES_KEPT]), (LINES_KEPT + 1, "… 300 more lines had no room"));
        let steps = NoteText::parse(&"1. why a\nbecause b\n".repeat(30));
        assert_eq!((steps.chain.len(), &*steps.prose[0]), (STEPS_KEPT, "… 10 more steps had no room"));
        for text in ["1.", "1. ", "9999999999. why", "why", "…", "- why\n-", "w", "é. why é\nbecause é"] {
            check_again(text);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_reads_the_same_when_it_is_shown(
            lines in proptest::collection::vec("( {0,3})([0-9]?[.):-] ?)?(why|Why:|because|root cause|x)?[ ?…:,a-b]{0,6}", 0..12)
        ) {
            check_again(&lines.join("\n"));
        }
    }

    fn note(about: &str, text: &str, at: u64) -> Note {
        Note {
            about: NoteAbout::Test(about.into()),
            text: NoteText::parse(text),
            author: "ada".into(),
            at: Moment(at),
            version: 0,
        }
    }

    #[test]
    fn writing_replaces_and_writing_nothing_removes() {
        let mut notes = Notes::default();
        assert_eq!(notes.write(note("a", "one", 1)), Written::New);
        assert_eq!(notes.write(note("a", "two", 2)), Written::Replaced);
        assert_eq!(notes.on_test(&"a".into()).map(|note| note.version), Some(2));
        assert_eq!(notes.write(note("a", " \n", 3)), Written::Removed);
        assert_eq!(notes.write(note("a", "", 4)), Written::Nothing);
        assert_eq!(notes.iter().len(), 0);
    }

    #[test]
    fn the_oldest_goes_where_there_are_too_many() {
        let mut notes = Notes::default();
        for n in 0..NOTES_KEPT as u64 + 3 {
            notes.write(note(&format!("{n:05}"), "x", 10_000 - n));
        }
        assert_eq!((notes.iter().len(), notes.dropped()), (NOTES_KEPT, 3));
        assert!(notes.on_test(&"00000".into()).is_some());
    }

    #[test]
    fn what_is_recalled_does_not_overwrite_what_was_just_written() {
        let mut notes = Notes::default();
        notes.write(note("a", "new", 9));
        notes.recall(&[note("a", "old", 1), note("b", "old", 1)]);
        let prose: Vec<&str> = notes.iter().map(|note| &*note.text.prose[0]).collect();
        assert_eq!(prose, ["new", "old"]);
    }
}
