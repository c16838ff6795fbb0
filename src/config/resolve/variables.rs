//! The value of every variable, each found once, whatever the order in which they name each other.

use std::collections::BTreeMap;

use super::{Environment, Remark};
use crate::config::complaint::suggestion;
use crate::config::project::Secret;
use crate::config::settings::{Settings, VariableSettings};
use crate::config::template::{Piece, Template};

/// A longer value is a mistake, or a file that wants to fill the memory by naming variables over and over.
const LONGEST_VALUE: usize = 8 << 10;

/// The same for a text with its variables put in.
const LONGEST_TEXT: usize = 1 << 20;

/// So many variables may name each other in a row.
const DEEPEST: usize = 32;

/// Why a text could not be made.
pub(super) struct Trouble {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) misses: Option<String>,
}

impl Trouble {
    fn new(message: String) -> Self {
        Self { message, hint: None, misses: None }
    }
}

/// What a variable turned out to be.
#[derive(Clone)]
enum Value {
    Text {
        text: String,
        is_secret: bool,
    },
    /// Neither set nor with a default; a mistake only where it is used.
    Unset {
        /// The one whose value is missing in the end: this one, or one that it names.
        variable: String,
        reason: String,
    },
    /// Already remarked upon.
    Broken,
}

/// All variables with their values.
pub(super) struct Variables {
    values: BTreeMap<String, Value>,
}

impl Variables {
    /// Finds every value, and what is wrong with the variables as such.
    pub(super) fn of(settings: &Settings, env: Environment<'_>) -> (Self, Vec<Remark>) {
        let mut finder = Finder {
            settings: &settings.variables,
            env,
            values: BTreeMap::new(),
            open: Vec::new(),
            remarks: Vec::new(),
        };
        for name in settings.variables.keys() {
            finder.find(name);
        }
        (Self { values: finder.values }, finder.remarks)
    }

    /// A text with its variables put in, and whether one of them is a secret. No trouble is said twice: `Err(None)`.
    pub(super) fn expand(&self, template: &Template) -> Result<(String, bool), Option<Trouble>> {
        let pieces = template.pieces().map_err(|message| Some(Trouble::new(message)))?;
        let (mut text, mut has_secret) = (String::new(), false);
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Variable(name) => match self.values.get(name) {
                    Some(Value::Text { text: value, is_secret }) => {
                        if text.len() + value.len() > LONGEST_TEXT {
                            return Err(Some(Trouble::new("is too long with its variables put in".to_owned())));
                        }
                        text.push_str(value);
                        has_secret |= is_secret;
                    }
                    Some(Value::Unset { variable, reason }) => {
                        return Err(Some(Trouble {
                            message: format!("`${{{name}}}` has no value: {reason}"),
                            hint: None,
                            misses: Some(path(variable)),
                        }));
                    }
                    Some(Value::Broken) => return Err(None),
                    None => return Err(Some(unknown(name, self.values.keys()))),
                },
            }
        }
        Ok((text, has_secret))
    }

    /// Every value that there is, by name.
    pub(super) fn known(&self) -> BTreeMap<String, Secret> {
        let text = |value: &Value| match value {
            Value::Text { text, .. } => Some(Secret::new(text)),
            Value::Unset { .. } | Value::Broken => None,
        };
        self.values.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
    }

    /// The values to mask, with the paths of their variables.
    pub(super) fn secrets(&self) -> Vec<(String, Secret)> {
        self.values
            .iter()
            .filter_map(|(name, value)| match value {
                Value::Text { text, is_secret: true } => Some((path(name), Secret::new(text))),
                _ => None,
            })
            .collect()
    }
}

struct Finder<'s> {
    settings: &'s BTreeMap<String, VariableSettings>,
    env: Environment<'s>,
    values: BTreeMap<String, Value>,
    /// The variables that are being found, each named by the one before it.
    open: Vec<&'s str>,
    remarks: Vec<Remark>,
}

