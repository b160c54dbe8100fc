//! Scenario 14: every shape in which Exchange Online was seen to refuse, through the program. What is expected is what the service's
//! words and codes say; every shape hits the one write of a change.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use super::{config, connect, person, tenant, there};
use crate::cli::{CANARY, Place};
use crate::scenarios::bench::{Bench, logged};

/// What is answered, and what it means.
struct Shape {
    answer: Json,
    meant: Meant,
}

enum Meant {
    /// Not done, and no second try would help
    Refused(Told),
    /// Tried again, also what may have been carried out, after a look at the account; and if it stays so, this
    Again(Told),
    /// Carried out, and the answer lost: a look at the account shows it
    Done,
}

struct Told {
    class: &'static str,
    /// Part of the sentence that a person gets
    says: &'static str,
    /// Part of what helps
    hint: &'static str,
    /// Exception and id of the error, where the cmdlet itself gives one
    error: Option<(&'static str, &'static str)>,
}

fn refused(class: &'static str, says: &'static str, hint: &'static str) -> Meant {
    Meant::Refused(Told { class, says, hint, error: None })
}

fn again(class: &'static str, says: &'static str) -> Meant {
    Meant::Again(Told { class, says, hint: "", error: None })
}

impl Meant {
    fn error(mut self, exception: &'static str, id: &'static str) -> Self {
        match &mut self {
            Self::Refused(told) | Self::Again(told) => told.error = Some((exception, id)),
            Self::Done => {}
        }
        self
    }
}

/// An envelope as it was recorded, with these details and this exception inside.
fn envelope(details: &Json, internal: (&str, &str)) -> Json {
    json!({"error": {
        "code": "BadRequest", "message": "Error executing cmdlet", "details": details,
        "innererror": {
            "message": "Error executing cmdlet", "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
            "stacktrace": "", "internalexception": {"message": internal.0, "type": internal.1, "stacktrace": ""}},
        "adminapi.warnings@odata.type": "#Collection(String)", "@adminapi.warnings": []}})
}

/// The usual one: the details tell, everything else is of no use.
fn details(text: &str) -> Json {
    envelope(
        &json!([{"code": "Client", "target": "", "message": text}]),
        ("Error executing cmdlet", "System.Exception"),
    )
}

/// What another server said, handed on with the cmdlet and all of its values.
fn proxied(values: &str, tail: &str) -> Json {
    details(&format!(
        "|Microsoft.Exchange.Configuration.CmdletProxyException|Error on proxy command 'Set-Mailbox {values} \
         -Password:'{CANARY}'' to server AM0PR01: Server version 15.20.0.0, Proxy method PSWS: {tail}"
    ))
}

fn with(status: u16, body: &Json) -> Json {
    json!({"status": status, "body": {"json": body}})
}

fn text(status: u16, body: &str) -> Json {
    json!({"status": status, "body": {"text": body}})
}

const ADDRESS: &str = "The proxy address \"SMTP:a@contoso.com\" is already being used by the proxy addresses or LegacyExchangeDN of \
                       \"eve\". Please choose another proxy address.";
const AAD: &str = "|Microsoft.Exchange.Management.DualWrite.LocStrings.UnableToWriteToAadException|An Azure Active Directory call was \
                   made to keep object in sync between Azure Active Directory and Exchange Online. However, it failed. Detailed error \
                   message:";
const SYNCED: &str = "The operation on mailbox \"u\" failed because it's out of the current user's write scope. The action \
                      'Set-Mailbox', 'CustomAttribute1', can't be performed on the object 'u' because the object is being synchronized \
                      from your on-premises organization.";
const TOO_OFTEN: &str =
    "The maximum number of concurrent requests per tenant has been reached. Please try again later.";

