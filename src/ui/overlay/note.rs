//! A note being written on a cause or a test: several lines, as in any editor.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui_textarea::{CursorMove, Input, Key, TextArea, WrapMode};

use super::{ground, panel};
use crate::domain::{Command, NOTE_LIMIT, NoteAbout, NoteText, State, Tone};
use crate::ui::acting;
use crate::ui::scene::Scene;
use crate::ui::text;
use crate::ui::theme::Role;
use crate::ui::update::{About, Wish};
use crate::ui::view::{Overlay, ViewState};

/// What stands in a template for something yet to be written.
const BLANK: char = '…';

/// A note being written.
#[derive(Debug, Clone)]
pub struct NoteDraft {
    about: NoteAbout,
    area: TextArea<'static>,
    /// The text as it was when the editor opened.
    opened: String,
    /// Which version of the note that was; 0 where there was none.
    version: u32,
    /// Whether somebody who wants to leave is asked about what they wrote.
    asking: bool,
}

impl NoteDraft {
    /// The note on something, or the beginning of one.
    #[must_use]
    pub fn new(state: &State, about: NoteAbout) -> Self {
        let note = state.notes.get(&about);
        let opened = note.map_or_else(NoteText::template, |note| note.text.lines().join("\n"));
        let version = note.map_or(0, |note| note.version);
        let mut area = area(&opened);
        if note.is_some() {
            area.move_cursor(CursorMove::Bottom);
            area.move_cursor(CursorMove::End);
        }
        Self { about, area, opened, version, asking: false }
    }

    /// The text as it is now.
    #[must_use]
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Takes the text that another editor gave back.
    pub fn replace(&mut self, text: &str) {
        self.area = area(&cleaned(text));
        self.area.move_cursor(CursorMove::Bottom);
        self.area.move_cursor(CursorMove::End);
    }

    /// Whether nobody has asked about leaving.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.asking
    }

    /// A row up or down, as the wheel turns.
    pub(in crate::ui) fn step(&mut self, by: i64) {
        self.area.move_cursor(if by < 0 { CursorMove::Up } else { CursorMove::Down });
    }

    fn is_changed(&self) -> bool {
        NoteText::parse(&self.text()) != NoteText::parse(&self.opened)
    }

    fn room(&self) -> usize {
        let used: usize = self.area.lines().iter().map(|line| line.len() + 1).sum();
        (NOTE_LIMIT + 1).saturating_sub(used)
    }

    /// Goes to the next blank of the chain and clears it for what is typed next; after the last one, to the first.
    fn fill_next(&mut self) {
        let ratatui_textarea::DataCursor(row, column) = self.area.cursor();
        let place = |(n, line): (usize, &String)| {
            let skip = if n == row { column } else { 0 };
            line.chars().skip(skip).position(|c| c == BLANK).map(|at| (n, skip + at))
        };
        let lines = || self.area.lines().iter().enumerate();
        let found = lines().skip(row).find_map(place).or_else(|| {
            lines().take(row + 1).find_map(|(n, line)| line.chars().position(|c| c == BLANK).map(|at| (n, at)))
        });
        if let Some((row, column)) = found {
            let narrow = |place: usize| u16::try_from(place).unwrap_or(u16::MAX);
            self.area.move_cursor(CursorMove::Jump(narrow(row), narrow(column)));
            self.area.delete_next_char();
        }
    }
}

pub(super) fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.lines().map(str::to_owned).collect());
    // It wears the ground that it lies on, and the terminal's own cursor.
    area.set_cursor_line_style(Style::default());
    area.set_cursor_style(Style::default());
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.set_max_histories(200);
    area
}

