//! `mailwright export`

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};

use super::common::{Context, Output};
use super::perform::before_stop;
use super::progress::Bar;
use super::session::Chosen;
use super::{CommandError, session};
use crate::config::{Connection, Identifier};
use crate::export::{self, Counts, Destination, Summary};
use crate::flow::run::{Progress as _, Stop};
use crate::report::{Tone, printable};

/// Write all mailboxes and databases to CSV, or what has changed since the last export
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The folder for <connection>_mailboxes.csv and <connection>_databases.csv
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The folder for <connection>_cookie.bin [default: that of --out]
    #[arg(long, value_name = "DIR")]
    cookie_dir: Option<PathBuf>,
    /// Everything, also when there is a cookie
    #[arg(long)]
    full: bool,
    /// For whom: an agent of Usercube or Netwrix, or an identity system that manages addresses as IBIS does
    #[arg(long, value_name = "FORMAT", default_value = "usercube")]
    format: Format,
}

/// For whom the files are.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// 44 columns, databases, a cookie
    Usercube,
    /// A flow of what is there: addresses that are managed, the primary last
    Ibis,
}

pub(super) async fn run(context: &Context, command: Export) -> Result<u8, CommandError> {
    let chosen = session::choose(context).await?;
    let connection = &chosen.default;
    let destination = Destination {
        cookie_dir: command.cookie_dir.unwrap_or_else(|| command.out.clone()),
        out: command.out,
        full: command.full,
        format: match command.format {
            Format::Usercube => export::Format::Usercube,
            Format::Ibis => export::Format::Ibis,
        },
    };
    let done = export(context, &chosen, connection, &destination, &Stop::default()).await;
    let summary = done?;
    chosen.end().await?;
    for note in &summary.notes {
        context.say(&format!("{} {note}", context.error_style().paint(Tone::Change, "note:")));
    }
    show(context, &summary)?;
    Ok(0)
}

/// One export; broken off when somebody asks to stop, which leaves the old files whole.
pub(super) async fn export(
    context: &Context,
    chosen: &Chosen,
    connection: &Connection,
    destination: &Destination,
    stop: &Stop,
) -> Result<Summary, CommandError> {
    // What is wrong with the name shows before anything is contacted.
    Identifier::parse(&connection.name).map_err(export::ExportError::from)?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
    let exchange = before_stop(stop, chosen.open_one(connection)).await?;
    let bar = Bar::new(context, "exporting");
    let mut progress = || bar.done("");
    let done = before_stop(stop, async {
        Ok(export::run(&exchange, connection, destination, now, &mut progress).await?)
    });
    let done = done.await;
    exchange.close().await;
    done
}

pub(super) fn show(context: &Context, summary: &Summary) -> Result<(), CommandError> {
    match context.common.output {
        Output::Text => context.out(&text(context, summary)),
        Output::Json => {
            let text = serde_json::to_string_pretty(summary);
            context.out(&(text.map_err(|error| CommandError::internal(error.to_string()))? + "\n"))
        }
        Output::Jsonl => context.out_json(std::slice::from_ref(summary)),
    }
}

fn text(context: &Context, summary: &Summary) -> String {
    let counted = |what: &str, counts: &Counts| {
        let parts = [(counts.inserted, "inserted"), (counts.updated, "updated"), (counts.deleted, "deleted")];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let changes = if parts.is_empty() { "none changed".to_owned() } else { parts.join(", ") };
        format!("{} {what} ({changes})", counts.total)
    };
    let mut text: String =
        summary.files.iter().map(|file| printable(&file.display().to_string()) + "\n").collect();
    let kind = if summary.full { "full" } else { "incremental" };
    let mut line = format!("Done: {kind}, {}", counted("mailboxes", &summary.mailboxes));
    if summary.format == export::Format::Usercube {
        line += &format!(", {}", counted("databases", &summary.databases));
    }
    text += &context.output_style().paint(Tone::Strong, &line);
    text.push('\n');
    text
}
