//! `New-*` and `Enable-*`.

use secrecy::ExposeSecret;

use super::*;

fn new_user(name: &str, principal: &str) -> Command {
    cmd("New-Mailbox")
        .parameter("Name", text(name))
        .parameter("UserPrincipalName", text(principal))
        .parameter("Password", Value::secure("Good-Passw0rd"))
}

#[test]
fn a_new_mailbox_gets_addresses_by_policy_and_can_sign_in() {
    let mut bench = Bench::new();
    let created = bench
        .run(
            new_user("Nora Neu", "nneu@contoso.com")
                .parameter("OrganizationalUnit", text("contoso.com/Staff")),
        )
        .one();
    assert_eq!(shown(&created, "RecipientTypeDetails"), "UserMailbox");
    assert_eq!(shown(&created, "Alias"), "nneu");
    assert_eq!(shown(&created, "EmailAddressPolicyEnabled"), "True");
    assert_eq!(
        strings(created.get("EmailAddresses").unwrap()),
        ["SMTP:nneu@contoso.com", "smtp:nneu@contoso.mail.onmicrosoft.com"]
    );
    assert_eq!(shown(&created, "Database"), "DB01", "the others are dismounted or excluded");
    for (domain, user) in [
        (Some("CONTOSO"), "nneu"),
        (Some("contoso.com"), "NNEU"),
        (None, "nneu@contoso.com"),
        (Some(""), "nneu"),
    ] {
        let password = bench.exchange.password(domain, user).unwrap_or_else(|| panic!("{user} signs in"));
        assert_eq!(password.expose_secret(), "Good-Passw0rd");
    }
    assert!(bench.exchange.password(Some("OTHER"), "nneu").is_none());
    assert!(bench.exchange.password(None, "nobody").is_none());
    assert!(!bench.exchange.dump().to_string().contains("Passw0rd"));
}

#[test]
fn a_primary_address_takes_the_mailbox_out_of_the_policy() {
    let mut bench = Bench::new();
    let created = bench
        .run(new_user("Nora", "nora@contoso.com").parameter("PrimarySmtpAddress", text("n.neu@fabrikam.com")))
        .one();
    assert_eq!(shown(&created, "EmailAddressPolicyEnabled"), "False");
    assert_eq!(shown(&created, "PrimarySmtpAddress"), "n.neu@fabrikam.com");
    let foreign =
        new_user("Nils", "nils@contoso.com").parameter("PrimarySmtpAddress", text("nils@elsewhere.com"));
    assert_eq!(bench.run(foreign).error().category.reason, "NotAcceptedDomainException");
    let sub = new_user("Nils", "nils@contoso.com")
        .parameter("PrimarySmtpAddress", text("nils@eu.tailspintoys.com"));
    bench.run(sub).one();
}

#[test]
fn values_of_others_are_refused() {
    let mut bench = Bench::new();
    let cases = [
        (new_user("X", "ada@contoso.com"), "PropertyValueExistsException"),
        (new_user("X", "x@contoso.com").parameter("Alias", text("ADA")), "PropertyValueExistsException"),
        (
            new_user("X", "x@contoso.com").parameter("SamAccountName", text("ada")),
            "PropertyValueExistsException",
        ),
        (
            new_user("Ada Free", "x@contoso.com").parameter("OrganizationalUnit", text("Staff")),
            "ADObjectAlreadyExistsException",
        ),
        (
            new_user("X", "x@contoso.com").parameter("PrimarySmtpAddress", text("cora@contoso.com")),
            "ProxyAddressExistsException",
        ),
        (new_user("X", "x@contoso.com").parameter("Alias", text("a b")), "DataValidationException"),
        (new_user("X", "x@unknown.com"), "DataValidationException"),
        (
            new_user("X", "x@contoso.com").parameter("Database", text("DBX")),
            "ManagementObjectNotFoundException",
        ),
        (
            new_user("X", "x@contoso.com").parameter("OrganizationalUnit", text("Nowhere")),
            "ManagementObjectNotFoundException",
        ),
    ];
    let before = bench.exchange.dump();
    for (command, reason) in cases {
        let shown = format!("{command:?}");
        assert_eq!(bench.run(command).error().category.reason, reason, "{shown}");
    }
    assert_eq!(bench.exchange.dump(), before);
}

#[test]
fn the_password_policy() {
    let mut bench = Bench::new();
    for weak in ["short1!", "alllowercase", "Nils-1-contains-nils2x", "12345678"] {
        let command = cmd("New-Mailbox")
            .parameter("Name", text("Nils"))
            .parameter("UserPrincipalName", text("nils2x@contoso.com"))
            .parameter("Password", Value::secure(weak));
        let answer = bench.run(command);
        if weak == "short1!" {
            // Seven characters of three classes are enough.
            let gone = cmd("Remove-Mailbox").parameter("Identity", text("nils2x")).switch("Confirm", false);
            assert_eq!(answer.output.len(), 1);
            bench.run(gone).silent();
            continue;
        }
        let record = answer.error();
        assert_eq!(record.category.reason, "ADOperationException");
        assert!(record.message.contains("0000052D") && record.message.contains("WILL_NOT_PERFORM"));
        assert!(!record.message.contains(weak));
    }
}

