//! Running a flow: reading, planning, applying.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tokio::sync::watch;
use uuid::Uuid;

use super::apply::{self, Begun};
use super::execute::{Executor, Job};
use super::intake::{Flow, RefusedRow, Row, SecretStore};
use super::journal::{Enqueued, Journal, JournalError, NewChange, NewRow, Seq, State};
use super::prepare::{Known, Prepared, is_refusal, prepare_many};
use super::site::Site;
pub use super::site::Sites;
use super::traffic;
use super::turn::{self, Turn};
use super::{Held, base_hash, lane, what_if};
use crate::exchange::{ExchangeError, LookupError};
use crate::plan::{self, Finding, Planned};
use crate::recipient::{Action, Change, ErrorClass, ObjectType, Recipient, Traffic};
use crate::report::{ChangeResult, Form, PlannedChange, ResultError, SavedPlan};

/// Accounts that are read and planned together; a multiple of what one cmdlet reads.
const READ_TOGETHER: usize = 500;

/// What one run is told beyond its connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `--allow-mass-removal`: the guards against removing many addresses are off
    pub allow_mass_removal: bool,
    /// `--what-if`: the first cmdlet of every change is sent to Exchange with `-WhatIf`
    pub what_if: bool,
    /// Accounts of which an earlier change waits; their changes wait too
    pub held: Held,
}

/// What is to be applied.
#[derive(Debug)]
pub enum Work {
    /// A flow, planned on the way
    Flow(Flow),
    /// A saved plan, which must still hold
    Plan(SavedPlan),
    /// Changes of the journal, tried again: for each row its number there
    Retry(Flow, Vec<Seq>),
}

impl Work {
    /// The file that it came from, as it was named.
    pub fn source(&self) -> &str {
        match self {
            Self::Flow(flow) | Self::Retry(flow, _) => &flow.file,
            Self::Plan(plan) => &plan.flow,
        }
    }

    /// Every change of it, without what was refused when it was read.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        let (rows, planned) = match self {
            Self::Flow(flow) | Self::Retry(flow, _) => (flow.rows.as_slice(), [].as_slice()),
            Self::Plan(plan) => ([].as_slice(), plan.changes.as_slice()),
        };
        rows.iter().filter_map(row_change).chain(planned.iter().filter_map(|planned| planned.change.as_ref()))
    }
}

/// Where a run says how far it is.
pub trait Progress: Send + Sync {
    /// So many changes there are.
    fn total(&self, changes: usize);
    /// What applying is about to do, what was refused when it was read with it; and how many changes an earlier run has done,
    /// whose results are those of then.
    fn planned(&self, changes: &[PlannedChange], done_before: usize);
    /// One more is through.
    fn done(&self, identity: &str);
    /// The cloud keeps the run waiting; what was asked of it so far.
    fn waits(&self, _connection: &str, _traffic: Traffic) {}
}

/// A request to stop: what has begun is finished, nothing new is begun. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<watch::Sender<u8>>);

impl Stop {
    /// Asks to stop; who asks again does not want to wait for what has begun.
    pub fn request(&self) {
        self.0.send_modify(|asked| *asked = asked.saturating_add(1));
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Returns when somebody has asked.
    pub async fn requested(&self) {
        self.times(1).await;
    }

    /// Returns when somebody has asked again.
    pub async fn insisted(&self) {
        self.times(2).await;
    }

    async fn times(&self, least: u8) {
        // It ends early only without a sender, and this is one.
        let _ = self.0.subscribe().wait_for(|asked| *asked >= least).await;
    }
}

/// Why a run as a whole came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Exchange cannot be reached or refuses the sign-in
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// What every change needs cannot be read
    #[error("the accepted domains cannot be read: {0}")]
    Lookup(LookupError),
    /// The journal failed
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A guard stands against the run as a whole; nothing was written
    #[error("{}", .0.message)]
    Guard(Box<Finding>),
}

