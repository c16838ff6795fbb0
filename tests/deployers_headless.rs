//! `liveloop deploy` against platforms that are played: what its last line says, and how it ends.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::process::{Command, Stdio};

use serde_json::Value;

#[path = "support/home.rs"]
mod home;
#[path = "support/platform.rs"]
mod platform;

use home::Home;
use platform::{Answer, Platform, json};

/// How a deploy ended: the code, and the lines that were told.
struct Told {
    code: Option<i32>,
    lines: Vec<Value>,
}

impl Told {
    /// `live at data_plane: detail`
    fn end(&self) -> String {
        let last = self.lines.last().expect("a last line");
        let word = |key: &str| last[key].as_str().unwrap_or("-").to_owned();
        let detail = word("detail");
        let detail = if detail.is_empty() { detail } else { format!(": {detail}") };
        format!("{} at {}{detail}", word("outcome"), word("rung"))
    }

    fn printed(&self) -> Vec<&str> {
        self.lines.iter().filter(|line| line["type"] == "line").filter_map(|line| line["text"].as_str()).collect()
    }
}

/// Deploys `web` of a project with these settings.
fn deploy(home: &Home, settings: &str) -> Told {
    fs::write(home.project().join("liveloop.toml"), settings).expect("a folder of ours");
    let out = home.mark().join("tmp/out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(["--trust", "deploy", "web", "--format", "json"]).current_dir(home.project()).env_clear();
    command.envs(home.variables()).env("HOOK_TOKEN", "hook-token-1").env("HOOK_KEY", "hook-key-1");
    command.stdin(Stdio::null()).stdout(File::create(&out).expect("a folder of ours"));
    let code = command.status().expect("the program starts").code();
    let text = fs::read_to_string(out).expect("text");
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    Told { code, lines: text.lines().map(parse).collect() }
}

/// A file of the project, mostly what a shell is to read.
fn script(home: &Home, name: &str, body: &str) {
    fs::write(home.project().join(name), body).expect("a folder of ours");
}

mod a_webhook {
    use super::*;

    fn settings(port: u16, more: &str) -> String {
        format!(
            r#"
[service.web]
url = "http://127.0.0.1:{port}"
revision.http = {{ path = "/version", pointer = "/revision" }}
[service.web.deploy]
timeout = "60s"
proof = {{ streak = 2, interval = "20ms", timeout = "2s" }}
[service.web.deploy.webhook]
url = "http://127.0.0.1:{port}/hooks/web"
body = '{{"deploy":"{{suffix}}"}}'
headers = {{ x-key = {{ env = "HOOK_KEY" }} }}
token = {{ env = "HOOK_TOKEN" }}
{more}"#
        )
    }

    /// A server that deploys `r2` when it is asked to; `state` says what it answers the nth question about that.
    fn server(hook: u16, state: impl Fn(usize) -> (&'static str, bool) + Send + 'static) -> Platform {
        let (mut serves, mut questions) = ("r1", 0);
        Platform::new(move |asked| match asked.what.as_str() {
            "POST /hooks/web" => Answer(hook, String::new(), r#"{"id":"d 7"}"#.into()),
            "GET /deploys/d%207" => {
                let (state, is_new) = state(questions);
                questions += 1;
                serves = if is_new { "r2" } else { "r1" };
                json(format!(r#"{{"state":"{state}","message":"{state} it is"}}"#))
            }
            "GET /version" => json(format!(r#"{{"revision":"{serves}"}}"#)),
            _ => Answer(404, String::new(), String::new()),
        })
    }

    fn with_status(port: u16) -> String {
        let status = format!(
            "status = {{ url = \"http://127.0.0.1:{port}/deploys/{{id}}\", id = \"/id\", message = \"/message\" }}"
        );
        settings(port, &status)
    }

    #[test]
    fn that_tells_how_it_goes_is_followed_until_the_new_revision_is_proved() {
        let server = server(202, |n| if n == 0 { ("rolling", false) } else { ("success", true) });
        let told = deploy(&Home::new(), &with_status(server.port));
        assert_eq!((told.code, told.end()), (Some(0), "live at data_plane".into()), "{:?}", told.lines);
        let last = told.lines.last().expect("a last line");
        assert_eq!((last["from"].as_str(), last["to"].as_str()), (Some("r1"), Some("r2")));
        let asked = server.asked();
        let posts: Vec<_> = asked.iter().filter(|asked| asked.what.starts_with("POST")).collect();
        assert_eq!(posts.len(), 1, "nothing is sent twice");
        assert!(posts[0].body.starts_with(r#"{"deploy":"l"#), "{}", posts[0].body);
        for asked in asked.iter().filter(|asked| asked.what != "GET /version") {
            let has = |line: &str| asked.headers.lines().any(|header| header == line);
            assert!(has("authorization: bearer hook-token-1") && has("x-key: hook-key-1"), "{asked:?}");
        }
    }

    #[test]
    fn that_fails_says_why_in_its_own_words() {
        let server = server(202, |_| ("failed", false));
        let told = deploy(&Home::new(), &with_status(server.port));
        assert_eq!((told.code, told.end()), (Some(1), "failed at accepted: failed it is".into()));
    }

    #[test]
    fn that_only_takes_the_request_leaves_it_to_the_proof() {
        let server = server(204, |_| ("", false));
        let told = deploy(&Home::new(), &settings(server.port, ""));
        assert_eq!(
            (told.code, told.end()),
            (Some(1), "not_serving at accepted: nothing changed: r1 still serves".into())
        );
    }

    #[test]
    fn that_refuses_or_is_not_there_is_out_of_reach() {
        let refusing = server(503, |_| ("", false));
        let told = deploy(&Home::new(), &with_status(refusing.port));
        assert_eq!(told.code, Some(3), "{:?}", told.lines);
        assert!(told.end().contains("the webhook did not take the deploy: it answered 503"), "{}", told.end());
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a port");
        let told = deploy(&Home::new(), &settings(nobody.port(), ""));
        assert_eq!(told.code, Some(3), "{:?}", told.lines);
    }

    #[test]
    fn whose_settings_are_wrong_is_a_matter_of_usage() {
        let text = settings(9, "").replace("/hooks/web\"", "/hooks/{id}\"\nmethod = \"DELETE\"");
        assert_eq!(deploy(&Home::new(), &text).code, Some(2));
    }
}

mod docker_compose {
    use super::*;

    /// Keeps its one container in a file: `up` writes what `next` holds, `ps` shows it.
    const DOCKER: &str = r#"
case "$*" in
    *" up "*) echo "$@" > asked; echo " Container shop-web-1  Recreated" >&2; cp next container; exit "$(cat code)" ;;
    *" ps "*) cat container ;;
esac
"#;

    fn container(id: &str, state: &str, code: u8) -> String {
        format!(
            r#"{{"ID":"{id}","Name":"shop-web-1","Service":"web","State":"{state}","Health":"","ExitCode":{code},"Image":"shop-web"}}"#
        )
    }

    fn up(next: &str, code: u8) -> Told {
        let home = Home::new();
        script(&home, "docker", DOCKER);
        for (name, text) in
            [("container", &*container("aaa", "running", 0)), ("next", next), ("code", &code.to_string())]
        {
            fs::write(home.project().join(name), text).expect("a folder of ours");
        }
        let told = deploy(
            &home,
            "[service.web]\nurl = \"http://127.0.0.1:9\"\n[service.web.deploy]\ntimeout = \"60s\"\n\
             [service.web.deploy.compose]\ncompose = [\"sh\", \"docker\", \"compose\"]\n",
        );
        let asked = fs::read_to_string(home.project().join("asked")).unwrap_or_default();
        assert_eq!(asked.trim(), "compose up --detach --wait --wait-timeout 60 --build web");
        told
    }

    #[test]
    fn puts_a_new_container_in_place_of_the_old_one() {
        // An array, as older versions print it.
        let told = up(&format!("[{}]", container("bbb", "running", 0)), 0);
        assert_eq!((told.code, told.end()), (Some(0), "live at control_plane".into()), "{:?}", told.lines);
        assert_eq!(told.lines.last().and_then(|line| line["to"].as_str()), Some("shop-web-1 bbb, image shop-web"));
    }

    #[test]
    fn that_ends_well_and_changes_nothing_is_found_out() {
        let told = up(&container("aaa", "running", 0), 0);
        let nothing = "not_serving at accepted: nothing changed: shop-web-1 aaa, image shop-web as before";
        assert_eq!((told.code, told.end()), (Some(1), nothing.into()));
    }

    #[test]
    fn whose_container_ends_is_a_failure_however_the_command_ended() {
        for code in [0, 1] {
            let told = up(&container("bbb", "exited", 137), code);
            assert_eq!(told.code, Some(1));
            assert!(told.end().starts_with("failed"), "{}", told.end());
        }
    }
}

mod github_actions {
    use super::*;

    #[test]
    fn a_204_without_a_run_is_followed_by_our_own_word_in_its_title() {
        let mut word = String::new();
        let server = Platform::new(move |asked| match asked.what.as_str() {
            // An older server knows nothing of details.
            "POST /repos/o/r/actions/workflows/deploy.yml/dispatches" => {
                let body: Value = serde_json::from_str(&asked.body).expect("JSON");
                word = body["inputs"]["id"].as_str().expect("our word").to_owned();
                Answer(if body["return_run_details"] == true { 422 } else { 204 }, String::new(), String::new())
            }
            "GET /repos/o/r/actions/runs?event=workflow_dispatch&per_page=50" => json(format!(
                r#"{{"workflow_runs":[{{"id":9,"status":"queued","display_title":"of another"}},
                {{"id":8,"status":"queued","display_title":"deploy {word}"}}]}}"#
            )),
            "GET /repos/o/r/actions/runs/8" => json(r#"{"id":8,"status":"completed","conclusion":"success"}"#),
            _ => Answer(404, String::new(), String::new()),
        });
        let port = server.port;
        let told = deploy(
            &Home::new(),
            &format!(
                "[service.web]\nurl = \"http://127.0.0.1:{port}\"\n[service.web.deploy.github]\n\
                 url = \"http://127.0.0.1:{port}\"\nrepository = \"o/r\"\nworkflow = \"deploy.yml\"\nid_input = \"id\"\n"
            ),
        );
        // A workflow that ended well says nothing of what serves, and nothing can be asked here.
        let end = "not_serving at accepted: no revision probe is configured: nobody knows what serves";
        assert_eq!((told.code, told.end()), (Some(1), end.into()), "{:?}", told.lines);
        let posts = server.asked().iter().filter(|asked| asked.what.starts_with("POST")).count();
        assert_eq!(posts, 2, "once with and once without details");
    }

    #[test]
    fn a_failed_run_is_told_by_the_log_of_its_job_without_showing_it_our_token() {
        let server = Platform::new(|asked| match asked.what.as_str() {
            "POST /repos/o/r/actions/workflows/deploy.yml/dispatches" => json(r#"{"workflow_run_id":7}"#),
            "GET /repos/o/r/actions/runs/7" => json(r#"{"id":7,"status":"completed","conclusion":"failure"}"#),
            "GET /repos/o/r/actions/runs/7/jobs?filter=latest&per_page=100" => {
                json(r#"{"jobs":[{"id":70,"name":"deploy","conclusion":"failure","steps":[]}]}"#)
            }
            "GET /repos/o/r/actions/jobs/70/logs" => {
                let host = asked.headers.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
                Answer(302, format!("location: http://{host}/blob?sig=1\r\n"), String::new())
            }
            "GET /blob?sig=1" => json("2026-02-19T12:00:02.0000000Z ##[error]no disk\n"),
            _ => Answer(404, String::new(), String::new()),
        });
        let port = server.port;
        let told = deploy(
            &Home::new(),
            &format!(
                "[service.web]\nurl = \"http://127.0.0.1:{port}\"\n[service.web.deploy.github]\n\
                 url = \"http://127.0.0.1:{port}\"\nrepository = \"o/r\"\nworkflow = \"deploy.yml\"\n\
                 token = {{ env = \"HOOK_TOKEN\" }}\n"
            ),
        );
        assert_eq!((told.code, told.end()), (Some(1), "failed at accepted: the run ended: failure".into()));
        assert_eq!(told.printed(), ["log of deploy:", "error: no disk"]);
        for asked in server.asked() {
            let is_shown = asked.headers.contains("hook-token-1");
            assert_eq!(is_shown, asked.what != "GET /blob?sig=1", "{asked:?}");
        }
    }
}

mod kubernetes {
    use super::*;

    const SETTINGS: &str = r#"
[service.web]
url = "http://127.0.0.1:9"
deploy.kubernetes.kubectl = ["sh", "kubectl"]
"#;

    /// The rollout hangs, as its new pod cannot pull its image; nothing else would say so for ten minutes.
    const KUBECTL: &str = r#"
case "$*" in
    *restart*) touch restarted ;;
    *pods*) echo '{"items":[{"metadata":{"name":"web-b-1","labels":{"pod-template-hash":"b"}},"status":{"containerStatuses":
        [{"name":"web","state":{"waiting":{"reason":"ImagePullBackOff","message":"no such image"}}}]}}]}' ;;
    *) [ -e restarted ] && g=5 || g=4
        echo '{"metadata":{"name":"web","generation":'$g',"annotations":{}},"spec":{"selector":{"matchLabels":{"app":"web"}}},
        "status":{"observedGeneration":'$g',"replicas":2,"updatedReplicas":1,"availableReplicas":1}}' ;;
esac
"#;

    #[test]
    fn of_several_objects_without_anything_between_them_the_last_counts() {
        let home = Home::new();
        let object = |generation: u32, counters: &str| {
            format!(
                r#"{{"metadata":{{"generation":{generation}}},"spec":{{"replicas":1}},
                "status":{{"observedGeneration":{generation},{counters}}}}}"#
            )
        };
        // Counters that are zero are left out, and a watch that ends cuts off its last object.
        let (old, new) = (object(4, r#""replicas":1"#), r#""replicas":1,"updatedReplicas":1,"availableReplicas":1"#);
        script(&home, "before", &old);
        script(&home, "after", &format!("{old}{}{{\"metadata\":{{\"na", object(5, new)));
        script(&home, "kubectl", r#"case "$*" in *restart*) mv after before ;; *) cat before ;; esac"#);
        let told = deploy(&home, SETTINGS);
        assert_eq!((told.code, told.end()), (Some(0), "live at control_plane".into()), "{:?}", told.lines);
    }

    #[test]
    fn pods_say_why_long_before_the_deadline() {
        let home = Home::new();
        script(&home, "kubectl", KUBECTL);
        let told = deploy(&home, SETTINGS);
        let why = "failed at accepted: web-b-1/web: ImagePullBackOff: no such image";
        assert_eq!((told.code, told.end()), (Some(1), why.into()));
    }
}

mod cloud_run {
    use super::*;

    /// As the API writes it: 64-bit numbers as text, and nothing that has its default value.
    fn described(generation: u32, latest: &str, traffic: &str, status: &str) -> Answer {
        let path = "projects/p/locations/r/services/web/revisions";
        json(format!(
            r#"{{"generation":"{generation}","observedGeneration":"{generation}","latestCreatedRevision":"{path}/{latest}",
            "latestReadyRevision":"{path}/{latest}","terminalCondition":{{"type":"Ready","state":"CONDITION_SUCCEEDED"}},
            "traffic":[{traffic}],"trafficStatuses":[{status}]}}"#
        ))
    }

    /// Deploys with a script that says nothing and ends well; `after` is what the platform says from then on.
    fn deployed(after: impl Fn(usize, &str) -> Answer + Send + 'static) -> (Told, Platform) {
        let home = Home::new();
        let (mut questions, acted) = (0, home.project().join("acted"));
        let server = Platform::new(move |asked| {
            if acted.exists() {
                questions += 1;
                return after(questions, &asked.headers);
            }
            let all = r#"{"revision":"web-a1","percent":100}"#;
            described(16, "web-a1", r#"{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST","percent":100}"#, all)
        });
        let port = server.port;
        script(&home, "token", "n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; echo token-number-$((n + 1))\n");
        let told = deploy(
            &home,
            &format!(
                "[service.web]\nurl = \"http://127.0.0.1:{port}\"\n[service.web.deploy]\ncommand = [\"touch\", \"acted\"]\ntimeout = \"60s\"\n\
                 [service.web.deploy.cloud_run]\nurl = \"http://127.0.0.1:{port}\"\nproject = \"p\"\nregion = \"r\"\n\
                 token.command = [\"sh\", \"token\"]\n"
            ),
        );
        (told, server)
    }

    #[test]
    fn that_is_busy_and_that_no_longer_takes_the_token_is_asked_again() {
        let (told, server) = deployed(|n, headers| match n {
            1 => Answer(503, "retry-after: 1\r\n".into(), "busy".into()),
            2 => Answer(401, String::new(), r#"{"error":{"message":"expired"}}"#.into()),
            _ if headers.contains("token-number-1") => Answer(401, String::new(), String::new()),
            _ => {
                let latest = r#"{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST","percent":100}"#;
                described(17, "web-b2", latest, r#"{"revision":"web-b2","percent":100}"#)
            }
        });
        assert_eq!((told.code, told.end()), (Some(0), "live at control_plane".into()), "{:?}", told.lines);
        let last = server.asked().last().map(|asked| asked.headers.clone()).unwrap_or_default();
        assert!(last.contains("token-number-2"), "{last}");
    }

    #[test]
    fn whose_traffic_is_pinned_does_not_serve_what_was_deployed() {
        let (told, _) = deployed(|_, _| {
            let pin = r#"{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION","revision":"web-a1","percent":100}"#;
            described(17, "web-b2", pin, r#"{"revision":"web-a1","percent":100}"#)
        });
        let why = "not_serving at accepted: the traffic is pinned to web-a1, not to web-b2";
        assert_eq!((told.code, told.end()), (Some(1), why.into()), "{:?}", told.lines);
    }
}
