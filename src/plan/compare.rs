//! Whether a recipient has a value already.

use std::collections::{BTreeMap, BTreeSet};

use super::Reference;
use crate::{
    address,
    recipient::{
        Delta, Property, Wanted,
        parameters::{Parameter, ParameterKind},
        value::{self, Amount},
    },
};

/// Whether what Exchange shows is what is wanted, by the parameter's type: sizes in any notation, lists as sets, names of
/// objects in any of their forms.
#[must_use]
pub fn same_value(
    parameter: &Parameter,
    held: &Property,
    wanted: &Wanted,
    references: &BTreeMap<String, Reference>,
) -> bool {
    match wanted {
        Wanted::Clear => is_empty(held),
        Wanted::Bool(wanted) => match held {
            Property::Bool(held) => held == wanted,
            Property::Text(text) => value::bool_word(text) == Some(*wanted),
            _ => false,
        },
        Wanted::Int(wanted) => match held {
            Property::Int(held) => held == wanted,
            Property::Text(text) => text.trim().parse() == Ok(*wanted),
            _ => false,
        },
        Wanted::Text(wanted) => {
            text(held).is_some_and(|held| same_text(parameter, &held, wanted, references))
        }
        Wanted::List(wanted) => {
            let held = items(held);
            wanted.iter().all(|wanted| has(parameter, &held, wanted, references))
                && held
                    .iter()
                    .all(|held| wanted.iter().any(|wanted| same_text(parameter, held, wanted, references)))
        }
        Wanted::Delta(delta) => effective(parameter, held, delta, references) == Delta::default(),
    }
}

/// The part of a difference that is not true yet.
pub(super) fn effective(
    parameter: &Parameter,
    held: &Property,
    delta: &Delta,
    references: &BTreeMap<String, Reference>,
) -> Delta {
    let held = items(held);
    let part = |list: &[String], there: bool| {
        let mut seen = BTreeSet::new();
        list.iter()
            .filter(|value| {
                has(parameter, &held, value, references) == there && seen.insert((*value).clone())
            })
            .cloned()
            .collect()
    };
    Delta { add: part(&delta.add, false), remove: part(&delta.remove, true) }
}

fn has(
    parameter: &Parameter,
    held: &[String],
    wanted: &str,
    references: &BTreeMap<String, Reference>,
) -> bool {
    held.iter().any(|held| same_text(parameter, held, wanted, references))
}

fn is_empty(held: &Property) -> bool {
    match held {
        Property::Null => true,
        Property::Text(text) => text.trim().is_empty(),
        Property::List(list) => list.is_empty(),
        Property::Bool(_) | Property::Int(_) => false,
    }
}

fn text(held: &Property) -> Option<String> {
    match held {
        Property::Text(text) => Some(text.clone()),
        Property::Int(number) => Some(number.to_string()),
        Property::Bool(value) => Some(value.to_string()),
        // A property that holds one value may come as a list of one.
        Property::List(list) => match list.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        Property::Null => None,
    }
}

fn items(held: &Property) -> Vec<String> {
    match held {
        Property::List(list) => list.clone(),
        Property::Null => Vec::new(),
        other => text(other).filter(|text| !text.is_empty()).into_iter().collect(),
    }
}

/// Names and words that the directory compares without case.
const CASELESS: &[&str] =
    &["Alias", "UserPrincipalName", "SamAccountName", "Languages", "ResourceCustom", "ImmutableId"];

fn same_text(
    parameter: &Parameter,
    held: &str,
    wanted: &str,
    references: &BTreeMap<String, Reference>,
) -> bool {
    let caseless = || held.trim().to_lowercase() == wanted.trim().to_lowercase();
    let amounts = |left: Option<Amount>, right: Option<Amount>| left.is_some() && left == right;
    match parameter.kind {
        ParameterKind::Size => amounts(value::size(held), value::size(wanted)),
        ParameterKind::TimeSpan => amounts(value::time_span(held), value::time_span(wanted)),
        ParameterKind::DateTime => same_moment(held, wanted),
        ParameterKind::Guid => {
            let guid = |text: &str| uuid::Uuid::try_parse(text.trim()).ok();
            guid(held).is_some() && guid(held) == guid(wanted)
        }
        ParameterKind::SmtpAddress | ParameterKind::ProxyAddress => {
            let (held, wanted) = (address::key(held), address::key(wanted));
            held.is_some() && held == wanted
        }
        ParameterKind::Enum(_) | ParameterKind::Bool | ParameterKind::Switch => caseless(),
        ParameterKind::Reference | ParameterKind::RecipientList => same_object(held, wanted, references),
        _ if CASELESS.contains(&parameter.name) => caseless(),
        _ if parameter.name == "MailTip" => without_tags(held) == without_tags(wanted),
        _ => held == wanted,
    }
}

