//! Scenario 22: flows of random changes, applied by the program in each of its ways, and after each the tenant is what a model says.
//!
//! A failure prints its seed; `MAILWRIGHT_SEED=N` runs that one alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mailwright::lab::{Fault, FaultKind, HttpFault, Running, Seed, ServeOptions, serve};
use serde_json::{Value as Json, json};

use super::cloud_faults::connection;
use super::is_long;
use super::kill::Chance;
use crate::cli::Place;
use crate::scenarios::cloud::{INITIAL, person, tenant};

/// Who are users before, and what is made.
const ALL: [(&str, &str); 6] = [
    ("ada", "User"),
    ("bob", "User"),
    ("eve", "User"),
    ("info", "Shared"),
    ("o'hare", "Room"),
    ("projector", "Equipment"),
];
/// Addresses that anybody may want.
const POOL: [&str; 5] =
    ["one@fabrikam.com", "two@fabrikam.com", "three@contoso.com", "d'arcy@contoso.com", "five@fabrikam.com"];

/// What a mailbox is to be.
#[derive(Clone, Debug, PartialEq)]
struct Mailbox {
    details: String,
    display: String,
    first: String,
    second: String,
    hidden: bool,
    primary: String,
    addresses: BTreeSet<String>,
}

type Model = BTreeMap<String, Mailbox>;

/// What a change wants.
#[derive(Clone, Debug)]
enum What {
    /// The whole mailbox, made where it is not there; the primary address is marked, or the last one
    Ensure { display: String, first: String, second: Option<String>, hidden: bool, wanted: Vec<String> },
    /// One attribute of a mailbox that is there
    Update { second: Option<String> },
    /// No address at all
    Clear,
    /// Some addresses more and some fewer
    Delta { add: Vec<String>, remove: Vec<String> },
    /// No mailbox
    End,
}

/// A change, and the classes of error one of which it ended with the last time.
#[derive(Clone, Debug)]
struct Change {
    id: String,
    name: &'static str,
    what: What,
    failed: Option<&'static [&'static str]>,
}