/// Pasted or edited text without what only a terminal understands. The engine cleans it once more, for everybody.
pub(super) fn cleaned(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// Opens the editor on what is looked at: a cause, a test.
pub(in crate::ui) fn open(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let cause = acting::looked_at(about.state, view).and_then(|id| about.state.causes.get(id));
    let test = view.subject(about).and_then(|id| about.state.inventory.test(id));
    let subject = match (cause, test) {
        (Some(cause), _) => Some(NoteAbout::cause(&cause.signature)),
        (None, test) => test.map(|test| NoteAbout::Test(test.node.clone())),
    };
    match subject {
        _ if !view.drives(about.state) => {
            view.note(Tone::Warning, "you observe this session: only its driver can write notes", about.now);
        }
        Some(subject) => view.overlay = Some(Overlay::Note(Box::new(NoteDraft::new(about.state, subject)))),
        None => view.note(Tone::Warning, "nothing here to write about: choose a test or a cause", about.now),
    }
    Vec::new()
}

/// Writes, saves, leaves.
pub(in crate::ui) fn press(view: &mut ViewState, key: KeyEvent, about: &About) -> Vec<Wish> {
    let Some(Overlay::Note(draft)) = &mut view.overlay else { return Vec::new() };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Char('s') if control => return save(view, about),
        KeyCode::Enter if alt => return save(view, about),
        _ if draft.asking => match key.code {
            KeyCode::Char('y') if !control => view.overlay = None,
            KeyCode::Char('c') if control => view.overlay = None,
            KeyCode::Esc | KeyCode::Char('n') => draft.asking = false,
            _ => {}
        },
        KeyCode::Char('c') if control => leave(view),
        KeyCode::Esc => leave(view),
        KeyCode::Char('o') if control => return vec![Wish::Write(draft.text())],
        KeyCode::Tab => draft.fill_next(),
        KeyCode::Enter | KeyCode::Char(_) if !control && draft.room() < 5 => {
            let text = format!("a note holds {NOTE_LIMIT} bytes: what is typed now has no room");
            view.note(Tone::Warning, text, about.now);
        }
        _ => {
            draft.area.input(input(key));
        }
    }
    Vec::new()
}

fn leave(view: &mut ViewState) {
    let Some(Overlay::Note(draft)) = &mut view.overlay else { return };
    if draft.is_changed() {
        draft.asking = true;
    } else {
        view.overlay = None;
    }
}

/// Somebody else may have written meanwhile: then the second time counts.
fn save(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let Some(Overlay::Note(draft)) = &mut view.overlay else { return Vec::new() };
    let known = about.state.notes.get(&draft.about);
    let version = known.map_or(0, |note| note.version);
    if version != draft.version {
        draft.version = version;
        draft.asking = false;
        let who = known.map_or("somebody", |note| &note.author);
        let text = format!("{who} changed this note while you wrote: save again to replace that");
        view.note(Tone::Warning, text, about.now);
        return Vec::new();
    }
    let wish = draft.is_changed().then(|| {
        let (about, text) = (draft.about.clone(), draft.text().into());
        Wish::Command(Command::WriteNote { about, text })
    });
    view.overlay = None;
    wish.into_iter().collect()
}