/// Errors of the cmdlet, in every form of an envelope.
fn envelopes() -> Vec<Shape> {
    let not_found = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";
    // What cannot be told from its words, as they are of another language and hold the sign that parts them.
    let named = details(&format!("Ex6F9304|{not_found}|Objekt „u“ | wurde nicht gefunden."));
    let as_json = json!({"ClassName": "Microsoft.Exchange.Data.Directory.ProxyAddressExistsException", "Message": ADDRESS,
        "TypeName": "Microsoft.Exchange.Data.Directory.ProxyAddressExistsException", "InnerError": null,
        "localizedString": {"stringId": "ExABCDEF"}});
    let of_category =
        json!([{"code": "13", "target": "", "message": format!("Ex6F9304|{not_found}|It isn't there.")}]);
    let transformation = "Microsoft.Exchange.Management.CommandInvocation.ParameterTransformationException";
    let unbound =
        "Cannot process argument transformation on parameter 'CustomAttribute1'. Cannot convert value.";
    let mut untold = envelope(&Json::Null, (unbound, transformation));
    untold["error"].as_object_mut().unwrap().remove("details");
    let handed_on =
        format!("NotFound: Bad Request: {} [Server=AM0PR01,RequestId=1,TimeStamp=2]", details(ADDRESS));
    let not_executed = "NotFound : The server is gone [Server=AM0PR01,RequestId=1,TimeStamp=2]";
    let scope = "|Microsoft.Exchange.Unrecorded.ScopeException|";
    [
        (with(404, &named), refused("not_found", "| wurde nicht gefunden.", "check the identity").error("ManagementObjectNotFoundException", "Ex6F9304")),
        (with(400, &details("Ex94914C||Nichts gefunden.")), refused("not_found", "Nichts gefunden.", "check the identity").error("", "Ex94914C")),
        (with(400, &envelope(&of_category, ("less", "X"))), refused("not_found", "It isn't there.", "check the identity").error("ManagementObjectNotFoundException", "Ex6F9304")),
        (with(400, &details("Ex9E65A2||The operation couldn't be performed because 'u' matches multiple entries.")), refused("conflict", "matches multiple entries", "GUID").error("", "Ex9E65A2")),
        (with(400, &details(&as_json.to_string())), refused("conflict", "is already being used", "another address").error("ProxyAddressExistsException", "ExABCDEF")),
        (with(400, &details(&format!("|Microsoft.Exchange.Unrecorded.AddressException|{ADDRESS}"))), refused("conflict", "is already being used", "").error("AddressException", "")),
        (with(400, &details("Some of the parameters specified (-CustomAttribute1) for the cmdlet 'Set-Mailbox' aren't present in the role definition of the current user.")), refused("access_denied", "role definition", "right").error("", "")),
        (with(400, &details("|System.Management.Automation.AmbiguousParameterSetException|Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet parameters specified. CustomAttribute1")), refused("invalid_input", "Invalid cmdlet parameters specified", "not known").error("AmbiguousParameterSetException", "")),
        // The text is in one place only.
        (with(400, &untold), refused("invalid_input", "argument transformation on parameter 'CustomAttribute1'", "type").error("ParameterTransformationException", "")),
        (with(400, &envelope(&json!([]), (unbound, transformation))), refused("invalid_input", "argument transformation", "type").error("ParameterTransformationException", "")),
        (with(400, &envelope(&json!([{"code": "Client", "target": "", "message": ""}]), (unbound, transformation))), refused("invalid_input", "argument transformation", "type").error("ParameterTransformationException", "")),
        (with(400, &json!({"error": {"code": "BadRequest", "message": "Something new."}})), refused("internal", "Something new.", "not known").error("", "")),
        (with(500, &json!({"error": {"code": "InternalServerError", "message": "The directory is busy.", "innererror": {"type": "Microsoft.Exchange.Data.Directory.ADTransientException"}}})), again("transient", "The directory is busy.").error("ADTransientException", "")),
        // The cmdlet is repeated in it, with values that are nobody's business and look like an answer.
        (with(400, &proxied("-Name:'x'", &handed_on)), refused("conflict", "is already being used", "")),
        (with(400, &proxied("-Languages: {de} -Name: {}", &handed_on)), refused("conflict", "is already being used", "")),
        (with(400, &proxied("-Name:'x'", not_executed)), again("transient", "The server is gone").error("CmdletProxyException", "")),
        // Synchronisation owns it; nobody knows by which exception.
        (with(400, &details(&format!("{scope}{SYNCED}"))), refused("refused_by_rule", "write scope", "on-premises").error("ScopeException", "")),
        (with(400, &details(&format!("|Microsoft.Exchange.Configuration.Tasks.TaskInvalidOperationException|{SYNCED}"))), refused("refused_by_rule", "write scope", "on-premises")),
        (with(400, &details(&format!("{scope}'u' isn't within your current write scopes. Can't perform save operation."))), refused("access_denied", "write scope", "scope")),
        (with(400, &details(&format!("{AAD} Unable to update the specified properties for on-premises mastered Directory Sync objects."))), refused("refused_by_rule", "on-premises mastered", "on-premises").error("UnableToWriteToAadException", "")),
        (with(400, &details(&format!("{AAD} Another object with the same value for property proxyAddresses already exists. Reason: ObjectConflict"))), refused("conflict", "ObjectConflict", "")),
        (with(400, &details(&format!("{AAD} The request timed out."))), again("transient", "timed out").error("UnableToWriteToAadException", "")),
        (with(400, &details("|Microsoft.Exchange.Configuration.CmdletProxyNotAvailableFailure|No proxy.")), again("transient", "No proxy.")),
        (with(500, &details("|Microsoft.Exchange.ServerBusyException|Busy.")), again("transient", "Busy.")),
        (with(500, &details("|Microsoft.Exchange.Data.Storage.TransientException|Not now.")), again("transient", "Not now.")),
        (with(400, &details("|Microsoft.Exchange.BackendCommunicationException|No way.")), again("transient", "No way.")),
        // A success with an error beside it.
        (with(200, &json!({"value": [], "@adminapi.errors": [format!("Ex6F9304|{not_found}|Gone.")]})), refused("not_found", "Gone.", "check the identity").error("ManagementObjectNotFoundException", "Ex6F9304")),
        (with(200, &json!({"value": [], "@adminapi.errors": [as_json]})), refused("conflict", "is already being used", "").error("ProxyAddressExistsException", "ExABCDEF")),
    ]
    .map(|(answer, meant)| Shape { answer, meant })
    .into()
}

