//! The columns, in the order in which a Usercube or Netwrix agent expects them, and what stands in them.

use wsman::clixml::{Container, Value};

/// A column is called as the property that it shows.
pub type Column = &'static str;

/// Of `<id>_mailboxes.csv`, behind `Command`. `AccountDisabledIsDirSynced` is no property: the script that the file
/// comes from asks for it all the same, so the column is there and empty.
pub const MAILBOX: [Column; 43] = [
    "Database",
    "EmailAddresses",
    "UseDatabaseRetentionDefaults",
    "RetainDeletedItemsUntilBackup",
    "DeliverToMailboxAndForward",
    "ExchangeGuid",
    "ExchangeUserAccountControl",
    "ForwardingAddress",
    "ForwardingSmtpAddress",
    "IsMailboxEnabled",
    "ProhibitSendQuota",
    "ProhibitSendReceiveQuota",
    "RecoverableItemsQuota",
    "RecoverableItemsWarningQuota",
    "CalendarLoggingQuota",
    "IsResource",
    "IsLinked",
    "IsShared",
    "SamAccountName",
    "AntispamBypassEnabled",
    "ServerName",
    "UseDatabaseQuotaDefaults",
    "UserPrincipalName",
    "WhenMailboxCreated",
    "IsInactiveMailbox",
    MERGED,
    "Alias",
    "OrganizationalUnit",
    "DisplayName",
    "MaxSendSize",
    "MaxReceiveSize",
    "PrimarySmtpAddress",
    "RecipientType",
    "RecipientTypeDetails",
    "Identity",
    "IsValid",
    "Name",
    "DistinguishedName",
    "Guid",
    "ObjectCategory",
    "WhenChangedUTC",
    "WhenCreatedUTC",
    "ObjectState",
];

/// Of `<id>_databases.csv`, behind `Command`. `Mounted` is only known with `-Status`.
pub const DATABASE: [Column; 8] = [
    "Name",
    "Server",
    "Mounted",
    "ObjectCategory",
    "Guid",
    "WhenChangedUTC",
    "WhenCreatedUTC",
    "ObjectState",
];

const MERGED: Column = "AccountDisabledIsDirSynced";
const SPLIT: [Column; 2] = ["AccountDisabled", "IsDirSynced"];

/// The columns of the mailbox file; `two_columns` takes the merged one apart.
#[must_use]
pub fn mailbox(two_columns: bool) -> Vec<Column> {
    let replace = |column: Column| match column {
        MERGED if two_columns => SPLIT.to_vec(),
        other => vec![other],
    };
    MAILBOX.into_iter().flat_map(replace).collect()
}

/// What an object shows in these columns. Several values are joined; with a separator other than a blank, one that is
/// part of a value gets a backslash in front, and so does a backslash.
#[must_use]
pub fn cells(object: &Value, columns: &[Column], separator: &str) -> Vec<String> {
    columns
        .iter()
        .map(|column| object.get(column).map_or_else(String::new, |it| cell(it, separator)))
        .collect()
}

fn cell(value: &Value, separator: &str) -> String {
    let list = value.object().and_then(|object| match &object.base {
        Container::List(items)
        | Container::Enumerable(items)
        | Container::Queue(items)
        | Container::Stack(items) => Some(items),
        _ => None,
    });
    match list {
        Some(items) => join(items.iter().map(item), separator),
        None => value.display_text().into_owned(),
    }
}

/// Addresses come as text or, with full serialization, as objects.
fn item(value: &Value) -> String {
    value.get("ProxyAddressString").unwrap_or(value).display_text().into_owned()
}

/// The addresses of an object, byte for byte.
#[must_use]
pub fn addresses(object: &Value) -> Vec<String> {
    let items = object.get("EmailAddresses").and_then(Value::items).unwrap_or_default();
    items.iter().map(item).collect()
}

