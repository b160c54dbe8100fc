//! What a run costs the server: cmdlets and requests, and time against what the network alone takes.
//!
//! `MAILWRIGHT_LONG=1 cargo test --release --test main efficiency -- --nocapture` is the long one, with figures.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::cli::Place;
use crate::log::log_entries;

const CONCURRENCY: usize = 6;
const LATENCY_MS: usize = 20;
/// Accounts that one read may name.
const IN_ONE_READ: usize = 50;

struct Lab(Child);

impl Lab {
    fn start(place: &Place) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
            .current_dir(place.path())
            .args([
                "lab",
                "--log",
                "lab.log",
                "--write-config",
                "lab.toml",
                "--latency",
                &LATENCY_MS.to_string(),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let text = std::fs::read_to_string(place.path().join("lab.toml")).unwrap();
        let concurrency = format!("[connections.lab]\nconcurrency = {CONCURRENCY}");
        place.write("lab.toml", &text.replace("[connections.lab]", &concurrency));
        Self(child)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the lab's log says beyond its first `skip` lines.
#[derive(Debug, Default)]
struct Cost {
    lines: usize,
    requests: usize,
    cmdlets: BTreeMap<String, usize>,
}

impl Cost {
    fn since(place: &Place, skip: usize) -> Self {
        let mut cost = Self::default();
        for line in log_entries(&place.path().join("lab.log")).into_iter().skip(skip) {
            cost.lines += 1;
            match line["cmdlet"]["cmdlet"].as_str() {
                Some(name) => *cost.cmdlets.entry(name.to_owned()).or_default() += 1,
                None => cost.requests += 1,
            }
        }
        cost
    }

    fn of(&self, verbs: &[&str]) -> usize {
        let counted = self.cmdlets.iter().filter(|(name, _)| verbs.iter().any(|verb| name.starts_with(verb)));
        counted.map(|(_, count)| count).sum()
    }
}

fn flow(accounts: usize) -> String {
    let head = "ChangeId,Identity,Name,UserPrincipalName,_param_password,EmailAddresses,CustomAttribute1\n";
    let row = |n: usize| {
        let user = format!("load{n:05}");
        format!(
            "l{n},{user}@contoso.com,Load {n:05},{user}@contoso.com,Start-1!pass,{user}.a@contoso.com;{user}@contoso.com,v{n}\n"
        )
    };
    (0..accounts).map(row).fold(head.to_owned(), |text, row| text + &row)
}

#[test]
fn few_cmdlets_for_many_accounts() {
    let long = std::env::var_os("MAILWRIGHT_LONG").is_some();
    let accounts = if long { 10_000 } else { 150 };
    let place = Place::new();
    let _lab = Lab::start(&place);
    place.write("flow.csv", &flow(accounts));
    let apply = |journal: &str| {
        let began = Instant::now();
        let arguments =
            ["-c", "lab.toml", "-n", "lab", "--journal", journal, "--no-progress", "apply", "flow.csv"];
        let ran = place.run(&arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        (ran.stdout.lines().last().unwrap_or_default().to_owned(), began.elapsed())
    };
    let (done, took) = apply("first.db");
    assert_eq!(done, format!("Done: {accounts} created of {accounts}"));
    let first = Cost::since(&place, 0);
    let cmdlets = first.of(&[""]);
    let bound = cmdlets as f64 * 2.0 * LATENCY_MS as f64 / 1000.0 / CONCURRENCY as f64;
    println!(
        "efficiency: {accounts} accounts created: {cmdlets} cmdlets {:?}, {} requests, {:.1} s; cmdlets x 2 x {LATENCY_MS} ms / \
         {CONCURRENCY} is {bound:.1} s, ratio {:.2}",
        first.cmdlets,
        first.requests,
        took.as_secs_f64(),
        took.as_secs_f64() / bound
    );
    let reads_at_most = accounts.div_ceil(IN_ONE_READ);
    assert_eq!(first.of(&["New-", "Set-"]), 2 * accounts, "one to make it, one for its addresses");
    // Four views before, the owners of the addresses, the accounts once more where time has passed, one view after; and
    // batches that are not full.
    let allowed = 12 * reads_at_most + 10;
    assert!(first.of(&["Get-"]) <= allowed, "{} reads: {:?}", first.of(&["Get-"]), first.cmdlets);

    let (done, took) = apply("second.db");
    assert_eq!(done, format!("Done: {accounts} unchanged of {accounts}"));
    let second = Cost::since(&place, first.lines);
    println!(
        "efficiency: applied again: {:?}, {} requests, {:.1} s",
        second.cmdlets,
        second.requests,
        took.as_secs_f64()
    );
    assert_eq!(second.of(&["New-", "Enable-", "Set-", "Disable-", "Remove-"]), 0);
    let reads = second.of(&["Get-"]) - second.of(&["Get-AcceptedDomain"]);
    assert!(reads <= reads_at_most, "{reads} reads for {accounts} accounts: {:?}", second.cmdlets);
}
