//! Every shape of a refusal that was recorded: what it means, and what a person is told.

use serde_json::json;

use super::*;
use crate::exchange::classify;
use crate::recipient::ErrorClass;

fn reply(status: u16, body: &[u8]) -> Reply<'_> {
    Reply { status, retry_after: None, challenge: None, diagnostics: None, body }
}

fn of(status: u16, body: &Json) -> Failure {
    failure(&reply(status, body.to_string().as_bytes()), SystemTime::UNIX_EPOCH)
}

fn with_details(text: &str) -> Json {
    json!({"error": {
        "code": "NotFound", "message": "Error executing cmdlet",
        "details": [{"code": "Client", "target": "", "message": text}],
        "innererror": {"message": "Error executing cmdlet",
            "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException", "stacktrace": "",
            "internalexception": {"message": "less", "type": "System.Exception", "stacktrace": ""}},
        "adminapi.warnings@odata.type": "#Collection(String)", "@adminapi.warnings": []}})
}

#[track_caller]
fn refused(failure: Failure) -> (ErrorClass, String, String) {
    let Failure::Refused(record) = failure else { panic!("{failure:?}") };
    let refusal = classify(&record);
    (refusal.class, record.fully_qualified_error_id.clone(), refusal.message)
}

#[test]
fn details_as_text() {
    let body = with_details(
        "Ex6F9304|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|It isn't there | really.",
    );
    assert_eq!(
        refused(of(404, &body)),
        (ErrorClass::NotFound, "Ex6F9304".into(), "It isn't there | really.".into())
    );
    let body = with_details(
        "|Microsoft.Exchange.Configuration.Tasks.ManagementObjectAmbiguousException|matches multiple entries",
    );
    assert_eq!(refused(of(400, &body)).0, ErrorClass::Conflict);
    let body = with_details("only text");
    assert_eq!(refused(of(400, &body)).2, "only text");
}

#[test]
fn details_as_json() {
    let inner = json!({
        "ClassName": "Microsoft.Exchange.Data.Directory.ProxyAddressExistsException", "Message": "already being used",
        "TypeName": "Microsoft.Exchange.Data.Directory.ProxyAddressExistsException", "InnerError": null,
        "localizedString": {"stringId": "ExABCDEF"}
    });
    let (class, id, text) = refused(of(400, &with_details(&inner.to_string())));
    assert_eq!((class, id.as_str(), text.as_str()), (ErrorClass::Conflict, "ExABCDEF", "already being used"));
}

#[test]
fn the_exception_inside_where_there_are_no_details() {
    let body = json!({"error": {"code": "BadRequest", "message": "Invalid Operation", "innererror": {
        "message": "Invalid Operation", "type": "X",
        "internalexception": {"message": "Cannot process argument transformation on parameter 'ResultSize'.",
            "type": "Microsoft.Exchange.Management.CommandInvocation.ParameterTransformationException"}}}});
    let (class, _, text) = refused(of(400, &body));
    assert_eq!(class, ErrorClass::InvalidInput);
    assert!(text.contains("ResultSize"));
}

#[test]
fn only_a_message_and_a_type() {
    let body = json!({"error": {"code": "InternalServerError", "message": "Active Directory is busy.",
        "innererror": {"message": "x", "type": "Microsoft.Exchange.Data.Directory.ADTransientException"}}});
    let (class, _, text) = refused(of(500, &body));
    assert_eq!((class, text.as_str()), (ErrorClass::Transient, "Active Directory is busy."));
}

#[test]
fn an_error_that_was_handed_on_says_what_the_other_server_said_and_no_values() {
    let other = with_details("ExAAAAAA|Microsoft.Exchange.Data.Directory.ProxyAddressExistsException|in use");
    let text = format!(
        "|Microsoft.Exchange.Configuration.CmdletProxyException|Error on proxy command 'New-Mailbox -Name:'x' \
         -Password:'Canary-77!'' to server AM0: Server version 15, Proxy method PSWS: NotFound: Bad : {other} \
         [Server=AM0,RequestId=1,TimeStamp=2]"
    );
    let (class, _, message) = refused(of(400, &with_details(&text)));
    assert_eq!((class, message.as_str()), (ErrorClass::Conflict, "in use"));
    let text = "|Microsoft.Exchange.Configuration.CmdletProxyException|Error on proxy command 'Set-X -Y:'Canary-77!'' to server AM0: gone";
    let (class, _, message) = refused(of(400, &with_details(text)));
    assert_eq!(class, ErrorClass::Transient);
    assert!(message.contains("AM0") && !message.contains("Canary"), "{message}");
}

