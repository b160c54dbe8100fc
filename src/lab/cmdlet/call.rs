//! One call of one cmdlet: what it may use and how it answers.

use std::sync::Arc;

use wsman::clixml::Value;
use wsman::psrp::{ErrorRecord, Record};

use super::bind::Arguments;
use super::convert::Bound;
use super::errors::{self, Problem};
use super::metadata::Cmdlet;
use crate::lab::Endpoint;
use crate::lab::directory::{Attribute, Changes, Entry, Replica};
use crate::lab::exchange::Exchange;
use crate::lab::output;
use crate::lab::session::{Found, LabSession};
use secrecy::SecretString;

/// Why a call ends early.
pub(super) enum Fail {
    /// An Exchange error
    Problem(Problem),
    /// Exactly this record, which ends the pipeline
    Record(Box<ErrorRecord>),
}

impl From<Problem> for Fail {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// `ErrorAction` and `WarningAction`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Preference {
    pub(super) errors_stop: bool,
    pub(super) errors_silent: bool,
    warnings_stop: bool,
    warnings_silent: bool,
}

impl Preference {
    pub(super) fn of(arguments: &Arguments) -> Self {
        let is =
            |name: &str, values: &[&str]| arguments.text(name).is_some_and(|text| values.contains(&text));
        Self {
            errors_stop: is("ErrorAction", &["Stop"]),
            errors_silent: is("ErrorAction", &["SilentlyContinue", "Ignore"]),
            warnings_stop: is("WarningAction", &["Stop"]),
            warnings_silent: is("WarningAction", &["SilentlyContinue", "Ignore"]),
        }
    }
}

/// A running call.
pub(super) struct Call<'a> {
    pub(super) session: &'a mut LabSession,
    pub(super) exchange: &'a mut Exchange,
    pub(super) cmdlet: &'static Cmdlet,
    pub(super) arguments: &'a Arguments,
    pub(super) now_ms: u64,
    /// The domain controller that this call uses
    pub(super) dc: usize,
    pub(super) warnings: Vec<String>,
    pub(super) wrote: bool,
    /// Set when a warning ends the pipeline
    pub(super) stopped: Option<Box<ErrorRecord>>,
    sink: &'a mut dyn FnMut(Record),
}

impl<'a> Call<'a> {
    pub(super) fn new(
        session: &'a mut LabSession,
        exchange: &'a mut Exchange,
        cmdlet: &'static Cmdlet,
        arguments: &'a Arguments,
        now_ms: u64,
        sink: &'a mut dyn FnMut(Record),
    ) -> Self {
        let dc = session.dc;
        Self {
            session,
            exchange,
            cmdlet,
            arguments,
            now_ms,
            dc,
            warnings: Vec::new(),
            wrote: false,
            stopped: None,
            sink,
        }
    }

    /// `-DomainController`, else that of the session.
    pub(super) fn choose_domain_controller(&mut self) -> Result<(), Fail> {
        if let Some(name) = self.arguments.text("DomainController") {
            self.dc = self
                .exchange
                .directory
                .find_domain_controller(name)
                .ok_or_else(|| unreachable_server(name))?;
        }
        Ok(())
    }

    pub(super) fn replica(&self) -> &Replica {
        self.exchange.directory.replica(self.dc)
    }

    /// Whether an object is known here by now.
    pub(super) fn sees(&self, entry: &Entry) -> bool {
        entry.number("VisibleFrom").is_none_or(|from| u64::try_from(from).unwrap_or(0) <= self.now_ms)
    }

    pub(super) fn output(&mut self, value: Value) {
        (self.sink)(Record::Output(value));
    }

    /// Writes an object as this cmdlet shows it.
    pub(super) fn output_entry(&mut self, entry: &Entry, shape: output::Shape) {
        let value = output::object(
            &self.exchange.directory,
            self.replica().name(),
            entry,
            shape,
            self.session.serialization,
        );
        self.output(value);
    }

    /// The same, later where many may come.
    pub(super) fn output_found(&mut self, entry: &Arc<Entry>, shape: output::Shape) {
        match &mut self.session.found {
            Some(found) => found.push(Found { entry: Arc::clone(entry), shape, dc: self.dc }),
            None => self.output_entry(entry, shape),
        }
    }

    pub(super) fn warn(&mut self, text: String) {
        let preference = Preference::of(self.arguments);
        if !preference.warnings_silent {
            (self.sink)(Record::Warning(text.clone()));
        }
        if preference.warnings_stop && self.stopped.is_none() {
            self.stopped = Some(errors::stopped_by_warning(self.cmdlet.name, &text));
        }
        self.warnings.push(text);
    }

