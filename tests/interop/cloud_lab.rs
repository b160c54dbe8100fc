//! The tenant of the lab against a client on Python's `cryptography`: what it takes for an assertion and for an encrypted
//! password is what others make.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use mailwright::lab::{self, Faults, Seed, ServeOptions};
use serde_json::{Value as Json, json};

use crate::python;

/// Runs the script: its output.
fn script(python: &Path, what: &str, folder: &Path, input: &str) -> String {
    let mut child = Command::new(python)
        .arg(python::script("cloud_lab.py"))
        .arg(what)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn assertions_are_verified_and_passwords_decrypted_as_others_make_them() {
    let Some(python) = python::interpreter() else { return };
    let folder = tempfile::tempdir().unwrap();
    script(python, "make", folder.path(), "");
    let log = folder.path().join("lab.log");
    let options = ServeOptions {
        log: Some(log.clone()),
        dump: Some(folder.path().join("dump.json")),
        application_certificates: vec![std::fs::read(folder.path().join("cert.der")).unwrap()],
        ..ServeOptions::default()
    };
    let rotates = json!({"cloud": [{"cmdlet": "New-Mailbox", "after": 1, "kind": "rotate_key"}]});
    let faults: Faults = serde_json::from_value(rotates).unwrap();
    let running = lab::serve(Seed::generated(1).with_faults(faults), options).await.unwrap();
    let cloud = running.cloud();
    let place = json!({
        "url": cloud.base_url(),
        "tenant": cloud.tenant(),
        "application": cloud.application(),
        "public": cloud.public_application(),
        "ca_pem": running.ca_pem(),
    });
    let output = tokio::task::spawn_blocking({
        let (python, folder) = (python.to_owned(), folder.path().to_owned());
        move || script(&python, "ask", &folder, &place.to_string())
    });
    let mut told: Json = serde_json::from_str(&output.await.unwrap()).unwrap();
    let password = told["password"].take().as_str().unwrap().to_owned();
    assert_eq!(
        told,
        json!({
            "good": 200, "again": 50196, "weak": 200, "audience": 700_027, "issuer": 700_027, "expired": 700_024,
            "early": 700_024, "skewed": 200, "long": 700_024, "stranger": 700_027, "torn": 700_027,
            "encrypted": 200, "signs in": 200, "another password": 50126, "former key": [400, true, false],
            "plain": 400, "new key": 200, "bob signs in": 200, "password": null,
        })
    );
    running.shutdown().await.unwrap();
    for file in ["lab.log", "dump.json"] {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(!text.contains(&password), "{file}");
    }
}
