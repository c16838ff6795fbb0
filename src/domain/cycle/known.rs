//! Known failures: what an ended test means for them, and what they mean for the counts. They are over by themselves
//! when a test fails otherwise, passes a few times, or their time comes.

use std::sync::Arc;

use crate::domain::known::{Failure, KEPT, Verdict};
use crate::domain::{
    Cause, Counted, KnownId, KnownSpec, Outcome, RecalledKnown, Signature, Standing, State, TestId, Tone, Unmuted,
    ViewerId,
};

impl State {
    /// Whether every test that fails for this cause is a known failure.
    #[must_use]
    pub fn is_muted(&self, cause: &Cause) -> bool {
        let known = |test| self.inventory.test(test).is_some_and(|test| test.known.is_some());
        cause.count() > 0 && cause.members().all(known)
    }

    pub(super) fn mute(&mut self, by: ViewerId, spec: &Arc<KnownSpec>) {
        if spec.reason.trim().is_empty() || (spec.signature.is_none() && spec.message.is_none()) {
            return self.say(Tone::Warning, "not muted: a known failure needs a reason and a signature");
        }
        let name = self.viewer_name(Some(by)).to_owned();
        let Some(id) = self.known.add(spec.as_ref().clone(), Some(name.as_str().into()), self.at) else {
            return self.say(Tone::Warning, format!("not muted: {KEPT} known failures are the most there can be"));
        };
        if !spec.tests.is_empty() {
            self.enlist_all();
        }
        let before = self.inventory.tally().known;
        self.review_all_known();
        let muted = self.inventory.tally().known.saturating_sub(before);
        let title = self.known_title(id);
        let plural = if muted == 1 { "" } else { "s" };
        self.say(Tone::Person, format!("{name} mutes {title}: {muted} test{plural}, because {}", spec.reason));
    }

    pub(super) fn unmute(&mut self, by: ViewerId, id: KnownId) {
        if !self.known.end(id, Unmuted::Asked) {
            return;
        }
        self.review_all_known();
        let (name, title) = (self.viewer_name(Some(by)).to_owned(), self.known_title(id));
        self.say(Tone::Person, format!("{name} un-mutes {title}"));
    }

    /// Looked at with every entry, by one comparison.
    pub(super) fn expire_known(&mut self) {
        let due = self.known.expire(self.at);
        if due.is_empty() {
            return;
        }
        self.review_all_known();
        due.into_iter().for_each(|id| self.say_unmuted(id, Unmuted::Expired));
    }

    pub(super) fn recall_known(&mut self, recalled: &[RecalledKnown]) {
        let (known, inventory) = (&mut self.known, &self.inventory);
        known.recall(recalled, |node| inventory.tests().find(|(_, test)| &*test.node == node).map(|(id, _)| id));
    }

    /// A test was found, maybe for the first time.
    pub(super) fn enlist_known(&mut self, id: TestId) {
        let Some(test) = self.inventory.test(id) else { return };
        let Some(module) = self.inventory.module(test.module) else { return };
        self.known.find(id, &module.path, &test.node);
    }

    fn enlist_all(&mut self) {
        let tests = self.inventory.tests().len() as u32;
        for n in 0..tests {
            self.enlist_known(TestId(n));
        }
    }

    /// A test ended: what it says about the known failures, and whether its own is one. One that the environment spoilt
    /// says nothing.
    pub(super) fn judge_known(&mut self, id: TestId, spoilt: bool) {
        if self.known.is_idle() || spoilt {
            return;
        }
        let Some(outcome) = self.inventory.test(id).and_then(|test| test.outcome()) else { return };
        // Who was stopped or lost says nothing about what it would have met.
        let told = !matches!(outcome, Outcome::Interrupted | Outcome::Lost);
        let over = if outcome.is_failure() {
            let Verdict { known, over } = self
                .with_failure(id, |known, failure| {
                    if told {
                        known.fail(id, failure)
                    } else {
                        Verdict { known: known.excuse(id, failure), over: Vec::new() }
                    }
                })
                .unwrap_or_default();
            self.excuse(id, known);
            over
        } else if outcome.is_pass() && told {
            self.known.pass(id)
        } else {
            Vec::new()
        };
        over.into_iter().for_each(|(known, why)| self.say_unmuted(known, why));
    }

    /// Whether a failure that was met before is a known one, as far as is known now.
    pub(super) fn review_known(&mut self, id: TestId) {
        let known = self.with_failure(id, |known, failure| known.excuse(id, failure)).flatten();
        self.excuse(id, known);
    }

    fn review_all_known(&mut self) {
        for id in self.causes.tests().collect::<Vec<_>>() {
            self.review_known(id);
        }
        self.put_in_order();
    }

    fn with_failure<T>(
        &mut self,
        id: TestId,
        with: impl FnOnce(&mut crate::domain::KnownFailures, &Failure) -> T,
    ) -> Option<T> {
        let test = self.inventory.test(id)?;
        let latest =
            test.latest.as_ref().filter(|latest| latest.outcome.is_failure() && latest.circumstance.is_steady())?;
        let module = self.inventory.module(test.module)?;
        let own = Signature::of(latest.outcome, latest.detail.as_deref()).short_key();
        let cause = self.causes.of(id).and_then(|id| self.causes.get(id)).map_or("", |cause| &cause.key);
        let message = test.message().map_or("", |message| message);
        let failure = Failure { module: &module.path, node: &test.node, keys: [&own, cause], message };
        Some(with(&mut self.known, &failure))
    }

    /// The counts of the test and of the run that its result is from go together.
    fn excuse(&mut self, id: TestId, known: Option<KnownId>) {
        let Some(test) = self.inventory.test(id) else { return };
        let (was, is) = (test.known.is_some(), known.is_some());
        let latest = test.latest.as_ref().map(|latest| (latest.run, latest.outcome));
        self.inventory.excuse(id, known);
        if was != is
            && let Some((Some(run), outcome)) = latest
            && let Some(run) = self.runs.get_mut(run)
        {
            let own = Standing::Done(outcome).into();
            let (from, to) = if is { (own, Counted::Known) } else { (Counted::Known, own) };
            run.tally.remove(from);
            run.tally.add(to);
        }
    }

    /// What a known failure is about, in a few words.
    #[must_use]
    pub fn known_title(&self, id: KnownId) -> String {
        let Some(known) = self.known.get(id) else { return "a known failure".to_owned() };
        let spec = &known.spec;
        let cause = spec.signature.as_ref().and_then(|key| self.causes.keyed(key));
        match (cause, &*spec.tests, &spec.signature, &spec.message) {
            (_, [one], ..) if !one.0.contains(['*', '?']) => one.0.rsplit("::").next().unwrap_or(&one.0).to_owned(),
            (Some(cause), ..) => cause.title().to_string(),
            (None, _, Some(key), _) => key.to_string(),
            (None, _, None, Some(message)) => message.0.to_string(),
            (None, _, None, None) => "a known failure".to_owned(),
        }
    }

    fn say_unmuted(&mut self, id: KnownId, why: Unmuted) {
        let title = self.known_title(id);
        let tone = if why == Unmuted::Passed { Tone::Good } else { Tone::Warning };
        let over = self.known.get(id).is_some_and(|known| !known.is_active() && known.by.is_none());
        let advice = if over { "; take it out of liveloop.toml" } else { "" };
        self.say(tone, format!("un-muted, {}: {title}{advice}", why.word()));
    }
}
