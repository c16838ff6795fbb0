//! The few questions that a configuration asks of a URL. Connecting is left to those who know how.

/// Makes sure that a URL names one of the schemes and a host, and holds no password.
pub(super) fn check(url: &str, schemes: &[&str]) -> Result<(), String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if !schemes.contains(&scheme) {
        return Err(format!("`{url}` is not a URL that starts with {}", list(schemes)));
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("a URL cannot hold blanks or control characters".to_owned());
    }
    let authority = authority(rest);
    if authority.contains('@') {
        return Err("a URL is no place for a user name or a password".to_owned());
    }
    let (host, port) = split_port(authority);
    if host.is_empty() {
        return Err(format!("`{url}` names no host"));
    }
    match port {
        Some(port) if port.parse::<u16>().is_err() => Err(format!("`{port}` is not a port")),
        _ => Ok(()),
    }
}

/// Whether it leads to this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, _) = split_port(authority(rest));
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether what is sent there can be read on the way.
pub(super) fn is_plain_text(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("ws://")
}

/// A URL with a path appended.
pub(super) fn join(url: &str, path: &str) -> String {
    format!("{}{path}", url.trim_end_matches('/'))
}

/// The same place over WebSocket.
pub(super) fn as_websocket(url: &str) -> String {
    match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url.to_owned(),
    }
}

/// `host:port` of a URL, with the port that its scheme implies.
pub(super) fn address(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    match (split_port(authority(rest)), scheme) {
        ((host, Some(port)), _) => Some(format!("{host}:{port}")),
        ((host, None), "https" | "wss") => Some(format!("{host}:443")),
        ((host, None), "http" | "ws") => Some(format!("{host}:80")),
        _ => None,
    }
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // The colons of an IPv6 address are inside brackets.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn list(schemes: &[&str]) -> String {
    schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_scheme_and_a_host() {
        let web = &["http", "https"];
        for good in ["http://127.0.0.1:18000", "https://staging.example.com/api?x=1", "http://[::1]:8080/", "http://h"]
        {
            assert_eq!(check(good, web), Ok(()), "{good}");
        }
        for bad in [
            "",
            "staging.example.com",
            "ftp://h",
            "http://",
            "http://:80",
            "http://h:port",
            "http://h:70000",
            "http://a b",
            "https://user:password@h/",
            "http:///path",
        ] {
            assert!(check(bad, web).is_err(), "{bad}");
        }
    }

    #[test]
    fn this_machine_is_recognised() {
        for near in
            ["http://localhost", "ws://127.0.0.1:1/x", "ws://[::1]:9/", "http://127.9.9.9", "http://a.localhost:1"]
        {
            assert!(is_loopback(near), "{near}");
        }
        for far in [
            "http://example.com",
            "ws://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://h/localhost",
        ] {
            assert!(!is_loopback(far), "{far}");
        }
    }
}
