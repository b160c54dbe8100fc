//! Scenario 10: a mailbox for a user is a licence and some patience.

use serde_json::json;

use super::{connect, count, mailbox, person, steps, tenant, there};
use crate::scenarios::bench::{Bench, message};

const FLOW: &str = "ChangeId,Identity,EmailAddresses,CustomAttribute1\n\
                    ada,ada@contoso.com,a.lovelace@contoso.com;ada@contoso.com,x\n";

#[test]
fn c10_a_licence_brings_the_mailbox() {
    let bench = Bench::new(&tenant(&[person("ada")]));
    connect(&bench, "enable", "", "");
    let planned = bench.flow("plan", FLOW, 0);
    let wanted = ["Update-MgUser", "Set-MgUserLicense", "Get-Mailbox", "Set-Mailbox"];
    assert_eq!(steps(&planned[0]), wanted, "{planned:?}");
    assert!(bench.writes().is_empty());
    let made = bench.apply_one(FLOW, 0);
    assert_eq!(made["action"], "created", "{made}");
    assert_eq!(steps(&made), ["Update-MgUser", "Set-MgUserLicense", "Set-Mailbox"]);
    let ada = mailbox(&bench, "ada@contoso.com");
    assert_eq!(ada["CustomAttribute1"], "x");
    assert_eq!(made["guid"], ada["ExternalDirectoryObjectId"]);
    assert!(bench.addresses("ada@contoso.com").contains(&"smtp:a.lovelace@contoso.com".to_owned()));
    // Done is done.
    let before = bench.writes().len();
    let again = bench.apply_one(&FLOW.replace("ChangeId,", "").replace("\nada,", "\n"), 0);
    assert_eq!((&again["action"], bench.writes().len()), (&"unchanged".into(), before), "{again}");
}

#[test]
fn c10_without_a_place_or_a_seat_nothing_is_written() {
    let mut seed = tenant(&[person("ada")]);
    seed["cloud"]["skus"] = json!([{"id": "18181a46-0d4e-45cd-891e-60aabd171b4e", "part_number": "STANDARDPACK", "enabled": 0,
        "plans": [{"id": "9aaf7827-d63c-4b61-89c3-182f06f82e5c", "name": "EXCHANGE_S_STANDARD", "service": "exchange"}]}]);
    let bench = Bench::new(&seed);
    for (cloud, class, words) in [
        ("licence = \"STANDARDPACK\"", "refused_by_rule", "no seat of STANDARDPACK"),
        ("licence = \"ENTERPRISEPACK\"", "invalid_input", "the tenant has no licence `ENTERPRISEPACK`"),
    ] {
        connect(&bench, "enable", "", cloud);
        let refused = bench.apply_one(FLOW.replace("ada,ada@", &format!("{class},ada@")).as_str(), 1);
        assert_eq!(
            (&refused["action"], &refused["error"]["class"]),
            (&"refused".into(), &class.into()),
            "{refused}"
        );
        assert!(message(&refused).contains(words), "{refused}");
    }
    let bench = Bench::new(&tenant(&[person("ada")]));
    connect(&bench, "enable", "", "# no usage_location");
    let refused = bench.apply_one(FLOW, 1);
    assert_eq!(refused["error"]["class"], "invalid_input", "{refused}");
    assert!(refused["error"]["hint"].as_str().unwrap().contains("UsageLocation"), "{refused}");
    assert!(bench.writes().is_empty());
}

#[test]
fn c10_a_wait_survives_the_end_of_the_program() {
    let mut slow = person("ada");
    slow["MailboxDelay"] = json!(4000);
    let bench = Bench::new(&tenant(&[slow]));
    connect(&bench, "enable", "", "mailbox_wait = \"0s\"");
    let waits = bench.apply_one(FLOW, 5);
    assert_eq!(
        (&waits["action"], &waits["error"]["class"]),
        (&"pending".into(), &"transient".into()),
        "{waits}"
    );
    assert!(message(&waits).contains("the mailbox that the licence brings"), "{waits}");
    let status = bench.run(&["status"]);
    assert!(status.stdout.contains("pending"), "{status:?}");
    // The next run goes on, waits, and neither gives the licence again nor forgets the rest.
    connect(&bench, "enable", "", "");
    let made = bench.apply_one(FLOW, 0);
    assert_eq!((&made["action"], steps(&made)), (&"created".into(), vec!["Set-Mailbox"]), "{made}");
    assert_eq!(count(&bench, "Set-MgUserLicense"), 1);
    assert_eq!(mailbox(&bench, "ada@contoso.com")["CustomAttribute1"], "x");
}

