//! Runners: test tools and how they are started.

use std::time::Duration;

use super::Resolver;
use crate::config::project::{PytestSpec, ReporterSpec, RunnerSpec, RunnerTool};
use crate::config::settings::{PytestSettings, ReporterSettings, RunnerSettings};
use crate::config::timespan::Timespan;

impl Resolver<'_> {
    pub(super) fn runner(&mut self, name: &str, runner: &RunnerSettings) -> RunnerSpec {
        let path = format!("runner.{name}");
        let name = self.name(&path, name);
        match runner {
            RunnerSettings::Pytest(pytest) => {
                let path = format!("{path}.pytest");
                let tool = RunnerTool::Pytest(self.pytest(&path, pytest));
                RunnerSpec { name, timeout: self.run_timeout(&path, pytest.timeout), tool }
            }
            RunnerSettings::Reporter(reporter) => {
                let path = format!("{path}.reporter");
                let tool = RunnerTool::Reporter(self.reporter(&path, reporter));
                RunnerSpec { name, timeout: self.run_timeout(&path, reporter.timeout), tool }
            }
        }
    }

    fn pytest(&mut self, path: &str, pytest: &PytestSettings) -> PytestSpec {
        PytestSpec {
            python: pytest.python.as_ref().map(|python| self.public_text(&format!("{path}.python"), python)),
            args: self.public_texts(&format!("{path}.args"), &pytest.args),
            paths: self.public_texts(&format!("{path}.paths"), &pytest.paths),
            env: self.env(&format!("{path}.env"), &pytest.env),
            directory: pytest.directory.as_ref().map(|directory| self.text(&format!("{path}.directory"), directory)),
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

    fn run_timeout(&mut self, path: &str, timeout: Option<Timespan>) -> Option<Duration> {
        timeout.map(|timeout| self.wait(&format!("{path}.timeout"), timeout))
    }
}
