//! The address list: what is managed, what is not, and who stands in the way.

use serde_json::json;

use super::bench::{Bench, ROUTING, directory, mailbox, message};

const EXCLUDED: &str = "excluded_smtp_domains = [\"contoso.mail.onmicrosoft.com\"]";

#[test]
fn s04_excluded_domains() {
    let (x500, sip) = ("X500:/o=Old/ou=First/cn=Recipients/cn=Ada", "sip:ada@contoso.com");
    let routing = format!("smtp:ada@t.{ROUTING}");
    let before = ["SMTP:ada@contoso.com", "smtp:old@contoso.com", x500, sip, &routing];
    let bench = Bench::new(&directory([
        mailbox("ada", &before),
        mailbox("bob", &["SMTP:bob@contoso.com", "smtp:bob@notcontoso.com"]),
    ]));
    bench.connect("on-premises", "enable", EXCLUDED);
    let flow = "Identity,EmailAddresses\nada,ada@contoso.com;ada.lovelace@contoso.com\n";
    assert_eq!(bench.apply_one(flow, 0)["action"], "updated");
    let wanted = ["SMTP:ada.lovelace@contoso.com", x500, sip, "smtp:ada@contoso.com", &routing];
    assert_eq!(bench.addresses("ada"), wanted);
    let again = bench.apply_one(flow, 0);
    assert_eq!((again["action"].as_str().unwrap(), bench.written().len()), ("unchanged", 1));

    // A domain that merely ends in an excluded one is not excluded: its address goes.
    bench.connect("on-premises", "enable", "excluded_smtp_domains = [\"contoso.com\"]");
    let flow = "Identity,EmailAddresses\nbob,bob@fabrikam.com\n";
    let kept = bench.apply_one(flow, 0);
    assert_eq!(kept["action"], "updated", "{kept}");
    assert_eq!(bench.addresses("bob"), ["SMTP:bob@fabrikam.com", "smtp:bob@contoso.com"]);
}

#[test]
fn s05_primary_in_an_excluded_domain() {
    let primary = format!("SMTP:ada@{ROUTING}");
    let bench = Bench::new(&directory([mailbox("ada", &[&primary, "smtp:ada@contoso.com"])]));
    bench.connect("on-premises", "enable", EXCLUDED);
    // The flow's own primary may not be there, and then nothing is touched.
    let refused = bench.apply_one(&format!("Identity,EmailAddresses\nada,a@contoso.com;a@{ROUTING}\n"), 1);
    assert_eq!(
        (&refused["action"], &refused["error"]["class"]),
        (&"refused".into(), &"refused_by_rule".into())
    );
    assert!(message(&refused).contains("R11"), "{refused}");
    assert_eq!(bench.written(), [""; 0]);
    assert_eq!(bench.apply_one("Identity,EmailAddresses\nada,ada@contoso.com\n", 0)["action"], "updated");
    assert_eq!(bench.addresses("ada"), ["SMTP:ada@contoso.com".to_owned(), format!("smtp:ada@{ROUTING}")]);
}

#[test]
fn s06_empty_flow() {
    let bench = Bench::new(&directory([mailbox("ada", &["SMTP:ada@contoso.com", "smtp:a@contoso.com"])]));
    bench.connect("on-premises", "enable", "");
    let refused = bench.apply_one("Identity,EmailAddresses\nada,$null\n", 1);
    assert_eq!(
        (&refused["action"], &refused["error"]["class"]),
        (&"refused".into(), &"refused_by_rule".into())
    );
    assert!(message(&refused).contains("R6"), "{refused}");
    assert!(refused["error"]["hint"].as_str().unwrap().contains("keep_primary"), "{refused}");
    assert_eq!(bench.written(), [""; 0]);
}

