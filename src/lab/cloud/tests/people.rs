//! People who sign in, and machines.

use super::*;

fn ask(bench: &mut Bench, fields: &[(&str, &str)]) -> (u16, Json) {
    let scope = format!("{}/.default offline_access", bench.tenant.hosts.main);
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("client_id", "phone").append_pair("scope", &scope);
    form.extend_pairs(fields);
    let target = format!("/{TENANT}/oauth2/v2.0/token");
    let answer = bench.ask(Host::Main, "POST", &target, &[], form.finish().as_bytes());
    (answer.status, read(&answer))
}

fn code(answer: &(u16, Json)) -> u64 {
    assert_eq!(answer.0, 400, "{}", answer.1);
    answer.1["error_codes"][0].as_u64().unwrap()
}

#[test]
fn a_password_where_there_is_no_second_factor() {
    let mut bench = Bench::new();
    let with = |user: &'static str, password: &'static str| {
        [("grant_type", "password"), ("username", user), ("password", password)]
    };
    assert_eq!(code(&ask(&mut bench, &with("ada@contoso.com", "wrong"))), 50_126);
    assert_eq!(code(&ask(&mut bench, &with("nobody@contoso.com", "Ada-1!pass"))), 50_126);
    assert_eq!(code(&ask(&mut bench, &with("bob@contoso.com", "Bob-1!pass"))), 50_076);
    let (status, granted) = ask(&mut bench, &with("ada@contoso.com", "Ada-1!pass"));
    assert_eq!(status, 200, "{granted}");
    let token = format!("Bearer {}", granted["access_token"].as_str().unwrap());
    let body = br#"{"CmdletInput":{"CmdletName":"Get-AcceptedDomain","Parameters":{}}}"#;
    for (anchor, expected) in [("UPN:ada@contoso.com", 200), ("UPN:bob@contoso.com", 400)] {
        let headers = [("Authorization", token.as_str()), ("X-AnchorMailbox", anchor)];
        let target = format!("/adminapi/beta/{TENANT}/InvokeCommand");
        assert_eq!(bench.ask(Host::Main, "POST", &target, &headers, body).status, expected);
    }
}

#[test]
fn a_code_is_good_once_and_a_refresh_token_until_the_next() {
    let mut bench = Bench::new();
    let back = "https://bridge.example/back";
    let target = format!(
        "/{TENANT}/oauth2/v2.0/authorize?client_id=phone&redirect_uri={back}&login_hint=ada@contoso.com&response_type=code"
    );
    let sent = bench.ask(Host::Main, "GET", &target, &[], b"");
    assert_eq!(sent.status, 302);
    let location = Url::parse(sent.header("Location").unwrap()).unwrap();
    let given = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let by_code = [("grant_type", "authorization_code"), ("code", given.as_str()), ("redirect_uri", back)];
    let (status, first) = ask(&mut bench, &by_code);
    assert_eq!(status, 200, "{first}");
    assert_eq!(code(&ask(&mut bench, &by_code)), 54_005);
    let refresh = |token: &Json| token["refresh_token"].as_str().unwrap().to_owned();
    let old = refresh(&first);
    let by_refresh = [("grant_type", "refresh_token"), ("refresh_token", old.as_str())];
    let (status, second) = ask(&mut bench, &by_refresh);
    assert_eq!(status, 200, "{second}");
    assert_ne!(refresh(&second), old);
    assert_eq!(ask(&mut bench, &by_refresh).0, 400, "the former one is dead");
    let next = refresh(&second);
    assert_eq!(ask(&mut bench, &[("grant_type", "refresh_token"), ("refresh_token", &next)]).0, 200);
}

#[test]
fn a_machine_has_an_identity() {
    let mut bench = Bench::new();
    let resource = bench.tenant.hosts.main.clone();
    let target = format!("/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}");
    assert_eq!(bench.ask(Host::Identity, "GET", &target, &[], b"").status, 400);
    let given = bench.ask(Host::Identity, "GET", &target, &[("Metadata", "true")], b"");
    assert_eq!(given.status, 200);
    assert!(read(&given)["expires_in"].is_string(), "numbers are texts there");
    let target = format!("/msi/token?api-version=2019-08-01&resource={resource}/");
    assert_eq!(bench.ask(Host::Identity, "GET", &target, &[], b"").status, 401);
    let shown = [("X-IDENTITY-HEADER", IDENTITY_HEADER)];
    assert_eq!(bench.ask(Host::Identity, "GET", &target, &shown, b"").status, 200);
}
