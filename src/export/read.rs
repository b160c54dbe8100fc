//! What Exchange is asked, object by object.

use std::ops::ControlFlow;
use std::sync::Arc;

use uuid::Uuid;
use wsman::clixml::{DateTime, Value, Zone};

use super::ExportError;
use crate::exchange::{Call, Directory, Exchange, Side};

/// 1970-01-01 in ticks of 100 ns since 0001-01-01.
const TICKS_TO_1970: i64 = 621_355_968_000_000_000;
const TICKS_PER_SECOND: i64 = 10_000_000;

/// Where mailboxes are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Servers of one's own
    OnPremises,
    /// These, and the remote mailboxes of mailboxes in the cloud
    Hybrid,
    /// Exchange Online
    Cloud,
    /// As hybrid; and what is in the cloud and not shown on-premises, from there
    Both,
}

impl Reach {
    fn has_server(self) -> bool {
        self != Self::Cloud
    }

    fn has_remote_mailboxes(self) -> bool {
        matches!(self, Self::Hybrid | Self::Both)
    }

    fn has_cloud(self) -> bool {
        matches!(self, Self::Cloud | Self::Both)
    }
}

/// One connection; of a server of one's own, at one domain controller.
pub struct Reader {
    exchange: Arc<dyn Exchange>,
    domain_controller: Option<String>,
    reach: Reach,
}

impl Reader {
    /// At `domain_controller`, or at the one that answers first: times of changes are not replicated, so everything must
    /// be read at one. The cloud has none to choose.
    ///
    /// # Errors
    /// No answer.
    pub async fn new(
        exchange: &Arc<dyn Exchange>,
        domain_controller: Option<String>,
        reach: Reach,
    ) -> Result<Self, ExportError> {
        let exchange = Arc::clone(exchange);
        if !reach.has_server() {
            return Ok(Self { exchange, domain_controller: None, reach });
        }
        if domain_controller.is_some() {
            return Ok(Self { exchange, domain_controller, reach });
        }
        let (_, answered) = Directory::new(Arc::clone(&exchange), None).accepted_domains().await?;
        Ok(Self { exchange, domain_controller: answered, reach })
    }

    /// Where it is read.
    #[must_use]
    pub fn domain_controller(&self) -> Option<&str> {
        self.domain_controller.as_deref()
    }

    /// The mailboxes, and where there are any the remote ones, each with the side that it is from; with `since` those that have
    /// changed at or after it. What is on-premises comes before what is in the cloud.
    ///
    /// # Errors
    /// No answer, a refusal, or what `each` fails with.
    pub async fn mailboxes(
        &self,
        since: Option<i64>,
        mut each: impl FnMut(Side, &Value) -> Result<(), ExportError> + Send,
    ) -> Result<(), ExportError> {
        let sources = [
            (self.reach.has_server(), Side::Here, "Get-Mailbox"),
            (self.reach.has_remote_mailboxes(), Side::Here, "Get-RemoteMailbox"),
            (self.reach.has_cloud(), Side::Cloud, "Get-Mailbox"),
        ];
        for (_, side, cmdlet) in sources.into_iter().filter(|(is_there, ..)| *is_there) {
            let mut call = Call::new(cmdlet).with("ResultSize", Value::from("Unlimited")).on(side);
            if let Some(since) = since {
                let filter = format!("WhenChangedUTC -ge '{}'", moment(since));
                call = call.with("Filter", Value::from(filter.as_str()));
            }
            self.stream(call, &mut |object| each(side, object)).await?;
        }
        Ok(())
    }

    /// Whether an object may be shown by both sides.
    #[must_use]
    pub fn has_both(&self) -> bool {
        self.reach == Reach::Both
    }

    /// Whether a flow may name the account of an object: in the cloud nothing takes an account name, and with both sides a remote
    /// mailbox may be written there.
    pub fn takes_account_name(&self, side: Side, object: &Value) -> bool {
        let is_remote = || {
            let details = object.get("RecipientTypeDetails").map(Value::display_text);
            details.is_some_and(|details| details.starts_with("Remote"))
        };
        side.is_here() && !(self.reach == Reach::Both && is_remote())
    }

