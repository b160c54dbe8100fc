//! `--trace DIR`: a file for each exchange with the server, without what is secret in it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use wsman::client::{Trace, TraceEntry, TracePart, TraceSink};

/// Bytes of one part of an exchange; more is cut.
const MAX_PART: usize = 1 << 20;
/// Files and bytes of one run; more is not written.
const MAX_FILES: u64 = 100_000;
const MAX_BYTES: usize = 1 << 30;

/// A trace into this folder, which is made where it is not there. What goes wrong is said once on stderr and does not
/// disturb the run.
pub(super) fn into(folder: &Path) -> Trace {
    Trace::new(Folder { path: folder.to_owned(), began: Instant::now(), state: Mutex::new(State::Unopened) })
}

struct Folder {
    path: PathBuf,
    began: Instant,
    state: Mutex<State>,
}

enum State {
    Unopened,
    Open(Written),
    /// Something went wrong, or there is too much of it
    Over,
}

#[derive(Default)]
struct Written {
    /// Number of the last file; those of an earlier run stay
    last: u64,
    files: u64,
    bytes: usize,
    /// Exchanges that have no answer yet
    waiting: HashMap<u64, PathBuf>,
}

impl TraceSink for Folder {
    fn write(&self, entry: &TraceEntry<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Unopened = *state {
            *state = match Written::begin(&self.path) {
                Ok(written) => State::Open(written),
                Err(error) => self.give_up(&error.to_string()),
            };
        }
        if let State::Open(written) = &mut *state {
            let text = part(entry, self.began.elapsed().as_secs_f64());
            match written.write(&self.path, entry, &text) {
                Ok(true) => {}
                Ok(false) => *state = self.give_up("there is too much of it"),
                Err(error) => *state = self.give_up(&error.to_string()),
            }
        }
    }
}

impl Folder {
    fn give_up(&self, why: &str) -> State {
        let path = self.path.display();
        // There is nobody left to tell when stderr is closed.
        let _ = writeln!(io::stderr().lock(), "warning: the trace in {path} ends here: {why}");
        State::Over
    }
}

impl Written {
    fn begin(folder: &Path) -> io::Result<Self> {
        make_private(folder)?;
        let mut last = 0;
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
            last = last.max(number.unwrap_or(0));
        }
        Ok(Self { last, ..Self::default() })
    }

    /// Whether more may be written.
    fn write(&mut self, folder: &Path, entry: &TraceEntry<'_>, text: &str) -> io::Result<bool> {
        let mut file = match self.waiting.remove(&entry.exchange) {
            Some(path) => OpenOptions::new().append(true).open(path)?,
            None => {
                let (path, file) = self.create(folder, entry.name)?;
                if entry.part == TracePart::Request {
                    self.waiting.insert(entry.exchange, path);
                }
                file
            }
        };
        self.bytes += text.len();
        file.write_all(text.as_bytes())?;
        let goes_on = self.files < MAX_FILES && self.bytes < MAX_BYTES;
        if !goes_on {
            file.write_all(b"\n[the trace ends here: what follows is too much]\n")?;
        }
        Ok(goes_on)
    }

    fn create(&mut self, folder: &Path, name: &str) -> io::Result<(PathBuf, File)> {
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        loop {
            self.last += 1;
            self.files += 1;
            let path = folder.join(format!("{:06}-{}.txt", self.last, name.to_ascii_lowercase()));
            match create_private(&path) {
                // Another run writes into the same folder.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.files < MAX_FILES => {}
                created => return created.map(|file| (path, file)),
            }
        }
    }
}

/// An entry as it stands in its file.
fn part(entry: &TraceEntry<'_>, seconds: f64) -> String {
    let what = match entry.part {
        TracePart::Request => "request",
        TracePart::Answer => "answer",
        TracePart::Failure => "no answer",
        _ => "note",
    };
    let before = if matches!(entry.part, TracePart::Answer | TracePart::Failure) { "\n" } else { "" };
    let mut end = entry.text.len().min(MAX_PART);
    while !entry.text.is_char_boundary(end) {
        end -= 1;
    }
    let (text, rest) = entry.text.split_at(end);
    let mut part = format!(
        "{before}== {what}: {} on connection {}, {seconds:.3} s after the start ==\n{text}",
        entry.name, entry.connection
    );
    if !rest.is_empty() {
        part += &format!("\n[cut: {} more bytes]\n", rest.len());
    }
    part
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(exchange: u64, part: TracePart, text: &str) -> TraceEntry<'_> {
        TraceEntry { exchange, connection: 1, name: "Receive", part, text }
    }

    fn sink(path: &Path) -> Folder {
        Folder { path: path.to_owned(), began: Instant::now(), state: Mutex::new(State::Unopened) }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn one_file_per_exchange_and_earlier_runs_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/trace");
        let first = sink(&path);
        first.write(&entry(1, TracePart::Request, "one\n"));
        first.write(&entry(2, TracePart::Request, "two\n"));
        first.write(&entry(1, TracePart::Answer, "yes\n"));
        sink(&path).write(&entry(1, TracePart::Note, "later\n"));
        first.write(&entry(3, TracePart::Failure, "no\n"));
        assert_eq!(
            names(&path),
            ["000001-receive.txt", "000002-receive.txt", "000003-receive.txt", "000004-receive.txt"]
        );
        let read = |name: &str| fs::read_to_string(path.join(name)).unwrap();
        let one = read("000001-receive.txt");
        assert!(
            one.contains("== request: Receive on connection 1") && one.contains("one\n\n== answer"),
            "{one}"
        );
        assert!(read("000003-receive.txt").contains("later") && read("000004-receive.txt").contains("no"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o700);
            assert_eq!(mode(&path.join("000001-receive.txt")), 0o600);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let long = "\u{e4}".repeat(MAX_PART);
        sink(folder.path()).write(&entry(1, TracePart::Note, &long));
        let text = fs::read_to_string(folder.path().join("000001-receive.txt")).unwrap();
        assert!(text.ends_with(&format!("[cut: {MAX_PART} more bytes]\n")), "{}", &text[text.len() - 100..]);
        let full = sink(folder.path());
        *full.state.lock().unwrap() =
            State::Open(Written { last: 1, bytes: MAX_BYTES, ..Written::default() });
        full.write(&entry(1, TracePart::Note, "last"));
        full.write(&entry(2, TracePart::Note, "too much"));
        assert_eq!(names(folder.path()), ["000001-receive.txt", "000002-receive.txt"]);
        let text = fs::read_to_string(folder.path().join("000002-receive.txt")).unwrap();
        assert!(text.contains("last") && text.contains("the trace ends here"), "{text}");
    }

    #[test]
    fn a_folder_that_cannot_be_had_disturbs_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "mine").unwrap();
        let sink = sink(&path);
        sink.write(&entry(1, TracePart::Request, "one"));
        sink.write(&entry(1, TracePart::Answer, "two"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
