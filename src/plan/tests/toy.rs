//! A toy Exchange that applies steps to a recipient, written from the cmdlets' documentation and not from the planner.

use super::*;
use crate::recipient::ArchiveState;

pub(super) fn apply(current: Option<Recipient>, steps: &[Step]) -> Option<Recipient> {
    steps.iter().fold(current, run)
}

fn run(current: Option<Recipient>, step: &Step) -> Option<Recipient> {
    let (verb, noun) = step.cmdlet.split_once('-').unwrap();
    let archive = step.parameter("Archive") == Some(&ParameterValue::Switch(true));
    let mut it = match (verb, current) {
        ("New", None) => {
            let mut made = Recipient::new(RecipientKind::User, guid());
            made.email_address_policy_enabled = Some(true);
            made
        }
        ("Enable" | "Set" | "Disable" | "Remove", Some(current)) => current,
        other => panic!("{other:?}"),
    };
    match verb {
        "Remove" => return None,
        "Disable" if archive => {
            it.archive = ArchiveState::None;
            return Some(it);
        }
        "Disable" => {
            it.kind = RecipientKind::User;
            it.email_addresses.clear();
            return Some(it);
        }
        "Enable" if archive => {
            it.archive = ArchiveState::Local;
            return Some(it);
        }
        "New" | "Enable" => {
            let switches = ["Shared", "Room", "Equipment"];
            let sort = switches.into_iter().find(|name| step.parameter(name).is_some()).unwrap_or("User");
            let remote = if noun == "RemoteMailbox" { "Remote" } else { "" };
            it.kind = RecipientKind::from_type_details(&format!("{remote}{sort}Mailbox"));
            it.email_address_policy_enabled = Some(true);
            // A read of a mailbox shows every property, also those that hold nothing.
            it.properties.insert("CustomAttribute2".into(), Property::Text(String::new()));
        }
        _ => {}
    }
    for (name, value) in &step.parameters {
        parameter(&mut it, name, value);
    }
    Some(it)
}

fn parameter(it: &mut Recipient, name: &str, value: &ParameterValue) {
    let string = || match value {
        ParameterValue::Text(text) => Some(text.clone()),
        _ => None,
    };
    match name {
        "Identity" | "DomainController" | "Password" | "Confirm" | "Shared" | "Room" | "Equipment" => {}
        "Name" => it.name = string(),
        "UserPrincipalName" => it.user_principal_name = string(),
        "SamAccountName" => it.sam_account_name = string(),
        "Alias" => it.alias = string(),
        "EmailAddressPolicyEnabled" => {
            it.email_address_policy_enabled = Some(*value == ParameterValue::Bool(true))
        }
        "PrimarySmtpAddress" => {
            let primary = string().unwrap();
            it.email_addresses.retain(|held| crate::address::key(held) != crate::address::key(&primary));
            for held in &mut it.email_addresses {
                *held = held.replace("SMTP:", "smtp:");
            }
            it.email_addresses.push(format!("SMTP:{primary}"));
            it.primary_smtp_address = Some(primary);
            it.email_address_policy_enabled = Some(false);
        }
        "RemoteRoutingAddress" => {
            let address = string().unwrap();
            it.email_addresses.push(format!("smtp:{address}"));
            it.remote_routing_address = Some(format!("SMTP:{address}"));
        }
        "EmailAddresses" => match value {
            ParameterValue::List(list) => {
                it.email_addresses = list.clone();
                it.primary_smtp_address =
                    list.iter().find_map(|value| value.strip_prefix("SMTP:")).map(str::to_owned);
            }
            ParameterValue::Delta(delta) => {
                it.email_addresses.retain(|held| !delta.remove.contains(held));
                it.email_addresses.extend(delta.add.iter().cloned());
            }
            other => panic!("{other:?}"),
        },
        "Type" => {
            let remote = if matches!(it.kind, RecipientKind::RemoteMailbox(_)) { "Remote" } else { "" };
            let sort = string().unwrap().replace("Regular", "User");
            it.kind = RecipientKind::from_type_details(&format!("{remote}{sort}Mailbox"));
        }
        name => {
            let held = match value {
                ParameterValue::Text(text) => Property::Text(text.clone()),
                ParameterValue::Bool(value) | ParameterValue::Switch(value) => Property::Bool(*value),
                ParameterValue::Int(number) => Property::Int(*number),
                ParameterValue::List(list) => Property::List(list.clone()),
                ParameterValue::Null => Property::Null,
                ParameterValue::Delta(delta) => {
                    let Some(Property::List(mut held)) = it.properties.remove(name) else { panic!("{name}") };
                    held.retain(|value| !delta.remove.contains(value));
                    held.extend(delta.add.iter().cloned());
                    Property::List(held)
                }
                ParameterValue::Secret(_) => panic!("{name}"),
            };
            it.properties.insert(name.to_owned(), held);
        }
    }
}
