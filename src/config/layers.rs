//! From texts to settings: parse each layer, lay one over the other, and collect every mistake on the way.
//!
//! serde stops at its first mistake. So whatever it complains about is struck out of the tree and the rest is tried
//! again, until nothing is left to complain about. That way the structs in [`settings`](super::settings) stay the only
//! description of what may be written. Every key and value gets a number in place of its byte range, so that a
//! complaint leads back to one node of one file, also after the layers were merged.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::complaint;
use super::mistake::Mistake;
use super::places::{Layer, Places, Source};
use super::secrets;
use super::settings::Settings;
use super::template::Place;

/// More mistakes than this are not worth reading; the first ones explain the rest.
pub(super) const MOST_MISTAKES: usize = 50;

/// Sections that belong to a person: all that the user's own file may set.
const PERSONAL: [&str; 4] = ["ui", "keys", "editor", "notice"];

/// What could be read, and everything that could not.
#[derive(Debug)]
pub(super) struct Reading {
    /// The settings without what was struck out; missing when even that cannot be used.
    pub(super) settings: Option<Settings>,
    /// Where everything was written.
    pub(super) places: Places,
    /// What was wrong, in the order of the files.
    pub(super) mistakes: Vec<Mistake>,
    struck: Vec<Struck>,
}

/// Something that was taken out of the tree.
#[derive(Debug)]
struct Struck {
    path: String,
    /// What was probably meant by a mistyped key.
    meant: Option<String>,
}

impl Reading {
    /// Whether something at or below a path was struck out.
    pub(super) fn has_lost_part_of(&self, path: &str) -> bool {
        self.struck
            .iter()
            .any(|struck| struck.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }
}

impl Struck {
    fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), meant: None }
    }

    /// Whether this is why `field` is missing in the table at `path`; no field stands for any.
    fn explains(&self, path: &str, field: Option<&str>) -> bool {
        let (table, key) = self.path.rsplit_once('.').unwrap_or(("", &self.path));
        table == path && field.is_none_or(|field| key == field || self.meant.as_deref() == Some(field))
    }
}

/// Lays texts over each other, in the given order, and reads the result.
pub(super) fn read(sources: &[Source]) -> Reading {
    let mut tree = Tree::default();
    for source in sources {
        tree.add(source);
    }
    tree.read()
}

#[derive(Default)]
struct Tree<'t> {
    /// Kept apart, so that what is struck out of one layer uncovers what the layer under it says.
    layers: Vec<DeTable<'t>>,
    places: Places,
    mistakes: Vec<(Place, Mistake)>,
    struck: Vec<Struck>,
}

