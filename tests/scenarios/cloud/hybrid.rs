//! A hybrid organisation: each object is written on the side that owns it, and on no other.

use serde_json::{Value as Json, json};

use super::{config, tenant, there};
use crate::scenarios::bench::{Bench, mailbox, name, remote_mailbox, user, writes};

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

fn connect(bench: &Bench) {
    let keys = format!(
        "server = \"{}\"\nauthentication = \"negotiate\"\nusername = 'CONTOSO\\svc-idm'\npassword = \"file:{}\"\n\
         create_method = \"enable\"",
        bench.given["https_powershell"].as_str().unwrap(),
        bench.path("lab.toml.password").display()
    );
    bench.place.write("it.toml", &config(bench, "hybrid", &keys, ""));
}

fn side(entry: &Json) -> &str {
    entry["side"].as_str().unwrap_or("on-premises")
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
