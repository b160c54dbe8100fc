//! Exchange Online's directory.

use super::*;

#[test]
fn a_mailbox_looks_like_one_of_the_cloud() {
    let mut bench = Bench::new();
    let id = bench.id("zoe@contoso.com");
    let [zoe] = bench.done("Get-Mailbox", json!({"Identity": id})).try_into().unwrap();
    assert_eq!(zoe["Identity"], json!(id));
    assert_eq!(zoe["ExternalDirectoryObjectId"], json!(id));
    assert_ne!(zoe["Guid"], json!(id));
    assert_eq!((&zoe["IsDirSynced"], &zoe["IsExchangeCloudManaged"]), (&json!(false), &json!(false)));
    let addresses = zoe["EmailAddresses"].as_array().unwrap();
    assert_eq!(addresses[0], "SMTP:zoe@contoso.com");
    assert_eq!(addresses[1], "smtp:zoe@contoso.onmicrosoft.com");
    assert!(addresses.iter().any(|it| it.as_str().unwrap().starts_with("SPO:SPO_")), "{addresses:?}");
    let [managed] = bench.done("Get-Mailbox", json!({"Identity": "managed@contoso.com"})).try_into().unwrap();
    assert_eq!((&managed["IsDirSynced"], &managed["IsExchangeCloudManaged"]), (&json!(true), &json!(true)));
    assert!(managed.get("IsDirSynced@data.type").is_some());
}

#[test]
fn cmdlets_and_parameters_of_servers_of_ones_own_are_not_there() {
    let mut bench = Bench::new();
    let user = json!({"Name": "new", "UserPrincipalName": "new@contoso.com"});
    let (status, text) = bench.refused("New-Mailbox", user);
    assert_eq!(status, 400);
    assert!(text.contains("AmbiguousParameterSetException") && text.contains("UserPrincipalName"), "{text}");
    let both = json!({"Name": "new", "Shared": true, "MicrosoftOnlineServicesID": "new@contoso.com"});
    let (status, text) = bench.refused("New-Mailbox", both);
    assert_eq!(status, 400);
    assert!(text.contains("Parameter set cannot be resolved"), "{text}");
    let (_, text) = bench.refused("Get-Mailbox", json!({"Identity": "zoe", "DomainController": "dc01"}));
    assert!(text.contains("DomainController"), "{text}");
    let (_, text) = bench.refused("Enable-Mailbox", json!({"Identity": "bob@contoso.com", "Archive": true}));
    assert!(text.contains("doesn't have a mailbox"), "{text}");
    bench.done("Enable-Mailbox", json!({"Identity": "zoe@contoso.com", "Archive": true}));
    let [zoe] = bench.done("Get-Mailbox", json!({"Identity": "zoe"})).try_into().unwrap();
    assert_eq!(zoe["ArchiveStatus"], "Active");
}

#[test]
fn a_shared_mailbox_is_made_seen_later_and_removed_softly() {
    let options = Options { replication_delay_ms: 2_000, ..Options::default() };
    let mut bench = Bench::with(SEED, options);
    let info = json!({"Name": "info", "DisplayName": "Info", "Shared": true, "PrimarySmtpAddress": "info@contoso.com"});
    let made = bench.done("New-Mailbox", info.clone());
    assert_eq!(made[0]["RecipientTypeDetails"], "SharedMailbox");
    let (status, text) = bench.refused("Get-Mailbox", json!({"Identity": "info@contoso.com"}));
    assert_eq!(status, 404);
    assert!(text.starts_with("Ex6F9304|"), "{text}");
    let other = json!({"Name": "other", "Shared": true, "PrimarySmtpAddress": "info@contoso.com"});
    let (_, text) = bench.refused("New-Mailbox", other);
    assert!(text.contains("is already being used"), "{text}");
    bench.now += 2_000;
    bench.done("Set-Mailbox", json!({"Identity": "info@contoso.com", "Type": "Room"}));
    let kind = |bench: &mut Bench| {
        bench.done("Get-Mailbox", json!({"Identity": "info"}))[0]["RecipientTypeDetails"].clone()
    };
    assert_eq!(kind(&mut bench), "SharedMailbox");
    bench.now += 2_000;
    assert_eq!(kind(&mut bench), "RoomMailbox");
    bench.done("Remove-Mailbox", json!({"Identity": "info", "Confirm": false}));
    assert_eq!(bench.invoke("Get-Mailbox", json!({"Identity": "info"})).0, 404);
    assert_eq!(bench.done("Get-Mailbox", json!({"SoftDeletedMailbox": true})).len(), 1);
}

