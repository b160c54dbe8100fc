//! One change from its journal entry to its result: read, planned, written step by step, read back.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::Value as Json;
use uuid::Uuid;

use super::base_hash;
use super::intake::SecretStore;
use super::journal::{Journal, JournalError, Seq, State, StepOutcome};
use super::prepare::{Prepared, failure, is_refusal, prepare};
use super::site::Site;
use super::verify;
use crate::exchange::{Answer, Call, recipient};
use crate::plan::{self, CreateMethod, ParameterValue, Planned, Step};
use crate::recipient::{Action, Change, ErrorClass, Identity, ObjectType, Operation, Recipient};
use crate::report::{ChangeResult, Diff, ResultError, StepResult};

/// How often a change is read and planned again after a step whose outcome is not known.
const MAX_ATTEMPTS: u32 = 3;
/// How old a read may be when the first write of a change is made.
const FRESH: Duration = Duration::from_secs(60);
/// Between two looks for an object that has not replicated yet.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What a change is executed with.
pub(super) struct Executor<'a> {
    pub(super) journal: &'a Journal,
    pub(super) secrets: &'a SecretStore,
}

/// A change that is to be executed.
pub(super) struct Job<'a> {
    pub(super) seq: Seq,
    pub(super) change: &'a Change,
    pub(super) site: &'a Site,
    /// Of a saved plan: the state it was made from, and its steps
    pub(super) saved: Option<(&'a str, &'a Planned)>,
}

/// How the steps of one attempt ended.
enum Ended {
    Done,
    /// Exchange refused, or it never came to sending
    Refused(ResultError),
    /// No answer: the step may have happened
    InDoubt(ResultError),
}

