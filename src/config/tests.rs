//! Each mistake is named with the place where it stands.

use std::path::Path;
use std::time::Duration;

use super::*;

const GOOD: &str = r#"[connections.corp]
infrastructure = "hybrid"
server = "http://ex01.contoso.com/PowerShell/"
authentication = "negotiate"
username = "svc"
password = "env:PW"
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("m.toml"), text.to_owned())
}

/// The problems of a text, one per line.
fn problems(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// `GOOD` with a line replaced.
fn with(line: &str, by: &str) -> String {
    assert!(GOOD.contains(line));
    GOOD.replace(line, by)
}

#[track_caller]
fn check(text: &str, place: &str, message: &str, hint: &str) {
    let error = parse(text).unwrap_err();
    let shown = error.to_string();
    assert!(shown.starts_with(&format!("m.toml:{place}: ")), "{shown}");
    assert!(shown.contains(message), "{shown}");
    let hints = error.hints().join("\n");
    assert!(hints.contains(hint), "{hints}");
}

#[test]
fn defaults() {
    let config = parse(GOOD).unwrap();
    let c = config.connection(None).unwrap();
    assert_eq!((c.concurrency, c.replication_wait), (3, Duration::from_secs(120)));
    assert_eq!(c.configuration_name, "Microsoft.Exchange");
    assert_eq!((c.policy.create_method, c.exchange_loader), (CreateMethod::Enable, ExchangeLoader::SnapIn));
    assert!(c.allow_ntlm);
    assert_eq!(
        c.policy,
        Policy::default(),
        "what planning takes by default is what the file takes by default"
    );
    assert_eq!(c.max_removing_percent, None);
    assert_eq!(c.run_policy(true).merge.max_removed_addresses, None);
    assert_eq!(c.danger, Danger::default());
}

#[test]
fn json_says_the_same() {
    let json = r#"{"connections": {"corp": {"infrastructure": "hybrid", "server": "http://ex01.contoso.com/PowerShell/",
        "authentication": "negotiate", "username": "svc", "password": "env:PW"}}}"#;
    assert_eq!(parse(json).unwrap().connections, parse(GOOD).unwrap().connections);
    let wrong = json.replace("\"svc\"", "7");
    assert_eq!(
        problems(&wrong),
        "m.toml:2:52: connections.corp.username: this is a number, but must be a text"
    );
    let twice = json.replace("\"username\": \"svc\"", "\"username\": \"svc\", \"username\": \"b\"");
    assert!(problems(&twice).contains("the key is there twice"));
}

/// Ways to sign in to the cloud, with the keys of each that the template has.
const SIGN_IN: [(&str, &[&str]); 8] = [
    ("certificate", &["certificate_file", "certificate_password", "certificate_thumbprint"]),
    ("secret", &["client_secret"]),
    ("managed-identity", &["identity_client_id", "identity_url"]),
    ("workload-identity", &["federated_token_file"]),
    ("token", &["access_token", "graph_access_token"]),
    ("refresh-token", &["refresh_token_file", "refresh_token"]),
    ("authorization-code", &["refresh_token_file", "authorization_code", "redirect_uri"]),
    ("password", &["username", "password", "danger_password_sign_in"]),
];

#[test]
fn the_template_is_valid_with_every_key_switched_on() {
    parse(TEMPLATE).unwrap();
    let all: String = TEMPLATE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if key.starts_with('[') || key.split(' ').nth(1) == Some("=") => key,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
        .replace("infrastructure = \"on-premises\"", "infrastructure = \"hybrid\"")
        .replace("danger_password_sign_in = false", "danger_password_sign_in = true");
    let (server, cloud) = all.split_once("[connections.corp.cloud]").unwrap();
    // Keys of one way to sign in are refused beside those of another.
    let by = |way: &str, theirs: &[&str]| {
        let of_others = |line: &&str| {
            let key = line.split(' ').next().unwrap_or_default();
            !theirs.contains(&key) && SIGN_IN.iter().any(|(_, keys)| keys.contains(&key))
        };
        let mine: Vec<&str> = cloud.lines().filter(|line| !of_others(line)).collect();
        let mine = mine.join("\n").replace("\"certificate\"", &format!("\"{way}\""));
        parse(&format!("{server}[connections.corp.cloud]{mine}"))
    };
    for (way, theirs) in SIGN_IN {
        by(way, theirs).unwrap_or_else(|error| panic!("{way}: {error}"));
    }
    let (way, theirs) = SIGN_IN[0];
    let config = by(way, theirs).unwrap();
    assert_eq!(config.connections[0].timeouts.operation, Duration::from_secs(180));
    assert_eq!(config.connections[0].max_removing_percent, Some(20));
    assert!(config.connections[0].proxy.is_some());
    assert!(config.connections[0].export.schedule.is_some());
    assert_eq!(config.connections[0].cloud.as_ref().unwrap().licence.as_deref(), Some("ENTERPRISEPACK"));
    assert!(config.mail.is_some());
}

