//! What the Exchange connector of IBIS is told, and how it is told here.

use std::path::Path;

use mailwright::config::{Config, CreateMethod, Infrastructure};
use serde_json::Value as Json;

use crate::cli::{CANARY, Place};

/// Every parameter of that connector: infrastructure type, hostname, authentication method, username, password, certificate
/// thumbprint, application id, organization, create method, excluded SMTP domains.
#[test]
fn every_parameter_has_a_key() {
    let text = r#"
        [connections.corp]
        infrastructure = "hybrid"
        hostname = "ex01.contoso.com"
        authentication = "negotiate"
        username = "CONTOSO\\svc-idm"
        password = "env:MAILWRIGHT_PASSWORD"
        create_method = "new"
        excluded_smtp_domains = ["contoso.mail.onmicrosoft.com"]
        primary = "last"
        [connections.corp.cloud]
        certificate_thumbprint = "0123456789ABCDEF0123456789ABCDEF01234567"
        application_id = "c07d2fbc-48f5-4a90-b7d7-5ec79d2844b4"
        organization = "contoso.onmicrosoft.com"
    "#;
    let config = Config::parse(Path::new("ibis.toml"), text.into()).unwrap();
    let connection = config.connection(None).unwrap();
    assert_eq!(connection.infrastructure, Infrastructure::Hybrid);
    assert_eq!(connection.endpoint.to_string(), "http://ex01.contoso.com/PowerShell/");
    assert_eq!(connection.policy.create_method, CreateMethod::New);
    assert!(connection.policy.merge.primary_is_last);
    assert_eq!(connection.cloud.organization.as_deref(), Some("contoso.onmicrosoft.com"));
    for (word, is_taken) in [("on-premises", true), ("hybrid", true), ("cloud", false)] {
        let text = text.replace("hybrid", word);
        assert_eq!(Config::parse(Path::new("ibis.toml"), text).is_ok(), is_taken, "{word}");
    }
}

/// The ports that the connector's documentation names.
#[test]
fn every_port_leads_to_exchange() {
    for (port, url) in [
        (80, "http://ex01.contoso.com/PowerShell/"),
        (443, "https://ex01.contoso.com/PowerShell/"),
        (5985, "http://ex01.contoso.com:5985/wsman"),
        (5986, "https://ex01.contoso.com:5986/wsman"),
    ] {
        let text = format!(
            "[connections.corp]\ninfrastructure = \"on-premises\"\nhostname = \"ex01.contoso.com\"\nport = {port}\n\
             authentication = \"negotiate\"\nusername = \"x\"\npassword = \"env:X\"\n"
        );
        let config = Config::parse(Path::new("ibis.toml"), text).unwrap();
        assert_eq!(config.connection(None).unwrap().endpoint.to_string(), url);
    }
}

/// The plan of a flow at the embedded Exchange, with these keys of the connection.
fn plan(keys: &str, flow: &str) -> Json {
    let place = Place::new();
    let connection = "[connections.corp]\ninfrastructure = \"on-premises\"\nserver = \"http://ex01/PowerShell/\"\n\
                      username = \"x\"\npassword = \"env:X\"\n";
    place.write("ibis.toml", &format!("{connection}{keys}\n"));
    place.write("flow.csv", flow);
    let ran = place.run(&["plan", "flow.csv", "--lab", "-c", "ibis.toml", "--output", "jsonl"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap()
}

fn addresses(plan: &Json) -> Vec<String> {
    let list =
        plan["steps"][0]["parameters"]["EmailAddresses"].as_array().unwrap_or_else(|| panic!("{plan}"));
    list.iter()
        .map(|one| one.as_str().unwrap().to_owned())
        .filter(|one| one.to_lowercase().starts_with("smtp:"))
        .collect()
}

#[test]
fn email_addresses_including_primary() {
    let flow =
        "Identity,EmailAddresses_IncludingPrimary\nrename002,rename002@contoso.com;n.petrovic@contoso.com\n";
    let addresses = addresses(&plan("excluded_smtp_domains = [\"contoso.mail.onmicrosoft.com\"]", flow));
    assert!(
        addresses.contains(&"SMTP:n.petrovic@contoso.com".to_owned()),
        "the last is primary: {addresses:?}"
    );
    assert!(addresses.contains(&"smtp:rename002@contoso.com".to_owned()), "{addresses:?}");
    assert!(
        addresses.contains(&"smtp:rename002@contoso.mail.onmicrosoft.com".to_owned()),
        "excluded: {addresses:?}"
    );
}

#[test]
fn primary_last() {
    let flow = "Identity,EmailAddresses\nrename002,SMTP:rename002@contoso.com;n.petrovic@contoso.com\n";
    let excluded = "excluded_smtp_domains = [\"contoso.mail.onmicrosoft.com\"]";
    let last = addresses(&plan(&format!("{excluded}\nprimary = \"last\""), flow));
    assert!(last.contains(&"SMTP:n.petrovic@contoso.com".to_owned()), "position alone: {last:?}");
    let marked = addresses(&plan(excluded, flow));
    assert!(marked.contains(&"SMTP:rename002@contoso.com".to_owned()), "the mark: {marked:?}");
}

#[test]
fn param_password_goes_to_the_creating_cmdlet_only() {
    let flow = |name: &str| {
        format!(
            "Identity,Name,UserPrincipalName,_param_password,MailTip\n{name}@contoso.com,{name},{name}@contoso.com,{CANARY},x\n"
        )
    };
    let made = plan("create_method = \"new\"", &flow("joiner"));
    assert_eq!(made["steps"][0]["cmdlet"], "New-Mailbox", "{made}");
    assert_eq!(made["steps"][0]["parameters"]["Password"], "***");
    let text = made.to_string();
    assert_eq!(text.matches("\"Password\"").count(), 1, "{text}");
    let there =
        plan("create_method = \"new\"", &flow("rename002").replace(",rename002,", ",Nikolaï Petrović,"));
    assert_eq!(there["steps"][0]["cmdlet"], "Set-Mailbox", "{there}");
    assert!(!there.to_string().contains("assword\""), "{there}");
}
