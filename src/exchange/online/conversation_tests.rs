//! Conversations with a service that is told here what to say.

use serde_json::{Value as Json, json};

use super::*;
use crate::exchange::online::failure::Reply;

fn site() -> Site {
    Site {
        url: Url::parse("https://outlook.office365.com/adminapi/beta/t/InvokeCommand").unwrap(),
        module: Url::parse("https://outlook.office365.com/AdminApi/v1.0/t/EXOModuleFile?Version=3.9.2")
            .unwrap(),
        anchor: "APP:x@t".into(),
        connection_id: "c".into(),
        redirect_hosts: Vec::new(),
    }
}

fn talk(site: &Site, limit: Option<usize>, streams: bool) -> Conversation<'_> {
    Conversation::new(site, "Get-Mailbox", b"{}".to_vec().into(), "r".into(), limit, streams)
}

fn say(
    talk: &mut Conversation<'_>,
    status: u16,
    body: &Json,
    location: Option<&str>,
    cookies: &[&str],
) -> Step {
    let body = body.to_string();
    let reply =
        Reply { status, retry_after: None, challenge: None, diagnostics: None, body: body.as_bytes() };
    talk.receive(&Received { reply, location, cookies: cookies.to_vec() }, SystemTime::UNIX_EPOCH)
}

fn page(numbers: std::ops::Range<i32>, next: Option<&str>) -> Json {
    let value: Vec<Json> = numbers.map(|number| json!({"N": number})).collect();
    match next {
        Some(next) => json!({"value": value, "@odata.nextLink": next}),
        None => json!({"value": value}),
    }
}

fn expired() -> Json {
    json!({"error": {"innererror": {"internalexception": {"message": "Expired or Invalid pagination request."}}}})
}

fn header<'a>(request: &'a Request<'_>, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(held, _)| *held == name).map(|(_, value)| value.as_str())
}

const PAGE_2: &str = "https://outlook.office365.com/adminapi/beta/t/InvokeCommand?%24skiptoken=2";

#[track_caller]
fn numbers(step: Step) -> Vec<i32> {
    let Step::Done(answer) = step else { panic!("{step:?}") };
    assert_eq!(answer.outcome, Outcome::Completed);
    answer.objects.iter().map(|object| object.get("N").unwrap().as_i32().unwrap()).collect()
}

#[test]
fn pages_are_asked_for_with_the_same_anchor_body_and_cookies() {
    let site = site();
    let mut talk = talk(&site, None, false);
    assert_eq!(header(&talk.request(), "Cookie"), None);
    let cookies = ["exchangecookie=abc; path=/; secure", "X-Aff=1"];
    assert_eq!(say(&mut talk, 200, &page(0..2, Some(PAGE_2)), None, &cookies), Step::Send);
    let second = talk.request();
    assert_eq!((second.url.as_str(), second.body), (PAGE_2, &b"{}"[..]));
    assert_eq!(header(&second, "Cookie"), Some("X-Aff=1; exchangecookie=abc"));
    assert_eq!(header(&second, "X-AnchorMailbox"), Some("APP:x@t"));
    assert_eq!(header(&second, "Prefer"), Some("odata.maxpagesize=1000"));
    assert_eq!(numbers(say(&mut talk, 200, &page(2..3, None), None, &[])), [0, 1, 2]);
}

#[test]
fn a_page_that_expired_is_asked_for_from_the_beginning_once() {
    let site = site();
    let mut talk = talk(&site, None, false);
    say(&mut talk, 200, &page(0..2, Some(PAGE_2)), None, &[]);
    assert_eq!(say(&mut talk, 400, &expired(), None, &[]), Step::Send);
    assert_eq!(talk.request().url, &site.url);
    assert_eq!(say(&mut talk, 200, &page(0..2, Some(PAGE_2)), None, &[]), Step::Send);
    assert_eq!(say(&mut talk, 400, &expired(), None, &[]), Step::Failed(Trouble::Torn));
}

/// A short list would be taken for all there is.
#[test]
fn half_of_a_list_is_no_list() {
    let site = site();
    for (status, body) in
        [(503, json!(null)), (200, json!({})), (200, json!({"value": 1})), (429, json!(null))]
    {
        let mut talk = talk(&site, None, false);
        say(&mut talk, 200, &page(0..2, Some(PAGE_2)), None, &[]);
        assert!(matches!(say(&mut talk, status, &body, None, &[]), Step::Failed(_)), "{status} {body}");
    }
    // What was handed over cannot be taken back.
    let mut talk = talk(&site, None, true);
    say(&mut talk, 200, &page(0..2, Some(PAGE_2)), None, &[]);
    assert_eq!(talk.take_objects().len(), 2);
    assert_eq!(say(&mut talk, 400, &expired(), None, &[]), Step::Failed(Trouble::Torn));
}

