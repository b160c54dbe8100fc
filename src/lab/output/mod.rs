//! What the cmdlets write: objects in the shapes of Exchange.

mod property;
mod shape;
mod time;

use std::sync::Arc;

use uuid::Uuid;
use wsman::clixml::{Container, Member, Object, Properties, Text, Value};

use self::shape::Row;
use super::directory::{AcceptedDomain, Attribute, Database, Directory, Entry, Proxy};
use super::session::Serialization;

pub(super) use property::texts;
pub(super) use shape::{Shape, default_of, is_property};
pub(super) use time::{american_time, parse_time};

/// A directory object in the shape of a cmdlet's output.
pub(super) fn object(
    directory: &Directory,
    dc: &str,
    entry: &Entry,
    shape: Shape,
    serialization: Serialization,
) -> Value {
    let described = shape::of(shape);
    let view = property::View { directory, dc, entry };
    let rows = described.rows.iter();
    let mut adapted: Properties = rows
        .map(|row| (Arc::clone(&row.name), Member::Value(value(row, view.get(&row.plain), serialization))))
        .collect();
    if directory.is_online() && shape == Shape::Mailbox {
        let managed = Value::Bool(entry.flag("IsExchangeCloudManaged"));
        adapted.push((Arc::new(Text::from("IsExchangeCloudManaged")), Member::Value(managed)));
    }
    let text = if shape == Shape::Recipient { entry.text("Identity") } else { entry.text("Name") };
    made(Arc::clone(&described.types), Some(text), Container::None, adapted)
}

/// A database; whether it is mounted is only known with `status`.
pub(super) fn database(directory: &Directory, dc: &str, database: &Database, status: bool) -> Value {
    let described = shape::of(Shape::Database);
    let server = &directory.configuration.server;
    let kept = |name: &str| database.properties.get(name).cloned();
    let computed = |name: &str| -> Option<Attribute> {
        Some(match name {
            "Name" | "Identity" | "Id" | "AdminDisplayName" => database.name.as_str().into(),
            "Guid" => directory.database_guid(database).to_string().into(),
            "Mounted" if status => database.mounted.into(),
            "Server" | "ServerName" | "MountedOnServer" | "MasterServerOrAvailabilityGroup" => {
                server.as_str().into()
            }
            "IsExcludedFromProvisioning" => database.excluded_from_provisioning.into(),
            "EdbFilePath" => database_path(database),
            "LogFolderPath" => {
                kept(name).unwrap_or_else(|| format!("D:\\Databases\\{}\\Logs", database.name).into())
            }
            "OriginatingServer" => dc.into(),
            "ObjectCategory" => {
                format!("{}/Configuration/Schema/ms-Exch-Private-MDB", directory.configuration.forest).into()
            }
            "WhenCreated" | "WhenCreatedUTC" => kept("WhenCreated").unwrap_or_else(|| directory.seeded_at()),
            "WhenChanged" | "WhenChangedUTC" => kept("WhenChanged").unwrap_or_else(|| directory.seeded_at()),
            "Organization" => directory.configuration.organization.as_str().into(),
            "DistinguishedName" => directory.database_dn(&database.name).into(),
            _ => return kept(name),
        })
    };
    fixed(described, &database.name, computed)
}

/// Where the file of a database is.
pub(super) fn database_path(database: &Database) -> Attribute {
    let kept = database.properties.get("EdbFilePath").cloned();
    kept.unwrap_or_else(|| format!("D:\\Databases\\{0}\\{0}.edb", database.name).into())
}

/// What a database shows that nobody has set.
pub(super) fn database_default(name: &str) -> Option<Attribute> {
    let row = shape::of(Shape::Database).rows.iter().find(|row| row.plain == name)?;
    match row.tag {
        shape::Tag::Flag => Some(Attribute::Flag(row.default == Some(Attribute::Flag(true)))),
        _ => row.default.clone(),
    }
}

/// An accepted domain.
pub(super) fn accepted_domain(directory: &Directory, dc: &str, domain: &AcceptedDomain) -> Value {
    let described = shape::of(Shape::AcceptedDomain);
    let computed = |name: &str| -> Option<Attribute> {
        Some(match name {
            "DomainName" | "Name" | "Identity" | "Id" => domain.name.as_str().into(),
            "DomainType" => domain.domain_type.as_str().into(),
            "Default" => domain.default.into(),
            "MatchSubDomains" => domain.name.starts_with("*.").into(),
            "Guid" => directory.ids.named(&format!("domain {}", domain.name)).to_string().into(),
            "OriginatingServer" => dc.into(),
            _ => return None,
        })
    };
    fixed(described, &domain.name, computed)
}

