//! Every way to sign in to the cloud, and every cloud.

use std::path::Path;

use super::*;
use crate::config::{Config, ConfigError};

const BY_CERTIFICATE: &str = "application_id = \"app\"\ncertificate_file = \"bridge.pfx\"\n";

fn parse(keys: &str) -> Result<Config, ConfigError> {
    let text = format!(
        "[connections.x]\ninfrastructure = \"cloud\"\n[connections.x.cloud]\ntenant = \"contoso.onmicrosoft.com\"\n{keys}"
    );
    Config::parse(Path::new("m.toml"), text)
}

#[track_caller]
fn cloud(keys: &str) -> Cloud {
    let config = parse(keys).unwrap_or_else(|error| panic!("{keys}: {error}"));
    config.connections.into_iter().next().unwrap().cloud.unwrap()
}

#[track_caller]
fn refused(keys: &str, message: &str) {
    let error = parse(keys).map(|config| format!("{config:?}")).unwrap_err();
    let told = format!("{error} {}", error.hints().join(" "));
    assert!(told.contains(message), "{keys}: {told}");
}

/// Addresses as Microsoft's documents of national clouds have them.
#[test]
fn clouds_by_name_and_each_address_by_itself() {
    for (name, login, exchange, graph) in [
        ("public", "login.microsoftonline.com", "outlook.office365.com", "graph.microsoft.com"),
        ("gcc", "login.microsoftonline.com", "outlook.office365.com", "graph.microsoft.com"),
        ("us-government", "login.microsoftonline.us", "outlook.office365.us", "graph.microsoft.us"),
        ("gcc-high", "login.microsoftonline.us", "outlook.office365.us", "graph.microsoft.us"),
        ("dod", "login.microsoftonline.us", "outlook-dod.office365.us", "dod-graph.microsoft.us"),
        (
            "china",
            "login.partner.microsoftonline.cn",
            "outlook.office365.cn",
            "microsoftgraph.chinacloudapi.cn",
        ),
    ] {
        let cloud = cloud(&format!("environment = \"{name}\"\n{BY_CERTIFICATE}"));
        let hosts =
            [&cloud.login, &cloud.exchange, &cloud.graph].map(|url| url.host_str().unwrap().to_owned());
        assert_eq!(hosts, [login, exchange, graph], "{name}");
        assert_eq!((cloud.exchange_scope, cloud.graph_scope, cloud.ca_file), (None, None, None));
    }
    let keys = "environment = \"china\"\nlogin_url = \"https://login.chinacloudapi.cn\"\nexchange_url = \"https://partner.outlook.cn/\"\n\
                graph_url = \"https://g.example/\"\nexchange_scope = \"https://outlook.office365.cn/.default\"\n\
                graph_scope = \"https://g.example/.default\"\nca_file = \"ca.pem\"\n";
    let cloud = cloud(&format!("{keys}{BY_CERTIFICATE}"));
    assert_eq!(cloud.login.host_str(), Some("login.chinacloudapi.cn"));
    assert_eq!(cloud.exchange.host_str(), Some("partner.outlook.cn"));
    assert_eq!(cloud.exchange_scope.as_deref(), Some("https://outlook.office365.cn/.default"));
    assert_eq!((cloud.graph.as_str(), cloud.ca_file), ("https://g.example/", Some("ca.pem".into())));
    refused(&format!("login_url = \"http://login.example\"\n{BY_CERTIFICATE}"), "is not an https URL");
    refused(&format!("environment = \"chine\"\n{BY_CERTIFICATE}"), "did you mean `china`?");
}

