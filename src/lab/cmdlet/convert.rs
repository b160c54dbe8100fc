//! Conversion of what was sent to what a parameter takes.

use secrecy::{ExposeSecret, SecretString};
use wsman::clixml::{Container, Member, Object, SecureText, Value};

use super::metadata::Parameter;
use super::sizes;
use crate::lab::directory::{DETAILS, Proxy, is_smtp_address};

/// A value as a cmdlet gets it.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    Null,
    Flag(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
    /// `@{Add=..;Remove=..}`
    Delta {
        add: Vec<String>,
        remove: Vec<String>,
    },
    Secret(SecretString),
    Credential {
        user: String,
    },
}

impl Bound {
    /// The value as JSON, secrets masked.
    pub(super) fn masked(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.clone().into(),
            Self::Delta { add, remove } => {
                let both = [("Add", add), ("Remove", remove)];
                both.into_iter()
                    .filter(|(_, items)| !items.is_empty())
                    .map(|(key, items)| (key.to_owned(), serde_json::Value::from(items.clone())))
                    .collect()
            }
            Self::Secret(_) => "***".into(),
            Self::Credential { user } => serde_json::json!({ "UserName": user, "Password": "***" }),
        }
    }
}

/// A value as it was sent, as JSON. What binding made of it (a size with its bytes, a list of one) would not be found
/// again in the client's plan.
pub(super) fn shown(sent: &Value, bound: &Bound) -> serde_json::Value {
    match (bound, sent) {
        (Bound::Secret(_) | Bound::Credential { .. }, _) => bound.masked(),
        (_, Value::String(text)) => text.to_string_lossy().into(),
        (_, Value::Bool(flag)) => (*flag).into(),
        _ => integer(sent).map_or_else(|| bound.masked(), Into::into),
    }
}

/// Why a value does not fit.
pub(super) struct Refusal {
    pub(super) id: &'static str,
    pub(super) message: String,
}

/// Converts a value for a parameter by the rules of the real binder.
pub(super) fn convert(parameter: &Parameter, value: &Value) -> Result<Bound, Refusal> {
    let name = parameter.name;
    if let Value::Nil = value {
        return null(parameter);
    }
    match parameter.type_name {
        "SwitchParameter" | "Boolean" => flag(parameter, value),
        "SecureString" => secret(name, value),
        "PSCredential" => credential(name, value),
        "ProxyAddressCollection" => addresses(name, value),
        "MultiValuedProperty" => delta_or_list(name, value, |_| Ok(())),
        "String[]" => delta_or_list(name, value, |_| Ok(())),
        "RecipientTypeDetails[]" => {
            enum_list(name, value, "Microsoft.Exchange.Data.Directory.RecipientTypeDetails", &DETAILS)
        }
        "RecipientType[]" => enum_list(
            name,
            value,
            "Microsoft.Exchange.Data.Directory.Recipient.RecipientType",
            &[
                "User",
                "UserMailbox",
                "MailUser",
                "MailContact",
                "MailUniversalDistributionGroup",
                "MailUniversalSecurityGroup",
            ],
        ),
        "ConvertibleMailboxSubType" | "ConvertibleRemoteMailboxSubType" => enumeration(
            name,
            value,
            "Microsoft.Exchange.Data.Directory.Recipient.ConvertibleMailboxSubType",
            &["Regular", "Room", "Equipment", "Shared"],
        ),
        "MailboxRights[]" => enum_list(
            name,
            value,
            "Microsoft.Exchange.Management.RecipientTasks.MailboxRights",
            &[
                "FullAccess",
                "SendAs",
                "ExternalAccount",
                "DeleteItem",
                "ReadPermission",
                "ChangePermission",
                "ChangeOwner",
            ],
        ),
        "RecipientAccessRight[]" => enum_list(
            name,
            value,
            "Microsoft.Exchange.Management.RecipientTasks.RecipientAccessRight",
            &["SendAs"],
        ),
        "ActionPreference" => enumeration(
            name,
            value,
            "System.Management.Automation.ActionPreference",
            &["SilentlyContinue", "Stop", "Continue", "Inquire", "Ignore", "Suspend"],
        ),
        "Int32" | "Int64" => number(parameter, value),
        other => scalar(parameter, other, value),
    }
}

