//! Who runs what against what, as a run's report begins; no secret, and no option that holds one.

use serde_json::{Value as Json, json};

use crate::config::{Connection, Infrastructure};

/// The program, the operator, and where it signs in as whom: on both sides of a hybrid connection. `cloud_account` is who is
/// signed in to the cloud.
pub fn about(connection: &Connection, operator: Option<String>, cloud_account: Option<String>) -> Json {
    let mut about = json!({
        "program": concat!("mailwright ", env!("CARGO_PKG_VERSION")),
        "operator": operator,
        "endpoint": connection.endpoint.to_string(),
        "account": connection.username,
    });
    if let Some(cloud) = &connection.cloud {
        let endpoint = json!(cloud.exchange.as_str().trim_end_matches('/'));
        if connection.infrastructure == Infrastructure::Cloud {
            about["endpoint"] = endpoint;
            about["account"] = json!(cloud_account);
        } else {
            about["cloud"] = json!({"endpoint": endpoint, "account": cloud_account});
        }
    }
    about
}
