//! When a stream is tried again: a pure table from the cause of a loss to what happens next. Randomness is handed in.

use std::time::Duration;

use crate::config::project::CloseAction;

/// The first delay is between [`FLOOR`] and this; it doubles with every failure.
const BASE: Duration = Duration::from_millis(500);
/// No delay is longer, save one that the server asked for.
const CAP: Duration = Duration::from_secs(30);
/// No delay is shorter, so that nothing ever spins.
const FLOOR: Duration = Duration::from_millis(100);
/// During a known deploy the service comes back any moment: delays stay below this.
const CAP_WHILE_DEPLOYING: Duration = Duration::from_secs(3);
/// A server that announced its restart is back soon.
const CAP_AFTER_RESTART: Duration = Duration::from_secs(1);
/// A server that said "try again later" gets at least this.
const FLOOR_TRY_LATER: Duration = Duration::from_secs(5);
/// `Retry-After` is believed up to here.
const RETRY_AFTER_CAP: Duration = Duration::from_secs(600);

/// Why there is no connection (any more).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The name, the network, TCP, or the first bytes of TLS.
    Unreachable,
    /// A deadline passed before the connection was open.
    Timeout,
    /// The certificate is not trusted, or TLS cannot be spoken.
    Certificate,
    /// The address or a header cannot be used at all.
    Unusable,
    /// The server answered the handshake with this status.
    Status {
        /// The HTTP status.
        status: u16,
        /// What its `Retry-After` header said.
        retry_after: Option<Duration>,
    },
    /// It said 101, but it was no WebSocket handshake.
    NotAWebSocket,
    /// A close frame came with this code.
    Closed(u16),
    /// The connection ended without a close frame (known as 1006).
    Dropped,
    /// No byte, or no pong, for too long.
    Stale,
    /// One side broke the rules, or a limit.
    Violation,
    /// The token could not be had; a command or a server may do better next time.
    TokenUnavailable,
    /// The token cannot be had in the way that is configured: a variable is unset, a file is missing.
    TokenUnset,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again after this long.
    Wait(Duration),
    /// Get a new token, then try once more at once.
    RefreshToken,
    /// Stop until a person or the loop asks for it again.
    Stop,
}

/// What the table needs to know beside the cause.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// How many tries failed since the stream was last ready for a while.
    pub failures: u32,
    /// Whether the token was refreshed since then, or there is none to refresh.
    pub token_is_fresh: bool,
    /// Whether a deploy is known to be under way.
    pub deploying: bool,
    /// Whether a normal close is to be followed by a new connection.
    pub keep_open: bool,
    /// What configuration says about close codes.
    pub close_codes: &'a [(u16, CloseAction)],
    /// A random number from 0 up to 1.
    pub dice: f64,
}

/// The table.
pub fn next(cause: &Cause, situation: &Situation) -> Next {
    let backoff = || Next::Wait(situation.full_jitter(CAP, FLOOR));
    let verdict = match cause {
        Cause::Unreachable | Cause::Timeout | Cause::Dropped | Cause::Stale | Cause::TokenUnavailable => backoff(),
        Cause::Certificate | Cause::Unusable | Cause::NotAWebSocket | Cause::Violation | Cause::TokenUnset => {
            Next::Stop
        }
        Cause::Status { status, retry_after } => match status {
            401 | 403 => situation.authenticate(),
            408 | 429 | 500.. => {
                let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_CAP);
                Next::Wait(situation.full_jitter(CAP, FLOOR).max(asked))
            }
            _ => Next::Stop,
        },
        Cause::Closed(code) => situation.after_close(*code),
    };
    match verdict {
        // What a service says while it is being replaced is no last word. Mistakes of our own side are.
        Next::Stop | Next::RefreshToken
            if situation.deploying
                && matches!(cause, Cause::Status { .. } | Cause::Closed(_) | Cause::NotAWebSocket) =>
        {
            Next::Wait(situation.full_jitter(CAP, FLOOR))
        }
        verdict => verdict,
    }
}

