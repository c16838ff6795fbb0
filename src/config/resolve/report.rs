//! Reports that are written at each cycle's end.

use super::Resolver;
use crate::config::project::ReportPlan;
use crate::domain::ReportForm;

/// How many files are written at most.
const MOST: usize = 8;

impl Resolver<'_> {
    /// The files, each of a form that there is and inside the project.
    pub(super) fn reports(&mut self) -> ReportPlan {
        let settings = self.settings;
        self.range("report.files", settings.report.files.len(), 0..=MOST);
        let mut files = Vec::new();
        for template in &settings.report.files {
            let Some(file) = self.public("report.files", template) else { continue };
            if ReportForm::of_name(&file).is_none() {
                let endings = ".md, .html, .json, .xml or .ctrf.json";
                self.mistake("report.files", "no form of report ends so")
                    .at(template)
                    .hint(format!("end it in {endings}"));
            } else if file.starts_with('/') || file.split('/').any(|part| part == "..") {
                self.mistake("report.files", "lies outside the project").at(template);
            } else {
                files.push(file);
            }
        }
        let templates = [&settings.report.md_template, &settings.report.html_template];
        let [md_template, html_template] =
            templates.map(|template| template.as_ref().and_then(|template| self.public("report", template)));
        ReportPlan { files, md_template, html_template }
    }
}
