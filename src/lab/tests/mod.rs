//! What the embedded Exchange does, through sessions and commands as a client sends them.

mod addresses;
mod binding;
mod creating;
mod databases;
mod endpoints;
mod modifying;
mod reading;
mod removing;
mod replication;
mod samples;
mod shapes;

use wsman::clixml::Value;
use wsman::psrp::{Command, ErrorRecord, Outcome, Record};

use super::{Endpoint, Exchange, LabSession, Options, Seed, Serialization};

/// 2026-11-21T03:33:04Z
const NOW: u64 = 1_795_231_984_000;

/// A company small enough to be read here.
const COMPANY: &str = r#"{
  "forest": "contoso.com",
  "organization": "Contoso",
  "domain_controllers": ["dc01.contoso.com", "dc02.contoso.com"],
  "organizational_units": ["contoso.com/Staff", "contoso.com/Fabrikam"],
  "accepted_domains": [{"name": "contoso.com", "default": true}, {"name": "fabrikam.com"}, {"name": "*.tailspintoys.com"},
                       {"name": "contoso.mail.onmicrosoft.com"}],
  "databases": [{"name": "DB01"}, {"name": "DB02", "mounted": false}, {"name": "DB03", "excluded_from_provisioning": true}],
  "address_policies": [{"name": "Default Policy", "templates": ["SMTP:%m@contoso.com", "smtp:%m@contoso.mail.onmicrosoft.com"]}],
  "remote_routing_domain": "contoso.mail.onmicrosoft.com",
  "objects": [
    {"RecipientTypeDetails": "User", "Name": "svc-idm", "SamAccountName": "svc-idm", "Password": "Lab-Passw0rd!"},
    {"RecipientTypeDetails": "User", "Name": "Uma User", "SamAccountName": "uma", "OrganizationalUnit": "contoso.com/Staff"},
    {"RecipientTypeDetails": "UserMailbox", "Name": "Ada Free", "SamAccountName": "ada", "OrganizationalUnit": "contoso.com/Staff",
     "EmailAddresses": ["SMTP:ada@contoso.com", "smtp:ada@fabrikam.com", "X500:/o=Old/cn=ada", "SIP:ada@contoso.com"]},
    {"RecipientTypeDetails": "UserMailbox", "Name": "Paul Policy", "SamAccountName": "paul", "OrganizationalUnit": "contoso.com/Staff"},
    {"RecipientTypeDetails": "SharedMailbox", "Name": "Info Desk", "Alias": "info", "OrganizationalUnit": "contoso.com/Staff"},
    {"RecipientTypeDetails": "RemoteUserMailbox", "Name": "Rita Remote", "SamAccountName": "rita", "OrganizationalUnit": "contoso.com/Staff"},
    {"RecipientTypeDetails": "RemoteUserMailbox", "Name": "Mia Migrated", "SamAccountName": "mia", "RemoteRecipientType": "Migrated"},
    {"RecipientTypeDetails": "MailUser", "Name": "Max Mailuser", "SamAccountName": "max", "ExternalEmailAddress": "SMTP:max@northwind.com"},
    {"RecipientTypeDetails": "MailContact", "Name": "Cora Contact", "Alias": "cora", "EmailAddresses": ["SMTP:cora@contoso.com"]},
    {"RecipientTypeDetails": "UserMailbox", "Name": "Chris Smith", "SamAccountName": "csmith1", "OrganizationalUnit": "contoso.com/Staff"},
    {"RecipientTypeDetails": "UserMailbox", "Name": "Chris Smith", "SamAccountName": "csmith2", "OrganizationalUnit": "contoso.com/Fabrikam"}
  ]
}"#;

/// An Exchange with one session.
struct Bench {
    exchange: Exchange,
    session: LabSession,
    now_ms: u64,
}

/// What one pipeline gave.
#[derive(Debug)]
struct Answer {
    outcome: Outcome,
    output: Vec<Value>,
    errors: Vec<ErrorRecord>,
    warnings: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Options::default(), Endpoint::PowerShell, Serialization::Default)
    }

    fn with(options: Options, endpoint: Endpoint, serialization: Serialization) -> Self {
        let mut exchange = Exchange::new(Seed::from_json(COMPANY).unwrap(), options).unwrap();
        let session = exchange.session(endpoint, "CONTOSO\\svc-idm", serialization);
        Self { exchange, session, now_ms: NOW }
    }

    fn run(&mut self, command: Command) -> Answer {
        self.pipe(&[command])
    }

    fn pipe(&mut self, commands: &[Command]) -> Answer {
        let mut answer = Answer {
            outcome: Outcome::Completed,
            output: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
        };
        let (output, errors, warnings) = (&mut answer.output, &mut answer.errors, &mut answer.warnings);
        answer.outcome =
            self.session.run(&mut self.exchange, commands, self.now_ms, &mut |record| match record {
                Record::Output(value) => output.push(value),
                Record::Error(error) => errors.push(*error),
                Record::Warning(text) => warnings.push(text),
                other => panic!("unexpected {other:?}"),
            });
        answer
    }

    fn mailbox(&mut self, identity: &str) -> Value {
        self.run(cmd("Get-Mailbox").parameter("Identity", text(identity))).one()
    }

    fn addresses(&mut self, identity: &str) -> Vec<String> {
        strings(
            self.run(cmd("Get-Recipient").parameter("Identity", text(identity)))
                .one()
                .get("EmailAddresses")
                .unwrap(),
        )
    }
}

impl Answer {
    /// The only output of a pipeline without errors.
    fn one(self) -> Value {
        assert!(
            self.errors.is_empty() && self.outcome == Outcome::Completed && self.output.len() == 1,
            "{self:?}"
        );
        self.output.into_iter().next().unwrap()
    }

    /// The only error, which did not end the pipeline.
    fn error(self) -> ErrorRecord {
        assert!(
            self.output.is_empty() && self.outcome == Outcome::Completed && self.errors.len() == 1,
            "{self:?}"
        );
        self.errors.into_iter().next().unwrap()
    }

    /// The error that ended the pipeline; then there is no other.
    fn failure(self) -> ErrorRecord {
        assert!(self.output.is_empty() && self.errors.is_empty(), "{self:?}");
        match self.outcome {
            Outcome::Failed(Some(record)) => *record,
            other => panic!("not failed: {other:?}"),
        }
    }

    /// Nothing but success.
    fn silent(self) {
        assert!(self.output.is_empty() && self.errors.is_empty() && self.warnings.is_empty(), "{self:?}");
        assert_eq!(self.outcome, Outcome::Completed);
    }

    /// Success with one warning.
    fn warning(self) -> String {
        assert!(self.output.is_empty() && self.errors.is_empty() && self.warnings.len() == 1, "{self:?}");
        assert_eq!(self.outcome, Outcome::Completed);
        self.warnings.into_iter().next().unwrap()
    }
}

fn cmd(name: &str) -> Command {
    Command::new(name)
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn shown(object: &Value, name: &str) -> String {
    object.get(name).unwrap_or_else(|| panic!("no {name}")).display_text().into_owned()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_list().iter().map(|item| item.display_text().into_owned()).collect()
}

fn set(identity: &str) -> Command {
    cmd("Set-Mailbox").parameter("Identity", text(identity))
}
