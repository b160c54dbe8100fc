//! Changes of every kind, and connections for them.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::cli::CANARY;
use crate::scenarios::bench::{Bench, directory, mailbox, remote_mailbox, user};

/// Infrastructure and create method of each connection.
const CONNECTIONS: [(&str, &str, &str); 4] = [
    ("new", "on-premises", "new"),
    ("enable", "on-premises", "enable"),
    ("hybrid-new", "hybrid", "new"),
    ("hybrid-enable", "hybrid", "enable"),
];

/// Writes `all.toml` with a connection for each infrastructure and create method.
pub fn connect(bench: &Bench, concurrency: u32) {
    let url = bench.given["powershell"].as_str().unwrap();
    let keys = format!("concurrency = {concurrency}\n");
    bench.place.write("all.toml", &config(url, &bench.path("lab.toml.password"), &keys));
}

/// The connections of such a file; `keys` are further lines of each.
pub fn config(url: &str, password: &Path, keys: &str) -> String {
    let connections = CONNECTIONS.map(|(name, infrastructure, create_method)| {
        format!(
            "[connections.{name}]\ninfrastructure = \"{infrastructure}\"\nserver = \"{url}\"\n\
             authentication = \"ntlm\"\nusername = 'CONTOSO\\svc-idm'\npassword = \"file:{}\"\n\
             create_method = \"{create_method}\"\nallow_remove = true\n{keys}",
            password.display()
        )
    });
    connections.concat()
}