/// Exchange shows a canonical name or a plain one; a flow may use any name that the lookup found for the object.
fn same_object(held: &str, wanted: &str, references: &BTreeMap<String, Reference>) -> bool {
    let (held, wanted) = (held.trim().to_lowercase(), wanted.trim().to_lowercase());
    // An offline address book is shown as `\Default Offline Address Book`.
    held.trim_start_matches('\\') == wanted.trim_start_matches('\\')
        || (!wanted.contains('/') && held.rsplit('/').next() == Some(wanted.as_str()))
        || references
            .get(&wanted)
            .is_some_and(|found| found.names.iter().any(|name| name.to_lowercase() == held))
}

fn same_moment(held: &str, wanted: &str) -> bool {
    match (value::date_time(held), value::date_time(wanted)) {
        (Some(held), Some(wanted)) if held.utc == wanted.utc => held.seconds == wanted.seconds,
        // Without an offset the wanted time is by the server's clock, which the held text shows before its offset.
        (Some(_), Some(wanted)) if !wanted.utc => {
            held.get(..19).and_then(value::date_time).is_some_and(|local| local.seconds == wanted.seconds)
        }
        _ => false,
    }
}

/// Exchange puts a mail tip into a page of HTML.
fn without_tags(text: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipient::parameters;

    fn same(name: &str, held: Property, wanted: Wanted) -> bool {
        same_value(parameters::parameter("Set-Mailbox", name).unwrap(), &held, &wanted, &BTreeMap::new())
    }

    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    /// The shapes on the left are those of a real answer (Exchange 2016 CU23).
    #[test]
    fn values_are_compared_by_type() {
        let text = |text: &str| Property::Text(text.into());
        assert!(same("ProhibitSendQuota", text("30 GB (32,212,254,720 bytes)"), "30GB".into()));
        assert!(!same("ProhibitSendQuota", text("30 GB (32,212,254,720 bytes)"), "31GB".into()));
        assert!(same("ProhibitSendQuota", text("Unlimited"), "unlimited".into()));
        assert!(same("RetainDeletedItemsFor", text("14.00:00:00"), "14".into()));
        assert!(same("LitigationHoldDuration", text("365.00:00:00"), "365".into()));
        assert!(same("RecipientLimits", text("500"), "500".into()));
        assert!(same("HiddenFromAddressListsEnabled", Property::Bool(false), false.into()));
        assert!(same("ResourceCapacity", Property::Int(8), 8.into()));
        assert!(!same("ResourceCapacity", Property::Null, 8.into()));
        assert!(same("CustomAttribute1", text(""), Wanted::Clear));
        assert!(same("ForwardingAddress", Property::Null, Wanted::Clear));
        assert!(!same("CustomAttribute1", text("Abc"), "abc".into()));
        assert!(same("Alias", text("Jane"), "jane".into()));
        assert!(same("ForwardingSmtpAddress", text("smtp:X@y.com"), "x@y.com".into()));
        assert!(same("SendModerationNotifications", text("Always"), "always".into()));
        assert!(same("RetentionPolicy", text("Default Policy"), "default policy".into()));
        assert!(same("ForwardingAddress", text("contoso.com/Users/Jane Roe"), "Jane Roe".into()));
        assert!(same(
            "StartDateForRetentionHold",
            text("2026-12-01T08:00:00-07:00"),
            "2026-12-01T15:00:00Z".into()
        ));
        assert!(same(
            "StartDateForRetentionHold",
            text("2026-12-01T08:00:00-07:00"),
            "2026-12-01T08:00".into()
        ));
        assert!(same(
            "MailTip",
            text("<html>\r\n<body>\r\nAway until May\r\n</body>\r\n</html>"),
            "Away until May".into()
        ));
        assert!(same(
            "Languages",
            Property::List(list(&["en-US", "de-DE"])),
            Wanted::List(list(&["DE-de", "en-us"]))
        ));
        assert!(!same(
            "Languages",
            Property::List(list(&["en-US"])),
            Wanted::List(list(&["de-DE", "en-US"]))
        ));
        assert!(!same(
            "Languages",
            Property::List(list(&["en-US", "fr-FR"])),
            Wanted::List(list(&["en-US"]))
        ));
    }

    #[test]
    fn an_object_is_known_by_any_name_that_was_looked_up() {
        let parameter = parameters::parameter("Set-Mailbox", "GrantSendOnBehalfTo").unwrap();
        let held = Property::List(list(&["contoso.com/Users/Jane Roe"]));
        let wanted = Wanted::List(list(&["Jane@Contoso.com"]));
        assert!(!same_value(parameter, &held, &wanted, &BTreeMap::new()));
        let known = Reference { names: list(&["contoso.com/users/jane roe", "jane"]) };
        assert!(same_value(parameter, &held, &wanted, &BTreeMap::from([("jane@contoso.com".into(), known)])));
    }

    #[test]
    fn only_the_part_of_a_difference_that_is_not_true_is_left() {
        let parameter = parameters::parameter("Set-Mailbox", "Languages").unwrap();
        let held = Property::List(list(&["en-US", "de-DE"]));
        let delta = Delta { add: list(&["en-US", "fr-FR", "fr-FR"]), remove: list(&["de-de", "it-IT"]) };
        let left = effective(parameter, &held, &delta, &BTreeMap::new());
        assert_eq!(left, Delta { add: list(&["fr-FR"]), remove: list(&["de-de"]) });
    }
}
