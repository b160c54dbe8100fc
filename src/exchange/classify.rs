//! What an error or a warning of Exchange means: by the exception's short name first, by text last, for texts are
//! localised.

use std::time::Duration;

use wsman::psrp::{ErrorRecord, Outcome};

use super::{Answer, ExchangeError, graph};
use crate::recipient::ErrorClass;

/// An error of Exchange, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind
    pub class: ErrorClass,
    /// One sentence, as Exchange has it
    pub message: String,
    /// What to do about it
    pub hint: Option<String>,
    /// Who holds what was wanted
    pub owner: Option<String>,
    /// How long Exchange asks to wait
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// The name that another object has, where a conflict says no more: that in `The value "NAME" of property "Alias" is used by
    /// another recipient object.`, and in `The object 'DN' already exists.`
    #[must_use]
    pub fn taken(&self) -> Option<&str> {
        if self.class != ErrorClass::Conflict {
            return None;
        }
        if let Some((_, rest)) = self.message.split_once("The object '") {
            return rest.split_once("' already exists").map(|(taken, _)| taken);
        }
        let (_, rest) = self.message.split_once("The value \"")?;
        let (taken, rest) = rest.split_once('"')?;
        rest.starts_with(" of property").then_some(taken)
    }
}

impl Answer {
    /// The first thing in the answer that means that the cmdlet did not do what it was told.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        if let Some(record) = self.errors.first() {
            return Some(classify(record));
        }
        match &self.outcome {
            Outcome::Completed => {}
            Outcome::Failed(Some(record)) | Outcome::Stopped(Some(record)) => return Some(classify(record)),
            Outcome::Failed(None) | Outcome::Stopped(None) => {
                return Some(Refusal {
                    class: ErrorClass::Transient,
                    message: "the cmdlet was ended without a reason".into(),
                    hint: None,
                    owner: None,
                    retry_after: None,
                });
            }
        }
        self.warnings.iter().find_map(|warning| failing_warning(warning))
    }

    /// Whether the answer says that the object is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.class == ErrorClass::NotFound)
    }

    /// The warnings that a person should see: neither failures nor noise.
    pub fn notable_warnings(&self) -> impl Iterator<Item = &String> {
        self.warnings.iter().filter(|warning| failing_warning(warning).is_none() && !is_noise(warning))
    }
}

/// Understands an error record.
#[must_use]
pub fn classify(record: &ErrorRecord) -> Refusal {
    let message = record.details_message.clone().unwrap_or_else(|| record.message.clone());
    let exception = exception(record);
    let id = record.fully_qualified_error_id.as_str();
    let (class, hint) = graph::meaning(id, &message)
        .or_else(|| by_code(&message))
        .or_else(|| by_certain_text(&message))
        .or_else(|| by_name(&exception, id))
        .or_else(|| by_text(&message))
        .unwrap_or((
            ErrorClass::Internal,
            "Exchange gave an error that is not known; the full text is above",
        ));
    let class = refine(class, &message);
    let owner = if class == ErrorClass::Conflict { owner_in(&message) } else { None };
    let retry_after = if class == ErrorClass::Throttled { retry_after(&message) } else { None };
    let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
    Refusal { class, message, hint, owner, retry_after }
}

/// The longest delay of a server that is obeyed.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How long a text of throttling asks to wait: the milliseconds that follow the words of the servers that are known to
/// name them.
#[must_use]
pub(super) fn retry_after(message: &str) -> Option<Duration> {
    let said = ["will not be approved for at least ", "Backoff time: ", "Actual delayed: "];
    let rest = said.iter().find_map(|words| message.split_once(words).map(|(_, rest)| rest))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    // Longer than any budget takes to recover: servers that had been up for weeks were seen to name absurd delays (F75).
    digits.parse().ok().map(Duration::from_millis).filter(|wait| *wait <= LONGEST_WAIT)
}

/// The exception's short name: `Reason`, else the failure category in the id, else the first type name.
fn exception(record: &ErrorRecord) -> String {
    let reason = record.category.reason.trim();
    if !reason.is_empty() && !matches!(reason, "RemoteException" | "Exception") {
        return reason.to_owned();
    }
    let id = &record.fully_qualified_error_id;
    if let Some((_, rest)) = id.split_once("[FailureCategory=") {
        let category = rest.split(']').next().unwrap_or_default();
        return category.rsplit('-').next().unwrap_or(category).to_owned();
    }
    let first = record.exception_types.first().map(String::as_str).unwrap_or_default();
    first.rsplit('.').next().unwrap_or(first).to_owned()
}

const NOT_FOUND: &str = "check the identity; an object that was just made may not have replicated yet";
const AMBIGUOUS: &str = "several objects bear this name; use the GUID";

