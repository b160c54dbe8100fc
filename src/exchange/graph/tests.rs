//! Requests as the Graph reference shows them, and answers in the shapes that it and those who use it have recorded.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde_json::{Value as Json, json};
use url::Url;
use wsman::clixml::Value;
use wsman::psrp::Outcome;

use super::request::prepare;
use super::*;
use crate::exchange::online::failure::Reply;
use crate::exchange::online::talk::{Received, Step, Talk as _, Trouble};
use crate::exchange::{Answer, Call};
use crate::recipient::ErrorClass;

const ID: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";
const E3: &str = "6fd2c87f-b296-42f0-b197-1e91e994b900";

fn base() -> Url {
    Url::parse("https://graph.microsoft.com/").unwrap()
}

fn sent(call: &Call) -> (Method, String, Json) {
    let prepared = prepare(&base(), call).unwrap_or_else(|error| panic!("{error}"));
    let body =
        if prepared.body.is_empty() { Json::Null } else { serde_json::from_slice(&prepared.body).unwrap() };
    let url = prepared.url.as_str().trim_start_matches("https://graph.microsoft.com").to_owned();
    (prepared.method, url, body)
}

fn refused_for(call: &Call) -> String {
    match prepare(&base(), call) {
        Ok(prepared) => panic!("{} is sent", prepared.url),
        Err(why) => why,
    }
}

#[test]
fn only_nouns_of_graph_go_there() {
    for (cmdlet, expected) in [
        ("Get-MgUser", true),
        ("set-mguserlicense", true),
        ("Get-Mailbox", false),
        ("Mg", false),
        ("Get-ü", false),
    ] {
        assert_eq!(is_graph(cmdlet), expected, "{cmdlet}");
    }
}

/// "Get a user": what is read is always named.
#[test]
fn a_user_by_id_and_by_name() {
    let get = |id: &str| sent(&Call::new("Get-MgUser").with("UserId", id.into()));
    let select = "?%24select=id%2CuserPrincipalName%2CdisplayName%2CaccountEnabled%2CusageLocation%2ConPremisesSyncEnabled\
                  %2ConPremisesImmutableId%2CassignedLicenses%2ClicenseAssignmentStates%2CassignedPlans";
    assert_eq!(get(ID), (Method::GET, format!("/v1.0/users/{ID}{select}"), Json::Null));
    assert_eq!(get("Ada@contoso.com").1, format!("/v1.0/users/Ada@contoso.com{select}"));
    assert_eq!(get("a/b?c#EXT#@x.de").1, format!("/v1.0/users/a%2Fb%3Fc%23EXT%23@x.de{select}"));
    assert_eq!(get("$o'neil@x.de").1, format!("/v1.0/users('$o''neil@x.de'){select}"));
    // A function of Graph, a folder, everybody.
    for name in ["delta", "..", "", " ", "$count", "microsoft.graph.delta()", "a\n@x"] {
        refused_for(&Call::new("Get-MgUser").with("UserId", name.into()));
    }
}

#[test]
fn users_by_filter_in_pages() {
    let call = Call::new("Get-MgUser").with("Filter", "id in ('a','b')".into());
    assert!(
        sent(&call).1.ends_with("&%24top=999&%24filter=id+in+%28%27a%27%2C%27b%27%29"),
        "{}",
        sent(&call).1
    );
    let some = call.clone().with("Top", Value::Int32(5));
    assert!(sent(&some).1.contains("&%24top=5&"));
    refused_for(&call.with("UserId", ID.into()));
    refused_for(&some.with("top", Value::Int32(5)));
}

