//! What goes wrong, and what one may not.

use super::invoke::PAGE_LIFETIME_MS;
use super::*;
use crate::lab::{Fault, FaultKind, HttpBody, HttpFault, Restrictions};

fn answer(status: u16) -> HttpFault {
    HttpFault { status, ..HttpFault::default() }
}

fn get(bench: &mut Bench) -> Response {
    let token = bench.token("bridge", Host::Main);
    call(bench, Host::Main, &token, "", br#"{"CmdletInput":{"CmdletName":"Get-Mailbox","Parameters":{}}}"#)
}

fn call(bench: &mut Bench, host: Host, token: &str, query: &str, body: &[u8]) -> Response {
    let anchor = format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}");
    let headers = [
        ("Authorization", token),
        ("X-AnchorMailbox", &anchor),
        ("Cookie", "exchangecookie=here"),
        ("Prefer", "odata.maxpagesize=1"),
    ];
    bench.ask(host, "POST", &format!("/adminapi/beta/{TENANT}/InvokeCommand{query}"), &headers, body)
}

const LIST: &[u8] =
    br#"{"CmdletInput":{"CmdletName":"Get-Mailbox","Parameters":{"ResultSize":"Unlimited"}}}"#;

#[test]
fn every_third_request_is_throttled() {
    let mut bench = Bench::new();
    let throttled = HttpFault { retry_after: Some("1.5".into()), ..answer(429) };
    bench.tenant.inject(Fault::every(Some("Get-Mailbox"), 3, 2, throttled));
    let statuses: Vec<u16> = (0..8).map(|_| get(&mut bench).status).collect();
    assert_eq!(statuses, [200, 200, 429, 200, 200, 429, 200, 200]);
}

#[test]
fn the_variants_of_an_answer() {
    let mut bench = Bench::new();
    let mut with = |fault: HttpFault| {
        bench.tenant.inject(Fault::every(Some("Get-Mailbox"), 1, 1, fault));
        get(&mut bench)
    };
    let dated = with(HttpFault { retry_after: Some("date".into()), ..answer(503) });
    // 1800000002 s is 2027-01-15T08:00:02Z (GNU date).
    assert_eq!(dated.header("Retry-After"), Some("Fri, 15 Jan 2027 08:00:02 GMT"));
    let challenged = with(HttpFault { claims: Some("e30=".into()), ..answer(401) });
    assert!(challenged.header("WWW-Authenticate").unwrap().contains("claims=\"e30=\""));
    assert_eq!(with(HttpFault { body: HttpBody::Zeros, ..answer(403) }).body, [0; 4096]);
    assert!(with(HttpFault { body: HttpBody::Page, ..answer(200) }).body.starts_with(b"<!DOCTYPE"));
    let full = with(HttpFault { body: HttpBody::Concurrency, ..answer(200) });
    assert!(
        String::from_utf8(full.body).unwrap().contains("maximum number of concurrent requests per tenant")
    );
    assert_eq!(with(HttpFault { body: HttpBody::Reset, ..answer(200) }).ending, Ending::Reset);
    let half = with(HttpFault { body: HttpBody::Truncated, ..answer(200) });
    assert_eq!(half.ending, Ending::Truncated);
    assert!(half.body.starts_with(b"{") && read(&half).is_null());
    let told = with(HttpFault { body: HttpBody::Errors(vec!["|T|odd".into()]), ..answer(200) });
    assert_eq!(read(&told)["@adminapi.errors"], json!(["|T|odd"]));
}

#[test]
fn what_was_done_before_the_answer_was_lost_is_done() {
    let mut bench = Bench::new();
    let fault = HttpFault { after_work: true, ..answer(504) };
    bench.tenant.inject(Fault::every(Some("New-Mailbox"), 1, 1, fault.clone()));
    bench.tenant.inject(Fault::every(Some("Update-MgUser"), 1, 1, fault));
    assert_eq!(bench.invoke("New-Mailbox", json!({"Name": "info", "Shared": true})).0, 504);
    assert_eq!(bench.done("Get-Mailbox", json!({"Identity": "info"})).len(), 1);
    let location = json!({"usageLocation": "DE"});
    assert_eq!(bench.graph("PATCH", "/v1.0/users/ada@contoso.com", location).0, 504);
    let (_, ada) = bench.graph("GET", "/v1.0/users/ada@contoso.com?$select=usageLocation", Json::Null);
    assert_eq!(ada["usageLocation"], "DE");
}

#[test]
fn roles_hide_cmdlets_and_parameters() {
    let mut bench = Bench::new();
    let hidden = Restrictions {
        hidden_cmdlets: vec!["Remove-Mailbox".into()],
        hidden_parameters: [("Set-Mailbox".to_owned(), vec!["Type".to_owned()])].into(),
        ..Restrictions::default()
    };
    bench.tenant.issuer.applications[0].restrictions = hidden;
    let token = bench.token("bridge", Host::Main);
    let body = br#"{"CmdletInput":{"CmdletName":"Remove-Mailbox","Parameters":{"Identity":"zoe"}}}"#;
    let refused = call(&mut bench, Host::Main, &token, "", body);
    assert_eq!((refused.status, refused.body.as_slice()), (403, [0; 4096].as_slice()));
    assert!(refused.header("x-ms-diagnostics").is_some());
    let (status, text) = bench.refused("Set-Mailbox", json!({"Identity": "zoe", "Type": "Room"}));
    assert_eq!(status, 400);
    assert!(text.contains("aren't present in the role definition"), "{text}");
    assert_eq!(bench.invoke("Get-Mailbox", json!({"Identity": "zoe"})).0, 200);
    bench.tenant.issuer.applications[0].restrictions.hidden_cmdlets = vec!["*".into()];
    assert_eq!(bench.invoke("Get-Mailbox", json!({"Identity": "zoe"})).0, 403);
}

