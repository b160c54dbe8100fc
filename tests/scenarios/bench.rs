//! An embedded Exchange in a process of its own, and the program against it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

use crate::cli::{Place, Ran};
use crate::log::log_entries;

/// Verbs of cmdlets that write.
const WRITING: [&str; 8] =
    ["New-", "Enable-", "Set-", "Update-", "Disable-", "Remove-", "Mount-", "Dismount-"];

/// The domain of the addresses by which mail reaches remote mailboxes.
pub const ROUTING: &str = "contoso.mail.onmicrosoft.com";

/// A small directory: a service account and these objects.
pub fn directory(objects: impl IntoIterator<Item = Json>) -> Json {
    let service = json!({"Name": "svc-idm", "SamAccountName": "svc-idm", "Password": "Lab-Passw0rd!"});
    json!({
        "forest": "contoso.com",
        "organizational_units": ["contoso.com/Staff"],
        "domain_controllers": ["dc01.contoso.com", "dc02.contoso.com"],
        "accepted_domains": [
            {"name": "contoso.com", "default": true},
            {"name": "fabrikam.com"},
            {"name": "notcontoso.com"},
            {"name": ROUTING},
        ],
        "databases": [{"name": "DB01"}],
        "address_policies": [{"name": "Default Policy", "templates": ["SMTP:%m@contoso.com"]}],
        "remote_routing_domain": ROUTING,
        "objects": std::iter::once(service).chain(objects).collect::<Vec<_>>(),
    })
}

/// A directory user.
pub fn user(name: &str) -> Json {
    json!({"RecipientTypeDetails": "User", "Name": name, "SamAccountName": name})
}

/// A mailbox with these addresses, in nobody's policy.
pub fn mailbox(name: &str, addresses: &[&str]) -> Json {
    json!({"RecipientTypeDetails": "UserMailbox", "Name": name, "SamAccountName": name, "Alias": name,
           "EmailAddressPolicyEnabled": false, "EmailAddresses": addresses})
}

/// A remote mailbox.
pub fn remote_mailbox(name: &str) -> Json {
    let routing = format!("{name}@{ROUTING}");
    json!({"RecipientTypeDetails": "RemoteUserMailbox", "Name": name, "SamAccountName": name, "Alias": name,
           "EmailAddressPolicyEnabled": false, "RemoteRoutingAddress": format!("SMTP:{routing}"),
           "EmailAddresses": [format!("SMTP:{name}@contoso.com"), format!("smtp:{routing}")]})
}

/// A folder with an embedded Exchange that runs until this is dropped.
pub struct Bench {
    pub place: Place,
    child: Child,
    /// What it told about itself
    pub given: Json,
}

impl Bench {
    pub fn new(directory: &Json) -> Self {
        Self::with(directory, &[])
    }