impl Change {
    fn kind(&self) -> &'static str {
        ALL.iter().find(|(name, _)| *name == self.name).unwrap().1
    }

    fn own(&self) -> String {
        format!("{}@contoso.com", self.name)
    }

    /// As a flow has it.
    fn line(&self) -> Json {
        let mut line = json!({"ChangeId": self.id, "Identity": self.own()});
        match &self.what {
            What::Ensure { display, first, second, hidden, wanted } => {
                line["DisplayName"] = json!(display);
                line["CustomAttribute1"] = json!(first);
                line["CustomAttribute2"] = json!(second);
                line["HiddenFromAddressListsEnabled"] = json!(hidden);
                line["EmailAddresses"] = json!(wanted);
                if self.kind() != "User" {
                    line["Type"] = json!(self.kind());
                    line["Name"] = json!(self.name);
                    line["Alias"] = json!(self.name.replace('\'', ""));
                }
            }
            What::Update { second } => {
                line["Operation"] = json!("update");
                line["CustomAttribute2"] = json!(second);
            }
            What::Clear => {
                line["Operation"] = json!("update");
                line["EmailAddresses"] = json!([]);
            }
            What::Delta { add, remove } => {
                line["Operation"] = json!("update");
                line["EmailAddresses"] = json!({"Add": add, "Remove": remove});
            }
            What::End => {
                line["Operation"] = json!(if self.kind() == "User" { "disable" } else { "remove" });
            }
        }
        line
    }

    /// Whether it wants something else than an earlier change of the account.
    fn contradicts(&self, earlier: &Self) -> bool {
        let (one, other) = (self.line(), earlier.line());
        let ends = [&self.what, &earlier.what].map(|what| matches!(what, What::End));
        let differ = |column: &str| {
            let said = [&one, &other].map(|line| line.get(column));
            said.iter().all(Option::is_some) && said[0] != said[1]
        };
        let columns = [
            "DisplayName",
            "CustomAttribute1",
            "CustomAttribute2",
            "HiddenFromAddressListsEnabled",
            "EmailAddresses",
        ];
        ends[0] != ends[1] || columns.iter().any(|column| differ(column))
    }

    /// Does it to the model, and says how it ends.
    fn run(&mut self, model: &mut Model) {
        self.failed = self.done(model).err();
    }

    fn done(&self, model: &mut Model) -> Result<(), &'static [&'static str]> {
        let taken = |model: &Model, wanted: &[String]| {
            let others = model.iter().filter(|(name, _)| *name != self.name);
            others.into_iter().any(|(_, other)| wanted.iter().any(|it| other.addresses.contains(bare(it))))
        };
        let there = model.get(self.name).cloned();
        match (&self.what, there) {
            (What::Ensure { display, first, second, hidden, wanted }, _) => {
                if taken(model, wanted) {
                    return Err(&["conflict"]);
                }
                let marked = wanted.iter().find(|it| it.starts_with("SMTP:"));
                let details = if self.kind() == "User" {
                    "UserMailbox".into()
                } else {
                    format!("{}Mailbox", self.kind())
                };
                let mailbox = Mailbox {
                    details,
                    display: display.clone(),
                    first: first.clone(),
                    second: second.clone().unwrap_or_default(),
                    hidden: *hidden,
                    primary: bare(marked.or(wanted.last()).unwrap()).to_owned(),
                    addresses: wanted.iter().map(|it| bare(it).to_owned()).collect(),
                };
                model.insert(self.name.to_owned(), mailbox);
            }
            (What::End, _) => {
                model.remove(self.name);
            }
            (_, None) => return Err(&["not_found"]),
            (What::Update { second }, Some(mailbox)) => {
                let mailbox = Mailbox { second: second.clone().unwrap_or_default(), ..mailbox };
                model.insert(self.name.to_owned(), mailbox);
            }
            (What::Clear, Some(_)) => return Err(&["refused_by_rule"]),
            (What::Delta { add, remove }, Some(mut mailbox)) => {
                match (remove.contains(&mailbox.primary), taken(model, add)) {
                    (false, false) => {}
                    (true, false) => return Err(&["refused_by_rule"]),
                    (false, true) => return Err(&["conflict"]),
                    (true, true) => return Err(&["refused_by_rule", "conflict"]),
                }
                mailbox.addresses.extend(add.iter().cloned());
                mailbox.addresses.retain(|it| !remove.contains(it));
                model.insert(self.name.to_owned(), mailbox);
            }
        }
        Ok(())
    }
}

fn bare(address: &str) -> &str {
    address.strip_prefix("SMTP:").unwrap_or(address)
}

/// Whether a later change of the account went well and wants something else.
fn is_overtaken(changes: &[Change], place: usize) -> bool {
    let one = &changes[place];
    let mut later = changes[place + 1..].iter();
    later.any(|later| later.name == one.name && later.failed.is_none() && later.contradicts(one))
}

/// Chooses changes.
struct Chooser {
    chance: Chance,
    number: usize,
}

impl Chooser {
    fn once_in(&mut self, times: u64) -> bool {
        self.chance.below(times) == 0
    }

    /// A change of an account that wants none but these addresses beside its own.
    fn change(&mut self, name: &'static str, pool: &[&str]) -> Change {
        self.number += 1;
        let number = self.number;
        let some = |chooser: &mut Self| -> Vec<String> {
            pool.iter().filter(|_| chooser.once_in(3)).map(|it| (*it).to_owned()).collect()
        };
        let what = match self.chance.below(10) {
            0 | 1 => What::Update { second: (!self.once_in(3)).then(|| format!("u{number}")) },
            2 => What::Clear,
            3 | 4 => {
                let add = some(self);
                let remove = some(self).into_iter().filter(|it| !add.contains(it)).collect();
                What::Delta { add, remove }
            }
            5 | 6 => What::End,
            _ => {
                let mut wanted = some(self);
                wanted.push(format!("{name}@contoso.com"));
                if self.once_in(2) {
                    let primary = self.chance.below(wanted.len() as u64) as usize;
                    wanted[primary] = format!("SMTP:{}", wanted[primary]);
                }
                What::Ensure {
                    display: format!("{name} — Größe {number}"),
                    first: format!("e{number}"),
                    second: (!self.once_in(3)).then(|| format!("s{number}")),
                    hidden: self.once_in(2),
                    wanted,
                }
            }
        };
        Change { id: format!("c{number:04}"), name, what, failed: None }
    }

