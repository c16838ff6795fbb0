//! Settings as a user meets them: texts in, a project or located mistakes out.

use std::collections::BTreeMap;
use std::path::Path;

use liveloop::cli::check::check;
use liveloop::config::files::{Files, UserFolders, find_project_file, load_files};
use liveloop::config::load::{Configuration, Loaded, Vocabulary, load};
use liveloop::config::places::{BUILT_IN, Layer, Source};
use liveloop::config::project::{
    CloseAction, EnvironmentKind, HealthProbe, HttpTokenSpec, OfferSpec, Project, RevisionSource, RunnerTool,
    ServiceSpec, TokenSpec,
};
use liveloop::config::trust::{TrustStore, commands_in, shown};

const LAB: &str = include_str!("../examples/staging/liveloop.toml");

const VOCABULARY: Vocabulary<'static> = Vocabulary {
    actions: &["rerun-failed", "run-all", "quit"],
    themes: &["dark", "light", "high-contrast"],
    key: &|key| {
        if key.contains("bogus") { Err(format!("`{key}` is no key")) } else { Ok(()) }
    },
};

fn environment(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    move |name| variables.get(name).cloned()
}

fn load_project(text: &str, variables: &[(&str, &str)]) -> Loaded {
    load(&[Source::new(Layer::Project, "liveloop.toml", text)], VOCABULARY, &environment(variables))
}

