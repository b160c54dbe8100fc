//! Lanes side by side: each change executed in its order, the accounts read back together.

use std::collections::BTreeMap;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, stream};
use uuid::Uuid;

use super::execute::{Executed, Executor, FRESH, Job, Written};
use super::journal::JournalError;
use super::prepare::{Known, Prepared, is_refusal, prepare_many};
use super::run::{Progress, Stop};
use super::wait::may_arrive;
use crate::plan::{Planned, Wait};
use crate::recipient::{Action, Change, ErrorClass};
use crate::report::{ChangeResult, ResultError, Way};

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

/// What came of lanes.
#[derive(Default)]
pub(super) struct Done<'a> {
    /// Results by position; what was not begun has none
    pub(super) results: BTreeMap<usize, ChangeResult>,
    /// Lanes that go on once a mailbox has come or gone; their changes have results so far
    pub(super) waiting: Vec<Lane<'a>>,
}

impl Begun<'_> {
    /// Whether its directory user was not seen yet.
    pub(super) fn may_have_to_wait(&self) -> bool {
        matches!(&self.ready, Some(Ok(prepared)) if may_arrive(&self.job, prepared))
    }
}

/// Changes of one account, or of accounts that have a name in common, in order.
pub(super) type Lane<'a> = Vec<Begun<'a>>;

/// A change whose account is still to be read back.
type Unverified<'a> = (usize, Job<'a>, Written);

/// Executes lanes, `at_once` side by side.
pub(super) async fn lanes<'a>(
    executor: &Executor<'_>,
    lanes: Vec<Lane<'a>>,
    at_once: usize,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<Done<'a>, JournalError> {
    let mut all = Done::default();
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
                let Ended { done, last, waiting } = lane?;
                all.results.extend(done);
                unverified.extend(last);
                all.waiting.extend(waiting);
                if unverified.len() >= TOGETHER {
                    verifying.push(verify(executor, std::mem::take(&mut unverified), progress));
                }
            }
            Some(verified) = verifying.next(), if !verifying.is_empty() => {
                let verified: Vec<(usize, ChangeResult)> = verified?;
                all.results.extend(verified);
            }
            else => {
                if unverified.is_empty() {
                    return Ok(all);
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
                {
                    let taken_up = Known::of(first.job.taken_up);
                    let account = current.map(|current| current.guid).or(taken_up.account);
                    (&first.job.change, Known { account, ..taken_up })
                }
            })
            .collect();
        let again = prepare_many(site, &asked).await;
        for (at, prepared) in group.into_iter().zip(again) {
            lanes[at][0].ready = Some(prepared);
        }
    }
    lanes
}

/// How a lane ended.
#[derive(Default)]
struct Ended<'a> {
    done: Vec<(usize, ChangeResult)>,
    /// Its last change, if that was written and not read back yet
    last: Option<Unverified<'a>>,
    /// What is left of it, if it goes on once a mailbox has come or gone
    waiting: Option<Lane<'a>>,
}

/// Tells the lanes that can go on, which are read and planned then, from those that cannot.
pub(super) async fn arrived<'a>(waiting: Vec<Lane<'a>>) -> (Vec<Lane<'a>>, Vec<Lane<'a>>) {
    let waiting = waiting.into_iter().map(|mut lane| {
        lane.iter_mut().take(1).for_each(|begun| begun.ready = None);
        lane
    });
    fresh(waiting.collect()).await.into_iter().partition(|lane| {
        match lane.first().map(|begun| &begun.ready) {
            Some(Some(Ok(prepared))) => !matches!(
                prepared.planned.steps.first().and_then(|step| step.after),
                Some(Wait::Mailbox | Wait::NoMailbox)
            ),
            Some(Some(Err(error))) => is_refusal(error.class),
            _ => true,
        }
    })
}

/// Executes the changes of a lane. The account of the last one is read back later, together with others; those before it at
/// once, because the next change would cover what they did.
async fn execute<'a>(
    executor: &Executor<'_>,
    lane: Lane<'a>,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<Ended<'a>, JournalError> {
    let mut ended = Ended::default();
    let mut lane = lane.into_iter();
    let mut is_first = true;
    while let Some(Begun { position, mut job, ready }) = lane.next() {
        if stop.is_requested() {
            break;
        }
        // What an earlier change of the lane wrote was not seen by the first read.
        let ready = ready.filter(|_| is_first);
        is_first = false;
        let result = match executor.execute(&job, ready).await? {
            Executed::Finished(result) => result,
            // What comes behind would overtake it.
            Executed::NotBegun(result) => {
                stay_behind(&mut ended, lane.collect(), position, result, progress);
                return Ok(ended);
            }
            Executed::Written(written) if lane.len() == 0 => {
                ended.last = Some((position, job, *written));
                return Ok(ended);
            }
            Executed::Written(written) => match executor.verify(&job, *written).await? {
                // The next change would be planned on what is not there yet.
                unseen if unseen.action == Action::Pending => {
                    stay_behind(&mut ended, lane.collect(), position, unseen, progress);
                    return Ok(ended);
                }
                verified => verified,
            },
            Executed::Waits(result, wait) => {
                // What comes behind is about the account as it will be.
                let behind: Lane<'a> = lane.collect();
                ended.done.extend(behind.iter().map(|begun| stays(begun, result.guid)));
                job.before.clone_from(&result.steps);
                job.taken_up = Some(result.guid);
                ended.done.push((position, result));
                let rest: Lane<'a> =
                    std::iter::once(Begun { position, job, ready: None }).chain(behind).collect();
                match wait {
                    Wait::Mailbox | Wait::NoMailbox => ended.waiting = Some(rest),
                    Wait::DirectorySync => {
                        rest.iter().for_each(|begun| progress.done(&begun.job.change.identity));
                    }
                }
                return Ok(ended);
            }
        };
        progress.done(&result.identity);
        ended.done.push((position, result));
    }
    Ok(ended)
}

/// Ends a lane with a change that waits, and with all that stays behind it.
fn stay_behind(
    ended: &mut Ended<'_>,
    behind: Lane<'_>,
    position: usize,
    waits: ChangeResult,
    progress: &dyn Progress,
) {
    ended.done.extend(behind.iter().map(|begun| stays(begun, waits.guid)));
    behind.iter().for_each(|begun| progress.done(&begun.job.change.identity));
    progress.done(&waits.identity);
    ended.done.push((position, waits));
}

/// The place and the result of a change that stays behind one that waits.
fn stays(begun: &Begun<'_>, account: Option<Uuid>) -> (usize, ChangeResult) {
    let connection = &begun.job.site.connection.name;
    (begun.position, waits_behind(&begun.job.change, connection, account))
}

/// A change that is not begun, because an earlier one of its account waits; the journal keeps it.
pub(super) fn waits_behind(change: &Change, connection: &str, account: Option<Uuid>) -> ChangeResult {
    let mut result = ChangeResult::of_plan(change, connection, &Planned::new(Action::Pending, account));
    let mut error = ResultError::new(ErrorClass::Transient, "an earlier change of the same account waits");
    error.pace.way = Way::Behind;
    result.error = Some(error.hint("it is taken up again when that one is through"));
    result
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
        let (keys, written): (Vec<_>, Vec<_>) =
            group.into_iter().map(|(position, job, written)| ((position, job), written)).unzip();
        let jobs = keys.iter().map(|(_, job)| job).zip(written).collect();
        for ((position, _), result) in keys.iter().zip(executor.verify_many(jobs).await?) {
            progress.done(&result.identity);
            results.push((*position, result));
        }
    }
    Ok(results)
}
