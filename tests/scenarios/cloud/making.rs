//! Making: shared mailboxes, rooms, users; what is in doubt is looked for before it is made again.

use serde_json::json;

use super::{connect, count, mailbox, person, steps, tenant, there};
use crate::cli::CANARY;
use crate::scenarios::bench::{Bench, message, name};

#[test]
fn c09_shared_mailboxes_rooms_and_equipment_are_made_by_exchange() {
    let bench = Bench::with(&tenant(&[]), &["--replication-delay", "1200"]);
    for create_method in ["new", "enable"] {
        connect(&bench, create_method, "", "");
        for kind in ["Shared", "Room", "Equipment"] {
            let it = format!("{kind}.{create_method}").to_lowercase();
            let flow = format!(
                "Identity,Type,Name,Alias,DisplayName,EmailAddresses,CustomAttribute1\n\
                 {it}@contoso.com,{kind},{it},{it},The {it},{it}@fabrikam.com;{it}@contoso.com,x\n"
            );
            let made = bench.apply_one(&flow, 0);
            assert_eq!(
                (&made["action"], steps(&made)),
                (&"created".into(), vec!["New-Mailbox", "Set-Mailbox"]),
                "{made}"
            );
            let found = mailbox(&bench, &format!("{it}@contoso.com"));
            assert_eq!(found["RecipientTypeDetails"], format!("{kind}Mailbox"));
            assert_eq!(found["CustomAttribute1"], "x");
            assert_eq!(made["guid"], found["ExternalDirectoryObjectId"], "{found}");
            let again = bench.apply_one(&flow, 0);
            assert_eq!(again["action"], "unchanged", "{again}");
        }
    }
    assert_eq!(count(&bench, "New-Mailbox"), 6);
    let flow = "Identity,Operation\nshared.new@contoso.com,remove\n";
    assert_eq!(bench.apply_one(flow, 1)["error"]["class"], "refused_by_rule");
    connect(&bench, "new", "allow_remove = true", "");
    assert_eq!(bench.apply_one(flow, 0)["action"], "removed");
    assert_eq!(bench.apply_one(flow, 0)["action"], "unchanged");
}

#[test]
fn c09_a_new_user_is_made_in_the_directory() {
    let bench = Bench::new(&tenant(&[]));
    connect(&bench, "new", "", "");
    bench.place.write(
        "flow.jsonl",
        &(json!({"Identity": "ada@contoso.com", "UserPrincipalName": "ada@contoso.com", "DisplayName": "Ada Lovelace",
                 "_param_FirstName": "Ada", "_param_LastName": "Lovelace", "_param_password": CANARY,
                 "EmailAddresses": ["ada@fabrikam.com", "ada@contoso.com"]})
        .to_string()
            + "\n"),
    );
    let results = bench.results(&["apply", "flow.jsonl"], 0);
    assert_eq!(steps(&results[0]), ["New-MgUser", "Set-MgUserLicense", "Set-Mailbox"], "{results:?}");
    assert_eq!(
        (&results[0]["action"], &results[0]["attempts"]),
        (&"created".into(), &2.into()),
        "before and after the wait"
    );
    let user = bench.get("Get-User", "ada@contoso.com");
    assert_eq!((&user["FirstName"], &user["LastName"]), (&"Ada".into(), &"Lovelace".into()), "{user}");
    let again = bench.results(&["apply", "flow.jsonl"], 0);
    assert_eq!(again[0]["action"], "unchanged", "{again:?}");
    assert!(bench.writes().iter().all(|entry| !entry.to_string().contains(CANARY)));
}

#[test]
fn c09_a_sign_in_name_of_somebody_else_is_a_conflict() {
    let bench = Bench::new(&tenant(&[there("eve", "UserMailbox", &json!({})), person("bob")]));
    connect(&bench, "new", "", "");
    for (taken, who) in [("eve", "ghost"), ("bob", "phantom")] {
        let change = json!({"Identity": who, "UserPrincipalName": format!("{taken}@contoso.com"), "DisplayName": who,
                            "_param_password": CANARY, "CustomAttribute1": "x"});
        bench.place.write("flow.jsonl", &format!("{change}\n"));
        let results = bench.results(&["apply", "flow.jsonl"], 1);
        assert_eq!(results[0]["error"]["class"], "conflict", "{results:?}");
    }
    assert!(bench.cmdlets().iter().all(|entry| entry["wrote"] != true), "{:?}", bench.writes());
}