#[test]
fn a_person_s_token_by_either_name() {
    let stored = "application_id = \"app\"\nrefresh_token_file = \"token\"\n";
    let code = "authorization_code = \"env:CODE\"\nredirect_uri = \"https://back\"\n";
    for keys in [
        format!("authentication = \"authorization-code\"\n{stored}{code}"),
        format!("token_mode = \"get-and-refresh\"\n{stored}{code}"),
        format!("token_mode = \"GETANDREFRESH\"\n{stored}{code}"),
    ] {
        let CloudSignIn::RefreshToken { store, first: Some(FirstToken::Code(code)), secret: None, .. } =
            cloud(&keys).sign_in
        else {
            panic!("{keys}")
        };
        assert_eq!((store, code.redirect_uri.as_str()), ("token".into(), "https://back"));
    }
    let keys =
        format!("token_mode = \"REFRESH\"\n{stored}refresh_token = \"env:RT\"\nclient_secret = \"env:S\"\n");
    assert!(matches!(
        cloud(&keys).sign_in,
        CloudSignIn::RefreshToken { first: Some(FirstToken::Given(_)), secret: Some(_), .. }
    ));
    let keys = format!("authentication = \"refresh-token\"\n{stored}");
    assert!(matches!(cloud(&keys).sign_in, CloudSignIn::RefreshToken { first: None, secret: None, .. }));
    let keys = "token_mode = \"off\"\naccess_token = \"env:T\"\ngraph_access_token = \"env:G\"\n";
    assert!(matches!(cloud(keys).sign_in, CloudSignIn::Token { graph: Some(_), .. }));
    refused("token_mode = \"refresh\"\napplication_id = \"app\"\n", "refresh_token_file");
    refused(&format!("token_mode = \"get-and-refresh\"\n{stored}"), "authorization_code");
    refused(
        &format!("token_mode = \"off\"\nauthentication = \"token\"\n{stored}"),
        "authentication says it already",
    );
}

#[test]
fn a_password_only_where_it_is_allowed_and_never_without_a_word() {
    let keys = "authentication = \"password\"\napplication_id = \"app\"\nusername = \"ada@contoso.com\"\npassword = \"env:PW\"\n";
    refused(keys, "is being retired");
    let config = parse(&format!("{keys}danger_password_sign_in = true\n")).unwrap();
    assert!(config.warnings.iter().any(|warning| warning.contains("retiring")), "{:?}", config.warnings);
    assert_eq!(parse(BY_CERTIFICATE).unwrap().warnings, Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_told_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("bridge.pem");
    std::fs::write(&file, "key").unwrap();
    let warnings = |mode: u32| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        parse(&format!("application_id = \"app\"\ncertificate_file = '{}'\n", file.display()))
            .unwrap()
            .warnings
    };
    assert!(warnings(0o600).is_empty() && warnings(0o400).is_empty());
    assert!(warnings(0o644)[0].contains("chmod 600"));
}

/// What is wrong, in the order of the file, with what may be done about it.
#[track_caller]
fn told(text: &str) -> Vec<(String, Option<String>)> {
    Config::parse(Path::new("m.toml"), text.to_owned()).unwrap_err().each()
}

/// The one thing that is wrong in a table of the cloud.
#[track_caller]
fn one(keys: &str) -> (String, String) {
    let [(message, hint)] = parse(keys).unwrap_err().each().try_into().unwrap();
    (message, hint.unwrap_or_default())
}

#[test]
fn a_table_that_is_there_is_not_missing() {
    for (keys, expected) in [
        (
            format!("login_url = \"http://login.example\"\n{BY_CERTIFICATE}"),
            "m.toml:5:13: connections.x.cloud.login_url: `http://login.example` is not an https URL",
        ),
        (
            "application_id = \"app\"\n".to_owned(),
            "m.toml:3:1: connections.x.cloud.authentication: the key is missing",
        ),
        (
            format!("usage_location = \"DEU\"\n{BY_CERTIFICATE}"),
            "m.toml:5:18: connections.x.cloud.usage_location: `DEU` is not a country of two letters",
        ),
    ] {
        assert_eq!(one(&keys).0, expected, "{keys}");
    }
    let [(message, hint)] = told("[connections.x]\ninfrastructure = \"cloud\"\n").try_into().unwrap();
    assert!(message.ends_with("connections.x.cloud: the key is missing"), "{message}");
    assert!(hint.unwrap().contains("[connections.NAME.cloud]"));
}

#[test]
fn the_key_that_is_missing_is_named() {
    let stored =
        "token_mode = \"get-and-refresh\"\napplication_id = \"app\"\nrefresh_token_file = \"token\"\n";
    let (message, hint) = one(&format!("{stored}authorization_code = \"env:CODE\"\n"));
    assert!(message.contains("cloud.redirect_uri: the key is missing"), "{message}");
    assert!(hint.contains("sent back"), "{hint}");
    let (message, _) = one(&format!("{stored}redirect_uri = \"https://back\"\n"));
    assert!(message.contains("cloud.authorization_code: the key is missing"), "{message}");
}