#[track_caller]
fn accepted(text: &str, variables: &[(&str, &str)]) -> Configuration {
    load_project(text, variables).accept().unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn project(text: &str, variables: &[(&str, &str)]) -> Project {
    accepted(text, variables).project
}

/// What is said about a project's file: location, message, hint.
fn said(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let loaded = load_project(text, variables);
    assert_eq!(loaded.configuration.is_none(), !loaded.errors.is_empty());
    lines(&loaded.errors)
}

fn lines(mistakes: &[liveloop::config::mistake::Mistake]) -> Vec<String> {
    mistakes
        .iter()
        .map(|mistake| {
            let hint = mistake.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
            format!("{}:{} {}{hint}", mistake.line, mistake.column, mistake.message)
        })
        .collect()
}

mod the_example_for_the_lab {
    use super::*;

    #[test]
    fn it_needs_nothing_from_the_environment() {
        let configuration = accepted(LAB, &[]);
        assert_eq!(configuration.notices, []);
        let project = configuration.project;
        assert_eq!((project.environment.name.as_str(), project.environment.kind), ("staging", EnvironmentKind::Shared));
        assert!(matches!(project.runners[0].tool, RunnerTool::Pytest(_)));
        let services: Vec<_> =
            project.services.iter().map(|service| (service.name.as_str(), service.url.as_str())).collect();
        assert_eq!(
            services,
            [
                ("backend", "http://127.0.0.1:18000"),
                ("auth", "http://127.0.0.1:18001"),
                ("frontend", "http://127.0.0.1:18002")
            ]
        );
        let backend = &project.services[0];
        let health = backend.health.as_ref().expect("a health probe");
        let HealthProbe::Http(http) = &health.probe else { panic!("a GET request") };
        assert_eq!((http.asks[0].url.as_str(), http.status.as_slice()), ("http://127.0.0.1:18000/health", &[200][..]));
        let revision = backend.revision.as_ref().expect("a revision probe");
        assert_eq!(revision.source, RevisionSource::Header("x-revision".to_owned()));
        let deploy = backend.deploy.as_ref().expect("a deploy");
        assert_eq!(
            deploy.command.as_ref().map(shown).unwrap_or_default(),
            "python deploy.py backend --port 18000 --env E2E_OAUTH_SIMULATION_KEY=lab-key"
        );
        assert_eq!((deploy.proof.streak, deploy.timeout.as_secs()), (3, 900));
        assert!(
            project
                .services
                .iter()
                .all(|service| service.health.is_some() && service.revision.is_some() && service.deploy.is_some())
        );
        let agents = &project.streams[0];
        assert_eq!((agents.url.as_str(), agents.service.as_deref()), ("ws://127.0.0.1:18000/ws", Some("backend")));
        assert_eq!(agents.subprotocols, ["jwt-auth"]);
        assert_eq!(
            agents.offers,
            [OfferSpec::Header { name: "Authorization".to_owned(), scheme: "Bearer".to_owned() }]
        );
        let Some(TokenSpec::Http(HttpTokenSpec { url, headers, body, .. })) = &agents.token else {
            panic!("the token comes from an HTTP call");
        };
        assert_eq!(
            (url.as_str(), body.as_deref()),
            ("http://127.0.0.1:18001/auth/e2e/test-auth", Some("{\"expires_in\": 900}"))
        );
        assert_eq!((headers[0].name.as_str(), headers[0].value.reveal()), ("X-E2E-Bypass-Key", "lab-key"));
        let start = agents.start.as_ref().expect("a start message");
        assert_eq!(serde_json::from_str::<serde_json::Value>(start).expect("JSON")["type"], "start_agent");
        // The key in the file is no secret; it stands there.
        assert_eq!(project.secrets, []);
    }

    #[test]
    fn it_follows_the_labs_variables() {
        let project = project(LAB, &[("LAB_PORT", "19000"), ("E2E_OAUTH_SIMULATION_KEY", "from-outside")]);
        let urls: Vec<_> = project.services.iter().map(|service| service.url.as_str()).collect();
        assert_eq!(urls, ["http://127.0.0.1:19000", "http://127.0.0.1:19001", "http://127.0.0.1:19002"]);
        assert_eq!(project.streams[0].url, "ws://127.0.0.1:19000/ws");
        let commands = commands_in(&project);
        assert_eq!(
            commands
                .iter()
                .map(|command| format!("{}: {}", command.purpose, command.command.argv[..5].join(" ")))
                .collect::<Vec<_>>(),
            [
                "deploy of backend: python deploy.py backend --port 19000",
                "rollback of backend: python deploy.py backend --port 19000",
                "deploy of auth: python deploy.py auth --port 19000",
                "rollback of auth: python deploy.py auth --port 19000",
                "deploy of frontend: python deploy.py frontend --port 19000",
                "rollback of frontend: python deploy.py frontend --port 19000",
            ]
        );
        assert_eq!(project.secrets.iter().map(|secret| secret.reveal()).collect::<Vec<_>>(), ["from-outside"]);
        assert!(!format!("{project:?}").contains("from-outside"));
    }

    #[test]
    fn it_can_be_aimed_elsewhere() {
        let variables =
            [("LAB_BACKEND", "https://backend.staging.example"), ("LAB_AUTH", "https://auth.staging.example")];
        let project = project(LAB, &variables);
        assert_eq!(project.services[0].url, "https://backend.staging.example");
        assert_eq!(project.streams[0].url, "wss://backend.staging.example/ws");
    }

    #[test]
    fn a_token_is_not_sent_in_the_open() {
        let said = said(LAB, &[("LAB_BACKEND", "http://backend.staging.example")]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("a token would go over the network unencrypted"), "{said:?}");
    }
}

mod the_built_in_settings {
    use super::*;

    /// The documented examples, without the marks that keep them from counting.
    fn uncommented() -> String {
        BUILT_IN
            .lines()
            .map(|line| line.strip_prefix("#:").map_or(line, str::trim_start))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn they_are_complete() {
        let configuration = accepted("", &[]);
        assert_eq!(configuration.notices, []);
        assert_eq!(configuration.project.environment.name, "local");
        assert_eq!(configuration.ui.theme, "auto");
        assert_eq!(commands_in(&configuration.project), []);
    }

    #[test]
    fn their_examples_can_be_used_as_they_stand() {
        let examples: Vec<_> = uncommented().split("\n[editor]").next().map(str::to_owned).into_iter().collect();
        let configuration = accepted(&examples.concat(), &[]);
        assert_eq!(configuration.notices, []);
        assert_eq!(configuration.project.runners.len(), 4);
        assert_eq!(configuration.project.services[0].url, "http://127.0.0.1:18002");
        assert_eq!(configuration.keys["rerun-failed"], ["r"]);
    }

    /// What the examples show as a default is the default.
    #[test]
    fn their_examples_tell_the_truth_about_defaults() {
        let full = project(uncommented().split("\n[editor]").next().expect("the start"), &[]);
        let least = project(
            r#"
            variables.port = { env = "LAB_PORT", default = "18000", add = 2 }
            [service.backend]
            url = "http://127.0.0.1:${port}"
            health.http.path = "/health"
            health.http.pointer = "/status"
            health.http.equals = "healthy"
            health.http.ready = ["/health/ready"]
            health.http.conditions = [{ path = "/health/ready", pointer = "/database", one_of = ["connected", "idle"] }]
            revision.http = { path = "/api/version", header = "x-revision", commit = "/git_sha" }
            deploy.command = ["python", "deploy.py", "backend"]
            deploy.directory = "."
            deploy.proof.live_at = "every_surface"
            deploy.proof.expect = "{commit}"
            surfaces = ["http://127.0.0.1:${port}/web/version"]
            paths = ["backend", "Dockerfile"]
            deploy.rollback.command = ["python", "deploy.py", "backend", "--to", "{revision}"]
            restart = { command = ["python", "deploy.py", "backend", "--restart"], directory = "." }
            deploy.cloud_run.project = "shop"
            deploy.cloud_run.region = "europe-west1"
            deploy.cloud_run.args = ["--image", "IMAGE"]
            deploy.cloud_run.token.command = ["gcloud", "auth", "print-access-token"]
            logs.http = { url = "http://127.0.0.1:${port}/logs/backend", since = "since", entries = "/entries" }
            needs = ["database"]
            latency_budget = "800ms"
            healthy_after = "2 of 3"
            down_after = "2 of 3"
            [service.database]
            url = "http://127.0.0.1:5432"
            health.tcp = {}
            [service.queue]
            url = "http://127.0.0.1:5672"
            health.command = { command = ["./check-queue"], directory = "." }
            [service.gateway]
            url = "http://127.0.0.1:${port}"
            health.websocket.path = "/ws"
            [stream.agents]
            url = "http://127.0.0.1:${port}/ws"
            service = "backend"
            subprotocols = ["jwt-auth"]
            headers.X-Client.value = "liveloop"
            token.http = { url = "http://127.0.0.1:${port}/token", body = "{}", headers.X-Key = { env = "KEY", default = "none" } }
            start.message = '{"type":"start_agent"}'
            revision.header = "x-revision"
            message.hello.text = '{"type":"ping","id":"${random}"}'
            "#,
            &[],
        );
        assert_eq!(least.services, full.services);
        assert_eq!(least.streams, full.streams[..1]);
    }

    #[test]
    fn every_line_stays_readable() {
        for (index, line) in BUILT_IN.lines().enumerate() {
            assert!(line.chars().count() <= 120, "config.toml:{}", index + 1);
        }
    }
}

mod mistakes {
    use super::*;

    #[test]
    fn all_of_them_are_said_at_once() {
        let text = r#"
[enviroment]
name = "x"
[service.backend]
ulr = "http://127.0.0.1"
health.udp = {}
[service.auth]
url = "http://127.0.0.1"
[service.auth.health.http]
path = 5
status = [200, "ok"]
[service.auth.deploy]
command = ["python", "deploy.py"]
timeout = "15"
proof.streak = 0
[stream.agents]
url = "${bakend}/ws"
service = "backnd"
ping_interval = 5
[runner.suite.pytset]
[runner.other]
"#;
        assert_eq!(
            said(text, &[]),
            [
                "2:2 unknown setting `enviroment` (did you mean `environment`?)",
                "5:1 unknown setting `ulr` (did you mean `url`?)",
                "6:8 unknown choice `udp` (known here: http, websocket, tcp, command)",
                "10:8 expected text in quotes, found a whole number (put it in quotes)",
                "11:16 expected a whole number from 0 to 65535, found text in quotes",
                "14:11 `15` has no unit: expected a duration like \"500ms\", \"5s\", \"1m30s\" or \"2h\"",
                "15:16 must be from 1 to 1000",
                "17:7 there is no variable `bakend` (define it: [variables.bakend])",
                "18:11 there is no service `backnd`",
                "19:17 expected a duration like \"500ms\", \"5s\", \"1m30s\" or \"2h\", found a whole number",
                "20:15 unknown choice `pytset` (did you mean `pytest`?)",
                "21:9 names no kind (liveloop's own config.toml shows the kinds that there are)",
            ]
        );
    }

    #[test]
    fn a_rung_that_nothing_can_show_is_refused() {
        let service = "[service.web]\nurl = \"http://127.0.0.1\"\ndeploy.command = [\"./deploy.sh\"]\n";
        let revision = "revision.http = { path = \"/version\", header = \"x-revision\" }\n";
        let at = |rung: &str, more: &str| {
            let text = format!("{service}{more}deploy.proof.live_at = \"{rung}\"\n");
            said(&text, &[]).join("; ")
        };
        assert_eq!(
            at("control_plane", revision),
            "5:24 can never be reached: no platform is configured that could say so \
             (add [service.web.deploy.cloud_run] or another)"
        );
        assert!(at("data_plane", "").contains("nothing says how the revision is asked"));
        assert!(at("every_surface", revision).contains("it has no other surface"));
        assert_eq!(at("every_surface", &format!("{revision}surfaces = [\"http://127.0.0.1/web\"]\n")), "");
        assert!(at("live", revision).contains("unknown choice `live`"));
        let stream = "[stream.agents]\nurl = \"ws://127.0.0.1\"\nrevision.header = \"x-revision\"\n";
        assert!(said(stream, &[]).concat().contains("does not say whose revision it is"));
    }

    #[test]
    fn a_mistake_shows_its_line() {
        let loaded =
            load_project("[service.backend]\nurl = \"http://${host}\"\n[variables.hots]\ndefault = \"h\"\n", &[]);
        let mistakes = loaded.accept().expect_err("a mistake");
        assert_eq!(
            mistakes.to_string(),
            "liveloop.toml:2:7: there is no variable `host`\n  2 │ url = \"http://${host}\"\n    │       ^^^^^^^^^^^^^^^^ did you mean `hots`?\n\n1 mistake"
        );
    }

    #[test]
    fn broken_toml_is_shown_where_it_breaks() {
        let said = said("[service.backend\nurl = 1\n", &[]);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("1:17 not valid TOML:"), "{said:?}");
    }

    #[test]
    fn what_follows_from_a_mistake_is_not_said() {
        // The variable exists, only its key is mistyped; the service exists, only its URL is missing.
        let text = "[variables.port]\nevn = \"P\"\n[service.a]\nurl = \"http://h:${port}\"\n[service.b]\n[stream.s]\nurl = \"http://h\"\nservice = \"b\"\n";
        assert_eq!(said(text, &[]), ["2:1 unknown setting `evn` (did you mean `env`?)", "5:10 `url` is missing"]);
    }

    #[test]
    fn a_variable_without_a_value_is_said_where_it_is_used() {
        let text = "[variables.host]\nenv = \"STAGING_HOST\"\n[variables.url]\ndefault = \"http://${host}\"\n[service.a]\nurl = \"${url}/a\"\n";
        assert_eq!(
            said(text, &[]),
            ["6:7 `${url}` has no value: `${host}` has none: STAGING_HOST is not set, and there is no default"]
        );
        assert_eq!(said(text, &[("STAGING_HOST", "")]).len(), 1);
        assert_eq!(project(text, &[("STAGING_HOST", "h")]).services[0].url, "http://h/a");
        // Not used, not missed.
        assert_eq!(said("[variables.host]\nenv = \"STAGING_HOST\"\n", &[]), Vec::<String>::new());
    }

    #[test]
    fn variables_in_a_circle_and_sums_of_words_are_refused() {
        let text = "[variables.a]\ndefault = \"${b}\"\n[variables.b]\ndefault = \"${a}\"\n[variables.c]\ndefault = \"many\"\nadd = 1\n[environment]\nname = \"${a}${c}\"\n";
        assert_eq!(
            said(text, &[]),
            [
                "1:12 variables name each other in a circle: `a` → `b` → `a`",
                "5:12 `add` needs a whole number, and `many` is none"
            ]
        );
    }

    #[test]
    fn a_probe_needs_to_know_where_to_look() {
        let text = "[service.a]\nurl = \"staging.example.com\"\n[service.a.revision.http]\npath = \"version\"\n[service.a.health.http]\npath = \"/h\"\nequals = \"x\"\npointer = \"status.ok\"\n[service.b]\nurl = \"https://user:pass@h\"\n[service.a.deploy]\ncommand = []\n";
        assert_eq!(
            said(text, &[]),
            [
                "2:7 `staging.example.com` is not a URL that starts with http://, https://",
                "3:21 does not say where the revision stands (add header = \"x-revision\" or pointer = \"/revision\")",
                "4:8 a path starts with `/`",
                "8:11 `status.ok` is not a JSON pointer (write \"/status/ok\")",
                "10:7 this looks like a secret, and a settings file is no place for one (put it into an environment variable, and name that one here)",
                "12:11 names no program (a command is a list: the program, then its arguments)",
            ]
        );
    }

    #[test]
    fn health_is_more_than_a_request() {
        let text = "[service.db]\nurl = \"https://db.example.com/x\"\n[service.db.health.tcp]\n\
            [service.queue]\nurl = \"http://h\"\nneeds = [\"db\"]\nlatency_budget = \"500ms\"\n\
            healthy_after = 2\ndown_after = \"2 of 3\"\n[service.queue.health.command]\ncommand = [\"ping\"]\n\
            [runner.t.pytest]\nservices = [\"queue\"]\n";
        let project = project(text, &[]);
        let [db, queue] = &project.services[..] else { panic!("two services") };
        let probe = |service: &ServiceSpec| service.health.clone().expect("a probe").probe;
        assert_eq!(probe(db), HealthProbe::Tcp { address: "db.example.com:443".to_owned() });
        assert!(matches!(probe(queue), HealthProbe::Command(command) if command.argv == ["ping"]));
        assert_eq!(
            (queue.needs.as_slice(), queue.damping.better.to_string()),
            (&["db".to_owned()][..], "2 of 2".into())
        );
        assert_eq!(queue.damping.worse.to_string(), "2 of 3");
        assert_eq!(project.runners[0].services.as_deref(), Some(&["queue".to_owned()][..]));
    }

    #[test]
    fn a_service_needs_others_and_a_quorum_has_to_be_possible() {
        let text = "[service.a]\nurl = \"http://a\"\nneeds = [\"b\"]\nlatency_budget = \"1s\"\n\
            [service.b]\nurl = \"http://b\"\nneeds = [\"a\", \"ab\"]\n[service.b.health.tcp]\naddress = \"b\"\n\
            [runner.t.pytest]\nservices = [\"aa\"]\n";
        assert_eq!(
            said(text, &[]),
            [
                "3:9 `a` would need itself",
                "7:9 `b` would need itself",
                "7:15 there is no service `ab` (did you mean `a`?)",
                "9:11 `b` is not an address like \"127.0.0.1:5432\"",
                "11:13 there is no service `aa` (did you mean `a`?)",
            ]
        );
        assert_eq!(
            said("[service.a]\nurl = \"http://a\"\ndown_after = \"3 of 2\"\n", &[]),
            ["3:14 `3 of 2` cannot be met: the first number is from 1 to the second, which is 30 at most"]
        );
    }

    #[test]
    fn a_thousand_mistakes_are_survived() {
        let text: String = (0..1_000).map(|n| format!("wrong{n} = {n}\n")).collect();
        let said = said(&text, &[]);
        assert!((50..60).contains(&said.len()), "{}", said.len());
    }

    #[test]
    fn a_hostile_file_is_refused_in_short() {
        let files = [
            |n: usize| format!("a{n}.token = \"x\"\n"),
            |n: usize| format!("service.s{n}.url = \"nowhere\"\n"),
            |n: usize| format!("keys.k{n} = []\n"),
            |n: usize| format!("variables.v{n}.default = \"${{v{}}}\"\n", n + 1),
        ];
        for line in files {
            let text: String = (0..2_000).map(line).collect();
            let said = said(&text, &[]);
            assert!((1..=60).contains(&said.len()), "{}: {}", said.len(), said[0]);
        }
    }

    #[test]
    fn nothing_is_too_deep() {
        let deep = 50_000;
        for text in [
            format!("a{} = 1", ".a".repeat(deep)),
            format!("[a{}]", ".a".repeat(deep)),
            format!("a = {}", "[".repeat(deep)),
            format!("a = {}", "{a = ".repeat(deep)),
        ] {
            assert_eq!(said(&text, &[]).len(), 1);
        }
    }

    #[test]
    fn variables_cannot_fill_the_memory() {
        let doubling: String =
            (0..31).map(|n| format!("variables.v{n}.default = \"${{v{0}}}${{v{0}}}\"\n", n + 1)).collect();
        let said = said(&format!("{doubling}variables.v31.default = \"aa\"\n"), &[]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].ends_with("its value is longer than 8192 bytes"), "{said:?}");
    }

    #[test]
    fn no_text_makes_it_panic() {
        // Every prefix of a real file, and every such prefix with something foreign at its end.
        for end in (0..LAB.len()).filter(|end| LAB.is_char_boundary(*end)).step_by(7) {
            for tail in ["", "\"", "= {", "\u{1b}[0m", "[[["] {
                let _ = load_project(&format!("{}{tail}", &LAB[..end]), &[]);
            }
        }
    }
}