/// An identity out of the pipeline: the object's GUID if it has one.
pub(super) fn identity(value: &Value) -> Bound {
    match value {
        Value::Nil => Bound::Null,
        Value::Object(object) => {
            let found = ["Guid", "Identity", "DistinguishedName"]
                .iter()
                .find_map(|name| member(object, name))
                .and_then(text_of);
            Bound::Text(found.unwrap_or_else(|| display(value)))
        }
        other => text_of(other).map_or(Bound::Null, Bound::Text),
    }
}

fn null(parameter: &Parameter) -> Result<Bound, Refusal> {
    let name = parameter.name;
    match parameter.type_name {
        "SwitchParameter" => Ok(Bound::Flag(false)),
        _ if parameter.ever_mandatory() || matches!(parameter.type_name, "Boolean" | "Int32" | "Int64") => {
            Err(Refusal {
                id: "ParameterArgumentValidationErrorNullNotAllowed",
                message: format!("Cannot bind argument to parameter '{name}' because it is null."),
            })
        }
        "Unlimited" | "SmtpAddress" | "EnhancedTimeSpan" | "ByteQuantifiedSize" => Err(Refusal {
            id: "ParameterBindingFailed",
            message: format!(
                "Cannot bind parameter '{name}' to the target. Exception setting \"{name}\": \"Cannot convert null to type \"{}\".\"",
                type_text(parameter)
            ),
        }),
        _ => Ok(Bound::Null),
    }
}

fn flag(parameter: &Parameter, value: &Value) -> Result<Bound, Refusal> {
    let switch = parameter.type_name == "SwitchParameter";
    let refused = |from: &str| {
        let to = if switch { "System.Management.Automation.SwitchParameter" } else { "System.Boolean" };
        Refusal {
            id: "CannotConvertArgument",
            message: format!(
                "Cannot convert '{from}' to the type '{to}' required by parameter '{}'. ",
                parameter.name
            ),
        }
    };
    match value {
        Value::Bool(flag) => Ok(Bound::Flag(*flag)),
        Value::Object(object) if matches!(object.base, Container::Value(_)) => match &object.base {
            Container::Value(inner) => flag(parameter, inner),
            _ => Err(refused("System.Management.Automation.PSObject")),
        },
        Value::Object(object) => match member(object, "IsPresent") {
            Some(Value::Bool(flag)) if switch => Ok(Bound::Flag(*flag)),
            Some(_) => Err(refused("System.Management.Automation.SwitchParameter")),
            None => Err(refused(&type_of(object))),
        },
        Value::String(_) | Value::Char(_) => Err(refused("System.String")),
        Value::Double(number) => Ok(Bound::Flag(*number != 0.0)),
        other => {
            integer(other).map(|number| Bound::Flag(number != 0)).ok_or_else(|| refused("System.Object"))
        }
    }
}

fn secret(name: &str, value: &Value) -> Result<Bound, Refusal> {
    match value {
        Value::SecureString(SecureText::Clear(secret)) => Ok(Bound::Secret(secret.clone())),
        // The value is masked here, unlike in the real text: it may be the password.
        _ => Err(cannot_convert(
            name,
            "Cannot convert the \"***\" value of type \"System.String\" to type \"System.Security.SecureString\".",
        )),
    }
}

fn credential(name: &str, value: &Value) -> Result<Bound, Refusal> {
    let refused = || {
        cannot_convert(
            name,
            "Cannot convert the value to type \"System.Management.Automation.PSCredential\".",
        )
    };
    let Value::Object(object) = value else { return Err(refused()) };
    let user = member(object, "UserName").and_then(text_of).ok_or_else(refused)?;
    let password = match member(object, "Password") {
        Some(Value::SecureString(SecureText::Clear(secret))) => secret,
        _ => return Err(refused()),
    };
    if password.expose_secret().is_empty() {
        return Err(refused());
    }
    Ok(Bound::Credential { user })
}

