//! What tests and modules are called for people.

use crate::domain::Text;

/// `tests/e2e/test_a.py::TestB::test_c[1]` inside `tests/e2e/test_a.py` is `TestB::test_c[1]`; a Rust test stands behind
/// a `$` in its binary.
pub(super) fn name_inside(module: &str, node: &str) -> Text {
    let name = |rest: &'_ str| rest.strip_prefix("::").or_else(|| rest.strip_prefix('$')).map(Text::from);
    node.strip_prefix(module).and_then(name).unwrap_or_else(|| node.into())
}

/// `tests/e2e/test_priority1_critical.py` is `priority1_critical`; `shop$cart::price` is `cart::price`, and `shop::api`,
/// a binary of its own, is `api`.
pub(super) fn short_title(path: &str) -> &str {
    if let Some((_, inside)) = path.split_once('$') {
        return inside;
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let is_extension = |end: &str| end.len() <= 4 && end.bytes().all(|b| b.is_ascii_lowercase());
    let stem = file.rsplit_once('.').filter(|(_, end)| is_extension(end)).map_or(file, |(stem, _)| stem);
    let stem = ["_test", ".test", ".spec"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
    let stem = stem.strip_prefix("test_").unwrap_or(stem);
    let title = stem.rsplit("::").next().unwrap_or(stem);
    if title.is_empty() { path } else { title }
}
