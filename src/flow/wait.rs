//! What a change waits for: a user who is still to come, an object that does not show yet, a mailbox that a licence brings.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::execute::{Executed, Executor, Job, unavailable};
use super::journal::JournalError;
use super::prepare::{Known, Prepared, failure, prepare};
use crate::plan::{CreateMethod, Finding, Planned, Wait};
use crate::recipient::{Action, ErrorClass, Identity, ObjectType, Operation, Recipient, RecipientKind, Side};
use crate::report::{ChangeResult, ResultError};

/// Between two looks for an object that is not seen yet, at first.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Looks for something that may still come: rarer and rarer, up to a point in time.
pub(super) struct Looks {
    deadline: Instant,
    pause: Duration,
}

impl Looks {
    pub(super) fn until(deadline: Instant) -> Self {
        Self { deadline, pause: LOOK_AGAIN }
    }

    /// Whether there is no time left for another one.
    pub(super) fn are_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Waits for the next one.
    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.pause.min(self.deadline.saturating_duration_since(Instant::now()))).await;
        self.pause = (self.pause * 2).min(LOOK_AGAIN * 10);
    }
}

impl Executor<'_> {
    /// The change is kept in the journal until what it waits for has happened; a mailbox is not waited for without an end.
    pub(super) async fn wait(
        &self,
        job: &Job<'_>,
        mut result: ChangeResult,
        wait: Wait,
    ) -> Result<Executed, JournalError> {
        result.action = Action::Pending;
        let what = match wait {
            Wait::DirectorySync => {
                let next = result.steps.last().map_or("the next step", |step| step.cmdlet.as_str());
                let waits =
                    format!("what follows {next} waits for directory synchronisation; run the flow again");
                result.warnings.push(waits);
                return Ok(Executed::Waits(self.finish(job, result, Ok(())).await?, wait));
            }
            Wait::Mailbox => "the mailbox that the licence brings",
            Wait::NoMailbox => "the end of the mailbox whose licence is gone",
        };
        let limit = job.site.cloud.as_ref().map(|cloud| cloud.settings.mailbox_timeout);
        let waited = self.journal.waits_for(job.seq).await?;
        if let Some(limit) = limit.filter(|limit| waited >= *limit) {
            let message = format!("{what} did not come within the {} s of mailbox_timeout", limit.as_secs());
            let error = ResultError::new(ErrorClass::NotFound, message);
            let error =
                error.hint("look at the user's licences and their state in the directory; a later run goes on once the mailbox is there");
            return self.finished(job, result, Err(error)).await;
        }
        let error = ResultError::new(ErrorClass::Transient, format!("it waits for {what}"));
        result.error =
            Some(error.hint("run the flow again, or leave it to `watch`; it goes on where it stands"));
        Ok(Executed::Waits(self.finish(job, result, Ok(())).await?, wait))
    }

    /// What an attempt without an answer may have made is looked for before it is made once more: by the address that
    /// it was given, and in the cloud, where it may not be seen yet, as long as a new object may stay unseen. What certainly was made is
    /// never made again.
    pub(super) async fn wait_for_what_was_made(
        &self,
        job: &Job<'_>,
        mut prepared: Prepared,
    ) -> Result<Result<Prepared, ResultError>, JournalError> {
        if prepared.current.is_some() || !self.journal.has_made(job.seq).await? {
            return Ok(Ok(prepared));
        }
        let sent = self.journal.addresses_sent(job.seq).await?;
        let wait = job.site.connection.replication_wait;
        let mut looks = Looks::until(Instant::now() + wait);
        let mut is_again = false;
        loop {
            let known = match made_by_another_name(job, &prepared, &sent).await {
                Ok(known) => known,
                Err(error) => return Ok(Err(error)),
            };
            if is_again || known.account.is_some() {
                prepared = match prepare(job.site, &job.change, known).await {
                    Ok(prepared) => prepared,
                    Err(error) => return Ok(Err(error)),
                };
            }
            let may_come = known.account.is_some() || may_be_unseen(&prepared);
            if prepared.current.is_some() || !may_come {
                break;
            }
            if looks.are_over() {
                if !self.journal.has_certainly_made(job.seq).await? {
                    break;
                }
                let message = format!("what was made does not show within {} s", wait.as_secs());
                return Ok(Err(ResultError::new(ErrorClass::Transient, message)
                    .hint("run the flow again; it goes on where this ended")));
            }
            looks.pause().await;
            is_again = true;
        }
        Ok(Ok(prepared))
    }

    /// A user who is to be enabled may have been made a moment ago on another domain controller. It was made before the run
    /// began, so that is where the wait begins too: of many who never come, only the first ones are waited for.
    pub(super) async fn wait_for_arrival(
        &self,
        job: &Job<'_>,
        mut prepared: Prepared,
    ) -> Result<Prepared, ResultError> {
        let wait = job.site.connection.replication_wait;
        let mut looks = Looks::until(self.begun + wait);
        while may_arrive(job, &prepared) {
            if looks.are_over() {
                prepared.planned = Planned::refused(did_not_arrive(job, &prepared, wait), None);
                break;
            }
            looks.pause().await;
            prepared = prepare(job.site, &job.change, Known::default()).await?;
        }
        Ok(prepared)
    }

    /// The new mailbox, once it shows as one.
    pub(super) async fn made(
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
                Ok(Some(found)) if !matches!(found.kind, RecipientKind::User) => {
                    return Ok(found);
                }
                Ok(_) if Instant::now() < deadline => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(_) => {
                    let message = format!(
                        "the new mailbox does not show within {} s",
                        job.site.connection.replication_wait.as_secs()
                    );
                    return Err(ResultError::new(ErrorClass::Transient, message)
                        .hint("run the flow again; it goes on where this ended"));
                }
                Err(error) => return Err(failure(error)),
            }
        }
    }
}

