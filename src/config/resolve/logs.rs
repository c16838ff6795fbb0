//! Where the logs of services come from.

use super::Resolver;
use crate::config::project::{HttpLogSpec, LogSpec};
use crate::config::settings::{CommandLogSettings, HttpLogSettings, LogSettings};

impl Resolver<'_> {
    pub(super) fn logs(&mut self, path: &str, logs: &LogSettings) -> LogSpec {
        match logs {
            LogSettings::Command(command) => self.log_command(&format!("{path}.command"), command),
            LogSettings::Http(http) => self.log_http(&format!("{path}.http"), http),
        }
    }

    fn log_command(&mut self, path: &str, command: &CommandLogSettings) -> LogSpec {
        LogSpec::Command(self.command(path, "argv", &command.argv, &command.env, command.directory.as_ref()))
    }

    fn log_http(&mut self, path: &str, http: &HttpLogSettings) -> LogSpec {
        LogSpec::Http(HttpLogSpec {
            url: self.url(&format!("{path}.url"), &http.url, &["http", "https"]),
            since: http.since.as_ref().map(|since| self.text(&format!("{path}.since"), since)),
            cursor: self.pointer(&format!("{path}.cursor"), &http.cursor),
            entries: match &http.entries {
                Some(entries) => self.pointer(&format!("{path}.entries"), entries),
                None => String::new(),
            },
            interval: self.wait(&format!("{path}.interval"), http.interval),
            timeout: self.wait(&format!("{path}.timeout"), http.timeout),
            headers: self.headers(path, &http.headers),
        })
    }
}
