//! `Set-Mailbox -EmailAddresses` and its relatives.

use super::*;

const NOTHING: &str =
    "The command completed successfully but no settings of 'contoso.com/Staff/Ada Free' have been modified.";
const POLICY: &str = "Couldn't update the primary SMTP address because this mailbox is configured to use an email address policy. To disable the email address policy for this mailbox, run the command with the EmailAddressPolicyEnabled parameter set to $false.";

fn with(identity: &str, addresses: &[&str]) -> Command {
    set(identity).parameter("EmailAddresses", Value::strings(addresses.iter().copied()))
}

fn delta(identity: &str, add: &[&str], remove: &[&str]) -> Command {
    let entries = [("Add", add), ("Remove", remove)].into_iter().filter(|(_, items)| !items.is_empty());
    set(identity).parameter(
        "EmailAddresses",
        Value::hashtable(entries.map(|(key, items)| (key, Value::strings(items.iter().copied())))),
    )
}

#[test]
fn f1_an_array_overwrites() {
    let mut bench = Bench::new();
    bench.run(with("ada", &["smtp:a@contoso.com", "SMTP:b@contoso.com", "x500:/o=New/cn=ada"])).silent();
    assert_eq!(bench.addresses("ada"), ["smtp:a@contoso.com", "SMTP:b@contoso.com", "x500:/o=New/cn=ada"]);
    bench.run(set("ada").parameter("EmailAddresses", text("SMTP:only@contoso.com"))).silent();
    assert_eq!(bench.addresses("ada"), ["SMTP:only@contoso.com"]);
}

#[test]
fn f2_without_a_marked_primary_the_first_is_it() {
    let mut bench = Bench::new();
    bench.run(with("ada", &["X500:/o=Old/cn=ada", "first@contoso.com", "smtp:second@contoso.com"])).silent();
    assert_eq!(
        bench.addresses("ada"),
        ["X500:/o=Old/cn=ada", "SMTP:first@contoso.com", "smtp:second@contoso.com"]
    );
    bench.run(with("ada", &["smtp:one@contoso.com", "smtp:two@contoso.com"])).silent();
    assert_eq!(bench.addresses("ada"), ["SMTP:one@contoso.com", "smtp:two@contoso.com"]);
}

#[test]
fn f1_two_primaries_and_duplicates_are_refused() {
    for addresses in
        [&["SMTP:a@contoso.com", "SMTP:b@contoso.com"][..], &["SMTP:a@contoso.com", "smtp:A@contoso.com"]]
    {
        let record = Bench::new().run(with("ada", addresses)).failure();
        assert!(record.fully_qualified_error_id.starts_with("CannotConvertArgumentNoMessage,"));
    }
}

#[test]
fn f3_smtp_is_checked_other_types_are_not() {
    for wrong in ["smtp:not an address", "nobody", "smtp:ü@contoso.com", "smtp:a@münchen.de", "smtp:a@b"] {
        let record = Bench::new().run(with("ada", &["SMTP:ada@contoso.com", wrong])).failure();
        assert!(record.fully_qualified_error_id.starts_with("CannotConvertArgumentNoMessage,"), "{wrong}");
    }
    let mut bench = Bench::new();
    bench
        .run(with("ada", &["SMTP:ada@contoso.com", "NOTES:any thing at all", "X400:c=us;a= ;p=x;"]))
        .silent();
    assert_eq!(bench.addresses("ada").len(), 3);
}

#[test]
fn f4_a_dictionary_is_a_delta() {
    let mut bench = Bench::new();
    bench
        .run(delta("ada", &["smtp:six@contoso.com"], &["sip:ADA@contoso.com", "smtp:never@contoso.com"]))
        .silent();
    assert_eq!(
        bench.addresses("ada"),
        ["SMTP:ada@contoso.com", "smtp:ada@fabrikam.com", "X500:/o=Old/cn=ada", "smtp:six@contoso.com"]
    );
    let record = bench
        .run(set("ada").parameter("EmailAddresses", Value::hashtable([("Ad", text("smtp:x@contoso.com"))])))
        .failure();
    assert!(record.message.contains("System.Collections.Hashtable"));
    let primary = bench.run(delta("ada", &[], &["smtp:ada@contoso.com"])).error();
    assert_eq!(primary.category.reason, "DataValidationException");
}

#[test]
fn f5_one_or_the_other() {
    let record = Bench::new()
        .run(with("ada", &["SMTP:a@contoso.com"]).parameter("PrimarySmtpAddress", text("a@contoso.com")))
        .failure();
    assert_eq!(record.category.reason, "RecipientTaskException");
    assert_eq!(
        record.message,
        "The EmailAddresses and PrimarySmtpAddress parameters can't be used together."
    );
    let mut bench = Bench::new();
    bench.run(set("ada").parameter("PrimarySmtpAddress", text("new@contoso.com"))).silent();
    let mailbox = bench.mailbox("ada");
    assert_eq!(shown(&mailbox, "WindowsEmailAddress"), "new@contoso.com");
    assert!(bench.addresses("ada").contains(&"smtp:ada@contoso.com".to_owned()), "the old primary stays");
}

#[test]
fn f6_a_policy_owns_the_primary() {
    let mut bench = Bench::new();
    let before = bench.addresses("paul");
    assert_eq!(bench.run(with("paul", &["SMTP:new@contoso.com", "smtp:paul@contoso.com"])).warning(), POLICY);
    assert_eq!(
        bench.run(set("paul").parameter("PrimarySmtpAddress", text("new@contoso.com"))).warning(),
        POLICY
    );
    assert_eq!(bench.addresses("paul"), before);
    assert!(bench.exchange.take_log().iter().all(|entry| !entry.wrote));
    let out = with("paul", &["SMTP:new@contoso.com", "smtp:paul@contoso.com"])
        .parameter("EmailAddressPolicyEnabled", Value::Bool(false));
    bench.run(out).silent();
    assert_eq!(bench.addresses("paul"), ["SMTP:new@contoso.com", "smtp:paul@contoso.com"]);
}

