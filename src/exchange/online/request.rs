//! A cmdlet as the body of an `InvokeCommand` request.

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::{Map, Value as Json, json};
use wsman::clixml::{Container, Object, SecureText, Value};

use crate::exchange::{Call, to_json};
use crate::recipient::parameters::parameter;

/// Records in one page: the most that is allowed.
pub(super) const PAGE: u32 = 1000;
/// The mailbox that stands for the whole organisation when an application signs in.
const SYSTEM_MAILBOX: &str = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}";
/// A JSON object binds to nothing without its type.
const TYPE: &str = "@odata.type";
const HASHTABLE: &str = "#Exchange.GenericHashTable";

/// Who the token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// An application
    Application,
    /// A user, by principal name
    User(String),
}

/// `X-AnchorMailbox`: where in the cloud a request is carried out.
pub(super) fn anchor(caller: &Caller, tenant: &str) -> String {
    match caller {
        Caller::Application => format!("APP:{SYSTEM_MAILBOX}@{tenant}"),
        Caller::User(name) => format!("UPN:{name}"),
    }
}

/// What encrypts a password for the server. The name of what failed otherwise.
pub(super) type Encrypt<'a> = &'a dyn Fn(&SecretString) -> Result<String, String>;

/// The body. It holds what `encrypt` makes of secrets, never a secret.
///
/// # Errors
/// When a value has no form in JSON, or a secret cannot be encrypted.
pub(super) fn body(call: &Call, encrypt: Encrypt<'_>) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut parameters = Map::new();
    for (name, value) in &call.parameters {
        let value = match value {
            Value::Nil if is_list(&call.cmdlet, name) => json!({ TYPE: HASHTABLE }),
            Value::SecureString(SecureText::Clear(secret)) => encrypt(secret)?.into(),
            Value::SecureString(_) => return Err(format!("-{name} is encrypted for another server")),
            Value::Object(object) => from_object(name, value, object)?,
            other => to_json(other),
        };
        parameters.insert(name.clone(), value);
    }
    let body = json!({"CmdletInput": {"CmdletName": call.cmdlet, "Parameters": parameters}});
    Ok(body.to_string().into_bytes().into())
}

/// Null clears a single value; a list is cleared by a change that adds and removes nothing.
fn is_list(cmdlet: &str, name: &str) -> bool {
    parameter(cmdlet, name).is_some_and(|parameter| parameter.kind.is_list())
}

fn from_object(name: &str, value: &Value, object: &Object) -> Result<Json, String> {
    match &object.base {
        Container::List(_) => Ok(to_json(value)),
        Container::Dictionary(_) => {
            let Json::Object(members) = to_json(value) else {
                return Err(format!("-{name} has no form in JSON"));
            };
            let kind = (TYPE.to_owned(), HASHTABLE.into());
            Ok(Json::Object(std::iter::once(kind).chain(members).collect()))
        }
        _ if object.to_string.is_some() => Ok(to_json(value)),
        _ => Err(format!("-{name} has no form in JSON")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(call: &Call) -> Json {
        let bytes = body(call, &|_| Ok("encrypted".into())).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The encodings that public clients send.
    #[test]
    fn every_kind_of_value() {
        let call = Call::new("Set-Mailbox")
            .with("Identity", Value::from("o'neil"))
            .with("EmailAddresses", Value::strings(["SMTP:a@x.de", "smtp:b@x.de"]))
            .with("HiddenFromAddressListsEnabled", Value::Bool(true))
            .with("ResourceCapacity", Value::Int32(4))
            .with("ForwardingAddress", Value::Nil)
            .with("GrantSendOnBehalfTo", Value::Nil)
            .with("ModeratedBy", Value::hashtable([("Add", Value::strings(["b"]))]));
        assert_eq!(
            encoded(&call),
            json!({"CmdletInput": {"CmdletName": "Set-Mailbox", "Parameters": {
                "Identity": "o'neil",
                "EmailAddresses": ["SMTP:a@x.de", "smtp:b@x.de"],
                "HiddenFromAddressListsEnabled": true,
                "ResourceCapacity": 4,
                "ForwardingAddress": null,
                "GrantSendOnBehalfTo": {"@odata.type": "#Exchange.GenericHashTable"},
                "ModeratedBy": {"@odata.type": "#Exchange.GenericHashTable", "Add": ["b"]},
            }}})
        );
    }

    #[test]
    fn no_parameters_are_an_empty_object() {
        let call = Call::new("Get-AcceptedDomain");
        assert_eq!(encoded(&call)["CmdletInput"]["Parameters"], json!({}));
    }

    #[test]
    fn a_secret_goes_through_the_cipher_or_not_at_all() {
        let call = Call::new("New-Mailbox").with("Password", Value::secure("Canary-77!"));
        assert_eq!(encoded(&call)["CmdletInput"]["Parameters"]["Password"], "encrypted");
        let refused = body(&call, &|_| Err("no key".into()));
        assert_eq!(refused, Err("no key".into()));
    }

    #[test]
    fn the_anchor_names_the_tenant_or_the_user() {
        let tenant = "5f3b1a52-4f1e-4a51-8a3c-0a7f3b3a9c11";
        assert_eq!(
            anchor(&Caller::Application, tenant),
            "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@5f3b1a52-4f1e-4a51-8a3c-0a7f3b3a9c11"
        );
        assert_eq!(anchor(&Caller::User("ada@contoso.com".into()), tenant), "UPN:ada@contoso.com");
    }
}