    /// All mailboxes, as the cmdlet shows them whose objects are the smallest; those on-premises first.
    ///
    /// # Errors
    /// No answer, a refusal, or what `each` fails with.
    pub async fn present(
        &self,
        mut each: impl FnMut(Side, &Value) -> Result<(), ExportError> + Send,
    ) -> Result<(), ExportError> {
        for (_, side) in [(self.reach.has_server(), Side::Here), (self.reach.has_cloud(), Side::Cloud)]
            .into_iter()
            .filter(|(is_there, _)| *is_there)
        {
            let with_remote = side == Side::Here && self.reach.has_remote_mailboxes();
            let types: &[&str] = if with_remote { &["UserMailbox", "MailUser"] } else { &["UserMailbox"] };
            let types = Value::array(types.iter().map(|name| Value::from(*name)).collect());
            let call = Call::new("Get-Recipient")
                .with("RecipientType", types)
                .with("ResultSize", Value::from("Unlimited"))
                .on(side);
            self.stream(call, &mut |object| {
                let details = object.get("RecipientTypeDetails").map(Value::display_text).unwrap_or_default();
                // A mailbox that has moved to the cloud is a mail user here, and `Get-Mailbox` no longer has it.
                if details.ends_with("Mailbox") && (with_remote || !details.starts_with("Remote")) {
                    each(side, object)?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Mailboxes of the cloud by their GUIDs, few at a time.
    ///
    /// # Errors
    /// No answer or a refusal.
    pub async fn in_cloud(&self, guids: &[Uuid]) -> Result<Vec<Value>, ExportError> {
        let conditions = guids.iter().map(|guid| format!("Guid -eq '{guid}'"));
        self.matching(Side::Cloud, "Get-Mailbox", conditions.collect()).await
    }

    /// What has one of these sign-in names on-premises, few at a time.
    ///
    /// # Errors
    /// No answer or a refusal.
    pub async fn named_here(&self, names: &[String]) -> Result<Vec<Value>, ExportError> {
        let mut found = Vec::new();
        for cmdlet in ["Get-Mailbox", "Get-RemoteMailbox"] {
            // A quotation mark is doubled: the boundary against injection.
            let conditions =
                names.iter().map(|name| format!("UserPrincipalName -eq '{}'", name.replace('\'', "''")));
            found.extend(self.matching(Side::Here, cmdlet, conditions.collect()).await?);
        }
        Ok(found)
    }

    async fn matching(
        &self,
        side: Side,
        cmdlet: &str,
        conditions: Vec<String>,
    ) -> Result<Vec<Value>, ExportError> {
        let mut found = Vec::new();
        if !conditions.is_empty() {
            let call = Call::new(cmdlet)
                .with("Filter", Value::from(conditions.join(" -or ").as_str()))
                .with("ResultSize", Value::from("Unlimited"))
                .on(side);
            let mut keep = |object: &Value| {
                found.push(object.clone());
                Ok(())
            };
            self.stream(call, &mut keep).await?;
        }
        Ok(found)
    }

    /// The databases, with what only `-Status` tells: whether they are mounted. The cloud shows none.
    ///
    /// # Errors
    /// No answer, a refusal, or what `each` fails with.
    pub async fn databases(
        &self,
        mut each: impl FnMut(&Value) -> Result<(), ExportError> + Send,
    ) -> Result<(), ExportError> {
        if !self.reach.has_server() {
            return Ok(());
        }
        let call = Call::new("Get-MailboxDatabase").with("Status", Value::Bool(true));
        self.stream(call, &mut each).await
    }

    async fn stream(
        &self,
        call: Call,
        each: &mut (dyn FnMut(&Value) -> Result<(), ExportError> + Send),
    ) -> Result<(), ExportError> {
        let call = match &self.domain_controller {
            Some(server) if call.side.is_here() => {
                call.with("DomainController", Value::from(server.as_str()))
            }
            _ => call,
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

/// What names the account of a flow for good: in the cloud the object of the directory.
///
/// # Errors
/// It has none.
pub fn account(side: Side, object: &Value, cmdlet: &str) -> Result<Uuid, ExportError> {
    let id = object.get("ExternalDirectoryObjectId").filter(|_| side == Side::Cloud);
    let id = id.and_then(|id| Uuid::try_parse(&id.display_text()).ok()).filter(|id| !id.is_nil());
    id.map_or_else(|| guid(object, cmdlet), Ok)
}

/// `WhenChangedUTC` in seconds since 1970. The cloud writes it as text.
#[must_use]
pub fn when_changed(object: &Value) -> Option<i64> {
    match object.get("WhenChangedUTC")? {
        Value::DateTime(moment) => Some(moment.unix_seconds()),
        value => Some(value.as_str()?.parse::<DateTime>().ok()?.unix_seconds()),
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
