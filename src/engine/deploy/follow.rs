//! Following a platform: its deployer says what to ask, this asks, waits and keeps the time.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use reqwest::Client;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::adapters::deployer::{self, Aim, Ask, Deployer, Reply, Request, Told};
use crate::adapters::sanitize;
use crate::config::platform::PlatformSpec;
use crate::config::project::HeaderSpec;
use crate::domain::{DeployEvent, DeployId, Event, Exit, OutputLine, PlatformVerdict, Source, Text};
use crate::engine::http::{Http, chain};
use crate::engine::links;
use crate::engine::means::Means;
use crate::engine::stream::secret::Secrets;
use crate::engine::stream::token::{self, Token, TokenSource, process_variables};

/// How long one reply may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a platform may give no good reply before nothing more is expected of it.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest time for which a platform is left alone because it asks for it.
const LONGEST_REST: Duration = Duration::from_secs(300);
/// How much of a reply is read.
const LONGEST: u64 = 8 * 1024 * 1024;
/// How much of a log is kept, from its end.
const LOG: usize = 256 * 1024;
/// Headers that deployers read.
const HEADERS: [&str; 4] = ["retry-after", "etag", "location", "x-ratelimit-reset"];

/// What the one who acts tells the one who follows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Followed {
    /// There is no command: ask the platform to start the deploy.
    Request,
    /// The command named its revision.
    Target(Text),
    /// The command ended well.
    Acted,
    /// Somebody stops it.
    Cancel,
}

/// Asks a platform how one deploy goes.
pub(super) struct Follower {
    deploy: DeployId,
    name: &'static str,
    deployer: Box<dyn Deployer>,
    means: Means,
    client: Client,
    source: Option<TokenSource>,
    headers: Vec<HeaderSpec>,
    token_means: token::Means,
    token: Option<Token>,
    said: Option<(PlatformVerdict, Option<Text>)>,
    acted: bool,
    /// Whether it is settled what the service has to show, whatever the platform calls it.
    pub(super) knows_target: bool,
    /// Whether the last request never left, as nobody listened or there was no token to send.
    unsent: bool,
}

impl Follower {
    pub(super) fn new(
        deploy: DeployId,
        platform: &PlatformSpec,
        aim: Aim,
        means: &Means,
        http: Option<Http>,
    ) -> Result<Self, Text> {
        let http = http.ok_or("there is no HTTP client to ask the platform with")?;
        let masks = means.masks.clone();
        let secrets = Secrets::new(move |secret| masks.learn(secret));
        let token_means = token::Means { http: http.clone(), variables: process_variables(), secrets };
        Ok(Self {
            deploy,
            name: platform.name(),
            deployer: deployer::of(platform, aim),
            means: means.clone(),
            client: http.client,
            source: platform.token().map(links::source),
            headers: platform.headers().to_vec(),
            token_means,
            token: None,
            said: None,
            acted: false,
            knows_target: false,
            unsent: false,
        })
    }

    /// Learns how things stood before anything is started.
    pub(super) async fn remember(&mut self) -> Result<(), Text> {
        let Some(ask) = self.deployer.before() else { return Ok(()) };
        let reply = self.ask(&ask).await;
        let remembered = reply.and_then(|reply| self.deployer.remember(&reply));
        remembered.map_err(|why| format!("{} cannot be asked, so nothing was started: {why}", self.name).into())
    }

    /// Follows until the platform has said its last word, or nobody wants to know.
    pub(super) async fn follow(mut self, mut heard: mpsc::Receiver<Followed>, deadline: Instant) {
        let mut silent_since: Option<Instant> = None;
        loop {
            let mut rest = self.deployer.pace();
            // Before a request has started it, there is nothing to ask about.
            if self.acted || self.deployer.start().is_none() {
                match self.look().await {
                    Ok(asked_rest) => {
                        silent_since = None;
                        rest = asked_rest.map_or(rest, |asked| asked.clamp(rest, LONGEST_REST));
                    }
                    Err(why) => {
                        let since = *silent_since.get_or_insert_with(Instant::now);
                        if self.acted && since.elapsed() >= SILENCE {
                            let why = format!("{} no longer tells how the deploy goes: {why}", self.name).into();
                            return self.tell(DeployEvent::OutOfReach { deploy: self.deploy, why }).await;
                        }
                    }
                }
            }
            if self.acted && self.said.as_ref().is_some_and(|(verdict, _)| verdict.is_final()) {
                return;
            }
            if self.acted && Instant::now() >= deadline {
                let why = match &self.said {
                    Some((verdict, _)) => format!("{} still says: {verdict}", self.name),
                    None => format!("{} has said nothing", self.name),
                };
                return self.tell(DeployEvent::TimedOut { deploy: self.deploy, why: why.into() }).await;
            }
            match timeout_at(Instant::now() + rest, heard.recv()).await {
                Err(_) => {}
                // Who acted has failed or gone, so that there is nothing left to follow.
                Ok(None) => return,
                Ok(Some(Followed::Target(revision))) => self.deployer.aim(&revision),
                Ok(Some(Followed::Acted)) => self.act(),
                Ok(Some(Followed::Request)) => {
                    if !self.start().await {
                        return;
                    }
                }
                Ok(Some(Followed::Cancel)) => return self.cancel().await,
            }
        }
    }

