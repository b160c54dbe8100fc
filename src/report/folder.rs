//! The folder of a run: every form of its report in a file of its own, each replaced as a whole.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{Audit, Format, RunReport, changes_csv, failures, report_html, run_json};

/// The folder of a run beside its journal.
pub fn default_folder(journal: &Path, run: &str) -> PathBuf {
    journal.parent().unwrap_or(Path::new("")).join("runs").join(run)
}

/// Writes the report of a run into a folder, making it where it is not there; only the owner may read it. Returns the page
/// and the audit.
pub fn write_folder(report: &RunReport, folder: &Path) -> io::Result<(PathBuf, Audit)> {
    make(folder)?;
    let audit = Audit::of(report);
    let mut run = serde_json::to_vec_pretty(&run_json(report, &audit))?;
    run.push(b'\n');
    put(folder, "audit.jsonl", audit.text.as_bytes())?;
    put(folder, "changes.csv", changes_csv(report).as_bytes())?;
    let failed = failures(report);
    for format in [Format::Csv, Format::Jsonl] {
        let name = format!("failures.{}", format.name());
        match failed.as_ref().filter(|failed| failed.format == format) {
            Some(failed) => put(folder, &name, failed.text.as_bytes())?,
            // Of an earlier report in the same folder: those are not failures of this run.
            None => gone(&folder.join(name))?,
        }
    }
    put(folder, "report.html", report_html(report, &audit).as_bytes())?;
    // The last one: where it is, the others are.
    put(folder, "run.json", &run)?;
    Ok((folder.join("report.html"), audit))
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// A temporary file is its owner's alone, and stays so under its name.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map(drop).map_err(|error| error.error)
}

fn gone(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
