//! What `apply`, `retry`, `fulfill` and `watch` have in common: work is done, journalled, shown.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::common::{Context, Output};
use super::progress::Bar;
use super::session::Chosen;
use super::{CommandError, input, mailing};
use crate::config::Mail;
use crate::flow::journal::{Journal, RunEnd};
use crate::flow::run::{self, Options, Progress, Stop, Work};
use crate::mail::Event;
use crate::report::{
    ChangeResult, RunReport, Totals, about, default_folder, summary, turned_away, write_folder,
};
use crate::secret::Redaction;

/// What is to be done.
pub(super) struct Task {
    pub(super) id: Uuid,
    pub(super) command: &'static str,
    pub(super) work: Work,
    pub(super) options: Options,
    /// The folder for the report, where one was named
    pub(super) report: Option<PathBuf>,
}

/// Does it, shows it, and returns the exit code.
pub(super) async fn perform(
    context: &Context,
    chosen: Chosen,
    task: Task,
    stop: &Stop,
) -> Result<u8, CommandError> {
    let worked = work_off(context, chosen, task, stop).await?;
    show(context, &worked, stop)
}

/// Work that came to an end.
#[derive(Default)]
pub(super) struct Worked {
    /// One for each change that was begun
    pub(super) results: Vec<ChangeResult>,
    page: Option<PathBuf>,
}

/// Does it, and tells those who want to know when it fails.
pub(super) async fn work_off(
    context: &Context,
    chosen: Chosen,
    task: Task,
    stop: &Stop,
) -> Result<Worked, CommandError> {
    let bar = Bar::new(context, "applying");
    let bar = if context.common.output == Output::Text { bar.with_plan() } else { bar };
    let carried = carry(context, &chosen, task, &bar, stop).await?;
    drop(bar);
    carried.say_what_was_turned_away(context);
    carried.tell(context, chosen.mail.as_ref()).await;
    let Carried { results, page, .. } = carried;
    let results = results?;
    chosen.end().await?;
    Ok(Worked { results, page })
}

/// A run that was begun, with what is left of it.
pub(super) struct Carried {
    /// One for each change that was begun, or why the run broke off
    pub(super) results: Result<Vec<ChangeResult>, CommandError>,
    /// The run as the journal holds it
    pub(super) report: Option<RunReport>,
    /// The page of its report
    pub(super) page: Option<PathBuf>,
    /// The secrets that were in it
    pub(super) secrets: Redaction,
}

impl Carried {
    /// Says how often the cloud turned the run away, where it did.
    pub(super) fn say_what_was_turned_away(&self, context: &Context) {
        let traffic = self.report.iter().flat_map(|report| &report.run.traffic);
        traffic.filter_map(|(name, traffic)| turned_away(name, *traffic)).for_each(|line| context.say(&line));
    }

    /// Tells those who want to know when it fails.
    pub(super) async fn tell(&self, context: &Context, mail: Option<&Mail>) {
        let Some(report) = &self.report else { return };
        let event = Event::Run { report, page: self.page.as_deref() };
        mailing::tell(context, mail, &event, &self.secrets).await;
    }
}

/// Does it; an error says that nothing was begun.
pub(super) async fn carry(
    context: &Context,
    chosen: &Chosen,
    task: Task,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<Carried, CommandError> {
    let Task { id, command, work, options, report } = task;
    let connection = &chosen.default;
    let names = input::connections(work.changes());
    let secrets = secrets_of(&work);
    let locks = chosen.locks(context, &names)?;
    let sites = before_stop(stop, chosen.open(&names)).await?;
    let file = chosen.journal_file(context)?;
    // A temporary journal takes the folder beside it along.
    let folder =
        report.or_else(|| (!chosen.is_temporary(context)).then(|| default_folder(&file, &id.to_string())));
    let journal = context.open_journal(&file).await?;
    journal.begin_run(id, command, &connection.name, work.source()).await?;
    journal.describe_run(id, &about(connection, operator(), sites.cloud_account())).await?;
    let applied = run::apply(&sites, work, id, &journal, options, progress, stop).await;
    sites.close().await;
    let end = match &applied {
        Err(error) => RunEnd::Broken(error.to_string()),
        Ok(_) if stop.is_requested() => RunEnd::Stopped,
        Ok(_) => RunEnd::Complete,
    };
    // What broke the run off is said first, also where the journal is what broke.
    let ended = journal.end_run(id, &end).await;
    let report = match &ended {
        Ok(()) => report_of(context, &journal, id).await,
        Err(_) => None,
    };
    let page = match (&report, &folder) {
        (Some(report), Some(folder)) => written(context, &journal, id, report, folder).await,
        _ => None,
    };
    journal.close().await;
    drop(locks);
    let results = match (applied, ended) {
        (Err(error), _) => Err(error.into()),
        (_, Err(error)) => Err(error.into()),
        (Ok(results), Ok(())) => Ok(results),
    };
    Ok(Carried { results, report, page, secrets })
}

/// The passwords that a flow carries.
fn secrets_of(work: &Work) -> Redaction {
    let mut secrets = Redaction::default();
    if let Work::Flow(flow) | Work::Retry(flow, _) = work {
        flow.secrets.each(|secret| secrets.hide(secret));
    }
    secrets
}

/// Shows what became of it, and returns the exit code.
pub(super) fn show(context: &Context, worked: &Worked, stop: &Stop) -> Result<u8, CommandError> {
    let Worked { results, page } = worked;
    match context.common.output {
        Output::Text => context.out(&summary(results, context.output_style()))?,
        Output::Json | Output::Jsonl => context.out_json(results)?,
    }
    if let Some(page) = page {
        context.say(&format!("report: {}", page.display()));
    }
    if stop.is_requested() {
        return Err(
            CommandError::interrupted().hint("what was not begun is kept; run the same command again")
        );
    }
    Ok(Totals::of(results).exit_code())
}

/// The run as its report tells it.
async fn report_of(context: &Context, journal: &Journal, id: Uuid) -> Option<RunReport> {
    match journal.run_report(Some(&id.to_string())).await {
        Ok(report) => Some(report),
        Err(error) => {
            context.say(&format!("the report of run {id} cannot be made: {error}"));
            None
        }
    }
}

/// Writes the report. That it cannot be written does not undo the work: it is said, and it can be made again.
async fn written(
    context: &Context,
    journal: &Journal,
    id: Uuid,
    report: &RunReport,
    folder: &Path,
) -> Option<PathBuf> {
    match write_folder(report, folder) {
        Ok((page, audit)) => {
            if let Err(error) = journal.seal_audit(id, &audit.hash).await {
                context.say(&format!("the hash of the audit cannot be kept: {error}"));
            }
            Some(page)
        }
        Err(error) => {
            context.say(&format!("the report cannot be written to {}: {error}", folder.display()));
            context.say(&format!("hint: mailwright report {id} --report DIR"));
            None
        }
    }
}

/// As long as nothing has begun there is nothing to finish, and a signal ends it at once.
pub(super) async fn before_stop<T>(
    stop: &Stop,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    tokio::select! {
        biased;
        () = stop.requested() => Err(CommandError::interrupted()),
        done = work => done,
    }
}

/// Who works at this machine, as far as it says.
fn operator() -> Option<String> {
    ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok())
}
