//! A token that ends while its connection lives: the next one is there in time for whatever comes after.

use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::engine::stream::token::{Means, Token, TokenSource, TokenTrouble};

/// No token is asked for more often than this, however short its life.
const PAUSE: Duration = Duration::from_secs(30);

/// Waits for a token to come near its end, and gets the next one beside the reading.
pub(super) struct Renewal {
    due: Option<Instant>,
    work: Option<JoinHandle<Result<Token, TokenTrouble>>>,
}

impl Renewal {
    pub(super) fn of(token: Option<&Token>) -> Self {
        let wait = token.and_then(Token::due).map(|due| due.duration_since(SystemTime::now()).unwrap_or_default());
        Self { due: wait.map(|wait| Instant::now() + wait.max(PAUSE)), work: None }
    }

    /// The next token, when its time has come. Nothing is lost when this is given up half way.
    pub(super) async fn next(&mut self, source: Option<&TokenSource>, means: &Means) -> Token {
        let (Some(due), Some(source)) = (self.due, source) else { return std::future::pending().await };
        loop {
            if let Some(work) = &mut self.work {
                let obtained = work.await;
                self.work = None;
                match obtained {
                    Ok(Ok(token)) => {
                        *self = Self::of(Some(&token));
                        return token;
                    }
                    // The next connection asks again, and says why if it still cannot be had.
                    Ok(Err(_)) | Err(_) => self.due = Some(Instant::now() + PAUSE),
                }
            }
            sleep_until(self.due.unwrap_or(due)).await;
            let (source, means) = (source.clone(), means.clone());
            self.work = Some(tokio::spawn(async move { source.obtain(&means).await }));
        }
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::engine::http::{Http, HttpSettings};
    use crate::engine::stream::secret::Secrets;
    use crate::engine::stream::token::{Mint, Variables};

    /// Means under which a token can be had from the `n`th try on, and how often it was tried.
    fn from_try(n: usize) -> (Means, Arc<AtomicUsize>) {
        let tries = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&tries);
        let variables: Variables = Arc::new(move |_| {
            (counter.fetch_add(1, Ordering::Relaxed) + 1 >= n).then(|| "a-secret-of-the-test".into())
        });
        let http = Http::new(&HttpSettings::default()).expect("a client");
        (Means { http, variables, secrets: Secrets::default() }, tries)
    }

    fn source(lifetime: u64) -> TokenSource {
        let (claims, lifetime) = (serde_json::Map::new(), Duration::from_secs(lifetime));
        TokenSource::Mint(Mint { variable: "SECRET".into(), claims, lifetime })
    }

    /// After how many seconds the next token is there, and after how many tries.
    async fn renewed(lifetime: u64, from: usize) -> (u64, usize) {
        let first = source(lifetime).obtain(&from_try(1).0).await.expect("the first token");
        let (means, tries) = from_try(from);
        let begun = Instant::now();
        let next = Renewal::of(Some(&first)).next(Some(&source(lifetime)), &means).await;
        assert!(next.expires >= first.expires);
        // The token's end is in whole seconds of a clock that nobody holds still.
        (begun.elapsed().as_secs_f64().round() as u64, tries.load(Ordering::Relaxed))
    }

    fn about((seconds, tries): (u64, usize), expected: u64) -> usize {
        assert!(seconds.abs_diff(expected) <= 3, "after {seconds} s, not about {expected}");
        tries
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_token_is_there_before_the_first_one_ends() {
        assert_eq!(about(renewed(900, 1).await, 720), 1);
        // However short its life, a token is not asked for all the time.
        assert_eq!(about(renewed(5, 1).await, 30), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_cannot_be_had_is_asked_for_again() {
        assert_eq!(about(renewed(900, 3).await, 780), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_half_way_loses_nothing() {
        let first = source(900).obtain(&from_try(1).0).await.expect("the first token");
        let ((means, tries), source) = (from_try(1), source(900));
        let mut renewal = Renewal::of(Some(&first));
        // As in the loop of a connection, where something else happens every 10 s.
        let (begun, every) = (Instant::now(), Duration::from_secs(10));
        while tokio::time::timeout(every, renewal.next(Some(&source), &means)).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(900), "the token has ended");
        }
        assert_eq!(tries.load(Ordering::Relaxed), 1);
    }
}
