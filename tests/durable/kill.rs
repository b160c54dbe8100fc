//! A flow of changes, killed again and again at moments that chance chooses.

use std::collections::{BTreeMap, HashSet};
use std::process::Child;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::cloud;
use super::flow::{apply, connect, finish, seed};
use super::is_long;
use super::journal::Watched;
use super::outcome::{history, makes, same_directory};
use crate::cli::CANARY;
use crate::scenarios::bench::{Bench, directory, mailbox, name, user};

/// How much there is to do, and how often it is killed.
struct Measure {
    accounts: usize,
    kills: usize,
    concurrency: u32,
    /// Of the embedded Exchange, in milliseconds
    latency: u64,
    /// Steps that one life of the program may come to, at most
    steps: u64,
}

const SHORT: Measure = Measure { accounts: 12, kills: 10, concurrency: 2, latency: 25, steps: 4 };
const LONG: Measure = Measure { accounts: 250, kills: 200, concurrency: 6, latency: 25, steps: 8 };

const SHORT_CLOUD: Measure = Measure { accounts: 8, kills: 10, concurrency: 2, latency: 25, steps: 3 };
const LONG_CLOUD: Measure = Measure { accounts: 125, kills: 120, concurrency: 4, latency: 25, steps: 8 };

/// Chance with a seed.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// Below `limit`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

pub(super) fn account(number: usize) -> String {
    format!("user{number:04}")
}

/// Four changes for each account, the first of all accounts first. Each that writes says by its number in `CustomAttribute15`
/// which it is. Half of the accounts take an address over that another one of their kind has let go.
fn flow(accounts: usize) -> String {
    let address = |number: usize, which: &str| format!("{}{which}@fabrikam.com", account(number));
    let mut lines = String::new();
    for order in 1..=4 {
        for number in 0..accounts {
            let name = account(number);
            let own = format!("{name}@contoso.com");
            let kind = number % 4;
            let mut change = match (order, kind) {
                (1, 0 | 2) => {
                    json!({"Name": name, "Alias": name, "UserPrincipalName": own, "_param_password": CANARY,
                                     "EmailAddresses": [address(number, ".a"), own]})
                }
                (1, 1) => json!({"Alias": name, "EmailAddresses": [address(number, ".a"), own]}),
                (1, _) => json!({"EmailAddresses": [address(number, ".a"), own]}),
                // Lets the address go that another account takes with its third change.
                (2, _) => json!({"EmailAddresses": [own]}),
                (3, _) => {
                    let takes =
                        if (number / 4) % 2 == 1 { address(number - 4, ".a") } else { address(number, ".b") };
                    json!({"EmailAddresses": [takes, own], "Archive": true})
                }
                (_, 1) => json!({"Operation": "disable"}),
                (_, 3) => json!({"Operation": "remove"}),
                (_, _) => json!({"DisplayName": format!("{name} has left")}),
            };
            change["ChangeId"] = json!(format!("{name}-{order}"));
            change["Connection"] = json!(["new", "enable", "hybrid-new", "enable"][kind]);
            // What is made has its address from the beginning, what is there has its name.
            change["Identity"] = json!(if matches!(kind, 0 | 2) { &own } else { &name });
            if change.get("Operation").is_none() {
                change["CustomAttribute15"] = json!(order.to_string());
            }
            lines += &format!("{change}\n");
        }
    }
    lines
}

fn there(accounts: usize) -> Json {
    let objects = (0..accounts).filter_map(|number| {
        let name = account(number);
        let mut object = match number % 4 {
            1 => user(&name),
            3 => mailbox(&name, &[&format!("SMTP:{name}@contoso.com")]),
            _ => return None,
        };
        object["Guid"] = json!(uuid::Uuid::from_u128(number as u128 + 1));
        Some(object)
    });
    let mut there = directory(objects);
    there["restrictions"] = seed([])["restrictions"].clone();
    there
}