/// Joins values so that they can be taken apart again, unless the separator is a blank.
pub fn join(items: impl IntoIterator<Item = String>, separator: &str) -> String {
    let escaped = |item: String| match separator {
        " " => item,
        _ => item.replace('\\', "\\\\").replace(separator, &format!("\\{separator}")),
    };
    items.into_iter().map(escaped).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;
    use wsman::clixml::Object;

    use super::*;

    /// The header that the product's documentation shows.
    const DOCUMENTED: &str = "Command,Database,EmailAddresses,UseDatabaseRetentionDefaults,RetainDeletedItemsUntilBackup,DeliverToMailboxAndForward,ExchangeGuid,ExchangeUserAccountControl,ForwardingAddress,ForwardingSmtpAddress,IsMailboxEnabled,ProhibitSendQuota,ProhibitSendReceiveQuota,RecoverableItemsQuota,RecoverableItemsWarningQuota,CalendarLoggingQuota,IsResource,IsLinked,IsShared,SamAccountName,AntispamBypassEnabled,ServerName,UseDatabaseQuotaDefaults,UserPrincipalName,WhenMailboxCreated,IsInactiveMailbox,AccountDisabledIsDirSynced,Alias,OrganizationalUnit,DisplayName,MaxSendSize,MaxReceiveSize,PrimarySmtpAddress,RecipientType,RecipientTypeDetails,Identity,IsValid,Name,DistinguishedName,Guid,ObjectCategory,WhenChangedUTC,WhenCreatedUTC,ObjectState";

    #[test]
    fn the_columns_are_the_documented_ones() {
        assert_eq!(format!("Command,{}", mailbox(false).join(",")), DOCUMENTED);
        assert_eq!(mailbox(false).len() + 1, 44);
        let split = mailbox(true);
        assert_eq!(split.len() + 1, 45);
        assert_eq!(split[25..27], SPLIT);
        assert_eq!(
            format!("Command,{}", DATABASE.join(",")),
            "Command,Name,Server,Mounted,ObjectCategory,Guid,WhenChangedUTC,WhenCreatedUTC,ObjectState"
        );
    }

    /// The one mailbox of a real Exchange, read here as nothing but text.
    #[test]
    fn a_real_mailbox_shows_what_its_document_says() {
        let path = std::env::var_os("WSMAN_RECORDINGS").map(|folder| {
            std::path::PathBuf::from(folder).join("../exchange/get-mailbox-exchange2016cu23.clixml")
        });
        let Some(text) = path.and_then(|path| std::fs::read_to_string(path).ok()) else {
            println!(
                "SKIPPED: WSMAN_RECORDINGS does not lead to ../exchange/get-mailbox-exchange2016cu23.clixml"
            );
            return;
        };
        let said = |name: &str| {
            // The languages of the mailbox, which come earlier, have names too.
            let after = text.rsplit_once(&format!(" N=\"{name}\""))?.1;
            let (attributes, rest) = after.split_once('>')?;
            if attributes.ends_with('/') {
                return Some(String::new());
            }
            if rest.trim_start().starts_with("<TN") {
                let list = rest.split_once("<LST>")?.1.split_once("</LST>")?.0;
                let items = list.split("<S>").skip(1).filter_map(|item| item.split_once("</S>"));
                return Some(items.map(|(item, _)| item).collect::<Vec<_>>().join(" "));
            }
            let value = rest.split_once("</")?.0;
            let word = [("true", "True"), ("false", "False")].into_iter().find(|(wire, _)| *wire == value);
            Some(word.map_or(value, |(_, word)| word).to_owned())
        };
        let object = wsman::clixml::decode(text.as_bytes()).unwrap();
        let columns = mailbox(false);
        let shown = cells(&object, &columns, " ");
        let missing: Vec<_> = columns.iter().filter(|column| said(column).is_none()).collect();
        assert_eq!(missing, [&MERGED], "the document has no such property");
        for (column, shown) in columns.iter().zip(shown) {
            assert_eq!(shown, said(column).unwrap_or_default(), "{column}");
        }
    }

    #[test]
    fn values_are_written_as_dot_net_writes_them() {
        let proxy = |text: &str| {
            let object = Object::of_type(&["Microsoft.Exchange.Data.SmtpProxyAddress"])
                .with_text(text)
                .with_adapted("ProxyAddressString", Value::from(text));
            Value::Object(Arc::new(object))
        };
        let object = Object::of_type(&["Microsoft.Exchange.Data.Directory.Management.Mailbox"])
            .with_adapted("Guid", Value::Guid(Uuid::from_u128(0xABCD)))
            .with_adapted("IsShared", Value::Bool(false))
            .with_adapted("ForwardingAddress", Value::Nil)
            .with_adapted(
                "EmailAddresses",
                Value::list(vec![proxy("SMTP:a@x.de"), Value::from("X500:/o=a b;c\\d")]),
            );
        let object = Value::Object(Arc::new(object));
        let columns = ["Guid", "IsShared", "ForwardingAddress", "EmailAddresses", "Missing"];
        assert_eq!(
            cells(&object, &columns, " "),
            ["00000000-0000-0000-0000-00000000abcd", "False", "", "SMTP:a@x.de X500:/o=a b;c\\d", ""]
        );
        assert_eq!(cells(&object, &columns[3..4], ";"), ["SMTP:a@x.de;X500:/o=a b\\;c\\\\d"]);
    }
}
