//! Objects as they go over the wire.

use std::path::PathBuf;

use wsman::clixml::{Container, Member, decode};

use super::*;

/// What there is to compare of a property: its element, type names, text or not, and the shape of its items.
fn shape(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let types: Vec<String> =
                object.type_names.iter().flat_map(|names| names.iter()).map(ToString::to_string).collect();
            let base = match &object.base {
                Container::List(_) => "LST".to_owned(),
                Container::None => format!(
                    "{:?}",
                    object.adapted.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
                ),
                other => format!("{other:?}"),
            };
            format!("Obj {types:?} {base}")
        }
        Value::String(_) => "S".to_owned(),
        Value::Bool(_) => "B".to_owned(),
        Value::Guid(_) => "G".to_owned(),
        Value::DateTime(time) => format!("DT utc={}", matches!(time.zone, wsman::clixml::Zone::Utc)),
        Value::Nil => "Nil".to_owned(),
        other => format!("{other:?}"),
    }
}

fn members(value: &Value) -> Vec<(String, Value)> {
    let object = value.object().expect("an object");
    let member = |(name, member): &(std::sync::Arc<wsman::clixml::Text>, Member)| match member {
        Member::Value(value) => (name.to_string(), value.clone()),
        Member::Set(_) => panic!("no sets in Props"),
    };
    object.adapted.iter().map(member).collect()
}

#[test]
fn a_mailbox_has_the_properties_of_the_real_one() {
    let path = std::env::var_os("WSMAN_RECORDINGS")
        .map(|folder| PathBuf::from(folder).join("../exchange/get-mailbox-exchange2016cu23.clixml"));
    let Some(bytes) = path.and_then(|path| std::fs::read(path).ok()) else {
        println!(
            "SKIPPED: WSMAN_RECORDINGS does not lead to ../exchange/get-mailbox-exchange2016cu23.clixml"
        );
        return;
    };
    let real = decode(&bytes).expect("the real object is readable");
    let ours = Bench::new().mailbox("paul");
    assert_eq!(real.object().unwrap().type_names, ours.object().unwrap().type_names);
    let (real, ours) = (members(&real), members(&ours));
    assert_eq!(real.len(), 228);
    let names =
        |members: &[(String, Value)]| members.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&real), names(&ours));
    for ((name, real), (_, ours)) in real.iter().zip(&ours) {
        assert_eq!(shape(real), shape(ours), "{name}");
        let items = (real.items().unwrap_or_default().first(), ours.items().unwrap_or_default().first());
        if let (Some(real), Some(ours)) = items {
            assert_eq!(shape(real), shape(ours), "an item of {name}");
        }
    }
}

#[test]
fn addresses_are_strings_or_objects() {
    let types = |bench: &mut Bench| {
        let addresses = bench.mailbox("ada").get("EmailAddresses").unwrap().clone();
        assert_eq!(
            addresses.object().unwrap().type_names.as_ref().unwrap()[0].as_str(),
            Some("Microsoft.Exchange.Data.ProxyAddressCollection")
        );
        addresses.as_list().to_vec()
    };
    let plain = types(&mut Bench::new());
    assert_eq!(plain[0], text("SMTP:ada@contoso.com"));
    let full = types(&mut Bench::with(Options::default(), Endpoint::PowerShell, Serialization::Full));
    assert!(full[0].object().unwrap().is_type("Microsoft.Exchange.Data.SmtpProxyAddress"));
    let names: Vec<String> = members(&full[0]).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["SmtpAddress", "AddressString", "ProxyAddressString", "Prefix", "IsPrimaryAddress", "PrefixString"]
    );
    assert_eq!(full[0].get("IsPrimaryAddress").unwrap().as_bool(), Some(true));
    assert_eq!(full[1].get("IsPrimaryAddress").unwrap().as_bool(), Some(false));
    assert_eq!(shown(&full[0], "SmtpAddress"), "ada@contoso.com");
    assert_eq!(shown(&full[2], "ProxyAddressString"), "X500:/o=Old/cn=ada");
}

#[test]
fn the_other_objects_name_their_types() {
    let mut bench = Bench::new();
    let management = "Microsoft.Exchange.Data.Directory.Management";
    for (cmdlet, identity, type_name) in [
        ("Get-RemoteMailbox", "rita", format!("{management}.RemoteMailbox")),
        ("Get-User", "uma", format!("{management}.User")),
        ("Get-Recipient", "cora", format!("{management}.ReducedRecipient")),
        (
            "Get-MailboxDatabase",
            "DB01",
            "Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase".to_owned(),
        ),
        (
            "Get-AcceptedDomain",
            "contoso.com",
            "Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain".to_owned(),
        ),
    ] {
        let object = bench.run(cmd(cmdlet).parameter("Identity", text(identity))).one();
        assert_eq!(
            object.object().unwrap().type_names.as_ref().unwrap()[0].as_str(),
            Some(type_name.as_str())
        );
        assert!(object.get("Guid").is_some_and(|guid| guid.as_guid().is_some()), "{cmdlet}");
    }
}