#[test]
fn parameters_that_do_not_fit() {
    let unknown = "|System.Management.Automation.AmbiguousParameterSetException|Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet parameters specified. Foo";
    assert_eq!(refused(of(400, &with_details(unknown))).0, ErrorClass::InvalidInput);
    let scope = "|X.Y|The operation on mailbox \"u\" failed because it's out of the current user's write scope. The action can't be performed because the object is being synchronized from your on-premises organization.";
    assert_eq!(refused(of(400, &with_details(scope))).0, ErrorClass::RefusedByRule);
    let role = "|X.Y|Some of the parameters specified in the cmdlet aren't present in the role definition.";
    assert_eq!(refused(of(400, &with_details(role))).0, ErrorClass::AccessDenied);
}

#[test]
fn transient_by_name() {
    for name in [
        "CmdletProxyNotAvailableFailure",
        "ServerBusyException",
        "TransientException",
        "BackendCommunicationException",
    ] {
        let body = with_details(&format!("|Microsoft.Exchange.{name}|x"));
        assert_eq!(refused(of(400, &body)).0, ErrorClass::Transient, "{name}");
    }
}

#[test]
fn a_page_that_expired() {
    let body = json!({"error": {"message": "Invalid Operation", "innererror": {"internalexception": {
        "message": "Expired or Invalid pagination request. Default expiry time is 30 minutes", "type": "System.Exception"}}}});
    assert_eq!(of(400, &body), Failure::PageExpired);
}

#[test]
fn sign_in_and_rights() {
    let mut challenged = reply(401, b"");
    challenged.challenge = Some(r#"Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ==""#);
    let now = SystemTime::UNIX_EPOCH;
    assert_eq!(failure(&challenged, now), Failure::Unauthorized { claims: Some("{\"a\":1}".into()) });
    assert_eq!(failure(&reply(401, b""), now), Failure::Unauthorized { claims: None });
    let zeros = vec![0; 4096];
    let mut forbidden = reply(403, &zeros);
    assert!(matches!(failure(&forbidden, now), Failure::Forbidden(text) if text.contains("ManageAsApp")));
    forbidden.diagnostics = Some("2000003;reason=\"the role is missing\"");
    assert!(
        matches!(failure(&forbidden, now), Failure::Forbidden(text) if text.contains("the role is missing"))
    );
    let told = json!({"error": {"message": "User is not allowed to call Get-Mailbox"}});
    assert_eq!(of(403, &told), Failure::Forbidden("User is not allowed to call Get-Mailbox".into()));
}

#[test]
fn throttling_and_its_delays() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    assert_eq!(delay("2", now), Some(Duration::from_secs(2)));
    assert_eq!(delay(" 1.5 ", now), Some(Duration::from_millis(1500)));
    assert_eq!(delay("Tue, 14 Nov 2023 22:13:27 GMT", now), Some(Duration::from_secs(7)));
    for absurd in ["-1", "NaN", "inf", "1e300", "86401", "soon", ""] {
        assert_eq!(delay(absurd, now), None, "{absurd}");
    }
    let mut throttled = reply(429, b"");
    throttled.retry_after = Some("1.5");
    let after = Some(Duration::from_millis(1500));
    assert!(matches!(failure(&throttled, now), Failure::Throttled { after: told, .. } if told == after));
    let plain = reply(400, b"You have exceeded the maximum number of concurrent requests per tenant.");
    assert!(matches!(failure(&plain, now), Failure::Throttled { after: None, .. }));
}

#[test]
fn bodies_of_no_use() {
    let now = SystemTime::UNIX_EPOCH;
    for status in [502, 503, 504, 500] {
        assert!(matches!(failure(&reply(status, b""), now), Failure::Unavailable { .. }), "{status}");
    }
    let Failure::Unreadable(text) = failure(&reply(400, b"<html>Sign in</html>"), now) else { panic!() };
    assert!(text.contains("web page"), "{text}");
    assert!(describe(&[0; 4096]).contains("4096 zero bytes"));
    assert!(describe(b"").contains("empty"));
    let absurd = format!("{{\"error\":{}", "{\"details\":[".repeat(100_000));
    assert!(matches!(failure(&reply(400, absurd.as_bytes()), now), Failure::Unreadable(_)));
}