impl Situation<'_> {
    fn after_close(&self, code: u16) -> Next {
        if let Some((_, action)) = self.close_codes.iter().find(|(listed, _)| *listed == code) {
            return match action {
                CloseAction::Retry => Next::Wait(self.full_jitter(CAP, FLOOR)),
                CloseAction::Authenticate => self.authenticate(),
                CloseAction::Stop => Next::Stop,
            };
        }
        match code {
            1000 if !self.keep_open => Next::Stop,
            1001 | 1012 => Next::Wait(self.full_jitter(CAP_AFTER_RESTART, FLOOR)),
            1013 => Next::Wait(self.full_jitter(CAP, FLOOR_TRY_LATER)),
            1002 | 1003 | 1007 | 1009 | 1010 => Next::Stop,
            // Some servers send an HTTP status in place of a close code.
            401 | 403 | 1008 | 4001 | 4401 | 4403 => self.authenticate(),
            0..=999 | 1015..=2999 => Next::Stop,
            _ => Next::Wait(self.full_jitter(CAP, FLOOR)),
        }
    }

    fn authenticate(&self) -> Next {
        if self.token_is_fresh { Next::Stop } else { Next::RefreshToken }
    }

    /// Anywhere between nothing and the doubled base, so that a hundred clients do not come back in the same moment.
    fn full_jitter(&self, cap: Duration, floor: Duration) -> Duration {
        let cap = if self.deploying { cap.min(CAP_WHILE_DEPLOYING) } else { cap };
        let doubled = BASE.saturating_mul(1 << self.failures.min(16));
        doubled.min(cap).mul_f64(self.dice.clamp(0.0, 1.0)).max(floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Situation = Situation {
        failures: 0,
        token_is_fresh: false,
        deploying: false,
        keep_open: false,
        close_codes: &[],
        dice: 1.0,
    };

    fn status(status: u16) -> Cause {
        Cause::Status { status, retry_after: None }
    }

    fn ms(ms: u64) -> Next {
        Next::Wait(Duration::from_millis(ms))
    }

    #[test]
    fn delays_double_up_to_the_cap_and_never_spin() {
        let delay = |failures, dice| next(&Cause::Dropped, &Situation { failures, dice, ..CALM });
        assert_eq!([0, 1, 2, 3].map(|failures| delay(failures, 1.0)), [ms(500), ms(1000), ms(2000), ms(4000)]);
        assert_eq!(delay(40, 1.0), ms(30_000));
        assert_eq!(delay(u32::MAX, 0.5), ms(15_000));
        assert_eq!(delay(40, 0.0), ms(100));
    }

    #[test]
    fn every_cause_has_its_answer() {
        let table = [
            (Cause::Unreachable, ms(500)),
            (Cause::Timeout, ms(500)),
            (Cause::Stale, ms(500)),
            (Cause::Certificate, Next::Stop),
            (Cause::Unusable, Next::Stop),
            (Cause::TokenUnset, Next::Stop),
            (Cause::TokenUnavailable, ms(500)),
            (status(400), Next::Stop),
            (status(302), Next::Stop),
            (status(404), Next::Stop),
            (status(426), Next::Stop),
            (status(401), Next::RefreshToken),
            (status(403), Next::RefreshToken),
            (status(429), ms(500)),
            (status(500), ms(500)),
            (status(503), ms(500)),
            (Cause::Closed(1000), Next::Stop),
            (Cause::Closed(1001), ms(500)),
            (Cause::Closed(1008), Next::RefreshToken),
            (Cause::Closed(1009), Next::Stop),
            (Cause::Closed(1011), ms(500)),
            (Cause::Closed(1012), ms(500)),
            (Cause::Closed(1013), ms(5000)),
            (Cause::Closed(4403), Next::RefreshToken),
            (Cause::Closed(4999), ms(500)),
        ];
        for (cause, expected) in table {
            assert_eq!(next(&cause, &CALM), expected, "{cause:?}");
        }
    }

    #[test]
    fn a_refused_token_is_refreshed_once() {
        let refused = |situation| next(&status(403), &situation);
        assert_eq!(refused(CALM), Next::RefreshToken);
        assert_eq!(refused(Situation { token_is_fresh: true, ..CALM }), Next::Stop);
        assert_eq!(next(&Cause::Closed(1008), &Situation { token_is_fresh: true, ..CALM }), Next::Stop);
    }

    #[test]
    fn a_deploy_under_way_is_waited_for() {
        let deploying = Situation { deploying: true, token_is_fresh: true, failures: 9, ..CALM };
        for cause in [status(403), status(404), status(503), Cause::Closed(1008), Cause::Closed(1000), Cause::Dropped] {
            assert_eq!(next(&cause, &deploying), ms(3000), "{cause:?}");
        }
        assert_eq!(next(&Cause::Certificate, &deploying), Next::Stop);
    }

    #[test]
    fn the_server_is_believed_when_it_names_a_time() {
        let busy = Cause::Status { status: 429, retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(next(&busy, &CALM), ms(7000));
        let for_ever = Cause::Status { status: 503, retry_after: Some(Duration::MAX) };
        assert_eq!(next(&for_ever, &CALM), ms(600_000));
    }

    #[test]
    fn configuration_has_the_last_word_about_close_codes() {
        let close_codes = &[(4001, CloseAction::Stop), (1000, CloseAction::Retry), (4100, CloseAction::Authenticate)];
        let situation = Situation { close_codes, ..CALM };
        assert_eq!(next(&Cause::Closed(4001), &situation), Next::Stop);
        assert_eq!(next(&Cause::Closed(1000), &situation), ms(500));
        assert_eq!(next(&Cause::Closed(4100), &situation), Next::RefreshToken);
        assert_eq!(next(&Cause::Closed(1000), &Situation { keep_open: true, ..CALM }), ms(500));
    }
}