/// `apply FLOW --journal JOURNAL` with a state folder of its own, so that runs beside it have other locks.
pub fn apply(bench: &Bench, flow: &str, journal: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"));
    command
        .current_dir(bench.place.path())
        .env_clear()
        .env("HOME", bench.place.path())
        .env("XDG_STATE_HOME", bench.path(&format!("state-{journal}")))
        .args(["apply", flow, "--journal", journal, "-c", "all.toml", "-n", "new", "--output", "jsonl"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Applies until nothing waits any more; the results of the last time.
#[track_caller]
pub fn finish(bench: &Bench, flow: &str, journal: &str) -> Vec<Json> {
    for _ in 0..3 {
        let mut command = apply(bench, flow, journal);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        if output.status.code() != Some(5) {
            let lines = String::from_utf8(output.stdout).unwrap();
            let results: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let not_done: Vec<_> = results.iter().filter(|result| !result["error"].is_null()).collect();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{said}{not_done:#?}");
            return results;
        }
    }
    panic!("something waits for ever");
}

/// A kind of change.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub connection: &'static str,
    /// What is there before
    pub there: Option<fn(&str) -> Json>,
    /// What is wanted, beyond the identity
    pub wanted: fn(&str) -> Json,
    /// The cmdlets
    pub steps: &'static [&'static str],
}

fn plain_mailbox(name: &str) -> Json {
    mailbox(name, &[&format!("SMTP:{name}@contoso.com")])
}

fn former(name: &str) -> String {
    format!("SMTP:{name}.former@contoso.com")
}

fn archived_remote(name: &str) -> Json {
    let mut mailbox = remote_mailbox(name);
    mailbox["Archive"] = json!(true);
    mailbox
}

fn made(name: &str) -> Json {
    json!({"Name": name, "Alias": name, "UserPrincipalName": format!("{name}@contoso.com"), "_param_password": CANARY,
           "EmailAddresses": addresses(name), "CustomAttribute1": "x"})
}

fn made_with_archive(name: &str) -> Json {
    let mut made = made(name);
    made["Archive"] = json!(true);
    made
}

/// Left out when mailboxes are distributed, which would depend on the order of the flow.
fn database(name: &str) -> Json {
    json!({"name": name, "excluded_from_provisioning": true})
}

fn addresses(name: &str) -> Json {
    json!([format!("{name}@fabrikam.com"), format!("{name}@contoso.com")])
}

/// A kind for each way from what is there to what is wanted.
pub const KINDS: [Kind; 16] = [
    Kind {
        name: "new",
        connection: "new",
        there: None,
        wanted: made,
        steps: &["New-Mailbox", "Set-Mailbox"],
    },
    Kind {
        name: "newarchive",
        connection: "new",
        there: None,
        wanted: made_with_archive,
        steps: &["New-Mailbox", "Set-Mailbox", "Enable-Mailbox"],
    },
    Kind {
        name: "enable",
        connection: "enable",
        there: Some(user),
        wanted: |name| json!({"Alias": name, "EmailAddresses": addresses(name), "CustomAttribute1": "x"}),
        steps: &["Enable-Mailbox", "Set-Mailbox"],
    },
    Kind {
        name: "remotenew",
        connection: "hybrid-new",
        there: None,
        wanted: made_with_archive,
        steps: &["New-RemoteMailbox", "Set-RemoteMailbox", "Enable-RemoteMailbox"],
    },
    Kind {
        name: "remoteenable",
        connection: "hybrid-enable",
        there: Some(user),
        wanted: |name| json!({"Alias": name, "Archive": true, "CustomAttribute1": "x"}),
        steps: &["Enable-RemoteMailbox", "Set-RemoteMailbox", "Enable-RemoteMailbox"],
    },
    Kind {
        name: "update",
        connection: "enable",
        there: Some(plain_mailbox),
        wanted: |name| json!({"EmailAddresses": addresses(name), "CustomAttribute1": "x"}),
        steps: &["Set-Mailbox"],
    },
    // The row calls the account by what the change takes away.
    Kind {
        name: "rename",
        connection: "new",
        there: Some(|name| mailbox(name, &[&former(name)])),
        wanted: |name| json!({"Identity": former(name).replace("SMTP:", ""), "EmailAddresses": addresses(name), "CustomAttribute1": "x"}),
        steps: &["Set-Mailbox"],
    },
    Kind {
        name: "archive",
        connection: "enable",
        there: Some(plain_mailbox),
        wanted: |_| json!({"Archive": true, "CustomAttribute1": "x"}),
        steps: &["Set-Mailbox", "Enable-Mailbox"],
    },
    Kind {
        name: "updateremote",
        connection: "hybrid-enable",
        there: Some(remote_mailbox),
        wanted: |_| json!({"Archive": true, "CustomAttribute1": "x"}),
        steps: &["Set-RemoteMailbox", "Enable-RemoteMailbox"],
    },
    Kind {
        name: "disable",
        connection: "enable",
        there: Some(plain_mailbox),
        wanted: |_| json!({"Operation": "disable"}),
        steps: &["Disable-Mailbox"],
    },
    Kind {
        name: "disableremote",
        connection: "hybrid-enable",
        there: Some(archived_remote),
        wanted: |_| json!({"Operation": "disable"}),
        steps: &["Disable-RemoteMailbox", "Disable-RemoteMailbox"],
    },
    Kind {
        name: "remove",
        connection: "enable",
        there: Some(plain_mailbox),
        wanted: |_| json!({"Operation": "remove"}),
        steps: &["Remove-Mailbox"],
    },
    Kind {
        name: "removeremote",
        connection: "hybrid-enable",
        there: Some(remote_mailbox),
        wanted: |_| json!({"Operation": "remove"}),
        steps: &["Remove-RemoteMailbox"],
    },
    Kind {
        name: "newdatabase",
        connection: "enable",
        there: None,
        wanted: |_| {
            json!({"ObjectType": "MailboxDatabase", "Server": "EX01", "IsExcludedFromProvisioning": true,
                   "ProhibitSendQuota": "5GB", "Mounted": true})
        },
        steps: &["New-MailboxDatabase", "Set-MailboxDatabase", "Mount-Database"],
    },
    Kind {
        name: "updatedatabase",
        connection: "enable",
        there: Some(database),
        wanted: |_| json!({"ObjectType": "MailboxDatabase", "MailboxRetention": "60", "Mounted": false}),
        steps: &["Set-MailboxDatabase", "Dismount-Database"],
    },
    Kind {
        name: "removedatabase",
        connection: "enable",
        there: Some(database),
        wanted: |_| json!({"ObjectType": "MailboxDatabase", "Operation": "remove"}),
        steps: &["Remove-MailboxDatabase"],
    },
];

impl Kind {
    /// The change as a line of a flow.
    pub fn line(&self, account: &str) -> String {
        let mut change = (self.wanted)(account);
        change["ChangeId"] = json!(account);
        change["Connection"] = json!(self.connection);
        let identity = format!("{account}@contoso.com");
        // A directory user has no address, and neither has a database.
        let named = self.there.is_some() || self.name.ends_with("database");
        if change.get("Identity").is_none() {
            change["Identity"] = json!(if named { account } else { &identity });
        }
        format!("{change}\n")
    }
}

/// A directory with what is there before for these accounts, each with a GUID that is known.
pub fn seed<'a>(accounts: impl IntoIterator<Item = (&'a Kind, &'a str)>) -> Json {
    let there = accounts.into_iter().enumerate().filter_map(|(number, (kind, account))| {
        let mut object = kind.there?(account);
        let key = if object.get("name").is_some() { "guid" } else { "Guid" };
        object[key] = json!(uuid::Uuid::from_u128(number as u128 + 1));
        Some(object)
    });
    let (databases, objects): (Vec<_>, Vec<_>) = there.partition(|object| object.get("guid").is_some());
    let mut seed = directory(objects);
    seed["databases"].as_array_mut().unwrap().extend(databases);
    // Shells of killed programs live on for a while.
    seed["restrictions"] = json!({"max_shells_per_user": 100_000});
    seed
}