/// Answers of the front door, before any cmdlet or instead of it.
fn doors() -> Vec<Shape> {
    let zeros = |status: u16, headers: Json| json!({"status": status, "body": "zeros", "headers": headers});
    let reason = json!({"x-ms-diagnostics": "2000003;reason=\"The role is missing.\";error_category=\"invalid_grant\""});
    let user = json!({"error": {"code": "Forbidden", "message": "User is not allowed to call Set-Mailbox"}});
    let throttled = |answer: Json| (answer, again("throttled", ""));
    let lost = |answer: Json, says| (answer, again("session_lost", says));
    [
        (zeros(403, reason.clone()), refused("access_denied", "The role is missing.", "role")),
        (zeros(403, json!({})), refused("access_denied", "role group", "role")),
        (json!({"status": 403, "headers": reason}), refused("access_denied", "The role is missing.", "role")),
        (json!({"status": 403}), refused("access_denied", "role group", "role")),
        (json!({"status": 403, "body": "page"}), refused("access_denied", "role group", "role")),
        (with(403, &user), refused("access_denied", "User is not allowed to call Set-Mailbox", "role")),
        throttled(json!({"status": 429, "retry_after": "1"})),
        throttled(json!({"status": 429, "retry_after": "0.5"})),
        throttled(json!({"status": 429, "retry_after": "date"})),
        throttled(json!({"status": 429})),
        (
            with(429, &json!({"error": {"code": "TooManyRequests", "message": "Slow down."}})),
            again("throttled", "Slow down."),
        ),
        (text(200, TOO_OFTEN), again("throttled", "concurrent requests per tenant")),
        (text(400, TOO_OFTEN), again("throttled", "concurrent requests per tenant")),
        (text(500, TOO_OFTEN), again("throttled", "concurrent requests per tenant")),
        lost(json!({"status": 503, "retry_after": "1"}), "not available"),
        lost(
            with(503, &json!({"error": {"code": "ServiceUnavailable", "message": "In repair."}})),
            "In repair.",
        ),
        lost(json!({"status": 504}), "not available"),
        (json!({"status": 504, "after_work": true}), Meant::Done),
        lost(json!({"status": 500}), "internal error"),
        lost(json!({"status": 502, "body": "page"}), "not available"),
        lost(json!({"status": 200, "body": "page"}), "a web page instead of an answer"),
        lost(json!({"status": 200}), "an empty body"),
        lost(json!({"status": 200, "body": "zeros"}), "4096 zero bytes"),
        (json!({"status": 200, "body": "truncated"}), Meant::Done),
        lost(json!({"status": 200, "body": "reset"}), ""),
        // Who cannot be understood may have done it: the account is looked at, and the call made once more.
        (json!({"status": 400, "body": "page"}), again("internal", "a web page instead of an answer")),
        (json!({"status": 400, "body": "zeros"}), again("internal", "4096 zero bytes")),
        (json!({"status": 404}), again("internal", "an empty body")),
    ]
    .map(|(answer, meant)| Shape { answer, meant })
    .into()
}

