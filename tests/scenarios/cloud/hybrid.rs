//! A hybrid organisation: each object is written on the side that owns it, and on no other.

use serde_json::{Value as Json, json};

use super::{config, in_cloud, tenant, there};
use crate::scenarios::bench::{Bench, ROUTING, mailbox, name, remote_mailbox, user, writes};

/// One of each: mastered on-premises, cloud-managed, cloud-only, on-premises, and a user whom nobody has synchronised yet.
fn organisation() -> Json {
    let mut seed = tenant(&[
        there("synced", "UserMailbox", &json!({"IsDirSynced": true})),
        there("managed", "UserMailbox", &json!({"IsDirSynced": true, "IsExchangeCloudManaged": true})),
        there("shared", "SharedMailbox", &json!({})),
        there("stray", "UserMailbox", &json!({"IsDirSynced": true})),
        there("twice", "SharedMailbox", &json!({})),
    ]);
    let here = [
        remote_mailbox("synced"),
        remote_mailbox("managed"),
        mailbox("local", &["SMTP:local@contoso.com"]),
        user("fresh"),
        user("twice"),
    ];
    seed["objects"].as_array_mut().unwrap().extend(here);
    seed
}

pub fn connect(bench: &Bench) {
    let keys = format!(
        "server = \"{}\"\nauthentication = \"negotiate\"\nusername = 'CONTOSO\\svc-idm'\npassword = \"file:{}\"\n\
         create_method = \"enable\"",
        bench.given["https_powershell"].as_str().unwrap(),
        bench.path("lab.toml.password").display()
    );
    bench.place.write("it.toml", &config(bench, "hybrid", &keys, ""));
}

pub(super) fn side(entry: &Json) -> &str {
    entry["side"].as_str().unwrap_or("on-premises")
}

