//! Which properties an object has, in which order and of which type.

use std::sync::{Arc, LazyLock};

use wsman::clixml::{Container, Member, Object, Text, Value};

use crate::lab::directory::Attribute;

/// Names, element names and type names of the properties of a mailbox of Exchange 2016, in the order of the real object:
/// `@n` introduces type names, the other lines are property, element (`LSTn` with type names n) and what a new mailbox holds.
const MAILBOX: &str = include_str!("mailbox.txt");

/// The other objects, in the same form.
const OTHERS: &str = include_str!("others.txt");

/// What a cmdlet writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Mailbox,
    RemoteMailbox,
    User,
    MailUser,
    CasMailbox,
    Recipient,
    Database,
    AcceptedDomain,
}

/// How a property is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Text,
    Flag,
    Guid,
    LocalTime,
    UtcTime,
    List,
    /// `Languages`: a list of cultures
    Languages,
    /// Null until it is set, then by the type of what was set
    Open,
}

/// A property.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: Arc<Text>,
    pub(super) plain: String,
    pub(super) tag: Tag,
    pub(super) types: Arc<[Text]>,
    pub(super) default: Option<Attribute>,
}

/// An object's type names and properties.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) types: Arc<[Text]>,
    pub(super) rows: Vec<Row>,
}

static MAILBOX_SHAPE: LazyLock<Described> =
    LazyLock::new(|| Described { types: mail_types("Mailbox"), rows: rows(MAILBOX.lines()) });

static REMOTE_SHAPE: LazyLock<Described> = LazyLock::new(|| mail_enabled("RemoteMailbox"));
static MAIL_USER_SHAPE: LazyLock<Described> = LazyLock::new(|| mail_enabled("MailUser"));
static CAS_SHAPE: LazyLock<Described> = LazyLock::new(|| other("CASMailbox", &["ADPresentationObject"]));

/// What other people share with a mailbox are the properties of the base classes, from `Extensions` on.
fn mail_enabled(name: &'static str) -> Described {
    let own = section(name);
    let shared = MAILBOX
        .lines()
        .filter(|line| !line.starts_with('@'))
        .skip_while(|line| !line.starts_with("Extensions\t"));
    let shared = shared.filter(|line| !line.starts_with("OrganizationalUnit\t"));
    Described {
        types: mail_types(name),
        rows: rows(MAILBOX.lines().filter(|line| line.starts_with('@')).chain(own).chain(shared)),
    }
}

static USER_SHAPE: LazyLock<Described> = LazyLock::new(|| other("User", &["ADPresentationObject"]));
static RECIPIENT_SHAPE: LazyLock<Described> = LazyLock::new(|| other("ReducedRecipient", &[]));
static DATABASE_SHAPE: LazyLock<Described> = LazyLock::new(|| {
    let names = [
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase",
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.Database",
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ADConfigurationObject",
    ];
    Described { types: with_base(&names), ..other("MailboxDatabase", &[]) }
});
static DOMAIN_SHAPE: LazyLock<Described> = LazyLock::new(|| {
    let names = [
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain",
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ADConfigurationObject",
    ];
    Described { types: with_base(&names), ..other("AcceptedDomain", &[]) }
});

static SMTP_PROXY: LazyLock<Arc<[Text]>> = LazyLock::new(|| {
    texts(&[
        "Microsoft.Exchange.Data.SmtpProxyAddress",
        "Microsoft.Exchange.Data.ProxyAddress",
        "Microsoft.Exchange.Data.ProxyAddressBase",
        "System.Object",
    ])
});
static CUSTOM_PROXY: LazyLock<Arc<[Text]>> = LazyLock::new(|| {
    texts(&[
        "Microsoft.Exchange.Data.CustomProxyAddress",
        "Microsoft.Exchange.Data.ProxyAddress",
        "Microsoft.Exchange.Data.ProxyAddressBase",
        "System.Object",
    ])
});
static CULTURE: LazyLock<Arc<[Text]>> =
    LazyLock::new(|| texts(&["System.Globalization.CultureInfo", "System.Object"]));

pub(super) fn of(shape: Shape) -> &'static Described {
    match shape {
        Shape::Mailbox => &MAILBOX_SHAPE,
        Shape::RemoteMailbox => &REMOTE_SHAPE,
        Shape::User => &USER_SHAPE,
        Shape::MailUser => &MAIL_USER_SHAPE,
        Shape::CasMailbox => &CAS_SHAPE,
        Shape::Recipient => &RECIPIENT_SHAPE,
        Shape::Database => &DATABASE_SHAPE,
        Shape::AcceptedDomain => &DOMAIN_SHAPE,
    }
}

pub(super) fn smtp_proxy() -> Arc<[Text]> {
    Arc::clone(&SMTP_PROXY)
}

pub(super) fn custom_proxy() -> Arc<[Text]> {
    Arc::clone(&CUSTOM_PROXY)
}

/// The language of a mailbox that was given none.
const LANGUAGE: &str = "en-US";

