//! Stories of hostile output, and the three promises: nothing but text and colours comes out, pieces do not matter,
//! and what passed once passes again.

use proptest::prelude::*;

use super::*;

fn lines_of(pieces: &[&[u8]]) -> Vec<CleanLine> {
    let mut out = Vec::new();
    let mut lines = Lines::new();
    for piece in pieces {
        lines.feed(piece, &mut |line| out.push(line));
    }
    lines.finish(&mut |line| out.push(line));
    out
}

#[track_caller]
fn check(raw: &str, clean: &str) {
    assert_eq!(block(raw), clean, "from {raw:?}");
}

#[test]
fn plain_text_passes() {
    check("hello\nworld", "hello\nworld");
    check("größer 漢字 e\u{301}\n", "größer 漢字 e\u{301}\n");
    check("👩\u{200d}🚀 ❤\u{fe0f} 1\u{fe0f}\u{20e3}", "👩\u{200d}🚀 ❤\u{fe0f} 1\u{fe0f}\u{20e3}");
}

#[test]
fn colours_pass_without_conceal_and_blink() {
    check("\x1b[31mred\x1b[m", "\x1b[31mred\x1b[0m");
    check("\x1b[1;5;31mred", "\x1b[1;31mred\x1b[0m");
    check("\x1b[8mpassword", "password");
    check("\x1b[38;5;8mgrey\x1b[0m", "\x1b[38;5;8mgrey\x1b[0m");
    check("\x1b[38:2::1:2:3mx\x1b[0m", "\x1b[38;2;1;2;3mx\x1b[0m");
    check("\x1b[48;2;0;0;0mblack\x1b[0;32mgreen", "\x1b[48;2;0;0;0mblack\x1b[0;32mgreen\x1b[0m");
    check("\x1b[38;5;999mx", "x");
}

#[test]
fn everything_else_renders_as_nothing_and_is_counted() {
    let found = line(b"a\x1b[2J\x1b[?1049h\x1b]0;title\x07\x1bP+q544e\x1b\\\x1b_apc\x1b\\\x07\x08\x1bcb");
    assert_eq!((found.text.as_str(), found.removed), ("ab", 8));
    assert_eq!(line(b"\x1b[<1<2mx").text, "x", "a sequence the parser gives up on ends all the same");
}

#[test]
fn an_unterminated_sequence_ends_with_its_line() {
    check("a\x1b]52;c;cm0gLXJm\nb\x1bPq\nc\x1b[31", "a\nb\nc");
}

#[test]
fn a_carriage_return_overwrites_and_the_last_state_stays() {
    check("10%\r50%\r100%\n", "100%\n");
    check("100%\r\x1b[0m\r\n", "100%\n");
    assert_eq!(lines_of(&[b"10%\r50%\r100%\r\n"])[0].overwritten, 2);
}

#[test]
fn tabs_go_to_the_next_stop() {
    check("a\tb\t12345678\tc", "a       b       12345678        c");
    check("漢\tx", "漢      x");
}

#[test]
fn text_that_hides_or_reorders_is_spelled_out() {
    check("a\u{202e}b\u{200b}c\u{e0041}d\u{2028}e\u{9b}31mf", "a<U+202E>b<U+200B>c<U+E0041>d<U+2028>e<U+009B>31mf");
    check("x\u{200d}y \u{e0b0}", "x<U+200D>y <U+E0B0>");
}

#[test]
fn a_tower_of_marks_is_topped_off() {
    let found = line(format!("a{}b", "\u{301}".repeat(100_000)).as_bytes());
    assert_eq!(found.text, format!("a{}b", "\u{301}".repeat(8)));
    assert_eq!(found.removed, 99_992);
    check("\u{301}x", "◌\u{301}x");
}

#[test]
fn a_hyperlink_shows_its_target_once() {
    check("\x1b]8;;https://x.test/\x1b\\docs\x1b]8;;\x1b\\.", "docs (https://x.test/).");
    check("\x1b]8;id=1;https://x.test/\x07https://x.test/\x1b]8;;\x07", "https://x.test/");
    check("\x1b]8;;http://a\x07t\nb", "t (http://a)\nb");
}

