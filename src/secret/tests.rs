use super::*;

const CANARY: &str = "Canary-7c1f!pw";

async fn fetch(reference: SecretRef) -> Result<SecretString, SecretError> {
    Secrets::default().fetch(&reference).await
}

#[test]
fn references_are_read_and_written() {
    for text in [
        "env:A",
        "file:/etc/x",
        "cred:a",
        "exec:[\"a\",\"b c\"]",
        "keyring:s/t/u",
        "age:/etc/s.age#k",
        "vault:m/p/q#f",
    ] {
        assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
    }
    let malformed = [
        "env:",
        "exec:pass show",
        "exec:[]",
        "cred:../x",
        "vault:",
        "keyring:service",
        "keyring:/user",
        "age:file",
        "vault:m#f",
        "vault:m/p",
        "vault:m/p#",
        "vault:m//p#f",
        "vault:/m/p#f",
        "vault:m/../sys/x#f",
        "vault:m/p/#f",
        "vault:m/p\n#f",
    ];
    for text in malformed {
        assert!(matches!(text.parse::<SecretRef>(), Err(SecretError::Malformed(_))), "{text}");
    }
}

#[test]
fn a_plain_value_is_refused_and_not_repeated() {
    for text in [CANARY.to_owned(), format!("pw:{CANARY}")] {
        let error = text.parse::<SecretRef>().unwrap_err();
        assert!(matches!(error, SecretError::NotAReference));
        assert!(!format!("{error} {error:?} {}", error.hint()).contains(CANARY));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_must_be_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, format!("{CANARY}\r\nsecond line")).unwrap();
    for mode in [0o644, 0o640, 0o604] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = fetch(SecretRef::File(path.clone())).await.unwrap_err();
        assert!(error.hint().contains("chmod 600") && !error.to_string().contains(CANARY), "{error}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fetch(SecretRef::File(path)).await.unwrap().expose_secret(), CANARY);
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_gives_its_first_line() {
    let run = |script: &str| fetch(SecretRef::Exec(vec!["sh".into(), "-c".into(), script.into()]));
    assert_eq!(run("echo one; echo two").await.unwrap().expose_secret(), "one");
    assert!(run("exit 3").await.unwrap_err().to_string().contains("ended with"));
    assert!(run("true").await.unwrap_err().to_string().contains("empty"));
}

#[test]
fn what_a_server_repeats_of_a_secret_is_not_shown() {
    let reason = Reason::from("the vault refuses: bad token Canary-token-1").hint("not Canary-token-1");
    let Reason { text, hint } = reason.without(&"Canary-token-1".into());
    assert_eq!((text.as_str(), hint.as_deref()), ("the vault refuses: bad token ***", Some("not ***")));
}
