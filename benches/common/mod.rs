//! What the benches share: a session that is told events, and figures over many runs.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each bench uses its own part of this")]

use std::sync::Arc;

use liveloop::domain::{
    AgentEvent, AgentKind, Command, Effects, Entry, Event, Found, Moment, Outcome, ProjectSpec, RunEvent, RunId,
    RunnerSpec, Selection, SessionEvent, Span, State, StreamEvent, StreamId, StreamSpec, Text, ViewerId,
};

/// A session that is told events, 30 ms apart, and hands out the entries that a viewer would receive.
pub struct Story {
    pub state: State,
    pub run: RunId,
    seq: u64,
    effects: Effects,
}

impl Story {
    /// A session with one runner and one stream.
    pub fn new() -> Self {
        let mut story = Self { state: State::default(), run: RunId(0), seq: 0, effects: Effects::new() };
        let runner = RunnerSpec {
            name: "pytest".into(),
            tool: "pytest".into(),
            command: "pytest".into(),
            ..RunnerSpec::default()
        };
        let stream = StreamSpec {
            name: "agents".into(),
            url: "ws://127.0.0.1".into(),
            service: None,
            start: None,
            messages: Vec::new(),
            over_http: false,
            budget: Span::seconds(2),
            ..StreamSpec::default()
        };
        let project = ProjectSpec {
            name: "bench".into(),
            runners: vec![runner],
            streams: vec![stream],
            ..ProjectSpec::default()
        };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story.tell(SessionEvent::ViewerJoined { viewer: ViewerId(0), name: "ada".into(), drives: true });
        story
    }

    /// The next entry, not folded.
    pub fn entry(&mut self, event: impl Into<Event>) -> Arc<Entry> {
        self.seq += 1;
        Arc::new(Entry { seq: self.seq, at: Moment(1_790_078_400_000_000 + self.seq * 3_000), event: event.into() })
    }

    /// Something happens.
    pub fn tell(&mut self, event: impl Into<Event>) -> Arc<Entry> {
        let entry = self.entry(event);
        self.state.apply(&entry, &mut self.effects);
        self.effects.clear();
        entry
    }

    /// A run of everything begins, and its runner lists `modules` of `each` tests.
    pub fn collect(&mut self, modules: u32, each: u32) -> Vec<Arc<Entry>> {
        let ask = SessionEvent::Asked { by: ViewerId(0), command: Command::Run(Selection::All) };
        let mut entries = vec![self.tell(ask)];
        let run = self.state.runs.iter().next_back().map(|(id, _)| id).expect("a run was asked for");
        self.run = run;
        entries.push(self.tell(RunEvent::Started { run, pid: 4711 }));
        for module in 0..modules {
            for part in (0..each).step_by(1_000) {
                let tests = (part..each.min(part + 1_000)).map(|n| found(module, n)).collect();
                entries.push(self.tell(RunEvent::Collected { run, tests }));
            }
        }
        entries.push(self.tell(RunEvent::CollectionEnded { run }));
        entries
    }

    pub fn started(&self, n: u32) -> RunEvent {
        RunEvent::TestStarted { run: self.run, n }
    }

    pub fn ended(&self, n: u32, outcome: Outcome) -> RunEvent {
        let took = Span::millis(3 + u64::from(n) % 40);
        RunEvent::TestEnded { run: self.run, n, outcome, took, detail: None, evidence: None }
    }
}

fn found(module: u32, n: u32) -> Found {
    let module: Text = format!("tests/e2e/test_module_{module:03}.py").into();
    Found { node: format!("{module}::test_case_{n:05}_of_the_checkout").into(), module, line: 10 + n * 5, source: None }
}

/// The `n`-th agent event: five to an agent run, each with a line of text and a frame of 300 bytes.
pub fn agent_event(n: u32) -> AgentEvent {
    const KINDS: [AgentKind; 5] = liveloop::domain::CRITICAL;
    let kind = KINDS[n as usize % KINDS.len()];
    let tool = matches!(kind, AgentKind::ToolExecuting | AgentKind::ToolCompleted);
    AgentEvent {
        run: Some(format!("run_{:08x}", n / 5).into()),
        thread: Some("thread_5d0c11aa".into()),
        agent: Some("triage".into()),
        tool: tool.then(|| "cost_analyzer".into()),
        call: tool.then(|| format!("{:06x}", n / 5).into()),
        text: format!("step {n}: compares the spend of this month").into(),
        raw: format!("{n:0300}").into(),
        ..AgentEvent::bare(Moment(1_790_078_400_000_000 + u64::from(n) * 500), kind)
    }
}

/// A batch of agent events as a stream delivers them.
pub fn received(from: u32, count: u32) -> StreamEvent {
    StreamEvent::Received { stream: StreamId(0), events: (from..from + count).map(agent_event).collect() }
}

/// Figures over many runs: the median, and what lies around it.
pub struct Figures(Vec<f64>);

impl Figures {
    pub fn new(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    /// The figure below which this share of all lies.
    pub fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }

    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// The median and the range.
    pub fn spread(&self, digits: usize) -> String {
        format!("{:.digits$} ({:.digits$} to {:.digits$})", self.median(), self.at(0.0), self.at(1.0))
    }
}
