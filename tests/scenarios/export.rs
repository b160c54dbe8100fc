//! `mailwright export`: the files that a Usercube agent reads, against a lab in a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value as Json;

use crate::cli::{Place, Ran};

/// From the product's documentation.
pub(super) const MAILBOX_HEADER: &str = "Command,Database,EmailAddresses,UseDatabaseRetentionDefaults,RetainDeletedItemsUntilBackup,DeliverToMailboxAndForward,ExchangeGuid,ExchangeUserAccountControl,ForwardingAddress,ForwardingSmtpAddress,IsMailboxEnabled,ProhibitSendQuota,ProhibitSendReceiveQuota,RecoverableItemsQuota,RecoverableItemsWarningQuota,CalendarLoggingQuota,IsResource,IsLinked,IsShared,SamAccountName,AntispamBypassEnabled,ServerName,UseDatabaseQuotaDefaults,UserPrincipalName,WhenMailboxCreated,IsInactiveMailbox,AccountDisabledIsDirSynced,Alias,OrganizationalUnit,DisplayName,MaxSendSize,MaxReceiveSize,PrimarySmtpAddress,RecipientType,RecipientTypeDetails,Identity,IsValid,Name,DistinguishedName,Guid,ObjectCategory,WhenChangedUTC,WhenCreatedUTC,ObjectState";
pub(super) const DATABASE_HEADER: &str =
    "Command,Name,Server,Mounted,ObjectCategory,Guid,WhenChangedUTC,WhenCreatedUTC,ObjectState";

/// A lab in a process of its own, ended with this.
pub(super) struct Lab {
    child: Child,
}

