//! `mailwright invoke`

use std::sync::Arc;

use clap::Args;
use serde_json::Value as Json;
use wsman::clixml::{Container, Object, SecureText, Value};
use wsman::psrp::{ErrorRecord, Outcome};

use super::common::Context;
use super::literal::literal;
use super::{CommandError, session};
use crate::config::SecretRef;
use crate::exchange::{Answer, Call, Side, graph, to_json};
use crate::recipient::parameters::{self, ParameterKind};
use crate::recipient::value::{bool_word, split_cell};
use crate::report::printable;

/// Run any cmdlet, of Exchange or of Microsoft Graph; objects out as JSON lines
#[derive(Debug, Args)]
pub(super) struct Invoke {
    /// The cmdlet
    #[arg(value_name = "CMDLET")]
    cmdlet: String,
    /// Its parameters: NAME=VALUE, NAME alone for a switch, `$true`, `$false`, `$null`; lists are separated by `;`, or written
    /// `@('a','b')`; `@{Add='a';Remove='b'}` changes one; a secret is a reference such as env:NAME
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Run it in Exchange Online, on a hybrid connection that reaches both sides; without this a cmdlet of Exchange goes
    /// on-premises, and one of Graph to the cloud in any case
    #[arg(long)]
    cloud: bool,
}

pub(super) async fn run(context: &Context, command: Invoke) -> Result<u8, CommandError> {
    let Wanted { mut call, secrets } = wanted(&command)?;
    let chosen = session::choose(context).await?;
    if command.cloud {
        if chosen.default.cloud.is_none() {
            let name = &chosen.default.name;
            return Err(CommandError::usage(format!(
                "the connection `{name}` does not reach Exchange Online"
            ))
            .hint("--cloud is for connections with a table `cloud`; `-n NAME` chooses another one"));
        }
        call = call.on(Side::Cloud);
    }
    for (name, reference) in secrets {
        let secret = chosen.default.secrets.fetch(&reference).await?;
        call = call.with(name, Value::SecureString(SecureText::Clear(secret)));
    }
    let exchange = chosen.open_one(&chosen.default).await?;
    let answer = exchange.run(&call).await;
    exchange.close().await;
    chosen.end().await?;
    let Answer { objects, errors, warnings, outcome } = answer?;
    let lines: Vec<Json> = objects.iter().map(to_json).collect();
    context.out_json(&lines)?;
    for warning in &warnings {
        context.say(&format!("warning: {}", printable(warning)));
    }
    let ending = match &outcome {
        Outcome::Completed => None,
        Outcome::Failed(record) | Outcome::Stopped(record) => Some(record.as_deref()),
    };
    for record in errors.iter().chain(ending.flatten()) {
        context.say(&describe(record));
    }
    if ending == Some(None) {
        context.say("error: the cmdlet was ended without a reason");
    }
    Ok(u8::from(!errors.is_empty() || ending.is_some()))
}

fn describe(record: &ErrorRecord) -> String {
    let message = record.details_message.as_deref().unwrap_or(&record.message);
    let id = &record.fully_qualified_error_id;
    format!("error: {} [{} {}]", printable(message), printable(&record.category.reason), printable(id))
}

/// A call, and the secrets that go with it.
#[derive(Debug)]
struct Wanted {
    call: Call,
    secrets: Vec<(String, SecretRef)>,
}

fn wanted(command: &Invoke) -> Result<Wanted, CommandError> {
    if command.cmdlet.starts_with('-')
        || !command.cmdlet.contains('-')
        || command.cmdlet.contains(char::is_whitespace)
    {
        return Err(CommandError::usage(format!("`{}` is not the name of a cmdlet", command.cmdlet))
            .hint("a verb and a noun, for example Get-Mailbox; scripts are not run"));
    }
    let mut call = Call::new(&command.cmdlet);
    let mut secrets: Vec<(String, SecretRef)> = Vec::new();
    for text in &command.parameters {
        let (name, given) = match text.split_once('=') {
            Some((name, given)) => (name, Some(given)),
            None => (text.as_str(), None),
        };
        let name = name.trim_start_matches('-');
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(CommandError::usage(format!("`{name}` is not the name of a parameter"))
                .hint("write NAME=VALUE, for example Identity=ada"));
        }
        let mut known =
            call.parameters.iter().map(|(name, _)| name).chain(secrets.iter().map(|(name, _)| name));
        if known.any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(CommandError::usage(format!("the parameter `{name}` is there twice")));
        }
        let kind = match graph::is_graph(&command.cmdlet) {
            true => graph::kind(name),
            false => parameters::parameter(&command.cmdlet, name).map(|parameter| parameter.kind),
        };
        if let (Some(ParameterKind::Secret), Some(given)) = (kind, given) {
            secrets.push((name.to_owned(), given.parse()?));
            continue;
        }
        let value = match given {
            None => Value::Bool(true),
            Some(given) => value(kind, name, given)?,
        };
        // A null identity is no identity: Exchange would take every mailbox.
        if name.eq_ignore_ascii_case("Identity") && matches!(value, Value::Nil) || given == Some("") {
            return Err(CommandError::usage(format!("the parameter `{name}` is empty")));
        }
        call = call.with(name, value);
    }
    Ok(Wanted { call, secrets })
}