/// Plans every change of a flow; writes nothing.
pub async fn plan(
    sites: &Sites,
    flow: &Flow,
    options: Options,
    progress: &dyn Progress,
) -> Result<Vec<PlannedChange>, RunError> {
    progress.total(flow.rows.len());
    let open = sites.enter(options.allow_mass_removal).await?;
    let rows: Vec<Row> = flow.rows.clone();
    let read = read_all(sites, &open, rows, &BTreeMap::new(), Some(progress)).await;
    guard(&open, &read)?;
    let mut planned: Vec<PlannedChange> = read.iter().map(|one| one.planned(sites)).collect();
    mark_what_depends(&read, &mut planned);
    if options.what_if {
        for (one, change) in read.iter().zip(&mut planned) {
            if let (Some(prepared), false) = (one.prepared(), change.not_previewed) {
                *change = what_if::ask(change.clone(), &prepared.directory).await;
            }
        }
    }
    Ok(planned)
}

/// What another row writes before it cannot be seen yet, and Exchange would be asked about what is not there.
fn mark_what_depends(read: &[Read<'_>], planned: &mut [PlannedChange]) {
    let rows: Vec<usize> = (0..read.len()).filter(|row| read[*row].change().is_some()).collect();
    for lane in lane::lanes(read.iter().filter_map(Read::for_lanes)) {
        let mut writes = false;
        for row in lane.into_iter().filter_map(|at| rows.get(at)) {
            let change = &mut planned[*row];
            if writes {
                change.not_previewed("an earlier row changes the same account, or a name or address of it");
            }
            writes |= !change.result.steps.is_empty();
        }
    }
    let change_of = |row: usize| read[row].change().map(|read| &read.change);
    let written: BTreeSet<String> = rows
        .iter()
        .filter(|row| !planned[**row].result.steps.is_empty())
        .filter_map(|row| change_of(*row).filter(|change| change.object_type == ObjectType::MailboxDatabase))
        .flat_map(turn::databases)
        .collect();
    for row in rows {
        let names_one = |change: &&Change| {
            change.object_type == ObjectType::Mailbox && !turn::databases(change).is_disjoint(&written)
        };
        if !planned[row].result.steps.is_empty() && change_of(row).filter(names_one).is_some() {
            planned[row].not_previewed("another row makes or changes the database that it names");
        }
    }
}

/// Applies every change and returns one result for each that was begun, in the order of the flow. What was asked of the cloud
/// is journalled with the run.
pub async fn apply(
    sites: &Sites,
    work: Work,
    run: Uuid,
    journal: &Journal,
    options: Options,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<Vec<ChangeResult>, RunError> {
    let before = sites.traffic();
    let done = tokio::select! {
        done = apply_all(sites, work, run, journal, options, progress, stop) => done,
        never = traffic::tell(sites, &before, progress) => match never {},
    };
    let noted = journal.note_traffic(run, &traffic::since(sites, &before)).await;
    let results = done?;
    noted?;
    Ok(results)
}

async fn apply_all(
    sites: &Sites,
    work: Work,
    run: Uuid,
    journal: &Journal,
    options: Options,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<Vec<ChangeResult>, RunError> {
    let Taken { rows, origin, saved, secrets } = taken_apart(work);
    progress.total(rows.len());
    // Who asks for a change by its id knows what has come since.
    let heeds_later_ones = matches!(origin, Origin::Source { .. });
    // Journalled before anything else happens.
    let enqueued = enqueue(sites, journal, run, &rows, &origin).await?;
    let open = sites.enter(options.allow_mass_removal).await?;
    let begun = Instant::now();
    let mut results: BTreeMap<usize, ChangeResult> = BTreeMap::new();
    let mut seqs: BTreeMap<usize, Seq> = BTreeMap::new();
    let mut todo: Vec<Row> = Vec::new();
    let mut todo_rows = Vec::new();
    let mut done_before: BTreeSet<usize> = BTreeSet::new();
    for (position, (row, enqueued)) in rows.into_iter().zip(&enqueued).enumerate() {
        let change = match &row {
            Row::Refused(refused) => {
                results.insert(position, refused.result(sites.default_name()));
                continue;
            }
            Row::Change(change) => change,
        };
        let name = change.connection.as_deref().unwrap_or(sites.default_name());
        match enqueued {
            Some(Enqueued::New(seq) | Enqueued::Again(seq)) => {
                seqs.insert(position, *seq);
                todo_rows.push(position);
                todo.push(row);
            }
            Some(Enqueued::Done(_, former)) => {
                done_before.insert(position);
                let former = serde_json::from_value(former.clone()).unwrap_or_else(|error| {
                    let message = format!("the former result cannot be read: {error}");
                    refused(change, name, plain(ErrorClass::Internal, message))
                });
                results.insert(position, former);
            }
            Some(Enqueued::Conflict { earlier_line }) => {
                let earlier = earlier_line.map_or_else(String::new, |line| format!(" (line {line})"));
                let message =
                    format!("the ChangeId `{}` was used for other content before{earlier}", change.change_id);
                results.insert(position, refused(change, name, plain(ErrorClass::InvalidInput, message)));
            }
            None => {}
        }
    }
    record_rows(journal, run, origin, &enqueued, &results).await?;
    for result in results.values() {
        progress.done(&result.identity);
    }
    let begun_before = begun_before(journal, &enqueued, &todo_rows).await?;
    let waited = waited(journal, &enqueued).await?;
    let read = read_all(sites, &open, todo, &begun_before, None).await;
    if !options.allow_mass_removal {
        guard(&open, &read)?;
    }
    let mut planned: BTreeMap<usize, PlannedChange> = results
        .iter()
        .filter(|(position, _)| !done_before.contains(position))
        .map(|(position, result)| (*position, PlannedChange::unplanned(result.clone())))
        .collect();
    planned.extend(todo_rows.iter().copied().zip(read.iter().map(|read| read.planned(sites))));
    progress.planned(&planned.into_values().collect::<Vec<_>>(), done_before.len());
    let lanes = lane::lanes(read.iter().filter_map(Read::for_lanes));
    let held: Vec<bool> =
        read.iter().filter_map(Read::change).map(|read| read.is_held(&options.held)).collect();
    let behind = Held::behind(&lanes, |at| held.get(at) == Some(&true));
    let mut slots: Vec<Option<Begun<'_>>> = Vec::new();
    for (row, (read, position)) in read.into_iter().zip(todo_rows).enumerate() {
        match read {
            Read::Change(read) if behind.contains(&slots.len()) => {
                let result = read.waits();
                progress.done(&result.identity);
                results.insert(position, result);
                slots.push(None);
            }
            Read::Change(read) => {
                let Some(seq) = seqs.get(&position).copied() else { continue };
                let later = match &enqueued[position] {
                    Some(Enqueued::Again(_)) if heeds_later_ones => {
                        journal.overtaken_by(seq, &read.change, read.guid()).await?
                    }
                    _ => None,
                };
                if let Some(later) = later {
                    let result = read.overtaken(&later, begun_before.contains_key(&row));
                    journal.finish(seq, State::of(result.action), &json(&result)).await?;
                    progress.done(&result.identity);
                    results.insert(position, result);
                    slots.push(None);
                    continue;
                }
                let ReadChange { change, site, prepared } = *read;
                let saved = saved.get(&position).filter(|_| !waited.contains(&seq));
                let saved = saved.map(|(base, planned)| (base.as_str(), planned));
                let taken_up = begun_before.get(&row).copied();
                let job = Job { seq, change, site, taken_up, saved, before: Vec::new() };
                slots.push(Some(Begun { position, job, ready: Some(prepared) }));
            }
            Read::Refused(refused) => {
                let result = refused.result(sites.default_name());
                if let Some(seq) = seqs.get(&position) {
                    journal.finish(*seq, State::Refused, &json(&result)).await?;
                }
                results.insert(position, result);
            }
        }
    }
    let executor = Executor { journal, secrets: &secrets, begun };
    let mut wrote = false;
    let mut waiting = Vec::new();
    for turn in Turn::ALL {
        let mut of_turn = |at: &usize| {
            let slot = slots.get_mut(*at)?;
            slot.take_if(|begun| Turn::of(&begun.job.change) == turn)
        };
        let mut lanes: Vec<Vec<Begun<'_>>> =
            lanes.iter().map(|lane| lane.iter().filter_map(&mut of_turn).collect()).collect();
        // Nobody waits behind those who wait for replication.
        lanes.sort_by_key(|lane| lane.first().is_some_and(Begun::may_have_to_wait));
        if wrote {
            // What an earlier turn wrote was not seen by the first read.
            lanes.iter_mut().flatten().for_each(|begun| begun.ready = None);
        }
        let done = apply::lanes(&executor, lanes, at_once(&open), progress, stop).await?;
        wrote |= done.results.values().any(|result| !result.steps.is_empty());
        results.extend(done.results);
        waiting.extend(done.waiting);
    }
    let done = mailboxes(&executor, waiting, &open, progress, stop).await?;
    results.extend(done);
    Ok(results.into_values().collect())
}

/// Between two looks for mailboxes that licences bring: at first, and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// Waits for mailboxes that licences bring (or take away), as long as one run may on their connection, and goes on with the lanes
/// behind them.
async fn mailboxes(
    executor: &Executor<'_>,
    mut waiting: Vec<apply::Lane<'_>>,
    open: &BTreeMap<String, Site>,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<BTreeMap<usize, ChangeResult>, JournalError> {
    let mut results = BTreeMap::new();
    let begun = Instant::now();
    let wait = |lane: &apply::Lane<'_>| {
        let cloud = lane.first().and_then(|begun| begun.job.site.cloud.as_ref());
        cloud.map_or(Duration::ZERO, |cloud| cloud.settings.mailbox_wait).saturating_sub(begun.elapsed())
    };
    let mut given_up = Vec::new();
    let (mut pause, most) = LOOK;
    loop {
        let (still, over): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|lane| !wait(lane).is_zero());
        waiting = still;
        given_up.extend(over);
        let Some(nearest) = waiting.iter().map(wait).min() else { break };
        tokio::select! {
            () = tokio::time::sleep(pause.min(nearest)) => {}
            () = stop.requested() => break,
        }
        pause = (pause * 2).min(most);
        let (arrived, still) = apply::arrived(waiting).await;
        waiting = still;
        let done = apply::lanes(executor, arrived, at_once(open), progress, stop).await?;
        results.extend(done.results);
        waiting.extend(done.waiting);
    }
    given_up.extend(waiting);
    given_up.iter().flatten().for_each(|begun| progress.done(&begun.job.change.identity));
    Ok(results)
}

type SavedSteps = BTreeMap<usize, (String, Planned)>;

/// What work comes to.
struct Taken {
    rows: Vec<Row>,
    origin: Origin,
    saved: SavedSteps,
    secrets: SecretStore,
}

/// Where rows come from.
enum Origin {
    /// A source that writes them so; a saved plan does not say how
    Source { form: Option<Form>, written: Vec<String> },
    /// The journal, which holds them under these numbers
    Journal(Vec<Seq>),
}

fn taken_apart(work: Work) -> Taken {
    let saved = SavedSteps::new();
    match work {
        Work::Flow(Flow { rows, form, written, secrets, .. }) => {
            Taken { rows, origin: Origin::Source { form: Some(form), written }, saved, secrets }
        }
        Work::Retry(Flow { rows, secrets, .. }, known) => {
            Taken { rows, origin: Origin::Journal(known), saved, secrets }
        }
        Work::Plan(plan) => {
            let mut saved = saved;
            let mut rows = Vec::new();
            for change in plan.changes {
                match (change.change, change.planned) {
                    (Some(wanted), Some(planned)) => {
                        saved.insert(rows.len(), (change.base_hash.unwrap_or_default(), planned));
                        rows.push(Row::Change(Box::new(wanted)));
                    }
                    _ => rows.push(Row::Refused(RefusedRow {
                        change_id: change.result.change_id,
                        source: change.result.source,
                        connection: Some(change.result.connection),
                        identity: change.result.identity,
                        problems: change.result.error.iter().map(|error| error.message.clone()).collect(),
                        hint: change.result.error.and_then(|error| error.hint),
                    })),
                }
            }
            let origin = Origin::Source { form: None, written: Vec::new() };
            Taken { rows, origin, saved, secrets: SecretStore::default() }
        }
    }
}

/// Journals the changes; for each row what became of that.
async fn enqueue(
    sites: &Sites,
    journal: &Journal,
    run: Uuid,
    rows: &[Row],
    origin: &Origin,
) -> Result<Vec<Option<Enqueued>>, JournalError> {
    if let Origin::Journal(known) = origin {
        journal.requeue(run, known).await?;
        return Ok(known.iter().map(|seq| Some(Enqueued::Again(*seq))).collect());
    }
    let new: Vec<NewChange> = rows
        .iter()
        .filter_map(row_change)
        .map(|change| NewChange::of(change, change.connection.as_deref().unwrap_or(sites.default_name())))
        .collect();
    let mut outcomes = journal.enqueue(run, &new).await?.into_iter();
    Ok(rows.iter().map(|row| row_change(row).and_then(|_| outcomes.next())).collect())
}

/// Journals the rows of the run as its report lists them, with the results that are known already.
async fn record_rows(
    journal: &Journal,
    run: Uuid,
    origin: Origin,
    enqueued: &[Option<Enqueued>],
    results: &BTreeMap<usize, ChangeResult>,
) -> Result<(), JournalError> {
    let (form, written) = match origin {
        Origin::Source { form, written } => (form, written),
        Origin::Journal(known) => {
            for (position, result) in results {
                if let Some(seq) = known.get(*position) {
                    journal.finish(*seq, State::Refused, &json(result)).await?;
                }
            }
            return Ok(());
        }
    };
    let mut written = written.into_iter();
    let rows = enqueued.iter().enumerate().map(|(position, enqueued)| NewRow {
        change: match enqueued {
            Some(Enqueued::New(seq) | Enqueued::Again(seq) | Enqueued::Done(seq, _)) => Some(*seq),
            Some(Enqueued::Conflict { .. }) | None => None,
        },
        written: written.next(),
        result: results.get(&position).map(json),
    });
    journal.record_rows(run, form.as_ref(), &rows.collect::<Vec<_>>()).await
}

fn json(result: &ChangeResult) -> Json {
    serde_json::to_value(result).unwrap_or_default()
}

fn row_change(row: &Row) -> Option<&Change> {
    match row {
        Row::Change(change) => Some(change),
        Row::Refused(_) => None,
    }
}

fn refused(change: &Change, connection: &str, error: ResultError) -> ChangeResult {
    let mut result = ChangeResult::of_plan(change, connection, &Planned::new(Action::Refused, None));
    result.error = Some(error);
    result
}

fn plain(class: ErrorClass, message: String) -> ResultError {
    ResultError::new(class, message)
}

/// A row after the first read of its account.
enum Read<'a> {
    Refused(RefusedRow),
    Change(Box<ReadChange<'a>>),
}

struct ReadChange<'a> {
    change: Change,
    site: &'a Site,
    prepared: Result<Prepared, ResultError>,
}

impl ReadChange<'_> {
    fn guid(&self) -> Option<Uuid> {
        self.prepared.as_ref().ok()?.current.as_ref().map(|recipient| recipient.guid)
    }

    fn is_held(&self, held: &Held) -> bool {
        held.has(&self.site.connection.name, &self.change, self.guid())
    }

    /// Left as it is, because a later change of the account has been carried out.
    fn overtaken(&self, later: &str, has_begun: bool) -> ChangeResult {
        let action = if has_begun { Action::Failed } else { Action::Refused };
        let planned = Planned::new(action, self.guid());
        let mut result = ChangeResult::of_plan(&self.change, &self.site.connection.name, &planned);
        let message =
            format!("the later change `{later}` of the same account is done, and wants something else");
        let error = ResultError::new(ErrorClass::Conflict, message);
        result.error =
            Some(error.hint("if this one is still right, try it again: mailwright retry --change ID"));
        result
    }

    /// Not begun, because an earlier change waits; the journal keeps it.
    fn waits(&self) -> ChangeResult {
        apply::waits_behind(&self.change, &self.site.connection.name, self.guid())
    }
}

