//! `vault:` against a server of its own process. There is no Vault to be had from the package sources that the tests use,
//! so the server is one written after the public documentation of the HTTP API (`vault_server.py`), and hvac, which is made
//! for the real one, fills it, signs in to it and reads it first.

use std::path::Path;
use std::process::Command;

use mailwright::config::{Config, SecretError, SecretRef, Secrets};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;

use crate::hunt::Hunt;
use crate::python::{self, Server};
use crate::their_client::start_lab;

const SECRET: &str = "Canary-5e1a!Vault";

/// The server; it ends when dropped.
struct Vault(Server);

impl std::ops::Deref for Vault {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl Vault {
    fn start() -> Option<Self> {
        let vault = Self(Server::start("vault_server.py", "vault.log", &["--secret", SECRET])?);
        for key in ["token", "role_id", "secret_id", "root"] {
            vault.write(key, vault.text(key));
        }
        Some(vault)
    }

    /// As a file reference in a configuration.
    fn file(&self, name: &str) -> String {
        format!("\"file:{}\"", self.path(name))
    }

    /// What `[vault]` with these lines fetches with.
    fn secrets(&self, lines: &str) -> Secrets {
        let text = format!(
            "[vault]\n{lines}\n[connections.x]\ninfrastructure = \"on-premises\"\nhostname = \"ex01\"\nusername = \"u\"\n\
             password = \"env:X\"\n"
        );
        let config = Config::parse(Path::new("m.toml"), text).unwrap_or_else(|error| panic!("{error}"));
        config.connections[0].secrets.clone()
    }

    fn by_token(&self) -> Secrets {
        self.secrets(&format!("address = \"{}\"\ntoken = {}", self.text("http"), self.file("token")))
    }

    fn by_approle(&self) -> Secrets {
        self.secrets(&format!(
            "address = \"{}\"\nca_file = \"{}\"\n[vault.approle]\nrole_id = {}\nsecret_id = {}",
            self.text("https"),
            self.text("ca_file"),
            self.file("role_id"),
            self.file("secret_id"),
        ))
    }

    /// A request of the administrator.
    fn administer(&self, path: &str, body: &Json) {
        let script = "import sys, requests; requests.put(sys.argv[1], headers={'X-Vault-Token': sys.argv[2]}, \
                      data=sys.argv[3]).raise_for_status()";
        let url = format!("{}/v1/{path}", self.text("http"));
        let mut command = Command::new(python::interpreter().unwrap());
        command.args(["-c", script, &url, self.text("root"), &body.to_string()]);
        assert!(command.status().unwrap().success());
    }