/// A list that has begun, and the query of the link to its next page.
fn begun(bench: &mut Bench, token: &str) -> String {
    let first = read(&call(bench, Host::Main, token, "", LIST));
    let link = Url::parse(first["@odata.nextLink"].as_str().unwrap()).unwrap();
    format!("?{}", link.query().unwrap())
}

#[track_caller]
fn is_torn(answer: &Response) {
    let json = read(answer);
    let text = json.pointer("/error/innererror/internalexception/message").map(Json::to_string);
    assert!(text.is_some_and(|text| text.contains("Expired or Invalid pagination request")), "{json}");
}

#[test]
fn pages_are_bound_to_what_began_them() {
    let mut bench = Bench::new();
    let token = bench.token("bridge", Host::Main);
    let query = begun(&mut bench, &token);
    for _ in 0..2 {
        let second = read(&call(&mut bench, Host::Main, &token, &query, LIST));
        assert_eq!(
            second["value"].as_array().unwrap().len(),
            1,
            "an answer that was lost is asked for again"
        );
    }
    let other = br#"{"CmdletInput":{"CmdletName":"Get-Mailbox","Parameters":{}}}"#;
    is_torn(&call(&mut bench, Host::Main, &token, &query, other));
    bench.now += PAGE_LIFETIME_MS;
    is_torn(&call(&mut bench, Host::Main, &token, &query, LIST));
    bench.tenant.behave(Behaviour { pages_without_affinity: true, ..Behaviour::default() });
    let query = begun(&mut bench, &token);
    is_torn(&call(&mut bench, Host::Main, &token, &query, LIST));
}

#[test]
fn the_main_host_sends_its_clients_elsewhere() {
    let mut bench = Bench::new();
    let token = bench.token("bridge", Host::Main);
    let body = br#"{"CmdletInput":{"CmdletName":"Get-AcceptedDomain","Parameters":{}}}"#;
    for (redirect, start) in [
        (Redirect::Regional, "https://regional.test/adminapi/"),
        (Redirect::Port446, "https://regional.test:446/adminapi/"),
        (Redirect::Hostile, "https://hostile.test/adminapi/"),
    ] {
        bench.tenant.behave(Behaviour { redirect: Some(redirect), ..Behaviour::default() });
        let answer = call(&mut bench, Host::Main, &token, "", body);
        assert_eq!(answer.status, 302);
        assert!(answer.header("Location").unwrap().starts_with(start), "{:?}", answer.headers);
    }
    assert_eq!(call(&mut bench, Host::Regional, &token, "", body).status, 200);
    assert_eq!(call(&mut bench, Host::Regional, "", "", body).status, 401);
}

#[test]
fn any_answer_for_one_object() {
    let mut bench = Bench::new();
    let refusal = json!({"error": {"code": "Odd", "message": "not for zoe"}});
    let fault = HttpFault {
        headers: [("x-ms-diagnostics".to_owned(), "7;reason=\"odd\"".to_owned())].into(),
        body: HttpBody::Json(refusal.clone()),
        ..answer(418)
    };
    let kind = FaultKind::Http(fault);
    bench.tenant.inject(Fault { identity: Some("ZOE".into()), ..Fault::once("Get-Mailbox", kind.clone()) });
    bench
        .tenant
        .inject(Fault { identity: Some("ada@contoso.com".into()), ..Fault::once("Update-MgUser", kind) });
    assert_eq!(bench.invoke("Get-Mailbox", json!({"Identity": "nobody"})).0, 404);
    assert_eq!(bench.invoke("Get-Mailbox", json!({"Identity": "zoe"})), (418, refusal));
    assert_eq!(bench.invoke("Get-Mailbox", json!({"Identity": "zoe"})).0, 200);
    let location = json!({"usageLocation": "DE"});
    assert_eq!(bench.graph("PATCH", "/v1.0/users/bob@contoso.com", location.clone()).0, 204);
    assert_eq!(bench.graph("PATCH", "/v1.0/users/ada%40contoso.com", location).0, 418);
}

#[test]
fn a_challenge_is_met_by_a_token_that_was_asked_with_its_claims() {
    let mut bench = Bench::new();
    // base64(1) of {"access_token":{"nbf":{"essential":true}}}
    let claims = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ==";
    let fault = HttpFault { claims: Some(claims.into()), ..answer(401) };
    bench.tenant.inject(Fault::every(Some("Get-Mailbox"), 1, 1, fault));
    assert_eq!(get(&mut bench).status, 401);
    let again = get(&mut bench);
    assert_eq!(again.status, 401, "a token like the last one is no better");
    assert!(again.header("WWW-Authenticate").unwrap().contains(claims));
    for (asked, status) in [
        ("{\"access_token\":{\"nbf\":{\"essential\":false}}}", 401),
        ("{\"access_token\":{}}", 401),
        ("{\"access_token\":{\"nbf\":{\"essential\":true},\"xms_cc\":{\"values\":[\"cp1\"]}}}", 200),
    ] {
        let token = bench.token_with("bridge", Host::Main, Some(asked));
        assert_eq!(call(&mut bench, Host::Main, &token, "", LIST).status, status, "{asked}");
    }
    // Graph has asked for nothing.
    assert_eq!(bench.graph("GET", "/v1.0/users/ada@contoso.com", Json::Null).0, 200);
}