/// One life of the program: until chance says so. Whether it was killed, and not at its end already.
fn live(bench: &Bench, journal: &mut Watched, chance: &mut Chance, measure: &Measure) -> bool {
    let mut child = apply(bench, "flow.jsonl", "flow.db").spawn().unwrap();
    let is_over = |child: &mut Child| child.try_wait().unwrap().is_some();
    let pause = |milliseconds| std::thread::sleep(Duration::from_millis(milliseconds));
    match chance.below(4) {
        // Somewhere while it takes in, signs in, reads, or later.
        0 => pause(chance.below(600)),
        // Soon after so many more steps have begun: while Exchange is at one, or just after.
        _ => {
            let wanted = journal.begun() + 1 + chance.below(measure.steps) as i64;
            while journal.begun() < wanted && !is_over(&mut child) {
                pause(1);
            }
            pause(chance.below(measure.latency + measure.latency / 2));
        }
    }
    let killed = !is_over(&mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    killed
}

/// That each account was made once, and that its changes came in their order.
fn in_order(history: &BTreeMap<String, Vec<Json>>) {
    for (account, entries) in history {
        let making: Vec<_> = entries.iter().filter(|entry| makes(entry)).map(name).collect();
        let once: HashSet<_> = making.iter().collect();
        assert!(once.len() == making.len(), "{account} was made more than once: {entries:#?}");
        let orders = entries.iter().filter_map(|entry| entry["parameters"]["CustomAttribute15"].as_str());
        let orders: Vec<u32> = orders.map(|order| order.parse().unwrap()).collect();
        assert!(orders.is_sorted(), "{account} went back: {orders:?}");
    }
}

/// A flow and where it goes.
struct Story {
    seed: Json,
    flow: String,
    connect: fn(&Bench, u32),
    /// Further options of the embedded Exchange
    options: &'static [&'static str],
    /// The part of the directory that it is about
    part: fn(&Json) -> &Json,
    /// How many kills have to hit between an intent and its outcome, at least
    least: usize,
}

#[test]
fn a_flow_that_is_killed_again_and_again() {
    let measure = if is_long() { LONG } else { SHORT };
    let (seed, flow) = (there(measure.accounts), flow(measure.accounts));
    killed(
        &measure,
        &Story { seed, flow, connect, options: &[], part: |whole| whole, least: measure.kills / 4 },
    );
}

#[test]
fn a_flow_to_the_cloud_that_is_killed_again_and_again() {
    let measure = if is_long() { LONG_CLOUD } else { SHORT_CLOUD };
    let story = Story {
        seed: cloud::there(measure.accounts),
        flow: cloud::flow(measure.accounts),
        connect: cloud::connect,
        // What is new shows late, and a licence takes its time.
        options: &["--replication-delay", "150", "--mailbox-delay", "600"],
        part: |whole| &whole["cloud"],
        // Many a life ends while it waits for a mailbox.
        least: measure.kills / 10,
    };
    killed(&measure, &story);
}

fn killed(measure: &Measure, story: &Story) {
    let Story { seed, flow, connect, options, part, least } = story;
    let start = u64::from(std::process::id()) << 32 | 0x9e37_79b9;
    let mut chance = Chance(start);
    let latency = measure.latency.to_string();
    let disturbed = Bench::with(seed, &[["--latency", &latency].as_slice(), options].concat());
    let undisturbed = Bench::with(seed, options);
    for bench in [&disturbed, &undisturbed] {
        connect(bench, measure.concurrency);
        bench.place.write("flow.jsonl", flow);
    }
    let expected = finish(&undisturbed, "flow.jsonl", "flow.db");

    let mut journal = Watched::new(&disturbed.path("flow.db"));
    let (mut kills, mut between) = (0, 0);
    let mut seen = HashSet::new();
    while kills < measure.kills {
        assert!(
            live(&disturbed, &mut journal, &mut chance, measure),
            "it ended after {kills} kills of {}: fewer steps are needed for each life (chance {start:#x})",
            measure.kills
        );
        kills += 1;
        // An intent that an earlier life has left open counts once.
        let known = seen.len();
        seen.extend(journal.steps().into_iter().filter(|step| step.outcome.is_none()));
        between += usize::from(seen.len() > known);
    }
    let results = finish(&disturbed, "flow.jsonl", "flow.db");
    println!(
        "{} changes, {kills} kills, {between} of them between an intent and its outcome, chance {start:#x}",
        expected.len()
    );
    assert!(between >= *least, "{between} of {kills}");
    assert_eq!(results.len(), flow.lines().count());
    for (result, expected) in results.iter().zip(&expected) {
        assert_eq!(
            (&result["change_id"], &result["error"]),
            (&expected["change_id"], &Json::Null),
            "{result}"
        );
    }
    // Done is done: once more, and nothing is written.
    let written = disturbed.writes().len();
    finish(&disturbed, "flow.jsonl", "flow.db");
    assert_eq!((disturbed.writes().len(), journal.open()), (written, 0));

    let ran = [&disturbed, &undisturbed].map(Bench::cmdlets);
    let ended = [disturbed, undisturbed].map(Bench::end);
    same_directory(part(&ended[0]), part(&ended[1]));
    let histories = [0, 1].map(|at| history(&ran[at], &[part(seed), part(&ended[at])]));
    assert_eq!(histories[0].keys().collect::<Vec<_>>(), histories[1].keys().collect::<Vec<_>>());
    histories.iter().for_each(in_order);
    for (account, entries) in &histories[1] {
        let made = |entries: &[Json]| entries.iter().filter(|entry| makes(entry)).count();
        assert_eq!(made(&histories[0][account]), made(entries), "{account}");
    }
}
