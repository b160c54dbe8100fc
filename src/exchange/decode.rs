//! An object that Exchange sent as a recipient, whichever way it was serialized.

use uuid::Uuid;
use wsman::clixml::{Container, Member, Object, Value};

use crate::address;
use crate::recipient::{ArchiveState, Marks, Property, Recipient, RecipientKind, Side, twin};

/// Why an object is no recipient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Exchange answered with something that is no recipient: {0}")]
pub struct NotARecipient(pub String);

/// Reads a recipient of this side. In the cloud the account is the directory's object id (`ExternalDirectoryObjectId`): both
/// Exchange and Graph know it by that; where a mailbox has none, it is the `Guid` as on-premises.
pub(super) fn recipient_of(side: Side, value: &Value) -> Result<Recipient, NotARecipient> {
    let mut recipient = recipient(value)?;
    let id = value.get("ExternalDirectoryObjectId").and_then(guid).filter(|id| !id.is_nil());
    if let (Side::Cloud, Some(id)) = (side, id) {
        recipient.guid = id;
    }
    Ok(recipient)
}

/// Reads a recipient. `R34`: addresses as text and as objects give the same.
pub fn recipient(value: &Value) -> Result<Recipient, NotARecipient> {
    let Some(object) = value.object() else { return Err(NotARecipient("no object".into())) };
    let guid =
        value.get("Guid").and_then(guid).ok_or_else(|| NotARecipient("an object without a Guid".into()))?;
    let details = text(value, "RecipientTypeDetails").unwrap_or_default();
    let kind = if object.is_type("Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase")
        || details.is_empty() && value.get("Mounted").is_some()
    {
        RecipientKind::MailboxDatabase
    } else {
        RecipientKind::from_type_details(&details)
    };
    let mut recipient = Recipient::new(kind, guid);
    recipient.distinguished_name = text(value, "DistinguishedName").unwrap_or_default();
    recipient.identity = text(value, "Identity").unwrap_or_default();
    recipient.name = text(value, "Name");
    recipient.user_principal_name = text(value, "UserPrincipalName");
    recipient.sam_account_name = text(value, "SamAccountName");
    recipient.alias = text(value, "Alias");
    recipient.primary_smtp_address = text(value, "PrimarySmtpAddress");
    recipient.email_addresses = value.get("EmailAddresses").map(addresses).unwrap_or_default();
    recipient.email_address_policy_enabled = value.get("EmailAddressPolicyEnabled").and_then(Value::as_bool);
    recipient.remote_routing_address = text(value, "RemoteRoutingAddress");
    recipient.originating_server = text(value, "OriginatingServer");
    recipient.archive =
        text(value, "ArchiveState").map(|state| ArchiveState::parse(&state)).unwrap_or_default();
    recipient.is_dir_synced = value.get("IsDirSynced").and_then(Value::as_bool).unwrap_or(false);
    for (name, member) in object.adapted.iter().chain(&object.extended) {
        if let Member::Value(value) = member {
            recipient.properties.insert(name.to_string_lossy().into_owned(), property(value));
        }
    }
    Ok(recipient)
}

