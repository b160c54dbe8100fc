//! Telling people by mail that a run failed, where `[mail]` says whom.

use super::common::Context;
use crate::config::Mail;
use crate::mail::{Event, Letter, send};
use crate::report::Tone;
use crate::secret::Redaction;

/// Tells them, if there is something to tell. That it cannot be sent is said, and changes nothing else.
pub(super) async fn tell(context: &Context, mail: Option<&Mail>, event: &Event<'_>, redaction: &Redaction) {
    let Some(mail) = mail else { return };
    let Some(letter) = Letter::of(event, mail.after, redaction) else { return };
    let to: Vec<String> = mail.to.iter().map(|to| to.email.to_string()).collect();
    match send(mail, &letter).await {
        Ok(()) => context.say(&format!("told by mail: {}", to.join(", "))),
        Err(error) => {
            let warning = context.error_style().paint(Tone::Change, "warning:");
            context.say(&format!("{warning} {} were not told: {error}", to.join(", ")));
        }
    }
}