    /// From now on what the platform says is about this deploy, so that it is told again.
    fn act(&mut self) {
        self.acted = true;
        self.said = None;
        self.deployer.acted();
    }

    async fn start(&mut self) -> bool {
        let Some(ask) = self.deployer.start() else { return false };
        let mut reply = self.ask(&ask).await;
        let mut started = match &reply {
            Ok(reply) => self.deployer.started(reply),
            // It may have been taken all the same.
            Err(_) if self.deployer.lost() && !self.unsent => Ok(Vec::new()),
            Err(why) => Err(why.clone()),
        };
        // A deployer that would now ask otherwise has learnt from the refusal.
        if started.is_err()
            && reply.is_ok()
            && let Some(again) = self.deployer.start().filter(|again| *again != ask)
        {
            reply = self.ask(&again).await;
            started = reply.and_then(|reply| self.deployer.started(&reply));
        }
        match started {
            Ok(told) => {
                self.pass_on(told).await;
                self.tell(DeployEvent::CommandEnded { deploy: self.deploy, exit: Exit::Code(0), cancelled: false })
                    .await;
                self.act();
                true
            }
            Err(why) => {
                let why = format!("{} did not take the deploy: {why}", self.name).into();
                self.tell(DeployEvent::OutOfReach { deploy: self.deploy, why }).await;
                false
            }
        }
    }

    async fn cancel(mut self) {
        let text = match self.deployer.cancel() {
            Some(ask) => match self.ask(&ask).await {
                Ok(reply) if reply.status < 300 => format!("{} was asked to stop it", self.name),
                Ok(reply) => format!("{} was asked to stop it: {}", self.name, reply.complaint()),
                Err(why) => format!("{} could not be asked to stop it: {why}", self.name),
            },
            None => format!("nobody waits any more; {} goes on by itself", self.name),
        };
        self.pass_on(vec![Told::Line(text.into())]).await;
        self.tell(DeployEvent::CommandEnded { deploy: self.deploy, exit: Exit::Code(0), cancelled: true }).await;
    }

    /// One question and its reply. Answers how long the platform wants to be left alone, where it says so.
    async fn look(&mut self) -> Result<Option<Duration>, Text> {
        let Some(ask) = self.deployer.next() else {
            self.pass_on(vec![Told::Verdict(PlatformVerdict::Finished, None)]).await;
            return Ok(None);
        };
        let reply = match self.ask(&ask).await {
            Ok(reply) => reply,
            Err(why) => {
                let told = self.deployer.missed(&why).ok_or(why)?;
                self.pass_on(told).await;
                return Ok(None);
            }
        };
        let rest = reply.retry_after();
        let told = self.deployer.hear(&reply);
        // A platform that is busy has answered, if only that.
        let told = if rest.is_some() { told.unwrap_or_default() } else { told? };
        self.pass_on(told).await;
        Ok(rest)
    }

