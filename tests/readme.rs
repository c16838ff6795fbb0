//! What the README shows is what the program says of itself.

use liveloop::ui::action::key_table;

const README: &str = include_str!("../README.md");

#[test]
fn the_key_table_is_the_one_that_dispatches() {
    assert!(README.contains(&key_table()), "README.md wants the output of `liveloop keys` in its section on keys");
}
