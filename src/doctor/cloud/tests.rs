use wsman::psrp::{ErrorCategory, ErrorRecord, Outcome};

use super::*;
use crate::config::Config;
use crate::doctor::Verdict;
use crate::exchange::Answer;

fn settings(keys: &str) -> Connection {
    let text = format!(
        "[connections.online]\ninfrastructure = \"cloud\"\n[connections.online.cloud]\ntenant = \"contoso.onmicrosoft.com\"\n\
         application_id = \"app\"\ncertificate_file = \"/nowhere/bridge.pem\"\n{keys}"
    );
    let config = Config::parse("m.toml".as_ref(), text).unwrap();
    config.connection(None).unwrap().clone()
}

fn cloud(keys: &str) -> Cloud {
    settings(keys).cloud.unwrap()
}

fn seen(status: u16, led: Led) -> Seen {
    Seen { status, headers: Vec::new(), diagnostics: None, body: Vec::new().into(), led }
}

fn claims(permissions: &[&str]) -> Claims {
    let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
    Claims { is_readable: true, permissions, ..Claims::default() }
}

fn answer() -> Answer {
    Answer { objects: Vec::new(), errors: Vec::new(), warnings: Vec::new(), outcome: Outcome::Completed }
}

/// The recorded grades: neither permission nor role 401, the permission alone 403, both 200; and a token for the other interface.
#[test]
fn each_grade_has_words_of_its_own() {
    let zeros = || Led::Failed("without a reason".into());
    let none = permission(&seen(401, Led::NewToken), &claims(&[]));
    let late = permission(&seen(401, Led::NewToken), &claims(&[MANAGE]));
    let no_role = permission(&seen(403, zeros()), &claims(&[MANAGE]));
    let other = permission(&seen(403, zeros()), &claims(&[MANAGE_V2]));
    let proxy = permission(&seen(407, Led::Failed("a web page".into())), &claims(&[MANAGE]));
    for check in [&none, &late, &no_role, &other, &proxy] {
        assert_eq!(check.status, Verdict::Failed, "{check:?}");
    }
    assert!(none.detail.contains("lacks") && none.hint.unwrap().contains("admin consent"));
    assert!(late.detail.contains("not taken") && late.hint.unwrap().contains("wait"));
    assert!(no_role.detail.contains("no role") && no_role.hint.unwrap().contains("Add-RoleGroupMember"));
    assert!(other.detail.contains("another interface"));
    let expired = Claims { fault: Some("the token has expired, 3 minutes ago".into()), ..claims(&[]) };
    let expired = permission(&seen(401, Led::NewToken), &expired);
    assert!(expired.detail.contains("has expired") && !expired.hint.unwrap().contains("consent"));
    assert!(proxy.detail.contains("a web page"));
    assert_eq!(permission(&seen(200, Led::Done(answer())), &claims(&[MANAGE])).status, Verdict::Ok);
    let told = Seen { diagnostics: Some("2000008;reason".into()), ..seen(403, zeros()) };
    assert!(permission(&told, &claims(&[MANAGE])).detail.contains("2000008"));
    let refused = Answer {
        outcome: Outcome::Failed(Some(Box::new(ErrorRecord {
            exception_types: Vec::new(),
            message: "not in the role".into(),
            target_object: wsman::clixml::Value::Nil,
            fully_qualified_error_id: String::new(),
            category: ErrorCategory::default(),
            details_message: None,
            recommended_action: None,
            raw: wsman::clixml::Value::Nil,
        }))),
        ..answer()
    };
    assert!(
        permission(&seen(400, Led::Done(refused)), &claims(&[MANAGE])).detail.contains("not in the role")
    );
    // A person consents to another permission.
    let person = Claims { person: Some("ada@contoso.com".into()), ..claims(&[MANAGE_PERSON]) };
    assert!(permission(&seen(401, Led::NewToken), &person).detail.contains("not taken"));
}

