//! The entries of a flow: rules R2 to R5, R8 and the length of R24.

use super::{
    merge::MergePolicy,
    proxy::{self, MAX_PROXY_LENGTH, check_smtp, prefix, smtp_part},
    rule::{Refusal, Rule},
};

/// More entries than any recipient may have addresses, many times over.
const MAX_ENTRIES: usize = 10_000;

/// What a flow's list holds.
pub(super) struct Entries {
    /// SMTP addresses; each key once, at its last place.
    pub smtp: Vec<Entry>,
    /// Values of managed other types.
    pub other: Vec<String>,
}

pub(super) struct Entry {
    pub address: String,
    pub key: String,
    pub marked: bool,
}

pub(super) fn read(list: &[String], policy: &MergePolicy) -> Result<Entries, Refusal> {
    limit(list)?;
    let mut entries = Entries { smtp: Vec::new(), other: Vec::new() };
    for value in filled(list) {
        long(value)?;
        if let Some(own) = prefix(value).filter(|own| !own.eq_ignore_ascii_case("smtp")) {
            if !policy.managed_types.iter().any(|managed| managed.eq_ignore_ascii_case(own)) {
                return Err(not_smtp(value));
            }
            entries.other.push(value.to_owned());
            continue;
        }
        let mut entry = smtp(value)?;
        if let Some(before) = entries.smtp.iter().position(|held| held.key == entry.key) {
            entry.marked |= entries.smtp.remove(before).marked;
        }
        entries.smtp.push(entry);
    }
    Ok(entries)
}

pub(super) fn read_removals(list: &[String]) -> Result<Vec<Entry>, Refusal> {
    limit(list)?;
    let mut entries: Vec<Entry> = Vec::new();
    for value in filled(list) {
        long(value)?;
        if smtp_part(value).is_none() {
            return Err(not_smtp(value));
        }
        let entry = smtp(value)?;
        if !entries.iter().any(|held| held.key == entry.key) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn filled(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn smtp(value: &str) -> Result<Entry, Refusal> {
    let address = smtp_part(value).unwrap_or(value);
    // A final dot makes a domain absolute; Exchange knows no such form.
    let address = address.strip_suffix('.').unwrap_or(address);
    check_smtp(address).map_err(|error| {
        Refusal::new(
            Rule::BadSyntax,
            format!("`{}` is not an e-mail address: {error}", shorten(value)),
            "correct it in the source",
        )
    })?;
    let key = proxy::key(address).map_or_else(String::new, |key| key.as_str().to_owned());
    Ok(Entry { address: address.to_owned(), key, marked: proxy::is_primary(value) })
}

fn limit(list: &[String]) -> Result<(), Refusal> {
    if list.len() > MAX_ENTRIES {
        let message = format!("the flow holds {} addresses for one account", list.len());
        return Err(Refusal::new(Rule::TooMany, message, "check the source"));
    }
    Ok(())
}

/// R24, for one value.
pub(super) fn long(value: &str) -> Result<(), Refusal> {
    let length = value.chars().count();
    if length > MAX_PROXY_LENGTH {
        return Err(Refusal::new(
            Rule::TooMany,
            format!(
                "`{}` is {length} characters long; the directory holds {MAX_PROXY_LENGTH}",
                shorten(value)
            ),
            "correct it in the source",
        ));
    }
    Ok(())
}

fn not_smtp(value: &str) -> Refusal {
    let own = prefix(value).unwrap_or_default();
    Refusal::new(
        Rule::NonSmtpInFlow,
        format!("`{}` is of type {own}; the flow owns SMTP addresses only", shorten(value)),
        format!("take it out of the flow (what the mailbox has stays), or add \"{own}\" to managed_types"),
    )
}

fn shorten(value: &str) -> String {
    if value.chars().count() <= 80 {
        value.to_owned()
    } else {
        value.chars().take(80).chain("...".chars()).collect()
    }
}
