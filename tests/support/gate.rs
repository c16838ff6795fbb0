//! What may reach a terminal: a parser of its own reads every byte that the program wrote.

/// Everything that was written, taken apart.
#[derive(Default)]
pub(crate) struct Written {
    /// What is not on the short list of what we write on purpose.
    pub(crate) strange: Vec<String>,
    /// The parameters of all colour and emphasis sequences.
    pub(crate) styles: Vec<Vec<u16>>,
}

/// Reads what was written while the screen was ours: between entering the alternate screen and leaving it.
pub(crate) fn read(bytes: &[u8]) -> Written {
    let mut written = Written::default();
    if std::str::from_utf8(bytes).is_err() {
        written.strange.push("invalid UTF-8".to_owned());
    }
    vte::Parser::new().advance(&mut written, bytes);
    written
}

/// Alternate screen, cursor, paste, focus, mouse with its coordinates, synchronized output.
const MODES: [u16; 7] = [1049, 25, 2004, 1004, 1000, 1006, 2026];

impl vte::Perform for Written {
    fn print(&mut self, c: char) {
        let invisible = matches!(c, '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
        if invisible || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}') {
            self.strange.push(format!("print {c:?}"));
        }
    }

    fn execute(&mut self, byte: u8) {
        self.strange.push(format!("control {byte:#04x}"));
    }

    fn csi_dispatch(&mut self, params: &vte::Params, intermediates: &[u8], ignored: bool, action: char) {
        let params: Vec<Vec<u16>> = params.iter().map(<[u16]>::to_vec).collect();
        let first = params.first().and_then(|param| param.first()).copied().unwrap_or(0);
        let ours = match (intermediates, action) {
            (b"", 'm') => {
                self.styles.push(params.concat());
                true
            }
            // The cursor to a place, and erasing.
            (b"", 'H' | 'G' | 'd' | 'A' | 'B' | 'C' | 'D' | 'J' | 'K') => true,
            (b"?", 'h' | 'l') => params.iter().flatten().all(|mode| MODES.contains(mode)) && first > 0,
            _ => false,
        };
        if !ours || ignored {
            self.strange.push(format!("CSI {intermediates:?} {params:?} {action:?}"));
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        // A text for the clipboard: its alphabet cannot hold a sequence of its own.
        let is_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        if !matches!(params, [b"52", b"c", text] if text.iter().all(is_alphabet)) {
            self.strange.push(format!("OSC {params:?}"));
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        // The end of a string, as the parser reports it on its own.
        if (intermediates, byte) != (b"", b'\\') {
            self.strange.push(format!("ESC {intermediates:?} {:?}", byte as char));
        }
    }

    fn hook(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
        self.strange.push(format!("DCS {action:?}"));
    }
}
