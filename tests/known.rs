//! Known failures, tiers and dependents: stories of entries in, counts and news in words out.

use std::sync::Arc;

use liveloop::domain::*;

const DAY: u64 = 86_400_000_000;

struct Story {
    state: State,
    effects: Effects,
    run: u32,
}

impl Story {
    fn new(project: ProjectSpec) -> Self {
        let runner = |name: &str| RunnerSpec {
            name: name.into(),
            tool: name.into(),
            command: name.into(),
            ..RunnerSpec::default()
        };
        let project = ProjectSpec { runners: vec![runner("pytest")], ..project };
        let mut story = Self { state: State::default(), effects: Vec::new(), run: 0 };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story
    }

    fn bare() -> Self {
        Self::new(ProjectSpec::default())
    }

    fn at(&mut self, at: Moment, event: impl Into<Event>) {
        let entry = Entry { seq: self.state.seq + 1, at, event: event.into() };
        self.state.apply(&entry, &mut self.effects);
    }

    fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        self.at(Moment(self.state.at.0 + 1_000), event);
        self
    }

    fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(0), command })
    }

    /// A run of these tests, each of which passes, or fails with that message.
    fn run(&mut self, tests: &[(&str, Option<&str>)]) -> &mut Self {
        self.ask(Command::Run(Selection::All));
        let run = RunId(self.run);
        self.run += 1;
        let found = |(node, _): &(&str, Option<&str>)| {
            let module = node.split_once("::").map_or(*node, |(module, _)| module);
            Found { node: (*node).into(), module: module.into(), line: 1, source: None }
        };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: tests.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run });
        for (n, (_, message)) in (0..).zip(tests) {
            let outcome = if message.is_some() { Outcome::Failed } else { Outcome::Passed };
            let detail = message.map(|message| Arc::new(Detail { message: message.into(), ..Detail::default() }));
            self.tell(RunEvent::TestStarted { run, n });
            self.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(9), detail, evidence: None });
        }
        let code = i32::from(tests.iter().any(|(_, message)| message.is_some()));
        self.tell(RunEvent::Exited { run, exit: Exit::Code(code), says: "".into(), leaked: 0 })
    }

    fn test(&self, node: &str) -> TestId {
        self.state.inventory.test_named(RunnerId(0), node).expect("a test of that name")
    }

    fn key(&self, node: &str) -> Text {
        let cause = self.state.causes.of(self.test(node)).expect("it fails");
        self.state.causes.get(cause).expect("a cause").key.clone()
    }

    /// Mutes the whole cause of a test.
    fn mute(&mut self, node: &str) -> &mut Self {
        let spec = KnownSpec { reason: "waits for the vendor".into(), ..KnownSpec::of_signature(self.key(node)) };
        self.ask(Command::Mute(Arc::new(spec)))
    }

    /// `1 passed, 2 failed, 1 known: red`
    fn told(&self) -> String {
        let tally = self.state.inventory.tally();
        let sum = tally.passes() + tally.failures() + tally.known;
        assert_eq!(sum, tally.total(), "what is counted adds up");
        let run = self.state.runs.newest().map_or(*tally, |(_, run)| run.tally);
        assert_eq!((run.failures(), run.known), (tally.failures(), tally.known), "the run counts alike");
        let word = if self.state.is_green() { "green" } else { "red" };
        format!("{} passed, {} failed, {} known: {word}", tally.passes(), tally.failures(), tally.known)
    }

    fn news(&self) -> Vec<String> {
        self.state.news.iter().map(|news| news.text.to_string()).collect()
    }

    #[track_caller]
    fn says(&self, words: &str) {
        assert!(self.news().iter().any(|news| news.contains(words)), "{words} in {:#?}", self.news());
    }
}

const CART: Option<&str> = Some("AssertionError: the cart is empty");
const LATE: Option<&str> = Some("AssertionError: the order was never shipped");

