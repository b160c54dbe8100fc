//! Scenario 22: random operations on a tenant, and after each what a simple model says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mailwright::lab::{Seed, ServeOptions, serve};
use serde_json::{Value as Json, json};

use super::cloud_faults::connections;
use super::faults::until_done;
use super::is_long;
use super::kill::Chance;
use crate::scenarios::cloud::{person, tenant};

/// Two who are people with a user before, and three shared mailboxes that are made.
const PEOPLE: [&str; 2] = ["ada", "bob"];
const SHARED: [&str; 3] = ["info", "press", "sales"];
/// Addresses that anybody may want.
const POOL: [&str; 4] = ["one@fabrikam.com", "two@fabrikam.com", "three@contoso.com", "four@contoso.com"];

/// What a mailbox is to have.
#[derive(Clone, Debug, Default, PartialEq)]
struct Mailbox {
    attribute: String,
    primary: String,
    addresses: BTreeSet<String>,
}

type Model = BTreeMap<&'static str, Mailbox>;

/// A change, and the class of the error that it must end with.
struct Op {
    line: Json,
    fails: Option<&'static str>,
}

/// Chooses a change, and does it to the model.
fn next(model: &mut Model, chance: &mut Chance, number: usize) -> Op {
    let all: Vec<&'static str> = PEOPLE.iter().chain(&SHARED).copied().collect();
    let name = all[chance.below(all.len() as u64) as usize];
    let is_person = PEOPLE.contains(&name);
    let own = format!("{name}@contoso.com");
    let there = model.contains_key(name);
    let mut line = json!({"Identity": own});
    let ends = |line: Json, fails| Op { line, fails };
    match chance.below(5) {
        0 => {
            line["Operation"] = json!("update");
            line["CustomAttribute1"] = json!(format!("u{number}"));
            match model.get_mut(name) {
                Some(mailbox) => mailbox.attribute = format!("u{number}"),
                None => return ends(line, Some("not_found")),
            }
            ends(line, None)
        }
        1 => {
            line["Operation"] = json!(if is_person { "disable" } else { "remove" });
            model.remove(name);
            ends(line, None)
        }
        _ => {
            let mut wanted: Vec<String> =
                POOL.iter().filter(|_| chance.below(3) == 0).map(|address| (*address).to_owned()).collect();
            wanted.push(own.clone());
            line["EmailAddresses"] = json!(wanted);
            line["CustomAttribute1"] = json!(format!("e{number}"));
            if !is_person && !there {
                line["Type"] = json!("Shared");
                line["Name"] = json!(name);
                line["Alias"] = json!(name);
            }
            let is_taken = model.iter().any(|(other, mailbox)| {
                *other != name && wanted.iter().any(|it| mailbox.addresses.contains(it))
            });
            if is_taken {
                return ends(line, Some("conflict"));
            }
            let addresses = wanted.iter().cloned().collect();
            model.insert(name, Mailbox { attribute: format!("e{number}"), primary: own, addresses });
            ends(line, None)
        }
    }
}

/// The mailboxes of the tenant, as far as the model knows them.
fn seen(directory: &Json) -> BTreeMap<String, Mailbox> {
    let objects = directory["cloud"]["objects"].as_array().unwrap().iter();
    let mailboxes =
        objects.filter(|object| object["RecipientTypeDetails"].as_str().unwrap().ends_with("Mailbox"));
    mailboxes
        .filter(|object| object.get("SoftDeleted").is_none_or(|it| it.is_null()))
        .map(|object| {
            let listed = object["EmailAddresses"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
            let smtp: Vec<&str> = listed.filter(|it| it.to_lowercase().starts_with("smtp:")).collect();
            let primary = smtp.iter().find_map(|it| it.strip_prefix("SMTP:")).unwrap().to_owned();
            let managed = |it: &&str| it.ends_with("@contoso.com") || it.ends_with("@fabrikam.com");
            let addresses = smtp.iter().map(|it| &it[5..]).filter(managed).map(str::to_owned).collect();
            let attribute = object["CustomAttribute1"].as_str().unwrap_or_default().to_owned();
            (object["Name"].as_str().unwrap().to_owned(), Mailbox { attribute, primary, addresses })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn c22_random_changes_come_to_what_a_model_says() {
    let changes = if is_long() { 400 } else { 30 };
    let start = u64::from(std::process::id()) << 32 | 0x51ed_2701;
    let mut chance = Chance(start);
    let people = PEOPLE.map(|name| {
        let mut person = person(name);
        person.as_object_mut().unwrap().remove("MailboxDelay");
        person
    });
    let seed = Seed::from_json(&tenant(&people).to_string()).unwrap();
    let options = ServeOptions { mailbox_delay: Duration::from_millis(50), ..ServeOptions::default() };
    let lab = serve(seed, options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = connections(folder.path(), &lab);
    let mut model = Model::new();
    let mut told = Vec::new();
    for number in 0..changes {
        let Op { mut line, fails } = next(&mut model, &mut chance, number);
        line["ChangeId"] = json!(number.to_string());
        line["Connection"] = json!("enable");
        told.push(line.clone());
        let runs = until_done(folder.path(), &config, &format!("{line}\n")).await;
        let last = runs.last().unwrap().as_ref().unwrap_or_else(|error| panic!("{error}"));
        let class = last[0].error.as_ref().map(|error| error.class.to_string());
        let story = || format!("chance {start:#x}\n{told:#?}\n{last:#?}");
        assert_eq!(class.as_deref(), fails, "{}", story());
        let expected: BTreeMap<String, Mailbox> =
            model.iter().map(|(name, mailbox)| ((*name).to_owned(), mailbox.clone())).collect();
        assert_eq!(seen(&lab.directory()), expected, "{}", story());
    }
    println!("{changes} changes, chance {start:#x}");
    lab.shutdown().await.unwrap();
}
