//! The platform: what a deploy does to a service, and the API that starts and describes it.

use std::sync::Arc;

use hyper::{Method, Request, StatusCode, body::Incoming};
use serde_json::{Value, json};

use super::{
    http::{Reply, json_body, json_reply},
    service::{Service, ServiceName},
    world::World,
};

const PROJECT: &str = "/v2/projects/demo/locations/local/services/";

/// `POST /deploy/SERVICE`, `GET /logs/SERVICE?after=N`, and the service as Cloud Run's Admin API v2 describes one.
pub(super) async fn answer(world: Arc<World>, request: Request<Incoming>) -> Reply {
    let path = request.uri().path().to_owned();
    let named = |prefix: &str| path.strip_prefix(prefix).and_then(ServiceName::named);
    if request.method() == Method::POST
        && let Some(name) = named("/deploy/")
    {
        return begin(&world, name, &json_body(request).await);
    }
    if let Some(name) = named("/logs/") {
        let query = request.uri().query().unwrap_or_default();
        let after = query.strip_prefix("after=").and_then(|number| number.parse().ok()).unwrap_or(0);
        return json_reply(StatusCode::OK, log_after(world.service(name), after));
    }
    if let Some(name) = named(PROJECT) {
        return json_reply(StatusCode::OK, describe(world.service(name)));
    }
    json_reply(
        StatusCode::NOT_FOUND,
        json!({"error": {"code": 404, "status": "NOT_FOUND", "message": "service not found"}}),
    )
}

/// Where the platform describes a service.
pub(super) fn description_path(service: &str) -> String {
    format!("{PROJECT}{service}")
}

/// What a deploy is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// The next revision, built anew.
    Next,
    /// This one, which was built before.
    Built(u32),
}

fn begin(world: &Arc<World>, name: ServiceName, wish: &Value) -> Reply {
    let service = world.service(name);
    let serving = service.revision();
    let wished = match (wish["to"].as_str(), wish["restart"] == true) {
        (Some(to), _) => match name.revision_number(to).filter(|number| *number <= serving.max(service.newest())) {
            Some(number) => Wish::Built(number),
            None => {
                let unknown = json!({"error": {"code": 404, "message": format!("there is no revision {to}")}});
                return json_reply(StatusCode::NOT_FOUND, unknown);
            }
        },
        (None, true) => Wish::Built(serving),
        (None, false) => Wish::Next,
    };
    let generation = {
        let mut rollout = service.rollout();
        if rollout.reconciling {
            let busy = json!({"error": {"code": 409, "message": "a deploy is already in progress"}});
            return json_reply(StatusCode::CONFLICT, busy);
        }
        rollout.reconciling = true;
        rollout.failure = None;
        rollout.target = match wished {
            Wish::Next => rollout.newest + 1,
            Wish::Built(number) => number,
        };
        rollout.generation += 1;
        rollout.generation
    };
    let fails_at = wish["fail"].as_str().unwrap_or_default().to_owned();
    let rolling = world.clone();
    world.spawn(async move { roll(&rolling, name, wished, &fails_at).await });
    let operation = world.fresh("operation");
    json_reply(StatusCode::ACCEPTED, json!({"name": operation, "service": name.as_str(), "generation": generation}))
}

/// Builds and pushes the next revision, and rolls out what is wished. While it rolls the service answers 503.
async fn roll(world: &World, name: ServiceName, wished: Wish, fails_at: &str) {
    let service = world.service(name);
    let target = service.rollout().target;
    let image = name.revision_name(target);
    let give_up = |phase: &'static str, reason: String| {
        service.log("ERROR", &reason);
        service.enter(phase, "fail", format!("{phase} failed"));
        let mut rollout = service.rollout();
        rollout.failure = Some(reason);
        rollout.reconciling = false;
    };

    if wished == Wish::Next && !build(world, service, &image, fails_at).await {
        return give_up("build", "ContainerImageBuildFailed: step 7/12 exited with 1".to_owned());
    }

    service.enter("roll", "start", format!("starting {image}"));
    service.ready.send_replace(false);
    world.nap(1.2).await;
    if fails_at == "roll" {
        service.ready.send_replace(true);
        return give_up("roll", format!("HealthCheckContainerError: {image} failed to start and listen on the port"));
    }
    service.log("NOTICE", format!("{image} answers its startup probe"));
    world.nap(0.8).await;
    // In one breath: whoever is told that the deploy is over finds the new revision serving.
    {
        let mut rollout = service.rollout();
        rollout.revision = target;
        rollout.newest = rollout.newest.max(target);
    }
    service.ready.send_replace(true);
    service.enter("roll", "ok", format!("{image} is ready, serving 100 percent of traffic"));
    service.rollout().reconciling = false;
}

