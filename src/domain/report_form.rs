//! The forms of a report, and which one a file's name asks for.

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    /// For people, and for whatever shows Markdown.
    Markdown,
    /// For people: one file that opens from disk.
    Html,
    /// The facts themselves.
    Json,
    /// JUnit XML, for tools.
    Junit,
    /// The Common Test Report Format, for tools.
    Ctrf,
}

impl ReportForm {
    /// The form that a file's name asks for; nothing where its ending is not known.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let endings = [
            (".ctrf.json", Self::Ctrf),
            ("ctrf-report.json", Self::Ctrf),
            (".json", Self::Json),
            (".md", Self::Markdown),
            (".markdown", Self::Markdown),
            (".html", Self::Html),
            (".htm", Self::Html),
            (".xml", Self::Junit),
        ];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, form)| form)
    }
}
