//! `mailwright doctor`

use clap::Args;

use super::common::{Context, Output};
use super::{CommandError, session};
use crate::doctor::{self, Check, Verdict};
use crate::report::{Style, Tone, printable};

/// Look at everything between here and a mailbox: host, TLS, sign-in, permissions. Nothing is written
///
/// Exit code 0: no check failed; 1: one did; 3: the endpoint cannot be reached or refuses the sign-in.
#[derive(Debug, Args)]
pub(super) struct Doctor {}

pub(super) async fn run(context: &Context, _command: Doctor) -> Result<u8, CommandError> {
    let chosen = session::choose(context).await?;
    let checks = doctor::examine(&chosen.default, chosen.trace.as_ref()).await;
    chosen.end().await?;
    let checks = checks?;
    if context.common.output == Output::Text {
        let style = context.output_style();
        context.out(&checks.iter().map(|check| text(check, style)).collect::<String>())?;
    } else {
        context.out_json(&checks)?;
    }
    let failed = |check: &&Check| check.status == Verdict::Failed;
    let mut failures = checks.iter().filter(failed);
    let mut sign_ins = checks.iter().filter(|check| check.is_sign_in());
    let is_in = sign_ins.all(|check| check.status == Verdict::Ok);
    Ok(match failures.clone().next() {
        None => 0,
        // What failed on the way and did not keep the sign-in from going through is no refusal.
        Some(_) if !is_in && failures.any(Check::is_way_in) => 3,
        Some(_) => 1,
    })
}

fn text(check: &Check, style: Style) -> String {
    let tone = match check.status {
        Verdict::Ok => Tone::Add,
        Verdict::Failed => Tone::Attention,
        Verdict::CouldNotCheck => Tone::Quiet,
    };
    let status = style.paint(tone, &format!("{:<15}", check.status.text()));
    let mut text = format!("{status}  {}: {}\n", check.check, printable(&check.detail));
    for (name, more) in [("warning", &check.warning), ("hint", &check.hint)] {
        if let Some(more) = more {
            text +=
                &format!("{:<17}{} {}\n", "", style.paint(Tone::Quiet, &format!("{name}:")), printable(more));
        }
    }
    text
}