mod secrets {
    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzdGFnaW5nIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

    #[track_caller]
    fn refused(text: &str, secret: &str, hint: &str) {
        let loaded = load_project(text, &[]);
        assert!(!loaded.errors.is_empty(), "{text}");
        let report = loaded.accept().expect_err("a mistake").to_string();
        assert!(!report.contains(secret), "{report}");
        assert!(report.contains(hint) && report.contains('^'), "{report}");
    }

    #[test]
    fn a_literal_secret_is_refused_and_never_shown() {
        let stream = "[stream.s]\nurl = \"ws://localhost\"\n";
        refused(&format!("{stream}token = \"hunter2hunter2\"\n"), "hunter2", "token.env");
        refused(&format!("{stream}headers.Authorization.value = \"Bearer hunter2\"\n"), "hunter2", "env = ");
        refused(&format!("{stream}headers.authorization = \"Bearer hunter2\"\n"), "hunter2", "env = ");
        refused(
            &format!("{stream}headers.authorization = {{ env = \"A\", default = \"Bearer hunter2\" }}\n"),
            "hunter2",
            "env = ",
        );
        refused(&format!("{stream}headers.X-Api-Key.value = \"hunter2\"\n"), "hunter2", "env = ");
        refused("[runner.r.pytest]\nenv.DB_PASSWORD = \"hunter2\"\n", "hunter2", "export it");
        refused(&format!("[runner.r.pytest]\nargs = [\"--token={JWT}\"]\n"), JWT, "environment variable");
        refused("[service.s]\nurl = \"https://me:hunter2@h\"\n", "hunter2", "environment variable");
        refused(&format!("[runner.r.pytest]\nunknown = '''\n{JWT}\n'''\n"), JWT, "environment variable");
    }

