//! `mailwright apply`: what is refused before anything is contacted.

use super::Place;

#[test]
fn saved_plans_that_cannot_be_taken() {
    let place = Place::new();
    place.write("newer.plan", "{\"mailwright_plan\": 99}");
    place.run(&["apply", "newer.plan"]).refuses(2, &["layout 99", "make it again"]);
    place.write("cut.plan", "{\"mailwright_plan\": 1, \"run\":");
    place.run(&["apply", "cut.plan"]).refuses(2, &["damaged: line 1, column 29"]);
    let run = "00000000-0000-0000-0000-000000000001";
    let other = format!(
        "{{\"mailwright_plan\": 1, \"run\": \"{run}\", \"connection\": \"lab\", \"flow\": \"f\", \"changes\": []}}"
    );
    place.write("other.plan", &other);
    place.run(&["apply", "other.plan"]).refuses(2, &["planned for connection `lab`", "--connection lab"]);
}

#[test]
fn nothing_is_journalled_when_nothing_can_be_tried() {
    let place = Place::new();
    place.write("flow.csv", "Identity,Salary\nada,1\n");
    place.run(&["apply", "flow.csv"]).refuses(2, &["flow.csv:1:10", "no column `Salary`"]);
    assert!(!place.path().join("state").exists());
}
