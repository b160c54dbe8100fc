//! The directory that the program starts with.

use super::*;

const DIRECTORY: &str = include_str!("../../../samples/directory.json");

#[test]
fn the_sample_directory_is_a_company() {
    let seed = Seed::from_json(DIRECTORY).unwrap();
    let count = seed.objects.len();
    let mut exchange = Exchange::new(seed, Options::default()).unwrap();
    assert!(count >= 150, "{count}");
    assert!(exchange.password(Some("CONTOSO"), "svc-idm").is_some());
    let mut session = exchange.session(Endpoint::PowerShell, "svc-idm", Serialization::Default);
    for (cmdlet, identity) in [
        ("Get-User", "enable001"),
        ("Get-Mailbox", "rename001"),
        ("Get-Mailbox", "move001"),
        ("Get-Mailbox", "x500-001"),
        ("Get-Mailbox", "leaver001"),
        ("Get-Mailbox", "policy001"),
        ("Get-RemoteMailbox", "remote001"),
        ("Get-Mailbox", "room01"),
        ("Get-Mailbox", "info@contoso.com"),
    ] {
        let mut found = 0;
        session.run(
            &mut exchange,
            &[cmd(cmdlet).parameter("Identity", text(identity))],
            NOW,
            &mut |record| {
                found += i32::from(matches!(record, Record::Output(_)));
            },
        );
        assert_eq!(found, 1, "{cmdlet} {identity}");
    }
}

#[test]
fn a_dump_loads_again_and_dumps_the_same() {
    let first = Exchange::new(Seed::from_json(DIRECTORY).unwrap(), Options::default()).unwrap().dump();
    let second =
        Exchange::new(Seed::from_json(&first.to_string()).unwrap(), Options::default()).unwrap().dump();
    assert_eq!(first, second);
}

#[test]
fn contradictions_in_a_seed_are_named() {
    let with = |object: &str| {
        let text = COMPANY.replace("\"objects\": [", &format!("\"objects\": [{object},"));
        Exchange::new(Seed::from_json(&text).unwrap(), Options::default()).unwrap_err().to_string()
    };
    for (object, part) in [
        (
            r#"{"RecipientTypeDetails": "Mailbox", "Name": "x"}"#,
            "object 1 (x): RecipientTypeDetails Mailbox is unknown",
        ),
        (
            r#"{"RecipientTypeDetails": "UserMailbox", "Name": "x", "EmailAddresses": ["SMTP:no"]}"#,
            "no SMTP address",
        ),
        (r#"{"Name": "x", "OrganizationalUnit": "contoso.com/Nowhere"}"#, "organizational unit"),
        (
            r#"{"RecipientTypeDetails": "UserMailbox", "Name": "x", "EmailAddresses": ["SMTP:cora@contoso.com"]}"#,
            "also an address of",
        ),
        (r#"{"Name": "x", "SamAccountName": "ada"}"#, "SamAccountName ada"),
    ] {
        let message = with(object);
        assert!(message.contains(part), "{message}");
    }
    assert!(Seed::from_json("{").is_err());
}

#[test]
fn generated_companies_have_the_size_that_was_asked_for() {
    let seed = Seed::from_json(COMPANY).unwrap().with_generated(20);
    assert!(Exchange::new(seed, Options::default()).is_ok());
    let mut exchange = Exchange::new(Seed::generated(300), Options::default()).unwrap();
    let mut session = exchange.session(Endpoint::PowerShell, "svc-idm", Serialization::Default);
    let mut found = 0;
    session.run(&mut exchange, &[cmd("Get-Mailbox")], NOW, &mut |_| found += 1);
    assert_eq!(found, 300);
}
