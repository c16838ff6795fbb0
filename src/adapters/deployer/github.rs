//! GitHub Actions: a workflow is dispatched, its run is followed, and the steps of its jobs are the phases. When it has
//! failed, the logs of the failed jobs are read before that is said, as they say why.

mod log;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{Aim, Ask, Deployer, Reply, Request, Told};
use crate::adapters::sanitize;
use crate::config::platform::GithubSpec;
use crate::domain::{PlatformVerdict, StepState, Text};

/// How often a run is searched for that a server did not name.
const SEARCHES: u32 = 15;
/// Of how many failed jobs the log is read.
const LOGS: usize = 3;

/// A workflow's run during one deploy.
#[derive(Debug)]
pub struct Github {
    spec: GithubSpec,
    id: String,
    /// Whether the server is asked to name the run; older ones refuse such a request.
    wants_details: bool,
    run: Option<u64>,
    searched: u32,
    asks_for_jobs: bool,
    etag: Option<String>,
    steps: BTreeMap<String, StepState>,
    failed: Vec<String>,
    /// The run as it ended, while it is still read why.
    ended: Option<Run>,
    /// The logs that are still to be read.
    logs: VecDeque<JobLog>,
}

/// The log of a failed job.
#[derive(Debug)]
struct JobLog {
    job: u64,
    name: String,
    /// Where it can be had without a token, once that is known.
    given: Option<String>,
}

impl Github {
    /// A workflow before its dispatch.
    #[must_use]
    pub fn new(spec: GithubSpec, aim: Aim) -> Self {
        Self {
            spec,
            id: aim.id,
            wants_details: true,
            run: None,
            searched: 0,
            asks_for_jobs: false,
            etag: None,
            steps: BTreeMap::new(),
            failed: Vec::new(),
            ended: None,
            logs: VecDeque::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/repos/{}/actions/{path}", self.spec.url, self.spec.repository)
    }

    fn with_version(mut request: Request) -> Ask {
        request.headers.push(("x-github-api-version", "2022-11-28".to_owned()));
        Ask::Http(request)
    }

    /// The run by what we put into its name, never by being the newest.
    fn search(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        #[derive(Deserialize)]
        struct Runs {
            workflow_runs: Vec<Run>,
        }
        let fail = |reason: &str| {
            let verdict = PlatformVerdict::Failed { reason: reason.into(), serving: None };
            Ok(vec![Told::Verdict(verdict, None)])
        };
        if self.spec.id_input.is_none() {
            return fail(
                "the server did not name the run; set id_input to an input that the workflow puts into its run-name",
            );
        }
        let runs: Runs = read(reply)?;
        let ours = runs.workflow_runs.iter().find(|run| run.display_title.contains(&self.id));
        self.run = ours.map(|run| run.id);
        self.searched += 1;
        if self.run.is_none() && self.searched >= SEARCHES {
            return fail("no run has our id in its title: does the workflow put the id_input into its run-name?");
        }
        let stage = "searching for the run".into();
        Ok(vec![Told::Verdict(PlatformVerdict::Progressing { stage }, None)])
    }

    fn jobs(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        #[derive(Deserialize)]
        struct Jobs {
            jobs: Vec<Job>,
        }
        let jobs: Jobs = read(reply)?;
        let mut told = Vec::new();
        if self.ended.is_some() {
            let failed = jobs.jobs.iter().filter(|job| job.has_failed()).take(LOGS);
            let log = |job: &Job| JobLog { job: job.id, name: sanitize::text(&job.name).to_string(), given: None };
            self.logs = failed.map(log).collect();
        }
        for job in &jobs.jobs {
            for step in &job.steps {
                let state = match (step.status.as_str(), step.conclusion.as_deref()) {
                    ("completed", Some("success")) => StepState::Done,
                    ("completed", Some("skipped" | "neutral" | "cancelled") | None) => continue,
                    ("completed", Some(_)) => StepState::Failed,
                    ("in_progress", _) => StepState::Running,
                    _ => continue,
                };
                let words =
                    if jobs.jobs.len() == 1 { step.name.clone() } else { format!("{}: {}", job.name, step.name) };
                let name = sanitize::text(&words).to_string();
                if self.steps.insert(name.clone(), state) != Some(state) {
                    if state == StepState::Failed {
                        self.failed.push(name.clone());
                    }
                    told.push(Told::Step(name.into(), state));
                }
            }
        }
        Ok(told)
    }

    fn run(&mut self, run: Run) -> Vec<Told> {
        let verdict = match (run.status.as_str(), run.conclusion.as_deref()) {
            ("completed", Some("success")) => PlatformVerdict::Finished,
            ("completed", _) => {
                let stage = format!("{}; reading its logs", self.how_it_ended(&run)).into();
                self.ended = Some(run);
                return vec![Told::Verdict(PlatformVerdict::Progressing { stage }, None)];
            }
            ("waiting", _) => PlatformVerdict::Progressing { stage: "the run waits for an approval".into() },
            (status, _) => {
                let status = sanitize::text(status).replace('_', " ");
                PlatformVerdict::Progressing { stage: format!("the run is {status}").into() }
            }
        };
        vec![Told::Verdict(verdict, run.html_url.as_deref().map(|url| sanitize::text(url).into()))]
    }

    fn how_it_ended(&self, run: &Run) -> String {
        let how = sanitize::text(run.conclusion.as_deref().unwrap_or("without a conclusion")).replace('_', " ");
        let step = self.failed.first().map(|step| format!(" at {step}")).unwrap_or_default();
        let link = run.html_url.as_deref().map(|url| format!("; {}", sanitize::text(url))).unwrap_or_default();
        format!("the run ended: {how}{step}{link}")
    }

    /// What the answer about a run that failed says of why; and, when all has been read, that it failed. Nothing here is
    /// asked twice: that it failed is known.
    fn why(&mut self, reply: Result<&Reply, &Text>) -> Vec<Told> {
        let mut told = Vec::new();
        if std::mem::replace(&mut self.asks_for_jobs, false) {
            told.extend(reply.map_err(Clone::clone).and_then(|reply| self.jobs(reply)).unwrap_or_default());
        } else if let Some(mut log) = self.logs.pop_front() {
            let location = reply.ok().filter(|reply| (300..400).contains(&reply.status) && log.given.is_none());
            match (location.and_then(|reply| reply.header("location")), reply) {
                (Some(location), _) => {
                    log.given = Some(location.to_owned());
                    self.logs.push_front(log);
                }
                (None, Ok(reply)) if reply.status == 200 => {
                    told.push(Told::Line(format!("log of {}:", log.name).into()));
                    told.extend(log::excerpt(&reply.body).into_iter().map(Told::Line));
                }
                (None, reply) => {
                    let why = reply.map_or_else(Clone::clone, Reply::complaint);
                    told.push(Told::Line(format!("the log of {} cannot be read: {why}", log.name).into()));
                }
            }
        }
        if self.logs.is_empty()
            && let Some(run) = &self.ended
        {
            let reason = self.how_it_ended(run).into();
            told.push(Told::Verdict(PlatformVerdict::Failed { reason, serving: None }, None));
        }
        told
    }
}

impl Deployer for Github {
    fn before(&self) -> Option<Ask> {
        None
    }

