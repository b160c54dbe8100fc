//! A Python with the peers in it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::say;

const REQUIREMENTS: &str = include_str!("requirements.txt");
/// MIT Kerberos comes to Python through C: compiler and headers build the bindings.
const PACKAGES: [&str; 5] = ["python3", "python3-venv", "python3-dev", "libkrb5-dev", "gcc"];

/// The interpreter that has the peers; `None` where they cannot be had, after a line that says so.
pub fn interpreter() -> Option<&'static Path> {
    static INTERPRETER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match INTERPRETER.get_or_init(prepare) {
        Ok(path) => Some(path),
        Err(reason) => {
            let required = std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_some();
            assert!(!required, "the third-party peers are required: {reason}");
            say(&format!("SKIPPED: no test against third-party peers: {reason}"));
            None
        }
    }
}

/// A script of this folder.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

fn prepare() -> Result<PathBuf, String> {
    let hash = Sha256::digest(REQUIREMENTS);
    let key: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let place = folder.join(format!("interop-venv-{key}"));
    let python = place.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let complete = place.join("complete");
    // Two runs at the same time make it once.
    let lock = File::create(folder.join("interop-venv.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if complete.exists() && works(Command::new(&python).arg("--version")) {
        return Ok(python);
    }
    if !has_venv() || !works(Command::new("krb5-config").arg("--version")) {
        install(&PACKAGES)?;
    }
    let _ = std::fs::remove_dir_all(&place);
    run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
    let requirements = script("requirements.txt");
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements))?;
    File::create(complete).map_err(|error| error.to_string())?;
    Ok(python)
}

/// Debian has `venv` without what it needs in a package of its own.
fn has_venv() -> bool {
    works(Command::new("python3").args(["-c", "import venv, ensurepip"]))
}

/// Installs Debian packages: as root, or in CI with `sudo`.
pub fn install(packages: &[&str]) -> Result<(), String> {
    let line = format!("apt-get install --yes {}", packages.join(" "));
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let prefix: &[&str] = match (root, std::env::var_os("CI").is_some()) {
        (true, _) => &[],
        (false, true) => &["sudo", "--non-interactive"],
        (false, false) => return Err(format!("run: sudo {line}")),
    };
    for arguments in ["apt-get update", &line] {
        let mut words = prefix.iter().copied().chain(arguments.split(' '));
        let mut command = Command::new(words.next().unwrap_or_default());
        run(command.args(words).env("DEBIAN_FRONTEND", "noninteractive"))
            .map_err(|error| format!("{error}; run: sudo {line}"))?;
    }
    Ok(())
}

fn works(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = format!("{:?}", command.get_program());
    let output: Output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{name} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} failed: {}", text.trim().lines().last().unwrap_or_default()))
}

/// Whether these programs are there, once their packages are installed; says so where they are not.
pub fn programs(programs: &[&str], packages: &[&str]) -> bool {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let complete = || programs.iter().all(|program| Path::new("/usr/bin").join(program).exists());
    let there = if complete() { Ok(()) } else { install(packages) };
    if let Err(reason) = &there {
        let required = std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_some();
        assert!(!required, "{packages:?} are required: {reason}");
        say(&format!("SKIPPED: no test against {packages:?}: {reason}"));
    }
    there.is_ok()
}

/// A server of the tests with a folder of its own, which tells on its first line what it is reached by. It ends when dropped.
pub struct Server {
    child: Child,
    pub given: Json,
    pub folder: TempDir,
}

impl Server {
    /// None where there is no Python.
    pub fn start(name: &str, log: &str, further: &[&str]) -> Option<Self> {
        let interpreter = interpreter()?;
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(interpreter);
        command.arg(script(name)).arg("--folder").arg(folder.path());
        command.arg("--log").arg(folder.path().join(log)).args(further);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let given = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Some(Self { child, given, folder })
    }

    pub fn text(&self, key: &str) -> &str {
        self.given[key].as_str().unwrap()
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A file that only its owner may read.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        assert!(Command::new("chmod").arg("600").arg(self.path(name)).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