impl Read<'_> {
    fn change(&self) -> Option<&ReadChange<'_>> {
        match self {
            Read::Change(read) => Some(read),
            Read::Refused(_) => None,
        }
    }

    fn prepared(&self) -> Option<&Prepared> {
        self.change().and_then(|read| read.prepared.as_ref().ok())
    }

    fn for_lanes(&self) -> Option<(&Change, Option<&Recipient>)> {
        let current = self.prepared().and_then(|prepared| prepared.current.as_ref());
        self.change().map(|read| (&read.change, current))
    }

    fn planned(&self, sites: &Sites) -> PlannedChange {
        let (change, site, prepared) = match self {
            Read::Refused(row) => return PlannedChange::unplanned(row.result(sites.default_name())),
            Read::Change(read) => (&read.change, read.site, &read.prepared),
        };
        let name = &site.connection.name;
        match prepared {
            Ok(prepared) => {
                let base = base_hash(prepared.current.as_ref());
                PlannedChange::new(change.clone(), name, prepared.planned.clone(), Some(base))
            }
            Err(error) => {
                let mut result = refused(change, name, error.clone());
                if !is_refusal(error.class) {
                    result.action = Action::Failed;
                }
                PlannedChange::unplanned(result)
            }
        }
    }
}

/// The accounts of changes that an interrupted run may have written already, by their place in what is to be done.
async fn begun_before(
    journal: &Journal,
    enqueued: &[Option<Enqueued>],
    todo: &[usize],
) -> Result<BTreeMap<usize, Option<Uuid>>, JournalError> {
    let mut known = BTreeMap::new();
    for (at, row) in todo.iter().enumerate() {
        if let Some(Some(Enqueued::Again(seq))) = enqueued.get(*row)
            && let Some(account) = journal.has_written(*seq).await?
        {
            known.insert(at, account);
        }
    }
    Ok(known)
}