#[test]
fn a_muted_cause_counts_no_longer_and_is_never_hidden() {
    let mut story = Story::bare();
    story.run(&[("a::one", CART), ("a::two", CART), ("b::three", LATE), ("b::four", None)]);
    assert_eq!(story.told(), "1 passed, 3 failed, 0 known: red");
    story.mute("a::one");
    assert_eq!(story.told(), "1 passed, 1 failed, 2 known: red");
    story.says("mutes the cart is empty: 2 tests, because waits for the vendor");
    // What is rerun is what counts.
    story.ask(Command::Run(Selection::Failures));
    let wanted = story.effects.iter().rev().find_map(|effect| match effect {
        Effect::StartRun { wanted: Wanted::Only { nodes, .. }, .. } => Some(nodes.clone()),
        _ => None,
    });
    assert_eq!(wanted, Some(vec!["b::three".into()]));
}

#[test]
fn only_known_failures_are_green_and_a_new_test_of_the_cause_is_known_too() {
    let mut story = Story::bare();
    story.run(&[("a::one", CART), ("a::two", None)]).mute("a::one");
    assert_eq!(story.told(), "1 passed, 0 failed, 1 known: green");
    story.run(&[("a::one", CART), ("a::two", CART)]);
    assert_eq!(story.told(), "0 passed, 0 failed, 2 known: green");
    let known = story.state.known.iter().next().map(|(id, _)| id).expect("a known failure");
    story.ask(Command::Unmute(known));
    assert_eq!(story.told(), "0 passed, 2 failed, 0 known: red");
}

#[test]
fn a_test_that_fails_differently_counts_in_full_and_stays_so() {
    let mut story = Story::bare();
    story.run(&[("a::one", CART), ("a::two", CART)]).mute("a::one");
    story.run(&[("a::one", LATE), ("a::two", CART)]);
    assert_eq!(story.told(), "0 passed, 1 failed, 1 known: red");
    story.says("un-muted, it fails differently: the cart is empty");
    story.run(&[("a::one", CART), ("a::two", CART)]);
    assert_eq!(story.told(), "0 passed, 1 failed, 1 known: red");
}

#[test]
fn three_passes_in_a_row_end_a_mute_and_fewer_do_not() {
    let mut story = Story::bare();
    story.run(&[("a::one", CART)]).mute("a::one");
    story.run(&[("a::one", None)]).run(&[("a::one", None)]).run(&[("a::one", CART)]);
    assert_eq!(story.told(), "0 passed, 0 failed, 1 known: green");
    for _ in 0..3 {
        story.run(&[("a::one", None)]);
    }
    story.says("un-muted, it passed three times: the cart is empty");
    story.run(&[("a::one", CART)]);
    assert_eq!(story.told(), "0 passed, 1 failed, 0 known: red");
}

#[test]
fn a_mute_ends_with_the_first_entry_after_its_day() {
    let mut story = Story::bare();
    story.run(&[("a::one", CART)]);
    let expires = Some(Moment(DAY));
    let spec = KnownSpec { reason: "soon".into(), expires, ..KnownSpec::of_signature(story.key("a::one")) };
    story.ask(Command::Mute(Arc::new(spec)));
    assert_eq!(story.told(), "0 passed, 0 failed, 1 known: green");
    story.at(Moment(DAY), SessionEvent::Remarked { text: "a new day".into() });
    assert_eq!(story.told(), "0 passed, 1 failed, 0 known: red");
    story.says("un-muted, it has expired: the cart is empty");
}

#[test]
fn what_was_stopped_or_lost_leaves_a_mute_as_it_was() {
    let mut story = Story::bare();
    story.run(&[("a::one", CART)]).mute("a::one").ask(Command::Run(Selection::All));
    let run = RunId(1);
    story.tell(RunEvent::Started { run, pid: 1 });
    let found = Found { node: "a::one".into(), module: "a".into(), line: 1, source: None };
    story.tell(RunEvent::Collected { run, tests: vec![found] });
    story.tell(RunEvent::TestStarted { run, n: 0 });
    story.tell(RunEvent::Exited { run, exit: Exit::Signal(9), says: "".into(), leaked: 0 });
    assert_eq!(story.told(), "0 passed, 1 failed, 0 known: red");
    story.run = 2;
    story.run(&[("a::one", CART)]);
    assert_eq!(story.told(), "0 passed, 0 failed, 1 known: green");
}

