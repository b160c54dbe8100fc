//! A Python with the peers in it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use sha2::{Digest as _, Sha256};

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
