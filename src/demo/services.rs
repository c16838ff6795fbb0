//! What the services answer over HTTP. The backend's WebSocket has a file of its own, `websocket`.

use std::{sync::Arc, time::Duration};

use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use super::{
    http::{Reply, html_reply, json_body, json_reply, not_found},
    scenario::Scenario,
    service::{Service, ServiceName},
    websocket,
    world::{BYPASS_KEY, Bearer, World, epoch_seconds},
};

const BUSY_PAGE: &str = "<html><title>503</title><h1>Service Unavailable</h1></html>";
const DEFAULT_USER: &str = "staging-e2e-user-002";

/// Answers one request to a service. Every answer of a service names its revision in `X-Revision`; the 503 page of a
/// service that is being replaced comes from the platform in front of it, which knows no revision.
pub(super) async fn answer(world: Arc<World>, name: ServiceName, request: Request<Incoming>) -> Reply {
    let service = world.service(name);
    if !*service.ready.borrow() {
        return html_reply(StatusCode::SERVICE_UNAVAILABLE, BUSY_PAGE);
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // Probes are the least of what a service says.
    let severity = if matches!(path.as_str(), "/health" | "/health/ready" | "/api/version") { "DEBUG" } else { "INFO" };
    service.log(severity, format!("{method} {path}"));
    let revision = service.revision_name();
    let mut reply = match (name, method.as_str(), path.as_str()) {
        (_, "GET", "/health" | "/health/ready") => health(&world, service).await,
        (_, "GET", "/api/version") => {
            world.nap(0.005).await;
            json_reply(StatusCode::OK, json!({"service": name.as_str(), "revision": &revision}))
        }
        (ServiceName::Backend, "GET", "/ws") => websocket::open(&world, request).await,
        (ServiceName::Backend, _, path) if path.starts_with("/api/") => api(&world, &method, path, request).await,
        (ServiceName::Auth, "POST", "/auth/e2e/test-auth") => issue_token(&world, request).await,
        (ServiceName::Auth, "GET", "/auth/me") => whoami(&world, request.headers()).await,
        (ServiceName::Frontend, "GET", "/") => html_reply(StatusCode::OK, "<title>demo</title><h1>demo</h1>"),
        (ServiceName::Backend | ServiceName::Auth | ServiceName::Frontend, _, _) => not_found(),
    };
    if let Ok(value) = HeaderValue::from_str(&revision) {
        reply.headers_mut().insert("x-revision", value);
    }
    reply
}

/// Whether a flapping environment refuses its request number `n`: a quarter of them, spread by the golden ratio, so that
/// probes that come in a fixed order meet no pattern that keeps one service down for good.
fn is_refused(n: u64) -> bool {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) < u64::MAX / 4
}

async fn health(world: &World, service: &Service) -> Reply {
    world.nap(0.008).await;
    if world.scenario == Scenario::Flap && is_refused(world.count_request()) {
        return json_reply(
            StatusCode::SERVICE_UNAVAILABLE,
            json!({"status": "unhealthy", "error": "upstream connect error or disconnect/reset before headers"}),
        );
    }
    json_reply(
        StatusCode::OK,
        json!({
            "status": "healthy",
            "service": service.name.as_str(),
            "version": "1.0.0",
            "revision": service.revision_name(),
            "timestamp": epoch_seconds(),
        }),
    )
}

/// The token of a request's `Authorization` header.
pub(super) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

async fn issue_token(world: &World, request: Request<Incoming>) -> Reply {
    world.nap(0.06).await;
    if request.headers().get("x-e2e-bypass-key").is_none_or(|given| given != BYPASS_KEY) {
        return json_reply(StatusCode::UNAUTHORIZED, json!({"detail": "invalid bypass key"}));
    }
    let body = json_body(request).await;
    let life = body["expires_in"].as_u64().unwrap_or(900).min(86_400);
    let user = body["user_id"].as_str().unwrap_or(DEFAULT_USER);
    let token = world.issue_token(user, Duration::from_secs(life));
    let issued = json!({"access_token": token, "token_type": "Bearer", "expires_in": life, "user_id": user});
    json_reply(StatusCode::OK, issued)
}

async fn whoami(world: &World, headers: &HeaderMap) -> Reply {
    world.nap(0.03).await;
    match world.bearer_of(bearer_token(headers).unwrap_or_default()) {
        Bearer::User(user) => json_reply(StatusCode::OK, json!({"user_id": &*user})),
        Bearer::Expired => json_reply(StatusCode::UNAUTHORIZED, json!({"detail": "token expired"})),
        Bearer::Unknown => json_reply(StatusCode::UNAUTHORIZED, json!({"detail": "unknown token"})),
    }
}

async fn api(world: &World, method: &Method, path: &str, request: Request<Incoming>) -> Reply {
    world.count_request();
    world.nap(latency_of(path)).await;
    let ok = |body: Value| json_reply(StatusCode::OK, body);
    let created = |body: Value| json_reply(StatusCode::CREATED, body);
    let posted = method == Method::POST;
    match path {
        "/api/chat/stream" | "/api/agents/stop" if world.level() < 5 => not_found(),
        "/api/chat/stream" => ok(json!({"stream": "/ws"})),
        "/api/agents/stop" => ok(json!({"stopped": true})),
        "/api/agents" => ok(json!({"agents": ["supervisor", "triage", "data", "optimization", "reporting"]})),
        "/api/agents/config" => {
            ok(json!({"agents": {"supervisor": {"timeout_seconds": 30}, "triage": {"timeout_seconds": 10}}}))
        }
        "/api/agents/status" => ok(json!({"active": 0, "queued": 0})),
        "/api/agents/start" => ok(json!({"accepted": true, "run_id": world.fresh("run")})),
        "/api/discovery/services" => {
            ok(json!({"services": {"backend": "up", "auth": "up", "frontend": "up"}, "websocket": "/ws"}))
        }
        "/api/metrics" => ok(json!({"requests": world.requests(), "p50_ms": 12.5})),
        "/api/features" => ok(json!({"streaming": world.level() >= 5})),
        "/api/threads" if posted => {
            let thread = world.fresh("thread");
            world.open_thread(thread.clone());
            created(json!({"thread_id": thread}))
        }
        "/api/threads" => ok(json!({"threads": world.thread_ids()})),
        "/api/messages" if posted => {
            let body = json_body(request).await;
            world.keep_message(body["thread_id"].as_str().unwrap_or("default"), body.clone());
            created(json!({"message_id": world.fresh("message")}))
        }
        "/api/messages" => ok(json!({"messages": world.thread_messages("default")})),
        _ => match path.strip_prefix("/api/threads/").and_then(|rest| rest.split('/').next()) {
            Some(thread) => ok(json!({"messages": world.thread_messages(thread)})),
            None => not_found(),
        },
    }
}

/// Every path has its own pace, as in a real service: between 60 and 180 ms.
fn latency_of(path: &str) -> f64 {
    let mixed = path.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    0.06 + f64::from(mixed % 120) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::is_refused;

    #[test]
    fn a_flapping_service_recovers_however_many_are_probed_in_turn() {
        for services in 1..=5 {
            for first in 0..services {
                let probes: Vec<bool> = (0..60).map(|turn| is_refused(first + turn * services)).collect();
                assert!(probes.contains(&true), "service {first} of {services} is never refused");
                assert!(
                    !probes.windows(6).any(|six| !six.contains(&false)),
                    "service {first} of {services} stays down"
                );
            }
        }
    }
}