/// Builds and pushes an image; answers whether that worked.
async fn build(world: &World, service: &Service, image: &str, fails_at: &str) -> bool {
    let (name, target) = (service.name, service.rollout().target);
    service.enter("build", "start", format!("building image for {image}"));
    world.nap(0.5).await;
    service.log("NOTICE", format!("change: {}", change_of(name, target)));
    for step in ["resolving dependencies", "compiling", "copying assets"] {
        world.nap(0.4).await;
        service.log("NOTICE", step);
    }
    world.nap(0.3).await;
    if fails_at == "build" {
        return false;
    }
    service.enter("build", "ok", format!("built {image}"));

    service.enter("push", "start", format!("pushing {image}"));
    world.nap(0.6).await;
    if name == ServiceName::Backend {
        service.log("WARNING", "registry is slow: layer 3/5 was sent again");
    }
    world.nap(0.4).await;
    service.enter("push", "ok", "pushed 5 layers");
    true
}

/// What a commit message would say about a revision.
fn change_of(name: ServiceName, revision: u32) -> &'static str {
    match (name, revision) {
        (ServiceName::Backend, 2) => "accept simulated logins at the WebSocket handshake",
        (ServiceName::Backend, 3) => "pass a UserExecutionContext to the socket's session",
        (ServiceName::Backend, 4) => "give the agent's executor its tools, so that runs complete",
        (ServiceName::Backend, 5) => "send tool events; add /api/chat/stream and /api/agents/stop",
        _ => "no functional change",
    }
}

fn log_after(service: &Service, after: u64) -> Value {
    let rollout = service.rollout();
    let entries = rollout.log.iter().filter(|entry| entry.number > after).map(|entry| {
        let mut line = json!({"n": entry.number, "timestamp": entry.at, "severity": entry.severity, "textPayload": entry.text,
            "resource": {"labels": {"service_name": service.name.as_str(), "revision_name": entry.revision}}});
        if let Some((phase, state)) = entry.phase {
            line["phase"] = json!({"name": phase, "state": state});
        }
        line
    });
    Value::Array(entries.collect())
}

fn describe(service: &Service) -> Value {
    let rollout = service.rollout();
    let parent = format!("projects/demo/locations/local/services/{}", service.name.as_str());
    let revision = |number: u32| format!("{parent}/revisions/{}", service.name.revision_name(number));
    let underway = rollout.reconciling || rollout.failure.is_some();
    let mut condition = json!({"type": "Ready", "state": match (rollout.reconciling, &rollout.failure) {
        (true, _) => "CONDITION_RECONCILING",
        (false, Some(_)) => "CONDITION_FAILED",
        (false, None) => "CONDITION_SUCCEEDED",
    }});
    if let Some(failure) = &rollout.failure {
        condition["message"] = json!(failure);
    }
    json!({
        "name": &parent,
        "generation": rollout.generation.to_string(),
        "observedGeneration": (rollout.generation - u32::from(rollout.reconciling)).to_string(),
        "reconciling": rollout.reconciling,
        "latestCreatedRevision": revision(if underway { rollout.target } else { rollout.revision }),
        "latestReadyRevision": revision(rollout.revision),
        "terminalCondition": condition,
        "trafficStatuses": [{
            "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST",
            "revision": service.name.revision_name(rollout.revision),
            "percent": 100,
        }],
    })
}