#[test]
fn what_synchronisation_owns_is_refused() {
    let mut bench = Bench::new();
    let addresses = json!(["SMTP:sync@contoso.com", "smtp:more@contoso.com"]);
    for (name, value) in
        [("EmailAddresses", addresses.clone()), ("CustomAttribute1", json!("x")), ("DisplayName", json!("x"))]
    {
        let (status, text) =
            bench.refused("Set-Mailbox", json!({"Identity": "sync@contoso.com", name: value}));
        assert_eq!(status, 400);
        assert!(
            text.contains("out of the current user's write scope")
                && text.contains("is being synchronized from your on-premises organization"),
            "{name}: {text}"
        );
    }
    bench.done("Set-Mailbox", json!({"Identity": "sync@contoso.com", "LitigationHoldEnabled": true}));
    bench.done("Set-Mailbox", json!({"Identity": "managed@contoso.com", "CustomAttribute1": "x"}));
    let (_, text) =
        bench.refused("Set-Mailbox", json!({"Identity": "managed@contoso.com", "DisplayName": "x"}));
    assert!(text.contains("write scope"), "{text}");
    bench.done("Set-Mailbox", json!({"Identity": "sync@contoso.com", "IsExchangeCloudManaged": true}));
    bench.done("Set-Mailbox", json!({"Identity": "sync@contoso.com", "EmailAddresses": addresses}));
    let (_, text) = bench.refused("Remove-Mailbox", json!({"Identity": "sync@contoso.com"}));
    assert!(text.contains("write scope"), "{text}");
}

#[test]
fn addresses_are_of_the_tenant_and_of_one_mailbox() {
    let mut bench = Bench::new();
    let with = |address: &str| json!({"Identity": "zoe", "EmailAddresses": ["SMTP:zoe@contoso.com", format!("smtp:{address}")]});
    let (_, text) = bench.refused("Set-Mailbox", with("managed@contoso.com"));
    assert!(text.contains("ProxyAddressExistsException") && text.contains("is already being used"), "{text}");
    let (_, text) = bench.refused("Set-Mailbox", with("zoe@fabrikam.com"));
    assert!(text.contains("not an accepted domain"), "{text}");
    bench.done("Set-Mailbox", with("z@contoso.com"));
    let change = json!({"@odata.type": "#Exchange.GenericHashTable", "Add": ["smtp:y@contoso.com"]});
    bench.done("Set-Mailbox", json!({"Identity": "zoe", "EmailAddresses": change}));
    let [zoe] = bench.done("Get-Mailbox", json!({"Identity": "y@contoso.com"})).try_into().unwrap();
    assert_eq!(
        zoe["EmailAddresses"],
        json!(["SMTP:zoe@contoso.com", "smtp:z@contoso.com", "smtp:y@contoso.com"])
    );
    let (status, text) =
        bench.refused("Set-Mailbox", json!({"Identity": "zoe", "EmailAddresses": {"Add": ["a"]}}));
    assert_eq!(status, 400);
    assert!(text.contains("transformation"), "{text}");
    bench.done("Set-Mailbox", json!({"Identity": "zoe", "MicrosoftOnlineServicesID": "zoe2@contoso.com"}));
    bench.id("zoe2@contoso.com");
}

#[test]
fn a_number_of_results_does_not_end_the_list() {
    let mut bench = Bench::new();
    bench.tenant.take_log();
    let (status, body) = bench.invoke("Get-Mailbox", json!({"ResultSize": 2}));
    assert_eq!((status, body["value"].as_array().unwrap().len()), (200, 2));
    assert!(body["@odata.nextLink"].is_string());
    let warning = body["@adminapi.warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("There are more results available"), "{warning}");
    assert_eq!(bench.tenant.take_log()[0].parameters["ResultSize"], 2);
    let (_, body) = bench.invoke("Get-Mailbox", json!({"ResultSize": "3"}));
    assert!(body.get("@odata.nextLink").is_none() && body["@adminapi.warnings"] == json!([]), "{body}");
}

#[test]
fn a_dump_loads_again() {
    let mut bench = Bench::new();
    bench.done("New-Mailbox", json!({"Name": "info", "Shared": true}));
    let dump = bench.tenant.dump();
    let seed = SEED.replace('\n', "");
    let mut seed: Json = serde_json::from_str(&seed).unwrap();
    seed["cloud"] = dump.clone();
    let again = Bench::with(&seed.to_string(), Options::default());
    assert_eq!(again.tenant.dump(), dump);
}
