//! `Set-*`: everything but addresses.

use super::*;

#[test]
fn properties_of_every_kind() {
    let mut bench = Bench::new();
    bench
        .run(
            set("ada")
                .parameter("DisplayName", text("Ada L."))
                .parameter("CustomAttribute7", Value::Int32(12))
                .parameter("HiddenFromAddressListsEnabled", Value::Bool(true))
                .parameter("ProhibitSendQuota", text("2 GB"))
                .parameter("RetainDeletedItemsFor", text("30.00:00:00"))
                .parameter("ExtensionCustomAttribute1", Value::strings(["a", "b"]))
                .parameter("ForwardingAddress", text("info"))
                .parameter("MaxSafeSenders", Value::Int32(5)),
        )
        .silent();
    let ada = bench.mailbox("ada");
    assert_eq!(shown(&ada, "DisplayName"), "Ada L.");
    assert_eq!(shown(&ada, "CustomAttribute7"), "12");
    assert_eq!(shown(&ada, "ProhibitSendQuota"), "2 GB (2,147,483,648 bytes)");
    assert_eq!(shown(&ada, "RetainDeletedItemsFor"), "30.00:00:00");
    assert_eq!(strings(ada.get("ExtensionCustomAttribute1").unwrap()), ["a", "b"]);
    assert_eq!(shown(&ada, "ForwardingAddress"), "contoso.com/Staff/Info Desk");
    assert_eq!(ada.get("MaxSafeSenders").unwrap().as_i32(), Some(5));
    // Null clears.
    bench
        .run(set("ada").parameter("CustomAttribute7", Value::Nil).parameter("ForwardingAddress", Value::Nil))
        .silent();
    assert_eq!(shown(&bench.mailbox("ada"), "CustomAttribute7"), "");
    assert!(bench.mailbox("ada").get("ForwardingAddress").unwrap().is_nil());
    let missing = bench.run(set("ada").parameter("ForwardingAddress", text("nobody"))).error();
    assert_eq!(missing.category.reason, "ManagementObjectNotFoundException");
}

#[test]
fn a_value_that_is_there_already_is_no_change() {
    let mut bench = Bench::new();
    for command in [
        set("ada").parameter("HiddenFromAddressListsEnabled", Value::Bool(false)),
        set("ada").parameter("CustomAttribute1", text("")),
        set("ada").parameter("DisplayName", text("Ada Free")),
        set("ada").parameter("ProhibitSendQuota", text("Unlimited")),
    ] {
        assert!(
            bench.run(command).warning().starts_with("The command completed successfully but no settings of")
        );
    }
}

#[test]
fn multi_valued_deltas() {
    let mut bench = Bench::new();
    let delta = |key: &str, item: &str| Value::hashtable([(key, Value::strings([item]))]);
    bench.run(set("ada").parameter("ExtensionCustomAttribute1", delta("Add", "a"))).silent();
    bench.run(set("ada").parameter("ExtensionCustomAttribute1", delta("Add", "b"))).silent();
    bench.run(set("ada").parameter("ExtensionCustomAttribute1", delta("Remove", "A"))).silent();
    assert_eq!(strings(bench.mailbox("ada").get("ExtensionCustomAttribute1").unwrap()), ["b"]);
    bench
        .run(set("ada").parameter("GrantSendOnBehalfTo", Value::strings(["paul", "info@contoso.com"])))
        .silent();
    let names = strings(bench.mailbox("ada").get("GrantSendOnBehalfTo").unwrap());
    assert_eq!(names, ["contoso.com/Staff/Paul Policy", "contoso.com/Staff/Info Desk"]);
}

#[test]
fn languages_are_cultures() {
    let mut bench = Bench::new();
    assert_eq!(strings(bench.mailbox("ada").get("Languages").unwrap()), ["en-US"]);
    bench.run(set("ada").parameter("Languages", Value::strings(["de-CH", "rm-CH"]))).silent();
    let languages = bench.mailbox("ada");
    let languages = languages.get("Languages").unwrap();
    assert_eq!(strings(languages), ["de-CH", "rm-CH"]);
    assert_eq!(languages.as_list()[1].get("TwoLetterISOLanguageName"), Some(&text("rm")));
}

#[test]
fn the_log_shows_what_was_sent() {
    let mut bench = Bench::new();
    let command = set("ada")
        .parameter("maxsendsize", text("35MB"))
        .parameter("RecipientLimits", text("500"))
        .parameter("ExtensionCustomAttribute1", text("a;b"))
        .parameter("ModeratedBy", Value::strings(["paul", "info"]))
        .parameter("ModerationEnabled", Value::Bool(true));
    bench.run(command).silent();
    let entry = bench.exchange.take_log().pop().unwrap();
    assert_eq!(
        serde_json::Value::Object(entry.parameters.clone()),
        serde_json::json!({"Identity": "ada", "MaxSendSize": "35MB", "RecipientLimits": "500",
            "ExtensionCustomAttribute1": "a;b", "ModeratedBy": ["paul", "info"], "ModerationEnabled": true})
    );
}