#[test]
fn a_cmdlet_is_run_on_the_side_that_is_meant() {
    let bench = Bench::new(&organisation());
    connect(&bench);
    let kinds = |flags: &[&str]| {
        let ran = bench.run(&[&["invoke", "Get-Recipient", "Identity=synced@contoso.com"], flags].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let objects: Vec<Json> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        objects.iter().map(|it| it["RecipientTypeDetails"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&[]), ["RemoteUserMailbox"]);
    assert_eq!(kinds(&["--cloud"]), ["UserMailbox"]);
    bench.connect("hybrid", "enable", "");
    let ran = bench.run(&["invoke", "Get-Recipient", "Identity=synced@contoso.com", "--cloud"]);
    ran.refuses(2, &["the connection `it` does not reach Exchange Online", "hint: --cloud"]);
}

#[test]
fn each_object_is_written_where_it_is_owned() {
    let bench = Bench::new(&organisation());
    connect(&bench);
    let flow = "Identity,CustomAttribute1\nsynced@contoso.com,x\nmanaged@contoso.com,x\nshared@contoso.com,x\nlocal,x\nfresh,x\n\
                stray@contoso.com,x\ntwice@contoso.com,x\n";
    let results = bench.flow("apply", flow, 1);
    let actions: Vec<_> = results.iter().map(|result| result["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["updated", "updated", "updated", "updated", "created", "refused", "refused"],
        "{results:?}"
    );
    let written = |who: &str| -> Vec<(String, String)> {
        let of = |entry: &&Json| entry["parameters"].to_string().contains(who);
        let guid = results.iter().find(|result| result["identity"].as_str().unwrap().contains(who)).unwrap();
        let guid = guid["guid"].as_str().unwrap_or("none").to_owned();
        bench
            .writes()
            .iter()
            .filter(|entry| of(entry) || entry["parameters"]["Identity"] == guid)
            .map(|entry| (name(entry).to_owned(), side(entry).to_owned()))
            .collect()
    };
    let one = |cmdlet: &str, side: &str| vec![(cmdlet.to_owned(), side.to_owned())];
    assert_eq!(written("synced"), one("Set-RemoteMailbox", "on-premises"));
    assert_eq!(written("managed"), one("Set-Mailbox", "cloud"));
    assert_eq!(written("shared"), one("Set-Mailbox", "cloud"));
    assert_eq!(written("local"), one("Set-Mailbox", "on-premises"));
    assert_eq!(written("fresh")[0], ("Enable-RemoteMailbox".to_owned(), "on-premises".to_owned()));
    for (result, words) in [(&results[5], "does not have it"), (&results[6], "does not join them")] {
        assert_eq!(result["error"]["class"], "conflict", "{result}");
        assert!(result["error"]["message"].as_str().unwrap().contains(words), "{result}");
    }
    let writes: Vec<_> = bench.cmdlets().into_iter().filter(|entry| writes(name(entry))).collect();
    assert_eq!(writes.iter().filter(|entry| side(entry) == "cloud").count(), 2, "{writes:?}");
    // A plan says the side, and once more there is nothing to do.
    let plan = bench.flow("plan", &flow.replace(",x", ",y"), 1);
    let sides: Vec<_> =
        plan[..5].iter().map(|result| result["steps"][0]["side"].as_str().unwrap_or("here")).collect();
    assert_eq!(sides, ["here", "cloud", "cloud", "here", "here"]);
    let again = bench.flow("apply", flow, 1);
    assert!(again[..5].iter().all(|result| result["action"] == "unchanged"), "{again:?}");
}

/// The GUID of an object on-premises, and the immutable id that Windows PowerShell makes of it:
/// `[Convert]::ToBase64String(([guid]"...").ToByteArray())`.
const SOURCE: (&str, &str) = ("35918bc9-196d-40ea-9779-889d79b753f0", "yYuRNW0Z6kCXeYidebdT8A==");
const MAILBOX: &str = "7c1f0d11-9ab8-4c63-9d3e-0a1b2c3d4e5f";

/// A remote mailbox that had the sign-in name of another one until it was renamed, and keeps its addresses.
fn renamed(name: &str, former: &str, more: &Json) -> Json {
    let mut object = remote_mailbox(name);
    object["Alias"] = json!(former);
    object["EmailAddresses"] =
        json!([format!("SMTP:{former}@contoso.com"), format!("smtp:{former}@{ROUTING}")]);
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

#[test]
fn one_who_was_renamed_is_found_by_what_synchronisation_keeps() {
    let managed = |more: &Json| {
        let mut all = json!({"IsDirSynced": true, "IsExchangeCloudManaged": true});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let mut seed = tenant(&[
        there("byron", "UserMailbox", &managed(&json!({"ImmutableId": SOURCE.1}))),
        // Synchronised by mS-DS-ConsistencyGuid, which is another one than the object's own.
        there(
            "gordon",
            "UserMailbox",
            &managed(&json!({"ImmutableId": "AAAAAAAAAAAAAAAAAAAAAQ==", "ExchangeGuid": MAILBOX})),
        ),
        there("noel", "UserMailbox", &managed(&json!({"ImmutableId": "AAAAAAAAAAAAAAAAAAAAAg=="}))),
        there(
            "plain",
            "UserMailbox",
            &json!({"IsDirSynced": true, "ImmutableId": "AAAAAAAAAAAAAAAAAAAAAw=="}),
        ),
        there("double", "UserMailbox", &managed(&json!({"ExchangeGuid": MAILBOX.replace('7', "9")}))),
    ]);
    let here = [
        renamed("ada", "byron", &json!({"Guid": SOURCE.0})),
        renamed(
            "king",
            "gordon",
            &json!({"ExchangeGuid": MAILBOX, "EmailAddresses": ["SMTP:king@contoso.com"]}),
        ),
        renamed("wentworth", "noel", &json!({})),
        renamed("simple", "plain", &json!({})),
        renamed("double", "double", &json!({"ExchangeGuid": MAILBOX.replace('7', "8")})),
    ];
    seed["objects"].as_array_mut().unwrap().extend(here);
    let bench = Bench::new(&seed);
    connect(&bench);
    let flow = "Identity,CustomAttribute1\nada@contoso.com,x\nking@contoso.com,x\nwentworth@contoso.com,x\nsimple@contoso.com,x\n\
                double@contoso.com,x\n";
    let results = bench.flow("apply", flow, 1);
    let actions: Vec<_> = results.iter().map(|result| result["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["updated", "updated", "refused", "updated", "refused"], "{results:?}");
    // What the cloud owns is written there and nowhere else.
    let written: Vec<(String, String, String)> = bench
        .writes()
        .iter()
        .map(|entry| {
            let identity = entry["parameters"]["Identity"].as_str().unwrap().to_owned();
            (name(entry).to_owned(), side(entry).to_owned(), identity)
        })
        .collect();
    let cloud = |who: &str| {
        let found = in_cloud(&bench, &["Get-Mailbox", &format!("Identity={who}@contoso.com")]);
        assert_eq!(found[0]["CustomAttribute1"], "x", "{found:?}");
        (
            "Set-Mailbox".to_owned(),
            "cloud".to_owned(),
            found[0]["ExternalDirectoryObjectId"].as_str().unwrap().to_owned(),
        )
    };
    let simple = results[3]["guid"].as_str().unwrap().to_owned();
    let expected =
        [cloud("byron"), cloud("gordon"), ("Set-RemoteMailbox".to_owned(), "on-premises".to_owned(), simple)];
    let sorted = |mut all: Vec<_>| {
        all.sort();
        all
    };
    assert_eq!(sorted(written), sorted(expected.into()));
    for (result, words) in [(&results[2], "nothing proves it"), (&results[4], "their ExchangeGuids differ")] {
        assert_eq!(result["error"]["class"], "conflict", "{result}");
        assert!(result["error"]["message"].as_str().unwrap().contains(words), "{result}");
    }
    // All of them together: one read by name, one by mailbox and address, one of what is written there.
    let asked = |filter: &str| {
        let has =
            |entry: &&Json| entry["parameters"]["Filter"].as_str().is_some_and(|text| text.contains(filter));
        bench
            .cmdlets()
            .iter()
            .filter(|entry| name(entry) == "Get-Mailbox" && side(entry) == "cloud")
            .filter(has)
            .count()
    };
    assert_eq!(asked("EmailAddresses -eq 'byron@contoso.com'"), 1, "{:?}", bench.cmdlets());
    // A second time there is nothing to do, and nobody has become somebody else.
    let again = bench.flow("apply", flow, 1);
    let actions: Vec<_> = again.iter().map(|result| result["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["unchanged", "unchanged", "refused", "unchanged", "refused"], "{again:?}");
}

#[test]
fn graph_tells_where_exchange_does_not() {
    let managed = json!({"IsDirSynced": true, "IsExchangeCloudManaged": true, "ImmutableId": SOURCE.1});
    let mut seed = tenant(&[there("byron", "UserMailbox", &managed)]);
    seed["cloud"]["behaviour"] = json!({"immutable_id_in_graph_only": true});
    let here = renamed("ada", "byron", &json!({"Guid": SOURCE.0}));
    seed["objects"].as_array_mut().unwrap().push(here);
    let bench = Bench::new(&seed);
    connect(&bench);
    let updated = bench.apply_one("Identity,CustomAttribute1\nada@contoso.com,x\n", 0);
    assert_eq!(updated["action"], "updated", "{updated}");
    let writes = bench.writes();
    assert_eq!(
        writes.iter().map(|entry| (name(entry), side(entry))).collect::<Vec<_>>(),
        [("Set-Mailbox", "cloud")]
    );
    assert!(bench.cmdlets().iter().any(|entry| name(entry) == "Get-MgUser"));
}

#[test]
fn a_flow_hands_an_object_over_and_takes_it_back() {
    let bench = Bench::new(&organisation());
    connect(&bench);
    let flow = |managed: &str, value: &str| {
        format!("Identity,CustomAttribute1,IsExchangeCloudManaged\nsynced@contoso.com,{value},{managed}\n")
    };
    let cmdlets = |result: &Json| -> Vec<(String, String)> {
        let steps = result["steps"].as_array().unwrap();
        steps.iter().map(|step| (name(step).to_owned(), side(step).to_owned())).collect()
    };
    let (there, here) = (("Set-Mailbox".to_owned(), "cloud".to_owned()), "on-premises".to_owned());
    let given = bench.apply_one(&flow("true", "x"), 0);
    assert_eq!(cmdlets(&given), [there.clone(), there.clone()], "the flag, then the attribute: {given}");
    assert_eq!(bench.apply_one(&flow("true", "x"), 0)["action"], "unchanged");
    let taken = bench.apply_one(&flow("false", "x"), 0);
    assert_eq!(cmdlets(&taken), [there], "{taken}");
    // It is mastered on-premises again, which has never heard of that attribute.
    let written = bench.apply_one(&flow("false", "x"), 0);
    assert_eq!(cmdlets(&written), [("Set-RemoteMailbox".to_owned(), here)], "{written}");
    assert_eq!(bench.apply_one(&flow("false", "x"), 0)["action"], "unchanged");
}
