//! Reports in files: each is replaced at once or not at all, so that nobody reads half of one.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::means::Means;
use crate::config::project::ReportPlan;
use crate::domain::{ReportForm, SessionEvent, Text};
use crate::report::{Facts, render};

/// The largest template that is read.
const LARGEST: u64 = 1 << 20;

/// The reports that are written at each cycle's end.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// The newest one that was written, by the entry that it follows from. Who writes has a share in it.
    newest: Arc<Mutex<u64>>,
}

impl Reports {
    /// Whether none is being written.
    pub(super) fn is_idle(&self) -> bool {
        Arc::strong_count(&self.newest) == 1
    }

    /// Writes the files and says how it went; what a later one has overtaken is left alone.
    pub(super) fn write(
        &self,
        plan: &ReportPlan,
        facts: Facts,
        number: u64,
        means: &Means,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (share, plan, means) = (self.newest.clone(), plan.clone(), means.clone());
        async move {
            let newest = share.clone();
            let root = means.root.clone();
            let written = tokio::task::spawn_blocking(move || {
                let mut newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
                (*newest < number).then(|| {
                    *newest = number;
                    write_all(&root, &plan, &facts)
                })
            });
            let event = match written.await {
                Ok(Some(event)) => event,
                Ok(None) => return,
                Err(error) => SessionEvent::ReportsWritten {
                    files: Vec::new(),
                    failed: vec![format!("the reports could not be written: {error}").into()],
                },
            };
            let _ = means.outbox.send(vec![event.into()]).await;
            drop(share);
        }
    }
}

fn write_all(root: &Path, plan: &ReportPlan, facts: &Facts) -> SessionEvent {
    let (mut written, mut failed) = (Vec::new(), Vec::new());
    for file in &plan.files {
        let form = ReportForm::of_name(file).unwrap_or(ReportForm::Markdown);
        let template = match form {
            ReportForm::Markdown => plan.md_template.as_ref(),
            ReportForm::Html => plan.html_template.as_ref(),
            ReportForm::Json | ReportForm::Junit | ReportForm::Ctrf => None,
        };
        let template = template.map(|path| read_template(&root.join(path))).transpose();
        let made = template.and_then(|template| {
            render(facts, form, template.as_ref().map(|(name, source)| (name.as_str(), source.as_str())))
        });
        match made.and_then(|text| replace(&root.join(file), &text)) {
            Ok(()) => written.push(Text::from(file.as_str())),
            Err(why) => failed.push(Text::from(why)),
        }
    }
    SessionEvent::ReportsWritten { files: written, failed }
}

/// A template of the user's own: its name, and what it says.
///
/// # Errors
/// In words, when it cannot be read or is too large.
pub fn read_template(path: &Path) -> Result<(String, String), String> {
    let failed = |error: std::io::Error| format!("the template {} cannot be read: {error}", path.display());
    if std::fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(format!("the template {} is larger than {} kB", path.display(), LARGEST >> 10));
    }
    Ok((path.display().to_string(), std::fs::read_to_string(path).map_err(failed)?))
}

/// Puts a report in the place of what stands there.
///
/// # Errors
/// In words, when it cannot be written.
pub fn replace(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the report cannot be written to {}: {error}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::Builder::new().prefix(".report-").tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).map_err(failed)?;
    file.persist(path).map(drop).map_err(|error| failed(error.error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::State;
    use crate::report::About;

    #[test]
    fn every_file_is_written_in_its_form_and_what_cannot_be_is_said() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("taken"), "a file").expect("writable");
        let facts = Facts::of(&State::default(), &About::default());
        let files = ["out/report.md", "report.html", "taken/report.md"].map(str::to_owned).to_vec();
        let plan = ReportPlan { files, ..ReportPlan::default() };
        let SessionEvent::ReportsWritten { files, failed } = write_all(root.path(), &plan, &facts) else {
            panic!("another event");
        };
        assert_eq!(files, ["out/report.md".into(), "report.html".into()]);
        assert!(failed.len() == 1 && failed[0].contains("taken/report.md"), "{failed:?}");
        let page = std::fs::read_to_string(root.path().join("report.html")).expect("a page");
        assert!(page.contains("No test has run."), "{page}");
    }

    #[test]
    fn a_template_of_ones_own_takes_the_place_of_the_built_in_page() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("ours.jinja"), "{{ status.word }} of {{ totals.tests }}").expect("writable");
        let facts = Facts::of(&State::default(), &About::default());
        let files = vec!["a.md".to_owned(), "a.html".to_owned(), "a.json".to_owned()];
        let md_template = Some("ours.jinja".to_owned());
        let plan = ReportPlan { files, md_template, html_template: Some("gone.jinja".to_owned()) };
        let SessionEvent::ReportsWritten { files, failed } = write_all(root.path(), &plan, &facts) else {
            panic!("another event");
        };
        assert_eq!(files, ["a.md".into(), "a.json".into()]);
        assert!(failed.len() == 1 && failed[0].contains("gone.jinja cannot be read"), "{failed:?}");
        assert_eq!(std::fs::read_to_string(root.path().join("a.md")).expect("a page"), "nothing of 0");
    }
}
