//! Results for a person.

use super::{ChangeResult, Style, Tone, Totals, printable};
use crate::recipient::Action;

/// The results that a person must look at, then the totals.
pub fn summary(results: &[ChangeResult], style: Style) -> String {
    let mut text = String::new();
    for result in results {
        let needs_attention = matches!(result.action, Action::Refused | Action::Failed | Action::Pending);
        if needs_attention || !result.warnings.is_empty() {
            text.push_str(&result_text(result, style));
        }
    }
    let totals = Totals::of(results);
    text.push_str(&style.paint(Tone::Strong, &format!("Done: {}", totals.line())));
    text.push('\n');
    text
}

/// One result, several lines.
pub fn result_text(result: &ChangeResult, style: Style) -> String {
    let (symbol, tone) = match result.action {
        Action::Created => ("+", Tone::Add),
        Action::Updated | Action::Disabled | Action::Removed => ("~", Tone::Change),
        Action::Unchanged => ("=", Tone::Quiet),
        Action::Refused | Action::Failed => ("!", Tone::Attention),
        Action::Pending => ("?", Tone::Attention),
    };
    let place = style.paint(Tone::Quiet, &format!("({})", printable(&result.source.to_string())));
    let mut text = format!(
        "{} {}: {} {place}\n",
        style.paint(tone, symbol),
        style.paint(Tone::Strong, &printable(&result.identity)),
        result.action
    );
    error_and_warnings(result, style, &mut text);
    text
}

pub(super) fn error_and_warnings(result: &ChangeResult, style: Style, text: &mut String) {
    if let Some(error) = &result.error {
        let line = format!("    {}: {}\n", error.class, printable(&error.message));
        text.push_str(&style.paint(Tone::Attention, &line));
        if let Some(owner) = &error.owner {
            text.push_str(&format!("    held by {}\n", printable(owner)));
        }
        if let Some(hint) = &error.hint {
            text.push_str(&format!("    hint: {}\n", printable(hint)));
        }
    }
    for warning in &result.warnings {
        text.push_str(&style.paint(Tone::Change, &format!("    warning: {}", printable(warning))));
        text.push('\n');
    }
}