#[test]
fn f6_secondaries_may_change_and_the_policy_puts_its_own_back() {
    let mut bench = Bench::new();
    bench.run(with("paul", &["SMTP:paul@contoso.com", "smtp:extra@contoso.com"])).silent();
    assert_eq!(
        bench.addresses("paul"),
        ["SMTP:paul@contoso.com", "smtp:extra@contoso.com", "smtp:paul@contoso.mail.onmicrosoft.com"]
    );
}

#[test]
fn f7_the_windows_address_has_no_effect_under_a_policy() {
    let mut bench = Bench::new();
    let before = bench.addresses("paul");
    bench.run(set("paul").parameter("WindowsEmailAddress", text("new@contoso.com")));
    assert_eq!(bench.addresses("paul"), before);
    bench.run(set("ada").parameter("WindowsEmailAddress", text("new@contoso.com"))).silent();
    assert_eq!(shown(&bench.mailbox("ada"), "PrimarySmtpAddress"), "new@contoso.com");
}

#[test]
fn f10_addresses_are_unique_in_the_forest() {
    let mut bench = Bench::new();
    for (address, owner) in [
        ("smtp:CORA@contoso.com", "contoso.com/Users/Cora Contact"),
        ("smtp:info@contoso.com", "contoso.com/Staff/Info Desk"),
        ("smtp:rita@contoso.mail.onmicrosoft.com", "contoso.com/Staff/Rita Remote"),
    ] {
        let record = bench.run(delta("ada", &[address], &[])).error();
        assert_eq!(record.category.reason, "ProxyAddressExistsException");
        let upper = format!("SMTP:{}", address.trim_start_matches("smtp:"));
        assert_eq!(
            record.message,
            format!(
                "The proxy address \"{upper}\" is already being used by the proxy addresses or LegacyExchangeDN of \"{owner}\". Please choose another proxy address."
            )
        );
    }
    let legacy = shown(&bench.mailbox("paul"), "LegacyExchangeDN");
    let record = bench.run(delta("ada", &[&format!("X500:{legacy}")], &[])).error();
    assert!(record.message.contains("\"contoso.com/Staff/Paul Policy\""));
}

#[test]
fn f12_domains_must_be_accepted_unless_the_address_was_there() {
    let mut bench = Bench::new();
    let record = bench.run(delta("ada", &["smtp:ada@elsewhere.com"], &[])).error();
    assert_eq!(record.category.reason, "NotAcceptedDomainException");
    bench.run(delta("ada", &["smtp:ada@eu.tailspintoys.com"], &[])).silent();
}

#[test]
fn f16_no_nulls_inside() {
    for value in [Value::array(vec![Value::Nil]), Value::hashtable([("Add", Value::array(Vec::new()))])] {
        let record = Bench::new().run(set("ada").parameter("EmailAddresses", value)).failure();
        assert!(
            record
                .message
                .starts_with("Cannot process argument transformation on parameter 'EmailAddresses'.")
        );
        assert!(record.message.contains("MultiValuedProperty collections cannot contain null values"));
    }
}

#[test]
fn f16_an_empty_list_leaves_no_primary() {
    for value in [Value::array(Vec::new()), Value::Nil] {
        let mut bench = Bench::new();
        let record = bench.run(set("ada").parameter("EmailAddresses", value)).error();
        assert_eq!(record.category.reason, "DataValidationException");
        assert_eq!(bench.addresses("ada").len(), 4);
    }
}

#[test]
fn f17_an_equal_list_in_any_order_is_no_change() {
    let mut bench = Bench::new();
    let same = ["SIP:ada@contoso.com", "X500:/o=Old/cn=ada", "smtp:ada@fabrikam.com", "SMTP:ada@contoso.com"];
    assert_eq!(bench.run(with("ada", &same)).warning(), NOTHING);
    assert_eq!(bench.run(set("ada")).warning(), NOTHING);
    assert!(bench.exchange.take_log().iter().all(|entry| !entry.wrote));
}

#[test]
fn addresses_may_come_as_objects_of_the_full_shape() {
    let mut bench = Bench::with(Options::default(), Endpoint::PowerShell, Serialization::Full);
    let addresses = bench.mailbox("ada").get("EmailAddresses").unwrap().clone();
    assert_eq!(bench.run(set("ada").parameter("EmailAddresses", addresses)).warning(), NOTHING);
}

#[test]
fn an_alias_makes_new_addresses_only_under_a_policy() {
    let mut bench = Bench::new();
    bench.run(set("paul").parameter("Alias", text("pp"))).silent();
    assert_eq!(shown(&bench.mailbox("paul"), "PrimarySmtpAddress"), "pp@contoso.com");
    assert!(bench.addresses("paul").contains(&"smtp:paul@contoso.com".to_owned()));
    let before = bench.addresses("ada");
    bench.run(set("ada").parameter("Alias", text("af"))).silent();
    assert_eq!(bench.addresses("ada"), before);
}

#[test]
fn the_policy_can_be_turned_on_again() {
    let mut bench = Bench::new();
    bench.run(with("ada", &["SMTP:x@contoso.com"])).silent();
    bench.run(set("ada").parameter("EmailAddressPolicyEnabled", Value::Bool(true))).silent();
    assert_eq!(shown(&bench.mailbox("ada"), "PrimarySmtpAddress"), "ada@contoso.com");
    assert!(bench.addresses("ada").contains(&"smtp:x@contoso.com".to_owned()));
}