#[test]
fn a_url_that_cannot_be_is_told_of_without_what_is_secret_in_it() {
    for (url, expected) in [
        ("https://ada:Canary@host", "carries a user or a password"),
        ("https://ada:Canary@host:99999", "`https://***@host:99999` is not an https URL"),
        ("http://ada:Canary@host", "carries a user or a password"),
        ("https://host/x?sig=Canary", "has a query or a fragment"),
        ("https://host/#x", "has a query or a fragment"),
        ("host", "`host` is not an https URL"),
    ] {
        let (message, hint) = one(&format!("exchange_url = \"{url}\"\n{BY_CERTIFICATE}"));
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("m.toml:5:16: connections.x.cloud.exchange_url: "), "{message}");
        assert!(!message.contains("Canary") && !hint.contains("Canary"), "{message} {hint}");
    }
}

#[test]
fn licences_and_new_users_need_a_token_for_graph() {
    let token = "authentication = \"token\"\naccess_token = \"env:T\"\n";
    let (message, hint) = one(&format!("{token}licence = \"ENTERPRISEPACK\"\n"));
    assert!(message.contains("cloud.graph_access_token: the key is missing"), "{message}");
    assert!(hint.contains("elsewhere"), "{hint}");
    assert!(parse(&format!("{token}licence = \"elsewhere\"\n")).is_ok());
    let with_users = |keys: &str| {
        Config::parse(
            Path::new("m.toml"),
            format!(
                "[connections.x]\ninfrastructure = \"cloud\"\ncreate_method = \"new\"\n[connections.x.cloud]\ntenant = \"a.b\"\n{token}{keys}"
            ),
        )
    };
    let error = with_users("").unwrap_err();
    assert!(error.to_string().ends_with("cloud.graph_access_token: the key is missing"), "{error}");
    assert!(with_users("create_users = \"exchange\"").is_ok());
    assert!(with_users("graph_access_token = \"env:G\"").is_ok());
}

/// A key that does nothing is a mistake that nobody sees.
#[test]
fn what_would_be_ignored_is_refused() {
    let (message, hint) = one(&format!("{BY_CERTIFICATE}client_secret = \"env:S\"\n"));
    assert_eq!(
        message,
        "m.toml:7:17: connections.x.cloud.client_secret: the sign-in is by \"certificate\", which does not use it"
    );
    assert_eq!(hint, "take it out, or write authentication = \"secret\"");
}

/// All keys of a connector are brought along from one infrastructure to another; those that do nothing there are said.
#[test]
fn what_another_infrastructure_uses_is_said() {
    let warned = |text: &str, words: &str| {
        let warnings = Config::parse(Path::new("m.toml"), text.to_owned()).unwrap().warnings;
        assert!(matches!(warnings.as_slice(), [one] if one.contains(words)), "{warnings:?}");
    };
    let cloud = format!("[connections.x.cloud]\ntenant = \"a.b\"\n{BY_CERTIFICATE}");
    for key in ["username = \"ada\"", "password = \"env:P\""] {
        let text = format!("[connections.x]\ninfrastructure = \"cloud\"\n{key}\n{cloud}");
        warned(&text, "Exchange Online does not use them");
    }
    let own = "[connections.x]\ninfrastructure = \"on-premises\"\nserver = \"http://ex01/PowerShell/\"\nusername = \"a\"\npassword = \"env:P\"\n";
    warned(&format!("{own}{cloud}"), "does not use the table cloud");
}

#[test]
fn whoever_takes_anybody_for_the_server_is_told_so() {
    let text = |keys: &str| {
        format!(
            "[connections.x]\ninfrastructure = \"cloud\"\n{keys}[connections.x.cloud]\ntenant = \"a.b\"\n{BY_CERTIFICATE}"
        )
    };
    let warnings = |keys: &str| Config::parse(Path::new("m.toml"), text(keys)).unwrap().warnings;
    assert_eq!(warnings(""), Vec::<String>::new());
    assert!(warnings("danger_skip_tls_verification = true\n")[0].contains("takes anybody for the server"));
    let own = "[connections.x]\ninfrastructure = \"on-premises\"\nserver = \"https://ex01/PowerShell/\"\nusername = \"a\"\npassword = \"env:P\"\ndanger_skip_tls_verification = true\n";
    let own = |keys: &str| Config::parse(Path::new("m.toml"), format!("{own}{keys}")).unwrap().warnings;
    assert!(own("")[0].contains("takes anybody for the server"));
    assert!(own("[connections.x.tls]\nserver_certificate = \"a.pem\"\n").is_empty());
}