impl<'s> Finder<'s> {
    fn find(&mut self, name: &str) -> Option<Value> {
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        let (name, variable) = self.settings.get_key_value(name)?;
        let value = if self.open.contains(&name.as_str()) {
            let circle = self.open.iter().chain([&name.as_str()]).map(|name| format!("`{name}`")).collect::<Vec<_>>();
            self.remark(name, format!("variables name each other in a circle: {}", circle.join(" → ")));
            Value::Broken
        } else if self.open.len() == DEEPEST {
            self.remark(name, format!("more than {DEEPEST} variables name each other in a row"));
            Value::Broken
        } else {
            self.open.push(name);
            let value = self.evaluate(name, variable);
            self.open.pop();
            value
        };
        // A circle has closed in the meantime where there is a value already.
        Some(self.values.entry(name.clone()).or_insert(value).clone())
    }

    fn evaluate(&mut self, name: &str, variable: &VariableSettings) -> Value {
        let set = variable.env.as_deref().and_then(self.env).filter(|value| !value.is_empty());
        let value = match (set, &variable.default, &variable.env) {
            (Some(text), _, _) => Value::Text { text, is_secret: variable.secret },
            (None, Some(default), _) => self.expand(name, default, variable.secret),
            (None, None, Some(env)) => {
                Value::Unset { variable: name.to_owned(), reason: format!("{env} is not set, and there is no default") }
            }
            (None, None, None) => {
                Value::Unset { variable: name.to_owned(), reason: "it names neither `env` nor `default`".to_owned() }
            }
        };
        match (value, variable.add) {
            (Value::Text { text, .. }, _) if text.len() > LONGEST_VALUE => {
                self.remark(name, format!("its value is longer than {LONGEST_VALUE} bytes"));
                Value::Broken
            }
            (Value::Text { text, is_secret }, Some(add)) => {
                match text.trim().parse::<i64>().ok().and_then(|number| number.checked_add(add)) {
                    Some(sum) => Value::Text { text: sum.to_string(), is_secret },
                    None => {
                        let shown = if is_secret { "its value" } else { &format!("`{text}`") };
                        self.remark(name, format!("`add` needs a whole number, and {shown} is none"));
                        Value::Broken
                    }
                }
            }
            (value, _) => value,
        }
    }

    fn expand(&mut self, name: &str, default: &Template, mut is_secret: bool) -> Value {
        let pieces = match default.pieces() {
            Ok(pieces) => pieces,
            Err(message) => {
                self.remark(name, message).place = Some(default.place);
                return Value::Broken;
            }
        };
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Variable(other) => match self.find(other) {
                    Some(Value::Text { text: value, is_secret: other_is_secret }) => {
                        text.push_str(&value);
                        is_secret |= other_is_secret;
                        if text.len() > LONGEST_VALUE {
                            // What follows would only make it longer.
                            break;
                        }
                    }
                    Some(Value::Unset { variable, reason }) => {
                        return Value::Unset { variable, reason: format!("`${{{other}}}` has none: {reason}") };
                    }
                    Some(Value::Broken) => return Value::Broken,
                    None => {
                        let trouble = unknown(other, self.settings.keys());
                        let remark = self.remark(name, trouble.message);
                        remark.place = Some(default.place);
                        remark.hint = trouble.hint;
                        remark.misses = trouble.misses;
                        return Value::Broken;
                    }
                },
            }
        }
        Value::Text { text, is_secret }
    }

    fn remark(&mut self, name: &str, message: String) -> &mut Remark {
        let at = self.remarks.len();
        self.remarks.push(Remark {
            place: None,
            path: path(name),
            message,
            hint: None,
            misses: None,
            is_notice: false,
        });
        &mut self.remarks[at]
    }
}

/// A name that no variable has.
fn unknown<'k>(name: &str, known: impl Iterator<Item = &'k String>) -> Trouble {
    Trouble {
        message: format!("there is no variable `{name}`"),
        hint: suggestion(name, known.map(String::as_str)).or_else(|| Some(format!("define it: [variables.{name}]"))),
        misses: Some(path(name)),
    }
}

fn path(name: &str) -> String {
    format!("variables.{name}")
}