    #[test]
    fn where_a_secret_is_may_be_said() {
        let text = "[variables.key]\nenv = \"API_TOKEN\"\nsecret = true\n[stream.s]\nurl = \"ws://localhost\"\ntoken.env = \"STREAM_TOKEN\"\nheaders.Authorization.value = \"Key ${key}\"\n";
        let project = project(text, &[("API_TOKEN", "first-secret"), ("STREAM_TOKEN", "the-second-secret")]);
        assert_eq!(project.streams[0].headers[0].value.reveal(), "Key first-secret");
        assert_eq!(
            project.secrets.iter().map(|secret| secret.reveal()).collect::<Vec<_>>(),
            ["the-second-secret", "first-secret"]
        );
        assert!(!format!("{project:?}").contains("secret-"), "{project:?}");
    }

    #[test]
    fn a_secret_never_becomes_an_argument() {
        let text = "[variables.key]\nenv = \"KEY\"\nsecret = true\n[service.s]\nurl = \"http://h\"\ndeploy.command = [\"deploy\", \"--key=${key}\"]\n";
        let said = said(text, &[("KEY", "a-long-secret")]);
        assert_eq!(
            said,
            [
                "6:29 a secret cannot stand here, where it would be shown (let the program read the environment variable itself)"
            ]
        );
    }

