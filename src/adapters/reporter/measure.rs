//! What a runner measured of an attempt, and what the test said of itself.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::name;
use crate::domain::{Evidence, Grade, Value};

/// How many hosts of an attempt are kept; the rest is counted.
const HOSTS_KEPT: usize = 8;
/// How many values of an attempt are kept.
const VALUES_KEPT: usize = 20;

/// The `evidence` of a line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Measure {
    grade: String,
    hosts: Vec<String>,
    more_hosts: f64,
    sent: f64,
    received: f64,
}

/// One of the `values` of a line: what a test reported about itself.
#[derive(Debug, Deserialize)]
pub(super) struct Stated {
    name: String,
    value: serde_json::Value,
    #[serde(default)]
    constant: bool,
}

/// Whether a runner says with its `hello` that it measures.
pub(super) fn is_promised(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| raw.get() == "true")
}

/// What the last line of an attempt says of its evidence. `promised`: its runner measures, so that a line without a
/// word on it is a measurement too.
pub(super) fn evidence(raw: Option<&RawValue>, stated: Option<Vec<Stated>>, promised: bool) -> Option<Arc<Evidence>> {
    if raw.is_none() && !promised {
        return None;
    }
    let measure: Measure = raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let hosts: Vec<_> = measure.hosts.iter().take(HOSTS_KEPT).map(|host| name(host)).collect();
    let left_out = (measure.hosts.len() - hosts.len()) as u32;
    Some(Arc::new(Evidence {
        grade: grade(&measure.grade),
        more_hosts: left_out.saturating_add(measure.more_hosts as u32),
        hosts,
        sent: measure.sent as u64,
        received: measure.received as u64,
        values: stated.unwrap_or_default().into_iter().take(VALUES_KEPT).map(value).collect(),
    }))
}

/// A word that this version does not know is at least some traffic.
fn grade(word: &str) -> Grade {
    match word {
        "" | "none" => Grade::None,
        "http" => Grade::Http,
        "websocket" => Grade::Websocket,
        _ => Grade::Network,
    }
}

fn value(stated: Stated) -> Value {
    let text = match stated.value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Value { name: name(&stated.name), text: name(&text), constant: stated.constant }
}