#[test]
fn what_the_settings_need_of_graph() {
    let detail = |keys: &str, makes, permissions: &[&str], tried| {
        let check = graph(&cloud(keys), makes, &claims(permissions), tried);
        (check.status, check.detail)
    };
    let licence = "licence = \"ENTERPRISEPACK\"\n";
    let (status, text) = detail(licence, false, &["User.Read.All"], Ok(()));
    assert_eq!(status, Verdict::Failed);
    assert!(text.contains("LicenseAssignment.ReadWrite.All") && text.contains("Organization.Read.All"));
    assert!(!text.contains("to read users") && !text.contains("to write users"), "{text}");
    let narrow = ["User.Read.All", "LicenseAssignment.ReadWrite.All", "Organization.Read.All"];
    assert_eq!(detail(licence, false, &narrow, Ok(())).0, Verdict::Ok);
    // Who has no country is given one, which writes the user.
    let (status, text) = detail(&format!("{licence}usage_location = \"DE\"\n"), false, &narrow, Ok(()));
    assert!(status == Verdict::Failed && text.contains("User.ReadWrite.All"), "{text}");
    assert_eq!(detail("", true, &["User.ReadWrite.All"], Ok(())).0, Verdict::Ok);
    let (status, text) = detail("", true, &["User.ReadWrite.All"], Err("denied".into()));
    assert!(status == Verdict::Failed && text.contains("denied"));
    // A token that says nothing leaves only what was tried.
    assert_eq!(graph(&cloud(licence), true, &Claims::default(), Ok(())).status, Verdict::Ok);
}

#[test]
fn seats_and_countries() {
    let cloud = cloud("licence = \"EnterprisePack\"\n");
    let sku = |part_number: &str, consumed, has_exchange| Sku {
        id: uuid::Uuid::from_u128(1),
        part_number: part_number.into(),
        enabled: 100,
        consumed,
        has_exchange,
    };
    let of = |sku| licence(&cloud, Ok(vec![sku]));
    let check = of(sku("ENTERPRISEPACK", 40, true));
    assert_eq!((check.status, check.warning), (Verdict::Ok, None));
    assert!(check.detail.contains("60 of 100"));
    assert!(of(sku("ENTERPRISEPACK", 95, true)).warning.unwrap().contains("few"));
    assert!(of(sku("ENTERPRISEPACK", 120, true)).warning.unwrap().contains("no seat"));
    assert_eq!(of(sku("ENTERPRISEPACK", 0, false)).status, Verdict::Failed);
    let other = of(sku("SPE_E3", 0, true));
    assert!(other.status == Verdict::Failed && other.hint.unwrap().contains("SPE_E3"));
    assert!(usage_location(&cloud).warning.is_some());
}

#[test]
fn a_certificate_and_its_days() {
    let held = |days: u64| Held {
        file: None,
        thumbprint: "AB".into(),
        bits: 2048,
        begin: 1_000,
        end: 1_000 + days * DAY,
    };
    assert_eq!(certificate(Ok(held(300)), 1_000).warning, None);
    assert!(certificate(Ok(held(300)), 1_000).detail.contains("300 days left"));
    assert!(certificate(Ok(held(3)), 1_000).warning.unwrap().contains("ends soon"));
    let of = |now: u64| certificate(Ok(Held { file: Some("/etc/bridge.pem".into()), ..held(3) }), now);
    let (late, early) = (of(1_001 + 5 * DAY), of(999));
    assert_eq!((late.status, early.status), (Verdict::Failed, Verdict::Failed));
    assert!(late.detail.contains("/etc/bridge.pem has expired, 2 days ago"), "{late:?}");
    let hint = late.hint.unwrap();
    assert!(
        hint.contains("make a new one") && !hint.contains("password") && !hint.contains("thumbprint"),
        "{hint}"
    );
    assert!(early.detail.contains("not valid yet") && early.hint.unwrap().contains("clock"));
}

#[test]
fn hidden_cmdlets_are_named() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let reads = ["Get-AcceptedDomain", "Get-Mailbox", "get-recipient", "Get-User"];
    let check = cmdlets(&settings(""), &names(&reads));
    assert!(
        check.status == Verdict::Failed && check.detail.contains("Set-Mailbox, New-Mailbox"),
        "{check:?}"
    );
    let all = [&reads[..], &["Set-Mailbox", "New-Mailbox"]].concat();
    assert_eq!(cmdlets(&settings(""), &names(&all)).status, Verdict::Ok);
}
