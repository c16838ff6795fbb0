//! Where every key and value was written: file, line and column, over all layers of one load.

use std::ops::Range;

use super::mistake::Mistake;
use super::template::Place;

/// Which layer a text belongs to. A later one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The defaults inside the program.
    BuiltIn,
    /// The user's own file.
    User,
    /// The project's file.
    Project,
    /// What the command line sets.
    CommandLine,
}

/// A text with settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which layer it is.
    pub layer: Layer,
    /// How to name it in messages: a path, as short as it may be.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// The program's own defaults.
pub const BUILT_IN: &str = include_str!("../../config.toml");

impl Source {
    /// The defaults inside the program.
    pub fn built_in() -> Self {
        Self::new(Layer::BuiltIn, "built-in config.toml", BUILT_IN)
    }

    /// What options of the command line set: dotted paths and values.
    pub fn command_line<'o>(options: impl IntoIterator<Item = (&'o str, toml::Value)>) -> Self {
        let lines = options.into_iter().map(|(path, value)| format!("{path} = {value}\n"));
        Self::new(Layer::CommandLine, "command line", lines.collect::<String>())
    }

    /// A text of some layer.
    pub fn new(layer: Layer, name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { layer, name: name.into(), text: text.into() }
    }
}

/// The key or the value at one place.
#[derive(Clone, Debug)]
struct Node {
    source: usize,
    range: Range<usize>,
    path: String,
}

/// Which part of a setting is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Value,
}

/// Everything that was written, in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Places {
    sources: Vec<Source>,
    nodes: Vec<Node>,
}

impl Places {
    /// Takes in a text and gives back its number.
    pub(super) fn add_source(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// Gives a place to something in a text. `path` is dotted, as in `service.backend.url`.
    pub(super) fn add(&mut self, source: usize, range: Range<usize>, path: &str) -> Place {
        self.nodes.push(Node { source, range, path: path.to_owned() });
        Place(self.nodes.len() - 1)
    }

    /// The texts, in the order of their layers.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The place of a setting, or of the nearest table around it, as the last layer that has it wrote it.
    fn find(&self, path: &str, part: Part) -> Option<Place> {
        let mut path = path;
        loop {
            let nodes = self.nodes.iter().enumerate().filter(|(_, node)| node.path == path);
            if let Some(last) = nodes.clone().map(|(_, node)| node.source).max() {
                // A key is taken in before its value.
                let mut of_last = nodes.filter(|(_, node)| node.source == last);
                let found = match part {
                    Part::Key => of_last.next(),
                    Part::Value => of_last.next_back(),
                };
                return found.map(|(index, _)| Place(index));
            }
            path = &path[..path.rfind('.')?];
        }
    }

    /// Says something about a place.
    pub(super) fn mistake(&self, place: Place, message: impl Into<String>) -> Mistake {
        match self.nodes.get(place.0) {
            Some(node) => Mistake::new(&self.sources[node.source], node.range.clone(), message),
            None => Mistake::new(&Source::built_in(), 0..0, message),
        }
    }

    /// Says something about the value at a path.
    pub(super) fn mistake_about(&self, path: &str, part: Part, message: impl Into<String>) -> Mistake {
        self.mistake(self.find(path, part).unwrap_or_default(), message)
    }
}
