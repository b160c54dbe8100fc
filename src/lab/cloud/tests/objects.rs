//! What beside mailboxes has cmdlets: mail users, permissions, protocols.

use super::*;

#[test]
fn a_mail_user_is_made_changed_and_removed() {
    let mut bench = Bench::new();
    let partner =
        json!({"Name": "Partner", "ExternalEmailAddress": "partner@fabrikam.org", "Alias": "partner"});
    let made = bench.done("New-MailUser", partner.clone());
    assert_eq!(made[0]["RecipientTypeDetails"], "MailUser");
    assert_eq!(made[0]["PrimarySmtpAddress"], "partner@fabrikam.org", "{made:?}");
    assert_eq!(made[0]["ExternalEmailAddress"], "SMTP:partner@fabrikam.org");
    let (_, text) = bench.refused("New-MailUser", partner);
    assert!(text.contains("is used by another"), "{text}");
    // With a sign-in name there has to be a password.
    let person = json!({"Name": "P2", "ExternalEmailAddress": "p2@fabrikam.org", "MicrosoftOnlineServicesID": "p2@contoso.com"});
    let (status, text) = bench.refused("New-MailUser", person);
    assert!(status == 400 && text.contains("Password"), "{text}");
    bench.done(
        "Set-MailUser",
        json!({"Identity": "partner", "CustomAttribute1": "x", "DisplayName": "The Partner"}),
    );
    let [shown] = bench.done("Get-MailUser", json!({"Identity": "partner@fabrikam.org"})).try_into().unwrap();
    assert_eq!((&shown["CustomAttribute1"], &shown["DisplayName"]), (&json!("x"), &json!("The Partner")));
    assert_eq!(bench.refused("Get-Mailbox", json!({"Identity": "partner"})).0, 404);
    assert_eq!(bench.refused("Get-MailUser", json!({"Identity": "zoe"})).0, 404);
    assert_eq!(bench.done("Get-MailUser", json!({})).len(), 1);
    bench.done("Remove-MailUser", json!({"Identity": "partner", "Confirm": false}));
    assert_eq!(bench.refused("Get-User", json!({"Identity": "partner"})).0, 404);
}

#[test]
fn permissions_are_given_shown_and_taken() {
    let mut bench = Bench::new();
    let full =
        json!({"Identity": "zoe", "User": "managed", "AccessRights": ["FullAccess"], "AutoMapping": false});
    let given = bench.done("Add-MailboxPermission", full.clone());
    assert_eq!(
        (&given[0]["User"], &given[0]["AccessRights"]),
        (&json!("managed@contoso.com"), &json!(["FullAccess"]))
    );
    let (status, again) = bench.invoke("Add-MailboxPermission", full);
    assert_eq!((status, &again["value"]), (200, &json!([])));
    assert!(again["@adminapi.warnings"][0].as_str().unwrap().contains("already present"), "{again}");
    let users =
        |found: Vec<Json>| found.iter().map(|it| it["User"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let all = bench.done("Get-MailboxPermission", json!({"Identity": "zoe"}));
    assert_eq!(users(all), ["NT AUTHORITY\\SELF", "managed@contoso.com"]);
    let one = bench.done("Get-MailboxPermission", json!({"Identity": "zoe", "User": "managed"}));
    assert_eq!(users(one), ["managed@contoso.com"]);
    let taken =
        json!({"Identity": "zoe", "User": "managed", "AccessRights": ["FullAccess"], "Confirm": false});
    bench.done("Remove-MailboxPermission", taken);
    let all = bench.done("Get-MailboxPermission", json!({"Identity": "zoe"}));
    assert_eq!(users(all), ["NT AUTHORITY\\SELF"]);

    let send = json!({"Identity": "zoe", "Trustee": "managed@contoso.com", "AccessRights": ["SendAs"], "Confirm": false});
    bench.done("Add-RecipientPermission", send.clone());
    let [held] = bench.done("Get-RecipientPermission", json!({"Identity": "zoe"})).try_into().unwrap();
    assert_eq!(
        (&held["Trustee"], &held["AccessRights"]),
        (&json!("managed@contoso.com"), &json!(["SendAs"]))
    );
    bench.done("Remove-RecipientPermission", send);
    assert!(bench.done("Get-RecipientPermission", json!({"Identity": "zoe"})).is_empty());
    // Bound as the service binds: words of the enumeration, all that is mandatory, people there are.
    let wrong = |rights: &str, who: &str| json!({"Identity": "zoe", "User": who, "AccessRights": [rights]});
    let (_, text) = bench.refused("Add-MailboxPermission", wrong("Everything", "managed"));
    assert!(text.contains("FullAccess"), "{text}");
    let (_, text) = bench.refused("Add-MailboxPermission", wrong("FullAccess", "nobody"));
    assert!(text.contains("Couldn't find object"), "{text}");
    let (_, text) = bench.refused("Add-MailboxPermission", json!({"Identity": "zoe", "User": "managed"}));
    assert!(text.contains("AccessRights"), "{text}");
}

#[test]
fn protocols_are_switched() {
    let mut bench = Bench::new();
    let shown =
        |bench: &mut Bench| bench.done("Get-CASMailbox", json!({"Identity": "sync@contoso.com"})).remove(0);
    let before = shown(&mut bench);
    assert_eq!(
        (&before["PopEnabled"], &before["SmtpClientAuthenticationDisabled"]),
        (&json!(true), &Json::Null)
    );
    // Synchronisation does not own these.
    let off = json!({"Identity": "sync@contoso.com", "PopEnabled": false, "SmtpClientAuthenticationDisabled": true});
    bench.done("Set-CASMailbox", off);
    let after = shown(&mut bench);
    assert_eq!((&after["PopEnabled"], &after["ImapEnabled"]), (&json!(false), &json!(true)));
    assert_eq!(after["SmtpClientAuthenticationDisabled"], true);
    assert_eq!(bench.refused("Get-CASMailbox", json!({"Identity": "bob@contoso.com"})).0, 404);
}

#[test]
fn a_mailbox_is_not_enabled_but_licensed() {
    let mut bench = Bench::new();
    let (_, text) = bench.refused("Enable-Mailbox", json!({"Identity": "bob@contoso.com"}));
    assert!(text.contains("Assign a license"), "{text}");
}
