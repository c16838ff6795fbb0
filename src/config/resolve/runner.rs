//! Runners: test tools and how they are started.

use std::time::Duration;

use super::Resolver;
use crate::config::project::{PytestSpec, ReporterSpec, ResultsFormat, ResultsSpec, RunnerSpec, RunnerTool, ToolSpec};
use crate::config::settings::{
    CommandSettings, PytestSettings, ReporterSettings, ResultsSettings, RunnerSettings, ToolSettings,
};
use crate::config::timespan::Timespan;

impl Resolver<'_> {
    pub(super) fn runner(&mut self, name: &str, runner: &RunnerSettings) -> RunnerSpec {
        let path = format!("runner.{name}");
        let name = self.name(&path, name);
        let (kind, timeout, services) = match runner {
            RunnerSettings::Pytest(pytest) => ("pytest", pytest.timeout, &pytest.services),
            RunnerSettings::Reporter(reporter) => ("reporter", reporter.timeout, &reporter.services),
            RunnerSettings::Nextest(tool) => ("nextest", tool.timeout, &tool.services),
            RunnerSettings::Cargo(tool) => ("cargo", tool.timeout, &tool.services),
            RunnerSettings::Vitest(tool) => ("vitest", tool.timeout, &tool.services),
            RunnerSettings::Jest(tool) => ("jest", tool.timeout, &tool.services),
            RunnerSettings::Go(tool) => ("go", tool.timeout, &tool.services),
            RunnerSettings::Command(command) => ("command", command.timeout, &command.services),
        };
        let path = format!("{path}.{kind}");
        let tool = match runner {
            RunnerSettings::Pytest(pytest) => RunnerTool::Pytest(self.pytest(&path, pytest)),
            RunnerSettings::Reporter(reporter) => RunnerTool::Reporter(self.reporter(&path, reporter)),
            RunnerSettings::Nextest(tool) => RunnerTool::Nextest(self.tool(&path, tool)),
            RunnerSettings::Cargo(tool) => RunnerTool::Cargo(self.tool(&path, tool)),
            RunnerSettings::Vitest(tool) => RunnerTool::Vitest(self.tool(&path, tool)),
            RunnerSettings::Jest(tool) => RunnerTool::Jest(self.tool(&path, tool)),
            RunnerSettings::Go(tool) => RunnerTool::Go(self.tool(&path, tool)),
            RunnerSettings::Command(command) => RunnerTool::Command(self.results(&path, command)),
        };
        let services = services.as_ref().map(|services| self.service_names(&format!("{path}.services"), services));
        RunnerSpec { name, timeout: self.run_timeout(&path, timeout), tool, services }
    }

    fn tool(&mut self, path: &str, tool: &ToolSettings) -> ToolSpec {
        let command = tool.command.as_ref().map(|command| self.public_texts(&format!("{path}.command"), command));
        ToolSpec {
            command: command.filter(|command| !command.is_empty()),
            args: self.public_texts(&format!("{path}.args"), &tool.args),
            env: self.env(&format!("{path}.env"), &tool.env),
            directory: tool.directory.as_ref().map(|directory| self.text(&format!("{path}.directory"), directory)),
        }
    }

    fn pytest(&mut self, path: &str, pytest: &PytestSettings) -> PytestSpec {
        PytestSpec {
            python: pytest.python.as_ref().map(|python| self.public_text(&format!("{path}.python"), python)),
            args: self.public_texts(&format!("{path}.args"), &pytest.args),
            paths: self.public_texts(&format!("{path}.paths"), &pytest.paths),
            env: self.env(&format!("{path}.env"), &pytest.env),
            directory: pytest.directory.as_ref().map(|directory| self.text(&format!("{path}.directory"), directory)),
            evidence: pytest.evidence.unwrap_or(true),
        }
    }

    fn reporter(&mut self, path: &str, reporter: &ReporterSettings) -> ReporterSpec {
        let directory = reporter.directory.as_ref();
        ReporterSpec {
            command: self.command(path, "command", &reporter.command, &reporter.env, directory),
            collect: reporter
                .collect
                .as_ref()
                .map(|collect| self.command(path, "collect", collect, &reporter.env, directory)),
        }
    }

    fn results(&mut self, path: &str, settings: &CommandSettings) -> ResultsSpec {
        let directory = settings.directory.as_ref();
        let (format, kind, results) = match &settings.results {
            ResultsSettings::Junit(results) => (ResultsFormat::Junit, "junit", results),
            ResultsSettings::Tap(results) => (ResultsFormat::Tap, "tap", results),
            ResultsSettings::Ctrf(results) => (ResultsFormat::Ctrf, "ctrf", results),
        };
        ResultsSpec {
            command: self.command(path, "command", &settings.command, &settings.env, directory),
            rerun: settings.rerun.as_ref().map(|rerun| self.command(path, "rerun", rerun, &settings.env, directory)),
            format,
            path: self.public_text(&format!("{path}.results.{kind}"), results),
        }
    }

    fn run_timeout(&mut self, path: &str, timeout: Option<Timespan>) -> Option<Duration> {
        timeout.map(|timeout| self.wait(&format!("{path}.timeout"), timeout))
    }
}
