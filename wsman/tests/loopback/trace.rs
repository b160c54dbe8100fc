//! A trace shows everything but what is secret.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wsman::auth::{Credentials, Scheme};
use wsman::client::{
    Authentication, ConnectionConfig, Kerberos, KerberosSettings, Krb5ConfSource, PoolOptions, RunspacePool,
    Trace, TraceEntry, TraceSink,
};
use wsman::clixml::Value;
use wsman::psrp::Command;

use crate::lab::{PASSWORD, PRINCIPAL, Running, USER, echo, output};
use crate::raw::parrot;
use crate::tickets::{SPN, credentials, service, ticket};

const SECRET: &str = "Canary <&\"_x0041_ \u{1F511} wörd";
const ETYPE: wsman::auth::kerberos::EncryptionType = wsman::auth::kerberos::EncryptionType::Aes256Sha1;

/// What was traced.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

impl TraceSink for Kept {
    fn write(&self, entry: &TraceEntry<'_>) {
        let TraceEntry { exchange, connection, name, part, text } = entry;
        *self.0.lock().unwrap() += &format!("{exchange} {connection} {name} {part:?}\n{text}\n");
    }
}

impl Kept {
    fn all(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// The secret in no form, whatever stands before it.
#[track_caller]
pub fn holds_no(text: &str, secret: &str) {
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut forms = vec![secret.to_owned()];
    for bytes in [secret.as_bytes(), &utf16] {
        forms.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        for shift in 0..3 {
            let encoded = STANDARD.encode([&[0xA5; 3][..shift], bytes].concat());
            forms.push(encoded[2 * shift..encoded.len() - 4].to_owned());
        }
    }
    for form in forms {
        let place = text.to_lowercase().find(&form.to_lowercase());
        assert!(place.is_none(), "{form}: {}", &text[place.unwrap_or_default().saturating_sub(200)..]);
    }
}

/// No key, no token: nothing that is base64 and longer than an id.
#[track_caller]
fn holds_no_base64(text: &str) {
    let run =
        text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/".contains(c)).max_by_key(|run| run.len());
    assert!(run.is_none_or(|run| run.len() < 100 || run.trim_matches('x').is_empty()), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sign_in_is_traced_without_a_secret() {
    for (authentication, tls, mechanism) in [
        (Authentication::Basic, true, None),
        (Authentication::Ntlm, false, Some("NTLM")),
        (Authentication::Ntlm, true, Some("NTLM")),
        (Authentication::Negotiate, false, Some("NTLM")),
        (Authentication::Kerberos, false, Some("Kerberos")),
        (Authentication::Kerberos, true, Some("Kerberos")),
        (Authentication::CredSsp, false, Some("NTLM")),
        (Authentication::CredSsp, true, Some("NTLM")),
    ] {
        let lab = Running::start_with(|config| {
            config.kerberos = (authentication == Authentication::Kerberos).then(|| service(ETYPE, 7));
            if authentication == Authentication::CredSsp {
                config.schemes = vec![Scheme::CredSsp];
            }
        })
        .await;
        let kept = Kept::default();
        let krb5_conf = Krb5ConfSource::Text("[libdefaults]\ndns_lookup_kdc = false\n".into());
        let mut config = ConnectionConfig {
            authentication,
            kerberos: Kerberos::new(KerberosSettings { krb5_conf, ..KerberosSettings::default() }),
            trace: Some(Trace::new(kept.clone())),
            ..lab.config(tls)
        };
        if authentication == Authentication::Kerberos {
            config.credentials = credentials(ticket(ETYPE, 7, 36_000, 0));
            config.target_name = Some(SPN.into());
        }
        let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
        assert_eq!(output(&pool, echo(42)).await, [Value::Int32(42)]);
        // What a server echoes is nobody's doing but its own, and yet it is not shown.
        let command = Command::new("Get-Secret").parameter("Secret", Value::secure(SECRET));
        assert_eq!(output(&pool, command).await, [Value::from(SECRET)]);
        let key = STANDARD.encode(SECRET);
        let command = Command::new("Get-Echo").parameter("Value", Value::from(key.as_str()));
        assert_eq!(output(&pool, command).await, [Value::from(key.as_str())]);
        let command = Command::new("Get-Echo").parameter("Password", Value::from("in clear"));
        assert_eq!(output(&pool, command).await, [Value::Nil]);
        // More than one request and one answer carry.
        let long = Value::from("x".repeat(700_000).as_str());
        let command = Command::new("Get-Echo").parameter("Value", long.clone());
        assert_eq!(output(&pool, command).await, [long]);
        lab.finish(pool).await;

        let text = kept.all();
        let context = format!("{authentication:?} {tls}");
        for shown in [
            "SESSION_CAPABILITY",
            "CREATE_PIPELINE",
            "ENCRYPTED_SESSION_KEY",
            "PIPELINE_OUTPUT",
            "Get-Secret",
            "<I32>42</I32>",
            "<SS N=\"V\">***</SS>",
            "is shown where it ends",
            "POST /PowerShell?a=b HTTP/1.1",
            "host: ",
            "HTTP/1.1 200 OK",
        ] {
            assert!(
                text.contains(shown),
                "{context}: `{shown}` is not in\n{}",
                text.get(..20_000).unwrap_or(&text)
            );
        }
        let by_header =
            format!("authorization: {}", if tls && mechanism.is_none() { "Basic ***" } else { "" });
        assert!(text.contains(&by_header), "{context}");
        if let Some(mechanism) = mechanism {
            assert!(text.contains(&format!("signed in: {mechanism}")), "{context}");
        }
        assert_eq!(text.contains("[sealed: "), !tls, "{context}");
        for secret in [SECRET, PASSWORD, "in clear"] {
            holds_no(&text, secret);
        }
        holds_no_base64(&text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_traced_with_its_reason() {
    let lab = Running::start().await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/PowerShell", listener.local_addr().unwrap())
    };
    let untrusted = ConnectionConfig { tls: Default::default(), ..lab.config(true) };
    let wrong =
        ConnectionConfig { credentials: Credentials::new(USER, "Canary-wrong!"), ..lab.config(false) };
    let nobody = ConnectionConfig { url: closed, ..lab.config(false) };
    let no_ticket = ConnectionConfig {
        authentication: Authentication::Kerberos,
        credentials: Credentials::new(PRINCIPAL, "Canary-wrong!"),
        ..lab.config(false)
    };
    for (mut config, expected) in [
        (untrusted, "failed: no trusted TLS connection"),
        (wrong, "the sign-in failed: "),
        (nobody, "cannot be reached"),
        (no_ticket, "the sign-in failed: "),
    ] {
        let kept = Kept::default();
        config.trace = Some(Trace::new(kept.clone()));
        RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
        let text = kept.all();
        assert!(text.contains(expected), "{expected}:\n{text}");
        holds_no(&text, "Canary-wrong!");
        holds_no(&text, PASSWORD);
    }
    lab.server.shutdown().await;
}

/// A proxy that prints the request it got into its page shows the token of the sign-in, and the cookie it sets may be one.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_echoes_is_not_shown() {
    let basic = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let token = STANDARD.encode([3, 200, 97].repeat(50));
    let body = format!("<html>you sent: Basic {basic} and Negotiate {token}");
    let answer = format!(
        "HTTP/1.1 502 Bad Gateway\r\nSet-Cookie: session={token}; path=/\r\nX-Auth: {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let address = parrot(answer.leak()).await;
    let kept = Kept::default();
    let mut config = ConnectionConfig::new(
        format!("http://{address}/wsman?token=Canary"),
        Credentials::new(USER, PASSWORD),
    );
    config.authentication = Authentication::Ntlm;
    config.trace = Some(Trace::new(kept.clone()));
    RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
    let text = kept.all();
    assert!(
        text.contains("502 Bad Gateway") && text.contains("you sent") && text.contains("path=/"),
        "{text}"
    );
    assert!(text.contains("/wsman?token=*** "), "{text}");
    holds_no(&text, PASSWORD);
    holds_no_base64(&text);
}