    /// What comes in the way of one of the next requests, if anything does.
    fn trouble(&mut self) -> Option<Fault> {
        let answers = [(429, false), (503, false), (504, true), (502, false), (401, false), (200, true)];
        let (status, after_work) = answers[self.chance.below(answers.len() as u64) as usize];
        let retry_after = (status == 429).then(|| "0.2".to_owned());
        let answer = HttpFault { status, retry_after, after_work, ..HttpFault::default() };
        let after = u32::try_from(self.chance.below(25)).unwrap();
        // As the answer to a sign-in these are no trouble that passes.
        let cmdlets = ["Set-Mailbox", "New-Mailbox", "Get-Mailbox", "Set-MgUserLicense"];
        let cmdlet = cmdlets[self.chance.below(cmdlets.len() as u64) as usize];
        let cmdlet = matches!(status, 200 | 401).then(|| cmdlet.to_owned());
        let kind = FaultKind::Http(answer);
        self.once_in(2).then_some(Fault { cmdlet, identity: None, after, times: 1, every: None, kind })
    }

    fn account(&mut self) -> &'static str {
        ALL[self.chance.below(ALL.len() as u64) as usize].0
    }

    /// Five to ten changes; several of them may be of one account.
    fn flow(&mut self) -> Vec<Change> {
        (0..5 + self.chance.below(6))
            .map(|_| {
                let name = self.account();
                self.change(name, &POOL)
            })
            .collect()
    }

    /// Changes none of which has to do with another one: a plan is made for all of them before the first is carried out.
    fn apart(&mut self, model: &Model) -> Vec<Change> {
        let names: BTreeSet<&str> = (0..5).map(|_| self.account()).collect();
        let names: Vec<&'static str> =
            ALL.iter().map(|(name, _)| *name).filter(|it| names.contains(it)).collect();
        let mut pool: Vec<&str> = POOL.to_vec();
        let mut changes = Vec::new();
        for name in &names {
            let is_free = |address: &str| {
                !names
                    .iter()
                    .filter(|it| *it != name)
                    .any(|it| model.get(*it).is_some_and(|it| it.addresses.contains(address)))
            };
            let free: Vec<&str> = pool.iter().copied().filter(|it| is_free(it)).collect();
            let change = self.change(name, &free);
            let line = change.line()["EmailAddresses"].to_string();
            pool.retain(|it| !line.contains(it));
            changes.push(change);
        }
        changes
    }
}