    /// The one object that `Identity` names among those that `accept` lets through.
    pub(super) fn identified(&self, accept: impl Fn(&Entry) -> bool) -> Result<Arc<Entry>, Fail> {
        let identity = self.arguments.text("Identity").unwrap_or_default();
        let mut fits = self.replica().lookup(identity).filter(|entry| accept(entry) && self.sees(entry));
        match (fits.next(), fits.next()) {
            (Some(entry), None) => Ok(Arc::clone(entry)),
            (None, _) => Err(Problem::not_found(identity, self.replica().name()).into()),
            (Some(_), Some(_)) => {
                let message = format!(
                    "The operation couldn't be performed because '{identity}' matches multiple entries."
                );
                Err(Problem::new("ManagementObjectAmbiguousException", message).into())
            }
        }
    }

    /// Whether to go on: not with `-WhatIf`; a question nobody can answer ends the pipeline.
    pub(super) fn should_process(&self, operation: &str, target: &str, ask: bool) -> Result<bool, Fail> {
        if self.arguments.on("WhatIf") {
            return Ok(false);
        }
        if self.session.endpoint == Endpoint::Online {
            // Questions are the client's affair there: one that wants to be asked is told what would be done.
            return Ok(!self.arguments.on("Confirm"));
        }
        if self.arguments.flag("Confirm").unwrap_or(ask) {
            let question = format!(
                "Are you sure you want to perform this action?\nPerforming the operation \"{operation}\" on target \"{target}\"."
            );
            return Err(Fail::Record(errors::prompt_refused(self.cmdlet.name, &question)));
        }
        Ok(true)
    }

    /// Writes what differs between two states of an object; `false` when nothing does.
    pub(super) fn commit(&mut self, old: &Entry, new: &Entry, password: Option<SecretString>) -> bool {
        let changes = differences(old, new);
        if changes.is_empty() && password.is_none() {
            return false;
        }
        self.exchange.directory.update(self.dc, old.guid, changes, password, self.now_ms);
        self.wrote = true;
        true
    }

    /// Writes a new object.
    pub(super) fn create(&mut self, entry: Entry) {
        self.exchange.directory.create(self.dc, entry, self.now_ms);
        self.wrote = true;
    }

    /// Deletes an object.
    pub(super) fn delete(&mut self, entry: &Entry) {
        self.exchange.directory.delete(self.dc, entry.guid, self.now_ms);
        self.wrote = true;
    }

    /// Takes the value of a parameter over into an attribute.
    pub(super) fn store(&mut self, entry: &mut Entry, name: &str, value: Option<Attribute>) {
        let stamp = self.exchange.directory.stamp(self.now_ms);
        entry.set(name, value, stamp);
    }

    /// The canonical name of the recipient that a parameter names.
    pub(super) fn recipient(&self, name: &str) -> Result<String, Fail> {
        let mut fits = self.replica().lookup(name).filter(|entry| entry.is_mail_enabled());
        fits.next().map(|entry| entry.text("Identity").to_owned()).ok_or_else(|| {
            let message = format!("Couldn't find object \"{name}\". Please make sure that it was spelled correctly or specify a different object.");
            Problem::new("ManagementObjectNotFoundException", message).into()
        })
    }
}

/// A domain controller that does not answer.
pub(super) fn unreachable_server(name: &str) -> Problem {
    let message = format!(
        "An Active Directory error 0x51 occurred when trying to check the suitability of server '{name}'. Error: 'Active directory response: The LDAP server is unavailable.'"
    );
    Problem::terminating("SuitabilityDirectoryException", message)
}

/// Attributes that differ. Several values have no order in the directory.
fn differences(old: &Entry, new: &Entry) -> Changes {
    let same = |a: Option<&Attribute>, b: Option<&Attribute>| match (a, b) {
        (Some(Attribute::List(a)), Some(Attribute::List(b))) => {
            let (mut a, mut b) = (a.clone(), b.clone());
            a.sort();
            b.sort();
            a == b
        }
        (None, Some(Attribute::List(items))) | (Some(Attribute::List(items)), None) => items.is_empty(),
        (None, Some(Attribute::Text(text))) | (Some(Attribute::Text(text)), None) => text.is_empty(),
        (a, b) => a == b,
    };
    let mut names: Vec<&str> = old.attributes().chain(new.attributes()).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let changed = names.into_iter().filter(|name| !same(old.get(name), new.get(name)));
    changed.map(|name| (name.to_owned(), new.get(name).cloned())).collect()
}

/// The attribute that a bound value makes; null clears.
pub(super) fn attribute(bound: &Bound) -> Option<Attribute> {
    match bound {
        Bound::Flag(flag) => Some(Attribute::Flag(*flag)),
        Bound::Number(number) => Some(Attribute::Number(*number)),
        Bound::Text(text) => Some(Attribute::Text(text.clone())),
        Bound::List(items) => Some(Attribute::List(items.clone())),
        Bound::Null | Bound::Delta { .. } | Bound::Secret(_) | Bound::Credential { .. } => None,
    }
}