    fn remember(&mut self, _reply: &Reply) -> Result<(), Text> {
        Ok(())
    }

    fn start(&self) -> Option<Ask> {
        let mut inputs = self.spec.inputs.clone();
        if let Some(input) = &self.spec.id_input {
            inputs.insert(input.clone(), self.id.clone());
        }
        let mut body = json!({"ref": self.spec.reference, "inputs": inputs});
        if self.wants_details {
            body["return_run_details"] = true.into();
        }
        let url = self.url(&format!("workflows/{}/dispatches", self.spec.workflow));
        let body = Some(body.to_string());
        Some(Self::with_version(Request { method: "POST", body, ..Request::get(url) }))
    }

    fn started(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        #[derive(Deserialize)]
        struct Details {
            workflow_run_id: u64,
        }
        match reply.status {
            200 => {
                self.run = serde_json::from_str::<Details>(&reply.body).ok().map(|details| details.workflow_run_id);
                Ok(Vec::new())
            }
            204 => Ok(Vec::new()),
            400 | 422 => {
                self.wants_details = false;
                Err(reply.complaint())
            }
            _ => Err(reply.complaint()),
        }
    }

    fn lost(&self) -> bool {
        self.spec.id_input.is_some()
    }

    fn aim(&mut self, _revision: &str) {
        // No command speaks here.
    }

    fn acted(&mut self) {
        // Nothing is asked before.
    }

    fn next(&self) -> Option<Ask> {
        if let Some(log) = self.logs.front() {
            let own = || self.url(&format!("jobs/{}/logs", log.job));
            return Some(match &log.given {
                Some(given) => Ask::Http(Request { is_log: true, ..Request::get(given) }),
                None => Self::with_version(Request::get(own())),
            });
        }
        let request = match self.run {
            None => Request::get(self.url("runs?event=workflow_dispatch&per_page=50")),
            Some(run) if self.asks_for_jobs => {
                Request::get(self.url(&format!("runs/{run}/jobs?filter=latest&per_page=100")))
            }
            Some(run) => {
                let mut request = Request::get(self.url(&format!("runs/{run}")));
                // What has not changed is not counted against the limit.
                request.headers.extend(self.etag.clone().map(|etag| ("if-none-match", etag)));
                request
            }
        };
        Some(Self::with_version(request))
    }