/// Takes pasted text, as far as there is room.
pub(in crate::ui) fn paste(view: &mut ViewState, pasted: &str, about: &About) {
    let Some(Overlay::Note(draft)) = &mut view.overlay else { return };
    if draft.asking {
        return;
    }
    let text = cleaned(pasted);
    let room = draft.room();
    let end = (0..=room.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    draft.area.insert_str(&text[..end]);
    if end < text.len() {
        let text = format!("the paste was cut: a note holds {NOTE_LIMIT} bytes");
        view.note(Tone::Warning, text, about.now);
    }
}

pub(super) fn input(key: KeyEvent) -> Input {
    let code = match key.code {
        KeyCode::Char(character) => Key::Char(character),
        KeyCode::Enter => Key::Enter,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => Key::Null,
    };
    let has = |modifier| key.modifiers.contains(modifier);
    Input { key: code, ctrl: has(KeyModifiers::CONTROL), alt: has(KeyModifiers::ALT), shift: has(KeyModifiers::SHIFT) }
}

pub(super) fn draw(draft: &NoteDraft, scene: &Scene, area: Rect, frame: &mut Frame) {
    let subject = scene.state.note_subject(&draft.about);
    let what = match draft.about {
        NoteAbout::Cause(_) => "note on the cause",
        NoteAbout::Test(_) => "note on the test",
    };
    let width = area.width.saturating_sub(8).clamp(20, 92);
    let (fitting, _) = text::fit(&subject, usize::from(width).saturating_sub(what.len() + 4));
    let more = if fitting.len() < subject.len() { "…" } else { "" };
    let lines = u16::try_from(draft.area.lines().len()).unwrap_or(u16::MAX);
    let height = lines.saturating_add(4).clamp(16, 30).min(area.height.saturating_sub(5).max(4));
    let inner = panel(&format!("{what} · {fitting}{more}"), (width, height), scene, area, frame);
    let Some(last) = inner.rows().next_back() else { return };
    let written = Rect { height: inner.height.saturating_sub(2), ..inner };
    frame.render_widget(&draft.area, written);
    if draft.asking {
        let key = |word| Span::styled(word, ground(scene, Role::Press));
        let words = |word| Span::styled(word, ground(scene, Role::Text));
        let line = Line::from(vec![
            Span::styled("leave without saving?   ", ground(scene, Role::Warning)),
            key("y"),
            words(" leave   "),
            key("n"),
            words(" go on writing   "),
            key("ctrl-s"),
            words(" save"),
        ]);
        return frame.render_widget(line, last);
    }
    frame.render_widget(Line::styled(understood(draft, usize::from(last.width)), ground(scene, Role::Muted)), last);
    let (cursor, (top, left)) = (draft.area.screen_cursor(), draft.area.scroll_offset());
    let down = cursor.row.saturating_sub(usize::from(top)) as u16;
    let across = cursor.col.saturating_sub(usize::from(left)) as u16;
    if down < written.height {
        let x = written.x + across.min(written.width.saturating_sub(1));
        frame.set_cursor_position((x, written.y + down));
    }
}

/// What is made of the text as it stands, so that nobody is surprised after saving.
fn understood(draft: &NoteDraft, room: usize) -> String {
    let note = NoteText::parse(&draft.text());
    let told = match (note.chain.len(), note.root_cause()) {
        (0, _) if note.is_empty() && draft.version > 0 => "saved like this, the note is removed".to_owned(),
        (0, _) if note.is_empty() => "write freely, or fill in the steps: the last answer is the root cause".to_owned(),
        (0, _) => "a plain note".to_owned(),
        (_, Some(root)) => format!("root cause: {root}"),
        (count, None) => format!("step {count} has no answer yet"),
    };
    let (fitting, _) = text::fit(&told, room);
    if fitting.len() < told.len() { format!("{}…", text::fit(&told, room.saturating_sub(1)).0) } else { told }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::attach::Delivery;
    use crate::domain::{Moment, TestId, Text, ViewerId};
    use crate::ui::color::Depth;
    use crate::ui::fixture::{self, Story};
    use crate::ui::input::Decoder;
    use crate::ui::theme::Glyphs;
    use crate::ui::theme_file::Palette;
    use crate::ui::view::{Page, Pane};
    use crate::ui::viewer::Viewer;

    struct Desk {
        story: Story,
        viewer: Viewer,
        size: (u16, u16),
    }

    impl Desk {
        fn new(size: (u16, u16), look: impl FnOnce(&Story, &mut ViewState)) -> Self {
            let story = fixture::busy();
            let mut view = ViewState { viewer: Some(ViewerId(1)), ..ViewState::default() };
            look(&story, &mut view);
            let theme = Palette::dark().theme(Depth::True, Glyphs::Unicode);
            let mut desk = Self { viewer: Viewer::new(view, theme, size), story, size };
            desk.refresh();
            desk
        }

        fn on_test(size: (u16, u16)) -> Self {
            Self::new(size, |story, view| view.page = Page::Detail(story.test(0, 24)))
        }

        fn on_cause(size: (u16, u16)) -> Self {
            Self::new(size, |_, view| view.focus = Pane::Causes)
        }

        fn refresh(&mut self) {
            self.viewer.take(Delivery::Snapshot(Arc::new(self.story.state.clone())), self.story.now);
        }

        /// Presses keys as a terminal sends them; what is asked of the session is told to it.
        fn press(&mut self, keys: &[&str]) -> Vec<Wish> {
            let mut wishes = Vec::new();
            for key in keys {
                let (mut decoder, mut events) = (Decoder::default(), Vec::new());
                decoder.feed(key.as_bytes(), &mut events);
                decoder.settle(&mut events);
                for event in &events {
                    wishes.extend(self.viewer.handle(event, self.story.now));
                }
            }
            for wish in &wishes {
                if let Wish::Command(command) = wish {
                    self.story.wait(1_000).ask(command.clone());
                }
            }
            self.refresh();
            wishes
        }

        fn screen(&mut self) -> String {
            let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).expect("memory cannot fail");
            let (viewer, now) = (&mut self.viewer, self.story.now);
            terminal.draw(|frame| viewer.draw(frame, now)).expect("memory cannot fail");
            let buffer = terminal.backend().buffer();
            let line = |y| (0..self.size.0).map(|x| buffer[(x, y)].symbol()).collect::<String>();
            (0..self.size.1).map(|y| line(y).trim_end().to_owned() + "\n").collect()
        }

        fn check(&mut self, name: &str) {
            let (screen, (width, height)) = (self.screen(), self.size);
            insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(format!("{name}-{width}x{height}"), screen);
            });
        }

        fn test(&self) -> TestId {
            self.story.test(0, 24)
        }

        fn note(&self) -> Option<&NoteText> {
            let node: Text = self.story.state.inventory.test(self.test()).expect("it is known").node.clone();
            self.story.state.notes.on_test(&node).map(|note| &note.text)
        }

        fn draft(&self) -> String {
            match &self.viewer.view.overlay {
                Some(Overlay::Note(draft)) => draft.text(),
                _ => "no editor".to_owned(),
            }
        }
    }

    const CTRL_S: &str = "\x13";
    const CTRL_O: &str = "\x0f";
    const ESC: &str = "\x1b";
    const ALT_ENTER: &str = "\x1b\r";

    #[test]
    fn the_editor_as_it_opens_and_with_a_chain() {
        for size in [(80, 24), (160, 45)] {
            let mut desk = Desk::on_cause(size);
            desk.press(&["i"]);
            desk.check("note-empty");
            desk.press(&["kim looks into it", "\t", "do they stop", "\t", "nobody sends the third event"]);
            desk.check("note-chain");
            desk.press(&[ESC]);
            desk.check("note-leaving");
            desk.press(&[CTRL_S, "\r"]);
            desk.check("note-on-cause");
        }
    }

    #[test]
    fn a_plain_note_is_typed_and_saved_and_stands_in_the_opened_test() {
        let mut desk = Desk::on_test((100, 30));
        desk.press(&["i", "seen on Monday", "\r", "and today", CTRL_S]);
        let prose: Vec<&str> = desk.note().expect("saved").prose.iter().map(|line| &**line).collect();
        assert_eq!(prose, ["seen on Monday", "and today"]);
        let screen = desk.screen();
        assert!(screen.contains("note by ada") && screen.contains("and today"), "{screen}");
        // What was written is opened again, to be gone on with.
        desk.press(&["i", "!", ALT_ENTER]);
        assert_eq!(&*desk.note().expect("saved").prose[1], "and today!");
    }

    #[test]
    fn nothing_written_is_nothing_asked_and_something_written_is_not_lost_by_one_key() {
        let mut desk = Desk::on_test((100, 30));
        desk.press(&["i", ESC]);
        assert_eq!(desk.draft(), "no editor");
        desk.press(&["i", "a word", ESC]);
        assert!(desk.draft().starts_with("a word"));
        desk.press(&["n", "s"]);
        assert!(desk.draft().starts_with("a words"));
        // Ctrl-C asks like escape, and leaves the second time.
        desk.press(&["\x03"]);
        assert!(desk.draft().starts_with("a words"));
        desk.press(&["\x03"]);
        assert_eq!((desk.draft().as_str(), desk.note()), ("no editor", None));
    }

    #[test]
    fn a_paste_of_several_lines_is_cleaned_and_bounded() {
        let mut desk = Desk::on_test((100, 30));
        desk.press(&["i", "\x1b[200~one\r\ntwo\tcolumns\x07\rthree\x1b[201~"]);
        assert!(desk.draft().starts_with("one\ntwo    columns\nthree"), "{}", desk.draft());
        let long = format!("\x1b[200~{}\x1b[201~", "é".repeat(NOTE_LIMIT));
        desk.press(&[&long]);
        assert!(desk.draft().len() <= NOTE_LIMIT, "{}", desk.draft().len());
        let said = desk.viewer.view.notice.as_ref().map_or("", |notice| &notice.text);
        assert!(said.starts_with("the paste was cut"), "{said}");
        desk.press(&["x", "y", CTRL_S]);
        assert!(desk.note().is_some());
    }

    #[test]
    fn another_editor_takes_the_text_and_gives_it_back() {
        let mut desk = Desk::on_test((100, 30));
        let wishes = desk.press(&["i", "begun", CTRL_O]);
        assert!(matches!(&wishes[..], [Wish::Write(text)] if text.starts_with("begun\n")), "{wishes:?}");
        desk.viewer.written("ended\r\n1. why\n\tbecause\u{7}\n");
        assert_eq!(desk.draft(), "ended\n1. why\n    because");
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_not_overwritten_unseen() {
        let mut desk = Desk::on_test((100, 30));
        desk.press(&["i", "mine"]);
        let node = desk.story.state.inventory.test(desk.test()).expect("it is known").node.clone();
        desk.story.ask(Command::WriteNote { about: NoteAbout::Test(node), text: "theirs".into() });
        desk.refresh();
        desk.press(&[CTRL_S]);
        assert_eq!(&*desk.note().expect("theirs").prose[0], "theirs");
        desk.press(&[CTRL_S]);
        assert_eq!(&*desk.note().expect("mine").prose[0], "mine");
    }

    #[test]
    fn who_only_watches_writes_nothing_and_small_screens_do_no_harm() {
        let mut desk = Desk::on_test((100, 30));
        desk.viewer.view.viewer = Some(ViewerId(2));
        desk.press(&["i"]);
        assert_eq!(desk.draft(), "no editor");
        for size in [(1, 1), (10, 3), (20, 5), (40, 10)] {
            let mut desk = Desk::on_cause(size);
            desk.press(&["i", "a long line that has no room here", "\t", "x"]);
            desk.screen();
        }
        assert_ne!(Moment(0), desk.story.now);
    }
}
