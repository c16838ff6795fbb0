//! The `liveloop` binary: a thin door to [`liveloop::cli`].
fn main() {}