/// "Create user", example 1.
#[test]
fn a_new_user_with_a_password_that_shows_nowhere_else() {
    let call = Call::new("New-MgUser")
        .with("AccountEnabled", Value::Bool(true))
        .with("DisplayName", "Adele Vance".into())
        .with("MailNickname", "AdeleV".into())
        .with("UserPrincipalName", "AdeleV@contoso.com".into())
        .with("PasswordProfile", Value::secure("Canary \"xWwvJ]6NMw+bWH-d\\"))
        .with("ForceChangePasswordNextSignIn", Value::Bool(true));
    assert_eq!(
        sent(&call),
        (
            Method::POST,
            "/v1.0/users".into(),
            json!({"accountEnabled": true, "displayName": "Adele Vance", "mailNickname": "AdeleV",
                "userPrincipalName": "AdeleV@contoso.com",
                "passwordProfile": {"forceChangePasswordNextSignIn": true, "password": "Canary \"xWwvJ]6NMw+bWH-d\\"}})
        )
    );
    assert!(!format!("{call:?}{}", call.masked()).contains("Canary"));
    let without = Call::new("New-MgUser").with("DisplayName", "x".into());
    assert!(refused_for(&without).contains("-AccountEnabled"));
    let clear = call.clone().with("Password", "Canary".into());
    assert!(refused_for(&clear).contains("-Password"));
    let plain = Call::new("Update-MgUser").with("UserId", ID.into()).with("PasswordProfile", "Canary".into());
    assert_eq!(refused_for(&plain), "-PasswordProfile is no SecureString");
}

#[test]
fn attributes_that_change_and_go() {
    let call = Call::new("Update-MgUser")
        .with("userid", ID.into())
        .with("usagelocation", "DE".into())
        .with("JobTitle", Value::Nil)
        .with("AccountEnabled", Value::Bool(false))
        .with("BusinessPhones", Value::from("+49 1"));
    let body = json!({"usageLocation": "DE", "jobTitle": null, "accountEnabled": false, "businessPhones": ["+49 1"]});
    assert_eq!(sent(&call), (Method::PATCH, format!("/v1.0/users/{ID}"), body));
    let user = Call::new("Update-MgUser").with("UserId", ID.into());
    refused_for(&user);
    refused_for(&user.clone().with("AccountEnabled", "yes".into()));
    assert!(refused_for(&user.with("Foo", "x".into())).contains("changes nothing"));
    let gone = Call::new("Remove-MgUser").with("UserId", ID.into()).with("Confirm", Value::Bool(false));
    assert_eq!(sent(&gone), (Method::DELETE, format!("/v1.0/users/{ID}"), Json::Null));
    refused_for(&gone.with("WhatIf", Value::Bool(true)));
}

/// "assignLicense", examples 1 and 2.
#[test]
fn licences_given_and_taken() {
    let call = Call::new("Set-MgUserLicense").with("UserId", ID.into());
    let given = call
        .clone()
        .with("AddLicenses", Value::strings([E3]))
        .with("RemoveLicenses", Value::strings(Vec::<&str>::new()));
    let url = format!("/v1.0/users/{ID}/assignLicense");
    let body = json!({"addLicenses": [{"skuId": E3, "disabledPlans": []}], "removeLicenses": []});
    assert_eq!(sent(&given), (Method::POST, url.clone(), body));
    let taken = call.clone().with("RemoveLicenses", E3.into());
    assert_eq!(sent(&taken).2, json!({"addLicenses": [], "removeLicenses": [E3]}));
    let plan = "113feb6c-3fe4-4440-bddc-54d774bf0318";
    let licence = Value::hashtable([("SkuId", E3.into()), ("DisabledPlans", Value::strings([plan]))]);
    let partly = call.clone().with("AddLicenses", Value::list(vec![licence]));
    assert_eq!(sent(&partly).2["addLicenses"], json!([{"skuId": E3, "disabledPlans": [plan]}]));
    refused_for(&call);
    refused_for(&call.with("AddLicenses", "ENTERPRISEPACK".into()));
}

fn say(talk: &mut Conversation<'_>, status: u16, retry_after: Option<&str>, body: &Json) -> Step {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let reply = Reply { status, retry_after, challenge: None, diagnostics: None, body: text.as_bytes() };
    talk.receive(&Received { reply, location: None, cookies: Vec::new() }, SystemTime::UNIX_EPOCH)
}

fn talk(call: &Call) -> Conversation<'_> {
    Conversation::new(&call.cmdlet, prepare(&base(), call).unwrap(), "r".into(), false)
}

fn all() -> Call {
    Call::new("Get-MgUser")
}

