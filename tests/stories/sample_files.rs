//! The sample files as files: they are read without a fault, both forms of a flow want the same, and they show what they
//! promise to show.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mailwright::config::Config;
use mailwright::config::Secrets;
use mailwright::flow::intake::{self, Flow, Row, content_hash};
use mailwright::recipient::{AddressFlow, Change, Identity, MailboxType, Operation, Wanted};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// The changes of a flow that is read without a fault.
fn changes(name: &str, bytes: Vec<u8>) -> (Flow, Vec<Change>) {
    let flow = intake::parse(name, bytes, Uuid::nil()).unwrap();
    let changes = flow.rows.iter().map(|row| match row {
        Row::Change(change) => Change::clone(change),
        Row::Refused(refused) => panic!("{refused:?}"),
    });
    let changes = changes.collect();
    (flow, changes)
}

fn joiners() -> Vec<Change> {
    changes("joiners.csv", bytes("joiners.csv")).1
}

/// Whether two flows want the same, passwords included, wherever it stands in them.
#[track_caller]
fn same(left: (&str, Vec<u8>), right: (&str, Vec<u8>)) {
    let ((left_flow, left), (right_flow, right)) = (changes(left.0, left.1), changes(right.0, right.1));
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(&right) {
        assert_eq!(left.change_id, right.change_id);
        assert_eq!(content_hash(left), content_hash(right), "{left:#?}\n{right:#?}");
        let password = |flow: &Flow, change: &Change| {
            let secrets = Secrets::default();
            let fetched = futures_util::FutureExt::now_or_never(flow.secrets.resolve(change, &secrets));
            fetched.expect("in memory").map(|secret| secret.unwrap().expose_secret().to_owned())
        };
        assert!(password(&left_flow, left) == password(&right_flow, right), "{}", left.change_id);
    }
}

#[test]
fn csv_and_json_lines_want_the_same() {
    same(("joiners.csv", bytes("joiners.csv")), ("joiners.jsonl", bytes("joiners.jsonl")));
}

#[test]
fn other_delimiters_line_ends_and_a_byte_order_mark_make_no_difference() {
    let text = bytes("joiners.csv");
    for delimiter in [b';', b'\t'] {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_slice());
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .terminator(csv::Terminator::CRLF)
            .from_writer("\u{feff}".as_bytes().to_vec());
        reader.byte_records().for_each(|record| writer.write_byte_record(&record.unwrap()).unwrap());
        same(("joiners.csv", text.clone()), ("other.csv", writer.into_inner().unwrap()));
    }
}

#[test]
fn every_account_has_one_change() {
    let joiners = joiners();
    assert!(joiners.len() >= 300, "{}", joiners.len());
    let distinct = |of: fn(&Change) -> String| joiners.iter().map(of).collect::<BTreeSet<_>>().len();
    assert_eq!(distinct(|change| change.change_id.clone()), joiners.len());
    assert_eq!(distinct(|change| change.identity.to_lowercase()), joiners.len());
}

#[test]
fn the_joiners_are_of_every_kind() {
    let joiners = joiners();
    let at_least = |least: usize, what: &str, fits: &dyn Fn(&Change) -> bool| {
        let found = joiners.iter().filter(|change| fits(change)).count();
        assert!(found >= least, "{what}: {found}");
    };
    let wants = |change: &Change, name: &str, wanted: &Wanted| change.attributes.get(name) == Some(wanted);
    let on = |name: &'static str| move |change: &Change| change.connection.as_deref() == Some(name);
    let listed = |change: &Change| match &change.addresses {
        Some(AddressFlow::List(list)) => list.clone(),
        _ => Vec::new(),
    };
    at_least(50, "with a password", &|change| change.password.is_some());
    at_least(40, "users to enable", &on("lab-enable"));
    at_least(30, "remote mailboxes", &on("lab-hybrid"));
    at_least(20, "remote users to enable", &on("lab-hybrid-enable"));
    at_least(5, "archives", &|change| wants(change, "Archive", &Wanted::Bool(true)));
    at_least(15, "leavers", &|change| change.operation == Operation::Disable);
    for (kind, least) in [
        (MailboxType::Shared, 6),
        (MailboxType::Room, 4),
        (MailboxType::Equipment, 3),
        (MailboxType::Regular, 1),
        (MailboxType::Linked, 1),
    ] {
        at_least(least, kind.as_str(), &|change| change.mailbox_type == Some(kind));
    }
    at_least(3, "the policy switched off", &|change| {
        wants(change, "EmailAddressPolicyEnabled", &Wanted::Bool(false))
    });
    at_least(1, "the policy switched on", &|change| {
        wants(change, "EmailAddressPolicyEnabled", &Wanted::Bool(true))
    });
    at_least(3, "cleared", &|change| change.attributes.values().any(|wanted| *wanted == Wanted::Clear));
    at_least(3, "a `;` within a value", &|change| {
        change
            .attributes
            .values()
            .any(|wanted| matches!(wanted, Wanted::List(list) if list.iter().any(|it| it.contains(';'))))
    });
    at_least(3, "an excluded domain", &|change| {
        listed(change).iter().any(|address| address.ends_with("@contoso.mail.onmicrosoft.com"))
    });
    at_least(5, "a marked primary that is not the last", &|change| {
        listed(change).iter().rev().skip(1).any(|address| address.starts_with("SMTP:"))
    });
    for (form, is) in [
        ("GUID", (|it| matches!(it, Identity::Guid(_))) as fn(&Identity) -> bool),
        ("distinguished name", |it| matches!(it, Identity::DistinguishedName(_))),
        ("canonical name", |it| matches!(it, Identity::CanonicalName(_))),
        ("account with domain", |it| matches!(it, Identity::DomainAccount(_))),
        ("address", |it| matches!(it, Identity::UserPrincipalNameOrAddress(_))),
    ] {
        at_least(1, form, &|change| is(&Identity::parse(&change.identity).unwrap()));
    }
    for (script, letters) in [
        ("Greek", 'α'..='ω'),
        ("Cyrillic", 'а'..='я'),
        ("Arabic", 'ا'..='ي'),
        ("Chinese", '\u{4e00}'..='\u{9fff}'),
        ("Korean", '가'..='힣'),
        ("emoji", '\u{1f300}'..='\u{1faff}'),
    ] {
        at_least(1, script, &|change| {
            let name = change.attributes.get("DisplayName");
            matches!(name, Some(Wanted::Text(name)) if name.chars().any(|letter| letters.contains(&letter)))
        });
    }
}

#[test]
fn the_mistakes_can_be_read_and_are_told_apart() {
    let flow = intake::parse("mistakes.csv", bytes("mistakes.csv"), Uuid::nil()).unwrap();
    let ids = flow.rows.iter().map(|row| match row {
        Row::Change(change) => change.change_id.clone(),
        Row::Refused(refused) => refused.change_id.clone(),
    });
    let ids: BTreeSet<String> = ids.collect();
    assert_eq!(ids.len(), flow.rows.len());
    assert!(ids.len() >= 25, "{}", ids.len());
}

#[test]
fn the_connection_files_are_valid() {
    let is_one = |name: &&String| name.ends_with(".toml") || *name == "appsettings.agent.json";
    for name in files().iter().filter(is_one) {
        let config = Config::load(&folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!config.connections.is_empty(), "{name}");
    }
}

#[test]
fn the_table_names_every_file() {
    let readme = String::from_utf8(bytes("README.md")).unwrap();
    for name in files().iter().filter(|name| *name != "README.md") {
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in samples/README.md");
    }
}

fn files() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
