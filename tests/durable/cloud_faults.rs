//! A flow to Exchange Online with something in the way of each request in turn.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use mailwright::config::Config;
use mailwright::lab::{Fault, FaultKind, HttpBody, HttpFault, Running, Seed, ServeOptions, serve};
use serde_json::Value as Json;

use super::cloud;
use super::faults::{AT_ONCE, Ended, first_trouble, some, until_done};
use super::outcome::{history, makes, same_directory};
use crate::scenarios::bench::{logged, name};
use crate::scenarios::cloud::settings;

/// Accounts of the flow, each with four changes.
const ACCOUNTS: usize = 4;

/// What a request meets.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Throttled,
    TooMany,
    Busy,
    Late,
    Gone,
    Lost,
    Half,
    Empty,
    Page,
    NewToken,
}

impl Trouble {
    const ALL: [Self; 10] = [
        Self::Throttled,
        Self::Late,
        Self::Gone,
        Self::Lost,
        Self::Half,
        Self::NewToken,
        Self::TooMany,
        Self::Busy,
        Self::Empty,
        Self::Page,
    ];

    fn fault(self) -> HttpFault {
        let http = |status, body, after_work| HttpFault { status, body, after_work, ..HttpFault::default() };
        match self {
            Self::Throttled => {
                HttpFault { retry_after: Some("0.2".into()), ..http(429, HttpBody::Empty, false) }
            }
            Self::TooMany => http(429, HttpBody::Concurrency, false),
            Self::Busy => http(503, HttpBody::Empty, false),
            // It has done its work.
            Self::Late => http(504, HttpBody::Empty, true),
            Self::Lost => http(200, HttpBody::Reset, true),
            Self::Half => http(200, HttpBody::Truncated, true),
            Self::Gone => http(200, HttpBody::Reset, false),
            Self::Empty => http(200, HttpBody::Empty, true),
            Self::Page => http(502, HttpBody::Page, false),
            Self::NewToken => {
                let claims = Some("eyJhY2Nlc3NfdG9rZW4iOnt9fQ==".into());
                HttpFault { claims, ..http(401, HttpBody::Empty, false) }
            }
        }
    }
}

/// The flow against a new tenant, the request of this number in trouble.
async fn applied(seed: &Json, flow: &str, way: Option<(u64, Trouble)>) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("lab.log");
    let mailbox_delay = Duration::from_millis(100);
    let options = ServeOptions { log: Some(log.clone()), mailbox_delay, ..ServeOptions::default() };
    let lab = serve(Seed::from_json(&seed.to_string()).unwrap(), options).await.unwrap();
    if let Some((number, trouble)) = way {
        let after = u32::try_from(number).unwrap();
        let kind = FaultKind::Http(trouble.fault());
        lab.cloud().state().inject(Fault {
            cmdlet: None,
            identity: None,
            after,
            times: 1,
            every: None,
            kind,
        });
    }
    let config = connections(folder.path(), &lab);
    let runs = until_done(folder.path(), &config, flow).await;
    let directory = lab.directory()["cloud"].clone();
    lab.shutdown().await.unwrap();
    let in_cloud = |entry: &Json| entry["side"] == "cloud";
    let of = |kind: &str| logged(&log, kind).into_iter().filter(in_cloud).collect::<Vec<_>>();
    Ended { directory, cmdlets: of("cmdlet"), exchanges: of("http").len() as u64, runs }
}

fn connections(folder: &Path, lab: &Running) -> Config {
    let timeouts = "timeouts = { connect = \"2s\", sign_in = \"5s\", operation = \"2s\" }";
    let text = ["new", "enable"].map(|create_method| {
        let keys = format!(
            "create_method = \"{create_method}\"\nallow_remove = true\nconcurrency = 1\nreplication_wait = \"2s\"\n{timeouts}"
        );
        connection(folder, lab, &keys).replace("connections.it", &format!("connections.{create_method}"))
    });
    Config::parse(&folder.join("all.toml"), text.concat()).unwrap_or_else(|error| panic!("{error}"))
}

/// The text of a connection `it` to the tenant of an embedded Exchange; what it refers to is written into the folder.
pub(super) fn connection(folder: &Path, lab: &Running, keys: &str) -> String {
    let file = folder.join("lab.toml");
    lab.write_config(&file).unwrap();
    let tenant = lab.cloud();
    let ids = [tenant.tenant().to_string(), tenant.application().to_string()];
    let given = |name: &str| match name {
        "tenant" => ids[0].as_str(),
        "application_id" => ids[1].as_str(),
        "organization" => tenant.initial_domain(),
        "graph" => tenant.graph_url(),
        _ => tenant.base_url(),
    };
    settings(
        &given,
        &folder.join("lab.toml.ca.pem"),
        &folder.join("lab.toml.client-secret"),
        "cloud",
        keys,
        "",
    )
}

/// The names of the cmdlets that changed each account.
fn done(seed: &Json, ended: &Ended) -> BTreeMap<String, Vec<String>> {
    let history = history(&ended.cmdlets, &[&seed["cloud"], &ended.directory]);
    for (account, entries) in &history {
        let mut making: Vec<_> = entries.iter().filter(|entry| makes(entry)).map(name).collect();
        let all = making.len();
        making.sort_unstable();
        making.dedup();
        assert_eq!(making.len(), all, "{account} was made twice: {entries:#?}");
    }
    let names = |entries: Vec<Json>| entries.iter().map(|entry| name(entry).to_owned()).collect();
    history.into_iter().map(|(account, entries)| (account, names(entries))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn something_in_the_way_of_each_request_to_the_cloud() {
    let (seed, flow) = (cloud::there(ACCOUNTS), cloud::flow(ACCOUNTS));
    let undisturbed = applied(&seed, &flow, None).await;
    let expected = done(&seed, &undisturbed);
    assert_eq!(expected["user0001"][..2], ["Update-MgUser", "Set-MgUserLicense"], "{expected:?}");
    let ways = some(0..undisturbed.exchanges, 5, &Trouble::ALL, |number, trouble| (number, trouble));
    let total = ways.len();
    let mut cells = stream::iter(ways)
        .map(|way| {
            let (seed, flow) = (&seed, &flow);
            async move { (way, applied(seed, flow, Some(way)).await) }
        })
        .buffer_unordered(AT_ONCE);
    let mut again = 0;
    while let Some((way, ended)) = cells.next().await {
        let last = ended.runs.last().unwrap();
        let told = format!("{way:?}: {:#?}", ended.runs);
        assert!(last.as_ref().is_ok_and(|results| results.len() == ACCOUNTS * 4), "{told}");
        same_directory(&ended.directory, &undisturbed.directory);
        assert_eq!(done(&seed, &ended), expected, "{told}");
        if ended.runs.len() > undisturbed.runs.len() {
            again += 1;
            println!("{way:?} needed {} runs: {}", ended.runs.len(), first_trouble(&ended));
        }
    }
    println!("{total} ways, {again} of them needed the program once more");
}
