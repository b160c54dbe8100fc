//! A hybrid organisation that is synchronised: what becomes of an account from its first day on.

use serde_json::{Value as Json, json};

use super::hybrid::{connect, side};
use super::{in_cloud, tenant, there};
use crate::scenarios::bench::{Bench, name, remote_mailbox, user};

const LICENCE: &str = "AddLicenses=6fd2c87f-b296-42f0-b197-1e91e994b900";

fn organisation() -> Json {
    let synced = there("bob", "UserMailbox", &json!({"IsDirSynced": true}));
    let mut seed = tenant(&[synced]);
    let here = [user("ada"), remote_mailbox("bob")];
    seed["objects"].as_array_mut().unwrap().extend(here);
    seed
}

/// Writes of a run, with the side of each.
fn written(bench: &Bench, from: usize) -> Vec<(String, String)> {
    let writes = bench.writes();
    writes[from..].iter().map(|entry| (name(entry).to_owned(), side(entry).to_owned())).collect()
}

fn one(cmdlet: &str, side: &str) -> Vec<(String, String)> {
    vec![(cmdlet.to_owned(), side.to_owned())]
}

fn change(bench: &Bench, who: &str, value: &str) -> Vec<(String, String)> {
    let before = bench.writes().len();
    let result = bench.apply_one(&format!("Identity,CustomAttribute1\n{who},{value}\n"), 0);
    assert_eq!(result["action"], "updated", "{result}");
    written(bench, before)
}

/// What the tenant shows of somebody.
fn seen(bench: &Bench, cmdlet: &str, who: &str) -> Json {
    in_cloud(bench, &[cmdlet, &format!("Identity={who}")]).remove(0)
}

fn is_missing(bench: &Bench, cmdlet: &str, who: &str) -> bool {
    let call = ["invoke", cmdlet, &format!("Identity={who}"), "-c", "lab.toml", "-n", "lab-cloud"];
    bench.place.run(&call).code == Some(1)
}

#[test]
fn a_joiner_is_made_on_premises_and_goes_over_to_the_cloud() {
    let bench = Bench::with(&organisation(), &["--sync-delay", "0"]);
    connect(&bench);
    let made = bench.apply_one("Identity,Alias,CustomAttribute1\nada@contoso.com,ada,1\n", 0);
    assert_eq!(made["action"], "created", "{made}");
    assert_eq!(written(&bench, 0)[0], ("Enable-RemoteMailbox".to_owned(), "on-premises".to_owned()));
    // There she is a mail user until she has a licence.
    let ada = seen(&bench, "Get-Recipient", "ada@contoso.com");
    assert_eq!(
        (&ada["RecipientTypeDetails"], &ada["CustomAttribute1"]),
        (&"MailUser".into(), &"1".into()),
        "{ada}"
    );
    assert!(is_missing(&bench, "Get-Mailbox", "ada@contoso.com"));
    assert_eq!(change(&bench, "ada@contoso.com", "2"), one("Set-RemoteMailbox", "on-premises"));
    in_cloud(&bench, &["Update-MgUser", "UserId=ada@contoso.com", "UsageLocation=CH"]).clear();
    in_cloud(&bench, &["Set-MgUserLicense", "UserId=ada@contoso.com", LICENCE]).clear();
    let ada = seen(&bench, "Get-Mailbox", "ada@contoso.com");
    let marks = (&ada["IsDirSynced"], &ada["CustomAttribute1"]);
    assert_eq!(marks, (&true.into(), &"2".into()), "{ada}");
    let here = bench.get("Get-RemoteMailbox", "ada@contoso.com");
    let addresses: Vec<&str> =
        ada["EmailAddresses"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
    for address in here["EmailAddresses"].as_array().unwrap() {
        assert!(addresses.contains(&address.as_str().unwrap()), "{address} in {addresses:?}");
    }
    // She is mastered on-premises, until the cloud owns her attributes.
    assert_eq!(change(&bench, "ada@contoso.com", "3"), one("Set-RemoteMailbox", "on-premises"));
    assert_eq!(seen(&bench, "Get-Mailbox", "ada@contoso.com")["CustomAttribute1"], "3");
    in_cloud(&bench, &["Set-Mailbox", "Identity=ada@contoso.com", "IsExchangeCloudManaged=$true"]).clear();
    assert_eq!(change(&bench, "ada@contoso.com", "4"), one("Set-Mailbox", "cloud"));
    // What is written on-premises all the same stays there, but for the person's attributes.
    let id = ada["ExternalDirectoryObjectId"].as_str().unwrap();
    let rename = ["UserPrincipalName=lovelace@contoso.com", "DisplayName=Ada King", "CustomAttribute1=5"];
    let ran =
        bench.run(&[&["invoke", "Set-RemoteMailbox", "Identity=ada@contoso.com"], &rename[..]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ada = seen(&bench, "Get-Mailbox", id);
    let shown =
        ["UserPrincipalName", "DisplayName", "CustomAttribute1"].map(|name| ada[name].as_str().unwrap());
    assert_eq!(shown, ["lovelace@contoso.com", "Ada King", "4"]);
    assert_eq!(change(&bench, "lovelace@contoso.com", "6"), one("Set-Mailbox", "cloud"));
    // Nobody is two.
    let plan = bench.flow("plan", "Identity,CustomAttribute1\nlovelace@contoso.com,6\n", 0);
    assert_eq!(plan[0]["action"], "unchanged", "{plan:?}");
}

#[test]
fn who_leaves_on_premises_leaves_the_cloud() {
    let bench = Bench::with(&organisation(), &["--sync-delay", "0"]);
    connect(&bench);
    assert_eq!(change(&bench, "bob@contoso.com", "1"), one("Set-RemoteMailbox", "on-premises"));
    assert_eq!(seen(&bench, "Get-Mailbox", "bob@contoso.com")["CustomAttribute1"], "1");
    let ended = bench.apply_one("Identity,Operation\nbob@contoso.com,disable\n", 0);
    assert_eq!(ended["action"], "disabled", "{ended}");
    assert!(is_missing(&bench, "Get-Mailbox", "bob@contoso.com"));
    assert_eq!(seen(&bench, "Get-User", "bob@contoso.com")["IsDirSynced"], true);
    let made = bench.apply_one("Identity\nada@contoso.com\n", 0);
    assert_eq!(made["action"], "created", "{made}");
    assert_eq!(seen(&bench, "Get-User", "ada@contoso.com")["RecipientTypeDetails"], "MailUser");
    let gone = bench.run(&["invoke", "Remove-RemoteMailbox", "Identity=ada@contoso.com", "Confirm=$false"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert!(is_missing(&bench, "Get-User", "ada@contoso.com"));
}

#[test]
fn a_change_needs_its_time() {
    let bench = Bench::with(&organisation(), &["--sync-delay", "3600000"]);
    connect(&bench);
    let made = bench.apply_one("Identity,CustomAttribute1\nada@contoso.com,1\n", 0);
    assert_eq!(made["action"], "created", "{made}");
    assert!(is_missing(&bench, "Get-User", "ada@contoso.com"));
    // Nobody knows her there yet: she is changed where she was made.
    assert_eq!(change(&bench, "ada@contoso.com", "2"), one("Set-RemoteMailbox", "on-premises"));
}
