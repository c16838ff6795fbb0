//! Agent runs, and the messages that go over the backend's WebSocket.
//!
//! Two message shapes are sent, as real backends mix them: `{"type", "payload": {…}, "timestamp": <epoch seconds>}` for
//! agent events, and `{"type", "timestamp": "<ISO 8601>", …fields at the top level}` for connection and error messages.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    service::ServiceName,
    world::{World, epoch_seconds, now_iso},
};

/// What a client may ask for.
pub(super) enum Wish {
    Ping,
    StartAgent(Value),
    Unclear(String, &'static str),
}

impl Wish {
    pub(super) fn read(text: &str) -> Self {
        let message: Value = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(error) => return Self::Unclear(format!("invalid JSON: {error}"), "BAD_MESSAGE"),
        };
        match message["type"].as_str() {
            Some("ping") => Self::Ping,
            Some("start_agent" | "user_message" | "chat") => {
                Self::StartAgent(message.get("payload").unwrap_or(&message).clone())
            }
            other => Self::Unclear(format!("unknown message type {other:?}"), "UNKNOWN_TYPE"),
        }
    }
}

/// One run, as far as the serving revision takes it.
pub(super) async fn run_agent(world: &World, user: &Arc<str>, request: &Value) {
    let level = world.level();
    let wanted = |key: &str| request[key].as_str().map(str::to_owned);
    let run = world.fresh("run");
    let thread = wanted("thread_id").unwrap_or_else(|| world.fresh("thread"));
    let agent = wanted("agent_name").or_else(|| wanted("agent")).unwrap_or_else(|| "supervisor".to_owned());
    let say = |kind: &str, more: Value| {
        let mut payload = Map::from_iter([
            ("run_id".to_owned(), json!(&run)),
            ("thread_id".to_owned(), json!(&thread)),
            ("agent_name".to_owned(), json!(&agent)),
        ]);
        if let Value::Object(more) = more {
            payload.extend(more);
        }
        world.publish(user, kind, Value::Object(payload));
    };
    say("agent_started", json!({}));
    world.nap(0.08).await;
    for thought in ["reading the request", "choosing a tool"] {
        say("agent_thinking", json!({"thought": thought}));
        world.nap(0.12).await;
    }
    if level == 3 {
        let backend = world.service(ServiceName::Backend);
        return backend.log("ERROR", format!("{run}: agent execution timed out after agent_thinking"));
    }
    for tool in ["cost_analyzer", "usage_report"] {
        if level >= 5 {
            let call = world.fresh("call");
            let asked = json!({"tool_name": tool, "tool_call_id": &call, "parameters": {"window": "30d"}});
            say("tool_executing", asked);
            world.nap(0.25).await;
            let took = 250.0 * world.pace;
            say(
                "tool_completed",
                json!({"tool_name": tool, "tool_call_id": &call, "result": {"rows": 42}, "duration_ms": took}),
            );
        }
        world.nap(0.05).await;
    }
    let response = "Savings of 18 percent are possible.";
    say("agent_completed", json!({"final_response": response, "duration_ms": 900.0 * world.pace}));
}

pub(super) fn flat(kind: &str, fields: Value) -> String {
    let mut message = Map::from_iter([("type".to_owned(), json!(kind)), ("timestamp".to_owned(), json!(now_iso()))]);
    if let Value::Object(fields) = fields {
        message.extend(fields);
    }
    Value::Object(message).to_string()
}

pub(super) fn enveloped(kind: &str, user: &str, payload: Value) -> String {
    json!({"type": kind, "payload": payload, "timestamp": epoch_seconds(), "user_id": user}).to_string()
}