fn user_json(number: u128) -> Json {
    json!({"@odata.type": "#microsoft.graph.user", "id": uuid::Uuid::from_u128(number), "userPrincipalName": format!("u{number}@x.de")})
}

#[test]
fn every_page_of_a_list_and_never_a_part_of_it() {
    let call = all();
    let mut talk = talk(&call);
    let next = "https://graph.microsoft.com/v1.0/users?$skiptoken=2";
    let first = json!({"@odata.context": "x", "value": [user_json(1)], "@odata.nextLink": next});
    assert_eq!(say(&mut talk, 200, None, &first), Step::Send);
    assert_eq!(talk.request().url.as_str(), next);
    let Step::Done(answer) = say(&mut talk, 200, None, &json!({"value": [user_json(2)]})) else { panic!() };
    let users: Vec<_> =
        answer.objects.iter().map(|it| super::user(it).unwrap().user_principal_name).collect();
    assert_eq!(users, ["u1@x.de", "u2@x.de"]);

    for (page, expected) in [
        (json!({"value": [], "@odata.nextLink": "https://evil.example/v1.0/users"}), "Elsewhere"),
        (json!({"value": [], "@odata.nextLink": "http://graph.microsoft.com/v1.0/users"}), "Elsewhere"),
        (json!({"value": [], "@odata.nextLink": "https://a@graph.microsoft.com/v1.0/users"}), "Elsewhere"),
        (json!({"value": [], "@odata.nextLink": 7}), "Garbled"),
        (json!({"value": null}), "Garbled"),
        (json!([]), "Garbled"),
        (Json::Null, "Garbled"),
    ] {
        let step = say(&mut self::talk(&call), 200, None, &page);
        assert!(format!("{step:?}").contains(expected), "{page}: {step:?}");
    }
    let mut circle = self::talk(&call);
    let same = circle.request().url.to_string();
    let step = say(&mut circle, 200, None, &json!({"value": [], "@odata.nextLink": same}));
    assert_eq!(step, Step::Failed(Trouble::Torn));
    let some = all().with("Top", Value::Int32(1));
    let page = json!({"value": [user_json(1), user_json(2)], "@odata.nextLink": next});
    let Step::Done(answer) = say(&mut self::talk(&some), 200, None, &page) else { panic!() };
    assert_eq!(answer.objects.len(), 1);
}

#[test]
fn a_write_answers_with_nothing_or_the_user() {
    let patch = Call::new("Update-MgUser").with("UserId", ID.into()).with("City", "x".into());
    let Step::Done(answer) = say(&mut talk(&patch), 204, None, &Json::Null) else { panic!() };
    assert!(answer.objects.is_empty() && answer.outcome == Outcome::Completed);
    let licence = Call::new("Set-MgUserLicense").with("UserId", ID.into()).with("AddLicenses", E3.into());
    let Step::Done(answer) = say(&mut talk(&licence), 200, None, &user_json(9)) else { panic!() };
    assert_eq!(super::user(&answer.objects[0]).unwrap().id, uuid::Uuid::from_u128(9));
}

#[test]
fn delays_and_tokens() {
    let call = all();
    let after = Some(Duration::from_secs(12));
    for (status, expected) in
        [(429, "Throttled"), (503, "Unavailable"), (504, "Unavailable"), (500, "Unavailable")]
    {
        let step = say(
            &mut talk(&call),
            status,
            Some("12"),
            &json!({"error": {"code": "x", "message": "Too busy"}}),
        );
        let Step::Failed(
            Trouble::Throttled { text, after: told } | Trouble::Unavailable { text, after: told },
        ) = &step
        else {
            panic!("{step:?}")
        };
        assert!(
            (text.as_str(), *told) == ("Too busy", after) && format!("{step:?}").contains(expected),
            "{step:?}"
        );
    }
    let mut talk = talk(&call);
    let denied =
        json!({"error": {"code": "InvalidAuthenticationToken", "message": "Access token has expired."}});
    assert_eq!(say(&mut talk, 401, None, &denied), Step::NewToken { claims: None });
    assert_eq!(say(&mut talk, 401, None, &denied), Step::Failed(Trouble::Unauthorized));
}

