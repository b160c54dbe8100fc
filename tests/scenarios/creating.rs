//! Mailboxes made and taken away.

use serde_json::json;

use super::bench::{Bench, directory, message, name, remote_mailbox, user};

/// A joiner with a password, a database and three addresses; the last one is primary.
const JOINER: &str = "\
Identity,Name,UserPrincipalName,_param_password,_param_Database,EmailAddresses\n\
ada@contoso.com,Ada Lovelace,ada@contoso.com,Canary-7c1f!pw,DB01,ada.l@contoso.com;al@fabrikam.com;ada.lovelace@contoso.com\n";

#[test]
fn s01_on_premises_new() {
    let bench = Bench::new(&directory([]));
    bench.connect("on-premises", "new", "");
    let made = bench.apply_one(JOINER, 0);
    assert_eq!(made["action"], "created", "{made}");
    assert_eq!(bench.written(), ["New-Mailbox", "Set-Mailbox"]);
    let writes = bench.writes();
    assert_eq!(writes[0]["parameters"]["Password"], "***");
    assert_eq!(writes[0]["parameters"]["Database"], "DB01");
    // The primary address takes the mailbox out of the policy; nothing more is needed for that.
    assert_eq!(writes[0]["parameters"]["PrimarySmtpAddress"], "ada.lovelace@contoso.com");
    assert!(writes[1]["parameters"].get("EmailAddressPolicyEnabled").is_none(), "{}", writes[1]);
    let wanted = ["SMTP:ada.lovelace@contoso.com", "smtp:ada.l@contoso.com", "smtp:al@fabrikam.com"];
    assert_eq!(bench.addresses("ada@contoso.com"), wanted);

    let again = bench.apply_one(JOINER, 0);
    assert_eq!(again["action"], "unchanged", "{again}");
    assert_eq!(bench.written().len(), 2, "the second run writes nothing");
}

#[test]
fn s20_disable_of_a_remote_mailbox_with_an_archive() {
    let mut archived = remote_mailbox("ada");
    archived["Archive"] = json!(true);
    let bench = Bench::new(&directory([archived, remote_mailbox("bob"), user("carl")]));
    bench.connect("hybrid", "enable", "");
    let flow = "ChangeId,Operation,Identity\nd1,disable,ada\n";

    // Both stages are in the plan; the second one waits for directory synchronisation.
    let planned = bench.flow("plan", flow, 0);
    let steps = planned[0]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "{planned:?}");
    assert!(steps.iter().all(|step| step["cmdlet"] == "Disable-RemoteMailbox"));
    assert_eq!(
        (&steps[0]["parameters"]["Archive"], steps[1]["parameters"].get("Archive")),
        (&json!(true), None)
    );

    let first = bench.apply_one(flow, 5);
    assert_eq!(first["action"], "pending", "{first}");
    assert!(first["warnings"].to_string().contains("directory synchronisation"), "{first}");
    let writes = bench.writes();
    assert_eq!((writes.len(), &writes[0]["parameters"]["Archive"]), (1, &json!(true)), "{writes:?}");

    let second = bench.apply_one(flow, 0);
    assert_eq!(second["action"], "disabled", "{second}");
    let writes = bench.writes();
    assert_eq!((writes.len(), writes[1]["parameters"].get("Archive")), (2, None), "{writes:?}");

    // What would delete the directory user is refused, and nothing like it was ever sent.
    let refused = bench.apply_one("Operation,Identity\nremove,bob\n", 1);
    assert_eq!(
        (&refused["action"], &refused["error"]["class"]),
        (&"refused".into(), &"refused_by_rule".into())
    );
    assert!(message(&refused).contains("directory user"), "{refused}");
    assert!(bench.cmdlets().iter().all(|entry| !name(entry).starts_with("Remove-")));
    assert_eq!(bench.get("Get-User", "ada")["SamAccountName"], "ada", "the directory user is still there");
    bench.connect("hybrid", "enable", "allow_remove = true");
    assert_eq!(bench.apply_one("Operation,Identity\nremove,bob\n", 0)["action"], "removed");
}
