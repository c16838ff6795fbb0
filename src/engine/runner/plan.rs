//! From a configured runner to the tool that drives it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Launch, source};
use crate::adapters::cargo::Cargo;
use crate::adapters::go::Go;
use crate::adapters::javascript::{self, Flavor, JavaScript};
use crate::adapters::nextest::Nextest;
use crate::adapters::pytest;
use crate::adapters::results;
use crate::adapters::tool::{Order, Reporting, Source, Step, Tool};
use crate::config::project::{Masked, PytestSpec, ReporterSpec, ResultsFormat, ResultsSpec, RunnerTool, ToolSpec};
use crate::domain::Wanted;
use crate::engine::means::Means;

/// The files by which a run and its processes know each other.
pub(super) struct Exchange {
    pub(super) socket: PathBuf,
    pub(super) selection: PathBuf,
    pub(super) stacks: PathBuf,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        for file in [&self.socket, &self.selection, &self.stacks] {
            let _ = fs::remove_file(file);
        }
    }
}

/// A tool, with what every process of its run is given.
pub(super) struct Plan {
    pub(super) tool: Box<dyn Tool>,
    pub(super) env: Vec<(String, Masked)>,
    pub(super) directory: Option<String>,
}

/// Decides how a run is driven, and puts in place what its processes will look for.
pub(super) fn plan(launch: &Launch, means: &Means, exchange: &Exchange) -> io::Result<Plan> {
    let order = Order { run: launch.run, kind: launch.kind, wanted: launch.wanted.clone() };
    match &launch.runner.tool {
        RunnerTool::Reporter(spec) => reporter(spec, &order, exchange),
        RunnerTool::Pytest(spec) => pytest(spec, &order, &launch.python, means, exchange),
        RunnerTool::Nextest(spec) => Ok(plain(spec, Box::new(Nextest::new(order, cargo(spec), spec.args.clone())))),
        RunnerTool::Cargo(spec) => Ok(plain(spec, Box::new(Cargo::new(order, cargo(spec), &spec.args)))),
        RunnerTool::Vitest(spec) => javascript(Flavor::Vitest, spec, order, means, exchange),
        RunnerTool::Jest(spec) => javascript(Flavor::Jest, spec, order, means, exchange),
        RunnerTool::Go(spec) => {
            let go = spec.command.clone().unwrap_or_else(|| vec!["go".to_owned()]);
            Ok(plain(spec, Box::new(Go::new(order, go, spec.args.clone()))))
        }
        RunnerTool::Contracts(_) => Err(io::Error::other("contracts have no process to start")),
        RunnerTool::Command(spec) => Ok(command(spec, &launch.runner.name, order, means)),
    }
}

fn plain(spec: &ToolSpec, tool: Box<dyn Tool>) -> Plan {
    Plan { tool, env: spec.env.clone(), directory: spec.directory.clone() }
}

fn cargo(spec: &ToolSpec) -> Vec<String> {
    spec.command.clone().unwrap_or_else(|| vec!["cargo".to_owned()])
}

fn reporter(spec: &ReporterSpec, order: &Order, exchange: &Exchange) -> io::Result<Plan> {
    let chosen = spec.collect.as_ref().filter(|_| order.is_collection()).unwrap_or(&spec.command);
    let mut step = Step::new(chosen.argv.clone(), Source::Socket);
    step.env = protocol(order, exchange)?;
    let tool = Box::new(Reporting::new(order.run, step, |_| ""));
    Ok(Plan { tool, env: chosen.env.clone(), directory: chosen.directory.clone() })
}