fn addresses(name: &str, value: &Value) -> Result<Bound, Refusal> {
    let valid = |text: &str| {
        let proxy = Proxy::parse(text);
        if text.chars().count() > 1123 {
            return Err(format!(
                "The length of the address exceeds 1123 characters: \"{}...\"",
                text.chars().take(20).collect::<String>()
            ));
        }
        if proxy.is_smtp() && !is_smtp_address(&proxy.address) {
            return Err(format!(
                "The address '{text}' is invalid: \"{}\" isn't a valid SMTP address. The domain name can't contain spaces and it has to have a prefix and a suffix, such as example.com.",
                proxy.address
            ));
        }
        Ok(())
    };
    let check = |text: &str| {
        valid(text).map_err(|error| {
            let inner = format!("Cannot convert value \"{text}\" to type \"Microsoft.Exchange.Data.ProxyAddress\". Error: \"{error}\"");
            cannot_convert(name, &inner)
        })
    };
    let bound = delta_or_list(name, value, check)?;
    let items = match &bound {
        Bound::List(items) => items,
        Bound::Delta { add, .. } => add,
        _ => return Ok(bound),
    };
    let collection = |error: &str| {
        cannot_convert(
            name,
            &format!(
                "Cannot convert the values to type \"Microsoft.Exchange.Data.ProxyAddressCollection\". Error: \"{error}\""
            ),
        )
    };
    let proxies: Vec<Proxy> = items.iter().map(|text| Proxy::parse(text)).collect();
    if proxies.iter().filter(|proxy| proxy.prefix == "SMTP").count() > 1 {
        return Err(collection(
            "There are multiple primary addresses of type \"SMTP\". Only one address of a type can be primary.",
        ));
    }
    for (index, proxy) in proxies.iter().enumerate() {
        if proxies[..index]
            .iter()
            .any(|other| other.key() == proxy.key() && (proxy.is_smtp() || other == proxy))
        {
            return Err(collection(&format!("The value \"{proxy}\" is already present in the collection.")));
        }
    }
    Ok(bound)
}

/// A list, one text, or a dictionary with `Add` and `Remove`.
fn delta_or_list(
    name: &str,
    value: &Value,
    check: impl Fn(&str) -> Result<(), Refusal>,
) -> Result<Bound, Refusal> {
    let items = |value: &Value| -> Result<Vec<String>, Refusal> {
        let texts: Option<Vec<String>> = match value {
            Value::Object(object) => match &object.base {
                Container::List(items) | Container::Enumerable(items) => items.iter().map(text_of).collect(),
                _ => text_of(value).map(|text| vec![text]),
            },
            Value::Nil => None,
            other => text_of(other).map(|text| vec![text]),
        };
        let texts = texts.ok_or_else(|| Refusal {
            id: "ParameterArgumentTransformationError",
            message: format!(
                "Cannot process argument transformation on parameter '{name}'. Cannot convert value to the type of the parameter. Error: \"MultiValuedProperty collections cannot contain null values.\""
            ),
        })?;
        texts.iter().try_for_each(|text| check(text))?;
        Ok(texts)
    };
    let Value::Object(object) = value else { return items(value).map(Bound::List) };
    let Container::Dictionary(pairs) = &object.base else { return items(value).map(Bound::List) };
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for (key, value) in pairs {
        let texts = items(value)?;
        match text_of(key).unwrap_or_default().to_lowercase().as_str() {
            "add" | "remove" if texts.is_empty() => {
                return items(&Value::Nil).map(Bound::List);
            }
            "add" => add = texts,
            "remove" => remove = texts,
            _ => {
                let inner = "Cannot convert the \"System.Collections.Hashtable\" value of type \"System.Collections.Hashtable\" to type \"Microsoft.Exchange.Data.ProxyAddress\".";
                return Err(cannot_convert(name, inner));
            }
        }
    }
    Ok(Bound::Delta { add, remove })
}

fn enumeration(name: &str, value: &Value, type_name: &str, names: &[&str]) -> Result<Bound, Refusal> {
    let by_number = |number: i64| usize::try_from(number).ok().and_then(|index| names.get(index));
    let found = match value {
        Value::Object(object) => {
            let by_text = || {
                text_of(value).and_then(|text| names.iter().find(|known| known.eq_ignore_ascii_case(&text)))
            };
            let number = match &object.base {
                Container::Value(inner) => integer(inner),
                _ => None,
            };
            by_text().or_else(|| number.and_then(by_number))
        }
        Value::String(text) => names.iter().find(|known| known.eq_ignore_ascii_case(&text.to_string_lossy())),
        other => integer(other).and_then(by_number),
    };
    found.map(|known| Bound::Text((*known).to_owned())).ok_or_else(|| {
        let shown = display(value);
        let inner = format!(
            "Cannot convert value \"{shown}\" to type \"{type_name}\". Error: \"Unable to match the identifier name {shown} to a valid enumerator name. Specify one of the following enumerator names and try again:\n{}\"",
            names.join(", ")
        );
        cannot_convert(name, &inner)
    })
}

