//! Settings of services: platforms and health probes as a user meets them, texts in, a project or located mistakes out.

use liveloop::config::load::{Vocabulary, load};
use liveloop::config::places::{BUILT_IN, Layer, Source};
use liveloop::config::platform::PlatformSpec;
use liveloop::config::probe::Wanted;
use liveloop::config::project::{HealthProbe, Project};
use liveloop::config::trust::{commands_in, shown};

fn project(text: &str) -> Result<Project, String> {
    let words = Vocabulary { actions: &[], themes: &[], key: &|_| Ok(()) };
    let loaded = load(&[Source::new(Layer::Project, "liveloop.toml", text)], words, &|_| Some("a-value-1".into()));
    loaded.accept().map(|configuration| configuration.project).map_err(|mistakes| mistakes.to_string())
}

fn accepted(text: &str) -> Project {
    project(text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The mistakes, a line each: `3:9 what`.
fn said(text: &str) -> Vec<String> {
    let mistakes = project(text).map(drop).expect_err("mistakes");
    mistakes.lines().filter_map(|line| line.strip_prefix("liveloop.toml:").map(str::to_owned)).collect()
}

mod platforms {
    use super::*;

    /// A platform of the comments in the built-in settings, as a person would take it over.
    fn example(of: &str) -> String {
        let (own, all) = (format!("[service.web.deploy.{of}"), "[service.web.deploy.");
        let lines =
            BUILT_IN.lines().filter_map(|line| line.strip_prefix("# ")).skip_while(|line| !line.starts_with(&own));
        let is_own = |line: &&str| line.starts_with(&own) || !(line.starts_with(all) || line.starts_with("A port"));
        let own = lines.take_while(is_own).collect::<Vec<_>>().join("\n");
        format!("[service.web]\nurl = \"http://h\"\nrevision.http = {{ path = \"/v\", pointer = \"/r\" }}\n{own}\n")
    }

    fn platform(text: &str) -> PlatformSpec {
        let project = accepted(text);
        project.services[0].deploy.clone().and_then(|deploy| deploy.platform).expect("a platform")
    }

    #[test]
    fn their_examples_can_be_used_as_they_stand() {
        for of in ["kubernetes", "github", "compose", "webhook"] {
            let platform = platform(&example(of));
            assert!(platform.name().to_lowercase().contains(of), "{platform:?}");
        }
        let PlatformSpec::Webhook(webhook) = platform(&example("webhook")) else { panic!("a webhook") };
        let status = webhook.status.expect("a status");
        assert_eq!((status.id.as_deref(), status.state.as_str()), (Some("/id"), "/state"));
    }

    #[test]
    fn compose_runs_its_own_up_and_every_command_needs_trust() {
        let text = "[service.web]\nurl = \"http://h\"\n[service.web.deploy]\ntimeout = \"90s\"\n\
            [service.web.deploy.compose]\ncompose = [\"docker\", \"compose\", \"-f\", \"c.yml\"]\nservice = \"front\"\n";
        let told: Vec<String> = commands_in(&accepted(text)).iter().map(|named| shown(&named.command)).collect();
        assert_eq!(
            told,
            ["docker compose -f c.yml up --detach --wait --wait-timeout 90 --build front", "docker compose -f c.yml"]
        );
        let hook = "[service.web]\nurl = \"http://h\"\nrevision.http = { path = \"/v\", pointer = \"/r\" }\n\
            [service.web.deploy.webhook]\nurl = \"https://h/hook\"\ntoken.command = [\"pass\", \"hook\"]\n";
        let told: Vec<String> = commands_in(&accepted(hook)).iter().map(|named| shown(&named.command)).collect();
        assert_eq!(told, ["pass hook"]);
    }

    #[test]
    fn what_cannot_work_is_said_where_it_is_written() {
        let text = "[service.web]\nurl = \"http://h\"\n[service.web.deploy]\ncommand = [\"./d\"]\n\
            [service.web.deploy.webhook]\nurl = \"http://far.example/hook\"\ntoken.env = \"T\"\n\
            [service.web.deploy.webhook.status]\nurl = \"http://far.example/{id}\"\nstate = \"state\"\n\
            finished = [\"done\"]\nfailed = [\"bad\", \"Done\"]\n\
            [service.api]\nurl = \"http://h\"\n[service.api.deploy.compose]\ncompose = []\n\
            [service.api.deploy.webhook]\nurl = \"https://h\"\nstatus = { url = \"https://h\", id = \"/id\" }\n";
        let said = said(text);
        let has = |place: &str, words: &str| {
            assert!(
                said.iter().any(|line| line.starts_with(place) && line.contains(words)),
                "{place} {words}: {said:#?}"
            );
        };
        has("4:", "has no use beside a webhook");
        has("6:", "a token would go over the network unencrypted");
        has("9:", "does not say where the id comes from");
        has("9:", "a token would go over the network unencrypted");
        has("10:", "`state` is not a JSON pointer");
        has("12:", "`Done` is in `finished` already");
        has("16:", "names no program");
        has("19:", "the URL has no {id} in it");
        has("15:", "names both docker compose and the webhook");
    }
}

mod health {
    use super::*;

    #[test]
    fn one_condition_is_short_and_several_are_a_list() {
        let text = "[service.a]\nurl = \"http://h/api/\"\n[service.a.health.http]\npath = \"/health\"\nready = [\"/ready\"]\n\
            pointer = \"/status\"\nequals = \"ok\"\n\
            conditions = [{ pointer = \"/queue\", at_least = 1, at_most = 99.5 }, { path = \"/ready\", pointer = \"/db\" }]\n";
        let project = accepted(text);
        let probe = project.services[0].health.clone().expect("a probe").probe;
        let HealthProbe::Http(http) = probe else { panic!("over HTTP") };
        let told: Vec<_> = http.asks.iter().map(|ask| (ask.url.as_str(), ask.conditions.len())).collect();
        assert_eq!(told, [("http://h/api/health", 2), ("http://h/api/ready", 1)]);
        assert_eq!(http.asks[0].conditions[0].wanted, Wanted::OneOf(vec!["ok".to_owned()]));
        let bounds = Wanted::Within { at_least: Some(1.0), at_most: Some(99.5) };
        assert_eq!(
            (&http.asks[0].conditions[1].wanted, &http.asks[1].conditions[0].wanted),
            (&bounds, &Wanted::Something)
        );
    }

    #[test]
    fn a_websocket_is_asked_at_the_url_of_the_service() {
        let text = "[service.a]\nurl = \"https://h\"\nhealth.websocket = { path = \"/ws\", status = [101, 401] }\n";
        let probe = accepted(text).services[0].health.clone().expect("a probe").probe;
        let HealthProbe::Websocket(websocket) = probe else { panic!("a WebSocket") };
        assert_eq!((websocket.url.as_str(), websocket.status.as_slice()), ("wss://h/ws", &[101, 401][..]));
    }

    #[test]
    fn what_cannot_work_is_said_where_it_is_written() {
        let text = "[service.a]\nurl = \"http://h\"\n[service.a.health.http]\npath = \"/health\"\n\
            ready = [\"ready\", \"/health\"]\n\
            [[service.a.health.http.conditions]]\npointer = \"/a\"\nequals = \"x\"\nat_most = 3\n\
            [[service.a.health.http.conditions]]\npath = \"/redy\"\npointer = \"b\"\nat_least = nan\n\
            [[service.a.health.http.conditions]]\npointer = \"/c\"\nat_least = 5\nat_most = 4\n\
            [service.b]\nurl = \"http://h\"\nhealth.websocket = { path = \"ws\", status = [] }\n";
        let said = said(text);
        let has = |place: &str, words: &str| {
            assert!(
                said.iter().any(|line| line.starts_with(place) && line.contains(words)),
                "{place} {words}: {said:#?}"
            );
        };
        has("5:", "a path starts with `/`");
        has("5:", "`/health` is asked already");
        has("6:", "asks for more than one kind of thing");
        has("11:", "`/redy` is not asked");
        has("12:", "`b` is not a JSON pointer");
        has("13:", "is no number to compare with");
        has("16:", "no number is at least 5 and at most 4");
        has("20:", "a path starts with `/`");
        has("20:", "no status would count as healthy");
    }
}
