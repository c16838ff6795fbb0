//! `liveloop stream`: a captured stream explained message by message, its protocol found out, its types counted.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::args::Format;
use super::exit::Exit;
use super::project;
use super::table::{Lay, Table};
use crate::adapters::protocol::study::{self, Captured, Explained, Fate, captured};
use crate::adapters::protocol::{Field, word};
use crate::adapters::sanitize;
use crate::config::mapping::{Language, Protocol};

/// The longest file that is read.
const LONGEST_FILE: u64 = 256 << 20;

/// What is asked about a captured stream: JSON lines, one frame a line, or server-sent events.
#[derive(Debug, Clone, Subcommand)]
pub enum StreamCommand {
    /// For each message: which rule took it, where each field came from, and what nothing asked for.
    Explain(StreamArguments),
    /// Which protocol it speaks, by its first 50 messages.
    Detect {
        /// The captured stream.
        file: PathBuf,
        /// What is printed.
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Which types it has, and what becomes of them: mapped, ignored, unknown.
    Coverage(StreamArguments),
}

/// A captured stream and the language it is read in.
#[derive(Debug, Clone, Args)]
pub struct StreamArguments {
    /// The captured stream.
    pub file: PathBuf,
    /// The protocol; without it, found out.
    #[arg(long, value_enum, conflicts_with = "stream")]
    pub protocol: Option<Preset>,
    /// A stream of the project's configuration, with its protocol or mapping.
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// A protocol, as it is named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Found out by the first messages.
    Auto,
    /// The five events.
    Native,
    /// AG-UI.
    AgUi,
    /// Anthropic's messages.
    Anthropic,
    /// OpenAI's Responses and Realtime.
    Openai,
    /// LangGraph and LangChain.
    Langgraph,
}

impl From<Preset> for Protocol {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Auto => Self::Auto,
            Preset::Native => Self::Native,
            Preset::AgUi => Self::AgUi,
            Preset::Anthropic => Self::Anthropic,
            Preset::Openai => Self::Openai,
            Preset::Langgraph => Self::Langgraph,
        }
    }
}

/// Answers what is asked, on standard output.
#[must_use]
pub fn tell(folder: Option<&Path>, asked: &StreamCommand) -> Exit {
    match answer(folder, asked) {
        Ok(text) => {
            // A reader that has gone ends the output, no more.
            let _written = std::io::stdout().write_all(text.as_bytes());
            Exit::Green
        }
        Err(why) => {
            eprintln!("liveloop: {why}");
            Exit::Usage
        }
    }
}

fn answer(folder: Option<&Path>, asked: &StreamCommand) -> Result<String, String> {
    match asked {
        StreamCommand::Detect { file, format } => Ok(detect(&read(file)?.0, *format)),
        StreamCommand::Explain(arguments) => {
            let (messages, left_out) = read(&arguments.file)?;
            let language = study::settled(&language(folder, arguments)?, &messages);
            let explained = study::explain(&messages, &language);
            Ok(match arguments.format {
                Format::Json => explained.iter().map(|message| format!("{}\n", as_json(message))).collect(),
                Format::Human => heading(&language, messages.len(), left_out) + &told(&explained),
            })
        }
        StreamCommand::Coverage(arguments) => {
            let (messages, left_out) = read(&arguments.file)?;
            let language = study::settled(&language(folder, arguments)?, &messages);
            let explained = study::explain(&messages, &language);
            Ok(coverage(&explained, &heading(&language, messages.len(), left_out), arguments.format))
        }
    }
}

fn read(file: &Path) -> Result<(Vec<Captured>, usize), String> {
    let said = |why: String| format!("failed to read the captured stream {}: {why}", file.display());
    let length = std::fs::metadata(file).map_err(|error| said(error.to_string()))?.len();
    if length > LONGEST_FILE {
        return Err(said(format!("it is longer than {} MiB; cut it, with head or split", LONGEST_FILE >> 20)));
    }
    let bytes = std::fs::read(file).map_err(|error| said(error.to_string()))?;
    let (messages, left_out) = captured(&String::from_utf8_lossy(&bytes));
    if messages.is_empty() {
        return Err(said("there is no message in it; one a line, or server-sent events".to_owned()));
    }
    Ok((messages, left_out))
}

fn language(folder: Option<&Path>, arguments: &StreamArguments) -> Result<Language, String> {
    let Some(name) = &arguments.stream else {
        return Ok(Language::Known(arguments.protocol.unwrap_or(Preset::Auto).into()));
    };
    let (_, files) = project::locate(folder).map_err(|error| error.to_string())?;
    let configuration = project::configure(&files).map_err(|error| error.to_string())?;
    let streams = configuration.project.streams;
    match streams.iter().find(|stream| stream.name == *name) {
        Some(stream) => Ok(stream.language.clone()),
        None if streams.is_empty() => Err(format!("there is no stream `{name}`: the project configures none")),
        None => {
            let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
            Err(format!("there is no stream `{name}`; there is {}", names.join(", ")))
        }
    }
}