    /// With further options of `lab`.
    pub fn with(directory: &Json, options: &[&str]) -> Self {
        let place = Place::new();
        place.write("seed.json", &directory.to_string());
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
            .current_dir(place.path())
            .args(["lab", "--seed", "seed.json", "--log", "lab.log", "--dump", "dump.json"])
            .args(["--write-config", "lab.toml"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let given = serde_json::from_str(&line).unwrap();
        Self { place, child, given }
    }

    /// Writes `it.toml` with one connection; `keys` are further lines of it.
    pub fn connect(&self, infrastructure: &str, create_method: &str, keys: &str) -> &Self {
        self.connect_to("powershell", infrastructure, create_method, keys)
    }

    /// [`Bench::connect`] to another endpoint, by the name that the lab gives it.
    pub fn connect_to(&self, endpoint: &str, infrastructure: &str, create_method: &str, keys: &str) -> &Self {
        let url = self.given[endpoint].as_str().unwrap();
        self.connect_by(url, infrastructure, create_method, keys)
    }

    /// [`Bench::connect`] by a URL that leads there.
    pub fn connect_by(&self, url: &str, infrastructure: &str, create_method: &str, keys: &str) -> &Self {
        let password = self.path("lab.toml.password");
        let text = format!(
            "[connections.it]\ninfrastructure = \"{infrastructure}\"\nserver = \"{url}\"\n\
             username = 'CONTOSO\\svc-idm'\npassword = \"file:{}\"\ncreate_method = \"{create_method}\"\n{keys}\n",
            password.display()
        );
        let default = if keys.contains("authentication") { "" } else { "authentication = \"negotiate\"\n" };
        self.place.write("it.toml", &text.replace("username", &format!("{default}username")));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Runs a command on the connection of `it.toml`.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.place.run(&[arguments, &["-c", "it.toml"]].concat())
    }

    /// Runs a command on `flow.csv` with this content; the results, or what was planned.
    #[track_caller]
    pub fn flow(&self, command: &str, flow: &str, code: i32) -> Vec<Json> {
        self.place.write("flow.csv", flow);
        self.results(&[command, "flow.csv"], code)
    }

    /// Runs a command that prints results.
    #[track_caller]
    pub fn results(&self, arguments: &[&str], code: i32) -> Vec<Json> {
        let ran = self.run(&[arguments, &["--output", "jsonl"]].concat());
        assert_eq!(ran.code, Some(code), "{ran:?}");
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Applies a flow of one change.
    #[track_caller]
    pub fn apply_one(&self, flow: &str, code: i32) -> Json {
        let results = self.flow("apply", flow, code);
        let [result] = results.as_slice() else { panic!("{results:?}") };
        result.clone()
    }

    /// Everything that was asked of Exchange, in order.
    pub fn cmdlets(&self) -> Vec<Json> {
        logged(&self.path("lab.log"), "cmdlet")
    }

    /// What of it writes.
    pub fn writes(&self) -> Vec<Json> {
        self.cmdlets().into_iter().filter(|entry| writes(name(entry))).collect()
    }

    /// The names of [`Bench::writes`].
    pub fn written(&self) -> Vec<String> {
        self.writes().iter().map(|entry| name(entry).to_owned()).collect()
    }

    /// The latest run, as its `run.json` has it.
    pub fn last_run(&self) -> Json {
        let ran = self.run(&["report", "--output", "json"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// The objects that `Get-Mailbox` or its like gives for one name.
    pub fn get(&self, cmdlet: &str, identity: &str) -> Json {
        let ran = self.run(&["invoke", cmdlet, &format!("Identity={identity}"), "--output", "jsonl"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// The addresses of a mailbox, sorted.
    pub fn addresses(&self, identity: &str) -> Vec<String> {
        let mailbox = self.get("Get-Mailbox", identity);
        let list = mailbox["EmailAddresses"].as_array().unwrap_or_else(|| panic!("{mailbox}"));
        let mut addresses: Vec<String> = list.iter().map(|it| it.as_str().unwrap().to_owned()).collect();
        addresses.sort();
        addresses
    }

    /// Ends the embedded Exchange; the directory as it was then.
    pub fn end(mut self) -> Json {
        self.stop();
        serde_json::from_str(&std::fs::read_to_string(self.path("dump.json")).unwrap()).unwrap()
    }

    fn stop(&mut self) {
        let ended = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(ended.success() && self.child.wait().unwrap().success());
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The entries of one kind in a log of `lab`.
pub fn logged(file: &Path, kind: &str) -> Vec<Json> {
    log_entries(file).iter().filter_map(|entry| entry.get(kind).cloned()).collect()
}

pub fn name(entry: &Json) -> &str {
    entry["cmdlet"].as_str().unwrap()
}

pub fn writes(cmdlet: &str) -> bool {
    WRITING.iter().any(|verb| cmdlet.starts_with(verb))
}

/// The message of a result's error.
#[track_caller]
pub fn message(result: &Json) -> &str {
    result["error"]["message"].as_str().unwrap_or_else(|| panic!("no error: {result}"))
}