#[test]
fn the_projects_file_accepts_failures_by_message_and_by_test() {
    let known = |tests: &[&str], message: &str| KnownSpec {
        tests: tests.iter().map(|text| (*text).into()).collect(),
        signature: None,
        message: Some(message.into()),
        reason: "issue 7".into(),
        owner: None,
        issue: None,
        expires: None,
    };
    let mut story =
        Story::new(ProjectSpec { known: vec![known(&["a::*"], "*cart is empty*")], ..ProjectSpec::default() });
    story.run(&[("a::one", CART), ("a::two", LATE), ("b::three", CART)]);
    assert_eq!(story.told(), "0 passed, 2 failed, 1 known: red");
    assert_eq!(Verdict::of(story.state.inventory.test(story.test("a::one")).expect("a test")), Verdict::Known);
    story.run(&[("a::one", LATE), ("a::two", LATE), ("b::three", CART)]);
    assert_eq!(story.told(), "0 passed, 3 failed, 0 known: red");
    story.says("un-muted, it fails differently: *cart is empty*");
}

#[test]
fn a_mute_without_a_reason_or_a_signature_is_refused() {
    let mut story = Story::bare();
    story.run(&[("a::one", CART)]);
    let spec = KnownSpec::of_signature(story.key("a::one"));
    story.ask(Command::Mute(Arc::new(spec.clone())));
    story.ask(Command::Mute(Arc::new(KnownSpec { signature: None, reason: "all of it".into(), ..spec })));
    assert_eq!(story.told(), "0 passed, 1 failed, 0 known: red");
    story.says("needs a reason and a signature");
    // Nor does an identity that nobody has change anything.
    story.ask(Command::Unmute(KnownId(77)));
}

#[test]
fn a_mute_goes_on_in_the_next_session_with_what_it_has_seen() {
    let mut story = Story::bare();
    story.run(&[("a::one", CART), ("a::two", CART)]).mute("a::one");
    story.run(&[("a::one", None), ("a::two", LATE)]).run(&[("a::one", None), ("a::two", LATE)]);
    let left = story.state.known.left_behind(|id| Some(story.state.inventory.test(id)?.node.clone()));
    let written = serde_json::to_string(&left).expect("it can be written");
    let known: Vec<RecalledKnown> = serde_json::from_str(&written).expect("and read");

    let mut next = Story::bare();
    next.tell(SessionEvent::Recalled(Arc::new(Recollection { known: known.clone(), ..Recollection::default() })));
    next.run(&[("a::one", CART), ("a::two", CART)]);
    assert_eq!(next.told(), "0 passed, 1 failed, 1 known: red", "the one that failed differently counts");

    let mut passing = Story::bare();
    passing.tell(SessionEvent::Recalled(Arc::new(Recollection { known, ..Recollection::default() })));
    passing.run(&[("a::one", None), ("a::two", None)]);
    passing.says("un-muted, it passed three times");
    let left = passing.state.known.left_behind(|id| Some(passing.state.inventory.test(id)?.node.clone()));
    assert_eq!(left, [], "a mute that is over is not carried on");
}

#[test]
fn a_short_key_is_the_same_for_ever() {
    let detail = Detail { message: "AssertionError: order 17 is late".into(), ..Detail::default() };
    assert_eq!(Signature::of(Outcome::Failed, Some(&detail)).short_key(), "assertion:95a028ef");
    let other = Detail { message: "AssertionError: order 99 is late".into(), ..Detail::default() };
    assert_eq!(Signature::of(Outcome::Failed, Some(&other)).short_key(), "assertion:95a028ef");
}