fn pytest(spec: &PytestSpec, order: &Order, python: &[String], means: &Means, exchange: &Exchange) -> io::Result<Plan> {
    let folder = spec.directory.as_ref().map_or_else(|| means.root.to_path_buf(), |name| means.root.join(name));
    let paths: Vec<String> = match &order.wanted {
        Wanted::All => spec.paths.clone(),
        // A file that is gone would end pytest before it ran anything.
        Wanted::Only { modules, .. } => {
            modules.iter().map(|path| path.to_string()).filter(|path| folder.join(path).exists()).collect()
        }
    };
    if paths.is_empty() && matches!(order.wanted, Wanted::Only { .. }) {
        return Err(io::Error::other("none of the chosen tests' files is left"));
    }
    fs::write(means.runtime.join(pytest::PLUGIN_FILE), pytest::PLUGIN)?;
    let configured = spec.env.iter().find(|(name, _)| name == "PYTHONPATH").map(|(_, value)| value.reveal().to_owned());
    let python_path = configured.or_else(|| std::env::var("PYTHONPATH").ok());
    let (folder, socket, stacks) = (text(&means.runtime), text(&exchange.socket), text(&exchange.stacks));
    let selection = selection(order, exchange)?;
    let start = pytest::Start {
        python: spec.python.as_ref().map_or(python, std::slice::from_ref),
        options: &spec.args,
        paths: &paths,
        collect_only: order.is_collection(),
        plugin_folder: &folder,
        python_path: python_path.as_deref(),
        socket: &socket,
        selection: selection.as_deref(),
        stacks: Some(&stacks),
    };
    let tool = Box::new(Reporting::new(order.run, start.step(), pytest::explain));
    Ok(Plan { tool, env: spec.env.clone(), directory: spec.directory.clone() })
}

fn javascript(flavor: Flavor, spec: &ToolSpec, order: Order, means: &Means, exchange: &Exchange) -> io::Result<Plan> {
    let (file, reporter) = flavor.reporter();
    fs::write(means.runtime.join(javascript::WIRE_FILE), javascript::WIRE)?;
    fs::write(means.runtime.join(file), reporter)?;
    let command = match &spec.command {
        Some(command) => command.clone(),
        None => {
            let folder = spec.directory.as_ref().map_or_else(|| means.root.to_path_buf(), |name| means.root.join(name));
            vec![installed(&folder, flavor.program())]
        }
    };
    let start = javascript::Start {
        command,
        options: spec.args.clone(),
        reporter: text(&means.runtime.join(file)),
        socket: text(&exchange.socket),
        selection: selection(&order, exchange)?,
    };
    Ok(plain(spec, Box::new(JavaScript::new(flavor, order, start))))
}

fn command(spec: &ResultsSpec, name: &str, order: Order, means: &Means) -> Plan {
    let chosen = &spec.command;
    let folder = chosen.directory.as_ref().map_or_else(|| means.root.to_path_buf(), |name| means.root.join(name));
    let start = results::Start {
        command: chosen.argv.clone(),
        rerun: spec.rerun.as_ref().map(|rerun| rerun.argv.clone()),
        format: match spec.format {
            ResultsFormat::Junit => results::Format::Junit,
            ResultsFormat::Tap => results::Format::Tap,
            ResultsFormat::Ctrf => results::Format::Ctrf,
        },
        path: spec.path.clone(),
        last: order.is_collection().then(|| source::last(&folder.join(&spec.path))).flatten(),
        name: name.to_owned(),
    };
    let tool = Box::new(results::Results::new(order, start));
    Plan { tool, env: chosen.env.clone(), directory: chosen.directory.clone() }
}

/// A program that a package has installed into the nearest `node_modules`, else whatever the path has.
fn installed(folder: &Path, program: &str) -> String {
    let here = |folder: &Path| Some(folder.join("node_modules/.bin").join(program)).filter(|file| file.exists());
    folder.ancestors().find_map(here).map_or_else(|| program.to_owned(), |file| text(&file))
}

/// The variables of the reporter protocol.
fn protocol(order: &Order, exchange: &Exchange) -> io::Result<Vec<(&'static str, String)>> {
    let mut env = vec![("LIVELOOP_SOCKET", text(&exchange.socket)), ("LIVELOOP_STACKS", text(&exchange.stacks))];
    env.extend(selection(order, exchange)?.map(|path| ("LIVELOOP_SELECTION", path)));
    if order.is_collection() {
        env.push(("LIVELOOP_COLLECT_ONLY", "1".to_owned()));
    }
    Ok(env)
}

/// Writes the wanted ids where the processes find them; `None` where everything is wanted.
fn selection(order: &Order, exchange: &Exchange) -> io::Result<Option<String>> {
    let Wanted::Only { nodes, .. } = &order.wanted else { return Ok(None) };
    fs::write(&exchange.selection, pytest::selection(nodes.iter().map(|node| &**node)))?;
    Ok(Some(text(&exchange.selection)))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