impl Lab {
    pub(super) fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
            .current_dir(place.path())
            .args(["lab", "--write-config", "lab.toml", "--dump", "dump.json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with('{'), "{line}");
        Self { child }
    }

    /// Ends it; the directory as it is then.
    pub(super) fn end(mut self, place: &Place) -> Json {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        serde_json::from_slice(&std::fs::read(place.path().join("dump.json")).unwrap()).unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn run(place: &Place, arguments: &[&str]) -> Ran {
    let ran = place.run(&[&["-c", "lab.toml"], arguments].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

pub(super) fn summary(ran: &Ran) -> Json {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

pub(super) type Row = BTreeMap<String, String>;

pub(super) fn rows(file: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let names = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        names.iter().zip(&record).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

pub(super) fn commands(rows: &[Row]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut commands: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        assert!(commands.entry(&row["Command"]).or_default().insert(&row["Guid"]), "twice: {row:?}");
    }
    commands
}

/// What the lab's directory says of an object that `Get-Mailbox` shows.
fn compare(row: &Row, object: &Json) {
    let same = [
        "Alias",
        "Database",
        "DisplayName",
        "DistinguishedName",
        "ExchangeGuid",
        "Guid",
        "Identity",
        "Name",
        "OrganizationalUnit",
        "RecipientTypeDetails",
        "SamAccountName",
        "UserPrincipalName",
    ];
    for name in same {
        assert_eq!(row[name], object[name].as_str().unwrap_or_default(), "{name} of {object}");
    }
    let addresses: Vec<&str> =
        object["EmailAddresses"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(row["EmailAddresses"], addresses.join(" "));
    let primary = addresses.iter().find_map(|it| it.strip_prefix("SMTP:")).unwrap_or_default();
    assert_eq!(row["PrimarySmtpAddress"], primary);
    let is_shared = object["RecipientTypeDetails"] == "SharedMailbox";
    assert_eq!(row["IsShared"], if is_shared { "True" } else { "False" });
}

fn is_mailbox(object: &&Json) -> bool {
    let details = object["RecipientTypeDetails"].as_str().unwrap();
    details.ends_with("Mailbox") && !details.starts_with("Remote")
}

/// The mailboxes of a directory by GUID.
fn mailboxes_of(dump: &Json) -> BTreeMap<&str, &Json> {
    let objects = dump["objects"].as_array().unwrap().iter().filter(is_mailbox);
    objects.map(|object| (object["Guid"].as_str().unwrap(), object)).collect()
}

#[test]
fn s10_usercube_drop_in() {
    let place = Place::new();
    let lab = Lab::start(&place, &["--mailboxes", "120"]);
    let done = summary(&run(
        &place,
        &["-n", "lab", "export", "--out", "out", "--cookie-dir", "cookies", "--output", "json"],
    ));
    let dump = lab.end(&place);
    let out = |name: &str| place.path().join("out").join(name);
    let text = std::fs::read_to_string(out("lab_mailboxes.csv")).unwrap();
    assert_eq!(text.split("\r\n").next(), Some(MAILBOX_HEADER));
    assert_eq!(MAILBOX_HEADER.split(',').count(), 44);
    let mailboxes = rows(&out("lab_mailboxes.csv"));
    let objects = mailboxes_of(&dump);
    assert_eq!(commands(&mailboxes), [("Insert", objects.keys().copied().collect())].into());
    for row in &mailboxes {
        compare(row, objects[row["Guid"].as_str()]);
    }
    assert!(
        mailboxes.iter().any(|row| row["RecoverableItemsQuota"].contains(" GB (")
            && row["RecoverableItemsQuota"].contains(','))
    );
    assert!(mailboxes.iter().all(|row| row["AccountDisabledIsDirSynced"].is_empty()));

    let text = std::fs::read_to_string(out("lab_databases.csv")).unwrap();
    assert_eq!(text.split("\r\n").next(), Some(DATABASE_HEADER));
    let databases = rows(&out("lab_databases.csv"));
    let word = |mounted: &Json| if mounted == &Json::Bool(true) { "True" } else { "False" };
    let seen: BTreeSet<_> =
        databases.iter().map(|row| (row["Name"].as_str(), row["Mounted"].as_str())).collect();
    let there: BTreeSet<_> = dump["databases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), word(&it["mounted"])))
        .collect();
    assert_eq!(seen, there);
    // The association of the product joins these two.
    assert!(mailboxes.iter().all(|row| databases.iter().any(|it| it["Name"] == row["Database"])));
    assert!(databases.iter().all(|row| row["ObjectCategory"].ends_with("/ms-Exch-Private-MDB")));

    assert!(place.path().join("cookies/lab_cookie.bin").exists() && !out("lab_cookie.bin").exists());
    assert_eq!(done["full"], true);
    assert_eq!(done["mailboxes"]["inserted"], objects.len());
    assert_eq!(
        done["files"].as_array().unwrap().last().unwrap(),
        "cookies/lab_cookie.bin",
        "the cookie comes last"
    );
}

/// What the product's documentation says of every column, written by hand.
#[test]
fn s10_every_byte_of_the_files() {
    let place = Place::new();
    let seed = serde_json::json!({
        "forest": "test.com", "server": "EX01", "organizational_units": ["test.com/Staff"],
        "domain_controllers": ["dc01.test.com"], "accepted_domains": [{"name": "test.com", "default": true}],
        "databases": [
            {"name": "DB1", "guid": "11111111-2222-3333-4444-555555555555"},
            {"name": "DB2", "guid": "11111111-2222-3333-4444-666666666666", "mounted": false},
        ],
        "objects": [
            {"Name": "svc-idm", "SamAccountName": "svc-idm", "Password": "Lab-Passw0rd!"},
            {"RecipientTypeDetails": "UserMailbox", "Name": "Ada, \"the first\" Müller", "DisplayName": "Ada; Müller",
             "SamAccountName": "ada", "Alias": "ada", "UserPrincipalName": "ada@test.com", "Database": "DB1",
             "Guid": "7C1F0D11-9AB8-4C63-9D3E-0A1B2C3D4E5F", "ExchangeGuid": "0F0E0D0C-0B0A-4908-8706-050403020100",
             "EmailAddressPolicyEnabled": false, "OrganizationalUnit": "test.com/Staff",
             "EmailAddresses": ["smtp:a@test.com", "SMTP:ada@test.com", "X500:/o=Old Org/cn=ada"],
             "ForwardingSmtpAddress": "smtp:ext@example.org", "ProhibitSendQuota": "30 GB (32,212,254,720 bytes)",
             "WhenMailboxCreated": "2026-01-01T03:04:05Z"},
        ],
    });
    place.write("seed.json", &seed.to_string());
    let lab = Lab::start(&place, &["--seed", "seed.json"]);
    run(&place, &["-n", "lab", "export", "--out", "out"]);
    let mailbox = concat!(
        "Insert,DB1,smtp:a@test.com SMTP:ada@test.com X500:/o=Old Org/cn=ada,True,False,False,",
        "0f0e0d0c-0b0a-4908-8706-050403020100,None,,smtp:ext@example.org,True,\"30 GB (32,212,254,720 bytes)\",Unlimited,",
        "\"30 GB (32,212,254,720 bytes)\",\"20 GB (21,474,836,480 bytes)\",\"6 GB (6,442,450,944 bytes)\",False,False,False,",
        "ada,False,ex01,True,ada@test.com,2026-01-01T03:04:05Z,False,,ada,test.com/Staff,Ada; Müller,Unlimited,Unlimited,",
        "ada@test.com,UserMailbox,UserMailbox,\"test.com/Staff/Ada, \"\"the first\"\" Müller\",True,",
        "\"Ada, \"\"the first\"\" Müller\",\"CN=Ada\\, \\\"\"the first\\\"\" Müller,OU=Staff,DC=test,DC=com\",",
        "7c1f0d11-9ab8-4c63-9d3e-0a1b2c3d4e5f,test.com/Configuration/Schema/Person,",
        "2024-01-15T08:00:00Z,2024-01-15T08:00:00Z,Unchanged",
    );
    let database = |name: &str, mounted: &str, guid: &str| {
        format!(
            "Insert,{name},EX01,{mounted},test.com/Configuration/Schema/ms-Exch-Private-MDB,\
             11111111-2222-3333-4444-{guid},2024-01-15T08:00:00Z,2024-01-15T08:00:00Z,Unchanged"
        )
    };
    let [first, second] = [database("DB1", "True", "555555555555"), database("DB2", "False", "666666666666")];
    for (file, lines) in [
        ("lab_mailboxes.csv", vec![MAILBOX_HEADER, mailbox]),
        ("lab_databases.csv", vec![DATABASE_HEADER, &first, &second]),
    ] {
        let bytes = std::fs::read(place.path().join("out").join(file)).unwrap();
        let lines: String = lines.into_iter().map(|line| format!("{line}\r\n")).collect();
        assert_eq!(String::from_utf8(bytes).unwrap(), lines, "{file}");
    }
    lab.end(&place);
}

#[test]
fn s10_the_identifier_keeps_the_rules() {
    let place = Place::new();
    let banned = ['<', '>', ':', '"', '/', '\\', '|', '?', '*', '_'];
    let names = banned.map(|character| (format!("corp{character}eu"), character));
    for (name, character) in names.into_iter().chain([("2corp".to_owned(), '2')]) {
        let renamed = crate::cli::CONNECTION.replace("connections.corp", &format!("connections.'{name}'"));
        place.write("mailwright.toml", &renamed);
        let said = [name.as_str(), &format!("`{character}`")];
        place.run(&["export", "--out", "out"]).refuses(2, &said);
    }
    assert!(!place.path().join("out").exists(), "nothing was tried");
}

#[test]
fn s10_words_delimiter_and_columns_are_chosen() {
    let place = Place::new();
    let lab = Lab::start(&place, &[]);
    let file = place.path().join("lab.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text + "\n[connections.lab.export]\ndelimiter = \";\"\ninsert = \"Add\"\ncolumns = \"fixed\"\nquotes = \"always\"\naddress_separator = \"|\"\n",
    )
    .unwrap();
    run(&place, &["-n", "lab", "export", "--out", "out"]);
    let text = std::fs::read_to_string(place.path().join("out/lab_mailboxes.csv")).unwrap();
    let mut lines = text.split("\r\n");
    let header = MAILBOX_HEADER.replace("AccountDisabledIsDirSynced", "AccountDisabled,IsDirSynced");
    assert_eq!(lines.next().unwrap(), format!("\"{}\"", header.replace(',', "\";\"")));
    let row = lines.next().unwrap();
    assert!(row.starts_with("\"Add\";\"DB") && row.contains("|smtp:"), "{row}");
    lab.end(&place);
}

#[test]
fn s11_incremental_with_deletes() {
    let place = Place::new();
    let lab = Lab::start(&place, &["--mailboxes", "100"]);
    let export = || run(&place, &["-n", "lab", "export", "--out", "out", "--output", "json"]);
    export();
    let file = place.path().join("out/lab_mailboxes.csv");
    let before = rows(&file);
    let guid = |alias: &str| {
        before.iter().find(|row| row["SamAccountName"] == alias).unwrap_or_else(|| panic!("{alias}"))["Guid"]
            .clone()
    };
    // Changes to what has no column count too: the time of the change is one.
    let mut flow = "Identity,Operation,CustomAttribute1\n".to_owned();
    let aliases = |range: std::ops::Range<u32>| range.map(|number| format!("user{number:05}"));
    aliases(1..21).for_each(|alias| flow.push_str(&format!("{alias},update,changed\n")));
    aliases(21..26).for_each(|alias| flow.push_str(&format!("{alias},disable,\n")));
    place.write("changes.csv", &flow);
    run(&place, &["-n", "lab", "apply", "changes.csv", "--output", "jsonl"]);
    place.write(
        "new.csv",
        "Identity,Name,UserPrincipalName,_param_password\nnadia@contoso.com,Nadia New,nadia@contoso.com,Canary-7c1f!pw\n",
    );
    run(&place, &["-n", "lab", "apply", "new.csv", "--output", "jsonl"]);

    let done = summary(&export());
    assert_eq!(done["full"], false);
    let after = rows(&file);
    let seen = commands(&after);
    let guids = |range| aliases(range).map(|alias| guid(&alias)).collect::<BTreeSet<_>>();
    let owned = |word: &str| seen[word].iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(owned("Update"), guids(1..21));
    assert_eq!(owned("Delete"), guids(21..26));
    assert_eq!(seen["Insert"].len(), 1);
    assert!(after.iter().any(|row| row["Command"] == "Insert" && row["Name"] == "Nadia New"));
    assert_eq!(done["databases"]["total"], 5);
    assert_eq!(rows(&place.path().join("out/lab_databases.csv")), []);

    // The overlap brings them all again, and none of them says anything new.
    let again = summary(&export());
    assert_eq!(rows(&file), []);
    assert_eq!(again["mailboxes"]["total"], done["mailboxes"]["total"]);
    let full = summary(&run(&place, &["-n", "lab", "export", "--out", "out", "--full", "--output", "json"]));
    assert_eq!(full["mailboxes"]["inserted"], done["mailboxes"]["total"]);
    lab.end(&place);
}

/// The old files are whole, whenever the program is killed.
#[test]
fn s11_a_kill_in_mid_write_leaves_the_old_files_intact() {
    let place = Place::new();
    let lab = Lab::start(&place, &["--mailboxes", "400"]);
    run(&place, &["-n", "lab", "export", "--out", "out"]);
    let names = ["lab_mailboxes.csv", "lab_databases.csv", "lab_cookie.bin"];
    let files = || names.map(|name| std::fs::read(place.path().join("out").join(name)).unwrap());
    let old = files();
    place.write("changes.csv", "Identity,CustomAttribute1\nuser00001,x\n");
    run(&place, &["-n", "lab", "apply", "changes.csv"]);
    let staged = place.path().join("out/.lab_mailboxes.csv.new");
    let mut killed_with_rows = 0;
    for round in 0..5_u64 {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
            .current_dir(place.path())
            .args(["-c", "lab.toml", "-n", "lab", "export", "--out", "out", "--full", "--no-progress"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // At some time after the first rows are in the new file; the last but few bytes make it as large as the old one.
        let enough = old[0].len() as u64 * round / 8;
        loop {
            let written = std::fs::metadata(&staged).map_or(0, |it| it.len());
            if written > enough || child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if staged.exists() {
            killed_with_rows += 1;
            assert_eq!(files(), old, "round {round}");
        }
    }
    assert!(killed_with_rows >= 3, "the kills came too late: {killed_with_rows}");
    let done = summary(&run(&place, &["-n", "lab", "export", "--out", "out", "--output", "json"]));
    assert_eq!((&done["full"], &done["mailboxes"]["updated"]), (&false.into(), &1.into()));
    assert!(!staged.exists());
    lab.end(&place);
}

#[test]
fn what_was_imported_changes_nothing_as_a_flow() {
    let place = Place::new();
    let lab = Lab::start(&place, &[]);
    for name in ["lab", "lab-hybrid-enable"] {
        run(&place, &["-n", name, "export", "--out", "out", "--format", "ibis"]);
        let file = format!("out/{name}_mailboxes.csv");
        assert!(rows(&place.path().join(&file)).len() > 50);
        let planned = place.run(&["-c", "lab.toml", "-n", name, "plan", &file, "--output", "jsonl"]);
        for line in planned.stdout.lines() {
            let result: Json = serde_json::from_str(line).unwrap();
            assert_eq!(result["action"], "unchanged", "{result}");
        }
        assert_eq!(planned.code, Some(0), "{planned:?}");
    }
    lab.end(&place);
}

/// The most memory that the process has had so far, in bytes.
#[cfg(target_os = "linux")]
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(target_os = "linux")]
fn export_and_peak(place: &Place) -> u64 {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(place.path())
        .args(["-c", "lab.toml", "-n", "lab", "export", "--out", "out", "--no-progress"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut most = 0;
    loop {
        most = peak(child.id()).map_or(most, |now| most.max(now));
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success());
                return most;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// `MAILWRIGHT_EXPORT_MAILBOXES=100000 cargo test --release --test main any_number -- --nocapture` is the long run: 1,000
/// changes and 50 deletions among 100,000 mailboxes.
#[cfg(target_os = "linux")]
#[test]
fn s11_any_number_is_exact_and_memory_does_not_grow_with_it() {
    let count =
        std::env::var("MAILWRIGHT_EXPORT_MAILBOXES").ok().map_or(600, |it| it.parse::<u32>().unwrap());
    let (changes, deletions) = (count.div_ceil(100).max(20), count.div_ceil(2000).max(5));
    let place = Place::new();
    let lab = Lab::start(&place, &["--mailboxes", &count.to_string()]);
    let full = export_and_peak(&place);
    let file = place.path().join("out/lab_mailboxes.csv");
    let before = rows(&file);
    let aliases =
        |range: std::ops::Range<u32>| range.map(|number| format!("user{number:05}")).collect::<BTreeSet<_>>();
    let changed = aliases(1..changes + 1);
    let deleted = aliases(count - deletions + 1..count + 1);
    let mut flow = "Identity,Operation,CustomAttribute1\n".to_owned();
    changed.iter().for_each(|alias| flow.push_str(&format!("{alias},update,changed\n")));
    deleted.iter().for_each(|alias| flow.push_str(&format!("{alias},disable,\n")));
    place.write("changes.csv", &flow);
    run(&place, &["-n", "lab", "apply", "changes.csv", "--output", "jsonl"]);
    let increment = export_and_peak(&place);
    println!("{count} mailboxes: at most {full} bytes for all of them, {increment} for an increment");
    // A whole object is some 20,000 bytes; what is remembered of one is some dozens.
    for most in [full, increment] {
        assert!(most < 80_000_000 + u64::from(count) * 200, "{most} bytes");
    }
    let after = rows(&file);
    let guids = |aliases: &BTreeSet<String>| {
        let ours = before.iter().filter(|row| aliases.contains(&row["SamAccountName"]));
        ours.map(|row| row["Guid"].clone()).collect::<BTreeSet<_>>()
    };
    let seen = commands(&after);
    let owned = |word: &str| seen[word].iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(seen.keys().collect::<Vec<_>>(), [&"Delete", &"Update"]);
    assert_eq!((owned("Update"), owned("Delete")), (guids(&changed), guids(&deleted)));
    let dump = lab.end(&place);
    let objects = mailboxes_of(&dump);
    // The rows of the full export, changed as those of the increment say, are the directory.
    let mut copy: BTreeMap<&str, &Row> = before.iter().map(|row| (row["Guid"].as_str(), row)).collect();
    for row in &after {
        match row["Command"].as_str() {
            "Delete" => copy.remove(row["Guid"].as_str()),
            _ => copy.insert(&row["Guid"], row),
        };
    }
    assert_eq!(copy.keys().collect::<Vec<_>>(), objects.keys().collect::<Vec<_>>());
    copy.iter().for_each(|(guid, row)| compare(row, objects[guid]));
}
