//! What the command line promises, without an Exchange.

mod apply;
mod configuration;
mod help;
mod init;
mod invoke;
#[cfg(unix)]
mod lab;
mod plan;
mod status;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// A password that must not show up anywhere.
pub const CANARY: &str = "Canary-7c1f!pw";

/// A connection that nobody listens behind.
pub const CONNECTION: &str = r#"[connections.corp]
infrastructure = "on-premises"
server = "http://127.0.0.1:9/PowerShell/"
authentication = "ntlm"
username = "CONTOSO\\svc"
password = "env:MAILWRIGHT_TEST_PASSWORD"
"#;

/// A folder of its own for a test, with a configuration file and a state folder.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("mailwright.toml", CONNECTION);
        place
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs the program here.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    pub fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        let output = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("MAILWRIGHT_TEST_PASSWORD", CANARY)
            .args(arguments)
            .write_stdin(stdin)
            .output()
            .unwrap();
        let ran = Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(CANARY), "a secret in the output: {ran:?}");
        ran
    }
}

/// What the program did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The exit code, nothing on stdout, and every one of these texts on stderr.
    #[track_caller]
    pub fn refuses(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "an error is no data");
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is missing in:\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains('\u{1b}'), "{}", self.stderr);
    }
}
