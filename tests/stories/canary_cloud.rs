//! The whole program with the secrets of a cloud connection, which must show up nowhere: not in its output, not in any file that it
//! writes, in every trace.

use super::canary_program::{Lab, OURS, hunt};
use crate::cli::{CANARY, Place};

/// A flow of changes of each kind: one that succeeds, one that is refused (the domain is nobody's).
fn flow(prefix: &str) -> String {
    format!(
        "ChangeId,Identity,Name,UserPrincipalName,_param_password,EmailAddresses\n\
         {prefix}1,{prefix}@contoso.com,{prefix},{prefix}@contoso.com,{CANARY},{prefix}@contoso.com\n\
         {prefix}2,{prefix}o@nowhere.example,{prefix}o,{prefix}o@nowhere.example,{CANARY},{prefix}o@contoso.com\n"
    )
}

#[test]
fn nothing_of_the_cloud_lets_it_out() {
    let place = Place::new();
    let lab = Lab::start(&place);
    let client_secret = lab.given["cloud"]["client_secret"].as_str().unwrap().to_owned();
    place.write("flow.csv", &flow("c"));
    let config = std::fs::read_to_string(place.path().join("lab.toml")).unwrap();
    let config = config.replace("create_method = \"enable\"", "create_method = \"new\"");
    place.write("it.toml", &config);
    // A secret that is not the application's, where the right one would stand.
    place.write("wrong.toml", &config.replace("lab.toml.client-secret", "secret"));
    let user = ["invoke", "New-MgUser", "AccountEnabled=true", "DisplayName=i", "MailNickname=i"];
    let user = [&user[..], &["UserPrincipalName=i@contoso.com", "PasswordProfile=file:secret"]].concat();
    let other =
        ["invoke", "Update-MgUser", "UserId=i@contoso.com", "PasswordProfile=file:secret", "Nonsense=1"];
    let mut said = String::new();
    for (file, name, arguments, code) in [
        ("it.toml", "lab-cloud", &["plan", "flow.csv", "--out", "plan.json", "--output", "json"][..], 0),
        ("it.toml", "lab-cloud", &["apply", "flow.csv", "--output", "jsonl"], 1),
        ("it.toml", "lab-cloud", &["status", "--failed", "--output", "json"], 0),
        ("it.toml", "lab-cloud", &user, 0),
        ("it.toml", "lab-cloud", &user, 1),
        ("it.toml", "lab-cloud", &other, 1),
        ("it.toml", "lab-cloud", &["doctor", "--output", "json"], 0),
        ("it.toml", "lab-hybrid-full", &["invoke", "Get-MgSubscribedSku"], 0),
        ("wrong.toml", "lab-cloud", &["invoke", "Get-Mailbox", "Identity=i"], 3),
        ("wrong.toml", "lab-cloud", &["apply", "flow.csv"], 3),
    ] {
        let at = ["-c", file, "-n", name, "-v", "--journal", "journal.db", "--trace", "trace"];
        let ran = place.run(&[arguments, &at].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        said += &format!("{}{}", ran.stdout, ran.stderr);
    }
    lab.end();

    let hunt = hunt().text("the application's secret", &client_secret);
    hunt.search("the output", said.as_bytes());
    let searched = hunt.search_below(place.path(), &OURS);
    for wanted in ["lab.log", "journal.db", "plan.json", "trace/000001-token.txt"] {
        assert!(searched.iter().any(|path| path.ends_with(wanted)), "{wanted} was not written: {searched:?}");
    }
    // How every token begins: {" in base64.
    let traces = searched.iter().filter(|path| path.components().any(|part| part.as_os_str() == "trace"));
    let traces: String = traces.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(!traces.contains("eyJ") && !said.contains("eyJ"));
    for shown in ["client_secret=***", "\"access_token\": \"***\"", "\"password\": \"***\"", "c@contoso.com"]
    {
        assert!(traces.contains(shown), "`{shown}` is not in the trace");
    }
}