#[test]
fn s07_policy_enabled_mailbox() {
    let mut ada = mailbox("ada", &["SMTP:ada@contoso.com"]);
    ada["EmailAddressPolicyEnabled"] = json!(true);
    let bob = mailbox("bob", &["SMTP:bob@contoso.com"]);
    let text = "Couldn't update the primary SMTP address because this mailbox is configured to use an email address policy.";
    let mut seed = directory([ada, bob]);
    seed["faults"] = json!([{"cmdlet": "Set-Mailbox", "kind": {"warning": text}}]);
    let bench = Bench::new(&seed);
    // Seen before anything is sent.
    bench.connect("on-premises", "enable", "");
    let flow = "Identity,EmailAddresses\nada,lovelace@contoso.com\n";
    let refused = bench.apply_one(flow, 1);
    assert!(message(&refused).contains("R26"), "{refused}");
    assert_eq!(bench.written(), [""; 0]);
    // Exchange completes with a warning only: that is a failure.
    let failed = bench.apply_one("Identity,EmailAddresses\nbob,robert@contoso.com\n", 1);
    assert_eq!((&failed["action"], &failed["error"]["class"]), (&"failed".into(), &"refused_by_rule".into()));
    assert!(message(&failed).contains("email address policy"), "{failed}");
    // Configured, the policy is switched off in the same call, and reading back shows what was wanted.
    bench.connect("on-premises", "enable", "email_address_policy = \"disable\"");
    assert_eq!(bench.apply_one(flow, 0)["action"], "updated");
    let last = bench.writes().pop().unwrap();
    assert_eq!(
        last["parameters"]["EmailAddressPolicyEnabled"].to_string().to_lowercase().replace('"', ""),
        "false"
    );
    let ada = bench.get("Get-Mailbox", "ada");
    assert_eq!(
        (&ada["PrimarySmtpAddress"], &ada["EmailAddressPolicyEnabled"]),
        (&"lovelace@contoso.com".into(), &false.into())
    );
}

#[test]
fn s08_address_conflict() {
    let bench = Bench::new(&directory([
        mailbox("ada", &["SMTP:ada@contoso.com"]),
        mailbox("owner", &["SMTP:owner@contoso.com", "smtp:info@contoso.com"]),
    ]));
    bench.connect("on-premises", "enable", "");
    let owner = bench.get("Get-Mailbox", "owner")["Guid"].as_str().unwrap().to_owned();
    let refused = bench.apply_one("Identity,EmailAddresses\nada,info@contoso.com;ada@contoso.com\n", 1);
    assert_eq!((&refused["action"], &refused["error"]["class"]), (&"refused".into(), &"conflict".into()));
    let error = refused["error"].to_string();
    for part in ["info@contoso.com", &owner, "UserMailbox"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!((refused["attempts"].as_u64(), bench.written().len()), (Some(1), 0), "{refused}");
    // Deleted mailboxes hold no addresses on-premises, so it is not called deleted.
    assert!(!error.contains("deleted"), "{error}");

    // What only Exchange compares, or somebody takes between the look and the write: its refusal names the owner as fully.
    let failed = bench.apply_one("Identity,Alias\nada,owner\n", 1);
    assert_eq!(
        (&failed["action"], &failed["error"]["class"]),
        (&"failed".into(), &"conflict".into()),
        "{failed}"
    );
    let named = failed["error"]["owner"].as_str().unwrap_or_else(|| panic!("{failed}"));
    assert!(named.contains(&owner) && named.contains("UserMailbox") && named.contains("/owner"), "{named}");
    assert_eq!((failed["attempts"].as_u64(), bench.written().len()), (Some(1), 1), "no retry: {failed}");
}

/// An address for the creating cmdlet alone is held to the same rules, before anything is made.
#[test]
fn a_primary_address_at_creation_is_checked_like_any_other() {
    let contact = json!({"RecipientTypeDetails": "MailContact", "Name": "info", "Alias": "info",
                         "EmailAddresses": ["SMTP:info@contoso.com"]});
    let bench = Bench::new(&directory([contact]));
    bench.connect("on-premises", "new", "");
    for (address, class, says) in [
        ("info@contoso.com", "conflict", "already an address of MailContact"),
        ("ada@elsewhere.example", "refused_by_rule", "not an accepted domain"),
    ] {
        let flow =
            format!("Identity,Name,Type,_param_PrimarySmtpAddress\ndesk@contoso.com,Desk,Shared,{address}\n");
        let refused = bench.apply_one(&flow, 1);
        assert_eq!(
            (&refused["action"], &refused["error"]["class"]),
            (&"refused".into(), &class.into()),
            "{refused}"
        );
        assert!(message(&refused).contains(says), "{refused}");
    }
    assert_eq!(bench.writes().len(), 0);
}
