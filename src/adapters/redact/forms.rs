//! The forms in which programs print a value that they were given.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::SHORTEST;

/// Every form of a value, its lines and, if it is a signed token, its signature.
pub(super) fn of(value: &str) -> Vec<String> {
    let mut parts = vec![value];
    let lines = value.lines().map(str::trim).filter(|line| line.len() < value.len() && !is_common(line));
    parts.extend(lines);
    parts.extend(signature(value));
    parts.iter().filter(|part| part.len() >= SHORTEST).flat_map(|part| of_one(part)).collect()
}

/// What stands in every key file says nothing about this one.
fn is_common(line: &str) -> bool {
    line.starts_with("-----")
}

/// The part of a JWT that makes it valid.
fn signature(value: &str) -> Option<&str> {
    match value.split('.').collect::<Vec<_>>()[..] {
        [_, _, signature] if value.starts_with("eyJ") => Some(signature),
        _ => None,
    }
}

fn of_one(value: &str) -> Vec<String> {
    let percent = percent_encoded(value);
    let json = json_escaped(value);
    let mut forms = vec![
        value.to_owned(),
        percent.replace("%20", "+"),
        lower_escapes(&percent),
        percent,
        json.replace('/', "\\/"),
        ascii_json(&json),
        json,
        xml_escaped(value),
        value.replace('\'', r"'\''"),
        hex(value, false),
        hex(value, true),
    ];
    for shift in 0..3 {
        forms.push(base64_inside(&STANDARD_NO_PAD, value, shift));
        forms.push(base64_inside(&URL_SAFE_NO_PAD, value, shift));
    }
    forms
}

fn percent_encoded(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `%2F` as `%2f`, the rest as it is.
fn lower_escapes(percent: &str) -> String {
    let mut pieces = percent.split('%');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (escape, rest) = piece.split_at(2);
        out.push('%');
        out.push_str(&escape.to_ascii_lowercase());
        out.push_str(rest);
    }
    out
}

fn json_escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As Python writes it: everything beyond ASCII as `\u….`.
fn ascii_json(json: &str) -> String {
    let mut out = String::new();
    for c in json.chars() {
        match c {
            _ if c.is_ascii() => out.push(c),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    out
}

fn xml_escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn hex(value: &str, upper: bool) -> String {
    let digits = value.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
    digits.collect()
}

/// The characters that a value always leaves in the base64 of a longer text, `shift` bytes (modulo 3) before it.
fn base64_inside(engine: &impl Engine, value: &str, shift: usize) -> String {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(value.as_bytes());
    let encoded = engine.encode(&bytes);
    // Characters at both ends carry bits of the neighbours too.
    let before = (shift * 8).div_ceil(6);
    let after = usize::from(!bytes.len().is_multiple_of(3));
    encoded[before..encoded.len() - after].to_owned()
}
