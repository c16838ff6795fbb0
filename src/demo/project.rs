//! The project file of the demo: it tells the console about the environment what a team's own file would.

use std::path::Path;

use super::{environment::Environment, world::BYPASS_KEY};

/// The text of a `liveloop.toml` that drives the demo; `exe` is the program whose hidden subcommands are the suite and
/// the deploy command.
pub fn project_toml(environment: &Environment, exe: &Path) -> String {
    let exe = quoted(&exe.to_string_lossy());
    let Environment { backend, auth, frontend, platform, pace, .. } = environment;
    let mut text = format!(
        r#"# The demo, described as any project is.

[environment]
name = "staging"
kind = "shared"

[runner.suite.reporter]
command = [{exe}, "__demo-suite"]

[runner.suite.reporter.env]
DEMO_BACKEND = "http://{backend}"
DEMO_AUTH = "http://{auth}"
DEMO_FRONTEND = "http://{frontend}"
DEMO_KEY = "{BYPASS_KEY}"
DEMO_PACE = "{pace}"
"#
    );
    for (name, address) in [("backend", backend), ("auth", auth), ("frontend", frontend)] {
        text += &format!(
            r#"
[service.{name}]
url = "http://{address}"

[service.{name}.health.http]
path = "/health"
pointer = "/status"
equals = "healthy"
interval = "1s"

[service.{name}.revision.http]
path = "/api/version"
header = "x-revision"

[service.{name}.deploy]
command = [{exe}, "__demo-deploy", "{name}", "--platform", "{platform}", "--pace", "{pace}"]

[service.{name}.deploy.rollback]
command = [{exe}, "__demo-deploy", "{name}", "--platform", "{platform}", "--pace", "{pace}", "--to", "{{revision}}"]

[service.{name}.restart]
command = [{exe}, "__demo-deploy", "{name}", "--platform", "{platform}", "--pace", "{pace}", "--restart"]

[service.{name}.logs.http]
url = "http://{platform}/logs/{name}"
since = "after"
cursor = "/n"
interval = "500ms"

[service.{name}.deploy.proof]
streak = 3
interval = "200ms"
"#
        );
    }
    text += &format!(
        r#"
[stream.agents]
url = "http://{backend}/ws"
service = "backend"
subprotocols = ["jwt-auth"]

[stream.agents.token.http]
url = "http://{auth}/auth/e2e/test-auth"
body = '{{"expires_in": 900}}'
headers = {{ x-e2e-bypass-key = {{ env = "DEMO_KEY", default = "{BYPASS_KEY}" }} }}

[stream.agents.start]
message = '{{"type":"start_agent","payload":{{"user_request":"reduce my spend","agent_name":"supervisor"}}}}'
"#
    );
    text
}

/// A TOML string. JSON's escapes are among TOML's, and `${` would name a variable.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text.replace("${", "$${")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{Scenario, start};

    #[tokio::test]
    async fn the_project_file_is_toml_whatever_the_program_is_called() {
        let environment = start(Scenario::Story, 0.05).await.expect("loopback ports");
        let text = project_toml(&environment, Path::new("/tmp/a \"b\" ${c}/liveloop"));
        let file: toml::Table = text.parse().expect("valid TOML");
        let command = &file["runner"]["suite"]["reporter"]["command"];
        assert_eq!(command[0].as_str(), Some("/tmp/a \"b\" $${c}/liveloop"));
        let url = file["service"]["backend"]["url"].as_str();
        assert_eq!(url, Some(format!("http://{}", environment.backend).as_str()));
        let start = file["stream"]["agents"]["start"]["message"].as_str().expect("a message");
        assert!(serde_json::from_str::<serde_json::Value>(start).is_ok(), "{start}");
    }
}
