//! Answers as the API's documentation shows them.

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::answer::{Engine, Refusal, read, token};
use super::http::{is_exposed, parse_address};
use super::*;

fn path(text: &str) -> VaultPath {
    text.parse().unwrap()
}

/// <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#sample-response-1>
const VERSIONED: &str = r#"{"data": {"data": {"foo": "bar"}, "metadata": {"created_time": "2018-03-22T02:24:06.945319214Z",
    "custom_metadata": {"owner": "jdoe", "mission_critical": "false"}, "deletion_time": "", "destroyed": false, "version": 2}}}"#;
/// <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v1#sample-response>
const PLAIN: &str = r#"{"auth": null, "data": {"foo": "bar", "ttl": "1h"}, "lease_duration": 3600, "lease_id": "", "renewable": false}"#;
/// <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version>
const DELETED: &str = r#"{"data": {"data": null, "metadata": {"created_time": "2018-03-22T02:24:06.945319214Z", "custom_metadata": null,
    "deletion_time": "2018-03-22T02:36:43.986212308Z", "destroyed": false, "version": 2}}}"#;
/// <https://developer.hashicorp.com/vault/api-docs/auth/approle#sample-response-12>
const LOGIN: &str = r#"{"auth": {"renewable": true, "lease_duration": 1200, "metadata": null, "token_policies": ["default"],
    "accessor": "fd6c9a00-d2dc-3b11-0be5-af7ae0e1d374", "client_token": "5b1a0318-679c-9c45-e5c6-d1b9a9035d49"},
    "warnings": null, "wrap_info": null, "data": null, "lease_duration": 0, "renewable": false, "lease_id": ""}"#;

#[test]
fn both_versions_and_a_sign_in_are_read_as_documented() {
    let mounted =
        |version| Engine::of(&json!({"data": {"path": "secret/", "type": "kv", "options": version}}));
    let v2 = mounted(json!({"version": "2"})).unwrap();
    let v1 = mounted(json!(null)).unwrap();
    let field = |engine: &Engine, text: &str| {
        engine
            .field(&read(200, text.as_bytes()).unwrap(), "foo")
            .map(|value| value.expose_secret().to_owned())
    };
    assert_eq!(field(&v2, VERSIONED), Ok("bar".into()));
    assert_eq!(field(&v1, PLAIN), Ok("bar".into()));
    assert_eq!(field(&v2, DELETED), Err(Refusal::Deleted("deleted")));
    assert_eq!(read(404, DELETED.as_bytes()), Err(Refusal::Deleted("deleted")));
    let none = v1.field(&read(200, PLAIN.as_bytes()).unwrap(), "password");
    assert_eq!(none.map(|_| ()), Err(Refusal::NoField(vec!["foo".into(), "ttl".into()])));
    let given = token(&read(200, LOGIN.as_bytes()).unwrap()).unwrap();
    assert_eq!(given.expose_secret(), "5b1a0318-679c-9c45-e5c6-d1b9a9035d49");
}

#[test]
fn the_server_says_how_far_the_mount_goes() {
    let segments = path("team/kv/idm/exchange#password").segments().to_vec();
    let mount = |path: &str| Engine::of(&json!({"data": {"path": path}})).unwrap();
    let (mounted, rest) =
        mount("team/kv/").split(&segments).map(|(a, b)| (a.join("/"), b.join("/"))).unwrap();
    assert_eq!((mounted.as_str(), rest.as_str()), ("team/kv", "idm/exchange"));
    assert_eq!(mount("team/kv/idm/exchange/").split(&segments), None, "nothing is left of the path");
    assert_eq!(mount("a/b/c/d/e/f/").split(&segments), None);
    assert!(Engine::of(&json!({"data": null})).is_err());
}

#[test]
fn every_refusal_is_told_with_what_helps() {
    let explained = |status: u16, body: &str| {
        let reason = read(status, body.as_bytes()).unwrap_err().explain(&path("secret/idm#password"));
        (reason.text, reason.hint.unwrap_or_default())
    };
    let (text, hint) = explained(403, r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#);
    assert!(
        text.contains("does not let this token read it: 1 error occurred: * permission denied"),
        "{text}"
    );
    assert!(hint.contains("\"read\" for secret/idm"), "{hint}");
    let (text, hint) = explained(404, r#"{"errors":[]}"#);
    assert!(text.contains("no such secret") && hint.contains("vault kv get secret/idm"), "{text} {hint}");
    let (text, hint) = explained(503, r#"{"errors":["Vault is sealed"]}"#);
    assert!(text.contains("sealed") && hint.contains("vault operator unseal"), "{text} {hint}");
    let (text, _) = explained(500, "<html>\u{1b}[31m");
    assert_eq!(text, "the vault answers with HTTP status 500");
    let long = format!("{{\"errors\":[\"{}\"]}}", "x".repeat(5000));
    assert!(explained(400, &long).0.len() < 300);
    let sign_in =
        read(400, br#"{"errors":["invalid role or secret ID"]}"#).unwrap_err().explain_login("approle");
    assert!(
        sign_in.text.contains("invalid role or secret ID") && sign_in.hint.unwrap().contains("secret id")
    );
}

#[test]
fn hostile_answers_are_errors() {
    let engine = Engine::first();
    for body in ["", "[]", "{", "null", "\"x\"", &"[".repeat(100_000)] {
        let answer = read(200, body.as_bytes());
        assert!(answer.and_then(|answer| engine.field(&answer, "foo").map(|_| ())).is_err(), "{body:.20}");
    }
    for value in [json!(1), json!(null), json!({"a": "b"}), json!("x".repeat(70_000))] {
        assert!(engine.field(&json!({"data": {"foo": value}}), "foo").is_err());
    }
}

#[test]
fn the_token_goes_to_this_machine_or_over_tls() {
    let exposed = |text: &str| is_exposed(&parse_address(text).unwrap());
    for safe in
        ["https://vault:8200", "http://127.0.0.1:8200", "http://[::1]:8200/", "http://localhost:8200/prefix"]
    {
        assert!(!exposed(safe), "{safe}");
    }
    for open in ["http://vault:8200", "http://10.0.0.1", "http://localhost.contoso.com"] {
        assert!(exposed(open), "{open}");
    }
    for wrong in ["vault:8200", "ftp://vault", "https://u:Canary-7c1f@vault", "https://vault/?x=1", ""] {
        let why = parse_address(wrong).unwrap_err();
        assert!(!why.contains("Canary"), "{why}");
    }
}
