//! Ways to Exchange, and what goes over them.

use super::bench::{Bench, directory, mailbox, message};

#[test]
fn s15_injection() {
    let evil = "'; Remove-Mailbox * -Confirm:$false; '";
    let bench = Bench::new(&directory([
        mailbox("ada", &["SMTP:ada@contoso.com"]),
        mailbox("bob", &["SMTP:o'brien@contoso.com"]),
    ]));
    bench.connect("on-premises", "enable", "");
    let made = bench.apply_one(&format!("Identity,DisplayName\nada,\"{evil}\"\n"), 0);
    assert_eq!(made["action"], "updated", "{made}");
    assert_eq!(bench.get("Get-Mailbox", "ada")["DisplayName"], evil, "stored as it is");
    // Quotation marks in what is looked up: one that is there, and one that would match everything.
    assert_eq!(bench.apply_one("Identity,CustomAttribute1\no'brien@contoso.com,x\n", 0)["action"], "updated");
    let missing = bench.apply_one("Operation,Identity,CustomAttribute1\nupdate,x' -or Name -like '*,x\n", 1);
    assert_eq!((&missing["action"], bench.written().len()), (&"refused".into(), 2), "{missing}");
    // An address that is looked up in a filter.
    let taken = bench.apply_one("Identity,EmailAddresses\nada,o'brien@contoso.com;ada@contoso.com\n", 1);
    assert!(message(&taken).contains("o'brien@contoso.com"), "{taken}");
    assert!(bench.cmdlets().iter().all(|entry| !entry["cmdlet"].as_str().unwrap().starts_with("Remove-")));
}
