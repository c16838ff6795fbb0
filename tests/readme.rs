//! What the README shows is what the program says of itself.

#[path = "support/picture.rs"]
mod picture;

use std::fs;
use std::path::Path;

use liveloop::ui::action::key_table;

const README: &str = include_str!("../README.md");

#[test]
fn the_key_table_is_the_one_that_dispatches() {
    assert!(README.contains(&key_table()), "README.md wants the output of `liveloop keys` in its section on keys");
}

/// `docs/picture` writes it anew, through `LIVELOOP_PICTURE=write`.
#[test]
fn the_picture_is_what_the_program_draws() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/img/screen.svg");
    let fresh = picture::picture();
    if std::env::var("LIVELOOP_PICTURE").is_ok_and(|wish| wish == "write") {
        fs::write(&path, &fresh).expect("docs/img can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    // The whole text would not help anybody; a look at the new picture does.
    assert!(committed == fresh, "docs/img/screen.svg is not current: run docs/picture and look at it");
    assert!(README.contains("docs/img/screen.svg"), "README.md does not show the picture");
}