impl Executor<'_> {
    /// Executes a change. `ready` is what was read and planned for it before, if that still counts.
    pub(super) async fn execute(
        &self,
        job: &Job<'_>,
        ready: Option<Result<Prepared, ResultError>>,
    ) -> Result<ChangeResult, JournalError> {
        let mut result = ChangeResult::of_plan(
            job.change,
            &job.site.connection.name,
            &Planned::new(Action::Unchanged, None),
        );
        let mut ready = ready.filter(is_fresh);
        let mut made = false;
        for attempt in 1..=MAX_ATTEMPTS {
            let number = self.journal.begin(job.seq).await?;
            result.attempts = number;
            let prepared = match ready.take() {
                Some(prepared) => prepared,
                None => prepare(job.site, job.change).await,
            };
            let prepared = match prepared {
                Ok(prepared) => self.wait_for_arrival(job, prepared).await,
                Err(error) => Err(error),
            };
            let mut prepared = match prepared {
                Ok(prepared) => prepared,
                Err(error) => return self.finish(job, result, Err(error)).await,
            };
            let base = base_hash(prepared.current.as_ref());
            let guid = prepared.current.as_ref().map(|recipient| recipient.guid);
            self.journal.record_read(job.seq, guid, &base).await?;
            // The account was read: what came of an earlier step is known now.
            self.journal.settle(job.seq).await?;
            if let Some((saved_base, saved)) = job.saved.filter(|_| attempt == 1) {
                if saved_base != base {
                    let error = ResultError {
                        class: ErrorClass::Conflict,
                        message: "the account has changed since the plan was made; nothing was written"
                            .into(),
                        hint: Some("make the plan again".into()),
                        owner: None,
                    };
                    result.guid = guid;
                    return self.finish(job, result, Err(error)).await;
                }
                prepared.planned = saved.clone();
            }
            let masked = prepared.planned.steps.iter().map(Step::to_json).collect();
            let diff = Diff::of(&prepared.planned, prepared.current.as_ref());
            let diff = serde_json::to_value(diff).unwrap_or_default();
            self.journal.record_plan(job.seq, &Json::Array(masked), &diff).await?;
            let (action, warnings) = (prepared.planned.action, std::mem::take(&mut result.warnings));
            let sent = std::mem::take(&mut result.steps);
            let attempts = result.attempts;
            result = ChangeResult::of_plan(job.change, &job.site.connection.name, &prepared.planned);
            result.guid = result.guid.or(guid);
            result.attempts = attempts;
            result.steps = sent;
            result.warnings.splice(0..0, warnings);
            if made && matches!(action, Action::Updated | Action::Unchanged) {
                result.action = Action::Created;
            }
            if result.error.is_some() {
                return self.finish(job, result, Ok(())).await;
            }
            match self.steps(job, number, &prepared, &mut result).await? {
                Ended::Done => {
                    let verified = self.verify(job, &prepared, &mut result).await;
                    return self.finish(job, result, verified).await;
                }
                Ended::Refused(error) => return self.finish(job, result, Err(error)).await,
                Ended::InDoubt(error) if attempt == MAX_ATTEMPTS => {
                    return self.finish(job, result, Err(error)).await;
                }
                Ended::InDoubt(_) => made |= action == Action::Created,
            }
        }
        // INVARIANT: the last attempt returns above.
        Ok(result)
    }

    /// A user who is to be enabled may have been made a moment ago on another domain controller.
    async fn wait_for_arrival(&self, job: &Job<'_>, mut prepared: Prepared) -> Result<Prepared, ResultError> {
        let deadline = Instant::now() + job.site.connection.replication_wait;
        let waits = matches!(job.change.operation, Operation::Ensure | Operation::Create)
            && job.site.policy.create_method == CreateMethod::Enable
            && job.change.object_type == ObjectType::Mailbox;
        while waits
            && prepared.current.is_none()
            && prepared.planned.refusal_class() == Some(ErrorClass::NotFound)
            && Instant::now() < deadline
        {
            tokio::time::sleep(LOOK_AGAIN).await;
            prepared = prepare(job.site, job.change).await?;
        }
        Ok(prepared)
    }

    async fn steps(
        &self,
        job: &Job<'_>,
        attempt: u32,
        prepared: &Prepared,
        result: &mut ChangeResult,
    ) -> Result<Ended, JournalError> {
        let mut remaining = prepared.planned.steps.clone();
        let mut number = 0;
        while !remaining.is_empty() {
            let step = remaining.remove(0);
            if step.after.is_some() && number > 0 {
                result.action = Action::Pending;
                result
                    .warnings
                    .push(format!("{} waits for directory synchronisation; run the flow again", step.cmdlet));
                return Ok(Ended::Done);
            }
            number += 1;
            let secret = match self.secret(job.change, &step) {
                Ok(secret) => secret,
                Err(error) => return Ok(Ended::Refused(error)),
            };
            let Some(call) = Call::of_step(&step, secret.as_ref()) else {
                return Ok(Ended::Refused(unavailable("the password of the row is not there")));
            };
            let parameters = StepResult::from(&step).parameters;
            self.journal.intent(job.seq, attempt, number, &step.cmdlet, &parameters).await?;
            result.steps.push(StepResult::from(&step));
            let answer = match prepared.directory.exchange().run(&call).await {
                Ok(answer) => answer,
                Err(error) => {
                    let message = format!("{} may or may not have been carried out: {error}", step.cmdlet);
                    self.journal
                        .outcome(job.seq, attempt, number, StepOutcome::Unknown, Some(&message))
                        .await?;
                    let class = error.class();
                    return Ok(Ended::InDoubt(ResultError { class, message, hint: None, owner: None }));
                }
            };
            result.warnings.extend(answer.notable_warnings().cloned());
            if let Some(refusal) = answer.refusal() {
                self.journal
                    .outcome(job.seq, attempt, number, StepOutcome::Failed, Some(&refusal.message))
                    .await?;
                let message = format!("{}: {}", step.cmdlet, refusal.message);
                let (class, hint, owner) = (refusal.class, refusal.hint, refusal.owner);
                return Ok(Ended::Refused(ResultError { class, message, hint, owner }));
            }
            self.journal.outcome(job.seq, attempt, number, StepOutcome::Done, None).await?;
            if makes_a_mailbox(&step) && prepared.planned.action == Action::Created {
                match self.after_create(job, prepared, &answer, &remaining, result).await {
                    Ok(steps) => remaining = steps,
                    Err(error) => return Ok(Ended::Refused(error)),
                }
            }
        }
        Ok(Ended::Done)
    }

    fn secret(&self, change: &Change, step: &Step) -> Result<Option<SecretString>, ResultError> {
        let needed = step.parameters.iter().any(|(_, value)| matches!(value, ParameterValue::Secret(_)));
        if !needed {
            return Ok(None);
        }
        match self.secrets.resolve(change) {
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
        let made = answer.objects.iter().find_map(|object| recipient(object).ok());
        let guid = made.map(|made| made.guid).or_else(|| prepared.current.as_ref().map(|user| user.guid));
        result.guid = guid.or(result.guid);
        if remaining.is_empty() {
            return Ok(Vec::new());
        }
        let created = self.made(job, prepared, guid).await?;
        result.guid = Some(created.guid);
        let (steps, findings) =
            plan::plan_after_create(&created, job.change, &job.site.policy, &prepared.context, remaining);
        for finding in &findings {
            if finding.severity == plan::Severity::Refusal {
                return Err(ResultError::from(finding));
            }
            result.warnings.push(finding.to_string());
        }
        Ok(steps)
    }

    /// The new mailbox, once it shows as one.
    async fn made(
        &self,
        job: &Job<'_>,
        prepared: &Prepared,
        guid: Option<Uuid>,
    ) -> Result<Recipient, ResultError> {
        let identity = match guid {
            Some(guid) => Identity::Guid(guid),
            None => Identity::parse(&job.change.identity).map_err(|error| unavailable(&error.to_string()))?,
        };
        let deadline = Instant::now() + job.site.connection.replication_wait;
        loop {
            match prepared.directory.find(job.change.object_type, &identity).await {
                Ok(Some(found)) if !matches!(found.kind, crate::recipient::RecipientKind::User) => {
                    return Ok(found);
                }
                Ok(_) if Instant::now() < deadline => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(_) => {
                    return Err(ResultError {
                        class: ErrorClass::Transient,
                        message: format!(
                            "the new mailbox does not show within {} s",
                            job.site.connection.replication_wait.as_secs()
                        ),
                        hint: Some("run the flow again; it goes on where this ended".into()),
                        owner: None,
                    });
                }
                Err(error) => return Err(failure(error)),
            }
        }
    }

    /// Reads the account back and compares it with what was wanted.
    async fn verify(
        &self,
        job: &Job<'_>,
        prepared: &Prepared,
        result: &mut ChangeResult,
    ) -> Result<(), ResultError> {
        if result.steps.is_empty() || result.action == Action::Pending {
            return Ok(());
        }
        let identity = match result.guid {
            Some(guid) => Identity::Guid(guid),
            None => Identity::parse(&job.change.identity).map_err(|error| unavailable(&error.to_string()))?,
        };
        let found = prepared.directory.find(job.change.object_type, &identity).await.map_err(failure)?;
        verify::compare(found.as_ref(), job.change, result.action, &job.site.policy, &prepared.context)
    }

    async fn finish(
        &self,
        job: &Job<'_>,
        mut result: ChangeResult,
        end: Result<(), ResultError>,
    ) -> Result<ChangeResult, JournalError> {
        if let Err(error) = end {
            let refused = result.steps.is_empty() && is_refusal(error.class);
            result.action = if refused { Action::Refused } else { Action::Failed };
            result.error = Some(error);
        }
        let state = match result.action {
            Action::Refused => State::Refused,
            Action::Failed => State::Failed,
            Action::Pending => State::Pending,
            _ => State::Done,
        };
        let json = serde_json::to_value(&result).unwrap_or_default();
        self.journal.finish(job.seq, state, &json).await?;
        Ok(result)
    }
}

fn is_fresh(ready: &Result<Prepared, ResultError>) -> bool {
    ready.as_ref().is_ok_and(|prepared| prepared.read_at.elapsed() < FRESH)
}

/// Whether the step makes the mailbox itself, and not only its archive.
fn makes_a_mailbox(step: &Step) -> bool {
    let creates = step.cmdlet.starts_with("New-") || step.cmdlet.starts_with("Enable-");
    creates && !(step.cmdlet.starts_with("Enable-") && step.parameter("Archive").is_some())
}

fn unavailable(reason: &str) -> ResultError {
    ResultError {
        class: ErrorClass::SecretUnavailable,
        message: reason.to_owned(),
        hint: Some("give the flow again with its passwords".into()),
        owner: None,
    }
}
