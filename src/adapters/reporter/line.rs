//! One line of the protocol, with everything that any kind of line may carry.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::measure::Stated;

/// Writes the struct and its reader from one list, so that keys which are not in it can be counted: a derived reader
/// would pass over them silently. Numbers are read as floats, which take every size and are clamped where used.
macro_rules! line {
    ($($key:ident: $type:ty,)*) => {
        /// A line of the protocol. What has structure stays text until the kind of the line asks for it.
        #[derive(Debug, Default)]
        pub(super) struct Line<'de> {
            $(pub(super) $key: Option<$type>,)*
            /// Keys that this version does not know.
            pub(super) unknown: u32,
        }

        impl<'de> Visitor<'de> for Reader {
            type Value = Line<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line<'de>, A::Error> {
                let mut line = Line::default();
                while let Some(key) = map.next_key::<&str>()? {
                    match key {
                        $(stringify!($key) => line.$key = map.next_value()?,)*
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            line.unknown += 1;
                        }
                    }
                }
                Ok(line)
            }
        }
    };
}

struct Reader;

line! {
    // Every line.
    e: &'de str,
    n: f64,
    id: String,
    // A test's course.
    at: IgnoredAny,
    s: f64,
    when: &'de str,
    outcome: &'de str,
    duration: f64,
    start: IgnoredAny,
    stop: IgnoredAny,
    rerun: f64,
    worker: String,
    wasxfail: String,
    longrepr: &'de RawValue,
    sections: Vec<(String, String)>,
    subtest: &'de RawValue,
    evidence: &'de RawValue,
    values: Vec<Stated>,
    trace: String,
    output: String,
    open: bool,
    // Collection.
    items: Vec<Item>,
    module: String,
    count: f64,
    ids: Vec<String>,
    // The session.
    v: f64,
    tool: String,
    version: String,
    pid: f64,
    lane: String,
    workers: f64,
    root: String,
    captured: Captured,
    reason: String,
    exit: f64,
    // What is said on the side.
    message: String,
    category: String,
    file: String,
    line: f64,
    text: String,
    stream: IgnoredAny,
}

/// A test that is going to run, a list in the protocol: `[id, module, line]`, and where known a hash of its source.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) module: String,
    pub(super) line: f64,
    #[serde(default)]
    pub(super) source: Option<String>,
}

/// The descriptors of the files that take a process's output while a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Captured {
    /// Of its standard output.
    pub stdout: u32,
    /// Of its standard error.
    pub stderr: u32,
}

impl<'de> Line<'de> {
    pub(super) fn parse(line: &'de str) -> Result<Self, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(line);
        let parsed = json.deserialize_map(Reader)?;
        json.end()?;
        Ok(parsed)
    }
}

/// A number from outside as a count: clamped, and nothing where it is no count at all.
pub(super) fn count(number: Option<f64>) -> Option<u32> {
    number.filter(|number| *number >= 0.0).map(|number| number as u32)
}
