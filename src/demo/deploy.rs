//! `__demo-deploy SERVICE --platform ADDR`: deploys a service, as a team's own script would, and prints its phases.
//!
//! Standard output mixes log text, coloured here and there, with the step protocol: JSON lines such as
//! `{"loop":"phase","name":"build","state":"start"}` and `{"loop":"target","version":"backend-00002"}`.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    client::{Answer, Call, Trouble},
    platform::description_path,
};

const USAGE: &str =
    "usage: __demo-deploy SERVICE --platform ADDR [--pace N] [--fail build|roll] [--to REVISION] [--restart]";

/// What to deploy, and where.
#[derive(Debug, Clone, PartialEq)]
struct Order {
    service: String,
    platform: String,
    pace: f64,
    fail: Option<String>,
    to: Option<String>,
    restart: bool,
}

impl Order {
    fn read(arguments: &[String]) -> Option<Self> {
        let mut order =
            Order { service: String::new(), platform: String::new(), pace: 1.0, fail: None, to: None, restart: false };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--platform" => order.platform = rest.next()?.clone(),
                "--pace" => order.pace = rest.next()?.parse().ok().filter(|pace| (0.01..=100.0).contains(pace))?,
                "--to" => order.to = Some(rest.next()?.clone()),
                "--restart" => order.restart = true,
                "--fail" => order.fail = Some(rest.next()?.clone()),
                service if order.service.is_empty() && !service.starts_with('-') => order.service = service.to_owned(),
                _ => return None,
            }
        }
        Some(order).filter(|order| !order.service.is_empty() && !order.platform.is_empty())
    }
}

/// Why a deploy did not succeed.
#[derive(Debug)]
enum Obstacle {
    Platform(Trouble),
    Refused(Answer),
    Failed(String),
    TimedOut,
}

impl From<Trouble> for Obstacle {
    fn from(trouble: Trouble) -> Self {
        Obstacle::Platform(trouble)
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Platform(trouble) => write!(f, "the platform gave no answer: {trouble}"),
            Obstacle::Refused(answer) => {
                write!(f, "the platform refused: HTTP {}: {}", answer.status.as_u16(), answer.excerpt())
            }
            Obstacle::Failed(reason) => f.write_str(reason),
            Obstacle::TimedOut => f.write_str("the deploy took too long"),
        }
    }
}

/// Deploys: exit code 0 when the new revision serves, 1 when it does not, 2 for bad usage.
pub(super) async fn run(arguments: &[String]) -> ExitCode {
    let Some(order) = Order::read(arguments) else {
        let _ = writeln!(io::stderr(), "{USAGE}");
        return ExitCode::from(2);
    };
    match deploy(&order).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(obstacle) => {
            let _ = writeln!(io::stderr(), "\x1b[31mERROR\x1b[0m {obstacle}");
            ExitCode::FAILURE
        }
    }
}

async fn deploy(order: &Order) -> Result<(), Obstacle> {
    let logs = format!("/logs/{}", order.service);
    let before = describe(order).await?;
    let doing = match &order.to {
        Some(to) => format!("bringing {to} back in"),
        None if order.restart => "restarting".to_owned(),
        None => "deploying".to_owned(),
    };
    say(format_args!("==> {doing} {} (serving {})", order.service, serving(&before)));
    let mut seen = ask(order, &logs).await?.as_array().and_then(|log| log.last()?["n"].as_u64()).unwrap_or(0);

    let path = format!("/deploy/{}", order.service);
    let wish = json!({"fail": order.fail, "to": order.to, "restart": order.restart});
    let accepted = Call::post(&order.platform, &path, wish).send().await?;
    if accepted.status != StatusCode::ACCEPTED {
        return Err(Obstacle::Refused(accepted));
    }
    let target = describe(order).await?["latestCreatedRevision"].as_str().unwrap_or_default().to_owned();
    say(format_args!("{}", json!({"loop": "target", "version": target.rsplit('/').next()})));

    let begun = Instant::now();
    let limit = Duration::from_secs_f64(60.0 * order.pace.max(1.0));
    while begun.elapsed() < limit {
        // Asked first, so that the log holds everything up to this state.
        let state = describe(order).await?;
        for entry in ask(order, &format!("{logs}?after={seen}")).await?.as_array().into_iter().flatten() {
            seen = entry["n"].as_u64().unwrap_or(seen);
            print_entry(entry);
        }
        if state["reconciling"] == false {
            return conclude(&state, begun.elapsed());
        }
        tokio::time::sleep(Duration::from_secs_f64((0.1 * order.pace).clamp(0.01, 0.5))).await;
    }
    Err(Obstacle::TimedOut)
}

fn conclude(state: &Value, took: Duration) -> Result<(), Obstacle> {
    let condition = &state["terminalCondition"];
    if condition["state"] == "CONDITION_FAILED" {
        return Err(Obstacle::Failed(condition["message"].as_str().unwrap_or("the deploy failed").to_owned()));
    }
    let took = took.as_secs_f64();
    say(format_args!("\x1b[32mDone.\x1b[0m {} serves 100 percent of traffic ({took:.1} s)", serving(state)));
    Ok(())
}

/// Prints a line at once. Whether anyone reads on is no reason to leave a deploy alone.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Requests are the service's daily life and not part of the deploy; all else is.
fn print_entry(entry: &Value) {
    let severity = entry["severity"].as_str().unwrap_or_default();
    let text = entry["textPayload"].as_str().unwrap_or_default();
    let line = match severity {
        "INFO" | "DEBUG" => return,
        "WARNING" => format!("    \x1b[33m{severity:<7}\x1b[0m {text}"),
        "ERROR" => format!("    \x1b[31m{severity:<7}\x1b[0m {text}"),
        _ => format!("    {severity:<7} {text}"),
    };
    // What is said at a phase's beginning belongs to it, and so does what is said at its end.
    match entry["phase"]["state"].as_str() {
        None => say(format_args!("{line}")),
        Some("start") => say(format_args!("{}\n{line}", phase_line(entry))),
        Some(_) => say(format_args!("{line}\n{}", phase_line(entry))),
    }
}

/// A line of the step protocol, its keys in the order in which people read them.
fn phase_line(entry: &Value) -> String {
    let (phase, detail) = (&entry["phase"], &entry["textPayload"]);
    format!(r#"{{"loop":"phase","name":{},"state":{},"detail":{detail}}}"#, phase["name"], phase["state"])
}

async fn describe(order: &Order) -> Result<Value, Obstacle> {
    ask(order, &description_path(&order.service)).await
}

async fn ask(order: &Order, path: &str) -> Result<Value, Obstacle> {
    let answer = Call::get(&order.platform, path).send().await?;
    if answer.status == StatusCode::OK { Ok(answer.json()) } else { Err(Obstacle::Refused(answer)) }
}

fn serving(state: &Value) -> &str {
    state["trafficStatuses"][0]["revision"].as_str().unwrap_or("nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Order> {
        Order::read(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn an_order_names_a_service_and_a_platform() {
        let order = read("backend --platform 127.0.0.1:4000 --pace 0.5").expect("a whole order");
        assert_eq!((order.service.as_str(), order.platform.as_str(), order.pace), ("backend", "127.0.0.1:4000", 0.5));
    }

    #[test]
    fn half_an_order_is_none() {
        for line in
            ["backend", "--platform 127.0.0.1:4000", "backend --platform", "backend --platform a --pace x", "a b"]
        {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
