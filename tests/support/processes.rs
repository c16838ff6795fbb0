//! The processes of a test, found by the home that their environment names.

use std::path::Path;
use std::time::{Duration, Instant};

/// Every process that was started, however indirectly, with this home. One that is a zombie has no environment.
pub(crate) fn alive(home: &Path) -> Vec<(i32, String)> {
    let mark = home.to_str().expect("a path of ours");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc can be listed").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let variables = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if String::from_utf8_lossy(&variables).contains(mark) {
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&words).replace('\0', " ")));
        }
    }
    found
}

/// Waits until nothing of this home runs any longer.
pub(crate) fn until_none_is_left(home: &Path, patience: Duration) {
    let deadline = Instant::now() + patience;
    loop {
        let left = alive(home);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "still there: {left:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