fn enum_list(name: &str, value: &Value, type_name: &str, names: &[&str]) -> Result<Bound, Refusal> {
    let Bound::List(items) = delta_or_list(name, value, |_| Ok(()))? else {
        return Err(cannot_convert(name, &format!("Cannot convert the value to type \"{type_name}\".")));
    };
    let mut known = Vec::new();
    for item in items.iter().flat_map(|item| item.split(',')) {
        match enumeration(name, &Value::String(item.trim().into()), type_name, names)? {
            Bound::Text(text) => known.push(text),
            _ => continue,
        }
    }
    Ok(Bound::List(known))
}

fn number(parameter: &Parameter, value: &Value) -> Result<Bound, Refusal> {
    let text = text_of(value).and_then(|text| text.trim().parse().ok());
    integer(value).or(text).map(Bound::Number).ok_or_else(|| {
        let inner = format!(
            "Cannot convert value \"{0}\" to type \"System.Int32\". Error: \"Input string was not in a correct format.\"",
            display(value)
        );
        cannot_convert(parameter.name, &inner)
    })
}

/// Everything that is one text: strings, identities, addresses, sizes, durations.
fn scalar(parameter: &Parameter, type_name: &str, value: &Value) -> Result<Bound, Refusal> {
    let name = parameter.name;
    let identity_object = type_name.ends_with("IdParameter");
    let text = match value {
        Value::Object(object) if matches!(object.base, Container::List(_) | Container::Enumerable(_)) => {
            return Err(Refusal {
                id: "CannotConvertArgument",
                message: format!(
                    "Cannot convert '{}' to the type '{}' required by parameter '{name}'. Specified method is not supported.",
                    display(value),
                    type_text(parameter)
                ),
            });
        }
        Value::Object(_) if identity_object => match identity(value) {
            Bound::Text(text) => text,
            _ => String::new(),
        },
        _ => text_of(value).unwrap_or_else(|| display(value)),
    };
    let wrong = |error: &str| {
        let inner = format!(
            "Cannot convert value \"{text}\" to type \"{}\". Error: \"{error}\"",
            type_text(parameter)
        );
        Err(cannot_convert(name, &inner))
    };
    if type_name == "String" && text.is_empty() && parameter.ever_mandatory() {
        return Err(Refusal {
            id: "ParameterArgumentValidationErrorEmptyStringNotAllowed",
            message: format!("Cannot bind argument to parameter '{name}' because it is an empty string."),
        });
    }
    match type_name {
        _ if identity_object && text.trim().is_empty() => wrong("The identity of an object can't be empty."),
        "String" if name == "Name" && text.chars().count() > 64 => Err(Refusal {
            id: "ParameterArgumentValidationError",
            message: format!(
                "Cannot validate argument on parameter 'Name'. The character length of the {} argument is too long. Shorten the character length of the argument so it is fewer than or equal to \"64\" characters, and then try the command again.",
                text.chars().count()
            ),
        }),
        "SmtpAddress" if !is_smtp_address(&text) => wrong(&format!(
            "The email address \"{text}\" isn't correct. Please use this format: user name, the @ sign, followed by the domain name. For example, tonysmith@contoso.com or tony.smith@contoso.com."
        )),
        "ProxyAddress" => {
            let proxy = Proxy::parse(&text);
            if proxy.is_smtp() && !is_smtp_address(&proxy.address) {
                return wrong(&format!("\"{}\" isn't a valid SMTP address.", proxy.address));
            }
            Ok(Bound::Text(text))
        }
        "Fqdn" if !is_host_name(&text) => wrong(&format!("\"{text}\" isn't a fully qualified domain name.")),
        "Guid" => match uuid::Uuid::parse_str(text.trim_matches(['{', '}'])) {
            Ok(guid) => Ok(Bound::Text(guid.to_string())),
            Err(_) => {
                wrong("Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).")
            }
        },
        "Unlimited" | "ByteQuantifiedSize" => unlimited(parameter, &text),
        "EnhancedTimeSpan" => sizes::duration(value, &text)
            .map_or_else(|| wrong("The value isn't a time span."), |text| Ok(Bound::Text(text))),
        _ => Ok(Bound::Text(text)),
    }
}