fn name(language: &Language) -> &'static str {
    match language {
        Language::Known(protocol) => word(*protocol),
        Language::Own(_) => "the mapping of the configuration",
    }
}

fn heading(language: &Language, messages: usize, left_out: usize) -> String {
    let left_out = if left_out > 0 { format!(", {left_out} more not read") } else { String::new() };
    format!("{messages} messages, read as {}{left_out}\n\n", name(language))
}

fn told(explained: &[Explained]) -> String {
    let mut text = String::new();
    for message in explained {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{:>5}  {}", message.number, sanitize::text(&message.rule));
        if message.fate() == Fate::Unknown {
            let _written = writeln!(text, "       unknown type {}", message.type_name);
        }
        for (field, value, origin) in &message.fields {
            let _written = writeln!(text, "       {:<9} {:<30} {}", field.word(), sanitize::text(origin), short(value));
        }
        if !message.unmapped.is_empty() {
            let more =
                if message.more_unmapped > 0 { format!(", {} more", message.more_unmapped) } else { String::new() };
            let _written = writeln!(text, "       unmapped  {}{more}", sanitize::text(&message.unmapped.join(" ")));
        }
    }
    text
}

/// The beginning of a value, with a mark where it is cut.
fn short(value: &str) -> String {
    const CELLS: usize = 60;
    let (kept, _) = crate::ui::text::fit(value, CELLS);
    if kept.len() < value.len() { format!("{kept}…") } else { kept.to_owned() }
}

fn as_json(message: &Explained) -> Value {
    let field = |(field, value, origin): &(Field, String, String)| {
        (field.word().to_owned(), json!({"value": value, "from": origin}))
    };
    json!({
        "message": message.number,
        "type": message.type_name,
        "kind": message.kind,
        "fate": message.fate().word(),
        "rule": message.rule,
        "fields": message.fields.iter().map(field).collect::<serde_json::Map<_, _>>(),
        "unmapped": message.unmapped,
        "more_unmapped": message.more_unmapped,
    })
}

fn detect(messages: &[Captured], format: Format) -> String {
    let scores = study::detect(messages);
    let knows_any = scores.known().any(|(_, known)| known > 0);
    let best = knows_any.then(|| word(scores.best()));
    if format == Format::Json {
        let known: serde_json::Map<_, _> =
            scores.known().map(|(one, known)| (word(one).to_owned(), json!(known))).collect();
        return format!("{}\n", json!({"heard": scores.heard(), "known": known, "proposed": best}));
    }
    let mut table = Table::new(&[("protocol", Lay::Left), ("known", Lay::Right), ("of", Lay::Right)]);
    let mut sorted: Vec<_> = scores.known().collect();
    sorted.sort_by_key(|(_, known)| std::cmp::Reverse(*known));
    for (protocol, known) in sorted {
        table.row(vec![word(protocol).into(), known.to_string(), scores.heard().to_string()]);
    }
    let advice = match best {
        Some(best) => format!("protocol = \"{best}\""),
        None => "no protocol knows any of it: write a [stream.NAME.mapping], see config.toml".to_owned(),
    };
    format!("{}\n\n{advice}\n", table.render(None).join("\n"))
}

fn coverage(explained: &[Explained], heading: &str, format: Format) -> String {
    let counts = study::coverage(explained);
    if format == Format::Json {
        let line = |(fate, name, count): &(Fate, String, usize)| {
            format!("{}\n", json!({"type": name, "fate": fate.word(), "count": count}))
        };
        return counts.iter().map(line).collect();
    }
    let mut table =
        Table::new(&[("fate", Lay::Left), ("count", Lay::Right), ("type", Lay::Left), ("means", Lay::Left)]);
    for (fate, name, count) in &counts {
        let means: BTreeSet<_> =
            explained.iter().filter(|one| one.type_name == *name).map(|one| one.kind.word()).collect();
        let means = means.into_iter().collect::<Vec<_>>().join(", ");
        table.row(vec![fate.word().into(), count.to_string(), name.clone(), means]);
    }
    let of = |fate: Fate| counts.iter().filter(|(one, ..)| *one == fate).count();
    let sum =
        format!("{} types mapped, {} ignored, {} unknown", of(Fate::Mapped), of(Fate::Ignored), of(Fate::Unknown));
    format!("{heading}{}\n\n{sum}\n", table.render(None).join("\n"))
}
