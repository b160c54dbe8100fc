//! What Exchange is asked, object by object.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use uuid::Uuid;
use wsman::clixml::{DateTime, Value, Zone};

use super::ExportError;
use crate::exchange::{Call, Directory, Exchange};

/// 1970-01-01 in ticks of 100 ns since 0001-01-01.
const TICKS_TO_1970: i64 = 621_355_968_000_000_000;
const TICKS_PER_SECOND: i64 = 10_000_000;

/// One connection, at one domain controller.
pub struct Reader {
    exchange: Arc<dyn Exchange>,
    domain_controller: Option<String>,
    /// Remote mailboxes too
    is_hybrid: bool,
}

impl Reader {
    /// At `domain_controller`, or at the one that answers first: times of changes are not replicated, so everything must
    /// be read at one.
    ///
    /// # Errors
    /// No answer.
    pub async fn new(
        exchange: &Arc<dyn Exchange>,
        domain_controller: Option<String>,
        is_hybrid: bool,
    ) -> Result<Self, ExportError> {
        let exchange = Arc::clone(exchange);
        if domain_controller.is_some() {
            return Ok(Self { exchange, domain_controller, is_hybrid });
        }
        let (_, answered) = Directory::new(Arc::clone(&exchange), None).accepted_domains().await?;
        Ok(Self { exchange, domain_controller: answered, is_hybrid })
    }

    /// Where it is read.
    #[must_use]
    pub fn domain_controller(&self) -> Option<&str> {
        self.domain_controller.as_deref()
    }

    /// The mailboxes, and where there are any the remote ones; with `since` those that have changed at or after it.
    ///
    /// # Errors
    /// No answer, a refusal, or what `each` fails with.
    pub async fn mailboxes(
        &self,
        since: Option<i64>,
        mut each: impl FnMut(&Value) -> Result<(), ExportError> + Send,
    ) -> Result<(), ExportError> {
        let cmdlets: &[&str] =
            if self.is_hybrid { &["Get-Mailbox", "Get-RemoteMailbox"] } else { &["Get-Mailbox"] };
        for cmdlet in cmdlets {
            let mut call = Call::new(*cmdlet).with("ResultSize", Value::from("Unlimited"));
            if let Some(since) = since {
                let filter = format!("WhenChangedUTC -ge '{}'", moment(since));
                call = call.with("Filter", Value::from(filter.as_str()));
            }
            self.stream(call, &mut each).await?;
        }
        Ok(())
    }

    /// The GUIDs of all mailboxes, from the cmdlet whose objects are the smallest.
    ///
    /// # Errors
    /// No answer or a refusal.
    pub async fn mailbox_guids(&self) -> Result<HashSet<Uuid>, ExportError> {
        let types: &[&str] = if self.is_hybrid { &["UserMailbox", "MailUser"] } else { &["UserMailbox"] };
        let types = Value::array(types.iter().map(|name| Value::from(*name)).collect());
        let call = Call::new("Get-Recipient")
            .with("RecipientType", types)
            .with("ResultSize", Value::from("Unlimited"));
        let mut guids = HashSet::new();
        let is_hybrid = self.is_hybrid;
        self.stream(call, &mut |object| {
            let details = object.get("RecipientTypeDetails").map(Value::display_text).unwrap_or_default();
            // A mailbox that has moved to the cloud is a mail user here, and `Get-Mailbox` no longer has it.
            if details.ends_with("Mailbox") && (is_hybrid || !details.starts_with("Remote")) {
                guids.insert(guid(object, "Get-Recipient")?);
            }
            Ok(())
        })
        .await?;
        Ok(guids)
    }

    /// The databases, with what only `-Status` tells: whether they are mounted.
    ///
    /// # Errors
    /// No answer, a refusal, or what `each` fails with.
    pub async fn databases(
        &self,
        mut each: impl FnMut(&Value) -> Result<(), ExportError> + Send,
    ) -> Result<(), ExportError> {
        let call = Call::new("Get-MailboxDatabase").with("Status", Value::Bool(true));
        self.stream(call, &mut each).await
    }

    async fn stream(
        &self,
        call: Call,
        each: &mut (dyn FnMut(&Value) -> Result<(), ExportError> + Send),
    ) -> Result<(), ExportError> {
        let call = match &self.domain_controller {
            Some(server) => call.with("DomainController", Value::from(server.as_str())),
            None => call,
        };
        let mut failed = None;
        let answer = self
            .exchange
            .read(&call, &mut |object| match each(&object) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            })
            .await?;
        if let Some(error) = failed {
            return Err(error);
        }
        match answer.refusal() {
            Some(refusal) => Err(ExportError::Refused { cmdlet: call.cmdlet, refusal }),
            None => Ok(()),
        }
    }
}

/// What names an object for good.
///
/// # Errors
/// It has none.
pub fn guid(object: &Value, cmdlet: &str) -> Result<Uuid, ExportError> {
    let value = object.get("Guid");
    value
        .and_then(|value| value.as_guid().or_else(|| Uuid::try_parse(&value.display_text()).ok()))
        .ok_or_else(|| ExportError::NoGuid { cmdlet: cmdlet.to_owned() })
}

/// `WhenChangedUTC` in seconds since 1970.
#[must_use]
pub fn when_changed(object: &Value) -> Option<i64> {
    match object.get("WhenChangedUTC")? {
        Value::DateTime(moment) => Some((moment.ticks - TICKS_TO_1970).div_euclid(TICKS_PER_SECOND)),
        _ => None,
    }
}

/// A moment for a filter: the form that no culture reads otherwise.
fn moment(seconds: i64) -> String {
    let ticks = seconds.saturating_mul(TICKS_PER_SECOND).saturating_add(TICKS_TO_1970);
    DateTime { ticks, zone: Zone::Utc }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        // 1234567890 s is 2009-02-13T23:31:30Z, a well-known moment.
        assert_eq!(moment(1_234_567_890), "2009-02-13T23:31:30Z");
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(i64::MIN), "0001-01-01T00:00:00Z");
    }
}
