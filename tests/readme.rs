//! What the README shows is what the program says of itself. `docs/picture` writes both parts anew, through
//! `LIVELOOP_README=write`.

#[path = "support/picture.rs"]
mod picture;

use std::fs;
use std::path::{Path, PathBuf};

use liveloop::ui::action::key_table;

const BEGIN: &str = "<!-- keys: begin -->\n";
const END: &str = "<!-- keys: end -->\n";

fn in_the_repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a file with what it should be, or writes it. The whole text would not help anybody who reads a failure.
#[track_caller]
fn is_current(name: &str, fresh: &str) {
    let path = in_the_repository(name);
    if std::env::var("LIVELOOP_README").is_ok_and(|wish| wish == "write") {
        fs::write(&path, fresh).expect("the repository can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "{name} is not current: run docs/picture and look at what it changed");
}

#[test]
fn the_key_table_is_the_one_that_dispatches() {
    let readme = fs::read_to_string(in_the_repository("README.md")).expect("there is a README");
    let (before, rest) = readme.split_once(BEGIN).expect("a key table begins");
    let (_, after) = rest.split_once(END).expect("the key table ends");
    is_current("README.md", &format!("{before}{BEGIN}{}{END}{after}", key_table()));
}

#[test]
fn the_picture_is_what_the_program_draws() {
    is_current("docs/img/screen.svg", &picture::picture());
}