impl<'t> Tree<'t> {
    fn add(&mut self, source: &'t Source) {
        let number = self.places.add_source(source.clone());
        let root = self.places.add(number, 0..0, "");
        let mut table = match DeTable::parse(&source.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let range = error.span().unwrap_or(0..0);
                let mistake = Mistake::new(source, range, complaint::syntax(error.message()));
                self.mistakes.push((root, mistake));
                // A file with a hole in its middle could mean anything: nothing of it is used.
                return;
            }
        };
        for (range, advice) in secrets::find(&table).into_iter().take(MOST_MISTAKES) {
            let place = self.places.add(number, range.clone(), "");
            let mistake = Mistake::masked(source, range.clone(), advice.message);
            self.mistakes.push((place, mistake.with_hint(advice.hint)));
            if let Some(path) = strike(&mut table, &|span| *span == range, "") {
                self.struck.push(Struck::new(path));
            }
        }
        let mut table = self.number(number, table, "");
        self.keep_to_its_sections(source.layer, &mut table);
        self.layers.push(table);
    }

    /// Puts place numbers where byte ranges were, in the order of the text.
    fn number(&mut self, source: usize, table: DeTable<'t>, path: &str) -> DeTable<'t> {
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
            .into_iter()
            .map(|(key, value)| {
                let path = join(path, key.get_ref());
                let key_place = self.places.add(source, key.span(), &path);
                let range = match value.get_ref() {
                    // A table is best shown by its name; its own range may be anywhere or nowhere.
                    DeValue::Table(_) => key.span(),
                    _ => value.span(),
                };
                let key = Spanned::new(range_of(key_place), key.into_inner());
                (key, self.number_value(source, range, value, &path))
            })
            .collect()
    }

    fn number_value(
        &mut self,
        source: usize,
        range: Range<usize>,
        value: Spanned<DeValue<'t>>,
        path: &str,
    ) -> Spanned<DeValue<'t>> {
        let place = self.places.add(source, range, path);
        let value = match value.into_inner() {
            DeValue::Table(table) => DeValue::Table(self.number(source, table, path)),
            DeValue::Array(array) => DeValue::Array(
                array
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| self.number_value(source, item.span(), item, &format!("{path}.{index}")))
                    .collect(),
            ),
            leaf => leaf,
        };
        Spanned::new(range_of(place), value)
    }

    /// Some sections are one person's business, and one names a program that nobody was asked about.
    fn keep_to_its_sections(&mut self, layer: Layer, table: &mut DeTable<'t>) {
        let misplaced: Vec<_> = table
            .keys()
            .filter(|key| match layer {
                Layer::BuiltIn | Layer::CommandLine => false,
                Layer::User => is_section(key.get_ref()) && !PERSONAL.contains(&key.get_ref().as_ref()),
                Layer::Project => key.get_ref() == "editor",
            })
            .cloned()
            .collect();
        for key in misplaced {
            table.remove(&key);
            let (message, hint) = match layer {
                Layer::Project => ("belongs to a person, not to a project", "set it in your own config.toml"),
                _ => ("belongs to a project, not to a person", "set it in the project's liveloop.toml"),
            };
            let place = Place(key.span().start);
            let mistake = self.places.mistake(place, format!("`{}` {message}", key.get_ref()));
            self.mistakes.push((place, mistake.with_hint(hint)));
            self.struck.push(Struck::new(key.get_ref().as_ref()));
        }
    }

    fn read(mut self) -> Reading {
        let mut settings = None;
        while self.mistakes.len() < MOST_MISTAKES {
            let tree = Spanned::new(0..0, self.merged());
            match Settings::deserialize(tree.into_deserializer()) {
                Ok(read) => {
                    settings = Some(read);
                    break;
                }
                Err(error) if self.strike_out(&error) => {}
                Err(error) => {
                    // The built-in file has everything at the top, so only a mistake of the program can lead here.
                    let mistake = self.places.mistake(Place(0), complaint::read(error.message()).message);
                    self.mistakes.push((Place(0), mistake));
                    break;
                }
            }
        }
        self.mistakes.sort_by_key(|(place, mistake)| (mistake.layer, mistake.line, mistake.column, *place));
        Reading {
            settings,
            places: self.places,
            mistakes: self.mistakes.into_iter().map(|(_, mistake)| mistake).collect(),
            struck: self.struck,
        }
    }

    /// All layers laid over each other.
    fn merged(&self) -> DeTable<'t> {
        let mut merged = DeTable::new();
        for layer in &self.layers {
            overlay(&mut merged, layer.clone());
        }
        merged
    }

    /// Takes out what an error is about; false where that cannot be found.
    fn strike_out(&mut self, error: &toml::de::Error) -> bool {
        let Some(place) = error.span().map(|span| Place(span.start)) else {
            return false;
        };
        let is_meant = |span: &Range<usize>| span.start == place.0;
        let layers = self.layers.iter_mut();
        let Some(path) = layers.rev().find_map(|layer| strike(layer, &is_meant, "")) else {
            return false;
        };
        let complaint = complaint::read(error.message());
        let is_a_consequence = match &complaint.absence {
            Some(absence) => self.struck.iter().any(|struck| struck.explains(&path, absence.field())),
            None => false,
        };
        if !is_a_consequence {
            let mut mistake = self.places.mistake(place, complaint.message);
            mistake.hint = complaint.hint;
            self.mistakes.push((place, mistake));
        }
        self.struck.push(Struck { path, meant: complaint.meant });
        true
    }
}

/// Lays `upper` over `lower`: tables are merged, anything else is replaced.
fn overlay<'t>(lower: &mut DeTable<'t>, upper: DeTable<'t>) {
    for (key, value) in upper {
        let merged = match (lower.remove(&key).map(Spanned::into_inner), value) {
            (Some(DeValue::Table(mut under)), over) if over.get_ref().is_table() => {
                let span = over.span();
                if let DeValue::Table(over) = over.into_inner() {
                    overlay(&mut under, over);
                }
                Spanned::new(span, DeValue::Table(under))
            }
            (_, over) => over,
        };
        lower.insert(key, merged);
    }
}

/// Decides by its range whether a node is the one to take out.
type IsMeant<'f> = &'f dyn Fn(&Range<usize>) -> bool;

/// Takes out the first node whose key or value is meant, and says which path it had.
fn strike(table: &mut DeTable<'_>, is_meant: IsMeant<'_>, path: &str) -> Option<String> {
    let mut meant = None;
    for (key, value) in table.iter_mut() {
        let path = join(path, key.get_ref());
        if is_meant(&key.span()) || is_meant(&value.span()) {
            meant = Some((key.clone(), path));
            break;
        }
        if let Some(struck) = strike_inside(value.get_mut(), is_meant, &path) {
            return Some(struck);
        }
    }
    let (key, path) = meant?;
    table.remove(&key);
    Some(path)
}

fn strike_inside<'t>(value: &mut DeValue<'t>, is_meant: IsMeant<'_>, path: &str) -> Option<String> {
    match value {
        DeValue::Table(table) => strike(table, is_meant, path),
        DeValue::Array(items) => {
            if let Some(meant) = items.iter().position(|item| is_meant(&item.span())) {
                let rest: DeArray<'t> =
                    items.iter().enumerate().filter(|(at, _)| *at != meant).map(|(_, item)| item.clone()).collect();
                *items = rest;
                return Some(format!("{path}.{meant}"));
            }
            let mut items = items.iter_mut().enumerate();
            items.find_map(|(at, item)| strike_inside(item.get_mut(), is_meant, &format!("{path}.{at}")))
        }
        _ => None,
    }
}

fn is_section(key: &str) -> bool {
    ["environment", "variables", "runner", "service", "stream", "run", "baseline", "limits", "journal"].contains(&key)
}

fn range_of(place: Place) -> Range<usize> {
    place.0..place.0 + 1
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