#[test]
fn unknown_keys_and_values() {
    check(
        &with("username", "usernam"),
        "5:1",
        "connections.corp.usernam: unknown key",
        "did you mean `username`?",
    );
    check(
        &with("\"negotiate\"", "\"kerberoz\""),
        "4:18",
        "connections.corp.authentication: unknown value `kerberoz`",
        "did you mean `kerberos`?",
    );
    check(&format!("{GOOD}[connections.corp.tls]\nca = \"x\"\n"), "8:1", "tls.ca: unknown key", "ca_file");
    check(&format!("titel = 1\n{GOOD}"), "1:1", "titel: unknown key", "connections");
    check(
        &format!("{GOOD}frobnicate = 1"),
        "7:1",
        "unknown key",
        "known here: infrastructure, authentication",
    );
}

#[test]
fn mistyped_values() {
    check(&format!("{GOOD}concurrency = \"3\""), "7:15", "must be a whole number", "");
    check(&format!("{GOOD}concurrency = 16"), "7:15", "16 is not from 1 to 15", "");
    check(&format!("{GOOD}allow_ntlm = 1"), "7:14", "must be true or false", "");
    check(&format!("{GOOD}replication_wait = \"120\""), "7:20", "`120` is not a duration", "\"30s\"");
    check(&format!("{GOOD}managed_types = \"X500\""), "7:17", "must be a list of texts", "");
    check(
        &format!("{GOOD}excluded_smtp_domains = [\"a.b\", \"*.\"]"),
        "7:33",
        "an empty domain",
        "contoso.com",
    );
    check(&format!("{GOOD}tls = 1"), "7:7", "must be a table", "");
    check("[connections.corp\n", "1:18", "", "");
    check("[connections]\n", "1:1", "connections: the key is missing", "mailwright init");
}

#[test]
fn rules_over_several_keys() {
    check(
        &with("infrastructure = \"hybrid\"\n", ""),
        "1:14",
        "infrastructure: the key is missing",
        "on-premises",
    );
    check(&with("\"hybrid\"", "\"cloud\""), "1:14", "corp.cloud: the key is missing", "");
    assert!(
        problems(&with("\"hybrid\"", "\"cloud\""))
            .contains("3:10: connections.corp.server: Exchange Online has no")
    );
    check(&with("username = \"svc\"\n", ""), "1:14", "username: the key is missing", "svc-idm");
    check(&with("password = \"env:PW\"\n", ""), "1:14", "password: the key is missing", "env:");
    check(&with("\"negotiate\"", "\"basic\""), "4:18", "in clear", "https");
    check(&with("\"negotiate\"", "\"certificate\""), "4:18", "certificate needs https", "");
    let by_address = with("ex01.contoso.com", "10.0.0.5").replace("negotiate", "kerberos");
    check(&by_address, "3:10", "not an IP address", "service principal");
    check(&with("http://", "ldap://"), "3:10", "http:// or https://", "PowerShell");
    check(&format!("{GOOD}hostname = \"ex01\""), "3:10", "both `server` and `hostname`", "keep one");
    check(&with("connections.corp", "connections.\"a/b\""), "1:14", "`/` cannot be in the name", "");
    let allowed = with("\"negotiate\"", "\"basic\"\ndanger_basic_over_http = true");
    assert!(parse(&allowed).unwrap().connections[0].danger.basic_over_http);
}