#[test]
fn renaming() {
    let mut bench = Bench::new();
    let guid = shown(&bench.mailbox("ada"), "Guid");
    bench
        .run(
            set("ada")
                .parameter("Name", text("Ada, Countess"))
                .parameter("UserPrincipalName", text("countess@fabrikam.com"))
                .parameter("SamAccountName", text("countess")),
        )
        .silent();
    let renamed = bench.mailbox("countess@fabrikam.com");
    assert_eq!(shown(&renamed, "Guid"), guid);
    assert_eq!(shown(&renamed, "DistinguishedName"), "CN=Ada\\, Countess,OU=Staff,DC=contoso,DC=com");
    bench.run(cmd("Get-Mailbox").parameter("Identity", text("Ada Free"))).error();
    for (name, value, reason) in [
        ("UserPrincipalName", "paul@contoso.com", "PropertyValueExistsException"),
        ("SamAccountName", "paul", "PropertyValueExistsException"),
        ("Alias", "paul", "PropertyValueExistsException"),
        ("Name", "Paul Policy", "ADObjectAlreadyExistsException"),
    ] {
        assert_eq!(
            bench.run(set("countess").parameter(name, text(value))).error().category.reason,
            reason,
            "{name}"
        );
    }
}

#[test]
fn only_its_own_kind() {
    let mut bench = Bench::new();
    for identity in ["rita", "uma", "max", "cora"] {
        let record = bench.run(set(identity).parameter("DisplayName", text("x"))).error();
        assert_eq!(record.category.reason, "ManagementObjectNotFoundException", "{identity}");
    }
    let remote = |identity: &str| {
        cmd("Set-RemoteMailbox").parameter("Identity", text(identity)).parameter("DisplayName", text("x"))
    };
    bench.run(remote("rita")).silent();
    bench.run(remote("ada")).error();
    let quota = cmd("Set-RemoteMailbox")
        .parameter("Identity", text("rita"))
        .parameter("ProhibitSendQuota", text("1GB"));
    assert!(bench.run(quota).failure().fully_qualified_error_id.starts_with("NamedParameterNotFound,"));
}

#[test]
fn types_are_converted() {
    let mut bench = Bench::new();
    bench.run(set("ada").parameter("Type", text("shared"))).silent();
    let shared = bench.mailbox("ada");
    assert_eq!(
        (shown(&shared, "RecipientTypeDetails"), shown(&shared, "IsShared")),
        ("SharedMailbox".to_owned(), "True".to_owned())
    );
    bench.run(set("ada").parameter("Type", Value::Int32(0))).silent();
    assert_eq!(shown(&bench.mailbox("ada"), "RecipientTypeDetails"), "UserMailbox");
    bench
        .run(cmd("Set-RemoteMailbox").parameter("Identity", text("rita")).parameter("Type", text("Shared")))
        .silent();
    let rita = bench.run(cmd("Get-RemoteMailbox").parameter("Identity", text("rita"))).one();
    assert_eq!(shown(&rita, "RecipientTypeDetails"), "RemoteSharedMailbox");
}

#[test]
fn databases_are_checked() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.run(set("ada").parameter("Database", text("DBX"))).error().message,
        "Couldn't find database \"DBX\". Make sure you have typed it correctly."
    );
    bench.run(set("ada").parameter("Database", text("db03"))).silent();
    assert_eq!(shown(&bench.mailbox("ada"), "Database"), "DB03");
}

#[test]
fn a_routing_address_becomes_a_secondary_too() {
    let mut bench = Bench::new();
    let command = cmd("Set-RemoteMailbox")
        .parameter("Identity", text("rita"))
        .parameter("RemoteRoutingAddress", text("rita2@contoso.mail.onmicrosoft.com"));
    bench.run(command).silent();
    assert!(bench.addresses("rita").contains(&"smtp:rita2@contoso.mail.onmicrosoft.com".to_owned()));
    let rita = bench.run(cmd("Get-RemoteMailbox").parameter("Identity", text("rita"))).one();
    assert_eq!(shown(&rita, "RemoteRoutingAddress"), "SMTP:rita2@contoso.mail.onmicrosoft.com");
}

#[test]
fn a_password_can_be_set_anew() {
    use secrecy::ExposeSecret;
    let mut bench = Bench::new();
    bench.run(set("ada").parameter("Password", Value::secure("Second-Passw0rd"))).silent();
    assert_eq!(bench.exchange.password(None, "ada").unwrap().expose_secret(), "Second-Passw0rd");
}