/// The changes that an earlier run has begun and found to wait. What they wait for changes their accounts, so a saved plan does not
/// bind them any more.
async fn waited(journal: &Journal, enqueued: &[Option<Enqueued>]) -> Result<BTreeSet<Seq>, JournalError> {
    let mut waited = BTreeSet::new();
    for enqueued in enqueued {
        if let Some(Enqueued::Again(seq)) = enqueued
            && journal.has_waited(*seq).await?
        {
            waited.insert(*seq);
        }
    }
    Ok(waited)
}

/// Reads and plans every row with few cmdlets; in the order of the rows. `known` has the accounts that go by their GUID.
async fn read_all<'a>(
    sites: &Sites,
    open: &'a BTreeMap<String, Site>,
    rows: Vec<Row>,
    known: &BTreeMap<usize, Option<Uuid>>,
    progress: Option<&dyn Progress>,
) -> Vec<Read<'a>> {
    let mut read: Vec<Option<Read<'a>>> = Vec::new();
    read.resize_with(rows.len(), || None);
    let mut by_site: BTreeMap<&str, Vec<(usize, Box<Change>)>> = BTreeMap::new();
    for (position, row) in rows.into_iter().enumerate() {
        let change = match row {
            Row::Refused(refused) => {
                read[position] = Some(Read::Refused(refused));
                continue;
            }
            Row::Change(change) => change,
        };
        let name = change.connection.clone().unwrap_or_else(|| sites.default_name().to_owned());
        match open.get_key_value(&name) {
            Some((name, _)) => by_site.entry(name.as_str()).or_default().push((position, change)),
            None => read[position] = Some(Read::Refused(no_connection(*change, &name))),
        }
    }
    for (name, mut changes) in by_site {
        let Some(site) = open.get(name) else { continue };
        while !changes.is_empty() {
            let some: Vec<_> = changes.drain(..changes.len().min(READ_TOGETHER)).collect();
            let asked: Vec<_> = some
                .iter()
                .map(|(row, change)| (change.as_ref(), Known::of(known.get(row).copied())))
                .collect();
            let prepared = prepare_many(site, &asked).await;
            for ((position, change), prepared) in some.into_iter().zip(prepared) {
                if let Some(progress) = progress {
                    progress.done(&change.identity);
                }
                let one = ReadChange { change: *change, site, prepared };
                read[position] = Some(Read::Change(Box::new(one)));
            }
        }
    }
    // INVARIANT: each row is a refusal or belongs to one site.
    read.into_iter().flatten().collect()
}

fn no_connection(change: Change, name: &str) -> RefusedRow {
    RefusedRow {
        problems: vec![format!("there is no connection `{name}`")],
        change_id: change.change_id,
        source: change.source,
        connection: change.connection,
        identity: change.identity,
        hint: None,
    }
}

fn at_once(open: &BTreeMap<String, Site>) -> usize {
    let most = open.values().map(|site| site.connection.concurrency).max().unwrap_or(1).max(1);
    usize::try_from(most).unwrap_or(1)
}

/// `R33` for the flow as a whole, for each connection.
fn guard(open: &BTreeMap<String, Site>, read: &[Read<'_>]) -> Result<(), RunError> {
    for (name, site) in open {
        let of_site =
            read.iter().filter(|read| read.change().is_some_and(|read| read.site.connection.name == *name));
        let plans = of_site.filter_map(|read| read.prepared().map(|prepared| &prepared.planned));
        if let Some(finding) = plan::mass_removal(plans, site.connection.max_removing_percent) {
            return Err(RunError::Guard(Box::new(finding)));
        }
    }
    Ok(())
}