#[test]
fn a_plain_password_is_refused_and_never_repeated() {
    let text = with("env:PW", "Canary-7c1f!pw");
    check(&text, "6:12", "connections.corp.password: a secret must be a reference", "env:NAME");
    assert!(!format!("{:?}", parse(&text).unwrap_err()).contains("Canary"));
    let in_url = with("http://ex01", "http://svc:Canary-7c1f!pw@ex01");
    assert!(!format!("{:?}", parse(&in_url).unwrap_err()).contains("Canary"));
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = with("username", "usernam").replace("hybrid", "hybird").replace("env:", "");
    assert_eq!(problems(&text).lines().count(), 3, "{}", problems(&text));
}

#[test]
fn which_connection() {
    let two = format!("{GOOD}{}", GOOD.replace("corp", "lab"));
    let config = parse(&two).unwrap();
    assert_eq!(config.connection(Some("lab")).unwrap().name, "lab");
    assert!(config.connection(None).unwrap_err().hints()[0].contains("corp, lab"));
    assert!(config.connection(Some("copr")).unwrap_err().hints()[0].contains("did you mean `corp`?"));
}

#[test]
fn password_flows_and_mechanisms() {
    let connection = |text: &str| parse(text).unwrap().connections.remove(0);
    assert_eq!(connection(GOOD).check_password_flow(), Ok(()));
    let ntlm = connection(&with("\"negotiate\"", "\"ntlm\""));
    assert_eq!(ntlm.check_password_flow(), Ok(()));
    let ordinary = connection(&with("\"negotiate\"", "\"ntlm\"").replace("/PowerShell/", "/wsman"));
    assert!(matches!(ordinary.check_password_flow(), Err(Unusable::SecondHop("ntlm"))));
    assert_eq!(connection(&GOOD.replace("/PowerShell/", "/wsman")).check_password_flow(), Ok(()));
}

#[test]
fn sign_ins_that_other_products_have_are_refused_by_name() {
    for (word, hint) in [
        ("Digest", "negotiate"),
        ("none", "negotiate"),
        ("Anonymous", "negotiate"),
        ("Default", "negotiate"),
        ("NegotiateWithImplicitCredential", "ticket_cache"),
        ("OAuth", "kerberos"),
    ] {
        check(&with("negotiate", word), "4:18", &format!("`{word}` cannot be used"), hint);
    }
}

#[test]
fn what_belongs_to_the_road_goes_together() {
    let unverified = |how: &str| {
        with("http://", "https://")
            .replace("\"negotiate\"", &format!("\"{how}\"\ndanger_skip_tls_verification = true"))
    };
    for how in ["basic", "credssp"] {
        check(&unverified(how), "4:18", "lets anybody be the server", "server_certificate");
        let pinned =
            format!("{}[connections.corp.tls]\nserver_certificate = \"ex01.pem\"\n", unverified(how));
        assert!(parse(&pinned).is_ok());
    }
    assert!(parse(&unverified("ntlm")).is_ok());
    let certificate = with("http://", "https://").replace("negotiate", "certificate");
    check(&certificate, "4:18", "needs a client certificate and its key", "tls.client_key");
    let keys = "[connections.corp.tls]\nclient_certificate = \"a\"\nclient_key = \"b\"\n";
    let certificate = certificate.replace("username = \"svc\"\npassword = \"env:PW\"\n", "");
    assert!(parse(&format!("{certificate}{keys}")).is_ok());
    for tickets in ["keytab", "ticket_cache"] {
        let text = with("password = \"env:PW\"\n", "").replace("negotiate", "kerberos");
        assert!(parse(&format!("{text}[connections.corp.kerberos]\n{tickets} = \"x\"\n")).is_ok());
    }
    let by_address = with("ex01.contoso.com", "10.0.0.5").replace("negotiate", "kerberos");
    let spn = "[connections.corp.kerberos]\nspn = \"HTTP/ex01.contoso.com\"\n";
    assert!(parse(&format!("{by_address}{spn}")).is_ok());
    let proxy = |lines: &str| format!("{GOOD}[connections.corp.proxy]\n{lines}\n");
    check(&proxy("url = \"socks4://p\""), "8:7", "`socks4://p`: not the URL of a proxy", "socks5://");
    check(&proxy("url = \"http://p\"\nusername = \"u\""), "8:7", "go together", "neither");
    assert!(!problems(&proxy("url = \"http://u:canary@p\"")).contains("canary"));
    check(&format!("{GOOD}path = \"x\""), "7:8", "`path` goes with `hostname`", "`server`");
    assert_eq!(
        parse(&with("authentication = \"negotiate\"\n", "")).unwrap().connections[0].authentication,
        Authentication::Negotiate
    );
}

