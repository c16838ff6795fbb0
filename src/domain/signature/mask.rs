//! A message without what changes from run to run.

/// Replaces ids, numbers, times, paths and quoted values in a line: `order 17 at 12:00:03` is `order <n> at <time>`.
pub(in crate::domain) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let taken = match quoted(rest, before) {
            Some(length) => {
                masked.push_str("<value>");
                length
            }
            None if in_word(first) => {
                let length = rest.find(|c: char| !in_word(c)).unwrap_or(rest.len());
                let word = rest[..length].trim_end_matches(['.', ':', '-', '/']);
                if word.is_empty() {
                    masked.push_str(&rest[..length]);
                    length
                } else {
                    mask_word(word, &mut masked);
                    word.len()
                }
            }
            None => {
                masked.push(first);
                first.len_utf8()
            }
        };
        before = rest[..taken].chars().next_back().unwrap_or(' ');
        rest = &rest[taken..];
    }
    masked
}

/// How long the quoted value is that begins here: quotes that stand at the edges of words, in one line.
fn quoted(text: &str, before: char) -> Option<usize> {
    let quote = text.chars().next().filter(|c| ['\'', '"', '`'].contains(c))?;
    if before.is_alphanumeric() {
        return None;
    }
    let mut from = 1;
    loop {
        let end = from + text[from..].find([quote, '\n'])?;
        let after = text[end + 1..].chars().next().unwrap_or(' ');
        match text.as_bytes()[end] {
            b'\n' => return None,
            _ if !after.is_alphanumeric() => return Some(end + 1),
            _ => from = end + 1,
        }
    }
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || "_-./:\\~@+%".contains(c)
}

fn mask_word(word: &str, masked: &mut String) {
    if !word.bytes().any(|byte| byte.is_ascii_digit() || byte == b'/' || byte == b'\\') {
        masked.push_str(word);
    } else if is_time(word) {
        masked.push_str("<time>");
    } else if is_uuid(word) || is_hex(word) {
        masked.push_str("<id>");
    } else if is_path(word) {
        masked.push_str("<path>");
    } else {
        for part in word.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let end = part.find(|c: char| !c.is_alphanumeric()).unwrap_or(part.len());
            mask_part(&part[..end], masked);
            masked.push_str(&part[end..]);
        }
    }
}

/// A part of a word between `_`, `-` and the like: `8f21` of `run_8f21`, `002` of `test_002`.
fn mask_part(part: &str, masked: &mut String) {
    if is_hex(part) || part.len() >= 4 && is_mixed(part) && part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return masked.push_str("<id>");
    }
    let mut digits = false;
    for c in part.chars() {
        if !c.is_ascii_digit() {
            masked.push(c);
        } else if !digits && !masked.ends_with("<n>.") {
            masked.push_str("<n>");
        } else if !digits {
            // The decimals of the number before.
            masked.truncate(masked.len() - 1);
        }
        digits = c.is_ascii_digit();
    }
}

fn is_mixed(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    digits > 0 && digits < part.len()
}

fn is_hex(word: &str) -> bool {
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let all = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match digits {
        Some(digits) => all(digits),
        None => word.len() >= 8 && all(word) && is_mixed(word),
    }
}

fn is_uuid(word: &str) -> bool {
    let lengths = word.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// `12:00:03`, `2026-11-20`, `2026-11-20T12:00:03.5+00:00`
fn is_time(word: &str) -> bool {
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape.starts_with("0000-00-00") || shape.starts_with("00:00:00")
}

fn is_path(word: &str) -> bool {
    let slashes = word.matches(['/', '\\']).count();
    let letters = word.chars().any(char::is_alphabetic);
    let rooted = word.starts_with(['/', '~', '\\']) || word.starts_with("./") || word.contains("://");
    letters && slashes > 0 && (rooted || slashes > 1 || word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_masked_and_words_stay() {
        let table = [
            ("order 17 has 3.5 lines", "order <n> has <n> lines"),
            ("2/5 critical events found", "<n>/<n> critical events found"),
            ("took 12.5s, 300ms, 40%", "took <n>s, <n>ms, <n>%"),
            ("at 12:00:03 on 2026-11-20T12:00:03.5+00:00", "at <time> on <time>"),
            ("run_8f21 and thread_5d0c11aa", "run_<id> and thread_<id>"),
            ("test_002_websocket_connectivity did not pass", "test_<n>_websocket_connectivity did not pass"),
            ("object at 0x7f1c22, d0eca50d", "object at <id>, <id>"),
            ("6f9619ff-8b86-d011-b42d-00c04fc964ff", "<id>"),
            ("in /tmp/a/b.py:12: no", "in <path>: no"),
            ("see tests/test_a.py and http://127.0.0.1:80/x", "see <path> and <path>"),
            ("either and/or both", "either and/or both"),
            ("'a' != \"b c\"", "<value> != <value>"),
            ("it's the user's 'own' cart", "it's the user's <value> cart"),
            ("an 'open quote", "an 'open quote"),
            ("worker-3 v2.", "worker-<n> v<n>."),
            ("...", "..."),
        ];
        for (text, wanted) in table {
            assert_eq!(mask(text), wanted);
        }
    }

    #[test]
    fn masking_again_changes_nothing() {
        for text in ["order 17 of run_8f21", "'x' 12:00:01 /a/b 0xff", "<n> <id> <time>"] {
            assert_eq!(mask(&mask(text)), mask(text));
        }
    }
}
