//! Certificates and assertions against openssl, which shares no code with what is tested; answers of the directory.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::answer::granted;
use super::assertion::{Claims, assertion, payload};
use super::certificate::{CertificateError, Thumbprint};
use super::*;

/// Runs openssl in a folder; none where it is not installed.
fn openssl(folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let ran = match Command::new("openssl").current_dir(folder).args(arguments).output() {
        Ok(ran) => ran,
        Err(error) => {
            assert!(std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_none(), "openssl: {error}");
            println!(
                "SKIPPED: openssl is not installed: certificates are not checked by another implementation"
            );
            return None;
        }
    };
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    Some(ran.stdout)
}

/// `cert.pem` and `key.pem`.
fn certificate(folder: &Path, key: &str, days: &str) -> Option<()> {
    openssl(
        folder,
        &[
            "req",
            "-x509",
            "-newkey",
            key,
            "-nodes",
            "-subj",
            "/CN=bridge",
            "-days",
            days,
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ],
    )
    .map(|_| ())
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn both(folder: &Path) -> Vec<u8> {
    [read(folder, "key.pem"), read(folder, "cert.pem")].concat()
}

#[test]
fn pem_and_both_generations_of_pfx_give_the_same_certificate() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    if certificate(folder, "rsa:2048", "30").is_none() {
        return;
    }
    let plain = Certificate::parse(&both(folder), None).unwrap();
    let fingerprint =
        openssl(folder, &["x509", "-in", "cert.pem", "-noout", "-fingerprint", "-sha1"]).unwrap();
    let (_, sha1) = String::from_utf8(fingerprint)
        .unwrap()
        .trim()
        .split_once('=')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(plain.has(&sha1.parse().unwrap()));
    assert!(plain.has(&format!("\u{200e}{}", sha1.replace(':', " ").to_lowercase()).parse().unwrap()));

    let password = SecretString::from("Canary-pfx 1!");
    let base = [
        "pkcs12",
        "-export",
        "-inkey",
        "key.pem",
        "-in",
        "cert.pem",
        "-passout",
        "pass:Canary-pfx 1!",
        "-out",
    ];
    openssl(folder, &[&base[..], &["new.pfx"]].concat());
    let old = ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-legacy"];
    openssl(folder, &[&base[..], &["old.pfx"], &old].concat());
    // As Windows exports it.
    let windows = ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-RC2-40", "-macalg", "sha1", "-legacy"];
    openssl(folder, &[&base[..], &["windows.pfx"], &windows].concat());
    for name in ["new.pfx", "old.pfx", "windows.pfx"] {
        let pfx = Certificate::parse(&read(folder, name), Some(&password))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(pfx.sha256(), plain.sha256(), "{name}");
        for wrong in [None, Some(SecretString::from("wrong"))] {
            assert_eq!(
                Certificate::parse(&read(folder, name), wrong.as_ref()).unwrap_err(),
                CertificateError::Password,
                "{name}"
            );
        }
    }
    openssl(
        folder,
        &[
            "pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-passout", "pass:", "-out",
            "open.pfx",
        ],
    );
    assert_eq!(Certificate::parse(&read(folder, "open.pfx"), None).unwrap().sha256(), plain.sha256());
    openssl(folder, &["rsa", "-in", "key.pem", "-traditional", "-out", "key1.pem"]);
    let traditional = [read(folder, "cert.pem"), read(folder, "key1.pem")].concat();
    assert_eq!(Certificate::parse(&traditional, None).unwrap().sha256(), plain.sha256());
    assert!(!format!("{plain:?}").contains("PRIVATE"));
}

#[test]
fn what_cannot_sign_in() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    if certificate(folder, "rsa:2048", "1").is_none() {
        return;
    }
    let good = both(folder);
    let parsed = Certificate::parse(&good, None).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(parsed.check(now), Ok(()));
    assert_eq!(parsed.check(now + 2 * 86_400), Err(CertificateError::Expired));
    assert_eq!(parsed.check(now - 2 * 86_400), Err(CertificateError::NotYet));
    assert_eq!(Certificate::parse(&read(folder, "cert.pem"), None).unwrap_err(), CertificateError::NoKey);
    let (certificate_of_one, one) = (read(folder, "cert.pem"), Thumbprint::Sha256(parsed.sha256()));

    certificate(folder, "rsa:2048", "1");
    let crossed = [certificate_of_one, read(folder, "key.pem")].concat();
    assert_eq!(Certificate::parse(&crossed, None).unwrap_err(), CertificateError::AnotherKey);
    let other = both(folder);
    let chosen = Certificate::choose([other.clone(), b"readme".to_vec(), good.clone()], &one, None).unwrap();
    assert_eq!(chosen.sha256(), parsed.sha256());
    assert_eq!(
        Certificate::choose([good.clone(), good], &one, None).unwrap_err(),
        CertificateError::Several(2)
    );
    assert!(matches!(Certificate::choose([other], &one, None), Err(CertificateError::NoMatch(_))));

    openssl(folder, &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.pem"]);
    openssl(folder, &["req", "-x509", "-key", "ec.pem", "-subj", "/CN=ec", "-out", "eccert.pem"]);
    let curve = [read(folder, "ec.pem"), read(folder, "eccert.pem")].concat();
    assert_eq!(Certificate::parse(&curve, None).unwrap_err(), CertificateError::NotRsa);
    let told = openssl(folder, &["x509", "-in", "eccert.pem", "-noout", "-fingerprint", "-sha256"]).unwrap();
    let (_, ec) = std::str::from_utf8(&told).unwrap().trim().split_once('=').unwrap();
    let ec: Thumbprint = ec.parse().unwrap();
    assert_eq!(Certificate::choose([both(folder), curve], &ec, None).unwrap_err(), CertificateError::NotRsa);
    for bytes in [
        &b""[..],
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert!(matches!(
            Certificate::parse(bytes, None),
            Err(CertificateError::Unreadable(_) | CertificateError::NoKey)
        ));
    }
    for text in ["", "12", "zz", &"0".repeat(41), "0x00"] {
        assert!(text.parse::<Thumbprint>().is_err(), "{text}");
    }
}

