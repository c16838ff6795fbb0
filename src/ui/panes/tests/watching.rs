//! The watch, as people see it.

use super::{check, view};
use crate::ui::fixture::watching;

#[test]
fn that_files_are_watched_stands_in_the_header_and_what_changed_in_the_news() {
    for size in [(80, 24), (120, 40)] {
        check("watching", &watching::edited(), &view(), size);
    }
}