#[track_caller]
fn class(status: u16, code: &str, message: &str) -> (ErrorClass, String) {
    let body = json!({"error": {"code": code, "message": message, "innerError": {"date": "2026-11-21T10:00:00",
        "request-id": "1", "client-request-id": "2"}}});
    judged(status, &body)
}

#[track_caller]
fn judged(status: u16, body: &Json) -> (ErrorClass, String) {
    let call = all();
    let step = say(&mut talk(&call), status, None, body);
    let Step::Done(answer) = step else { panic!("{step:?}") };
    let refusal = answer.refusal().unwrap();
    (refusal.class, refusal.hint.unwrap_or_default())
}

#[test]
fn every_refusal_has_its_class_and_cure() {
    use ErrorClass::{AccessDenied, Conflict, InvalidInput, NotFound, RefusedByRule, Transient};
    let missing =
        "Resource 'x' does not exist or one of its queried reference-property objects are not present.";
    let seats =
        "Subscription with SKU 6fd2c87f-b296-42f0-b197-1e91e994b900 does not have any available licenses.";
    let synced = "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects \
                  currently undergoing migration.";
    let weak = "The specified password does not comply with password complexity requirements. Please provide a different password.";
    let bad = "Request_BadRequest";
    for (status, code, message, expected, hint) in [
        (404, "Request_ResourceNotFound", missing, NotFound, "identity"),
        (
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
            AccessDenied,
            "User.ReadWrite.All",
        ),
        (
            400,
            bad,
            "License assignment cannot be done for user with invalid usage location.",
            InvalidInput,
            "usage_location",
        ),
        (400, bad, seats, RefusedByRule, "seat"),
        (
            400,
            bad,
            "Another object with the same value for property userPrincipalName already exists.",
            Conflict,
            "deleted",
        ),
        (400, bad, synced, RefusedByRule, "on-premises"),
        (400, bad, weak, InvalidInput, "password"),
        (400, bad, "Property netId is invalid.", InvalidInput, "value"),
        (409, "Directory_ConcurrencyViolation", "Please wait briefly and retry.", Transient, "later"),
        (
            400,
            bad,
            "User license is inherited from a group membership and it cannot be removed directly from the user.",
            RefusedByRule,
            "group",
        ),
        (418, "teapot", "?", ErrorClass::Internal, "not known"),
    ] {
        let (class, told) = class(status, code, message);
        assert!(class == expected && told.contains(hint), "{message}: {class}, {told}");
    }
    let detailed = json!({"error": {"code": "Request_UnprocessableEntity", "message": "The values have errors.",
        "details": [{"target": "mailNickname", "code": "PropertyConflict", "message": "Another object has it."}]}});
    assert_eq!(judged(422, &detailed).0, Conflict);
    assert_eq!(judged(403, &Json::Null).0, AccessDenied);
    let page = say(&mut talk(&all()), 400, None, &json!("<html>"));
    assert!(matches!(page, Step::Failed(Trouble::Unreadable(_))), "{page:?}");
    assert_eq!(refused("no such parameter".into(), "Get-MgUser").refusal().unwrap().class, InvalidInput);
}