    fn hear(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        if self.run.is_none() {
            return self.search(reply);
        }
        if self.ended.is_some() {
            return Ok(self.why(Ok(reply)));
        }
        if std::mem::replace(&mut self.asks_for_jobs, false) {
            return self.jobs(reply);
        }
        self.asks_for_jobs = true;
        if reply.status == 304 {
            return Ok(Vec::new());
        }
        let run: Run = read(reply)?;
        self.etag = reply.header("etag").map(str::to_owned);
        Ok(self.run(run))
    }

    fn missed(&mut self, why: &Text) -> Option<Vec<Told>> {
        self.ended.is_some().then(|| self.why(Err(why)))
    }

    fn cancel(&self) -> Option<Ask> {
        let url = self.url(&format!("runs/{}/cancel", self.run?));
        Some(Self::with_version(Request { method: "POST", ..Request::get(url) }))
    }

    fn pace(&self) -> Duration {
        match self.ended {
            None => Duration::from_secs(2),
            // What is read now is there already.
            Some(_) => Duration::from_millis(100),
        }
    }
}

fn read<'r, T: Deserialize<'r>>(reply: &'r Reply) -> Result<T, Text> {
    if reply.status != 200 {
        return Err(reply.complaint());
    }
    serde_json::from_str(&reply.body).map_err(|error| format!("its answer cannot be read: {error}").into())
}

#[derive(Debug, Deserialize)]
struct Run {
    id: u64,
    status: String,
    conclusion: Option<String>,
    #[serde(default)]
    display_title: String,
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    id: u64,
    name: String,
    conclusion: Option<String>,
    #[serde(default)]
    steps: Vec<JobStep>,
}

impl Job {
    fn has_failed(&self) -> bool {
        matches!(self.conclusion.as_deref(), Some("failure" | "timed_out" | "startup_failure"))
    }
}

#[derive(Deserialize)]
struct JobStep {
    name: String,
    status: String,
    conclusion: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn github(id_input: Option<&str>) -> Github {
        let spec = GithubSpec {
            url: "https://api.example".into(),
            repository: "o/r".into(),
            workflow: "deploy.yml".into(),
            reference: "main".into(),
            inputs: BTreeMap::from([("service".to_owned(), "web".to_owned())]),
            id_input: id_input.map(str::to_owned),
            token: None,
        };
        Github::new(spec, Aim { id: "l1abc".into(), ..Aim::default() })
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, headers: vec![("etag".into(), "\"e1\"".into())], body: body.to_owned() }
    }

    fn said(github: &mut Github, status: u16, body: &str) -> String {
        let told = github.hear(&reply(status, body)).expect("reads");
        let words = told.iter().map(|told| match told {
            Told::Verdict(verdict, _) => verdict.to_string(),
            Told::Step(name, state) => format!("{name} {state:?}"),
            Told::Line(line) => format!("line {line}"),
            other => format!("{other:?}"),
        });
        words.collect::<Vec<_>>().join("; ")
    }