fn unlimited(parameter: &Parameter, text: &str) -> Result<Bound, Refusal> {
    if text.trim().eq_ignore_ascii_case("unlimited") {
        return Ok(Bound::Text("Unlimited".to_owned()));
    }
    let counted = matches!(parameter.name, "ResultSize" | "RecipientLimits");
    let inner = if counted { "System.UInt32" } else { "Microsoft.Exchange.Data.ByteQuantifiedSize" };
    let outer = type_text(parameter);
    let wrong = |error: &str| {
        let text = format!(
            "Cannot convert value \"{text}\" to type \"{outer}\". Error: \"Cannot convert value \"{text}\" to type \"{inner}\". Error: \"{error}\"\""
        );
        cannot_convert(parameter.name, &text)
    };
    if counted {
        let number =
            text.trim().parse::<f64>().ok().filter(|number| (0.0..=f64::from(u32::MAX)).contains(number));
        #[allow(clippy::cast_possible_truncation)]
        return number
            .map(|number| Bound::Number(number.round() as i64))
            .ok_or_else(|| wrong(&format!("The input string '{text}' was not in a correct format.")));
    }
    if parameter.name == "LitigationHoldDuration" {
        return Ok(Bound::Text(text.to_owned()));
    }
    sizes::size(text).map(Bound::Text).ok_or_else(|| {
        wrong(&format!("The value \"{text}\" isn't a size. Use a number with B, KB, MB, GB or TB."))
    })
}

fn cannot_convert(name: &str, error: &str) -> Refusal {
    Refusal {
        id: "CannotConvertArgumentNoMessage",
        message: format!("Cannot bind parameter '{name}'. {error}"),
    }
}

fn type_text(parameter: &Parameter) -> String {
    match parameter.type_name {
        "String" => "System.String".to_owned(),
        "Unlimited" if matches!(parameter.name, "ResultSize" | "RecipientLimits") => {
            "Microsoft.Exchange.Data.Unlimited`1[System.UInt32]".to_owned()
        }
        "Unlimited" => {
            "Microsoft.Exchange.Data.Unlimited`1[Microsoft.Exchange.Data.ByteQuantifiedSize]".to_owned()
        }
        identity if identity.ends_with("IdParameter") => {
            format!("Microsoft.Exchange.Configuration.Tasks.{identity}")
        }
        other => format!("Microsoft.Exchange.Data.{other}"),
    }
}

fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        })
}

/// A property of an object, adapted or extended.
fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.adapted.iter().chain(&object.extended).find_map(|(known, member)| match member {
        Member::Value(value) if known.to_string_lossy().eq_ignore_ascii_case(name) => Some(value),
        _ => None,
    })
}

fn type_of(object: &Object) -> String {
    match &object.base {
        Container::List(_) | Container::Enumerable(_) => "System.Collections.ArrayList".to_owned(),
        Container::Dictionary(_) => "System.Collections.Hashtable".to_owned(),
        _ => object
            .type_names
            .as_ref()
            .and_then(|names| names.first())
            .map_or("System.Object".to_owned(), ToString::to_string),
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Byte(n) => Some(i64::from(*n)),
        Value::SByte(n) => Some(i64::from(*n)),
        Value::Int16(n) => Some(i64::from(*n)),
        Value::UInt16(n) => Some(i64::from(*n)),
        Value::Int32(n) => Some(i64::from(*n)),
        Value::UInt32(n) => Some(i64::from(*n)),
        Value::Int64(n) => Some(*n),
        Value::UInt64(n) => i64::try_from(*n).ok(),
        _ => None,
    }
}

/// The text of a value that is text, or that has one.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) | Value::Uri(text) | Value::ScriptBlock(text) | Value::Xml(text) => {
            Some(text.to_string_lossy().into_owned())
        }
        Value::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        Value::Guid(guid) => Some(guid.to_string()),
        Value::Double(number) => Some(number.to_string()),
        Value::Single(number) => Some(number.to_string()),
        Value::Char(unit) => Some(String::from_utf16_lossy(&[*unit])),
        Value::Object(object) => {
            let proxy = member(object, "ProxyAddressString").and_then(text_of);
            let wrapped = match &object.base {
                Container::Value(inner) if object.to_string.is_none() => text_of(inner),
                _ => None,
            };
            proxy.or_else(|| object.to_string.as_ref().map(ToString::to_string)).or(wrapped)
        }
        Value::Nil => None,
        other => integer(other).map(|number| number.to_string()),
    }
}

/// A value as an error text shows it.
pub(super) fn display(value: &Value) -> String {
    match value {
        Value::SecureString(_) => "System.Security.SecureString".to_owned(),
        Value::Object(object) => match &object.base {
            Container::List(items) | Container::Enumerable(items) => {
                items.iter().map(|item| text_of(item).unwrap_or_default()).collect::<Vec<_>>().join(" ")
            }
            _ => text_of(value).unwrap_or_else(|| type_of(object)),
        },
        other => text_of(other).unwrap_or_default(),
    }
}
