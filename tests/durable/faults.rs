//! A flow with a change of every kind, with something in the way of each exchange and of each cmdlet in turn.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

use futures_util::stream::{self, StreamExt as _};
use mailwright::config::Config;
use mailwright::exchange;
use mailwright::flow::intake;
use mailwright::flow::journal::Journal;
use mailwright::flow::run::{Options, Progress, Sites, Stop, Work, apply};
use mailwright::lab::{Endpoint, Fault, FaultKind, Running, Seed, ServeOptions, serve};
use mailwright::report::{ChangeResult, PlannedChange};
use serde_json::Value as Json;
use uuid::Uuid;

use super::flow::{KINDS, config, seed};
use super::is_long;
use super::outcome::{history, makes, same_directory};
use super::relay::{Relay, Trouble};
use crate::scenarios::bench::{logged, name};

/// Cells side by side.
pub(super) const AT_ONCE: usize = 6;
/// No exchange and no cmdlet has this number.
const NONE: u64 = u64::MAX;
/// How often somebody starts the program again before giving up.
const RUNS: usize = 4;

/// What stands in the way.
#[derive(Clone, Copy, Debug)]
enum Way {
    Exchange(u64, Trouble),
    Cmdlet(u64, Answer),
}

/// How a cmdlet fails.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Throttled,
    Transient,
    Ended,
    /// It has done its work
    InDoubt,
}

impl Answer {
    const ALL: [Self; 4] = [Self::Throttled, Self::Transient, Self::Ended, Self::InDoubt];

    fn kind(self) -> FaultKind {
        let (exception, message) = match self {
            Self::Throttled => {
                ("OverBudgetException", "The request will not be approved for at least 50 milliseconds.")
            }
            _ => ("ADTransientException", "Active Directory is not available. Please try again later."),
        };
        let (exception, message) = (exception.to_owned(), message.to_owned());
        match self {
            Self::Transient => FaultKind::Error { exception, message },
            Self::Throttled | Self::Ended => FaultKind::Terminating { exception, message },
            Self::InDoubt => FaultKind::AfterWork { exception, message },
        }
    }
}

/// What a flow came to.
pub(super) struct Ended {
    pub(super) directory: Json,
    pub(super) cmdlets: Vec<Json>,
    pub(super) exchanges: u64,
    /// The results of each run, or why it came to nothing
    pub(super) runs: Vec<Result<Vec<ChangeResult>, String>>,
}

struct Quiet;

impl Progress for Quiet {
    fn total(&self, _: usize) {}
    fn planned(&self, _: &[PlannedChange], _: usize) {}
    fn done(&self, _: &str) {}
}

/// Applies the flow to a new Exchange until it is done.
async fn applied(seed: &Json, flow: &str, way: Way) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("lab.log");
    let options = ServeOptions { log: Some(log.clone()), ..ServeOptions::default() };
    let lab = serve(Seed::from_json(&seed.to_string()).unwrap(), options).await.unwrap();
    let (number, trouble) = match way {
        Way::Exchange(number, trouble) => (number, trouble),
        Way::Cmdlet(..) => (NONE, Trouble::Busy),
    };
    if let Way::Cmdlet(after, answer) = way {
        let after = u32::try_from(after).unwrap();
        lab.inject(Fault { cmdlet: None, identity: None, after, times: 1, every: None, kind: answer.kind() });
    }
    let server: SocketAddr = lab.base_url(false).trim_start_matches("http://").parse().unwrap();
    let relay = Relay::start(server, number, trouble).await;
    let config = connections(folder.path(), &lab, &relay);
    let runs = until_done(folder.path(), &config, flow).await;
    let (directory, exchanges) = (lab.directory(), relay.requests());
    lab.shutdown().await.unwrap();
    Ended { directory, cmdlets: logged(&log, "cmdlet"), exchanges, runs }
}

/// Runs the program again as often as somebody would.
pub(super) async fn until_done(
    folder: &Path,
    config: &Config,
    flow: &str,
) -> Vec<Result<Vec<ChangeResult>, String>> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let ran = run(folder, config, flow).await;
        let is_done =
            |result: &ChangeResult| result.error.is_none() && result.action.to_string() != "pending";
        let is_over = ran.as_ref().is_ok_and(|results| results.iter().all(is_done));
        runs.push(ran);
        if is_over {
            break;
        }
    }
    runs
}

fn connections(folder: &Path, lab: &Running, relay: &Relay) -> Config {
    let file = folder.join("lab.toml");
    lab.write_config(&file).unwrap();
    let direct = lab.url(Endpoint::PowerShell, false);
    let url = direct.replace(lab.base_url(false), &format!("http://{}", relay.address));
    let timeouts = "timeouts = { connect = \"2s\", sign_in = \"5s\", operation = \"2s\" }";
    let text = config(&url, &folder.join("lab.toml.password"), &format!("concurrency = 1\n{timeouts}\n"));
    Config::parse(&folder.join("all.toml"), text).unwrap()
}