/// The mailbox for a shape: one that it hits for good, one that it hits once.
fn id(number: usize, once: bool) -> String {
    format!("{:08x}-0000-4000-8000-00000000000{}", number + 1, u8::from(once))
}

fn named(number: usize, once: bool) -> String {
    format!("{}{number:02}", if once { "once" } else { "shape" })
}

/// What differs from what is expected of a shape.
fn check(bench: &Bench, shape: &Shape, number: usize) -> Vec<String> {
    let mut problems = Vec::new();
    let mut same = |what: &str, is: Json, expected: Json, all: &dyn std::fmt::Debug| {
        if is != expected {
            problems.push(format!("{what} is {is}, not {expected}: {all:?}\n  for {}", shape.answer));
        }
    };
    let place = Place::new();
    let keys =
        "create_method = \"enable\"\ntimeouts = { connect = \"5s\", operation = \"10s\", change = \"15s\" }";
    place.write("it.toml", &config(bench, "cloud", keys, ""));
    let apply = |once| {
        let flow = format!("Identity,CustomAttribute1\n{}@contoso.com,x\n", named(number, once));
        place.write("flow.csv", &flow);
        let ran = place.run(&["apply", "flow.csv", "-c", "it.toml", "--output", "jsonl"]);
        let result: Json = serde_json::from_str(&ran.stdout).unwrap_or_default();
        let id = id(number, once);
        let asked = logged(&bench.path("lab.log"), "http");
        let tries =
            asked.iter().filter(|it| it["cmdlet"] == "Set-Mailbox" && it["identity"] == id.as_str()).count();
        (ran, result, tries)
    };
    let (ran, result, tries) = apply(false);
    let (Told { class, says, hint, error }, repeats) = match &shape.meant {
        Meant::Refused(told) => (told, false),
        Meant::Again(told) => (told, true),
        Meant::Done => {
            same("the exit code", json!(ran.code), json!(0), &ran);
            same("the number of tries", json!(tries), json!(1), &ran);
            let mailbox = bench.get("Get-Mailbox", &id(number, false));
            same("what was written", mailbox["CustomAttribute1"].clone(), json!("x"), &ran);
            return problems;
        }
    };
    let has = |key: &str, part: &str| result["error"][key].as_str().unwrap_or_default().contains(part);
    same("the exit code", json!(ran.code), json!(1), &ran);
    same("the action", result["action"].clone(), json!("failed"), &ran);
    same("the class", result["error"]["class"].clone(), json!(class), &ran);
    same("that it is said", json!(has("message", says)), json!(true), &ran);
    same("that it is said what helps", json!(has("hint", hint)), json!(true), &ran);
    let is_raw = ["<", "\0", "{\""].iter().any(|part| has("message", part));
    same("that a body stands in the message", json!(is_raw), json!(false), &ran);
    same("that it was tried again", json!(tries > 1), json!(repeats), &ran);
    if repeats {
        let (ran, result, tries) = apply(true);
        same("the exit code", json!(ran.code), json!(0), &ran);
        same("the action", result["action"].clone(), json!("updated"), &ran);
        same("the number of tries", json!(tries), json!(2), &ran);
    }
    if let Some((exception, code)) = error {
        let identity = format!("Identity={}", id(number, false));
        let ran = place.run(&["invoke", "Set-Mailbox", &identity, "CustomAttribute1=x", "-c", "it.toml"]);
        same("the exit code of invoke", json!(ran.code), json!(1), &ran);
        let told = ran.stderr.contains(says) && ran.stderr.contains(&format!("[{exception} {code}]"));
        same("that exception and id are named", json!(told), json!(true), &ran);
    }
    problems
}