#[test]
fn c16_a_password_travels_sealed_with_the_services_key() {
    let bench = Bench::new(&tenant(&[]));
    connect(&bench, "new", "", "create_users = \"exchange\"");
    let change = json!({"Identity": "ada@contoso.com", "UserPrincipalName": "ada@contoso.com", "Name": "ada",
                        "_param_password": CANARY, "CustomAttribute1": "x"});
    bench.place.write("flow.jsonl", &format!("{change}\n"));
    let results = bench.results(&["apply", "flow.jsonl", "--trace", "trace"], 0);
    assert_eq!(results[0]["action"], "created", "{results:?}");
    // Exchange would take a mailbox away that stays without a licence.
    let wanted = ["New-Mailbox", "Set-Mailbox", "Update-MgUser", "Set-MgUserLicense"];
    assert_eq!(steps(&results[0]), wanted, "{results:?}");
    for file in std::fs::read_dir(bench.path("trace")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(CANARY) && !text.contains("Bearer ey"), "{text}");
    }
}

#[test]
fn c17_names_and_values_that_need_care() {
    let strange = there(
        "o'brien",
        "SharedMailbox",
        &json!({"DisplayName": "Zoë O'Brien — Größe", "CustomAttribute2": "y"}),
    );
    let bench = Bench::new(&tenant(&[strange]));
    connect(&bench, "enable", "", "");
    let lines = [
        json!({"Identity": "o'brien@contoso.com", "CustomAttribute1": "it's \"quoted\" äöü 漢", "CustomAttribute2": null,
               "EmailAddresses": ["d'arcy@fabrikam.com", "o'brien@contoso.com"]}),
        json!({"Identity": "nobody's@contoso.com", "Operation": "update", "CustomAttribute1": "x"}),
    ];
    bench.place.write("flow.jsonl", &lines.map(|line| format!("{line}\n")).concat());
    let results = bench.results(&["apply", "flow.jsonl"], 1);
    assert_eq!(results[0]["action"], "updated", "{results:?}");
    assert_eq!(results[1]["error"]["class"], "not_found", "{results:?}");
    let found = mailbox(&bench, "o'brien@contoso.com");
    assert_eq!(found["CustomAttribute1"], "it's \"quoted\" äöü 漢");
    assert_eq!(found["CustomAttribute2"].as_str().unwrap_or_default(), "");
    assert!(bench.addresses("o'brien@contoso.com").contains(&"smtp:d'arcy@fabrikam.com".to_owned()));
    assert!(message(&results[1]).contains("nobody's"));
    assert_eq!(bench.writes().iter().map(name).collect::<Vec<_>>(), ["Set-Mailbox"]);
}

#[test]
fn what_cannot_be_asked_is_not_previewed_and_nothing_is_sent() {
    let bench = Bench::new(&tenant(&[there("ada", "SharedMailbox", &json!({}))]));
    connect(&bench, "enable", "", "");
    bench.place.write("flow.csv", "Identity,CustomAttribute1\nada@contoso.com,x\n");
    let ran = bench.run(&["plan", "flow.csv", "--what-if"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("NOT PREVIEWED"), "{ran:?}");
    assert!(bench.writes().is_empty());
}

#[test]
fn c09_what_was_made_is_written_by_its_own_name() {
    let eve = there("eve", "UserMailbox", &json!({}));
    // Somebody else's alias is what the new mailbox is called.
    let other = there("other", "SharedMailbox", &json!({"Alias": "press"}));
    let bench = Bench::new(&tenant(&[eve, other]));
    connect(&bench, "new", "", "");
    let change = json!({"Identity": "press.office@contoso.com", "Type": "Shared", "Name": "press",
                        "UserPrincipalName": "eve@contoso.com", "EmailAddresses": ["press.office@contoso.com"],
                        "CustomAttribute1": "x"});
    bench.place.write("flow.jsonl", &format!("{change}\n"));
    bench.results(&["apply", "flow.jsonl"], 1);
    for untouched in ["eve@contoso.com", "other@contoso.com"] {
        assert_ne!(mailbox(&bench, untouched)["CustomAttribute1"], "x", "{untouched}");
    }
    let written: Vec<_> = bench.writes().into_iter().filter(|entry| name(entry) == "Set-Mailbox").collect();
    let made = mailbox(&bench, "press.office@contoso.com")["ExternalDirectoryObjectId"].clone();
    assert!(
        !written.is_empty() && written.iter().all(|entry| entry["parameters"]["Identity"] == made),
        "{written:?}"
    );
}
