//! How a test failed, told as a Python suite would tell it.

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::client::Trouble;

/// How a test failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The exception as Python prints it.
    pub(super) error: String,
    /// The statement in the test that raised it.
    statement: &'static str,
    /// Where below the test it was raised.
    helper: Option<&'static str>,
}

impl Failure {
    pub(super) fn in_test(statement: &'static str, error: impl Into<String>) -> Self {
        Self { error: error.into(), statement, helper: None }
    }

    pub(super) fn in_helper(statement: &'static str, helper: &'static str, error: impl Into<String>) -> Self {
        Self { error: error.into(), statement, helper: Some(helper) }
    }

    pub(super) fn timed_out(after: Duration) -> Self {
        Self::in_test("...", format!("Failed: Timeout >{:.1}s", after.as_secs_f64()))
    }

    /// The traceback, the test's own frame first.
    pub(super) fn trace(&self, file: &str, line: usize, name: &str) -> String {
        let helper = self.helper.map(|frame| format!("{frame}\n")).unwrap_or_default();
        format!("{file}:{}: in {name}\n    {}\n{helper}E   {}\n", line + 3, self.statement, self.error)
    }
}

// Frames of the fixtures, as a traceback shows them.

pub(super) const IN_CONNECT: &str = "tests/e2e/conftest.py:46: in connect\n    socket = await websockets.connect(url, additional_headers=bearer(token))";
pub(super) const IN_TOKEN: &str =
    "tests/e2e/conftest.py:31: in token\n    answer = auth.post(\"/auth/e2e/test-auth\", json={}, headers=bypass)";
pub(super) const IN_AGENT_RUN: &str =
    "tests/e2e/conftest.py:63: in agent_run\n    raise AssertionError(event[\"error\"])";
pub(super) const IN_RECEIVE: &str =
    "tests/e2e/conftest.py:58: in agent_run\n    raw = await asyncio.wait_for(ws.recv(), silence)";
pub(super) const IN_CLIENT: &str =
    "tests/e2e/conftest.py:22: in call\n    return client.request(method, path, timeout=10)";

/// How a check ends.
pub(super) type Outcome = Result<(), Failure>;

/// The statement held, or this is why not.
pub(super) fn expect(holds: bool, statement: &'static str, error: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failure::in_test(statement, error())) }
}

/// What httpx would raise.
pub(super) fn http_error(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Unreachable(error) => format!("httpx.ConnectError: {error}"),
        Trouble::Broken(error) => format!("httpx.RemoteProtocolError: {error}"),
        Trouble::TimedOut => "httpx.ReadTimeout: the read operation timed out".to_owned(),
        Trouble::Refused(answer) => {
            format!("httpx.HTTPStatusError: HTTP {}", answer.status.as_u16())
        }
    }
}

/// What websockets would raise.
pub(super) fn handshake_error(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Unreachable(error) => format!("ConnectionRefusedError: {error}"),
        Trouble::Broken(error) => format!("websockets.exceptions.InvalidMessage: {error}"),
        Trouble::TimedOut => "TimeoutError: timed out during opening handshake".to_owned(),
        Trouble::Refused(answer) => {
            let status = answer.status.as_u16();
            format!("websockets.exceptions.InvalidStatus: server rejected WebSocket connection: HTTP {status}")
        }
    }
}

pub(super) fn closed_error(frame: Option<&CloseFrame>) -> String {
    match frame {
        Some(frame) => {
            format!(
                "websockets.exceptions.ConnectionClosedError: received {} ({})",
                u16::from(frame.code),
                frame.reason
            )
        }
        None => "websockets.exceptions.ConnectionClosedError: no close frame received or sent".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_has_the_tests_own_frame_first_and_the_error_last() {
        let failure = Failure::in_helper("async with connect() as ws:", IN_CONNECT, "InvalidStatus: HTTP 403");
        let trace = failure.trace("tests/e2e/test_a.py", 15, "test_one");
        let lines: Vec<&str> = trace.lines().collect();
        assert_eq!(lines[0], "tests/e2e/test_a.py:18: in test_one");
        assert_eq!(lines[1], "    async with connect() as ws:");
        assert_eq!(lines[2], "tests/e2e/conftest.py:46: in connect");
        assert_eq!(lines[4], "E   InvalidStatus: HTTP 403");
    }
}