fn value(kind: Option<ParameterKind>, name: &str, given: &str) -> Result<Value, CommandError> {
    let text = |text: &str| Value::String(text.into());
    let wrong = |kind: ParameterKind| {
        CommandError::usage(format!("`{name}` takes {}, not `{given}`", kind.describe()))
    };
    Ok(match kind {
        Some(kind @ (ParameterKind::Secret | ParameterKind::Credential)) => return Err(wrong(kind)),
        _ if given.eq_ignore_ascii_case("$null") => Value::Nil,
        Some(kind @ (ParameterKind::Bool | ParameterKind::Switch)) => {
            Value::Bool(bool_word(given).ok_or_else(|| wrong(kind))?)
        }
        _ if kind.is_none_or(|kind| kind.is_list())
            && let Some(read) = literal(given) =>
        {
            read.map_err(|why| {
                CommandError::usage(format!("`{name}`: {why}"))
                    .hint("@{Add='a','b';Remove='c'}, or @('a','b')")
            })?
        }
        Some(kind) if kind.is_list() => list(&split_cell(given)),
        None if given.eq_ignore_ascii_case("$true") => Value::Bool(true),
        None if given.eq_ignore_ascii_case("$false") => Value::Bool(false),
        _ => text(given),
    })
}

/// An array as PowerShell sends it.
fn list(items: &[String]) -> Value {
    Value::Object(Arc::new(Object {
        type_names: Some(["System.Object[]", "System.Array", "System.Object"].map(Into::into).into()),
        base: Container::List(items.iter().map(|item| Value::String(item.as_str().into())).collect()),
        ..Object::default()
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(parameters: &[&str]) -> Result<Wanted, CommandError> {
        wanted(&Invoke {
            cmdlet: "Set-Mailbox".into(),
            parameters: parameters.iter().map(ToString::to_string).collect(),
            cloud: false,
        })
    }

    #[test]
    fn values_take_the_parameters_type() {
        let Wanted { call, .. } = parse(&[
            "Identity=ada",
            "EmailAddresses=SMTP:a@x.de;smtp:b@x.de",
            "Arbitration",
            "HiddenFromAddressListsEnabled=true",
            "MailTip=$null",
            "Foo=$true",
            "CustomAttribute1=a=b",
        ])
        .unwrap();
        assert_eq!(
            call.masked(),
            json!({"Identity": "ada", "EmailAddresses": ["SMTP:a@x.de", "smtp:b@x.de"], "Arbitration": true,
                   "HiddenFromAddressListsEnabled": true, "MailTip": null, "Foo": true, "CustomAttribute1": "a=b"})
        );
    }

    #[test]
    fn tables_and_arrays_where_a_list_may_stand() {
        let Wanted { call, .. } =
            parse(&["EmailAddresses=@{Add='smtp:a@x.de'}", "Foo=@('a','b')", "CustomAttribute1=@{a}"])
                .unwrap();
        assert_eq!(
            call.masked(),
            json!({"EmailAddresses": {"Add": ["smtp:a@x.de"]}, "Foo": ["a", "b"], "CustomAttribute1": "@{a}"})
        );
        assert!(parse(&["EmailAddresses=@{Add='smtp:a@x.de"]).is_err());
    }

    #[test]
    fn what_is_no_call() {
        let wrong = [
            vec!["Identity=$null"],
            vec!["Identity="],
            vec!["Identity=a", "identity=b"],
            vec!["a b=1"],
            vec!["HiddenFromAddressListsEnabled=perhaps"],
        ];
        for parameters in wrong {
            assert!(parse(&parameters).is_err(), "{parameters:?}");
        }
        let user = |parameter: &str| {
            wanted(&Invoke { cmdlet: "New-MgUser".into(), parameters: vec![parameter.into()], cloud: false })
        };
        assert!(user("PasswordProfile=Canary-7c1f!pw").is_err());
        assert_eq!(user("PasswordProfile=env:PW").unwrap().secrets.len(), 1);
        assert_eq!(user("AccountEnabled=true").unwrap().call.masked(), json!({"AccountEnabled": true}));
        let plain = parse(&["Password=Canary-7c1f!pw"]).unwrap_err();
        assert!(!format!("{plain:?}").contains("Canary"));
        for cmdlet in ["Get", "Get-Mailbox | Remove-Mailbox", "-x"] {
            assert!(
                wanted(&Invoke { cmdlet: cmdlet.into(), parameters: vec![], cloud: false }).is_err(),
                "{cmdlet}"
            );
        }
    }
}
