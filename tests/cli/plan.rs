//! `mailwright plan`: flows that cannot be read are refused before anything is contacted.

use super::{CANARY, CONNECTION, Place};

#[test]
fn unreadable_flows_exit_with_2() {
    let place = Place::new();
    place.write("column.csv", "Identity,DisplyName\nada,x\n");
    place
        .run(&["plan", "column.csv"])
        .refuses(2, &["error: column.csv:1:10: no column `DisplyName`", "hint: did you mean `DisplayName`?"]);
    place.write("quote.csv", "Identity,Name\nada,\"x\n");
    place.run(&["plan", "quote.csv"]).refuses(2, &["quote.csv:2:5", "never closed"]);
    place.write("empty.csv", "");
    place.run(&["plan", "empty.csv"]).refuses(2, &["empty.csv: the flow is empty"]);
    place.run(&["plan", "none.csv"]).refuses(2, &["none.csv: cannot be read"]);
    place.run_with(&["plan", "-"], "Identity,Aliass\n").refuses(2, &["standard input:1:10", "`Alias`"]);
}

#[test]
fn passwords_need_a_way_to_travel() {
    let place = Place::new();
    place.write("mailwright.toml", &CONNECTION.replace("/PowerShell/", "/wsman"));
    place.write("flow.csv", &format!("Identity,_param_password\nada,{CANARY}\n"));
    for command in ["plan", "apply"] {
        place.run(&[command, "flow.csv"]).refuses(2, &["second hop", "negotiate or credssp"]);
    }
}

#[test]
fn a_saved_plan_is_no_flow() {
    let place = Place::new();
    place.write("saved.plan", "{\"mailwright_plan\": 1}");
    place.run(&["plan", "saved.plan"]).refuses(2, &["is a saved plan", "mailwright apply saved.plan"]);
}