#[test]
fn kinds_of_mailboxes() {
    let mut bench = Bench::new();
    for (switch, details) in
        [("Shared", "SharedMailbox"), ("Room", "RoomMailbox"), ("Equipment", "EquipmentMailbox")]
    {
        let created = bench
            .run(cmd("New-Mailbox").parameter("Name", text(&format!("My {switch}"))).switch(switch, true))
            .one();
        assert_eq!(shown(&created, "RecipientTypeDetails"), details);
        assert_eq!(shown(&created, "AccountDisabled"), "True");
        assert_eq!(shown(&created, "Alias"), format!("My{switch}"));
        let remote =
            cmd("New-RemoteMailbox").parameter("Name", text(&format!("Far {switch}"))).switch(switch, true);
        assert_eq!(shown(&bench.run(remote).one(), "RecipientTypeDetails"), format!("Remote{details}"));
    }
    let linked = cmd("New-Mailbox")
        .parameter("Name", text("Linked"))
        .parameter("LinkedMasterAccount", text("FABRIKAM\\ext"))
        .parameter("LinkedDomainController", text("dc1.fabrikam.com"))
        .parameter("UserPrincipalName", text("linked@contoso.com"));
    let created = bench.run(linked).one();
    assert_eq!(
        (shown(&created, "RecipientTypeDetails"), shown(&created, "IsLinked")),
        ("LinkedMailbox".to_owned(), "True".to_owned())
    );
}

#[test]
fn enabling_a_user() {
    let mut bench = Bench::new();
    let enable = || cmd("Enable-Mailbox").parameter("Identity", text("uma"));
    let enabled = bench.run(enable().parameter("Alias", text("uma.user"))).one();
    assert_eq!(shown(&enabled, "PrimarySmtpAddress"), "uma.user@contoso.com");
    let again = bench.run(enable()).error();
    assert_eq!(again.category.reason, "RecipientTaskException");
    assert_eq!(
        again.message,
        "This task does not support recipients of this type. The specified recipient contoso.com/Staff/Uma User is of type UserMailbox. Please make sure that this recipient matches the required recipient type for this task."
    );
    for (identity, part) in [
        ("rita", "is of type RemoteUserMailbox."),
        ("max", "is of type MailUser."),
        ("mia", "because the mailbox has been migrated."),
    ] {
        let record = bench.run(cmd("Enable-Mailbox").parameter("Identity", text(identity))).error();
        assert!(record.message.contains(part), "{}", record.message);
    }
    let nobody = bench.run(cmd("Enable-Mailbox").parameter("Identity", text("nobody"))).error();
    assert_eq!(nobody.category.reason, "ManagementObjectNotFoundException");
}

#[test]
fn an_archive_is_a_step_of_its_own() {
    let mut bench = Bench::new();
    let archive = |cmdlet: &str, identity: &str| {
        cmd(cmdlet).parameter("Identity", text(identity)).switch("Archive", true)
    };
    let early = bench.run(archive("Enable-RemoteMailbox", "uma")).error();
    assert!(early.message.contains("is of type User."), "{}", early.message);
    let routing = "uma@contoso.mail.onmicrosoft.com";
    let enabled = bench
        .run(
            cmd("Enable-RemoteMailbox")
                .parameter("Identity", text("uma"))
                .parameter("RemoteRoutingAddress", text(routing)),
        )
        .one();
    assert_eq!(shown(&enabled, "RemoteRoutingAddress"), format!("SMTP:{routing}"));
    let archived = bench.run(archive("Enable-RemoteMailbox", "uma")).one();
    assert_ne!(shown(&archived, "ArchiveGuid"), "00000000-0000-0000-0000-000000000000");
    assert_eq!(
        bench.run(archive("Enable-RemoteMailbox", "uma")).error().category.reason,
        "RecipientTaskException"
    );
    assert_eq!(shown(&bench.run(archive("Enable-Mailbox", "ada")).one(), "ArchiveStatus"), "Active");
}

#[test]
fn a_remote_mailbox_gets_its_routing_address() {
    let mut bench = Bench::new();
    let created = bench
        .run(
            cmd("New-RemoteMailbox")
                .parameter("Name", text("Remo"))
                .parameter("UserPrincipalName", text("remo@contoso.com"))
                .parameter("Password", Value::secure("Good-Passw0rd"))
                .parameter("OnPremisesOrganizationalUnit", text("contoso.com/Staff")),
        )
        .one();
    assert_eq!(shown(&created, "RemoteRoutingAddress"), "SMTP:remo@contoso.mail.onmicrosoft.com");
    assert_eq!(shown(&created, "OnPremisesOrganizationalUnit"), "contoso.com/Staff");
    assert_eq!(
        strings(created.get("EmailAddresses").unwrap()),
        ["SMTP:remo@contoso.com", "smtp:remo@contoso.mail.onmicrosoft.com"]
    );
    assert!(bench.exchange.password(None, "remo@contoso.com").is_some());
}

#[test]
fn what_if_changes_nothing() {
    let mut bench = Bench::new();
    let before = bench.exchange.dump();
    bench.run(new_user("Nora", "nora@contoso.com").switch("WhatIf", true)).silent();
    bench.run(cmd("Enable-Mailbox").parameter("Identity", text("uma")).switch("WhatIf", true)).silent();
    bench.run(set("ada").parameter("DisplayName", text("x")).switch("WhatIf", true)).silent();
    bench.run(cmd("Remove-Mailbox").parameter("Identity", text("ada")).switch("WhatIf", true)).silent();
    assert_eq!(bench.exchange.dump(), before);
    assert!(bench.exchange.take_log().iter().all(|entry| !entry.wrote));
}

#[test]
fn a_derived_alias_gives_way() {
    let mut bench = Bench::new();
    let created = bench.run(new_user("Other Ada", "ada@fabrikam.com")).one();
    assert_eq!(
        (shown(&created, "Alias"), shown(&created, "SamAccountName")),
        ("ada1".to_owned(), "ada1".to_owned())
    );
}
