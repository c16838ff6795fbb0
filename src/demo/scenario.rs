//! Which story the environment tells.

use std::{fmt, str::FromStr};

/// How the environment behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scenario {
    /// Backend revision 1 is broken in five ways; every deploy mends one.
    #[default]
    Story,
    /// Everything works from the start.
    Green,
    /// Everything works now and then: sockets drop, the health probe flickers.
    Flap,
}

impl Scenario {
    /// Every scenario, in the order in which help should list them.
    pub const ALL: [Scenario; 3] = [Scenario::Story, Scenario::Green, Scenario::Flap];

    /// The word that `--scenario` takes.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Story => "story",
            Scenario::Green => "green",
            Scenario::Flap => "flap",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Scenario::ALL
            .into_iter()
            .find(|scenario| scenario.name() == text)
            .ok_or_else(|| format!("no scenario {text:?}: choose story, green or flap"))
    }
}