fn fixed(described: &shape::Described, text: &str, computed: impl Fn(&str) -> Option<Attribute>) -> Value {
    let rows = described.rows.iter();
    let adapted = rows
        .map(|row| {
            (Arc::clone(&row.name), Member::Value(value(row, computed(&row.plain), Serialization::Default)))
        })
        .collect();
    made(Arc::clone(&described.types), Some(text), Container::None, adapted)
}

fn made(types: Arc<[Text]>, text: Option<&str>, base: Container, adapted: Properties) -> Value {
    Value::Object(Arc::new(Object {
        type_names: Some(types),
        to_string: text.map(Text::from),
        base,
        adapted,
        ..Object::default()
    }))
}

/// The value of a property in the type that the property has on the wire.
fn value(row: &Row, attribute: Option<Attribute>, serialization: Serialization) -> Value {
    let attribute = attribute.or_else(|| row.default.clone());
    match (row.tag, attribute) {
        (shape::Tag::Languages, attribute) => {
            let names = match &attribute {
                Some(Attribute::List(names)) => names.as_slice(),
                _ => &[],
            };
            made(Arc::clone(&row.types), None, Container::List(shape::cultures(names)), Vec::new())
        }
        (shape::Tag::List, attribute) => {
            let items = match attribute {
                Some(Attribute::List(items)) => items,
                Some(Attribute::Text(text)) if !text.is_empty() => vec![text],
                _ => Vec::new(),
            };
            let full = serialization == Serialization::Full && row.plain == "EmailAddresses";
            let items = items
                .into_iter()
                .map(|item| if full { proxy_object(&item) } else { Value::String(item.into()) });
            made(Arc::clone(&row.types), None, Container::List(items.collect()), Vec::new())
        }
        (shape::Tag::Text, Some(Attribute::Text(text))) => Value::String(text.into()),
        (shape::Tag::Text, Some(Attribute::Number(number))) => Value::String(number.to_string().into()),
        (shape::Tag::Text, _) => Value::String("".into()),
        (shape::Tag::Flag, attribute) => Value::Bool(attribute == Some(Attribute::Flag(true))),
        (shape::Tag::Guid, Some(Attribute::Text(text))) => {
            Value::Guid(Uuid::parse_str(&text).unwrap_or_default())
        }
        (shape::Tag::Guid, _) => Value::Guid(Uuid::nil()),
        (shape::Tag::LocalTime, Some(Attribute::Number(ms))) => time::value(ms, false),
        (shape::Tag::UtcTime, Some(Attribute::Number(ms))) => time::value(ms, true),
        (_, None) => Value::Nil,
        (_, Some(Attribute::Flag(flag))) => Value::Bool(flag),
        (_, Some(Attribute::Number(number))) => {
            i32::try_from(number).map_or(Value::Int64(number), Value::Int32)
        }
        (_, Some(Attribute::Text(text))) => Value::String(text.into()),
        (_, Some(Attribute::List(items))) => {
            let items = items.into_iter().map(|item| Value::String(item.into())).collect();
            made(Arc::clone(&row.types), None, Container::List(items), Vec::new())
        }
    }
}

/// An address as `serializationLevel=Full` shows it.
fn proxy_object(text: &str) -> Value {
    let proxy = Proxy::parse(text);
    let string = |text: &str| Member::Value(Value::String(text.into()));
    let name = |text: &str| Arc::new(Text::from(text));
    let prefix = if proxy.prefix.is_empty() { "smtp" } else { &proxy.prefix };
    let mut adapted: Properties = Vec::new();
    if proxy.is_smtp() {
        adapted.push((name("SmtpAddress"), string(&proxy.address)));
    }
    adapted.extend([
        (name("AddressString"), string(&proxy.address)),
        (name("ProxyAddressString"), string(text)),
        (name("Prefix"), string(&prefix.to_uppercase())),
        (name("IsPrimaryAddress"), Member::Value(Value::Bool(proxy.is_primary()))),
        (name("PrefixString"), string(prefix)),
    ]);
    let types = if proxy.is_smtp() { shape::smtp_proxy() } else { shape::custom_proxy() };
    made(types, Some(text), Container::None, adapted)
}
