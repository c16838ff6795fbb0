//! A byte stream that counts what it reads: liveness is about bytes, not about messages, since a long message can take
//! its time. It also keeps the last bytes: the library replaces a close code that no server may send, and what a person
//! has to know is the one that came.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest close frame, with its head.
const LONGEST_CLOSE: usize = 2 + 125;

/// The connection below a WebSocket.
#[derive(Debug)]
pub struct Wire<S> {
    inner: S,
    received: u64,
    /// The last bytes that came, no more than a close frame has.
    tail: Vec<u8>,
}

impl<S> Wire<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, received: 0, tail: Vec::with_capacity(2 * LONGEST_CLOSE) }
    }

    /// How many bytes came so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The code and the reason of the close frame that came last, where nothing came after it.
    pub fn close_frame(&self) -> Option<(u16, String)> {
        close_frame(&self.tail)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(LONGEST_CLOSE)..];
        let over = (self.tail.len() + bytes.len()).saturating_sub(LONGEST_CLOSE);
        self.tail.drain(..over);
        self.tail.extend_from_slice(bytes);
    }
}

/// A close frame that these bytes end with; a server masks nothing.
fn close_frame(tail: &[u8]) -> Option<(u16, String)> {
    (0..tail.len()).find_map(|from| match &tail[from..] {
        [0x88, length, high, low, reason @ ..] if usize::from(*length) == reason.len() + 2 => {
            Some((u16::from_be_bytes([*high, *low]), str::from_utf8(reason).ok()?.to_owned()))
        }
        _ => None,
    })
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context, buffer: &mut ReadBuf) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.received += (buffer.filled().len() - before) as u64;
        self.keep(&buffer.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_close_frame_at_the_end_is_read_however_it_came() {
        let frame = [&[0x88, 6, 3, 246][..], b"gone"].concat();
        for split in 0..=frame.len() {
            let mut wire = Wire::new(());
            wire.keep(&[0x81; 500]);
            wire.keep(&frame[..split]);
            wire.keep(&frame[split..]);
            assert_eq!(wire.close_frame(), Some((1014, "gone".into())), "{split}");
            assert!(wire.tail.len() <= LONGEST_CLOSE);
        }
        let longest = [&[0x88, 125, 3, 246][..], &[b'x'; 123]].concat();
        assert_eq!(close_frame(&longest), Some((1014, "x".repeat(123))));
        for other in [&[][..], &[0x88], &[0x88, 0], &[0x88, 2, 3], &[0x88, 3, 3, 246, 0xff], &[0x81, 2, 3, 246]] {
            assert_eq!(close_frame(other), None, "{other:?}");
        }
    }
}