    #[test]
    fn a_secret_in_a_commands_environment_is_handed_over_and_not_shown() {
        let text = "[variables.key]\nenv = \"KEY\"\nsecret = true\n[service.s]\nurl = \"http://h\"\ndeploy.command = [\"deploy\"]\ndeploy.env = { DEPLOY_KEY = \"${key}\", MODE = \"fast\" }\n";
        let project = project(text, &[("KEY", "a-long-secret")]);
        let command = &commands_in(&project)[0].command;
        assert_eq!(shown(command), "DEPLOY_KEY='…' MODE=fast deploy");
        assert_eq!(command.env[0].1.reveal(), "a-long-secret");
        assert!(!format!("{project:?}").contains("a-long"));
    }

    #[test]
    fn a_missing_token_is_a_notice() {
        let configuration =
            accepted("[stream.s]\nurl = \"ws://localhost\"\ntoken.env = \"T\"\nheaders.X.env = \"X\"\n", &[]);
        assert_eq!(
            lines(&configuration.notices),
            ["3:13 T is not set: there is no token", "4:9 X is not set: this header is left out"]
        );
        let configuration = accepted("[stream.s]\nurl = \"ws://localhost\"\ntoken.env = \"T\"\n", &[("T", "abc")]);
        assert_eq!(lines(&configuration.notices), ["3:13 a secret of fewer than 6 characters is not masked"]);
        assert_eq!(configuration.project.secrets, []);
    }
}

mod layers {
    use super::*;

    fn with_user(user: &str, project: &str) -> Loaded {
        let layers =
            [Source::new(Layer::User, "config.toml", user), Source::new(Layer::Project, "liveloop.toml", project)];
        load(&layers, VOCABULARY, &environment(&[]))
    }

    #[test]
    fn the_later_one_wins() {
        let layers = [
            Source::new(
                Layer::User,
                "config.toml",
                "ui.theme = \"light\"\nkeys.quit = [\"q\"]\nkeys.run-all = [\"a\"]\neditor.command = [\"hx\", \"{file}:{line}\"]",
            ),
            Source::new(Layer::Project, "liveloop.toml", "ui.mouse = false\nkeys.run-all = [\"R\"]"),
            Source::command_line([("ui.theme", "high-contrast".into())]),
        ];
        let configuration = load(&layers, VOCABULARY, &environment(&[])).accept().expect("a configuration");
        assert_eq!((configuration.ui.theme.as_str(), configuration.ui.mouse), ("high-contrast", false));
        assert_eq!(
            (configuration.keys["quit"].as_slice(), configuration.keys["run-all"].as_slice()),
            (&["q".to_owned()][..], &["R".to_owned()][..])
        );
        assert_eq!(configuration.editor.command, ["hx", "{file}:{line}"]);
    }

    #[test]
    fn the_users_mistakes_cost_no_more_than_a_setting() {
        let loaded = with_user(
            "[ui]\ntheme = \"drak\"\nmouse = \"no\"\nframes_per_second = 24\n[keys]\nquit = [\"bogus\"]\nrerun-faild = [\"r\"]\nrun-all = [\"R\"]\n[service.x]\nurl = \"http://h\"\n",
            "",
        );
        assert_eq!(
            lines(&loaded.notices),
            [
                "2:9 there is no theme `drak` (did you mean `dark`?)",
                "3:9 expected true or false, found text in quotes",
                "6:9 `bogus` is no key (the action keeps its own keys)",
                "7:1 there is no action `rerun-faild` (did you mean `rerun-failed`?)",
                "9:2 `service` belongs to a project, not to a person (set it in the project's liveloop.toml)",
            ]
        );
        let configuration = loaded.accept().expect("a configuration");
        assert_eq!((configuration.ui.theme.as_str(), configuration.ui.mouse), ("auto", true));
        assert_eq!(configuration.ui.frames_per_second, 24);
        assert_eq!(configuration.keys.keys().collect::<Vec<_>>(), ["run-all"]);
        assert_eq!(configuration.notices.len(), 5);
    }

    #[test]
    fn a_number_out_of_range_is_brought_back() {
        let loaded = with_user("ui.frames_per_second = 0\n", "");
        assert_eq!(lines(&loaded.notices), ["1:24 must be from 1 to 120"]);
        assert_eq!(loaded.accept().expect("a configuration").ui.frames_per_second, 1);
        assert_eq!(said("ui.frames_per_second = 500\n", &[]), ["1:24 must be from 1 to 120"]);
        assert_eq!(said("environment.name = \" \"\n", &[]), ["1:20 cannot be empty: nobody could tell where they are"]);
    }

    #[test]
    fn a_users_file_beyond_reading_is_left_out() {
        for user in ["[ui", "\u{0}", &(0..100).map(|n| format!("x{n} = 1\n")).collect::<String>()] {
            let loaded = with_user(user, "environment.name = \"staging\"");
            assert!(!loaded.notices.is_empty());
            let configuration = loaded.accept().expect("a configuration");
            assert_eq!(configuration.project.environment.name, "staging");
        }
    }

    #[test]
    fn a_project_cannot_choose_the_editor() {
        assert_eq!(
            said("[editor]\ncommand = [\"sh\", \"-c\", \"curl evil\"]\n", &[]),
            ["1:2 `editor` belongs to a person, not to a project (set it in your own config.toml)"]
        );
    }
}

