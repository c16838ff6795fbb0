//! Checks a theme's file: known roles, known fields, colours that are colours.
//!
//! What a theme means is the screen's business. Here only its words are known, and those are handed in.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::complaint::{suggestion, syntax};
use super::layers::MOST_MISTAKES;
use super::mistake::Mistake;
use super::places::Source;

/// What a theme's file may say.
#[derive(Clone, Copy)]
pub struct ThemeWords<'w> {
    /// The dotted names of all roles, written as a quoted key (`"text.muted"`) or as tables.
    pub roles: &'w [&'w str],
    /// What a role's table may hold: `fg`, `bg`, `bold`, …
    pub fields: &'w [&'w str],
    /// Other keys at the top that are left to whoever reads the theme: `name`, `palette`, …
    pub others: &'w [&'w str],
    /// Says what is wrong with the text of a colour.
    pub colour: &'w dyn Fn(&str) -> Result<(), String>,
}

/// All mistakes in a theme's file.
pub fn check_theme(source: &Source, words: ThemeWords<'_>) -> Vec<Mistake> {
    let mut check = Check { source, words, mistakes: Vec::new() };
    match DeTable::parse(&source.text) {
        Ok(table) => check.table("", table.get_ref()),
        Err(error) => {
            let range = error.span().unwrap_or(0..0);
            check.mistakes.push(Mistake::new(source, range, syntax(error.message())));
        }
    }
    check.mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
    check.mistakes
}

struct Check<'c> {
    source: &'c Source,
    words: ThemeWords<'c>,
    mistakes: Vec<Mistake>,
}

impl Check<'_> {
    /// `path` is the dotted name of the table, empty at the top.
    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
            let is_role = self.words.roles.contains(&name.as_str());
            let is_field = self.words.roles.contains(&path) && self.words.fields.contains(&key.get_ref().as_ref());
            if path.is_empty() && self.words.others.contains(&name.as_str()) {
                continue;
            }
            match value.get_ref() {
                DeValue::Table(inner) if is_role || self.leads_to_a_role(&name) => self.table(&name, inner),
                _ if is_role || is_field => self.value(value),
                _ => {
                    let known = if self.words.roles.contains(&path) {
                        suggestion(key.get_ref(), self.words.fields.iter().copied())
                    } else {
                        suggestion(&name, self.words.roles.iter().copied())
                    };
                    self.say(key.span(), format!("there is no role `{name}`"), known);
                }
            }
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) {
        if let DeValue::String(text) = value.get_ref()
            && let Err(trouble) = (self.words.colour)(text)
        {
            self.say(value.span(), trouble, None);
        }
    }

    fn leads_to_a_role(&self, name: &str) -> bool {
        self.words.roles.iter().any(|role| role.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }

    fn say(&mut self, range: std::ops::Range<usize>, message: String, hint: Option<String>) {
        if self.mistakes.len() >= MOST_MISTAKES {
            return;
        }
        let mut mistake = Mistake::new(self.source, range, message);
        mistake.hint = hint;
        self.mistakes.push(mistake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::places::Layer;

    #[test]
    fn roles_fields_and_colours_are_checked_at_once() {
        let text = "name = \"mine\"\ntext = \"#ffffff\"\n\"text.mutd\" = \"grey\"\n[state.good]\nfg = \"gren\"\nbold = true\nbolt = true\n[palette]\nx = 1\n";
        let words = ThemeWords {
            roles: &["text", "text.muted", "state.good"],
            fields: &["fg", "bg", "bold"],
            others: &["name", "palette"],
            colour: &|text| {
                if text == "gren" { Err(format!("`{text}` is no colour")) } else { Ok(()) }
            },
        };
        let mistakes = check_theme(&Source::new(Layer::User, "mine.toml", text), words);
        let said: Vec<_> = mistakes
            .iter()
            .map(|mistake| {
                format!("{} {} ({})", mistake.location(), mistake.message, mistake.hint.as_deref().unwrap_or(""))
            })
            .collect();
        assert_eq!(
            said,
            [
                "mine.toml:3:1 there is no role `text.mutd` (did you mean `text.muted`?)",
                "mine.toml:5:6 `gren` is no colour ()",
                "mine.toml:7:1 there is no role `state.good.bolt` (did you mean `bold`?)",
            ]
        );
    }
}