/// Codes of Active Directory: one exception carries them all, and no language changes them.
fn by_code(message: &str) -> Option<(ErrorClass, &'static str)> {
    message
        .contains("0000052D")
        .then_some((ErrorClass::InvalidInput, "choose a password that the password policy allows"))
}

/// Texts of Exchange Online and Entra that say what an exception does not, which is one for everything that goes wrong between the
/// two, or of a name that nobody has recorded.
fn by_certain_text(message: &str) -> Option<(ErrorClass, &'static str)> {
    let has = |part: &str| message.contains(part);
    if has("synchronized from your on-premises") || has("on-premises mastered") {
        return Some((ErrorClass::RefusedByRule, "the object is mastered on-premises; change it there"));
    }
    if has("ObjectConflict") {
        let hint = "another object has this already; an address that was let go may stay taken for an hour";
        return Some((ErrorClass::Conflict, hint));
    }
    None
}

fn by_name(exception: &str, id: &str) -> Option<(ErrorClass, &'static str)> {
    use ErrorClass::{
        AccessDenied, Conflict, Internal, InvalidInput, NotFound, RefusedByRule, Throttled, Transient,
    };
    let first_of_id = id.split(',').next().unwrap_or_default();
    match first_of_id {
        "ScriptsNotAllowed" => {
            return Some((Internal, "only cmdlets with parameters may be sent to this endpoint"));
        }
        "CommandNotFoundException" => {
            return Some((
                AccessDenied,
                "the account's management roles may not include this cmdlet, or Exchange is not loaded",
            ));
        }
        "NamedParameterNotFound" => {
            return Some((AccessDenied, "the account's management roles may not include this parameter"));
        }
        "HostFunctionNotImplemented" => {
            return Some((Internal, "the cmdlet asked a question nobody can answer"));
        }
        "AmbiguousParameterSet"
        | "MissingMandatoryParameter"
        | "PositionalParameterNotFound"
        | "AmbiguousParameter" => {
            return Some((InvalidInput, "these parameters do not go together"));
        }
        "PipelineStopped" => return Some((Transient, "")),
        // Of the cloud, whose exceptions are sometimes not named.
        "Ex6F9304" | "Ex94914C" => return Some((NotFound, NOT_FOUND)),
        "Ex9E65A2" => return Some((Conflict, AMBIGUOUS)),
        _ if first_of_id.starts_with("CannotConvertArgument")
            || first_of_id.starts_with("ParameterArgument")
            || first_of_id == "ParameterBindingFailed" =>
        {
            return Some((InvalidInput, "a value is not of the type that the parameter takes"));
        }
        _ => {}
    }
    Some(match exception {
        "ManagementObjectNotFoundException" | "MapiObjectNotFoundException" => (NotFound, NOT_FOUND),
        "ManagementObjectAmbiguousException" => (Conflict, AMBIGUOUS),
        "ProxyAddressExistsException" | "WLCDManagedMemberExistsException" => {
            (Conflict, "choose another address, or take it from its owner first")
        }
        "PropertyValueExistsException"
        | "ADObjectAlreadyExistsException"
        | "ADObjectEntryAlreadyExistsException" => (Conflict, "another object has this name already"),
        name if name.starts_with("UserWithMatchingWindowsLiveId") => {
            (Conflict, "another user has this sign-in name")
        }
        "AssociatedUserMailboxExistException" => {
            (RefusedByRule, "move or disable the mailboxes of the database first")
        }
        "NotAcceptedDomainException" => {
            (RefusedByRule, "add the domain to the accepted domains, or correct the address")
        }
        name if name.starts_with("WLCDPassword") || name == "PasswordPolicyException" => {
            (InvalidInput, "choose a password that the policy allows")
        }
        "CmdletAccessDeniedException" | "UnauthorizedAccessException" | "SecurityException" => {
            (AccessDenied, "give the account the management role that it needs")
        }
        "ADOperationException" => {
            (AccessDenied, "look at the permissions of the object (adminCount, inheritance)")
        }
        "ADTransientException"
        | "SuitabilityDirectoryException"
        | "ServerInMMException"
        | "DCOverloadedException"
        | "ADServerSettingsChangedException"
        | "ADExternalException"
        | "StorageTransientException"
        | "MailboxInfoStaleException"
        | "MapiExceptionNetworkError"
        | "CmdletProxyException"
        | "CmdletProxyNotAvailableFailure"
        | "ServerBusyException"
        | "TransientException"
        | "BackendCommunicationException" => (Transient, "try again later"),
        "UnableToWriteToAadException" => (Transient, "Entra did not take it; try again in some minutes"),
        "AmbiguousParameterSetException" => {
            (InvalidInput, "these parameters do not go together, or one is not known")
        }
        "ParameterTransformationException" => {
            (InvalidInput, "a value is not of the type that the parameter takes")
        }
        "OverBudgetException" => (Throttled, "try again later"),
        "RecipientTaskException" | "TaskInvalidOperationException" => {
            (Conflict, "the object is of another kind than the change needs")
        }
        "ADInvalidPasswordException" => (InvalidInput, "choose a password that the policy allows"),
        name if name.contains("Validation") || name.contains("Format") => {
            (InvalidInput, "Exchange does not take this value")
        }
        _ => return None,
    })
}