mod files {
    use super::*;

    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    #[test]
    fn check_reports_every_file() {
        let home = tempfile::tempdir().expect("a folder");
        let env = environment(&[("HOME", &home.path().display().to_string())]);
        let project = home.path().join("project/liveloop.toml");
        let files = Files { project: Some(project.clone()), user: UserFolders::of(&env) };
        assert_eq!(check(&Files { project: None, ..files.clone() }, VOCABULARY, &env).text, "everything is in order\n");
        write(&project, LAB);
        write(&home.path().join(".config/liveloop/config.toml"), "ui.theme = \"mine\"\n");
        write(&home.path().join(".config/liveloop/themes/mine.toml"), "roles.text = \"#ffffff\"\n");
        let report = check(&files, VOCABULARY, &env);
        assert_eq!(report.exit_code, 0, "{}", report.text);
        assert!(report.text.ends_with("everything is in order\n"), "{}", report.text);

        write(&project, "[service.backend]\nulr = \"x\"\n");
        write(&home.path().join(".config/liveloop/config.toml"), "ui.theme = 5\n");
        write(&home.path().join(".config/liveloop/themes/mine.toml"), "roles.txet = \"#ffffff\"\n");
        let report = check(&files, VOCABULARY, &env);
        assert_eq!(report.exit_code, 2);
        for part in [
            "liveloop.toml:2:1: unknown setting `ulr`",
            "config.toml:1:12: expected text in quotes",
            "mine.toml:1:7: ",
            "`txet`",
            "\n3 mistakes\n",
        ] {
            assert!(report.text.contains(part), "{part} in\n{}", report.text);
        }
        std::fs::write(&project, [0xff, 0xfe, 0x00]).expect("a file");
        let report = check(&files, VOCABULARY, &env);
        assert!(report.text.contains("cannot be read") && report.exit_code == 2, "{}", report.text);
    }

    #[test]
    fn a_session_starts_from_the_files_that_there_are() {
        let home = tempfile::tempdir().expect("a folder");
        let env = environment(&[("HOME", &home.path().display().to_string())]);
        let project = home.path().join("project/liveloop.toml");
        write(&project, "\u{feff}environment.name = \"staging\"\n");
        write(&home.path().join(".config/liveloop/config.toml"), "ui.theme = \"mine\"\n");
        write(&home.path().join(".config/liveloop/themes/mine.toml"), "");
        let files = Files { project: Some(project.clone()), user: UserFolders::of(&env) };
        let configuration = load_files(&files, None, VOCABULARY, &env).accept().expect("a configuration");
        assert_eq!(configuration.ui.theme, "mine");
        assert_eq!(configuration.project.environment.name, "staging");
        assert_eq!(configuration.project_text.as_deref(), Some("environment.name = \"staging\"\n"));
        // A person's file that is no text costs nothing; a project's does.
        std::fs::write(home.path().join(".config/liveloop/config.toml"), [0xff]).expect("a file");
        let configuration = load_files(&files, None, VOCABULARY, &env).accept().expect("a configuration");
        assert!(configuration.notices[0].message.starts_with("cannot be read"));
        std::fs::write(&project, [0xff]).expect("a file");
        assert_eq!(load_files(&files, None, VOCABULARY, &env).accept().expect_err("no configuration").0.len(), 1);
    }

    #[test]
    fn the_projects_file_is_looked_for_up_to_the_repository() {
        let folder = tempfile::tempdir().expect("a folder");
        let below = folder.path().join("repository/tests/e2e");
        std::fs::create_dir_all(&below).expect("folders");
        write(&folder.path().join("liveloop.toml"), "");
        assert_eq!(find_project_file(&below), Some(folder.path().join("liveloop.toml")));
        std::fs::create_dir(folder.path().join("repository/.git")).expect("a folder");
        assert_eq!(find_project_file(&below), None);
        write(&folder.path().join("repository/liveloop.toml"), "");
        assert_eq!(find_project_file(&below), Some(folder.path().join("repository/liveloop.toml")));
    }

    #[test]
    fn folders_follow_the_xdg_rules() {
        let folders = UserFolders::of(&environment(&[
            ("HOME", "/home/a"),
            ("XDG_CONFIG_HOME", "relative"),
            ("XDG_STATE_HOME", "/state"),
        ]));
        assert_eq!(folders.settings(), Some("/home/a/.config/liveloop/config.toml".into()));
        assert_eq!(folders.trust(), Some("/state/liveloop/trust".into()));
        assert_eq!(UserFolders::of(&environment(&[])), UserFolders::default());
    }

    #[test]
    fn trust_is_for_one_path_and_one_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = TrustStore::new(folder.path().join("trust"));
        let path = Path::new("/project/liveloop.toml");
        assert!(!store.is_trusted(path, "a"));
        store.remember(path, "a").expect("kept");
        store.remember(path, "a").expect("kept twice");
        assert!(store.is_trusted(path, "a"));
        assert!(!store.is_trusted(path, "b"));
        assert!(!store.is_trusted(Path::new("/other/liveloop.toml"), "a"));
    }

    #[test]
    fn every_kind_of_command_needs_trust() {
        let text = "[runner.a.reporter]\ncommand = [\"./a\"]\ncollect = [\"./a\", \"list\"]\n[runner.b.pytest]\n[runner.c.pytest]\npython = \"./evil\"\nargs = [\"-x\"]\nenv.A = \"1 2\"\n[service.s]\nurl = \"http://h\"\ndeploy.command = [\"./d\"]\ndeploy.directory = \"sub dir\"\nlogs.command.argv = [\"tail\", \"-F\", \"s.log\"]\n[stream.t]\nurl = \"ws://h\"\nallow_plain_text = true\ntoken.command = [\"pass\", \"show\", \"t\"]\n";
        let commands: Vec<_> = commands_in(&project(text, &[]))
            .iter()
            .map(|named| format!("{}: {}", named.purpose, shown(&named.command)))
            .collect();
        assert_eq!(
            commands,
            [
                "tests of a: ./a",
                "list of the tests of a: ./a list",
                "tests of c: A='1 2' ./evil -m pytest -x",
                "deploy of s: ./d   (in 'sub dir')",
                "log of s: tail -F s.log",
                "token of t: pass show t",
            ]
        );
    }
}

mod tiers_and_known_failures {
    use super::*;