#[test]
fn bytes_that_are_not_utf_8_are_replaced() {
    assert_eq!(lines_of(&[b"a\xffb\xe2\x82"])[0].text, "a\u{fffd}b\u{fffd}");
    assert_eq!(lines_of(&[b"\xe2\x82", b"\xac"])[0].text, "€");
    assert_eq!(lines_of(&[b"\xe2\x82", b"\n"])[0].text, "\u{fffd}");
}

#[test]
fn a_name_is_one_line_without_colours() {
    assert_eq!(text("a\nb\r\tc \x1b[31mred\x1b[0m"), "a⏎b␍ c red");
    assert_eq!(line(b"one\ntwo\r\n").text, "one⏎two");
}

#[test]
fn a_line_without_end_is_cut_and_continued() {
    let found = lines_of(&[&[b'x'; 3 * LINE_LIMIT]]);
    assert!(found.iter().all(|line| line.text.len() <= LINE_LIMIT));
    assert_eq!(found.iter().map(|line| line.cut).collect::<Vec<_>>(), [true, true, true, false]);
    assert!(found[0].text.ends_with(CUT_MARK));
    let kept: usize = found.iter().map(|line| line.text.matches('x').count()).sum();
    assert_eq!(kept, 3 * LINE_LIMIT);
}

#[test]
fn a_line_of_just_the_limit_is_not_cut() {
    let whole = "x".repeat(LINE_LIMIT);
    check(&format!("{whole}\n"), &format!("{whole}\n"));
}

/// Text with the pieces that matter more frequent than chance would make them.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => "[ -~]{0,12}".prop_map(String::into_bytes),
        6 => prop::collection::vec(any::<u8>(), 0..6),
        6 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
        9 => prop::sample::select(vec![
            "\x1b", "\x1b[", "\x1b]8;;http://x", "\x1b\\", "\x07", "m", ";", "31", "\n", "\r", "\t", "\x1bP", "\u{200d}",
            "👩", "\u{301}", "\u{fe0f}", "\x1b[1;31m", "\x1b[0m", "\x18", "\u{202e}", "é", "漢", "\x1b[38;5;", "\u{9c}",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        1 => (65_500usize..65_560).prop_map(|n| vec![b'x'; n]),
        1 => (21_820usize..21_860).prop_map(|n| "漢".repeat(n).into_bytes()),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const SHORT_OF_THE_LIMIT: std::ops::Range<usize> = 0..64;

/// An independent reading of what may leave the door.
fn is_harmless(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control()) {
        let Some(body) = rest[at..].strip_prefix("\x1b[") else {
            return false;
        };
        let Some(end) = body.find('m') else {
            return false;
        };
        if !body[..end].bytes().all(|b| b.is_ascii_digit() || b == b';') {
            return false;
        }
        rest = &body[end + 1..];
    }
    !text.contains(['\u{202e}', '\u{200b}', '\u{2028}', '\u{feff}'])
}

#[test]
fn a_mark_behind_a_colour_leans_on_nothing_that_a_cut_could_take_away() {
    for fill in SHORT_OF_THE_LIMIT {
        let once = block(&format!("{}a\x1b[1;31m\u{301}A", "x".repeat(LINE_LIMIT - fill)));
        assert!(block(&once) == once, "{fill} bytes before the limit");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn only_text_and_colours_come_out(raw in hostile()) {
        for line in lines_of(&[&raw]) {
            prop_assert!(is_harmless(&line.text), "{:?}", line.text);
            prop_assert!(line.text.len() <= LINE_LIMIT);
        }
        prop_assert!(!text(&String::from_utf8_lossy(&raw)).contains(char::is_control));
        prop_assert!(is_harmless(&line(&raw).text));
    }

    #[test]
    fn pieces_do_not_matter(raw in hostile(), at in any::<prop::sample::Index>(), step in 1usize..9) {
        let whole = lines_of(&[&raw]);
        let (head, tail) = raw.split_at(at.index(raw.len() + 1));
        prop_assert_eq!(&whole, &lines_of(&[head, tail]));
        let small: Vec<&[u8]> = raw.chunks(step).collect();
        prop_assert_eq!(&whole, &lines_of(&small));
    }

    #[test]
    fn what_passed_once_passes_again(raw in hostile()) {
        let raw = String::from_utf8_lossy(&raw);
        let once = block(&raw);
        let twice = block(&once);
        prop_assert!(once == twice);
        let once = text(&raw);
        prop_assert_eq!(&text(&once), &once);
    }
}