    /// How many requests for paths with this beginning came since the vault was filled.
    fn asked(&self, path: &str) -> usize {
        let log = std::fs::read_to_string(self.path("vault.log")).unwrap();
        let lines = log.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        lines.filter(|line| line["path"].as_str().unwrap().starts_with(path)).count()
    }
}

async fn fetch(secrets: &Secrets, reference: &str) -> Result<String, (String, String)> {
    let reference: SecretRef = reference.parse().unwrap();
    match secrets.fetch(&reference).await {
        Ok(secret) => Ok(secret.expose_secret().to_owned()),
        Err(error) => {
            assert!(matches!(error, SecretError::Unavailable { .. }));
            let shown = format!("{error} {error:?} {}", error.hint());
            Hunt::default().text("the secret", SECRET).search("an error", shown.as_bytes());
            Err((error.to_string(), error.hint().to_owned()))
        }
    }
}

#[tokio::test]
async fn both_versions_are_read_by_token_and_by_approle() {
    let Some(vault) = Vault::start() else { return };
    for secrets in [vault.by_token(), vault.by_approle()] {
        for reference in [
            "vault:secret/idm/exchange#password",
            "vault:kv1/exchange#password",
            "vault:team/kv/deep/exchange#password",
            "vault:secret/idm/a b/ü#pass word",
        ] {
            assert_eq!(fetch(&secrets, reference).await, Ok(SECRET.into()), "{reference}");
        }
    }
    assert_eq!(vault.asked("/v1/auth/approle/login"), 2, "once by hvac, and once for four secrets");
    let refusal = |text: &str| text.parse::<SecretRef>().unwrap_err().to_string();
    assert!(refusal("vault:secret/../sys/x#y").contains("dotted"));
}

#[tokio::test]
async fn what_is_refused_is_told_with_what_helps() {
    let Some(vault) = Vault::start() else { return };
    let secrets = vault.by_token();
    for (reference, said, helps) in [
        (
            "vault:secret/idm/other#password",
            "does not let this token read it",
            "\"read\" for secret/idm/other",
        ),
        ("vault:secret/nothing#password", "no such secret", "vault kv get secret/nothing"),
        ("vault:secret/idm/exchange#pasword", "no field `pasword`", "it has: password, port"),
        ("vault:secret/idm/exchange#port", "not a text", ""),
        ("vault:secret/gone#password", "deleted", "undelete"),
        ("vault:secret/destroyed#password", "destroyed", "vault kv put"),
        ("vault:other/x#y", "does not let this token read it", "other/x"),
    ] {
        let (text, hint) = fetch(&secrets, reference).await.unwrap_err();
        assert!(text.contains(said) && hint.contains(helps), "{reference}: {text} / {hint}");
        assert!(text.contains(reference), "the reference is named: {text}");
    }
    let address = vault.text("http").to_owned();
    let at = |path: &str| {
        vault.secrets(&format!("address = \"{address}{path}\"\ntoken = {}", vault.file("token")))
    };
    let read = "vault:secret/idm/exchange#password";
    let (text, hint) = fetch(&at("/elsewhere"), read).await.unwrap_err();
    assert!(
        text.contains("sends to another server, 127.0.0.2") && hint.contains("active"),
        "{text} / {hint}"
    );
    assert_eq!(fetch(&at("/here"), read).await, Ok(SECRET.into()), "within the server it is followed");
    let (text, _) = fetch(&at("/huge"), read).await.unwrap_err();
    assert!(text.contains("larger than"), "{text}");
    let (text, _) = fetch(&at("/page"), read).await.unwrap_err();
    assert!(text.contains("not JSON"), "{text}");
    // Another namespace is another vault.
    let lines = format!("address = \"{address}\"\nnamespace = \"team\"\ntoken = {}", vault.file("token"));
    let (text, hint) = fetch(&vault.secrets(&lines), read).await.unwrap_err();
    assert!(text.contains("does not take the token") && hint.contains("namespace"), "{text} / {hint}");

    vault.write("wrong", "hvs.not-a-token");
    let lines = format!("address = \"{address}\"\ntoken = {}", vault.file("wrong"));
    let (text, hint) = fetch(&vault.secrets(&lines), read).await.unwrap_err();
    assert!(text.contains("does not take the token") && hint.contains("expired"), "{text} / {hint}");
    let lines = format!(
        "address = \"{address}\"\n[vault.approle]\nrole_id = {}\nsecret_id = {}",
        vault.file("role_id"),
        vault.file("wrong")
    );
    let (text, hint) = fetch(&vault.secrets(&lines), read).await.unwrap_err();
    assert!(text.contains("invalid role or secret ID") && hint.contains("used up"), "{text} / {hint}");
    let (text, hint) =
        fetch(&vault.secrets(&lines.replace("[vault.approle]", "[vault.approle]\nmount = \"idm\"")), read)
            .await
            .unwrap_err();
    assert!(
        text.contains("no AppRole sign-in at auth/idm") && hint.contains("vault auth list"),
        "{text} / {hint}"
    );
    let lines = format!("address = \"{}\"\ntoken = {}", vault.text("https"), vault.file("token"));
    let (text, hint) = fetch(&vault.secrets(&lines), read).await.unwrap_err();
    assert!(text.contains("certificate") && hint.contains("vault.ca_file"), "{text} / {hint}");
    let lines = format!("address = \"http://127.0.0.1:9\"\ntoken = {}", vault.file("token"));
    let (text, _) = fetch(&vault.secrets(&lines), read).await.unwrap_err();
    assert!(text.contains("http://127.0.0.1:9/ cannot be reached"), "{text}");

    vault.administer("sys/seal", &Json::Null);
    let (text, hint) = fetch(&secrets, read).await.unwrap_err();
    assert!(text.contains("sealed") && hint.contains("unseal"), "{text} / {hint}");
}

/// A token that expires in the middle is replaced by a new sign-in; one that may not read is not.
#[tokio::test]
async fn an_expired_token_is_got_anew_and_no_other() {
    let Some(vault) = Vault::start() else { return };
    let (by_token, by_approle) = (vault.by_token(), vault.by_approle());
    let read = "vault:kv1/exchange#password";
    for secrets in [&by_token, &by_approle] {
        assert_eq!(fetch(secrets, read).await, Ok(SECRET.into()));
        fetch(secrets, "vault:secret/idm/other#password").await.unwrap_err();
    }
    let log_in = "/v1/auth/approle/login";
    assert_eq!(vault.asked(log_in), 2, "a token that may not read one thing is still good");
    vault.administer("test/revoke-logins", &Json::Null);
    assert_eq!(fetch(&by_approle, read).await, Ok(SECRET.into()));
    assert_eq!(vault.asked(log_in), 3);
    let (text, _) = fetch(&by_token, read).await.unwrap_err();
    assert!(text.contains("does not take the token"), "{text}");
    // Whoever replaces the token where it is kept is heard.
    vault.write("token", vault.text("root"));
    assert_eq!(fetch(&by_token, read).await, Ok(SECRET.into()));
}

/// The whole program with Vault's own variables, and with what `vault login` leaves behind: it signs in to a lab with what
/// the vault holds, makes a user with it, and nothing of it shows up anywhere.
#[test]
fn the_program_signs_in_with_it_and_lets_nothing_out() {
    let Some(vault) = Vault::start() else { return };
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/directory.json");
    let seed = std::fs::read_to_string(sample).unwrap().replace("Lab-Passw0rd!", SECRET);
    vault.write("seed.json", &seed);
    let (seed, log) = (vault.path("seed.json"), vault.path("lab.log"));
    let (lab, given) = start_lab(|command| {
        command.args(["--seed", &seed, "--log", &log]);
    });
    let connection = |vault_lines: &str| {
        format!(
            "{vault_lines}\n[connections.it]\ninfrastructure = \"on-premises\"\nserver = \"{}\"\nusername = '{}'\n\
             password = \"vault:secret/idm/exchange#password\"\ncreate_method = \"new\"\n",
            given["powershell"].as_str().unwrap(),
            given["user"].as_str().unwrap()
        )
    };
    vault.write("plain.toml", &connection(""));
    vault.write(
        "approle.toml",
        &connection(&format!(
            "[vault]\naddress = \"{}\"\nca_file = \"vault.pem\"\n[vault.approle]\nrole_id = \"file:role_id\"\nsecret_id = \"file:secret_id\"",
            vault.text("https")
        )),
    );
    let header = "ChangeId,Identity,Name,UserPrincipalName,_param_password_ref,_param_OrganizationalUnit";
    let mut said = Vec::new();
    let mut run = |arguments: &[&str], variables: &[(&str, &str)], code: i32| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailwright"));
        command.current_dir(vault.folder.path()).env_clear().env("HOME", vault.folder.path());
        command.args(arguments).args(["-v", "--journal", "journal.db", "--trace", "trace"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&text));
        said.extend(&text);
        String::from_utf8(text).unwrap()
    };
    let get = ["invoke", "Get-Mailbox", "Identity=Administrator"];
    let at = [("VAULT_ADDR", vault.text("http"))];
    let with_token = [at[0], ("VAULT_TOKEN", vault.text("token"))];
    run(&[&["-c", "plain.toml"][..], &get].concat(), &with_token, 0);
    run(&[&["-c", "approle.toml"][..], &get].concat(), &[], 0);
    let text = run(&[&["-c", "plain.toml"][..], &get].concat(), &[], 2);
    assert!(text.contains("not known where the vault is") && text.contains("VAULT_ADDR"), "{text}");
    let text = run(&[&["-c", "plain.toml"][..], &get].concat(), &at, 2);
    assert!(text.contains("no token for the vault") && text.contains("vault login"), "{text}");
    let text = run(&[&["-c", "plain.toml"][..], &get].concat(), &[("VAULT_ADDR", "http://10.0.0.1:8200")], 2);
    assert!(text.contains("sent in clear"), "{text}");
    vault.write(".vault-token", vault.text("token"));
    run(&[&["-c", "plain.toml"][..], &get].concat(), &at, 0);
    for (name, reference, code) in
        [("v1", "vault:kv1/exchange#password", 0), ("v2", "vault:secret/idm/other#password", 1)]
    {
        let row =
            format!("{name},{name}@contoso.com,{name},{name}@contoso.com,{reference},contoso.com/Staff");
        vault.write("flow.csv", &format!("{header}\n{row}\n"));
        let text = run(&["-c", "approle.toml", "apply", "flow.csv", "--output", "jsonl"], &[], code);
        assert!(code == 0 || text.contains("secret_unavailable"), "{text}");
    }
    run(&["-c", "approle.toml", "report", "--report", "reported"], &[], 0);
    let ran = run(&["-c", "approle.toml", "doctor"], &[], 0);
    assert!(ran.contains("sign-in"));
    drop(lab);

    let mut hunt = Hunt::default().text("the secret", SECRET);
    for key in ["token", "secret_id", "root"] {
        hunt = hunt.text(key, vault.text(key));
    }
    hunt.search("the output", &said);
    let ours = ["token", "role_id", "secret_id", "root", ".vault-token", "seed.json"];
    let searched = hunt.search_below(vault.folder.path(), &ours);
    for wanted in ["journal.db", "lab.log", "vault.log", "reported/run.json", "trace/000001-sign-in.txt"] {
        assert!(searched.iter().any(|path| path.ends_with(wanted)), "{wanted} was not written: {searched:?}");
    }
}
