//! What a deploy is called before it is made: a word that no other deploy has, and the commit that it is made from.

use crate::config::project::DeploySpec;
use crate::domain::{Event, Moment, SessionEvent, Text};
use crate::engine::means::Means;
use crate::engine::source;

/// What can be put into the words of a deploy.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// A word that no other deploy has: short, and allowed in every platform's names.
    pub(super) suffix: String,
    /// The commit in full, where one is asked for.
    commit: Option<Text>,
}

impl Names {
    /// Finds the names that a deploy asks for.
    ///
    /// # Errors
    /// When it asks for a commit and git knows none.
    pub(super) async fn find(spec: &DeploySpec, means: &Means) -> Result<Self, Text> {
        let suffix = suffix(means.clock.now());
        if !words(spec).any(|word| word.contains("{commit}")) {
            return Ok(Self { suffix, commit: None });
        }
        match source::look(&means.root, &means.masks).await.map(Event::from) {
            Some(Event::Session(SessionEvent::SourceSeen(checkout))) => {
                Ok(Self { suffix, commit: Some(checkout.commit.clone()) })
            }
            _ => Err("failed to put in {commit}: git knows no commit of this project".into()),
        }
    }

    /// A word with the names put in.
    pub(super) fn put_in(&self, word: &str) -> String {
        let word = word.replace("{suffix}", &self.suffix);
        self.commit.as_ref().map_or_else(|| word.clone(), |commit| word.replace("{commit}", commit))
    }

    /// The revision that a new deploy names before it is made: what the proof is told to expect, else the name that was
    /// put into its command.
    pub(super) fn expected(&self, spec: &DeploySpec) -> Option<Text> {
        if let Some(expect) = &spec.proof.expect {
            return Some(self.put_in(expect).into());
        }
        let says = |name: &str| spec.command.iter().flat_map(|command| &command.argv).any(|word| word.contains(name));
        if says("{suffix}") {
            return Some(self.suffix.as_str().into());
        }
        self.commit.clone().filter(|_| says("{commit}"))
    }
}

fn words(spec: &DeploySpec) -> impl Iterator<Item = &String> {
    spec.command.iter().flat_map(|command| &command.argv).chain(&spec.proof.expect)
}

fn suffix(now: Moment) -> String {
    let mut number = now.0 / 1_000;
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize]));
        number /= 36;
    }
    std::iter::once('l').chain(digits.into_iter().rev()).collect()
}
