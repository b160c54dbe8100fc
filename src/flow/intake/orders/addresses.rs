//! Address lists as orders carry them: one text, joined by blanks, and a primary address beside it.

/// Types of proxy addresses that Exchange knows. A blank in front of one of them, and of nothing else, ends an entry that
/// may hold blanks itself.
const TYPES: [&str; 15] = [
    "smtp", "x500", "x400", "sip", "eum", "spo", "airsync", "mrs", "ms", "msmail", "ccmail", "notes",
    "gwise", "fax", "rfax",
];

/// Splits `smtp:a@x SMTP:b@x X500:/o=Old Organization/cn=a`.
///
/// An SMTP address holds no blank, so a blank ends it. Other addresses do hold some: they end where a known type begins.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for part in text.split(' ').filter(|part| !part.is_empty()) {
        match entries.last_mut() {
            Some(open) if may_hold_blanks(open) && kind(part).is_none() => {
                open.push(' ');
                open.push_str(part);
            }
            _ => entries.push(part.to_owned()),
        }
    }
    entries
}

/// The known type in front of an entry.
fn kind(entry: &str) -> Option<&'static str> {
    let (word, _) = entry.split_once(':')?;
    TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(word))
}

fn may_hold_blanks(entry: &str) -> bool {
    kind(entry).is_some_and(|kind| kind != "smtp")
}

fn plain(entry: &str) -> Option<&str> {
    match entry.split_once(':') {
        Some((word, address)) if word.eq_ignore_ascii_case("smtp") => Some(address),
        _ => entry.contains('@').then_some(entry).filter(|entry| kind(entry).is_none()),
    }
}

/// The list with its primary address, marked and last, as every rule about primaries reads it. Without a primary of its
/// own (`None`) the list says itself which one is.
///
/// # Errors
/// The list marks another one.
pub(super) fn with_primary(mut list: Vec<String>, primary: Option<&str>) -> Result<Vec<String>, String> {
    let marked: Vec<&String> = list.iter().filter(|entry| entry.starts_with("SMTP:")).collect();
    if marked.len() > 1 {
        return Err(format!("{} addresses are marked SMTP:, and only one can be primary", marked.len()));
    }
    let marked = marked.first().and_then(|entry| plain(entry)).map(str::to_owned);
    let Some(primary) = primary.or(marked.as_deref()) else { return Ok(list) };
    let primary = primary.trim();
    let primary = plain(primary).unwrap_or(primary).to_owned();
    if let Some(other) = marked.filter(|marked| marked.to_lowercase() != primary.to_lowercase()) {
        return Err(format!("PrimarySmtpAddress is {primary}, but the list marks {other} as primary"));
    }
    list.retain(|entry| plain(entry).is_none_or(|address| address.to_lowercase() != primary.to_lowercase()));
    list.push(format!("SMTP:{primary}"));
    Ok(list)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blanks_part_addresses_and_stay_in_x500() {
        assert_eq!(split("smtp:a@x.com SMTP:b@x.com"), ["smtp:a@x.com", "SMTP:b@x.com"]);
        assert_eq!(split(" a@x.com  b@x.com "), ["a@x.com", "b@x.com"]);
        let old = "X500:/o=Old Organization/ou=First Administrative Group/cn=Recipients/cn=Ada L";
        assert_eq!(split(&format!("smtp:a@x.com {old} SMTP:b@x.com")), ["smtp:a@x.com", old, "SMTP:b@x.com"]);
        assert_eq!(split(&format!("{old} sip:a@x.com")), [old, "sip:a@x.com"]);
        // What looks like a type and is none ends nothing.
        assert_eq!(split("X500:/o=Org a: b/cn=x"), ["X500:/o=Org a: b/cn=x"]);
        assert!(split("  ").is_empty());
    }

    #[test]
    fn the_primary_is_marked_and_last() {
        let list = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
        let both = with_primary(list(&["SMTP:b@x.com", "smtp:a@x.com"]), Some("B@x.com"));
        assert_eq!(both.unwrap(), ["smtp:a@x.com", "SMTP:B@x.com"]);
        let absent = with_primary(list(&["smtp:a@x.com"]), Some("b@x.com"));
        assert_eq!(absent.unwrap(), ["smtp:a@x.com", "SMTP:b@x.com"]);
        let alone = with_primary(list(&["SMTP:b@x.com", "smtp:a@x.com"]), None);
        assert_eq!(alone.unwrap(), ["smtp:a@x.com", "SMTP:b@x.com"]);
        assert_eq!(with_primary(list(&["a@x.com", "b@x.com"]), None).unwrap(), ["a@x.com", "b@x.com"]);
        assert!(with_primary(list(&["SMTP:a@x.com"]), Some("b@x.com")).unwrap_err().contains("a@x.com"));
        assert!(with_primary(list(&["SMTP:a@x.com", "SMTP:b@x.com"]), None).is_err());
    }

    proptest! {
        /// Whatever an agent joins by blanks is what comes apart again.
        #[test]
        fn what_was_joined_is_split(entries in prop::collection::vec(
            prop_oneof!["smtp:[a-z]{1,6}@x\\.com", "SMTP:[a-z]{1,6}@x\\.com", "X500:/o=[A-Z][a-z]{0,4}( [a-z]{1,4}){0,3}", "SIP:[a-z]{1,6}@x\\.com"],
            0..6,
        )) {
            prop_assert_eq!(split(&entries.join(" ")), entries);
        }
    }
}