/// Texts that say more than the exception; English servers only.
fn refine(class: ErrorClass, message: &str) -> ErrorClass {
    let has = |part: &str| message.contains(part);
    if has("has been exceeded")
        || has("maximum number of concurrent shells")
        || has("exceeded the maximum number of connections")
        || has("will not be approved for at least")
    {
        return ErrorClass::Throttled;
    }
    if class == ErrorClass::Internal && (has("password") || has("Password")) {
        return ErrorClass::InvalidInput;
    }
    class
}

fn by_text(message: &str) -> Option<(ErrorClass, &'static str)> {
    let has = |part: &str| message.contains(part);
    if has("couldn't be found") {
        return Some((ErrorClass::NotFound, "check the identity"));
    }
    // A new database that the server has not read from its domain controller yet.
    if has("MapiExceptionNotFound") && has("mount database") {
        return Some((
            ErrorClass::Transient,
            "the server may not know the new database yet; try again later",
        ));
    }
    if has("is already mounted") || has("is not mounted") {
        return Some((ErrorClass::Conflict, "somebody else has mounted or dismounted the database"));
    }
    if has("is already being used") || has("already exists") {
        return Some((ErrorClass::Conflict, "another object has this already"));
    }
    if has("matches multiple entries") {
        return Some((ErrorClass::Conflict, AMBIGUOUS));
    }
    if has("write scope") {
        return Some((
            ErrorClass::AccessDenied,
            "the management scope of the account leaves this object out",
        ));
    }
    if has("INSUFF_ACCESS_RIGHTS")
        || has("Access is denied")
        || has("isn't assigned to any management roles")
        || has("aren't present in the role definition")
    {
        return Some((ErrorClass::AccessDenied, "give the account the right that it needs"));
    }
    // The key under which a password was sent is not the service's any more.
    if has("Required resource is not available") {
        return Some((ErrorClass::Transient, "try again later"));
    }
    if has("Please try again") || has("not available for use at the moment") {
        return Some((ErrorClass::Transient, "try again later"));
    }
    None
}

/// The owner in `... of "OWNER". Please choose ...`.
fn owner_in(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(" of \"")?;
    let (owner, _) = rest.split_once('"')?;
    Some(owner.to_owned())
}

/// `F6`: a success that is none.
fn failing_warning(warning: &str) -> Option<Refusal> {
    let policy = warning.contains("Couldn't update the primary SMTP address")
        || warning.contains("configured to use an email address policy");
    policy.then(|| Refusal {
        class: ErrorClass::RefusedByRule,
        message: warning.to_owned(),
        hint: Some("email_address_policy = \"disable\", or a column EmailAddressPolicyEnabled".into()),
        owner: None,
        retry_after: None,
    })
}

/// `F17` and its like.
fn is_noise(warning: &str) -> bool {
    warning.contains("no settings of")
        || warning.contains("Micro delay")
        || warning.contains("after replication")
}

impl ExchangeError {
    /// The class of a change that ended with this.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unusable(_) | Self::Setting { .. } => ErrorClass::Unsupported,
            Self::Unreachable { .. } => ErrorClass::Transient,
            Self::SignIn { .. } | Self::Elsewhere { .. } => ErrorClass::AccessDenied,
            Self::SessionLost(_) => ErrorClass::SessionLost,
            Self::Throttled { .. } => ErrorClass::Throttled,
            Self::Secret(_) => ErrorClass::SecretUnavailable,
            Self::Protocol(_) | Self::NotLoaded(_) => ErrorClass::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use wsman::clixml::Value;
    use wsman::psrp::ErrorCategory;

    use super::*;

    fn record(reason: &str, id: &str, message: &str) -> ErrorRecord {
        ErrorRecord {
            exception_types: vec!["System.Management.Automation.RemoteException".into()],
            message: message.into(),
            target_object: Value::Nil,
            fully_qualified_error_id: id.into(),
            category: ErrorCategory { reason: reason.into(), ..ErrorCategory::default() },
            details_message: None,
            recommended_action: None,
            raw: Value::Nil,
        }
    }

    fn class(reason: &str, id: &str, message: &str) -> ErrorClass {
        classify(&record(reason, id, message)).class
    }

