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