/// One run of the program on the journal of the folder.
async fn run(folder: &Path, config: &Config, flow: &str) -> Result<Vec<ChangeResult>, String> {
    let mut sites: Option<Sites> = None;
    for connection in &config.connections {
        let open = exchange::open(connection, None).await.map_err(|error| error.to_string())?;
        sites = Some(match sites {
            None => Sites::new(connection.clone(), open),
            Some(sites) => sites.with(connection.clone(), open),
        });
    }
    let sites = sites.unwrap();
    let journal = Journal::open(&folder.join("journal.db")).await.unwrap();
    let id = Uuid::now_v7();
    journal.begin_run(id, "apply", "new", "flow.jsonl").await.unwrap();
    let work = Work::Flow(intake::parse("flow.jsonl", flow.into(), id).unwrap());
    let ran = apply(&sites, work, id, &journal, Options::default(), &Quiet, &Stop::default()).await;
    sites.close().await;
    journal.close().await;
    ran.map_err(|error| error.to_string())
}

fn flow() -> (Json, String) {
    let seed = seed(KINDS.iter().map(|kind| (kind, kind.name)));
    (seed, KINDS.iter().map(|kind| kind.line(kind.name)).collect())
}

/// The names of the cmdlets that changed each account.
fn done(seed: &Json, ended: &Ended) -> BTreeMap<String, Vec<String>> {
    let history = history(&ended.cmdlets, &[seed, &ended.directory]);
    for (account, entries) in &history {
        assert!(entries.iter().filter(|entry| makes(entry)).count() <= 1, "{account} was made twice");
    }
    let names = |entries: Vec<Json>| entries.iter().map(|entry| name(entry).to_owned()).collect();
    history.into_iter().map(|(account, entries)| (account, names(entries))).collect()
}

/// Tries all ways; each must come to the same end. How many needed the program to be started once more.
async fn all_the_same(ways: Vec<Way>) -> usize {
    let (seed, flow) = flow();
    let undisturbed = applied(&seed, &flow, Way::Exchange(NONE, Trouble::Busy)).await;
    let expected = done(&seed, &undisturbed);
    for kind in &KINDS {
        assert_eq!(expected[kind.name], kind.steps, "{}", kind.name);
    }
    let total = ways.len();
    let mut cells = stream::iter(ways)
        .map(|way| {
            let (seed, flow) = (&seed, &flow);
            async move { (way, applied(seed, flow, way).await) }
        })
        .buffer_unordered(AT_ONCE);
    let mut again = 0;
    while let Some((way, ended)) = cells.next().await {
        let last = ended.runs.last().unwrap();
        let told = format!("{way:?}: {:#?}", ended.runs);
        assert!(last.as_ref().is_ok_and(|results| results.len() == KINDS.len()), "{told}");
        same_directory(&ended.directory, &undisturbed.directory);
        assert_eq!(done(&seed, &ended), expected, "{told}");
        if ended.runs.len() > undisturbed.runs.len() {
            again += 1;
            println!("{way:?} needed {} runs: {}", ended.runs.len(), first_trouble(&ended));
        }
    }
    println!("{total} ways, {again} of them needed the program once more");
    again
}

/// What a person would have seen first.
pub(super) fn first_trouble(ended: &Ended) -> String {
    match &ended.runs[0] {
        Err(error) => error.clone(),
        Ok(results) => {
            let errors = results.iter().filter_map(|result| result.error.as_ref());
            errors.map(|error| format!("{}: {}", error.class, error.message)).collect::<Vec<_>>().join("; ")
        }
    }
}

/// In the long version each number with each trouble; else every so many-th number with one trouble in turn.
pub(super) fn some<T: Copy, W>(
    numbers: Range<u64>,
    step: usize,
    all: &[T],
    way: impl Fn(u64, T) -> W,
) -> Vec<W> {
    if is_long() {
        let with_all = |number| all.iter().map(move |one| (number, *one));
        return numbers.flat_map(with_all).map(|(number, one)| way(number, one)).collect();
    }
    numbers.step_by(step).map(|number| way(number, all[number as usize % all.len()])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn something_in_the_way_of_each_exchange() {
    let (seed, flow) = flow();
    let undisturbed = applied(&seed, &flow, Way::Exchange(NONE, Trouble::Busy)).await;
    let ways = some(1..undisturbed.exchanges + 1, 11, &Trouble::ALL, Way::Exchange);
    all_the_same(ways).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cmdlet_throttled_or_failing_for_a_moment() {
    let (seed, flow) = flow();
    let undisturbed = applied(&seed, &flow, Way::Exchange(NONE, Trouble::Busy)).await;
    let ways = some(0..undisturbed.cmdlets.len() as u64, 5, &Answer::ALL, Way::Cmdlet);
    assert_eq!(all_the_same(ways).await, 0, "what a cmdlet answers is met within the run");
}
