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
