//! Scenarios 11 and 12: addresses, and what directory synchronisation owns.

use serde_json::json;

use super::{INITIAL, connect, mailbox, tenant, there};
use crate::scenarios::bench::{Bench, message};

#[test]
fn c11_what_is_not_managed_stays() {
    let ada = there(
        "ada",
        "UserMailbox",
        &json!({"EmailAddresses": ["SMTP:ada@contoso.com", "smtp:old@contoso.com", format!("smtp:ada@{INITIAL}"),
                "smtp:ada@contoso.mail.onmicrosoft.com", "X500:/o=Contoso/cn=ada", "SIP:ada@contoso.com", "SPO:SPO_1@SPO_2"]}),
    );
    let eve = there("eve", "SharedMailbox", &json!({}));
    let bench = Bench::new(&tenant(&[ada, eve]));
    connect(&bench, "enable", "excluded_smtp_domains = [\"contoso.mail.onmicrosoft.com\"]", "");
    let flow = |addresses: &str| format!("Identity,EmailAddresses\nada@contoso.com,{addresses}\n");
    let changed = bench.apply_one(&flow("ada@contoso.com;a.lovelace@contoso.com"), 0);
    assert_eq!(changed["action"], "updated", "{changed}");
    let mut wanted = vec![
        "SIP:ada@contoso.com".to_owned(),
        "SMTP:a.lovelace@contoso.com".to_owned(),
        "SPO:SPO_1@SPO_2".to_owned(),
        "X500:/o=Contoso/cn=ada".to_owned(),
        "smtp:ada@contoso.com".to_owned(),
        "smtp:ada@contoso.mail.onmicrosoft.com".to_owned(),
        format!("smtp:ada@{INITIAL}"),
    ];
    wanted.sort();
    assert_eq!(bench.addresses("ada@contoso.com"), wanted);
    assert_eq!(bench.apply_one(&flow("ada@contoso.com;a.lovelace@contoso.com"), 0)["action"], "unchanged");
    // Somebody else's address names its owner; a domain that is not accepted and an empty list are refused before any call.
    let before = bench.writes().len();
    let conflict = bench.apply_one(&flow("eve@contoso.com;a.lovelace@contoso.com"), 1);
    assert_eq!(conflict["error"]["class"], "conflict", "{conflict}");
    assert!(conflict["error"]["owner"].as_str().unwrap().contains("SharedMailbox"), "{conflict}");
    assert_eq!(bench.apply_one(&flow("a@nowhere.example"), 1)["error"]["class"], "refused_by_rule");
    bench.place.write("flow.jsonl", "{\"Identity\": \"ada@contoso.com\", \"EmailAddresses\": []}\n");
    assert_eq!(bench.results(&["apply", "flow.jsonl"], 1)[0]["action"], "refused");
    assert_eq!(bench.writes().len(), before);
    // A primary address of its own keeps the former one.
    let primary = "Identity,PrimarySmtpAddress\nada@contoso.com,ada@fabrikam.com\n";
    assert_eq!(bench.apply_one(primary, 0)["action"], "updated");
    let after = bench.addresses("ada@contoso.com");
    assert!(after.contains(&"SMTP:ada@fabrikam.com".to_owned()), "{after:?}");
    assert!(after.contains(&"smtp:a.lovelace@contoso.com".to_owned()), "{after:?}");
}

#[test]
fn c12_what_is_synchronised_is_written_where_it_is_mastered() {
    let synced = there("syn", "UserMailbox", &json!({"IsDirSynced": true}));
    let managed = there("man", "UserMailbox", &json!({"IsDirSynced": true, "IsExchangeCloudManaged": true}));
    let bench = Bench::new(&tenant(&[synced, managed]));
    connect(&bench, "enable", "", "");
    let flow = |who: &str, column: &str| format!("Identity,{column}\n{who}@contoso.com,x\n");
    let refused = bench.apply_one(&flow("syn", "CustomAttribute1"), 1);
    assert_eq!(
        (&refused["action"], &refused["error"]["class"]),
        (&"refused".into(), &"refused_by_rule".into())
    );
    assert!(message(&refused).contains("mastered on-premises"), "{refused}");
    assert_eq!(bench.apply_one(&flow("man", "CustomAttribute1"), 0)["action"], "updated");
    assert_eq!(bench.apply_one(&flow("man", "DisplayName"), 1)["error"]["class"], "refused_by_rule");
    let own = "Identity,ProhibitSendQuota,ProhibitSendReceiveQuota,IssueWarningQuota\nsyn@contoso.com,20GB,21GB,19GB\n";
    let changed = bench.apply_one(own, 0);
    assert_eq!(changed["action"], "updated", "{changed}");
    assert_eq!(mailbox(&bench, "man@contoso.com")["CustomAttribute1"], "x");
    // A flow may hand the attributes over, and then write them.
    let before = bench.writes().len();
    let column = "Identity,CustomAttribute1,IsExchangeCloudManaged\nsyn@contoso.com,x,true\n";
    let handed_over = bench.apply_one(column, 0);
    assert_eq!(handed_over["action"], "updated", "{handed_over}");
    assert_eq!(bench.writes().len(), before + 2, "the flag, then what it allows");
}