/// The mailboxes among these objects, as far as the model knows them.
fn seen<'a>(objects: impl IntoIterator<Item = &'a Json>) -> Model {
    let mailboxes = objects.into_iter().filter(|object| {
        object["RecipientTypeDetails"].as_str().unwrap().ends_with("Mailbox")
            && object["SoftDeleted"].is_null()
    });
    mailboxes
        .map(|object| {
            let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
            let listed = object["EmailAddresses"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
            let smtp: Vec<&str> = listed.filter(|it| it.to_lowercase().starts_with("smtp:")).collect();
            let (of_tenant, addresses): (Vec<&str>, Vec<&str>) =
                smtp.iter().map(|it| &it[5..]).partition(|it| it.ends_with(INITIAL));
            assert_eq!(
                of_tenant.len(),
                1,
                "nobody takes away the address that came with the tenant: {object}"
            );
            let mailbox = Mailbox {
                details: text("RecipientTypeDetails"),
                display: text("DisplayName"),
                first: text("CustomAttribute1"),
                second: text("CustomAttribute2"),
                hidden: object["HiddenFromAddressListsEnabled"] == true,
                primary: smtp.iter().find_map(|it| it.strip_prefix("SMTP:")).unwrap().to_owned(),
                addresses: addresses.iter().map(|it| (*it).to_owned()).collect(),
            };
            (text("Name"), mailbox)
        })
        .collect()
}

/// The program against a tenant, the model beside it, and what was done so far.
struct Play {
    place: Place,
    lab: Running,
    model: Model,
    /// Every change that was applied, in the order of the journal
    journal: Vec<Change>,
    story: String,
}

impl Play {
    async fn begin(seed: u64) -> Self {
        let users = ALL.iter().filter(|(_, kind)| *kind == "User").map(|(name, _)| {
            let mut person = person(name);
            person.as_object_mut().unwrap().remove("MailboxDelay");
            person
        });
        let directory = Seed::from_json(&tenant(&users.collect::<Vec<_>>()).to_string()).unwrap();
        let mailbox_delay = Duration::from_millis(150);
        let lab = serve(directory, ServeOptions { mailbox_delay, ..ServeOptions::default() }).await.unwrap();
        let place = Place::new();
        let keys = format!(
            "create_method = \"enable\"\nallow_remove = true\nconcurrency = 3\nexcluded_smtp_domains = [\"{INITIAL}\"]"
        );
        place.write("it.toml", &connection(place.path(), &lab, &keys));
        Self {
            place,
            lab,
            model: Model::new(),
            journal: Vec::new(),
            story: format!("MAILWRIGHT_SEED={seed}\n"),
        }
    }

    /// Runs the program; the class of error of each change of its results. No number of runs helps a change that still waits.
    fn run(&mut self, arguments: &[&str]) -> BTreeMap<String, Option<String>> {
        let arguments = [arguments, &["-c", "it.toml", "--output", "jsonl"]].concat();
        self.story += &format!("mailwright {}\n", arguments.join(" "));
        let ran = self.place.run(&arguments);
        self.story += &format!("{}{}", ran.stdout, ran.stderr);
        assert!(matches!(ran.code, Some(0 | 1)), "{}{ran:?}", self.story);
        let results = ran.stdout.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let results: BTreeMap<_, _> = results
            .map(|result| {
                let class = result["error"]["class"].as_str().map(str::to_owned);
                (result["change_id"].as_str().unwrap().to_owned(), class)
            })
            .collect();
        let has_failed = results.values().any(Option::is_some);
        assert_eq!(ran.code, Some(i32::from(has_failed)), "{}", self.story);
        results
    }

    /// That the changes from here on ended as the model says, and the tenant is what it says.
    fn check(&self, results: &BTreeMap<String, Option<String>>, changes: &[Change]) {
        let of_all: BTreeSet<&String> = changes.iter().map(|change| &change.id).collect();
        assert_eq!(results.keys().collect::<BTreeSet<_>>(), of_all, "{}", self.story);
        for change in changes {
            let class = results[&change.id].as_deref();
            let expected = change.failed.unwrap_or_default();
            let fits = class.map_or(expected.is_empty(), |class| expected.contains(&class));
            assert!(fits, "{}{} ended with {class:?}, not {expected:?}", self.story, change.line());
        }
        let directory = self.lab.directory();
        let objects = directory["cloud"]["objects"].as_array().unwrap();
        assert_eq!(seen(objects), self.model, "{}", self.story);
        for user in objects.iter().filter(|object| object["SoftDeleted"].is_null()) {
            let name = user["Name"].as_str().unwrap_or_default();
            let is_person = ALL.contains(&(name, "User"));
            let has_licence = user["AssignedLicenses"].as_array().is_some_and(|list| !list.is_empty());
            let needs_one = is_person && self.model.contains_key(name);
            assert_eq!(has_licence, needs_one, "{}{user}", self.story);
        }
    }

    fn write(&mut self, file: &str, changes: &[Change]) {
        let lines: String = changes.iter().map(|change| format!("{}\n", change.line())).collect();
        self.story += &format!("--- {file}\n{lines}---\n");
        self.place.write(file, &lines);
    }

    /// Applies a flow, perhaps twice.
    fn apply(&mut self, file: &str, mut changes: Vec<Change>, twice: bool) {
        self.write(file, &changes);
        let results = self.run(&["apply", file]);
        changes.iter_mut().for_each(|change| change.run(&mut self.model));
        self.check(&results, &changes);
        if twice {
            // What is done is done; what has failed is tried again, in its order, unless that would undo what came later.
            let results = self.run(&["apply", file]);
            let overtaken: Vec<bool> =
                (0..changes.len()).map(|place| is_overtaken(&changes, place)).collect();
            for (change, overtaken) in changes.iter_mut().zip(overtaken) {
                match (change.failed, overtaken) {
                    (None, _) => {}
                    (_, true) => change.failed = Some(&["conflict"]),
                    (_, false) => change.run(&mut self.model),
                }
            }
            self.check(&results, &changes);
        }
        self.journal.extend(changes);
    }

    /// Makes a plan, and carries it out.
    fn plan(&mut self, file: &str, mut changes: Vec<Change>) {
        self.write(file, &changes);
        let (model, plan) = (self.model.clone(), format!("{file}.plan.json"));
        changes.iter_mut().for_each(|change| change.run(&mut self.model));
        let after = std::mem::replace(&mut self.model, model);
        let planned = self.run(&["plan", file, "--out", &plan]);
        // A plan writes nothing.
        self.check(&planned, &changes);
        self.model = after;
        let results = self.run(&["apply", &plan]);
        self.check(&results, &changes);
        self.journal.extend(changes);
    }

    /// Tries again what has failed and was not overtaken.
    fn retry(&mut self) {
        let is_wanted =
            |place: usize| self.journal[place].failed.is_some() && !is_overtaken(&self.journal, place);
        let wanted: Vec<usize> = (0..self.journal.len()).filter(|place| is_wanted(*place)).collect();
        let results = self.run(&["retry", "--all-failed"]);
        for place in &wanted {
            self.journal[*place].run(&mut self.model);
        }
        let changes: Vec<Change> = wanted.iter().map(|place| self.journal[*place].clone()).collect();
        self.check(&results, &changes);
    }

    /// That the program itself sees the same mailboxes.
    fn end(mut self) {
        let ran = self.place.run(&["invoke", "Get-Mailbox", "ResultSize=Unlimited", "-c", "it.toml"]);
        self.story += &ran.stdout;
        let objects: Vec<Json> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(seen(&objects), self.model, "{}", self.story);
    }
}

async fn play(seed: u64, flows: usize) -> usize {
    let mut chooser = Chooser { chance: Chance(seed << 32 | 0x51ed_2701), number: 0 };
    let mut play = Play::begin(seed).await;
    for number in 0..flows {
        let file = format!("flow{number}.jsonl");
        if let Some(fault) = chooser.trouble() {
            play.story += &format!("{fault:?}\n");
            play.lab.cloud().state().inject(fault);
        }
        match chooser.chance.below(4) {
            0 => play.plan(&file, chooser.apart(&play.model)),
            way => play.apply(&file, chooser.flow(), way == 1),
        }
        if chooser.once_in(3) {
            play.retry();
        }
    }
    play.end();
    chooser.number
}

#[tokio::test(flavor = "multi_thread")]
async fn c22_random_changes_come_to_what_a_model_says() {
    let given = std::env::var("MAILWRIGHT_SEED").ok().map(|seed| seed.parse().unwrap());
    let first = u64::from(std::process::id());
    let (seeds, flows) = match given {
        Some(seed) => (vec![seed], 40),
        None if is_long() => ((0..20).map(|number| first + number).collect(), 40),
        None => (vec![1, 2], 6),
    };
    for seed in seeds {
        let changes = play(seed, flows).await;
        println!("{changes} changes, seed {seed}");
    }
}