/// Whether in the cloud something may be there that a read does not show yet.
fn may_be_unseen(prepared: &Prepared) -> bool {
    let makes = prepared.planned.steps.iter().any(|step| step.cmdlet.starts_with("New-"));
    prepared.directory.side() == Side::Cloud
        && prepared.current.is_none()
        && (makes || prepared.planned.refusal_class() == Some(ErrorClass::Conflict))
}

/// The mailbox that an attempt may have made, where what it was given leads to it and what the change calls it does not.
async fn made_by_another_name(
    job: &Job<'_>,
    prepared: &Prepared,
    sent: &[String],
) -> Result<Known, ResultError> {
    let begun = Known { begun: true, ..Known::of(job.taken_up) };
    for name in sent.iter().filter(|name| !name.eq_ignore_ascii_case(job.change.identity.trim())) {
        let Ok(identity) = Identity::parse(name) else { continue };
        let found = prepared.directory.find(job.change.object_type, &identity).await.map_err(failure)?;
        let is_made = |found: &Recipient| {
            matches!(found.kind, RecipientKind::Mailbox(_) | RecipientKind::RemoteMailbox(_))
        };
        if let Some(found) = found.filter(is_made) {
            return Ok(Known { account: Some(found.guid), begun: true });
        }
    }
    Ok(begun)
}

/// Whether a change is about a directory user who is not there, and who may only be unseen yet.
pub(super) fn may_arrive(job: &Job<'_>, prepared: &Prepared) -> bool {
    matches!(job.change.operation, Operation::Ensure | Operation::Create)
        && job.site.policy.create_method == CreateMethod::Enable
        && job.change.object_type == ObjectType::Mailbox
        && prepared.current.is_none()
        && prepared.planned.refusal_class() == Some(ErrorClass::NotFound)
}

/// The refusal of a change whose user has not come; it names the domain controller, because another one may have it.
fn did_not_arrive(job: &Job<'_>, prepared: &Prepared, wait: Duration) -> Finding {
    let on = prepared.directory.domain_controller().map(|server| format!(" on {server}")).unwrap_or_default();
    let message = format!(
        "there is no object `{}`{on}, nor did it come within the {} s of replication_wait",
        job.change.identity,
        wait.as_secs()
    );
    Finding::refusal(
        ErrorClass::NotFound,
        message,
        "with create_method = \"enable\" the directory user must be there first: make it, name the domain controller that has it \
         (DomainController), or wait and run the flow again",
    )
}
