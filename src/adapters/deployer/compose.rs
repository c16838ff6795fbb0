//! Docker compose: the containers of a service as `ps --format json` shows them. `up` is over when it is over, so what is
//! read afterwards is the truth; what is new is told by the containers' ids and the images that they were made from.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Ask, Deployer, Reply, Told};
use crate::adapters::sanitize;
use crate::config::platform::ComposeSpec;
use crate::domain::{PlatformVerdict, Text};

/// How often a service without a new container is looked at after the command ended, before it is said that nothing came.
const QUIET_LOOKS: u32 = 3;
/// How often a container may be seen between two lives before nothing more is expected of it.
const RESTARTS: u32 = 3;
/// How much of an id tells it from the others.
const SHORT: usize = 12;

/// A service of a compose file during one deploy.
#[derive(Debug)]
pub struct Compose {
    spec: ComposeSpec,
    /// The containers from before, each with its image.
    before: BTreeMap<String, Option<String>>,
    acted: bool,
    quiet: u32,
    restarts: u32,
    named: bool,
}

impl Compose {
    /// A service before a deploy.
    #[must_use]
    pub fn new(spec: ComposeSpec) -> Self {
        Self { spec, before: BTreeMap::new(), acted: false, quiet: 0, restarts: 0, named: false }
    }

    fn ps(&self) -> Ask {
        let words = ["ps", "--all", "--format", "json", &self.spec.service].map(str::to_owned);
        Ask::Run(self.spec.compose.iter().cloned().chain(words).collect())
    }

    fn judge(&mut self, containers: &[Container]) -> Vec<Told> {
        let (old, new): (Vec<&Container>, Vec<&Container>) =
            containers.iter().partition(|container| self.before.contains_key(&container.id));
        let going = |stage: String| vec![Told::Verdict(PlatformVerdict::Progressing { stage: stage.into() }, None)];
        let Some(newest) = new.first() else {
            return self.nothing_new(&old);
        };
        let mut told = Vec::new();
        if !std::mem::replace(&mut self.named, true) {
            told.push(Told::Target(newest.identity().into()));
            if newest.image_id().is_some_and(|image| self.before.values().flatten().any(|before| before == image)) {
                let line = format!("{} is made from the same image as before", newest.name);
                told.push(Told::Line(sanitize::text(&line).into()));
            }
        }
        let serving = old.iter().any(|container| container.state == "running");
        let failed = |why: String| PlatformVerdict::Failed {
            reason: sanitize::text(&why).into(),
            serving: serving.then(|| "the old container".into()),
        };
        self.restarts += u32::from(new.iter().any(|container| container.state == "restarting"));
        if let Some(why) = new.iter().find_map(|container| container.trouble(self.restarts >= RESTARTS)) {
            told.push(Told::Verdict(failed(why), None));
            return told;
        }
        let up = new.iter().filter(|container| container.is_up()).count();
        if up < new.len() {
            let waits = new.iter().find(|container| !container.is_up()).map(|container| container.stage());
            let stage = format!("{up} of {} new containers are up: {}", new.len(), waits.unwrap_or_default());
            told.extend(going(sanitize::text(&stage)));
            return told;
        }
        let left = old.iter().filter(|container| container.state == "running").count();
        let verdict = match left {
            0 => PlatformVerdict::Routed,
            // The old ones are asked as often as the new ones.
            _ => PlatformVerdict::Split { percent: u8::try_from(up * 100 / (up + left)).unwrap_or(100) },
        };
        told.push(Told::Verdict(verdict, None));
        told
    }

    /// What an exit code of zero is worth when every container is the one from before.
    fn nothing_new(&mut self, old: &[&Container]) -> Vec<Told> {
        self.quiet += u32::from(self.acted);
        let verdict = if self.quiet < QUIET_LOOKS {
            PlatformVerdict::Progressing { stage: "no new container yet".into() }
        } else {
            let why = match old.first() {
                Some(container) => format!("nothing changed: {} as before", container.identity()),
                None => format!("there is no container of {}", self.spec.service),
            };
            PlatformVerdict::NotServing { why: sanitize::text(&why).into() }
        };
        vec![Told::Verdict(verdict, None)]
    }
}

