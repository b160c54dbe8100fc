//! A server of psrpcore and pyspnego as a process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;
use wsman::auth::{Credentials, Secret};
use wsman::client::{Authentication, ClientIdentity, ConnectionConfig, TlsOptions};

use crate::python;

/// The server; it ends when dropped.
pub struct Peer {
    child: Child,
    given: Json,
    folder: TempDir,
}

impl Peer {
    pub fn start(interpreter: &Path, arguments: &[&str]) -> Self {
        Self::start_with(interpreter, arguments, |_| ())
    }

    /// With what the command needs beside its arguments.
    pub fn start_with(interpreter: &Path, arguments: &[&str], more: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(interpreter);
        command.arg(python::script("psrp_server.py")).arg("--log").arg(folder.path().join("log"));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        more(&mut command);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let given = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, given, folder }
    }

    fn text(&self, name: &str) -> &str {
        self.given[name].as_str().unwrap()
    }

    pub fn config(&self, tls: bool, authentication: Authentication) -> ConnectionConfig {
        let scheme = if tls { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{}/PowerShell/", self.given[scheme]);
        let mut config =
            ConnectionConfig::new(url, Credentials::new(self.text("user"), self.text("password")));
        config.authentication = authentication;
        config.tls = TlsOptions {
            ca_pem: Some(std::fs::read(self.text("ca_file")).unwrap()),
            ..TlsOptions::default()
        };
        config
    }

    /// The port that wants a client's certificate.
    pub fn certificate_config(&self) -> ConnectionConfig {
        let mut config = self.config(true, Authentication::Certificate);
        config.url = format!("https://localhost:{}/PowerShell/", self.given["mutual"]);
        config.credentials.secret = Secret::None;
        let read = |name: &str| std::fs::read(self.text(name)).unwrap();
        let identity = ClientIdentity::from_pem(&read("client_certificate"), &read("client_key"));
        config.tls.client_identity = Some(identity.unwrap());
        config
    }

    /// The same for somebody who does not know the password.
    pub fn stranger(&self, tls: bool, authentication: Authentication) -> ConnectionConfig {
        let credentials = Credentials::new(self.text("user"), "not the password");
        ConnectionConfig { credentials, ..self.config(tls, authentication) }
    }

    /// Ends it, and gives what it has written down.
    pub fn finish(mut self) -> Log {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        Log(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a peer has written down.
#[derive(Debug)]
pub struct Log(Vec<Json>);

impl Log {
    /// How often an entry with this value was written.
    pub fn count(&self, name: &str, value: &str) -> usize {
        self.0.iter().filter(|entry| entry[name] == value).count()
    }

    /// How often an entry says yes.
    pub fn count_true(&self, name: &str) -> usize {
        self.0.iter().filter(|entry| entry[name] == true).count()
    }

    /// How many entries have this member.
    pub fn having(&self, name: &str) -> usize {
        self.0.iter().filter(|entry| entry.get(name).is_some()).count()
    }

    /// The parameters of the first call of a cmdlet.
    pub fn parameters(&self, cmdlet: &str) -> &Json {
        let entry = self.0.iter().find(|entry| entry["cmdlet"] == cmdlet);
        &entry.unwrap_or_else(|| panic!("no {cmdlet} in {self:?}"))["parameters"]
    }

    /// Every pipeline was let go of, every shell deleted, nothing sent in the clear, no script.
    pub fn is_clean(&self) {
        let terminate = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/Terminate";
        assert_eq!(self.count("signal", terminate), self.count("action", "Command"), "{self:?}");
        assert_eq!(self.count("action", "Create"), self.count("action", "Delete"), "{self:?}");
        assert!(self.0.iter().any(|entry| entry["shells_left"] == 0), "{self:?}");
        assert_eq!(self.having("clear_text_refused"), 0, "{self:?}");
        assert!(self.0.iter().all(|entry| entry.get("is_script").is_none_or(|script| script == false)));
    }
}