    async fn pass_on(&mut self, told: Vec<Told>) {
        let deploy = self.deploy;
        let masked = |text: &Text| -> Text { sanitize::text(&self.means.masks.mask(text)).into() };
        let mut events: Vec<Event> = Vec::new();
        for told in told {
            match told {
                Told::Step(name, state) => events.push(DeployEvent::Stepped { deploy, name, state }.into()),
                Told::Target(_) if self.knows_target => {}
                Told::Target(revision) => events.push(DeployEvent::TargetNamed { deploy, revision }.into()),
                Told::Line(text) => {
                    let line = OutputLine { source: Source::Console, text: masked(&text) };
                    match events.last_mut() {
                        Some(Event::Deploy(DeployEvent::Printed { lines, .. })) => lines.push(line),
                        _ => events.push(DeployEvent::Printed { deploy, lines: vec![line] }.into()),
                    }
                }
                Told::Verdict(verdict, message) => {
                    let said = Some((verdict.clone(), message.as_ref().map(masked)));
                    if self.said != said {
                        let message = message.as_ref().map(masked);
                        self.said = said;
                        events.push(DeployEvent::Platform { deploy, verdict, message }.into());
                    }
                }
            }
        }
        if !events.is_empty() {
            let _ = self.means.outbox.send(events).await;
        }
    }

    async fn tell(&self, event: DeployEvent) {
        let _ = self.means.outbox.send(vec![event.into()]).await;
    }

    async fn ask(&mut self, ask: &Ask) -> Result<Reply, Text> {
        let asked = async {
            match ask {
                Ask::Http(request) => {
                    let reply = self.send(request).await?;
                    if reply.status != 401 || self.token.take().is_none() {
                        return Ok(reply);
                    }
                    // The token may just have run out.
                    self.send(request).await
                }
                Ask::Run(argv) => self.run(argv).await,
            }
        };
        timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()).into()))
    }

    async fn send(&mut self, request: &Request) -> Result<Reply, Text> {
        self.unsent = true;
        // An address that was given away for a log is nobody to show our token to.
        let is_known = !request.is_log;
        if let Some(source) = self.source.as_ref().filter(|_| is_known)
            && self.token.as_ref().is_none_or(|token| token.is_due(SystemTime::now()))
        {
            let token = source.obtain(&self.token_means).await;
            self.token = Some(token.map_err(|trouble| format!("{trouble}; {}", trouble.what_to_do))?);
        }
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap_or(reqwest::Method::GET);
        let mut asked = self.client.request(method, &request.url).header("accept", "application/json");
        for (name, value) in &request.headers {
            asked = asked.header(*name, value);
        }
        for header in self.headers.iter().filter(|_| is_known) {
            asked = asked.header(&header.name, header.value.reveal());
        }
        if let Some(token) = self.token.as_ref().filter(|_| is_known) {
            asked = asked.bearer_auth(token.secret.reveal());
        }
        if let Some(body) = &request.body {
            asked = asked.header("content-type", "application/json").body(body.clone());
        }
        let shown = |error: &reqwest::Error| -> Text { sanitize::text(&self.means.masks.mask(&chain(error))).into() };
        let sent = asked.send().await;
        self.unsent = sent.as_ref().is_err_and(reqwest::Error::is_connect);
        let mut answer = sent.map_err(|error| shown(&error))?;
        let header = |name: &str| Some((name.to_owned(), answer.headers().get(name)?.to_str().ok()?.to_owned()));
        let headers = HEADERS.into_iter().filter_map(header).collect();
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| shown(&error))? {
            body.extend_from_slice(&chunk);
            if request.is_log {
                if body.len() > 2 * LOG {
                    body.drain(..body.len() - LOG);
                }
            } else if body.len() as u64 > LONGEST {
                return Err(format!("its answer is longer than {LONGEST} bytes").into());
            }
        }
        Ok(Reply { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// A command that only asks: short, bounded, and gone with the question.
    async fn run(&self, argv: &[String]) -> Result<Reply, Text> {
        let command = self.means.command(argv, &[], None);
        let Some((program, arguments)) = command.argv.split_first() else {
            return Err("there is no command to ask with".into());
        };
        let failed = |error: std::io::Error| -> Text { format!("{} cannot start: {error}", program.display()).into() };
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(&command.cwd)
            .envs(command.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (printed, complained) = tokio::join!(read(stdout), read(stderr));
        let status = child.wait().await.map_err(failed)?;
        let code = status.code().and_then(|code| u16::try_from(code).ok()).unwrap_or(1);
        if code != 0 && printed.trim().is_empty() {
            let why = complained.trim().lines().last().unwrap_or("it said nothing").to_owned();
            return Err(sanitize::text(&self.means.masks.mask(&why)).into());
        }
        Ok(Reply { status: code, headers: Vec::new(), body: printed })
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before an error is still worth reading.
        let _read = pipe.take(LONGEST).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
