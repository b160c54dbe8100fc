//! One change from its journal entry to its result: read, planned, written step by step, read back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::Value as Json;
use uuid::Uuid;

use super::base_hash;
use super::intake::SecretStore;
use super::journal::{Journal, JournalError, PlanRecord, Seq, State, StepOutcome};
use super::prepare::{Known, Prepared, is_refusal, no_answer, prepare, read_many};
use super::retry::{self, Begin, Breaker};
use super::site::Site;
use super::verify;
use super::wait::Looks;
use crate::exchange::{Answer, Call, Refusal, graph};
use crate::plan::{self, ParameterValue, Planned, Step, Wait};
use crate::recipient::{Action, Change, ErrorClass, ObjectType, Operation, Recipient, RecipientKind, Side};
use crate::report::{ChangeResult, Diff, ResultError, StepResult, Way};
use crate::secret::Redaction;

/// How old a read may be when the first write of a change is made.
pub(super) const FRESH: Duration = Duration::from_secs(60);
/// Attempts after which a value that the cloud takes and does not show is a failure.
const UNSEEN_AT_MOST: u32 = 10;

/// What a change is executed with.
pub(super) struct Executor<'a> {
    pub(super) journal: &'a Journal,
    pub(super) secrets: &'a SecretStore,
    /// When the run began to read
    pub(super) begun: Instant,
}

/// A change that is to be executed.
pub(super) struct Job<'a> {
    pub(super) seq: Seq,
    pub(super) change: Change,
    pub(super) site: &'a Site,
    /// Set where an earlier run may have written for this change already: the account, where that is known
    pub(super) taken_up: Option<Option<Uuid>>,
    /// Of a saved plan: the state it was made from, and its steps
    pub(super) saved: Option<(&'a str, &'a Planned)>,
    /// What this run has done for it already, before it had to wait
    pub(super) before: Vec<StepResult>,
}

/// What executing a change came to.
pub(super) enum Executed {
    /// It is through, and the journal has its result
    Finished(ChangeResult),
    /// Everything is written, and nothing read back yet
    Written(Box<Written>),
    /// The connection is out of order for this run; nothing was begun, and the journal keeps the change
    NotBegun(ChangeResult),
    /// What it waits for is not in our hands; the journal keeps the change
    Waits(ChangeResult, Wait),
}

/// A change whose steps are done.
pub(super) struct Written {
    pub(super) result: ChangeResult,
    pub(super) prepared: Box<Prepared>,
}

/// How one attempt ended.
enum Ended {
    Done(Box<Prepared>),
    /// It goes on when that has happened
    Waits(Wait),
    /// For good: what the result says already, or an error
    Finished(Result<(), ResultError>),
    /// Exchange refused or gave no answer; the account is read again before anything else
    Failed(ResultError),
}