#[test]
fn c14_every_shape_of_an_error() {
    let shapes: Vec<Shape> = envelopes().into_iter().chain(doors()).collect();
    let mut objects = Vec::new();
    let mut faults = Vec::new();
    for (number, shape) in shapes.iter().enumerate() {
        for once in [false, true] {
            let id = id(number, once);
            objects.push(there(
                &named(number, once),
                "SharedMailbox",
                &json!({"ExternalDirectoryObjectId": id}),
            ));
            faults
                .push(json!({"cmdlet": "Set-Mailbox", "identity": id, "times": if once { 1 } else { 1000 },
                               "kind": {"http": shape.answer}}));
        }
    }
    let mut seed = tenant(&objects);
    seed["cloud"]["faults"] = json!(faults);
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "", "");
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        // Most of the time they wait.
        for _ in 0..24 {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(shape) = shapes.get(number)
                {
                    let found = check(&bench, shape, number);
                    problems.lock().unwrap().extend(found);
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// A token that is not taken is changed once: for one that meets the claims of the challenge, where there are some.
#[test]
fn c14_tokens_that_are_not_taken() {
    let claims = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ==";
    for (answer, times, code) in [
        (json!({"status": 401}), 1, 0),
        (json!({"status": 401, "claims": claims}), 1, 0),
        (json!({"status": 401}), 1000, 1),
    ] {
        let mut seed = tenant(&[there("ada", "SharedMailbox", &json!({}))]);
        seed["cloud"]["faults"] =
            json!([{"cmdlet": "Set-Mailbox", "times": times, "kind": {"http": answer}}]);
        let bench = Bench::new(&seed);
        connect(&bench, "enable", "", "");
        let result = bench.apply_one("Identity,CustomAttribute1\nada@contoso.com,x\n", code);
        let asked = logged(&bench.path("lab.log"), "http");
        let of = |name: &str| asked.iter().filter(|it| it["cmdlet"] == name).count();
        let tokens = asked.iter().filter(|it| it["path"].as_str().unwrap().ends_with("/token")).count();
        assert_eq!((of("Set-Mailbox"), tokens), (2, 2), "{answer}: {result}");
        match code {
            0 => assert_eq!(result["action"], "updated", "{answer}"),
            _ => {
                assert_eq!(result["error"]["class"], "access_denied", "{result}");
                let message = result["error"]["message"].as_str().unwrap();
                assert!(message.contains("Exchange.ManageAsApp"), "{result}");
            }
        }
    }
}

/// Graph's own envelope ("Microsoft Graph error responses and resource types"), at the one call that gives the licence.
#[test]
fn c14_what_graph_refuses() {
    let error = |code: &str, message: &str| {
        let inner = json!({"date": "2026-11-01T10:00:00", "request-id": "r", "client-request-id": "c"});
        json!({"error": {"code": code, "message": message, "innerError": inner}})
    };
    let mut conflict =
        error("Request_BadRequest", "Another object with the same value for property mail already exists.");
    conflict["error"]["details"] = json!([{"code": "ObjectConflict", "message": "", "target": "mail"}]);
    let seats =
        "Subscription with SKU 6fd2c87f-b296-42f0-b197-1e91e994b900 does not have any available licenses.";
    let place = "License assignment cannot be done for user with invalid usage location.";
    let throttled = error("TooManyRequests", "Too many requests");
    let shapes = [
        (
            with(404, &error("Request_ResourceNotFound", "It does not exist.")),
            Some(("not_found", "identity")),
        ),
        (
            with(403, &error("Authorization_RequestDenied", "Insufficient privileges.")),
            Some(("access_denied", "User.ReadWrite.All")),
        ),
        (json!({"status": 403}), Some(("access_denied", "permissions"))),
        (with(400, &error("Request_BadRequest", place)), Some(("invalid_input", "usage_location"))),
        (with(400, &error("Request_BadRequest", seats)), Some(("refused_by_rule", "seat"))),
        (with(400, &conflict), Some(("conflict", "deleted user"))),
        (with(400, &error("Directory_ConcurrencyViolation", "Concurrent requests.")), None),
        (json!({"status": 429, "retry_after": "0.5", "body": {"json": throttled}}), None),
        (json!({"status": 503}), None),
        (json!({"status": 504}), None),
        (json!({"status": 500, "body": "page"}), None),
        (json!({"status": 401}), None),
    ];
    let user = |number: usize| format!("person{number:02}");
    let mut faults = Vec::new();
    let mut objects = Vec::new();
    for (number, (answer, refused)) in shapes.iter().enumerate() {
        let id = id(number, false);
        let mut object = person(&user(number));
        object["ExternalDirectoryObjectId"] = json!(id);
        objects.push(object);
        let times = if refused.is_some() { 1000 } else { 1 };
        faults.push(
            json!({"cmdlet": "Set-MgUserLicense", "identity": id, "times": times, "kind": {"http": answer}}),
        );
    }
    let mut seed = tenant(&objects);
    seed["cloud"]["faults"] = json!(faults);
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "", "");
    for (number, (answer, refused)) in shapes.iter().enumerate() {
        let flow = format!("Identity,CustomAttribute1\n{}@contoso.com,x\n", user(number));
        let result = bench.apply_one(&flow, i32::from(refused.is_some()));
        let path = format!("/v1.0/users/{}/assignLicense", id(number, false));
        let tries =
            logged(&bench.path("lab.log"), "http").iter().filter(|it| it["path"] == path.as_str()).count();
        assert_eq!(tries, if refused.is_some() { 1 } else { 2 }, "{answer}: {result}");
        match refused {
            None => assert_eq!(result["action"], "created", "{answer}: {result}"),
            Some((class, hint)) => {
                assert_eq!(result["error"]["class"], *class, "{answer}: {result}");
                let said =
                    answer.pointer("/body/json/error/message").and_then(Json::as_str).unwrap_or_default();
                let has = |key: &str, part: &str| result["error"][key].as_str().unwrap().contains(part);
                assert!(has("message", said) && has("hint", hint), "{answer}: {result}");
            }
        }
    }
}

/// As the README has it: a fault for one object names it as the program's writes do.
#[test]
fn c14_a_fault_hits_the_writes_of_one_object() {
    const ADA: &str = "11111111-2222-4333-8444-555555555555";
    let ada = there("ada", "SharedMailbox", &json!({"ExternalDirectoryObjectId": ADA}));
    let mut seed = tenant(&[ada, there("bob", "SharedMailbox", &json!({}))]);
    let answer = json!({"http": {"status": 403, "body": {"json": {"error": {"message": "No."}}}}});
    seed["cloud"]["faults"] =
        json!([{"cmdlet": "Set-Mailbox", "identity": ADA, "times": 100, "kind": answer}]);
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "", "");
    let flow = "Identity,CustomAttribute1\nbob@contoso.com,x\nada@contoso.com,x\n";
    let results = bench.flow("apply", flow, 1);
    let actions: Vec<_> = results.iter().map(|result| result["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["updated", "failed"], "{results:?}");
    assert_eq!(results[1]["guid"], ADA);
}
