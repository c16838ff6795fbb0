//! Which characters of outside text may stand on a screen as they are, and which must be spelled out.
//!
//! An allow list would need the whole Unicode table; this is the list of what hides, reorders or impersonates.

/// What a character does to the line around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glyph {
    /// Takes cells and begins a cluster.
    Base,
    /// Sits on the character before it (accents, vowel signs).
    Mark,
    /// U+200D: honest only between two pictographs.
    Joiner,
    /// U+FE0E and U+FE0F: honest only behind a pictograph.
    Selector,
    /// Invisible, reordering, unassigned by nature or private: shown as `<U+….>`.
    Hidden,
    /// A C0 or C1 control character.
    Control,
}

/// Sorts a character that is not printable ASCII.
pub(super) fn classify(c: char) -> Glyph {
    match c {
        '\0'..='\x1f' | '\x7f' => Glyph::Control,
        '\u{80}'..='\u{9f}' | '\u{ad}' => Glyph::Hidden,
        // Latin, kana, Han and Hangul: nothing hides there, and most text ends its way here.
        '\u{a0}'..='\u{2ff}' | '\u{3041}'..='\u{3096}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => {
            Glyph::Base
        }
        '\u{200d}' => Glyph::Joiner,
        '\u{fe0e}' | '\u{fe0f}' => Glyph::Selector,
        _ if is_hidden(c) => Glyph::Hidden,
        _ if unicode_width::UnicodeWidthChar::width(c) == Some(0) => Glyph::Mark,
        _ => Glyph::Base,
    }
}

fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{61c}'
        | '\u{115f}'..='\u{1160}' | '\u{3164}' | '\u{ffa0}'           // Hangul fillers
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'                                     // zero width, direction marks
        | '\u{2028}'..='\u{202e}'                                     // line separators, embeddings, overrides
        | '\u{2060}'..='\u{206f}'                                     // word joiner, isolates
        | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'                                   // tags, more variation selectors
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'        // private use
        | '\u{fdd0}'..='\u{fdef}')
        || (c as u32) & 0xfffe == 0xfffe
}

/// Whether a joiner or a variation selector may follow: the blocks that emoji come from, rather than the exact table.
pub(super) fn is_pictograph(c: char) -> bool {
    matches!(c,
        '\u{1f000}'..='\u{1faff}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '©' | '®' | '‼' | '⁉' | '™' | 'ℹ'
        | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}')
}

/// Whether a keycap (`1` + U+FE0F + U+20E3) can begin with this.
pub(super) fn takes_selector(c: char) -> bool {
    is_pictograph(c) || matches!(c, '0'..='9' | '#' | '*')
}