impl Deployer for Compose {
    fn before(&self) -> Option<Ask> {
        Some(self.ps())
    }

    fn remember(&mut self, reply: &Reply) -> Result<(), Text> {
        let containers = read(reply)?;
        let image = |container: &Container| container.image_id().map(str::to_owned);
        self.before = containers.iter().map(|container| (container.id.clone(), image(container))).collect();
        Ok(())
    }

    fn aim(&mut self, _revision: &str) {
        // A container has the id that it is given.
    }

    fn acted(&mut self) {
        self.acted = true;
        // What it was named while the command ran may be a container that was made and taken away again.
        self.named = false;
    }

    fn next(&self) -> Option<Ask> {
        Some(self.ps())
    }

    fn hear(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        let containers = read(reply)?;
        Ok(self.judge(&containers))
    }

    fn pace(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// One object a line, or, from older versions, one array. Containers of `compose run` are not the service.
fn read(reply: &Reply) -> Result<Vec<Container>, Text> {
    let wrong = |error: serde_json::Error| Text::from(format!("what docker compose printed cannot be read: {error}"));
    if reply.status != 0 {
        return Err(format!("docker compose ps ended with exit {}", reply.status).into());
    }
    let printed = reply.body.trim();
    let mut containers: Vec<Container> = if printed.starts_with('[') {
        serde_json::from_str(printed).map_err(wrong)?
    } else {
        let objects = serde_json::Deserializer::from_str(printed).into_iter();
        objects.collect::<Result<_, _>>().map_err(wrong)?
    };
    containers.retain(|container| !container.is_one_off());
    Ok(containers)
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Container {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    state: String,
    /// Empty without a health check.
    health: String,
    exit_code: i64,
    image: String,
    /// `name=value,name=value`; older versions leave it out.
    labels: String,
}

impl Container {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix('='))
    }

    /// The digest of its image: a tag stays the same when something else is built under it.
    fn image_id(&self) -> Option<&str> {
        self.label("com.docker.compose.image")
    }

    fn is_one_off(&self) -> bool {
        match self.label("com.docker.compose.oneoff") {
            Some(value) => value.eq_ignore_ascii_case("true"),
            None => self.name.contains("-run-"),
        }
    }

    fn identity(&self) -> String {
        let short = |id: &str| id.chars().take(SHORT).collect::<String>();
        let image = match self.image_id().and_then(|image| image.strip_prefix("sha256:")) {
            Some(digest) => format!(", image {}", short(digest)),
            None if self.image.is_empty() => String::new(),
            None => format!(", image {}", self.image),
        };
        sanitize::text(&format!("{} {}{image}", self.name, short(&self.id)))
    }

    fn is_up(&self) -> bool {
        self.state == "running" && matches!(self.health.as_str(), "" | "healthy")
    }

    fn stage(&self) -> String {
        match (self.state.as_str(), self.health.as_str()) {
            ("running", "starting") => format!("{} waits for its health check", self.name),
            ("running", health) => format!("{} is {health}", self.name),
            (state, _) => format!("{} is {state}", self.name),
        }
    }

    /// What will not be better by waiting.
    fn trouble(&self, has_restarted_enough: bool) -> Option<String> {
        match self.state.as_str() {
            "exited" | "dead" => Some(format!("{} ended with exit {}", self.name, self.exit_code)),
            "restarting" if has_restarted_enough => {
                Some(format!("{} ends again and again, with exit {}", self.name, self.exit_code))
            }
            "running" if self.health == "unhealthy" => Some(format!("{} is unhealthy", self.name)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(id: &str, state: &str, health: &str) -> String {
        format!(
            r#"{{"ID":"{id}","Name":"shop-web-1","Service":"web","State":"{state}","Health":"{health}","ExitCode":137,"Image":"shop-web","Labels":"com.docker.compose.image=sha256:0123456789abcdef,com.docker.compose.oneoff=False","Publishers":[]}}"#
        )
    }

    /// A deploy whose command has ended, over a container `aaa`.
    fn deployed() -> Compose {
        let spec = ComposeSpec { compose: vec!["docker".into(), "compose".into()], service: "web".into() };
        let mut compose = Compose::new(spec);
        compose.remember(&printed(&container("aaa", "running", ""))).expect("reads");
        compose.acted();
        compose
    }

    fn printed(body: &str) -> Reply {
        Reply { body: body.to_owned(), ..Reply::default() }
    }

    fn said(compose: &mut Compose, body: &str) -> String {
        let told = compose.hear(&printed(body)).expect("reads");
        let words = told.iter().map(|told| match told {
            Told::Verdict(verdict, _) => verdict.to_string(),
            Told::Target(target) => format!("target {target}"),
            Told::Line(line) => format!("line {line}"),
            other => format!("{other:?}"),
        });
        words.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_new_container_is_told_by_its_id_and_waited_for_until_it_is_healthy() {
        let mut web = deployed();
        let ask = ["docker", "compose", "ps", "--all", "--format", "json", "web"].map(str::to_owned).to_vec();
        assert_eq!((web.before(), web.next()), (Some(Ask::Run(ask.clone())), Some(Ask::Run(ask))));
        assert_eq!(
            said(&mut web, &container("bbb", "running", "starting")),
            "target shop-web-1 bbb, image 0123456789ab; line shop-web-1 is made from the same image as before; \
             0 of 1 new containers are up: shop-web-1 waits for its health check"
        );
        assert_eq!(said(&mut web, &container("bbb", "running", "healthy")), "all traffic goes to it");
    }

    #[test]
    fn an_exit_of_zero_that_changed_nothing_is_found_out() {
        let mut web = deployed();
        let same = container("aaa", "running", "");
        let last = (0..QUIET_LOOKS).map(|_| said(&mut web, &same)).last();
        assert_eq!(last.as_deref(), Some("nothing changed: shop-web-1 aaa, image 0123456789ab as before"));
        let mut gone = deployed();
        let last = (0..QUIET_LOOKS).map(|_| said(&mut gone, "")).last();
        assert_eq!(last.as_deref(), Some("there is no container of web"));
    }

    #[test]
    fn lines_and_one_array_say_the_same_and_a_container_of_run_is_not_the_service() {
        let (one, other) = (container("bbb", "running", ""), container("ccc", "created", ""));
        let once = one.replace("oneoff=False", "oneoff=True").replace("bbb", "ddd").replace("running", "exited");
        let old_once = r#"{"ID":"eee","Name":"shop-web-run-1f2e","State":"exited"}"#;
        for body in [format!("{one}\n{once}\n{other}\n{old_once}\n"), format!("[{one},{once},{other},{old_once}]")] {
            let said = said(&mut deployed(), &body);
            assert!(said.ends_with("1 of 2 new containers are up: shop-web-1 is created"), "{said}");
        }
    }

    #[test]
    fn what_waiting_does_not_mend_is_said_at_once() {
        let ends = |state, health, looks: u32| {
            let mut web = deployed();
            let bodies = (0..looks).map(|_| said(&mut web, &container("bbb", state, health)));
            bodies.last().unwrap_or_default().rsplit("; ").next().unwrap_or_default().to_owned()
        };
        assert_eq!(ends("exited", "", 1), "shop-web-1 ended with exit 137");
        assert_eq!(ends("running", "unhealthy", 1), "shop-web-1 is unhealthy");
        assert_eq!(ends("restarting", "", 1), "0 of 1 new containers are up: shop-web-1 is restarting");
        assert_eq!(ends("restarting", "", RESTARTS), "shop-web-1 ends again and again, with exit 137");
        let both = format!("{}\n{}", container("aaa", "running", ""), container("bbb", "exited", ""));
        let said_of_both = said(&mut deployed(), &both);
        assert!(said_of_both.ends_with("ended with exit 137; the old container still serves"), "{said_of_both}");
    }

    #[test]
    fn an_old_container_beside_the_new_one_is_a_split() {
        let both = format!("{}\n{}", container("aaa", "running", ""), container("bbb", "running", "healthy"));
        let said = said(&mut deployed(), &both);
        assert!(said.ends_with("50 % of the traffic goes to it"), "{said}");
    }

    #[test]
    fn what_is_no_answer_is_no_verdict() {
        let mut web = deployed();
        assert!(web.hear(&printed("no configuration file provided")).is_err());
        assert!(web.hear(&Reply { status: 1, ..printed("") }).is_err());
    }
}