#[test]
fn c10_a_mailbox_that_never_comes_is_a_failure_in_the_end() {
    let mut never = person("ada");
    never["MailboxDelay"] = json!(3_600_000);
    let bench = Bench::new(&tenant(&[never]));
    connect(&bench, "enable", "", "mailbox_wait = \"1s\"");
    assert_eq!(bench.apply_one(FLOW, 5)["action"], "pending");
    connect(&bench, "enable", "", "mailbox_wait = \"1s\"\nmailbox_timeout = \"1s\"");
    let failed = bench.apply_one(FLOW, 1);
    assert_eq!(
        (&failed["action"], &failed["error"]["class"]),
        (&"failed".into(), &"not_found".into()),
        "{failed}"
    );
    assert!(message(&failed).contains("mailbox_timeout"), "{failed}");
    assert_eq!(count(&bench, "Set-MgUserLicense"), 1);
}

#[test]
fn c10_what_comes_later_stays_behind_the_one_that_waits() {
    let mut slow = person("ada");
    slow["MailboxDelay"] = json!(2500);
    let bench = Bench::new(&tenant(&[slow, there("eve", "UserMailbox", &json!({}))]));
    connect(&bench, "enable", "concurrency = 1", "");
    let flow = "Identity,Operation,CustomAttribute1\nada@contoso.com,ensure,1\nada@contoso.com,update,2\neve,update,3\n\
                ada@contoso.com,update,4\n";
    let results = bench.flow("apply", flow, 0);
    let actions: Vec<_> = results.iter().map(|result| result["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["created", "updated", "updated", "updated"], "{results:?}");
    let writes = bench.writes();
    let values: Vec<_> =
        writes.iter().filter_map(|entry| entry["parameters"]["CustomAttribute1"].as_str()).collect();
    // Nobody else waits for Ada's mailbox, and her changes come in their order.
    assert_eq!(values, ["3", "1", "2", "4"]);
}

#[test]
fn c10_a_mailbox_ends_with_its_licence() {
    let group = "11111111-2222-4333-8444-555555555555";
    let by_group = there(
        "bob",
        "UserMailbox",
        &json!({"LicensesByGroup": [format!("ENTERPRISEPACK {group}")], "AssignedLicenses": []}),
    );
    let ada = there("ada", "UserMailbox", &json!({"MailboxDelay": 700}));
    let shared = there("info", "SharedMailbox", &json!({}));
    let bench = Bench::new(&tenant(&[ada, by_group, shared]));
    connect(&bench, "enable", "", "");
    let flow = |who: &str| format!("Identity,Operation\n{who}@contoso.com,disable\n");
    let ended = bench.apply_one(&flow("ada"), 0);
    assert_eq!((&ended["action"], steps(&ended)), (&"disabled".into(), vec!["Set-MgUserLicense"]), "{ended}");
    let again = bench.apply_one(&flow("ada"), 0);
    assert_eq!(again["action"], "unchanged", "{again}");
    let refused = bench.apply_one(&flow("bob"), 1);
    assert_eq!(refused["error"]["class"], "refused_by_rule", "{refused}");
    assert!(message(&refused).contains("group"), "{refused}");
    assert_eq!(bench.apply_one(&flow("info"), 1)["error"]["class"], "unsupported");
    assert_eq!(count(&bench, "Set-MgUserLicense"), 1);
}

#[test]
fn c10_somebody_else_gives_the_licence() {
    // No permission in Graph is needed then, and none is used.
    let mut ada = person("ada");
    ada["UsageLocation"] = json!("CH");
    ada["MailboxDelay"] = json!(2500);
    let bench = Bench::new(&tenant(&[ada]));
    connect(&bench, "enable", "", "licence = \"elsewhere\"");
    let licence = "AddLicenses=6fd2c87f-b296-42f0-b197-1e91e994b900";
    let given = bench.run(&["invoke", "Set-MgUserLicense", "UserId=ada@contoso.com", licence]);
    assert_eq!(given.code, Some(0), "{given:?}");
    let before = bench.cmdlets().len();
    let made = bench.apply_one("Identity,CustomAttribute1\nada@contoso.com,x\n", 0);
    assert_eq!(steps(&made), ["Set-Mailbox"], "{made}");
    assert_eq!(mailbox(&bench, "ada@contoso.com")["CustomAttribute1"], "x");
    let graph = bench.cmdlets()[before..].iter().filter(|entry| super::name(entry).contains("-Mg")).count();
    assert_eq!(graph, 0);
}

#[test]
fn c10_no_seat_is_spent_on_a_mailbox_that_nobody_may_see() {
    let mut seed = tenant(&[person("ada")]);
    let refused = json!({"http": {"status": 403, "body": "zeros"}});
    seed["cloud"]["faults"] = json!([{"cmdlet": "Get-Mailbox", "times": 1000, "kind": refused}]);
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "", "");
    let failed = bench.apply_one(FLOW, 1);
    assert_eq!(failed["error"]["class"], "access_denied", "{failed}");
    assert!(bench.writes().is_empty(), "{:?}", bench.writes());
}
