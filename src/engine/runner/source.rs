//! Where a process speaks, opened: a socket, its standard output, or the files that it leaves behind.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::net::UnixListener;
use tokio::sync::mpsc;

/// The longest line of a protocol.
const LONGEST_LINE: usize = 4 << 20;
/// How many bytes of lines travel together.
const CHUNK: usize = 64 << 10;
/// The longest text that is read as a whole.
const LONGEST_TEXT: u64 = 64 << 20;
/// How many files of a folder are read.
const MOST_FILES: usize = 5_000;
/// How far the clock of a file system may be behind.
const SLACK: Duration = Duration::from_secs(1);

/// What was said, some lines at a time.
pub(super) type Said = mpsc::Receiver<Vec<String>>;

/// Listens at a socket for any number of connections.
pub(super) fn socket(path: &Path) -> Result<Said, String> {
    let _ = fs::remove_file(path);
    let listener = UnixListener::bind(path).map_err(|error| format!("no socket at {}: {error}", path.display()))?;
    let (sender, said) = mpsc::channel(16);
    tokio::spawn(accept(listener, sender));
    Ok(said)
}

/// Reads a stream line by line.
pub(super) fn lines(stream: impl AsyncRead + Unpin + Send + 'static) -> Said {
    let (sender, said) = mpsc::channel(16);
    tokio::spawn(listen(stream, sender));
    said
}

/// Reads a stream to its end, as one text.
pub(super) fn whole(stream: impl AsyncRead + Unpin + Send + 'static) -> Said {
    let (sender, said) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        let _ = stream.take(LONGEST_TEXT).read_to_end(&mut bytes).await;
        let _ = sender.send(vec![String::from_utf8_lossy(&bytes).into_owned()]).await;
    });
    said
}

/// Of a process that says nothing while it runs.
pub(super) fn silence() -> Said {
    mpsc::channel(1).1
}

/// The files that a process is to leave behind, as they were before it started.
pub(super) struct Results {
    path: PathBuf,
    extension: &'static str,
    started: SystemTime,
    before: Vec<(PathBuf, SystemTime)>,
}

impl Results {
    /// Looks at what is there before the process starts.
    pub(super) fn look(path: PathBuf, extension: &'static str) -> Self {
        let started = SystemTime::now();
        let before = files(&path, extension);
        Self { path, extension, started, before }
    }

    /// The texts that are new.
    pub(super) fn read(&self) -> Result<Vec<String>, String> {
        let is_new = |found: &(PathBuf, SystemTime)| !self.before.contains(found) && found.1 + SLACK >= self.started;
        let now = files(&self.path, self.extension);
        let shown = self.path.display();
        if now.is_empty() {
            return Err(format!("the command left no results at {shown}"));
        }
        let texts: Vec<String> =
            now.iter().filter(|found| is_new(found)).map(|(path, _)| text(path)).collect::<Result<_, _>>()?;
        if texts.is_empty() {
            return Err(format!("the results at {shown} are older than the run: the command wrote none"));
        }
        Ok(texts)
    }
}

/// A file that an earlier process has left.
pub(super) fn last(path: &Path) -> Option<String> {
    path.is_file().then(|| text(path).ok()).flatten()
}

fn files(path: &Path, extension: &str) -> Vec<(PathBuf, SystemTime)> {
    let with_time = |path: PathBuf| {
        let time = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?.modified().ok()?;
        Some((path, time))
    };
    if !path.is_dir() {
        return with_time(path.to_owned()).into_iter().collect();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.to_string_lossy().ends_with(extension)).take(MOST_FILES).collect();
    paths.sort();
    paths.into_iter().filter_map(with_time).collect()
}

fn text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(LONGEST_TEXT).read_to_end(&mut bytes));
    read.map_err(|error: io::Error| format!("the results at {} cannot be read: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn accept(listener: UnixListener, lines: mpsc::Sender<Vec<String>>) {
    // Ends with its listener, when nobody takes lines any more: the run is over.
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => drop(tokio::spawn(listen(connection, lines.clone()))),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            () = lines.closed() => return,
        }
    }
}

/// Reads a connection to its end, whole lines together as they come.
async fn listen(connection: impl AsyncRead + Unpin, lines: mpsc::Sender<Vec<String>>) {
    let mut reader = BufReader::with_capacity(CHUNK, connection);
    let mut chunk = Vec::new();
    let mut line = Vec::new();
    loop {
        let read = (&mut reader).take(LONGEST_LINE as u64).read_until(b'\n', &mut line).await;
        match read {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        if line.last() == Some(&b'\n') || line.len() >= LONGEST_LINE {
            chunk.push(String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned());
            line.clear();
        }
        // What is there already travels together; what is not is not waited for.
        if !reader.buffer().contains(&b'\n') && lines.send(std::mem::take(&mut chunk)).await.is_err() {
            return;
        }
    }
    if !line.is_empty() {
        chunk.push(String::from_utf8_lossy(&line).into_owned());
    }
    if !chunk.is_empty() {
        let _ = lines.send(chunk).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn lines_are_whole_however_they_come() {
        let text = "{\"a\":\"ä\"}\n\nno end";
        for size in [1, 2, 3, 7, text.len()] {
            let (mut writer, reader) = tokio::io::duplex(8);
            let mut said = lines(reader);
            let wrote = tokio::spawn(async move {
                for piece in text.as_bytes().chunks(size) {
                    writer.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
            });
            let mut all = Vec::new();
            while let Some(some) = said.recv().await {
                all.extend(some);
            }
            wrote.await.unwrap();
            assert_eq!(all, ["{\"a\":\"ä\"}", "", "no end"], "in pieces of {size}");
        }
        assert_eq!(whole(&b"a\nb\n"[..]).recv().await, Some(vec!["a\nb\n".to_owned()]));
    }

    #[test]
    fn only_what_is_new_is_a_result() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        fs::write(&path, "old").unwrap();
        let results = Results::look(path.clone(), ".xml");
        assert!(results.read().unwrap_err().contains("older than the run"));
        fs::remove_file(&path).unwrap();
        assert!(results.read().unwrap_err().contains("left no results"));
        let results = Results::look(folder.path().to_owned(), ".xml");
        fs::write(&path, "new").unwrap();
        fs::write(folder.path().join("notes.txt"), "x").unwrap();
        assert_eq!(results.read().unwrap(), ["new"]);
    }
}