impl Executor<'_> {
    /// Executes a change up to reading it back. `ready` is what was read and planned for it before, if that still counts.
    pub(super) async fn execute(
        &self,
        job: &Job<'_>,
        ready: Option<Result<Prepared, ResultError>>,
    ) -> Result<Executed, JournalError> {
        let mut result = ChangeResult::of_plan(
            &job.change,
            &job.site.connection.name,
            &Planned::new(Action::Unchanged, None),
        );
        result.steps.clone_from(&job.before);
        let mut ready = ready.filter(is_fresh);
        let begun = Instant::now();
        let mut attempt = 0;
        loop {
            if !may_begin(&job.site.breaker).await {
                let error = ResultError::new(ErrorClass::SessionLost, "the connection is out of order");
                let error = error.hint("see what `mailwright doctor` says, then run the same command again");
                if attempt > 0 {
                    return self.finished(job, result, Err(error)).await;
                }
                result.action = Action::Pending;
                result.error = Some(error);
                return Ok(Executed::NotBegun(result));
            }
            attempt += 1;
            let number = self.journal.begin(job.seq).await?;
            result.attempts = number;
            let ended = self.attempt(job, ready.take(), (attempt, number), &mut result).await?;
            note(&job.site.breaker, &ended);
            let error = match ended {
                Ended::Done(prepared) => {
                    return Ok(Executed::Written(Box::new(Written { result, prepared })));
                }
                Ended::Finished(end) => return self.finished(job, result, end).await,
                Ended::Waits(wait) => return self.wait(job, result, wait).await,
                Ended::Failed(error) => error,
            };
            let wait = retry::delay(attempt, error.pace.after, chance());
            let in_time = begun.elapsed() + wait < job.site.connection.timeouts.change;
            // Whatever the answer was, the account tells what was done.
            let may_pass = retry::may_pass(error.class)
                || attempt == 1 && self.journal.is_in_doubt(job.seq, number).await?;
            let may_pass = may_pass && error.pace.way != Way::AccountRefused;
            if !may_pass || attempt >= retry::MAX_ATTEMPTS || !in_time {
                return self.finished(job, result, Err(error)).await;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// One attempt: read, planned, written.
    async fn attempt(
        &self,
        job: &Job<'_>,
        ready: Option<Result<Prepared, ResultError>>,
        (attempt, number): (u32, u32),
        result: &mut ChangeResult,
    ) -> Result<Ended, JournalError> {
        let prepared = match ready {
            Some(prepared) => prepared,
            None => {
                // What was written so far may have changed what the row calls it.
                prepare(job.site, &job.change, known(job, result)).await
            }
        };
        let prepared = match prepared {
            Ok(prepared) => self.wait_for_arrival(job, prepared).await,
            Err(error) => Err(error),
        };
        let prepared = match prepared {
            Ok(prepared) => self.wait_for_what_was_made(job, prepared).await?,
            Err(error) => Err(error),
        };
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Ended::Failed(error)),
        };
        let base = base_hash(prepared.current.as_ref());
        let guid = prepared.current.as_ref().map(|recipient| recipient.guid);
        // What a run before this one began is not what the plan was made for any more, by our own hand.
        if let Some((saved_base, saved)) = job.saved.filter(|_| attempt == 1 && job.taken_up.is_none()) {
            if saved_base != base {
                let error = ResultError::new(
                    ErrorClass::Conflict,
                    "the account has changed since the plan was made; nothing was written",
                );
                result.guid = guid;
                return Ok(Ended::Finished(Err(error.hint("make the plan again"))));
            }
            prepared.planned = saved.clone();
        }
        let masked = prepared.planned.steps.iter().map(Step::to_json).collect();
        let diff = Diff::of(&prepared.planned, prepared.current.as_ref());
        let read = PlanRecord {
            guid,
            base_hash: &base,
            steps: Json::Array(masked),
            diff: serde_json::to_value(diff).unwrap_or_default(),
        };
        // The account was read: what came of an earlier step is known now.
        self.journal.record_plan(job.seq, &read).await?;
        let former = std::mem::replace(
            result,
            ChangeResult::of_plan(&job.change, &job.site.connection.name, &prepared.planned),
        );
        result.guid = result.guid.or(guid);
        result.attempts = former.attempts;
        result.steps = former.steps;
        result.warnings.splice(0..0, former.warnings);
        // What an earlier attempt made, perhaps in another run, is made by this change.
        if matches!(prepared.planned.action, Action::Updated | Action::Unchanged)
            && self.journal.has_made(job.seq).await?
        {
            result.action = Action::Created;
        }
        // Likewise what an earlier attempt wrote or took away.
        if result.action == Action::Unchanged && self.journal.has_written(job.seq).await?.is_some() {
            result.action = match job.change.operation {
                Operation::Disable => Action::Disabled,
                Operation::Remove => Action::Removed,
                Operation::Ensure | Operation::Create | Operation::Update => Action::Updated,
            };
        }
        if result.error.is_some() {
            return Ok(Ended::Finished(Ok(())));
        }
        Ok(match self.steps(job, number, &prepared, result).await? {
            Ok(None) => Ended::Done(Box::new(prepared)),
            Ok(Some(wait)) => Ended::Waits(wait),
            Err(error) => Ended::Failed(error),
        })
    }

    /// Runs the steps, each journalled before and after. An error of a class that may pass leaves open what has happened.
    async fn steps(
        &self,
        job: &Job<'_>,
        attempt: u32,
        prepared: &Prepared,
        result: &mut ChangeResult,
    ) -> Result<Result<Option<Wait>, ResultError>, JournalError> {
        let mut remaining = prepared.planned.steps.clone();
        let mut number = 0;
        while !remaining.is_empty() {
            let step = remaining.remove(0);
            match step.after {
                // Of the first step another read has shown that synchronisation is through.
                Some(Wait::DirectorySync) if number == 0 => {}
                Some(wait) => return Ok(Ok(Some(wait))),
                None => {}
            }
            number += 1;
            let secret = match self.secret(job, &step).await {
                Ok(secret) => secret,
                Err(error) => return Ok(Err(error)),
            };
            let mut secrets = Redaction::default();
            secret.iter().for_each(|secret| secrets.hide(secret));
            let Some(call) = Call::of_step(&step, secret.as_ref()) else {
                return Ok(Err(unavailable("the password of the row is not there")));
            };
            let parameters = StepResult::from(&step).parameters;
            self.journal.intent(job.seq, attempt, number, &step.cmdlet, &parameters).await?;
            result.steps.push(StepResult::from(&step));
            let answer = match prepared.directory.exchange().run(&call).await {
                Ok(answer) => answer,
                Err(error) => {
                    let message = format!("{} may or may not have been carried out: {error}", step.cmdlet);
                    let message = secrets.clean(&message);
                    self.journal
                        .outcome(job.seq, attempt, number, StepOutcome::Unknown, Some(&message))
                        .await?;
                    return Ok(Err(no_answer(&error, message)));
                }
            };
            // A server may repeat what it was given.
            result.warnings.extend(answer.notable_warnings().map(|warning| secrets.clean(warning)));
            if let Some(mut refusal) = answer.refusal() {
                refusal.message = secrets.clean(&refusal.message);
                name_owner(&mut refusal, prepared).await;
                self.journal
                    .outcome(job.seq, attempt, number, StepOutcome::Failed, Some(&refusal.message))
                    .await?;
                let message = format!("{}: {}", step.cmdlet, refusal.message);
                let error = ResultError { message, ..refusal.into() };
                return Ok(Err(self.as_the_cloud_means_it(job, &step, error).await?));
            }
            self.journal.outcome(job.seq, attempt, number, StepOutcome::Done, None).await?;
            if step.cmdlet == "New-MgUser" {
                let id =
                    answer.objects.iter().find_map(|object| object.get("Id")?.display_text().parse().ok());
                result.guid = id.or(result.guid);
            }
            if makes_a_mailbox(&step) && prepared.planned.action == Action::Created {
                match self.after_create(job, prepared, &answer, &remaining, result).await {
                    Ok(steps) => remaining = steps,
                    Err(error) => return Ok(Err(error)),
                }
            }
        }
        Ok(Ok(None))
    }

    /// In the cloud, what was made a moment ago is not known everywhere at once: until then the service says that it is not
    /// there, or, of one that was made by an attempt without an answer, that it is there already.
    async fn as_the_cloud_means_it(
        &self,
        job: &Job<'_>,
        step: &Step,
        error: ResultError,
    ) -> Result<ResultError, JournalError> {
        let makes = step.cmdlet.starts_with("New-");
        let may_mean_it = match error.class {
            ErrorClass::NotFound => !makes,
            ErrorClass::Conflict => makes,
            _ => false,
        };
        if step.side != Side::Cloud || !may_mean_it || !self.journal.has_made(job.seq).await? {
            return Ok(error);
        }
        Ok(ResultError { class: ErrorClass::Transient, ..error })
    }

    async fn secret(&self, job: &Job<'_>, step: &Step) -> Result<Option<SecretString>, ResultError> {
        let needed = step.parameters.iter().any(|(_, value)| matches!(value, ParameterValue::Secret(_)));
        if !needed {
            return Ok(None);
        }
        match self.secrets.resolve(&job.change, &job.site.connection.secrets).await {
            Some(Ok(secret)) => Ok(Some(secret)),
            Some(Err(error)) => Err(unavailable(&error.to_string())),
            None => Err(unavailable("the password of the row is not there")),
        }
    }

    /// Looks at what was made, and at the second call again.
    async fn after_create(
        &self,
        job: &Job<'_>,
        prepared: &Prepared,
        answer: &Answer,
        remaining: &[Step],
        result: &mut ChangeResult,
    ) -> Result<Vec<Step>, ResultError> {
        let made = answer.objects.iter().find_map(|object| prepared.directory.recipient(object).ok());
        let guid = made.as_ref().map(|made| made.guid);
        let guid = guid.or_else(|| prepared.current.as_ref().map(|user| user.guid));
        result.guid = guid.or(result.guid);
        // Exchange stamps nothing on a database that a later step would have to heed.
        if remaining.is_empty() || job.change.object_type == ObjectType::MailboxDatabase {
            return Ok(remaining.to_vec());
        }
        // In the cloud it has to show elsewhere too, because the next call may go there.
        let is_here = prepared.directory.side() == Side::Here;
        let created = match made.filter(|made| is_here && shows_its_addresses(made)) {
            Some(created) => created,
            None => self.made(job, prepared, guid).await?,
        };
        result.guid = Some(created.guid);
        let (mut steps, findings) =
            plan::plan_after_create(&created, &job.change, &job.site.policy, &prepared.context, remaining);
        if !is_here {
            // A name may be another one's too; what was made has one that is its own.
            let account = ParameterValue::Text(created.guid.hyphenated().to_string());
            for step in &mut steps {
                let name = if graph::is_graph(&step.cmdlet) { "UserId" } else { "Identity" };
                step.push(name, account.clone());
            }
        }
        for finding in &findings {
            if finding.severity == plan::Severity::Refusal {
                return Err(ResultError::from(finding));
            }
            result.warnings.push(finding.to_string());
        }
        Ok(steps)
    }

    /// Reads one account back and compares it with what was wanted.
    pub(super) async fn verify(&self, job: &Job<'_>, written: Written) -> Result<ChangeResult, JournalError> {
        let mut verified = self.verify_many(vec![(job, written)]).await?;
        // INVARIANT: one change has one result.
        Ok(verified.remove(0))
    }

    /// [`Executor::verify`] for many accounts of one connection, with few cmdlets.
    pub(super) async fn verify_many(
        &self,
        many: Vec<(&Job<'_>, Written)>,
    ) -> Result<Vec<ChangeResult>, JournalError> {
        let mut by_place: BTreeMap<(Side, Option<String>), Vec<usize>> = BTreeMap::new();
        for (position, (job, written)) in many.iter().enumerate() {
            if needs_reading_back(&written.result) {
                let place = (written.prepared.directory.side(), job.change.domain_controller.clone());
                by_place.entry(place).or_default().push(position);
            }
        }
        let mut ends = BTreeMap::new();
        for ((side, _), positions) in by_place {
            read_back(&many, side, positions, &mut ends).await;
        }
        let mut results = Vec::with_capacity(many.len());
        for (position, (job, written)) in many.into_iter().enumerate() {
            let side = written.prepared.directory.side();
            let result = match ends.remove(&position) {
                Some(Err(error)) if side == Side::Cloud => self.unseen(job, written.result, error).await?,
                end => self.finish(job, written.result, end.unwrap_or(Ok(()))).await?,
            };
            results.push(result);
        }
        Ok(results)
    }

    /// What the cloud has taken and does not show yet: the next run reads it again, and writes only what is missing then.
    async fn unseen(
        &self,
        job: &Job<'_>,
        mut result: ChangeResult,
        error: ResultError,
    ) -> Result<ChangeResult, JournalError> {
        if result.attempts >= UNSEEN_AT_MOST {
            return self.finish(job, result, Err(error)).await;
        }
        result.action = Action::Pending;
        result.error = Some(error);
        self.finish(job, result, Ok(())).await
    }

    pub(super) async fn finished(
        &self,
        job: &Job<'_>,
        result: ChangeResult,
        end: Result<(), ResultError>,
    ) -> Result<Executed, JournalError> {
        Ok(Executed::Finished(self.finish(job, result, end).await?))
    }

    pub(super) async fn finish(
        &self,
        job: &Job<'_>,
        mut result: ChangeResult,
        end: Result<(), ResultError>,
    ) -> Result<ChangeResult, JournalError> {
        if let Err(error) = end {
            // What has waited was begun.
            let begun = !result.steps.is_empty() || result.action == Action::Pending;
            let refused = !begun && is_refusal(error.class);
            result.action = if refused { Action::Refused } else { Action::Failed };
            result.error = Some(error);
        }
        let json = serde_json::to_value(&result).unwrap_or_default();
        self.journal.finish(job.seq, State::of(result.action), &json).await?;
        Ok(result)
    }
}

/// `R29`: who holds what was wanted, as fully as it can be told: GUID, type and name. Somebody took it since it was looked up,
/// or it is a name that only Exchange compares.
async fn name_owner(refusal: &mut Refusal, prepared: &Prepared) {
    let Some(known) = refusal.owner.as_deref().or(refusal.taken()) else { return };
    let found = prepared.directory.owner_named(known).await;
    let own = prepared.current.as_ref().map(|current| current.guid);
    if let Some(owner) = found.filter(|owner| owner.guid.is_none() || owner.guid != own) {
        refusal.owner = Some(owner.to_string());
    }
}

/// Whether the answer of a creating cmdlet is the new mailbox as it stands.
fn shows_its_addresses(made: &Recipient) -> bool {
    matches!(made.kind, RecipientKind::Mailbox(_) | RecipientKind::RemoteMailbox(_))
        && !made.email_addresses.is_empty()
        && made.email_address_policy_enabled.is_some()
}

fn needs_reading_back(result: &ChangeResult) -> bool {
    !result.steps.is_empty() && result.action != Action::Pending
}

/// Reads accounts of one place back, and compares. The cloud may show what was written some time later, so it is asked again
/// as long as a new object may stay unseen.
async fn read_back(
    many: &[(&Job<'_>, Written)],
    side: Side,
    mut positions: Vec<usize>,
    ends: &mut BTreeMap<usize, Result<(), ResultError>>,
) {
    let Some((job, written)) = positions.first().and_then(|first| many.get(*first)) else { return };
    let (site, directory) = (job.site, written.prepared.directory.clone());
    let mut looks = Looks::until(Instant::now() + site.connection.replication_wait);
    loop {
        let group: Vec<_> =
            positions.iter().map(|at| (&many[*at].0.change, many[*at].1.result.guid)).collect();
        let found = read_many(site, &directory, &group).await;
        for (at, found) in positions.iter().zip(found) {
            let (job, written) = &many[*at];
            let end =
                found.and_then(|found| compared(job, &written.prepared, &written.result, found.as_ref()));
            ends.insert(*at, end);
        }
        positions.retain(|at| matches!(ends.get(at), Some(Err(_))));
        if side == Side::Here || positions.is_empty() || looks.are_over() {
            return;
        }
        looks.pause().await;
    }
}

fn compared(
    job: &Job<'_>,
    prepared: &Prepared,
    result: &ChangeResult,
    found: Option<&Recipient>,
) -> Result<(), ResultError> {
    verify::compare(found, &job.change, result.action, &job.site.policy, &prepared.context)
}

/// What is known of the account of a change of which something may be done.
fn known(job: &Job<'_>, result: &ChangeResult) -> Known {
    let taken_up = Known::of(job.taken_up);
    match result.steps.is_empty() {
        true => taken_up,
        false => Known { account: result.guid.or(taken_up.account), begun: true },
    }
}

/// Waits until the connection may be used; whether it may.
async fn may_begin(breaker: &Mutex<Breaker>) -> bool {
    loop {
        let begin = breaker.lock().unwrap_or_else(PoisonError::into_inner).begin(Instant::now());
        match begin {
            Begin::Now => return true,
            Begin::Never => return false,
            Begin::After(wait) => tokio::time::sleep(wait).await,
        }
    }
}

fn note(breaker: &Mutex<Breaker>, ended: &Ended) {
    let way = match ended {
        Ended::Failed(error) | Ended::Finished(Err(error)) => error.pace.way,
        Ended::Done(_) | Ended::Waits(_) | Ended::Finished(Ok(())) => Way::Open,
    };
    breaker.lock().unwrap_or_else(PoisonError::into_inner).note(way, Instant::now());
}

/// A number between 0 and 1 for the spread of waits.
pub(crate) fn chance() -> f64 {
    let [byte, ..] = *Uuid::new_v4().as_bytes();
    f64::from(byte) / 255.0
}

fn is_fresh(ready: &Result<Prepared, ResultError>) -> bool {
    ready.as_ref().is_ok_and(|prepared| prepared.read_at.elapsed() < FRESH)
}

/// Whether the step makes the mailbox itself (or the database), and not only its archive.
fn makes_a_mailbox(step: &Step) -> bool {
    let creates = step.cmdlet.starts_with("New-") || step.cmdlet.starts_with("Enable-");
    let creates = creates && !graph::is_graph(&step.cmdlet);
    creates && !(step.cmdlet.starts_with("Enable-") && step.parameter("Archive").is_some())
}

pub(super) fn unavailable(reason: &str) -> ResultError {
    ResultError::new(ErrorClass::SecretUnavailable, reason).hint("give the flow again with its passwords")
}
