//! What became of provisioning orders: the file that the agent of an identity system reads afterwards.

use serde::Serialize;

use super::ChangeResult;
use crate::recipient::Action;

/// Whether an order was carried out; the agent's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ProvisioningState {
    /// Exchange is as the order wants it
    Executed,
    /// It is not, and the message says why
    Errored,
}

/// What became of one order. Holds no secret: its texts come from results, which have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrderResult {
    /// `AssignedResourceTypeId` of the order
    pub assigned_resource_type_id: String,
    /// `WorkflowInstanceId` of the order
    pub workflow_instance_id: String,
    /// `ChangeType` of the order
    pub change_type: String,
    /// `Owner.Id` of the order
    pub owner_id: String,
    /// `ResourceType.SourceEntityType.Id` of the order
    pub owner_type: String,
    /// Whether it was carried out
    pub provisioning_state: ProvisioningState,
    /// What was done, or why not and what to do about it
    pub message: String,
    /// The change in journal and report
    pub change_id: String,
    /// The file of the order
    pub file: String,
    /// Its number in the file, from 1
    pub number: u64,
}

/// State and message of an order, from the result of its change.
pub fn outcome(result: &ChangeResult) -> (ProvisioningState, String) {
    let done = match result.action {
        Action::Created | Action::Updated | Action::Unchanged | Action::Disabled | Action::Removed => true,
        Action::Refused | Action::Failed | Action::Pending => false,
    };
    if done {
        let mut message = result.action.to_string();
        for warning in &result.warnings {
            message.push_str("; ");
            message.push_str(warning);
        }
        return (ProvisioningState::Executed, message);
    }
    let mut message = match &result.error {
        Some(error) => error.message.clone(),
        None => format!("the order is {}", result.action),
    };
    if let Some(hint) = result.error.as_ref().and_then(|error| error.hint.as_ref()) {
        message.push_str(" (hint: ");
        message.push_str(hint);
        message.push(')');
    }
    (ProvisioningState::Errored, message)
}

/// The results as JSON: the executed orders and the errored ones.
pub fn results_json(run: &str, results: &[OrderResult]) -> String {
    let of = |state| -> Vec<&OrderResult> {
        results.iter().filter(|result| result.provisioning_state == state).collect()
    };
    let document = serde_json::json!({
        "Run": run,
        "Executed": of(ProvisioningState::Executed),
        "Errored": of(ProvisioningState::Errored),
    });
    format!("{document:#}\n")
}

/// The results as the agent's own script writes them: comma-separated, every cell that says something in quotes.
pub fn results_csv(results: &[OrderResult]) -> String {
    let mut text = String::from(
        "\"AssignmentId\",\"ProvisioningState\",\"Message\",\"ChangeType\",\"OwnerId\",\"OwnerType\"\r\n",
    );
    for result in results {
        let (state, message) = match result.provisioning_state {
            // The script has a message for errors only.
            ProvisioningState::Executed => ("Executed", ""),
            ProvisioningState::Errored => ("Errored", result.message.as_str()),
        };
        let OrderResult { assigned_resource_type_id, change_type, owner_id, owner_type, .. } = result;
        let cells =
            [assigned_resource_type_id, state, message, change_type, owner_id, owner_type].map(quoted);
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// As `ConvertTo-Csv` does: what is nothing has no quotes.
fn quoted(cell: &str) -> String {
    if cell.is_empty() { String::new() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(state: ProvisioningState, message: &str) -> OrderResult {
        OrderResult {
            assigned_resource_type_id: "3930001".into(),
            workflow_instance_id: "81".into(),
            change_type: "Added".into(),
            owner_id: "21511".into(),
            owner_type: "51".into(),
            provisioning_state: state,
            message: message.into(),
            change_id: "c".into(),
            file: "orders.json".into(),
            number: 1,
        }
    }

    #[test]
    fn the_csv_is_read_by_others() {
        let message = "no \"mailbox\", none\nat all";
        let results =
            [result(ProvisioningState::Executed, "created"), result(ProvisioningState::Errored, message)];
        let text = results_csv(&results);
        let line = "\"3930001\",\"Executed\",,\"Added\",\"21511\",\"51\"\r\n";
        assert_eq!(text.split_inclusive('\n').nth(1), Some(line), "as `ConvertTo-Csv` writes it");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names = ["AssignmentId", "ProvisioningState", "Message", "ChangeType", "OwnerId", "OwnerType"];
        assert_eq!(reader.headers().unwrap(), names.as_slice());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows[0], ["3930001", "Executed", "", "Added", "21511", "51"][..]);
        assert_eq!(rows[1], ["3930001", "Errored", message, "Added", "21511", "51"][..]);
    }

    #[test]
    fn the_json_lists_every_order_once() {
        let results =
            [result(ProvisioningState::Executed, "created"), result(ProvisioningState::Errored, "no")];
        let json: serde_json::Value = serde_json::from_str(&results_json("r", &results)).unwrap();
        assert_eq!(json["Executed"].as_array().unwrap().len(), 1);
        assert_eq!(json["Errored"][0]["Message"], "no");
        assert_eq!(json["Errored"][0]["AssignedResourceTypeId"], "3930001");
    }
}