/// RFC 7515 5.1, verified by openssl.
#[test]
fn an_assertion_is_signed_as_ps256_says() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    if certificate(folder, "rsa:2048", "30").is_none() {
        return;
    }
    let signer = Certificate::parse(&both(folder), None).unwrap();
    let claims = Claims {
        audience: "https://login.example/t/oauth2/v2.0/token",
        client: "app",
        id: Uuid::from_u128(7),
        now: 1_800_000_000,
    };
    let assertion = assertion(&claims, &signer).unwrap();
    let (signed, signature) = assertion.expose_secret().rsplit_once('.').unwrap();
    std::fs::write(folder.join("signed"), signed).unwrap();
    std::fs::write(folder.join("signature"), URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    openssl(folder, &["x509", "-in", "cert.pem", "-pubkey", "-noout", "-out", "public.pem"]);
    let pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
    let verify = ["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"];
    let told = openssl(folder, &[&verify[..], &pss, &["signed"]].concat()).unwrap();
    assert_eq!(String::from_utf8(told).unwrap().trim(), "Verified OK");

    let header: Json =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("PS256"), &json!("JWT")));
    let body = payload(assertion.expose_secret()).unwrap();
    assert_eq!((&body["iss"], &body["sub"]), (&json!("app"), &json!("app")));
    assert_eq!(body["aud"], claims.audience);
    let life = body["exp"].as_u64().unwrap() - body["nbf"].as_u64().unwrap();
    assert!(
        life <= 600
            && body["exp"].as_u64().unwrap() > claims.now
            && body["nbf"].as_u64().unwrap() < claims.now
    );
}

#[test]
fn answers_of_the_directory() {
    let answer =
        |status, body: Json| granted(status, body.to_string().as_bytes(), 1_700_000_000, Some(1_700_000_661));
    let good = answer(
        200,
        json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "t", "refresh_token": "r"}),
    )
    .unwrap();
    assert_eq!((good.lifetime.as_secs(), good.access.expose_secret()), (3599, "t"));
    assert_eq!(good.usable().as_secs(), 3299);
    assert_eq!(good.refresh.unwrap().expose_secret(), "r");
    let short = answer(200, json!({"expires_in": 60, "access_token": "t"})).unwrap();
    assert_eq!(short.usable().as_secs(), 30);
    let identity = answer(200, json!({"expires_in": "86399", "access_token": "t"})).unwrap();
    assert_eq!(identity.lifetime.as_secs(), 86_399);
    // App Service.
    let service =
        answer(200, json!({"expires_on": "1700003600", "access_token": "t", "token_type": "Bearer"}));
    assert_eq!(service.unwrap().lifetime.as_secs(), 3600);

    let refused = |code: u32, status| {
        let body = json!({"error": "invalid_client", "error_codes": [code],
            "error_description": format!("AADSTS{code}: No.\r\nTrace ID: 1\r\nCorrelation ID: 2")});
        answer(status, body).unwrap_err()
    };
    let error = refused(700_027, 401);
    assert!(error.is_rotation() && error.hint().is_some());
    assert_eq!(error.to_string(), "the directory refuses the application: AADSTS700027: No.");
    for code in [7_000_215, 700_024, 700_016, 90_002, 500_011, 50_076, 50_079, 50_126, 65_001, 700_082] {
        assert!(refused(code, 400).hint().is_some(), "{code}");
    }
    let clock = refused(700_024, 401);
    assert!(matches!(clock, TokenError::Clock { ahead: Some(-661), .. }), "{clock:?}");
    assert!(
        clock.to_string().ends_with("this machine's clock is 11:01 minutes behind the directory's"),
        "{clock}"
    );
    assert!(matches!(refused(1, 503), TokenError::Later { .. }));
    assert!(matches!(granted(502, b"<html>", 0, None), Err(TokenError::Later { .. })));
    for (status, body) in
        [(200, &b""[..]), (200, b"{}"), (200, b"{\"access_token\":\"\"}"), (404, b"<html>"), (200, b"[1]")]
    {
        assert!(matches!(granted(status, body, 0, None), Err(TokenError::Unreadable(_))), "{status}");
    }
}
