//! Lanes side by side: each change executed in its order, the accounts read back together.

use std::collections::BTreeMap;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, stream};

use super::execute::{Executed, Executor, FRESH, Job, Written, may_arrive};
use super::journal::JournalError;
use super::prepare::{Prepared, prepare_many};
use super::run::{Progress, Stop};
use crate::report::{ChangeResult, ResultError};

/// Accounts that are read together, before they are written where the first read has grown old, and afterwards.
const TOGETHER: usize = 50;

/// A change in its lane.
pub(super) struct Begun<'a> {
    /// Its place among the results
    pub(super) position: usize,
    pub(super) job: Job<'a>,
    /// What was read and planned for it
    pub(super) ready: Option<Result<Prepared, ResultError>>,
}

impl Begun<'_> {
    /// Whether its directory user was not seen yet.
    pub(super) fn may_have_to_wait(&self) -> bool {
        matches!(&self.ready, Some(Ok(prepared)) if may_arrive(&self.job, prepared))
    }
}

/// Changes of one account, or of accounts that have a name in common, in order.
type Lane<'a> = Vec<Begun<'a>>;

/// A change whose account is still to be read back.
type Unverified<'a> = (usize, Job<'a>, Written);

/// Executes lanes, `at_once` side by side, and returns the results by position. What was not begun has none.
pub(super) async fn lanes<'a>(
    executor: &Executor<'_>,
    lanes: Vec<Lane<'a>>,
    at_once: usize,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<BTreeMap<usize, ChangeResult>, JournalError> {
    let mut results = BTreeMap::new();
    let mut groups: Vec<Vec<Lane<'a>>> = Vec::new();
    for lane in lanes.into_iter().filter(|lane| !lane.is_empty()) {
        match groups.last_mut() {
            Some(group) if group.len() < TOGETHER => group.push(lane),
            _ => groups.push(vec![lane]),
        }
    }
    let groups = stream::iter(groups).then(|group| async move {
        stream::iter(if stop.is_requested() { Vec::new() } else { fresh(group).await })
    });
    let running =
        groups.flatten().map(|lane| execute(executor, lane, progress, stop)).buffer_unordered(at_once);
    let mut running = std::pin::pin!(running.fuse());
    let mut unverified: Vec<Unverified<'a>> = Vec::new();
    let mut verifying = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(lane) = running.next() => {
                let (done, last) = lane?;
                results.extend(done);
                unverified.extend(last);
                if unverified.len() >= TOGETHER {
                    verifying.push(verify(executor, std::mem::take(&mut unverified), progress));
                }
            }
            Some(verified) = verifying.next(), if !verifying.is_empty() => {
                let verified: Vec<(usize, ChangeResult)> = verified?;
                results.extend(verified);
            }
            else => {
                if unverified.is_empty() {
                    return Ok(results);
                }
                verifying.push(verify(executor, std::mem::take(&mut unverified), progress));
            }
        }
    }
}

/// Reads accounts again, together, whose first read is too old to write on or does not count any more. Only the first
/// change of each lane goes by what was read before; those behind it are read when their turn comes.
async fn fresh(mut lanes: Vec<Lane<'_>>) -> Vec<Lane<'_>> {
    let is_old = |begun: &Begun<'_>| match &begun.ready {
        Some(Ok(prepared)) => prepared.read_at.elapsed() >= FRESH / 2,
        Some(Err(_)) => false,
        None => true,
    };
    let old: Vec<usize> = (0..lanes.len()).filter(|at| lanes[*at].first().is_some_and(is_old)).collect();
    let mut by_site: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in old {
        by_site.entry(lanes[at][0].job.site.connection.name.as_str()).or_default().push(at);
    }
    for group in by_site.into_values() {
        let site = lanes[group[0]][0].job.site;
        let asked: Vec<_> = group
            .iter()
            .map(|at| {
                let first = &lanes[*at][0];
                let current = first.ready.as_ref().and_then(|ready| ready.as_ref().ok()?.current.as_ref());
                (&first.job.change, current.map(|current| current.guid).or(first.job.taken_up.flatten()))
            })
            .collect();
        let again = prepare_many(site, &asked).await;
        for (at, prepared) in group.into_iter().zip(again) {
            lanes[at][0].ready = Some(prepared);
        }
    }
    lanes
}

/// Executes the changes of a lane. The account of the last one is read back later, together with others; those before it at
/// once, because the next change would cover what they did.
async fn execute<'a>(
    executor: &Executor<'_>,
    lane: Lane<'a>,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<(Vec<(usize, ChangeResult)>, Option<Unverified<'a>>), JournalError> {
    let mut done = Vec::new();
    let count = lane.len();
    for (place, Begun { position, job, ready }) in lane.into_iter().enumerate() {
        if stop.is_requested() {
            break;
        }
        // What an earlier change of the lane wrote was not seen by the first read.
        let ready = ready.filter(|_| place == 0);
        let result = match executor.execute(&job, ready).await? {
            Executed::NotBegun(result) | Executed::Finished(result) => result,
            Executed::Written(written) if place + 1 == count => {
                return Ok((done, Some((position, job, *written))));
            }
            Executed::Written(written) => executor.verify(&job, *written).await?,
        };
        progress.done(&result.identity);
        done.push((position, result));
    }
    Ok((done, None))
}

async fn verify(
    executor: &Executor<'_>,
    unverified: Vec<Unverified<'_>>,
    progress: &dyn Progress,
) -> Result<Vec<(usize, ChangeResult)>, JournalError> {
    let mut by_site: BTreeMap<String, Vec<Unverified<'_>>> = BTreeMap::new();
    for one in unverified {
        by_site.entry(one.1.site.connection.name.clone()).or_default().push(one);
    }
    let mut results = Vec::new();
    for group in by_site.into_values() {
        let (positions, jobs): (Vec<_>, Vec<_>) =
            group.into_iter().map(|(position, job, written)| (position, (job, written))).unzip();
        for (position, result) in positions.into_iter().zip(executor.verify_many(jobs).await?) {
            progress.done(&result.identity);
            results.push((position, result));
        }
    }
    Ok(results)
}