fn tier(name: &str, tests: &[&str]) -> TierSpec {
    TierSpec {
        name: name.into(),
        title: name.into(),
        tests: tests.iter().map(|text| (*text).into()).collect(),
        at_risk: Some("$120K MRR".into()),
    }
}

#[test]
fn tiers_tell_what_is_protected() {
    let tiers = vec![tier("P1", &["a", "*::three"]), tier("P2", &["*"])];
    let mut story = Story::new(ProjectSpec { tiers, ..ProjectSpec::default() });
    let told = |story: &Story| {
        let tell = |(_, tier): (TierId, &Tier)| {
            let tally = &tier.tally;
            format!("{} {}/{} {:?}", tier.spec.name, tally.passes(), tally.total(), story.state.protection(tier))
        };
        story.state.inventory.tiers().iter().map(tell).collect::<Vec<_>>()
    };
    assert_eq!(told(&story), ["P1 0/0 Unproved", "P2 0/0 Unproved"]);
    story.run(&[("a::one", None), ("b::two", LATE), ("b::three", CART)]);
    assert_eq!(told(&story), ["P1 1/2 AtRisk(1)", "P2 0/1 AtRisk(1)"]);
    // A module stands with the most important of its tests.
    let places: Vec<Option<TierId>> = story.state.inventory.modules().map(|(_, module)| module.tier).collect();
    assert_eq!(places, [Some(TierId(0)), Some(TierId(0))]);
    story.mute("b::three");
    assert_eq!(told(&story), ["P1 1/2 Protected", "P2 0/1 AtRisk(1)"]);
    story.run(&[("a::one", None), ("b::two", None), ("b::three", CART)]);
    assert_eq!(told(&story), ["P1 1/2 Protected", "P2 1/1 Protected"]);
}

/// `the cart is empty 1 +2`: a cause, its tests, and those that depend on them.
fn causes(story: &Story) -> Vec<String> {
    let tell = |id| {
        let cause = story.state.causes.get(id).expect("a cause");
        format!("{} {} +{}", cause.title(), cause.tests.len(), cause.dependents.len())
    };
    story.state.causes.present().into_iter().map(tell).collect()
}

#[test]
fn declared_dependents_stand_under_what_they_need_whichever_fails_first() {
    let spec = DependentSpec { tests: vec!["a::order*".into()], on: vec!["z::login".into()] };
    let mut story = Story::new(ProjectSpec { dependents: vec![spec], ..ProjectSpec::default() });
    story.run(&[("a::order_1", LATE), ("a::order_2", CART), ("z::login", Some("AssertionError: no such user here"))]);
    assert_eq!(causes(&story), ["no such user here 1 +2"]);
    // It holds again, they do not: their failures are their own.
    story.run(&[("a::order_1", LATE), ("a::order_2", None), ("z::login", None)]);
    assert_eq!(causes(&story), ["the order was never shipped 1 +0"]);
}

#[test]
fn tests_that_always_fail_together_are_found_and_one_change_is_not_enough() {
    let mut story = Story::bare();
    let both: [(&str, Option<&str>); 3] = [("a::login", CART), ("a::order", LATE), ("a::other", None)];
    let none: [(&str, Option<&str>); 3] = [("a::login", None), ("a::order", None), ("a::other", None)];
    story.run(&both).run(&none);
    story.run(&both);
    assert_eq!(causes(&story), ["the cart is empty 1 +1"]);
    story.says("1 test fails whenever another does");
    // The first time that they part, it is over.
    story.run(&[("a::login", None), ("a::order", LATE), ("a::other", None)]);
    assert_eq!(causes(&story), ["the order was never shipped 1 +0"]);
    story.run(&both);
    assert_eq!(causes(&story).len(), 2);

    let mut deployed = Story::bare();
    deployed.run(&both).run(&both).run(&none);
    deployed.run(&none);
    assert_eq!(deployed.state.dependence.found(deployed.test("a::order")), None);
}