    #[test]
    fn the_lab_knows_what_its_tests_guard() {
        let tiers = project(LAB, &[]).tiers;
        let told: Vec<_> = tiers.iter().map(|tier| (&*tier.name, tier.at_risk.as_deref().unwrap_or(""))).collect();
        assert_eq!(told[0], ("P1", "$120K MRR"));
        assert_eq!(told.len(), 6);
        let node = "tests/e2e/staging/test_priority1_critical.py::test_001";
        assert!(
            tiers[0]
                .tests
                .iter()
                .any(|pattern| pattern.fits_test("tests/e2e/staging/test_priority1_critical.py", node))
        );
    }

    #[test]
    fn a_known_failure_is_read_with_its_last_day() {
        let text = "[[known]]\ntests = [\"t.py::test_a[1]\"]\nsignature = \"assertion:3F9A12c0\"\nreason = \"the vendor's\"\n\
                    owner = \"ann\"\nissue = \"https://issues/7\"\nexpires = \"2026-12-31\"\n\
                    [[dependent]]\ntests = [\"*order*\"]\non = [\"*login\"]\n";
        let project = project(text, &[]);
        let known = &project.known[0];
        assert_eq!(known.signature.as_deref(), Some("assertion:3f9a12c0"));
        assert_eq!(known.expires.map(|moment| moment.0), Some(1_798_761_600_000_000));
        assert_eq!((&*known.reason, known.owner.as_deref()), ("the vendor's", Some("ann")));
        assert_eq!(project.dependents.len(), 1);
    }

    #[test]
    fn mistakes_are_located() {
        let text = "[[tier]]\nname = \"P 1\"\ntests = []\n[[tier]]\nname = \"P2\"\ntests = [\"a\", \"\"]\n\
                    [[tier]]\nname = \"p2\"\ntests = [\"b\"]\n\
                    [[known]]\nreason = \" \"\nsignature = \"assertion\"\nexpires = \"soon\"\n\
                    [[known]]\nreason = \"all of it\"\n[[dependent]]\ntests = [\"a\"]\non = []\n";
        assert_eq!(
            said(text, &[]),
            [
                "2:8 `P 1` cannot be the name of a tier (it is written in --gate P1,P2: no spaces, no commas)",
                "3:9 names no tests (patterns, like [\"*/test_critical.py\", \"*::test_login*\"])",
                "6:15 an empty pattern fits no test (patterns, like [\"*/test_critical.py\", \"*::test_login*\"])",
                "8:8 there is a tier `p2` already",
                "11:10 is empty (say why this failure is accepted)",
                "12:13 `assertion` is not the key of a signature (copy it from an opened cause: it looks like \"assertion:3f9a12c0\")",
                "13:11 `soon` is not a day like \"2026-12-31\"",
                "14:1 is bound to no failure: it would hide whatever goes wrong next (write the signature that an opened cause shows, or a message pattern)",
                "18:6 names no tests (patterns, like [\"*/test_critical.py\", \"*::test_login*\"])",
            ]
        );
    }

    #[test]
    fn an_unknown_key_is_said_where_it_is() {
        let text = "[[known]]\nreason = \"a\"\nmessage = \"*\"\nexpire = \"2026-12-31\"\n";
        assert_eq!(said(text, &[]), ["4:1 unknown setting `expire` (did you mean `expires`?)"]);
    }
}

#[test]
fn a_contract_names_a_stream_that_exists_and_checks_that_there_are() {
    let settings = r#"
[stream.agents]
url = "ws://127.0.0.1:1/ws"

[contract.five]
stream = "agnets"
users = 900

[contract.six]
stream = "agents"
checks = { latency = "eror" }
"#;
    let told = said(settings, &[]).join("\n");
    let wanted =
        ["there is no stream `agnets` (did you mean `agents`?)", "unknown choice `eror` (did you mean `error`?)"];
    assert!(wanted.iter().all(|wanted| told.contains(wanted)), "{told}");
}

#[test]
fn what_a_contract_asks_for_is_held_against_what_there_is() {
    let told = |more: &str| {
        let settings =
            format!("[stream.agents]\nurl = \"ws://127.0.0.1:1/ws\"\n[contract.five]\nstream = \"agents\"\n{more}");
        said(&settings, &[]).join("\n")
    };
    let whole = "large = 1000\nmany = 5\nif = { tool_executing = [\"tools\"] }\nfields = { \"*\" = [\"run_id\"] }\n\
                 budgets = { api = \"1s\", tool = \"1m\" }\nlimits = { first_event = \"5s\" }\n\
                 checks = { clock = \"off\", schema = \"error\", unknown-types = \"info\", size = \"warning\" }";
    assert_eq!(told(whole), "");
    let of = |more: &str, wanted: &str| assert!(told(more).contains(wanted), "{}", told(more));
    of("if = { tool_executed = [\"tools\"] }", "`tool_executed` is not required, so there is nothing to spare");
    of("budgets = { first_events = \"1s\" }", "first_event");
    of("checks = { clocks = \"off\" }", "clock");
}

#[test]
fn a_revision_is_expected_only_of_who_can_say_it() {
    let of = |service: &str, expected: &str| {
        let settings = format!(
            "[service.api]\nurl = \"http://127.0.0.1:1\"\n[stream.agents]\nurl = \"ws://127.0.0.1:1/ws\"\n{service}\n\
             [contract.five]\nstream = \"agents\"\nrevision = \"{expected}\"\n"
        );
        said(&settings, &[]).join("\n")
    };
    let says = "service = \"api\"\nrevision = { header = \"x-revision\" }";
    let serves = format!("{says}\n[service.api.revision.http]\npath = \"/version\"\npointer = \"/revision\"");
    assert!(
        of("", "api-00005").starts_with("8:12 nothing says which revision answers (add "),
        "{}",
        of("", "api-00005")
    );
    let wanted = "9:12 needs both sides to say their revision, and its service does not (add ";
    assert!(of(says, "current").starts_with(wanted), "{}", of(says, "current"));
    assert_eq!((of(says, "api-00005"), of(&serves, "current")), (String::new(), String::new()));
    assert!(of(says, " ").contains("must not be empty"), "{}", of(says, " "));
}

