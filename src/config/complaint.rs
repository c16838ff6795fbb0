//! What serde and the TOML parser complain about, in the words of somebody who writes a settings file.
//!
//! Values are left out on purpose: a value of the wrong type may be a secret in the wrong place.

/// A complaint, rephrased.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// What is wrong.
    pub(super) message: String,
    /// What to write instead.
    pub(super) hint: Option<String>,
    /// The known word that an unknown one was probably meant to be.
    pub(super) meant: Option<String>,
    /// What is not there, which may only be so because a mistake stands in its place.
    pub(super) absence: Option<Absence>,
}

/// Something that is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// A setting that has to be there.
    Field(String),
    /// Any one of the alternatives.
    Kind,
}

impl Absence {
    /// The name of the missing setting, where it has one.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::Field(field) => Some(field),
            Self::Kind => None,
        }
    }
}

/// Rephrases a complaint of serde. What is not recognised stays as it is.
pub(super) fn read(message: &str) -> Complaint {
    let quoted = quoted(message);
    let absent = |message: String, absence| Complaint {
        absence: Some(absence),
        ..plain(message)
    };
    if message.starts_with("unknown field") {
        return unknown("setting", &quoted);
    }
    if message.starts_with("unknown variant") {
        return unknown("choice", &quoted);
    }
    if let (true, Some(field)) = (message.starts_with("missing field"), quoted.first()) {
        return absent(
            format!("`{field}` is missing"),
            Absence::Field((*field).to_owned()),
        );
    }
    if message.contains("exactly 1 ent") || message.contains("found 0 elements") {
        return absent("names no kind".to_owned(), Absence::Kind);
    }
    if message.contains("more than 1 element") {
        return plain("names more than one kind: keep one".to_owned());
    }
    match message
        .strip_prefix("invalid type: ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        Some((found, expected)) => plain(format!(
            "expected {}, found {}",
            in_words(expected),
            kind(found)
        )),
        None => match message
            .strip_prefix("invalid value: ")
            .and_then(|rest| rest.split_once(", expected "))
        {
            Some((_, expected)) => plain(format!("expected {}", in_words(expected))),
            None => plain(message.to_owned()),
        },
    }
}

/// Rephrases a complaint of the parser about the file as such.
pub(super) fn syntax(message: &str) -> String {
    format!("not valid TOML: {message}")
}

/// The known word that is close enough to this one.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` for a word that is close enough to one of the known ones.
pub(super) fn suggestion<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<String> {
    nearest(word, known).map(did_you_mean)
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

fn plain(message: String) -> Complaint {
    Complaint {
        message,
        hint: None,
        meant: None,
        absence: None,
    }
}

fn unknown(what: &str, quoted: &[&str]) -> Complaint {
    let (word, known) = quoted
        .split_first()
        .map_or(("", &[][..]), |(word, known)| (*word, known));
    let meant = nearest(word, known.iter().copied());
    let hint = match (meant, known) {
        (Some(meant), _) => Some(did_you_mean(meant)),
        (None, []) => None,
        (None, known) => Some(format!("known here: {}", known.join(", "))),
    };
    Complaint {
        hint,
        meant: meant.map(str::to_owned),
        ..plain(format!("unknown {what} `{word}`"))
    }
}

/// The words between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// What serde found, without the value.
fn kind(found: &str) -> &'static str {
    let kinds = [
        ("string", "text in quotes"),
        ("integer", "a whole number"),
        ("floating", "a number with a fraction"),
        ("boolean", "true or false"),
        ("sequence", "a list"),
        ("map", "a table"),
    ];
    kinds
        .iter()
        .find(|(start, _)| found.starts_with(start))
        .map_or("something else", |(_, words)| words)
}

/// What serde expected, without the names of our structs.
fn in_words(expected: &str) -> String {
    match expected {
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        "a string" | "string" => "text in quotes",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i64" => "a whole number",
        "string or table" => "text in quotes or a table",
        other if other.starts_with("struct ") || other.starts_with("a spanned") => "a table",
        other => other,
    }
    .to_owned()
}