#[test]
fn a_limit_ends_the_list_on_this_side() {
    let site = site();
    let mut talk = talk(&site, Some(3), false);
    say(&mut talk, 200, &page(0..2, Some(PAGE_2)), None, &[]);
    let mut more = page(2..4, Some(PAGE_2));
    more["@adminapi.warnings"] =
        json!(["There are more results available than are currently displayed. ..."]);
    let step = say(&mut talk, 200, &more, None, &[]);
    assert!(matches!(&step, Step::Done(answer) if answer.warnings.is_empty()));
    assert_eq!(numbers(step), [0, 1, 2]);
}

#[test]
fn a_token_is_renewed_once_with_the_claims_that_are_asked_for() {
    let site = site();
    let mut talk = talk(&site, None, false);
    assert_eq!(say(&mut talk, 401, &json!(null), None, &[]), Step::NewToken { claims: None });
    assert_eq!(say(&mut talk, 401, &json!(null), None, &[]), Step::Failed(Trouble::Unauthorized));
}

#[test]
fn a_redirection_is_followed_to_the_service_and_nowhere_else() {
    let site = site();
    let mut talk = talk(&site, None, false);
    let regional = "https://nam13b.ps.outlook.com:446/adminapi/beta/t/InvokeCommand";
    assert_eq!(say(&mut talk, 302, &json!(null), Some(regional), &["a=1"]), Step::Send);
    let request = talk.request();
    assert_eq!(request.url.as_str(), "https://nam13b.ps.outlook.com/adminapi/beta/t/InvokeCommand");
    assert_eq!(header(&request, "Cookie"), None, "a cookie is for the host that set it");
    let evil = say(&mut talk, 302, &json!(null), Some("https://evil.example/"), &[]);
    assert_eq!(evil, Step::Failed(Trouble::Elsewhere("evil.example".into())));
    let mut talk = self::talk(&site, None, false);
    let mut last = Step::Send;
    for _ in 0..10 {
        last = say(&mut talk, 302, &json!(null), Some("/again"), &[]);
    }
    assert!(matches!(last, Step::Failed(Trouble::Elsewhere(_))));
    let mut talk = self::talk(&site, None, false);
    let next = page(0..1, Some("https://evil.example/steal"));
    assert!(matches!(say(&mut talk, 200, &next, None, &[]), Step::Failed(Trouble::Elsewhere(_))));
}

#[test]
fn what_exchange_refuses_is_an_answer() {
    let site = site();
    let mut talk = talk(&site, None, false);
    let body =
        json!({"error": {"details": [{"message": "Ex6F9304|X.ManagementObjectNotFoundException|gone"}]}});
    let Step::Done(answer) = say(&mut talk, 404, &body, None, &[]) else { panic!() };
    assert!(answer.is_not_found());
    let mut talk = self::talk(&site, None, false);
    let body = json!({"value": [], "@adminapi.errors": ["|X.ManagementObjectNotFoundException|gone"]});
    let Step::Done(answer) = say(&mut talk, 200, &body, None, &[]) else { panic!() };
    assert!(answer.is_not_found());
}

#[test]
fn cookies_are_limited() {
    let site = site();
    let mut talk = talk(&site, None, false);
    let many: Vec<String> = (0..500).map(|n| format!("c{n}=v")).collect();
    let mut all: Vec<&str> = many.iter().map(String::as_str).collect();
    all.push("bad=a\r\nX-Evil: 1");
    say(&mut talk, 200, &page(0..1, Some(PAGE_2)), None, &all);
    let line = header(&talk.request(), "Cookie").unwrap().to_owned();
    assert!(line.split("; ").count() <= 50 && !line.contains("Evil"), "{line}");
}

/// The module is asked for under the same rules of anchor, cookies and redirections.
#[test]
fn the_module_comes_in_the_same_envelope() {
    let site = site();
    let mut talk = Conversation::module(&site, "r".into());
    let request = talk.request();
    assert_eq!((request.method.as_str(), request.url, request.body), ("GET", &site.module, &b""[..]));
    assert_eq!(
        (header(&request, "CommandName"), header(&request, "X-AnchorMailbox")),
        (Some("*"), Some("APP:x@t"))
    );
    assert_eq!((header(&request, "X-CmdletName"), header(&request, "Content-Type")), (None, None));
    let regional = "https://nam1.outlook.com/AdminApi/v1.0/t/EXOModuleFile?Version=3.9.2";
    assert_eq!(say(&mut talk, 302, &json!({}), Some(regional), &[]), Step::Send);
    assert_eq!(talk.request().url.as_str(), regional);
    let Step::Done(answer) = say(&mut talk, 200, &json!({"value": [{"fileContent": "x"}]}), None, &[]) else {
        panic!()
    };
    assert_eq!(answer.objects.len(), 1);
}