/// As the documents of Graph show `assignedPlans` and `licenseAssignmentStates`.
#[test]
fn a_user_with_licences_of_both_kinds() {
    let group = "c14a7392-9a39-4b57-94f1-8f2c6a4b1d11";
    let f3 = "66b55226-6b4f-492c-910c-a3b7a3c9d993";
    let e5 = "c7df2760-2c81-4ef7-b578-5b5392b571df";
    let state = |sku: &str, group: Json, state: &str| json!({"skuId": sku, "assignedByGroup": group, "disabledPlans": [], "state": state, "error": "None"});
    let plan = |service: &str, id: &str, status: &str| json!({"assignedDateTime": "2016-10-02T12:13:14Z", "capabilityStatus": status, "service": service, "servicePlanId": id});
    let read = |plans: Json, states: Json| {
        let body = json!({"id": ID, "userPrincipalName": "ada@x.de", "accountEnabled": false, "usageLocation": "DE",
            "onPremisesSyncEnabled": true, "assignedLicenses": [{"disabledPlans": [], "skuId": E3}, {"disabledPlans": [], "skuId": f3}],
            "licenseAssignmentStates": states, "assignedPlans": plans});
        let call = Call::new("Get-MgUser").with("UserId", ID.into());
        let Step::Done(answer) = say(&mut talk(&call), 200, None, &body) else { panic!() };
        super::user(&answer.objects[0]).unwrap()
    };
    let foundation = plan("exchange", "113feb6c-3fe4-4440-bddc-54d774bf0318", "Enabled");
    let plan_2 = "efb87545-963c-4e0d-99df-69c6916d9eb0";
    let states = json!([
        state(E3, json!(group), "Active"),
        state(E3, Json::Null, "Active"),
        state(f3, json!(group), "Active"),
        state(e5, Json::Null, "Error")
    ]);
    let user = read(json!([foundation, plan("exchange", plan_2, "Enabled")]), states);
    let ids = |ids: &[&str]| ids.iter().map(|id| uuid::Uuid::try_parse(id).unwrap()).collect();
    assert_eq!((user.id.to_string().as_str(), user.usage_location.as_deref()), (ID, Some("DE")));
    assert_eq!((user.account_enabled, user.is_dir_synced, user.exchange), (false, true, true));
    assert_eq!((user.licences, user.direct, user.by_group), (ids(&[E3, f3]), ids(&[E3]), ids(&[E3, f3])));
    let user = read(
        json!([foundation, plan("exchange", plan_2, "Deleted"), plan("SharePoint", plan_2, "Enabled")]),
        json!([]),
    );
    assert_eq!((user.exchange, user.direct), (false, ids(&[E3, f3])));
    assert!(super::user(&Value::from("ada")).is_err());
}

#[test]
fn licences_and_their_seats() {
    let body = json!({"value": [
        {"capabilityStatus": "Enabled", "consumedUnits": 14, "skuId": E3, "skuPartNumber": "ENTERPRISEPACK",
         "prepaidUnits": {"enabled": 25, "suspended": 3, "warning": 5, "lockedOut": 0},
         "servicePlans": [{"servicePlanId": "8c7d2df8-86f0-4902-b2ed-a0458298f3b3", "servicePlanName": "EXCHANGE_S_ENTERPRISE"}]},
        {"capabilityStatus": "Suspended", "consumedUnits": 2, "skuId": ID, "skuPartNumber": "FLOW_FREE",
         "prepaidUnits": {"enabled": 0}, "servicePlans": [{"servicePlanId": "113feb6c-3fe4-4440-bddc-54d774bf0318",
         "servicePlanName": "EXCHANGE_S_FOUNDATION"}, {"servicePlanName": "EXCHANGE_ANALYTICS_GOV"}]}]});
    let call = Call::new("Get-MgSubscribedSku");
    let Step::Done(Answer { objects, .. }) = say(&mut talk(&call), 200, None, &body) else { panic!() };
    let [e3, flow] = [super::sku(&objects[0]).unwrap(), super::sku(&objects[1]).unwrap()];
    assert_eq!((e3.enabled, e3.consumed, e3.free(), e3.has_exchange), (30, 14, 16, true));
    assert!(e3.is("enterprisepack") && e3.is(&E3.to_uppercase()) && !e3.is(ID));
    assert_eq!((flow.free(), flow.has_exchange), (0, false));
    assert!(super::sku(&Value::Nil).is_err());
}

#[test]
fn depth_is_limited() {
    let call = all();
    let deep = format!("{{\"value\":[{}1{}]}}", "[".repeat(100), "]".repeat(100));
    let absurd = format!("{{\"value\":[{}", "[".repeat(1_000_000));
    for body in [deep, absurd] {
        let reply = Reply {
            status: 200,
            retry_after: None,
            challenge: None,
            diagnostics: None,
            body: body.as_bytes(),
        };
        talk(&call).receive(&Received { reply, location: None, cookies: Vec::new() }, SystemTime::UNIX_EPOCH);
    }
}