mod streams {
    use super::*;

    #[test]
    fn a_mapping_is_checked_where_it_is_written() {
        let text = r#"
[stream.plain]
url = "ws://h"
protocol = "native"
[stream.plain.mapping]
type = ["type"]
run = ["/run_id"]
[[stream.plain.mapping.map]]
when = {}
emit = "agent_started"
text = ["said.so"]
failed_if = { status = ["bad"] }
"#;
        assert_eq!(
            said(text, &[]),
            [
                "4:12 a stream speaks a known protocol or has a mapping, not both (remove one of the two)",
                "6:9 `type` is not a JSON pointer (write \"/type\")",
                "8:1 a rule without a condition would take every message (write when = { type = \"NAME\" })",
                "8:1 `status` is not a JSON pointer (write \"/status\")",
                "11:9 `said.so` is not a JSON pointer (write \"/said/so\")",
            ]
        );
        assert_eq!(
            said("[stream.plain]\nurl = \"ws://h\"\n[[stream.plain.mapping.map]]\nwhen.type = \"x\"\nemit = \"agent_begun\"\nsay = 1\n", &[]).len(),
            2
        );
        assert_eq!(
            said("[stream.plain]\nurl = \"ws://h\"\nprotocol = \"ag-iu\"\n", &[]),
            ["3:12 unknown choice `ag-iu` (did you mean `ag-ui`?)"]
        );
    }

    #[test]
    fn what_belongs_to_http_is_refused_on_a_websocket() {
        assert_eq!(
            said(
                "[stream.a]\nurl = \"ws://h\"\nbody = \"{}\"\n[stream.b]\nurl = \"ws://h\"\ntransport = \"sse\"\n[stream.c]\nurl = \"http://h\"\ntransport = \"ndjson\"\n[contract.x]\nstream = \"c\"\n",
                &[]
            ),
            [
                "3:8 a WebSocket has no body (write transport = \"sse\" or \"ndjson\")",
                "5:7 `ws://h` is not a URL that starts with http://, https://",
                "11:10 a contract needs a stream over WebSocket (name another stream: this one is an answer over HTTP)",
            ]
        );
        let project = project("[stream.c]\nurl = \"https://h\"\ntransport = \"sse\"\nbody = \"{}\"\n", &[]);
        assert_eq!(
            (project.streams[0].url.as_str(), project.streams[0].method),
            ("https://h", liveloop::config::project::Method::Post)
        );
    }
}

mod how_things_are_reached {
    use super::*;

    const STREAM: &str = "[stream.s]\nurl = \"ws://localhost\"\n";

    #[test]
    fn certificates_and_a_proxy_are_named_and_a_password_is_not_written_out() {
        let http = "[http]\nextra_ca = \"ca.pem\"\nclient_certificate = \"me.pem\"\nno_proxy = [\"localhost\", \".internal\"]\n";
        let project = project(&format!("{http}proxy.env = \"P\"\n"), &[("P", "http://u:hunter2@proxy:3128")]);
        assert_eq!(project.http.client_certificate, Some(("me.pem".into(), "me.pem".into())));
        assert_eq!(project.http.no_proxy, "localhost,.internal");
        assert_eq!(project.http.proxy.as_ref().map(|proxy| proxy.reveal()), Some("http://u:hunter2@proxy:3128"));
        assert!(!format!("{project:?}").contains("hunter2"));
        for (wrong, expected) in [
            ("proxy.value = \"http://u:hunter2@proxy:3128\"", "this looks like a secret"),
            ("proxy.value = \"proxy:3128\"", "this is not the address of a proxy"),
            ("client_key = \"me.key\"", "a key without a certificate"),
        ] {
            let said = said(&format!("[http]\n{wrong}\n"), &[]).join("\n");
            assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_token_is_made_here_and_offered_in_several_ways_at_once() {
        let text = format!(
            "{STREAM}rotate_before = \"55m\"\n[stream.s.token.jwt]\nenv = \"SECRET\"\nclaims = '{{\"sub\":\"u1\"}}'\n[stream.s.offer]\nheader = {{}}\nsubprotocol = {{}}\n"
        );
        let project = project(&text, &[("SECRET", "a-secret-of-the-test")]);
        let stream = &project.streams[0];
        let Some(TokenSpec::Jwt(jwt)) = &stream.token else { panic!("a token that is made") };
        assert_eq!((jwt.variable.as_str(), &jwt.claims["sub"], jwt.lifetime.as_secs()), ("SECRET", &"u1".into(), 900));
        assert_eq!((stream.offers.len(), stream.rotate_before.map(|age| age.as_secs())), (2, Some(3300)));
        let wrong = format!("{STREAM}token.jwt = {{ env = \"SECRET\", claims = \"[]\" }}\n");
        assert!(said(&wrong, &[]).join("\n").contains("the claims are no JSON object"));
    }

    #[test]
    fn what_follows_a_close_code_and_how_a_connection_goes_on_is_set_by_stream() {
        let text = format!(
            "{STREAM}keep_open = false\n[stream.s.close_codes]\n4100 = \"stop\"\n[stream.s.resume]\nheader = \"Last-Event-ID\"\n"
        );
        let project = project(&text, &[]);
        let stream = &project.streams[0];
        assert!(!stream.keep_open);
        assert_eq!(stream.close_codes, [(4100, CloseAction::Stop)]);
        assert_eq!(stream.resume.as_ref().and_then(|resume| resume.header.as_deref()), Some("Last-Event-ID"));
        for (wrong, expected) in [
            ("close_codes = { 999 = \"stop\" }", "`999` is no close code"),
            ("close_codes = { 4100 = \"sleep\" }", "sleep"),
            ("resume = { pointer = \"/id\" }", "does not say how"),
            ("resume = { message = \"again\" }", "does not say what came last"),
            ("transport = \"sse\"\nresume = { message = \"{last}\" }", "nothing can be sent"),
        ] {
            let said = said(&format!("{STREAM}{wrong}\n"), &[]).join("\n");
            assert!(said.contains(expected), "{wrong}: {said}");
        }
    }
}