    /// The taxonomy of the field: names decide, localised texts do not matter.
    #[test]
    fn names_come_first() {
        let id = "[Server=EX01,RequestId=1,TimeStamp=2] [FailureCategory=Cmdlet-ManagementObjectNotFoundException] A1,Microsoft.X";
        assert_eq!(
            class("ManagementObjectNotFoundException", "A1,X", "wurde nicht gefunden"),
            ErrorClass::NotFound
        );
        assert_eq!(class("", id, "wurde nicht gefunden"), ErrorClass::NotFound);
        assert_eq!(class("RemoteException", id, ""), ErrorClass::NotFound);
        assert_eq!(class("ManagementObjectAmbiguousException", "", ""), ErrorClass::Conflict);
        assert_eq!(class("ParseException", "ScriptsNotAllowed", ""), ErrorClass::Internal);
        assert_eq!(
            class("CommandNotFoundException", "CommandNotFoundException", ""),
            ErrorClass::AccessDenied
        );
        assert_eq!(
            class("ParameterBindingException", "NamedParameterNotFound,Microsoft.X", ""),
            ErrorClass::AccessDenied
        );
        assert_eq!(class("OverBudgetException", "", ""), ErrorClass::Throttled);
        assert_eq!(class("ADTransientException", "", ""), ErrorClass::Transient);
        let denied = "00000005: SecErr: DSID-031A126C, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0";
        assert_eq!(class("ADOperationException", "", denied), ErrorClass::AccessDenied);
        let weak = "0000052D: SvcErr: DSID-031A126C, problem 5003 (WILL_NOT_PERFORM), data 0";
        assert_eq!(class("ADOperationException", "", weak), ErrorClass::InvalidInput);
        assert_eq!(class("NotAcceptedDomainException", "", ""), ErrorClass::RefusedByRule);
    }

    #[test]
    fn f75_a_delay_is_taken_from_the_text_unless_it_is_absurd() {
        let text = "The next request from this user will not be approved for at least 3001 milliseconds.";
        assert_eq!(retry_after(text), Some(Duration::from_millis(3001)));
        assert_eq!(retry_after("Backoff time: 2500 ms."), Some(Duration::from_millis(2500)));
        assert_eq!(retry_after("will not be approved for at least 4294967295 milliseconds"), None);
        assert_eq!(
            retry_after("will not be approved for at least 99999999999999999999999 milliseconds"),
            None
        );
        assert_eq!(retry_after("which has been exceeded. Close existing shells"), None);
    }

    /// Exchange's own limit on sessions, in its words.
    #[test]
    fn f65_too_many_sessions_are_throttling() {
        let text = "Fail to create a runspace because you have exceeded the maximum number of connections allowed : 3 for the \
                    policy party : MaxConcurrency. Please close existing runspace and try again.";
        assert_eq!(class("PSRemotingDataStructureException", "", text), ErrorClass::Throttled);
        let text = "This user is allowed a maximum of 18 concurrent shells, which has been exceeded.";
        assert_eq!(class("", "", text), ErrorClass::Throttled);
    }

    #[test]
    fn a_conflict_names_the_owner() {
        let text = "The proxy address \"SMTP:x@y.de\" is already being used by the proxy addresses or LegacyExchangeDN of \
                    \"contoso.com/Staff/Jane\". Please choose another proxy address.";
        let refusal = classify(&record("ProxyAddressExistsException", "", text));
        assert_eq!(refusal.class, ErrorClass::Conflict);
        assert_eq!(refusal.owner.as_deref(), Some("contoso.com/Staff/Jane"));
        let text = "The value \"jane\" of property \"Alias\" is used by another recipient object. Please specify a unique value.";
        let taken = classify(&record("PropertyValueExistsException", "", text));
        assert_eq!((&taken.owner, taken.taken()), (&None, Some("jane")));
        let text = "Active Directory operation failed on dc01. The object 'CN=O''x,DC=y' already exists.";
        let taken = classify(&record("ADObjectAlreadyExistsException", "", text));
        assert_eq!(taken.taken(), Some("CN=O''x,DC=y"));
    }

    #[test]
    fn a_warning_may_be_a_failure_or_noise() {
        let mut answer =
            Answer { objects: vec![], errors: vec![], warnings: vec![], outcome: Outcome::Completed };
        assert!(answer.refusal().is_none());
        answer
            .warnings
            .push("The command completed successfully but no settings of 'x' have been modified.".into());
        assert!(answer.refusal().is_none());
        assert_eq!(answer.notable_warnings().count(), 0);
        answer.warnings.push(
            "Couldn't update the primary SMTP address because this mailbox is configured to use an email address policy. \
             To disable the email address policy for this mailbox, run the command with the EmailAddressPolicyEnabled \
             parameter set to false."
                .into(),
        );
        assert_eq!(answer.refusal().unwrap().class, ErrorClass::RefusedByRule);
    }
}