    fn asked(ask: Option<Ask>) -> Request {
        match ask {
            Some(Ask::Http(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_named_run_is_followed_to_its_end() {
        let mut github = github(None);
        let start = asked(github.start());
        assert_eq!(start.url, "https://api.example/repos/o/r/actions/workflows/deploy.yml/dispatches");
        assert_eq!(
            start.body.as_deref(),
            Some(r#"{"inputs":{"service":"web"},"ref":"main","return_run_details":true}"#)
        );
        github.started(&reply(200, r#"{"workflow_run_id":7,"run_url":"u"}"#)).expect("named");
        assert_eq!(said(&mut github, 200, r#"{"id":7,"status":"in_progress"}"#), "the run is in progress");
        assert!(asked(github.next()).url.ends_with("/runs/7/jobs?filter=latest&per_page=100"));
        let jobs = r#"{"jobs":[{"name":"deploy","steps":[{"name":"build","status":"completed","conclusion":"success"},
            {"name":"roll","status":"in_progress"},{"name":"check","status":"queued"}]}]}"#;
        assert_eq!(said(&mut github, 200, jobs), "build Done; roll Running");
        let next = asked(github.next());
        assert!(next.headers.contains(&("if-none-match", "\"e1\"".to_owned())), "{next:?}");
        assert_eq!(said(&mut github, 304, ""), "");
        let jobs = jobs.replace(r#""in_progress""#, r#""completed","conclusion":"failure""#);
        assert_eq!(said(&mut github, 200, &jobs), "roll Failed");
        let ended = r#"{"id":7,"status":"completed","conclusion":"failure"}"#;
        assert_eq!(said(&mut github, 200, ended), "the run ended: failure at roll; reading its logs");
        assert!(asked(github.cancel()).url.ends_with("/runs/7/cancel"));
    }

    /// A run that failed, whose job 70 is known to have failed.
    fn failed_run() -> Github {
        let mut github = github(None);
        github.started(&reply(200, r#"{"workflow_run_id":7}"#)).expect("named");
        said(&mut github, 200, r#"{"id":7,"status":"completed","conclusion":"failure"}"#);
        assert!(asked(github.next()).url.contains("/runs/7/jobs"), "steps may have failed since they were asked for");
        let jobs = r#"{"jobs":[{"id":69,"name":"build","conclusion":"success"},{"id":70,"name":"deploy","conclusion":
            "failure","steps":[{"name":"roll","status":"completed","conclusion":"failure"}]}]}"#;
        assert_eq!(said(&mut github, 200, jobs), "deploy: roll Failed");
        github
    }

    #[test]
    fn a_failed_job_is_told_by_its_log_which_is_fetched_without_our_token() {
        let mut github = failed_run();
        let log = asked(github.next());
        assert!(log.url.ends_with("/actions/jobs/70/logs") && !log.is_log, "{log:?}");
        let location = vec![("location".to_owned(), "https://blobs.example/l?sig=1".to_owned())];
        let told = github.hear(&Reply { status: 302, headers: location, body: String::new() });
        assert_eq!(told, Ok(Vec::new()));
        let log = asked(github.next());
        assert_eq!((log.url.as_str(), log.is_log, log.headers), ("https://blobs.example/l?sig=1", true, Vec::new()));
        assert_eq!(
            said(&mut github, 200, "2026-02-19T12:00:02.0000000Z ##[error]exit code 1\n"),
            "line log of deploy:; line error: exit code 1; the run ended: failure at deploy: roll"
        );
    }

    #[test]
    fn that_a_run_failed_is_said_even_if_nobody_can_read_why() {
        let end = "the run ended: failure at deploy: roll";
        let gone = said(&mut failed_run(), 410, r#"{"message":"the log has expired"}"#);
        assert_eq!(gone, format!("line the log of deploy cannot be read: it answered 410, the log has expired; {end}"));
        let mut cut_off = failed_run();
        let told = cut_off.missed(&"connection refused".into()).expect("it goes on without");
        assert!(matches!(told.last(), Some(Told::Verdict(PlatformVerdict::Failed { .. }, None))), "{told:?}");
        assert_eq!(github(None).missed(&"connection refused".into()), None, "before that it is asked again");
    }

    #[test]
    fn a_run_that_is_not_named_is_found_by_our_id_and_never_by_being_the_newest() {
        let mut github = github(Some("deploy_id"));
        assert!(github.lost() && github.cancel().is_none());
        assert!(github.started(&reply(422, r#"{"message":"no such key"}"#)).is_err());
        assert_eq!(
            asked(github.start()).body.as_deref(),
            Some(r#"{"inputs":{"deploy_id":"l1abc","service":"web"},"ref":"main"}"#)
        );
        github.started(&reply(204, "")).expect("taken");
        let newest = r#"{"workflow_runs":[{"id":9,"status":"queued","display_title":"deploy l1xyz"}]}"#;
        assert_eq!(said(&mut github, 200, newest), "searching for the run");
        let both = r#"{"workflow_runs":[{"id":9,"status":"queued"},{"id":8,"status":"queued","display_title":"deploy l1abc"}]}"#;
        said(&mut github, 200, both);
        assert!(asked(github.next()).url.ends_with("/runs/8"));
    }

    #[test]
    fn a_run_that_can_not_be_found_is_not_waited_for() {
        let mut without = github(None);
        without.started(&reply(204, "")).expect("taken");
        assert!(said(&mut without, 200, "{}").starts_with("the server did not name the run; set id_input"));
        let mut lost = github(Some("deploy_id"));
        let last = (0..SEARCHES).map(|_| said(&mut lost, 200, r#"{"workflow_runs":[]}"#)).last().unwrap_or_default();
        assert!(last.starts_with("no run has our id in its title"), "{last}");
    }
}