/// The cultures of `Languages`.
pub(super) fn cultures(names: &[String]) -> Vec<Value> {
    match names {
        [] => vec![culture(LANGUAGE)],
        names => names.iter().map(|name| culture(name)).collect(),
    }
}

/// A culture; what only Windows knows of it, for American English alone.
fn culture(name: &str) -> Value {
    let text = |text: &str| Member::Value(Value::String(text.into()));
    let two_letters = name.split('-').next().unwrap_or(name);
    let mut members = vec![
        ("Name", text(name)),
        ("IetfLanguageTag", text(name)),
        ("TwoLetterISOLanguageName", text(two_letters)),
    ];
    if name == LANGUAGE {
        members.insert(0, ("LCID", Member::Value(Value::Int32(1033))));
        members.insert(2, ("DisplayName", text("English (United States)")));
        members.insert(4, ("ThreeLetterISOLanguageName", text("eng")));
        members.insert(5, ("ThreeLetterWindowsLanguageName", text("ENU")));
    }
    Value::Object(Arc::new(Object {
        type_names: Some(Arc::clone(&CULTURE)),
        to_string: Some(name.into()),
        base: Container::None,
        adapted: members.into_iter().map(|(name, member)| (Arc::new(Text::from(name)), member)).collect(),
        ..Object::default()
    }))
}

/// The spelling of a property that some recipient has, asked without regard to case.
pub(crate) fn is_property(name: &str) -> Option<&'static str> {
    let shapes = [&MAILBOX_SHAPE, &REMOTE_SHAPE, &USER_SHAPE, &RECIPIENT_SHAPE, &MAIL_USER_SHAPE, &CAS_SHAPE];
    let rows = shapes.iter().flat_map(|shape| &shape.rows);
    rows.map(|row| row.plain.as_str()).find(|known| known.eq_ignore_ascii_case(name))
}

/// What a property holds until it is set.
pub(crate) fn default_of(name: &str) -> Option<Attribute> {
    MAILBOX_SHAPE.rows.iter().find(|row| row.plain == name).and_then(|row| row.default.clone())
}

fn other(name: &str, bases: &[&str]) -> Described {
    let full = |name: &str| format!("Microsoft.Exchange.Data.Directory.Management.{name}");
    let names: Vec<String> = std::iter::once(name).chain(bases.iter().copied()).map(full).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let lines = MAILBOX.lines().filter(|line| line.starts_with('@')).chain(section(name));
    Described { types: with_base(&names), rows: rows(lines) }
}

fn mail_types(name: &str) -> Arc<[Text]> {
    let names = [name, "MailEnabledOrgPerson", "MailEnabledRecipient", "ADPresentationObject"];
    let names = names.map(|name| format!("Microsoft.Exchange.Data.Directory.Management.{name}"));
    with_base(&names.each_ref().map(String::as_str))
}

fn with_base(names: &[&str]) -> Arc<[Text]> {
    let base = [
        "Microsoft.Exchange.Data.Directory.ADObject",
        "Microsoft.Exchange.Data.Directory.ADRawEntry",
        "Microsoft.Exchange.Data.ConfigurableObject",
        "System.Object",
    ];
    names.iter().chain(&base).map(|name| Text::from(*name)).collect()
}

fn texts(names: &[&str]) -> Arc<[Text]> {
    names.iter().map(|name| Text::from(*name)).collect()
}

/// The lines of one section of the other objects.
fn section(name: &str) -> impl Iterator<Item = &'static str> {
    let head = format!("[{name}]");
    OTHERS.lines().skip_while(move |line| *line != head).skip(1).take_while(|line| !line.starts_with('['))
}

fn rows<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Row> {
    let mut types: Vec<Arc<[Text]>> = Vec::new();
    let none: Arc<[Text]> = Arc::from(Vec::new());
    let mut rows = Vec::new();
    for line in lines {
        if let Some(names) = line.strip_prefix('@') {
            types.push(names.split('\t').skip(1).map(Text::from).collect());
            continue;
        }
        let mut parts = line.split('\t');
        let (Some(name), Some(element)) = (parts.next(), parts.next()) else { continue };
        let default = parts.next().unwrap_or_default();
        let list_types = element
            .strip_prefix("LST")
            .and_then(|index| index.parse::<usize>().ok())
            .and_then(|index| types.get(index));
        let tag = match element {
            "S" => Tag::Text,
            "B" => Tag::Flag,
            "G" => Tag::Guid,
            "DT" if name.ends_with("UTC") => Tag::UtcTime,
            "DT" => Tag::LocalTime,
            "Nil" => Tag::Open,
            _ if name == "Languages" => Tag::Languages,
            _ => Tag::List,
        };
        let default = match tag {
            Tag::Flag => Some(Attribute::Flag(default == "true")),
            Tag::Text => Some(Attribute::Text(default.to_owned())),
            Tag::List if !default.is_empty() => {
                Some(Attribute::List(default.split(';').map(str::to_owned).collect()))
            }
            _ => None,
        };
        let types = list_types.cloned().unwrap_or_else(|| Arc::clone(&none));
        rows.push(Row { name: Arc::new(Text::from(name)), plain: name.to_owned(), tag, types, default });
    }
    rows
}
