//! What cargo says while it builds the tests.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Binary;
use crate::adapters::rust;

/// How much is kept of what the compiler says about one target.
const RENDERED_KEPT: usize = 256 << 10;

/// The outcome of a build, line by line.
#[derive(Debug, Default)]
pub(super) struct Build {
    /// The test binaries, in the order in which they were built.
    pub(super) tests: Vec<Binary>,
    /// Libraries with documentation tests: package and name.
    pub(super) documented: Vec<(String, String)>,
    /// What the compiler says about targets that do not build, by their binary.
    pub(super) broken: BTreeMap<String, String>,
}

impl Build {
    pub(super) fn read(&mut self, line: &str) {
        let Ok(line) = serde_json::from_str::<Line>(line) else { return };
        let (Some(target), Some(package)) = (&line.target, line.package_id.as_deref().map(package_name)) else {
            return;
        };
        let kind = target.kind.first().map_or("", String::as_str);
        let id = rust::binary_id(package, kind, &target.name);
        match line.reason.as_str() {
            "compiler-artifact" => self.artifact(&line, target, package, id),
            "compiler-message" => {
                let Some(message) = &line.message else { return };
                if message.level == "error" {
                    let text = self.broken.entry(id).or_default();
                    let rendered = message.rendered.as_deref().unwrap_or_default();
                    // A library is compiled twice and says everything twice.
                    if !text.contains(rendered) && text.len() + rendered.len() < RENDERED_KEPT {
                        text.push_str(rendered);
                    }
                }
            }
            _ => {}
        }
    }

    fn artifact(&mut self, line: &Line, target: &Target, package: &str, id: String) {
        if !line.profile.as_ref().is_some_and(|profile| profile.test) {
            return;
        }
        // Dependencies are never built as tests, so what is here is the project's own.
        let doc = (package.to_owned(), target.name.clone());
        let is_library = id == package;
        if is_library && target.doctest && !self.documented.contains(&doc) {
            self.documented.push(doc);
        }
        let Some(executable) = &line.executable else { return };
        let mut binary = Binary::new(id, vec![executable.clone()]);
        if let Some(manifest) = &line.manifest_path {
            let folder = manifest.rsplit_once('/').map_or(".", |(folder, _)| folder);
            binary.directory = Some(folder.to_owned());
            binary.env = vec![
                ("CARGO_MANIFEST_DIR", folder.to_owned()),
                ("CARGO_MANIFEST_PATH", manifest.clone()),
                ("CARGO_PKG_NAME", package.to_owned()),
            ];
        }
        self.tests.push(binary);
    }
}

/// The name in `path+file:///shop#my-shop@0.1.0`, in `path+file:///my-shop#0.1.0`, or in the older `my-shop 0.1.0 (…)`.
fn package_name(id: &str) -> &str {
    let Some((url, rest)) = id.split_once('#') else {
        return id.split(' ').next().unwrap_or(id);
    };
    match rest.split_once('@') {
        Some((name, _)) => name,
        None => {
            let url = url.split('?').next().unwrap_or(url);
            url.trim_end_matches('/').rsplit('/').next().unwrap_or(url)
        }
    }
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    package_id: Option<String>,
    manifest_path: Option<String>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<String>,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
    #[serde(default)]
    doctest: bool,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    test: bool,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    level: String,
    rendered: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_in_every_form_of_its_id() {
        for (id, name) in [
            ("path+file:///tmp/nx#crate-a@0.1.0", "crate-a"),
            ("path+file:///tmp/crate-a#0.1.0", "crate-a"),
            ("git+https://host/x/crate-a?rev=1#0.1.0", "crate-a"),
            ("crate-a 0.1.0 (path+file:///tmp/crate-a)", "crate-a"),
        ] {
            assert_eq!(package_name(id), name, "{id}");
        }
    }
}
