//! Connections and options of agents.

use std::path::Path;

use secrecy::ExposeSecret as _;

use super::Options;
use crate::config::{Authentication, Config, ConfigError, Connection};
use crate::secret::SecretRef;

const CANARY: &str = "Canary-7c1f!pw";

fn value(connection: &Connection) -> String {
    let fetched = connection.secrets.fetch(connection.password.as_ref().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(fetched).unwrap().expose_secret().to_owned()
}

fn load(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("appsettings.agent.json"), text.to_owned())
}

#[test]
fn sections_that_lead_to_exchange_are_taken_and_others_left_alone() {
    let config = load(&format!(
        r#"{{"OpenId": {{"AgentIdentifier": "Local"}}, "Connections": {{
            "Directory": {{"Path": "C:/Sources/Directory.xlsx"}},
            "ADFulfillment": {{"Servers": [{{"Server": "paris.contoso.com"}}], "AuthType": "Basic", "Login": "x"}},
            "ServiceNow": {{"Server": "https://it.service-now.com/api/now/table", "Login": "x", "Password": "y"}},
            "ExchangeExport": {{"AuthType": "Kerberos", "Server": "http://ex01.contoso.com/PowerShell/",
                "Login": "svc@CONTOSO.COM", "Password": "{CANARY}"}},
            "ExchangeFulfil": {{"PowerShellScriptPath": "C:/Scripts/Fulfill.ps1", "Options": {{"AuthType": "Negotiate",
                "Server": "http://ex01.contoso.com/PowerShell/", "Login": "svc", "Password": "env:EX_PASSWORD"}},
                "Mailwright": {{"create_method": "new", "excluded_smtp_domains": ["contoso.mail.onmicrosoft.com"]}}}}
        }}}}"#
    ))
    .unwrap();
    let names: Vec<&str> = config.connections.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["ExchangeExport", "ExchangeFulfil"]);
    let (export, fulfil) = (&config.connections[0], &config.connections[1]);
    assert_eq!(export.authentication, Authentication::Kerberos);
    assert_eq!(value(export), CANARY);
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(
        config.warnings[0].contains("ExchangeExport"),
        "a reference gives no warning: {:?}",
        config.warnings
    );
    assert_eq!(fulfil.password, Some(SecretRef::Env("EX_PASSWORD".into())));
    assert_eq!(fulfil.policy.create_method, crate::config::CreateMethod::New);
    assert!(!format!("{config:?} {:?}", config.warnings).contains(CANARY));
}

#[test]
fn the_identifier_keeps_the_products_rules() {
    for (name, character) in [("my_exchange", "`_`"), ("2corp", "`2`"), ("a?b", "`?`")] {
        let error = load(&format!(
            r#"{{"Connections": {{"{name}": {{"AuthType": "Negotiate", "Server": "http://ex01/PowerShell/", "Login": "a", "Password": "env:A"}}}}}}"#
        ))
        .unwrap_err();
        assert!(error.to_string().contains(character), "{error}");
    }
}

#[test]
fn problems_have_the_agents_names() {
    let error = load(
        r#"{"Connections": {"Ex": {"AuthType": "Digest", "Server": "http://ex01/PowerShell/", "Login": "a", "Password": "env:A"}}}"#,
    )
    .unwrap_err();
    assert!(error.to_string().contains("appsettings.agent.json:1:37: Connections.Ex.AuthType:"), "{error}");
    let error =
        load(r#"{"Connections": {"Ex": {"AuthType": "Kerberos", "Server": "http://ex01/PowerShell/"}}}"#);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("Connections.Ex.Login") && text.contains("Connections.Ex.Password"), "{text}");
    assert!(load(r#"{"Connections": {}}"#).unwrap_err().to_string().contains("leads to an Exchange"));
}

#[test]
fn options_stand_alone_or_over_a_connection() {
    let line = format!(
        r#"{{"authtype": "Negotiate", "Server": "http://ex02/PowerShell/", "Login": "svc", "Password": "{CANARY}", "Message": "Hello"}}"#
    );
    let options = Options::parse(line.clone()).unwrap().unwrap();
    assert_eq!((options.name_a_server(), options.unused()), (true, vec!["Message"]));
    let alone = options.connection("exchange").unwrap();
    assert_eq!(alone.endpoint.to_string(), "http://ex02/PowerShell/");

    let base = load(
        r#"{"Connections": {"Ex": {"AuthType": "Negotiate", "Server": "http://ex01/PowerShell/", "Login": "a", "Password": "env:A",
            "Mailwright": {"create_method": "new"}}}}"#,
    )
    .unwrap()
    .connections
    .remove(0);
    let over = Options::parse(line).unwrap().unwrap().over(&base).unwrap();
    assert_eq!(over.username.as_deref(), Some("svc"));
    assert_eq!(over.policy, base.policy);
    assert_eq!(value(&over), CANARY);
    assert!(!format!("{over:?}").contains(CANARY));
    let only_login = Options::parse(r#"{"Login": "other", "Password": ""}"#.into()).unwrap().unwrap();
    let over = only_login.over(&base).unwrap();
    assert_eq!((over.username.as_deref(), over.password), (Some("other"), base.password.clone()));

    let own = Options::parse(r#"{"Mailwright": {"create_method": "new"}}"#.into()).unwrap().unwrap();
    assert!(own.over(&base).unwrap_err().to_string().contains("standard input:1:2: Mailwright:"));
    let basic = Options::parse(r#"{"AuthType": "Basic"}"#.into()).unwrap().unwrap().over(&base);
    assert!(basic.unwrap_err().to_string().contains("basic over http"));
    assert!(Options::parse(" \r\n".into()).unwrap().is_none());
    for wrong in ["[1]", CANARY, "{\"Password\": \"Canary-7c1f!pw\""] {
        let error = Options::parse(wrong.into()).err().unwrap();
        assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
    }
}
