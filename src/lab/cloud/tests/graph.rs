//! Graph: users and licences, and the mailboxes that follow.

use super::*;

const E3: &str = "6fd2c87f-b296-42f0-b197-1e91e994b900";
const SMALL: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
const FLOW: &str = "f30db892-07e9-47e9-837c-80727f46fd3d";

fn give(sku: &str) -> Json {
    json!({"addLicenses": [{"skuId": sku, "disabledPlans": []}], "removeLicenses": []})
}

fn message(answer: &(u16, Json)) -> String {
    answer.1["error"]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_licence_brings_the_mailbox_after_a_while_and_takes_it_away() {
    let mut bench = Bench::with(SEED, Options { mailbox_delay_ms: 5_000, ..Options::default() });
    let id = bench.id("ada@contoso.com");
    let assign = format!("/v1.0/users/{id}/assignLicense");
    let refused = bench.graph("POST", &assign, give(E3));
    assert_eq!(refused.0, 400);
    assert_eq!(message(&refused), "License assignment cannot be done for user with invalid usage location.");
    assert_eq!(bench.graph("PATCH", &format!("/v1.0/users/{id}"), json!({"usageLocation": "CH"})).0, 204);
    assert_eq!(bench.graph("POST", &assign, give(E3)).0, 200);
    let target = format!(
        "/v1.0/users/{id}?$select=assignedLicenses,licenseAssignmentStates,assignedPlans,usageLocation"
    );
    let (_, user) = bench.graph("GET", &target, Json::Null);
    assert_eq!(user["assignedLicenses"], json!([{"skuId": E3, "disabledPlans": []}]));
    assert_eq!(user["licenseAssignmentStates"][0]["assignedByGroup"], Json::Null);
    assert_eq!(user["usageLocation"], "CH");
    assert!(user["assignedPlans"].as_array().unwrap().iter().any(|it| it["service"] == "exchange"));
    assert_eq!(bench.invoke("Get-Mailbox", json!({"Identity": id})).0, 404);
    bench.now += 5_000;
    let [ada] = bench.done("Get-Mailbox", json!({"Identity": id})).try_into().unwrap();
    assert_eq!(ada["PrimarySmtpAddress"], "ada@contoso.com");
    let take = json!({"addLicenses": [], "removeLicenses": [E3]});
    assert_eq!(bench.graph("POST", &assign, take).0, 200);
    bench.done("Get-Mailbox", json!({"Identity": id}));
    bench.now += 5_000;
    assert_eq!(bench.invoke("Get-Mailbox", json!({"Identity": id})).0, 404);
    assert_eq!(bench.done("Get-User", json!({"Identity": id})).len(), 1);
}

#[test]
fn what_is_wrong_with_licences() {
    let mut bench = Bench::new();
    let assign = |id: &str| format!("/v1.0/users/{id}/assignLicense");
    // Zoe has one of three seats.
    for (index, expected) in [200, 200, 400].into_iter().enumerate() {
        let name = format!("u{index}@contoso.com");
        let user = json!({"accountEnabled": true, "displayName": name, "mailNickname": format!("u{index}"),
            "userPrincipalName": name, "usageLocation": "CH", "passwordProfile": {"password": "Start-1!pass"}});
        let (status, made) = bench.graph("POST", "/v1.0/users", user);
        assert_eq!(status, 201, "{made}");
        let answer = bench.graph("POST", &assign(made["id"].as_str().unwrap()), give(SMALL));
        assert_eq!(answer.0, expected, "{}", answer.1);
        if expected == 400 {
            assert!(message(&answer).contains("does not have any available licenses"), "{}", answer.1);
        }
    }
    let answer = bench.graph("POST", &assign("bob@contoso.com"), give(&Uuid::nil().to_string()));
    assert!(message(&answer).contains("does not correspond to a valid company License"), "{}", answer.1);
    let inherited = json!({"addLicenses": [], "removeLicenses": [FLOW]});
    let answer = bench.graph("POST", &assign("eve@contoso.com"), inherited.clone());
    assert!(message(&answer).contains("inherited from a group"), "{}", answer.1);
    let answer = bench.graph("POST", &assign("bob@contoso.com"), inherited);
    assert!(message(&answer).contains("does not have a corresponding license"), "{}", answer.1);
    let (_, skus) = bench.graph("GET", "/v1.0/subscribedSkus", Json::Null);
    let small = skus["value"].as_array().unwrap().iter().find(|sku| sku["skuId"] == SMALL).unwrap();
    assert_eq!((&small["consumedUnits"], &small["prepaidUnits"]["enabled"]), (&json!(3), &json!(3)));
}

#[test]
fn users_are_found_in_pages_and_by_filters() {
    let mut bench = Bench::new();
    let (_, first) = bench.graph("GET", "/v1.0/users?$select=id,userPrincipalName&$top=4", Json::Null);
    let next = first["@odata.nextLink"].as_str().unwrap().strip_prefix("https://graph.test").unwrap();
    let (_, second) = bench.graph("GET", next, Json::Null);
    let names = |page: &Json| -> Vec<String> {
        let users = page["value"].as_array().unwrap().iter();
        users.map(|user| user["userPrincipalName"].as_str().unwrap().to_owned()).collect()
    };
    let mut all = [names(&first), names(&second)].concat();
    all.sort();
    assert_eq!(
        all,
        ["ada", "bob", "eve", "managed", "sync", "zoe"].map(|name| format!("{name}@contoso.com"))
    );
    assert!(second.get("@odata.nextLink").is_none());
    let (ada, bob) = (bench.id("ada@contoso.com"), bench.id("bob@contoso.com"));
    let filter = format!("/v1.0/users?$filter=id%20in%20('{ada}','{bob}')&$select=userPrincipalName");
    let mut found = names(&bench.graph("GET", &filter, Json::Null).1);
    found.sort();
    assert_eq!(found, ["ada@contoso.com", "bob@contoso.com"]);
    assert_eq!(bench.graph("GET", "/v1.0/users?$filter=nonsense", Json::Null).0, 400);
}

#[test]
fn who_may_what_and_what_is_synchronised() {
    let mut bench = Bench::new();
    let answer =
        bench.graph_as("reader", "PATCH", "/v1.0/users/ada@contoso.com", json!({"usageLocation": "CH"}));
    assert_eq!((answer.0, &answer.1["error"]["code"]), (403, &json!("Authorization_RequestDenied")));
    assert_eq!(bench.graph_as("reader", "GET", "/v1.0/users/ada@contoso.com", Json::Null).0, 200);
    assert_eq!(bench.graph_as("reader", "GET", "/v1.0/subscribedSkus", Json::Null).0, 403);
    let answer = bench.graph("PATCH", "/v1.0/users/sync@contoso.com", json!({"displayName": "x"}));
    assert!(message(&answer).contains("on-premises mastered"), "{}", answer.1);
    let (status, body) = bench.graph("GET", "/v1.0/users/nobody@contoso.com", Json::Null);
    assert_eq!((status, &body["error"]["code"]), (404, &json!("Request_ResourceNotFound")));
    let twice = json!({"accountEnabled": true, "displayName": "a", "mailNickname": "a",
        "userPrincipalName": "ada@contoso.com", "passwordProfile": {"password": "Start-1!pass"}});
    let (status, body) = bench.graph("POST", "/v1.0/users", twice);
    assert_eq!((status, &body["error"]["details"][0]["code"]), (400, &json!("ObjectConflict")));
    // A token for Exchange opens nothing here.
    let token = bench.token("bridge", Host::Main);
    let answer = bench.ask(Host::Graph, "GET", "/v1.0/users", &[("Authorization", &token)], b"");
    assert_eq!(answer.status, 401);
    let told = format!("{:?}", bench.tenant.take_log());
    assert!(told.contains("New-MgUser") && !told.contains("Start-1!pass"), "{told}");
}