/// What an object shows of itself that is the same on both sides. `Get-Recipient` has no sign-in name on-premises, and another
/// property for it in the cloud.
///
/// # Errors
/// The object has no GUID.
pub fn marks(value: &Value) -> Result<Marks, NotARecipient> {
    let guid =
        value.get("Guid").and_then(guid).ok_or_else(|| NotARecipient("an object without a Guid".into()))?;
    let name = text(value, "UserPrincipalName").or_else(|| text(value, "WindowsLiveID"));
    Ok(Marks {
        guid,
        exchange_guid: text(value, "ExchangeGuid").as_deref().and_then(twin::known),
        source: text(value, "ImmutableId").as_deref().and_then(twin::source),
        sign_in_name: name.as_deref().and_then(twin::sign_in_name),
        address: text(value, "PrimarySmtpAddress").as_deref().and_then(address::key),
        is_dir_synced: value.get("IsDirSynced").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// A property as text; empty is absent.
pub fn text(value: &Value, name: &str) -> Option<String> {
    match property(value.get(name)?) {
        Property::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn guid(value: &Value) -> Option<Uuid> {
    value.as_guid().or_else(|| Uuid::try_parse(&value.display_text()).ok())
}

/// Proxy addresses, byte for byte: text, or objects with `ProxyAddressString`.
fn addresses(value: &Value) -> Vec<String> {
    let one = |item: &Value| {
        item.get("ProxyAddressString")
            .map_or_else(|| item.display_text().into_owned(), |text| text.display_text().into_owned())
    };
    match value.items() {
        Some(items) => items.iter().map(one).collect(),
        None if value.is_nil() => Vec::new(),
        None => vec![one(value)],
    }
}

fn property(value: &Value) -> Property {
    match value {
        Value::Nil => Property::Null,
        Value::Bool(flag) => Property::Bool(*flag),
        Value::Object(object) => from_object(value, object),
        other => match other.as_i64() {
            Some(number) => Property::Int(number),
            None => Property::Text(other.display_text().into_owned()),
        },
    }
}

fn from_object(value: &Value, object: &Object) -> Property {
    match &object.base {
        Container::List(items)
        | Container::Enumerable(items)
        | Container::Queue(items)
        | Container::Stack(items) => Property::List(items.iter().map(item_text).collect()),
        _ => Property::Text(value.display_text().into_owned()),
    }
}

fn item_text(value: &Value) -> String {
    value.get("ProxyAddressString").unwrap_or(value).display_text().into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use wsman::clixml::Object;

    use super::*;
    use crate::recipient::MailboxDetails;

    fn mailbox(addresses: Value) -> Value {
        let object =
            Object::of_type(&["Microsoft.Exchange.Data.Directory.Management.Mailbox", "System.Object"])
                .with_adapted("Guid", Value::Guid(Uuid::from_u128(7)))
                .with_adapted("RecipientTypeDetails", Value::from("SharedMailbox"))
                .with_adapted("Alias", Value::from("info"))
                .with_adapted("MailTip", Value::Nil)
                .with_adapted("RetentionComment", Value::from(""))
                .with_adapted("EmailAddressPolicyEnabled", Value::Bool(true))
                .with_adapted("ResourceCapacity", Value::Int32(4))
                .with_adapted("EmailAddresses", addresses);
        Value::Object(Arc::new(object))
    }

    fn full(address: &str) -> Value {
        let object = Object::of_type(&["Microsoft.Exchange.Data.SmtpProxyAddress"])
            .with_text(address)
            .with_adapted("ProxyAddressString", Value::from(address));
        Value::Object(Arc::new(object))
    }

    #[test]
    fn both_shapes_give_the_same_recipient() {
        let plain = mailbox(Value::list(vec![Value::from("SMTP:a@x.de"), Value::from("X400:c=us;a= ;")]));
        let rich = mailbox(Value::list(vec![full("SMTP:a@x.de"), full("X400:c=us;a= ;")]));
        let read = recipient(&plain).unwrap();
        assert_eq!(read, recipient(&rich).unwrap());
        assert_eq!(read.kind, RecipientKind::Mailbox(MailboxDetails::Shared));
        assert_eq!(read.email_addresses, ["SMTP:a@x.de", "X400:c=us;a= ;"]);
        assert_eq!(read.properties["MailTip"], Property::Null);
        assert_eq!(read.properties["ResourceCapacity"], Property::Int(4));
        assert_eq!(read.email_address_policy_enabled, Some(true));
    }

    proptest! {
        /// Invariant 12 of the merge: both shapes give the same addresses, byte for byte, so the same plan.
        #[test]
        fn both_shapes_give_the_same_addresses(
            addresses in proptest::collection::vec("(SMTP:|smtp:|Smtp:|X500:/o=|x400:c=us;a= ;|SIP:|)[ -~äßİ]{0,20}", 0..8),
        ) {
            let plain = mailbox(Value::list(addresses.iter().map(|it| Value::from(it.as_str())).collect()));
            let rich = mailbox(Value::list(addresses.iter().map(|it| full(it)).collect()));
            prop_assert_eq!(&recipient(&plain).unwrap().email_addresses, &addresses);
            prop_assert_eq!(&recipient(&rich).unwrap().email_addresses, &addresses);
        }
    }

    #[test]
    fn what_has_no_guid_is_no_recipient() {
        assert!(recipient(&Value::from("ada")).is_err());
        assert!(recipient(&Value::Object(Arc::new(Object::of_type(&["X"])))).is_err());
    }
}
