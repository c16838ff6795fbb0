//! Numbers that mean something: HTTP statuses, WebSocket close codes, and what they were about.

/// The HTTP status of an error that a text says it met, not one that it wanted.
pub(super) fn status(lower: &str) -> Option<u16> {
    numbers(lower, 3).find_map(|(at, number)| {
        let status: u16 = number.parse().ok().filter(|status| (400..600).contains(status))?;
        let line = lower[..at].rsplit('\n').next().unwrap_or("");
        let after = lower[at + 3..].split('\n').next().unwrap_or("");
        let wanted = ["expected", "expect", "wanted", "want", "should", "not", "==", "!=", "in", "or"];
        let words = || line.split_whitespace().rev().map(|word| word.trim_matches([':', ',', '=', '(', '[']));
        if words().take(2).any(|word| wanted.contains(&word)) {
            return None;
        }
        let met = ["http", "status", "code", "rejected", "response", "returned", "got", "answered", "status_code"];
        let named = words().take(3).any(|word| met.contains(&word) || word.starts_with("http/"))
            || line.ends_with("[") && line.ends_with("response [")
            || line.trim_end_matches(['=', ':', '"', '\'', ' ']).ends_with("status")
            || line.trim_end_matches(['=', ':', '"', '\'', ' ']).ends_with("code");
        // Against another status: `assert 404 == 200` is one, `assert 404 == 3` counts something.
        let compared =
            numbers(after, 3).any(|(_, other)| other.parse().is_ok_and(|other: u16| (100..600).contains(&other)));
        let asserted = line.trim_end().ends_with("assert")
            && [" ==", " in", " !=", " <"].iter().any(|operator| after.starts_with(operator))
            && compared;
        let reasons = [
            "forbidden",
            "unauthorized",
            "not found",
            "service unavailable",
            "bad gateway",
            "gateway time",
            "client error",
            "server error",
            "method not allowed",
            "message=",
        ];
        let explained = reasons.iter().any(|reason| after.trim_start_matches([' ', ',', ':', '-']).starts_with(reason));
        (named || asserted || explained).then_some(status)
    })
}

/// The close code of a WebSocket that a text names.
pub(super) fn close_code(lower: &str) -> Option<u16> {
    numbers(lower, 4).find_map(|(at, number)| {
        let code: u16 = number.parse().ok().filter(|code| (1000..5000).contains(code))?;
        let before = lower[..at].trim_end_matches([' ', '=', ':', '"', '\'']);
        let named = ["received", "code", "close", "closed", "closed with", "sent"];
        let socket = lower.contains("websocket") || lower.contains("connectionclosed") || lower.contains("received 1");
        let explained = lower[at + 4..].starts_with(" (");
        (named.iter().any(|word| before.ends_with(word)) && (socket || explained)).then_some(code)
    })
}

/// What a close code means, for people.
pub(super) fn close_reason(code: u16) -> &'static str {
    match code {
        1006 => " (connection lost)",
        1008 => " (policy violation)",
        1011 => " (internal error)",
        1012 => " (service restart)",
        1013 => " (try again later)",
        _ => "",
    }
}

/// The path that a request went to.
pub(super) fn endpoint(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || "'\"`()[]{}<>,;".contains(c));
    let path = words.map(|word| word.trim_end_matches([':', '.'])).find_map(|word| match word.split_once("://") {
        Some((scheme, rest)) if ["http", "https", "ws", "wss"].contains(&scheme) => {
            Some(rest.find('/').map_or("/", |slash| &rest[slash..]))
        }
        Some(_) => None,
        None => word.starts_with('/').then_some(word).filter(|word| word.len() > 1 && !is_file(word)),
    })?;
    let path = path.split(['?', '#']).next().unwrap_or(path);
    Some(path.split('/').map(segment).collect::<Vec<_>>().join("/"))
}

/// A part of a path; an id of something is masked, a version is not.
fn segment(part: &str) -> String {
    let version = part.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if version { part.to_owned() } else { super::mask(part) }
}

fn is_file(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or("");
    [".py", ".rs", ".js", ".ts", ".go", ".sock", ".so"]
        .iter()
        .any(|end| name.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':').ends_with(end))
}

/// The host that a text names, with its port.
pub(super) fn host(text: &str) -> Option<String> {
    // As Python's sockets tell it: `('127.0.0.1', 22000)`.
    if let Some((_, rest)) = text.split_once("('")
        && let Some((host, rest)) = rest.split_once("', ")
        && is_host(host)
    {
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return Some(if port.is_empty() { host.to_owned() } else { format!("{host}:{port}") });
    }
    if let Some((_, rest)) = text.split_once("host='")
        && let Some((host, rest)) = rest.split_once('\'')
        && is_host(host)
    {
        let port: String =
            rest.strip_prefix(", port=").unwrap_or("").chars().take_while(char::is_ascii_digit).collect();
        return Some(if port.is_empty() { host.to_owned() } else { format!("{host}:{port}") });
    }
    let words = text.split(|c: char| c.is_whitespace() || "'\"`()[]{}<>,;".contains(c));
    words.map(|word| word.trim_end_matches([':', '.'])).find_map(|word| {
        let bare = word.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
        let named = bare.or_else(|| {
            let (host, port) = word.rsplit_once(':')?;
            let numeric = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            (numeric
                && (host == "localhost" || host.contains('.'))
                && !host.contains('/')
                && !is_file(&format!("/{host}")))
            .then_some(word)
        })?;
        is_host(named.split(':').next().unwrap_or("")).then(|| named.to_owned())
    })
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 254
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// The numbers of exactly so many digits that stand alone, with their places.
fn numbers(text: &str, digits: usize) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let alone = move |at: usize| {
        let edge = |at: Option<usize>| {
            let byte = at.and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
            !(byte.is_ascii_alphanumeric() || byte == b'_')
        };
        // A number with decimals, or a part of a date.
        let within = |at: Option<usize>, next: Option<usize>| {
            let byte = |at: Option<usize>| at.and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
            (byte(at) == b'.' || byte(at) == b'-') && byte(next).is_ascii_digit()
        };
        let end = at + digits;
        edge(at.checked_sub(1))
            && edge(Some(end))
            && !within(Some(end), Some(end + 1))
            && !within(at.checked_sub(1), at.checked_sub(2))
    };
    (0..bytes.len().saturating_sub(digits - 1))
        .filter(move |&at| bytes[at..at + digits].iter().all(u8::is_ascii_digit) && alone(at))
        .map(move |at| (at, &text[at..at + digits]))
}
