//! Server-sent events, by the rules of the WHATWG: bytes in, events out, whatever the pieces they came in.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Its name, where it has one.
    pub event: Option<String>,
    /// Its data; several lines are one text.
    pub data: String,
}

/// Reads a stream of events. Nothing that it keeps grows beyond its limit.
#[derive(Debug)]
pub struct SseReader {
    limit: usize,
    line: Vec<u8>,
    is_first_line: bool,
    after_carriage_return: bool,
    is_too_long: bool,
    event: Option<String>,
    data: String,
    has_data: bool,
    pending_id: Option<String>,
    last_id: Option<String>,
    retry_ms: Option<u64>,
    dropped: u64,
}

impl SseReader {
    /// Events of at most so many bytes; longer ones are left out and counted.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            is_first_line: true,
            after_carriage_return: false,
            is_too_long: false,
            event: None,
            data: String::new(),
            has_data: false,
            pending_id: None,
            last_id: None,
            retry_ms: None,
            dropped: 0,
        }
    }

    /// The id of the latest event, by which a new connection goes on.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref().filter(|id| !id.is_empty())
    }

    /// How long the server wants us to wait before a new connection, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// How many events were left out because they were too long.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Adds the events that `bytes` complete to `events`.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) {
        for &byte in bytes {
            let follows_carriage_return = std::mem::take(&mut self.after_carriage_return);
            match byte {
                b'\n' if follows_carriage_return => {}
                b'\r' | b'\n' => {
                    self.after_carriage_return = byte == b'\r';
                    self.end_line(events);
                }
                _ if self.line.len() >= self.limit => self.is_too_long = true,
                _ => self.line.push(byte),
            }
        }
    }

    fn end_line(&mut self, events: &mut Vec<SseEvent>) {
        let line = std::mem::take(&mut self.line);
        let mut bytes = line.as_slice();
        if std::mem::take(&mut self.is_first_line) {
            bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        }
        if bytes.is_empty() {
            self.dispatch(events);
        } else {
            self.field(&String::from_utf8_lossy(bytes));
        }
        self.line = line;
        self.line.clear();
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                self.is_too_long |= self.data.len() + value.len() > self.limit;
                if !self.is_too_long {
                    if self.has_data {
                        self.data.push('\n');
                    }
                    self.data.push_str(value);
                }
                self.has_data = true;
            }
            "event" => self.event = Some(value.to_owned()),
            "id" if !value.contains('\0') => self.pending_id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok();
            }
            // A comment has no name; other names are for whoever knows them.
            _ => {}
        }
    }

    fn dispatch(&mut self, events: &mut Vec<SseEvent>) {
        self.last_id = self.pending_id.clone().or(self.last_id.take());
        let event = self.event.take().filter(|name| !name.is_empty());
        let data = std::mem::take(&mut self.data);
        let has_data = std::mem::take(&mut self.has_data);
        if std::mem::take(&mut self.is_too_long) {
            self.dropped += 1;
        } else if has_data && !data.is_empty() {
            events.push(SseEvent { event, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each event as `name=data`, whether the text comes whole or byte by byte.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        for size in [1, 2, 3, text.len().max(1)] {
            let (mut reader, mut events) = (SseReader::new(100), Vec::new());
            text.as_bytes().chunks(size).for_each(|piece| reader.push(piece, &mut events));
            let told: Vec<String> =
                events.iter().map(|e| format!("{}={}", e.event.as_deref().unwrap_or_default(), e.data)).collect();
            assert_eq!(told, expected, "in pieces of {size}: {text:?}");
        }
    }

    #[test]
    fn events_end_with_a_blank_line_of_any_kind() {
        check("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\r\ndata: e\n", &["=a", "=b", "=c", "=d"]);
    }

    #[test]
    fn data_of_several_lines_is_one_text() {
        check("data: a\ndata:b\ndata\ndata:  c\n\n", &["=a\nb\n\n c"]);
        check("data\n\n", &[]);
        check("data\ndata\n\n", &["=\n"]);
    }

    #[test]
    fn names_comments_and_strangers() {
        check("event: ping\ndata: {}\n\ndata: x\n\n", &["ping={}", "=x"]);
        check(": hello\n\n:data: no\nother: 1\ndata: x\n\nevent: alone\n\ndata: y\n\n", &["=x", "=y"]);
    }

    #[test]
    fn a_byte_order_mark_counts_only_at_the_beginning() {
        check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["=a"]);
    }

    #[test]
    fn ids_stay_and_retry_is_a_number() {
        let (mut reader, mut events) = (SseReader::new(100), Vec::new());
        reader.push(b"id: 7\nretry: 250\ndata: a\n\n", &mut events);
        assert_eq!((reader.last_id(), reader.retry_ms()), (Some("7"), Some(250)));
        reader.push(b"retry: soon\nid: a\0b\ndata: b\n\nid: 9\ndata: c\n", &mut events);
        assert_eq!((reader.last_id(), reader.retry_ms()), (Some("7"), Some(250)), "9 is not complete");
        reader.push(b"\nid\ndata: d\n\n", &mut events);
        assert_eq!((reader.last_id(), events.len()), (None, 4));
    }

    #[test]
    fn what_is_too_long_is_left_out_and_counted() {
        let (mut reader, mut events) = (SseReader::new(10), Vec::new());
        let long = format!("data: {}\n\ndata: 123456789\ndata: 123456789\n\ndata: ok\n\n", "x".repeat(5000));
        reader.push(long.as_bytes(), &mut events);
        assert_eq!((events.len(), reader.dropped()), (1, 2));
        assert_eq!(events[0].data, "ok");
    }

    proptest::proptest! {
        #[test]
        fn pieces_make_no_difference(text in "(data|event|id|:|\r|\n|\r\n| |x|é){0,40}", at in 0usize..80) {
            let bytes = text.as_bytes();
            let (mut whole, mut halves) = (Vec::new(), Vec::new());
            SseReader::new(50).push(bytes, &mut whole);
            let (mut reader, at) = (SseReader::new(50), at.min(bytes.len()));
            reader.push(&bytes[..at], &mut halves);
            reader.push(&bytes[at..], &mut halves);
            proptest::prop_assert_eq!(whole, halves);
        }
    }
}