/// Every word changes exactly the choice that it names.
#[test]
fn the_policy_of_the_file() {
    let policy = |text: &str| parse(&format!("{GOOD}{text}")).unwrap().connections.remove(0).policy;
    let changed = |change: fn(&mut Policy)| {
        let mut policy = Policy::default();
        change(&mut policy);
        policy
    };
    type Case = (&'static str, fn(&mut Policy));
    let cases: [Case; 13] = [
        ("email_address_policy = \"disable\"", |p| p.disable_email_address_policy = true),
        ("empty_addresses = \"keep_primary\"", |p| p.merge.keep_primary_when_empty = true),
        ("primary = \"last\"", |p| p.merge.primary_is_last = true),
        ("excluded_primary = \"promote\"", |p| p.merge.promote_excluded_primary = true),
        ("excluded_secondary = \"drop\"", |p| p.merge.drop_excluded_secondary = true),
        ("keep_old_primary = true", |p| p.merge.keep_old_primary = true),
        ("protect_moera = false", |p| p.merge.protect_moera = false),
        ("force_case = true", |p| p.merge.force_case = true),
        ("managed_types = [\"X500\"]", |p| p.merge.managed_types = vec!["X500".into()]),
        ("max_removed_addresses = 0", |p| p.merge.max_removed_addresses = Some(0)),
        ("allow_remove = true", |p| p.allow_remove = true),
        ("create_method = \"new\"", |p| p.create_method = CreateMethod::New),
        ("domain_match = \"literal\"", |_| ()),
    ];
    for (text, change) in cases {
        assert_eq!(policy(text), changed(change), "{text}");
    }
    let excluded = |matching: &str| {
        policy(&format!("{matching}excluded_smtp_domains = [\"contoso.com\"]")).merge.excluded
    };
    let key = |address: &str| crate::address::key(address).unwrap();
    assert!(
        !excluded("").contains(&key("a@notcontoso.com")) && excluded("").contains(&key("a@sub.contoso.com"))
    );
    assert!(excluded("domain_match = \"literal\"\n").contains(&key("a@notcontoso.com")));
}

#[test]
fn the_samples_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let connection = |name: &str| Config::load(&folder.join(name)).unwrap().connections.remove(0);
    let on_premises = connection("on-premises.toml");
    assert_eq!(
        (on_premises.policy.create_method, on_premises.max_removing_percent),
        (CreateMethod::New, Some(20))
    );
    assert_eq!(connection("hybrid.toml").infrastructure, Infrastructure::Hybrid);
    let ordinary = connection("ordinary-endpoint.toml");
    assert_eq!(ordinary.endpoint.to_string(), "http://tools01.contoso.com:5985/wsman");
    assert_eq!(ordinary.configuration_name, "Microsoft.PowerShell");
}

#[test]
fn the_vault_is_checked_like_everything_else() {
    let vault = |lines: &str| format!("[vault]\n{lines}\n{GOOD}");
    let config = parse(&vault("address = \"http://127.0.0.1:8200\"\ntoken = \"env:T\"")).unwrap();
    assert_ne!(config.connections[0].secrets, Secrets::default());
    check(&vault("addres = \"https://v\""), "2:1", "vault.addres: unknown key", "did you mean `address`?");
    check(&vault("address = \"http://vault:8200\""), "2:11", "sent in clear", "danger_token_over_http");
    parse(&vault("address = \"http://vault:8200\"\ndanger_token_over_http = true")).unwrap();
    check(&vault("address = \"https://u:p@vault\""), "2:11", "carries a user or a password (not shown)", "");
    check(&vault("token = \"hvs.Canary\""), "2:9", "a secret must be a reference", "vault:mount/path#field");
    check(&vault("token = \"vault:a/b#c\""), "1:1", "cannot hold what opens it", "use env:");
    check(
        &vault("[vault.approle]\nsecret_id = \"env:S\""),
        "2:1",
        "vault.approle.role_id: the key is missing",
        "",
    );
    let both = vault("token = \"env:T\"\n[vault.approle]\nrole_id = \"env:R\"");
    check(&both, "1:1", "two ways to sign in", "one of them");
    check(
        &with("env:PW", "vault:kv#pw"),
        "6:12",
        "needs mount/path#field",
        "vault:secret/idm/exchange#password",
    );
}
