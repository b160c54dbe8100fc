//! The envelope of a good answer: records, warnings, and where the next page is.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use url::Url;
use wsman::clixml::{Object, Value};

/// Nesting of a record that is read; what lies deeper is null.
const MAX_DEPTH: usize = 16;

/// One page of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Page {
    /// The records, without the keys that tell their types
    pub(super) objects: Vec<Value>,
    /// What the cmdlet warned of
    pub(super) warnings: Vec<String>,
    /// What went wrong without ending the cmdlet
    pub(super) errors: Vec<String>,
    /// Where there is more
    pub(super) next: Option<Url>,
}

/// Reads the body of an answer with status 200. None when it is no envelope.
///
/// An envelope without `value` would look like an organisation without mailboxes, so it is none.
pub(super) fn page(body: &[u8]) -> Option<Page> {
    let Json::Object(mut envelope) = serde_json::from_slice(body).ok()? else { return None };
    let Json::Array(records) = envelope.remove("value")? else { return None };
    let next = match envelope.get("@odata.nextLink") {
        None | Some(Json::Null) => None,
        // A link that cannot be followed is not the end of the list.
        Some(link) => Some(Url::parse(link.as_str()?).ok()?),
    };
    Some(Page {
        objects: records.iter().map(value).collect(),
        warnings: texts(&envelope, "@adminapi.warnings"),
        errors: texts(&envelope, "@adminapi.errors"),
        next,
    })
}

/// A list of texts, or one of them.
pub(super) fn texts(object: &Map<String, Json>, key: &str) -> Vec<String> {
    let text = |item: &Json| match item {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match object.get(key) {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(items)) => items.iter().map(text).collect(),
        Some(one) => vec![text(one)],
    }
}

/// A value of a record as remoting would have brought it.
pub(in crate::exchange) fn value(json: &Json) -> Value {
    at_depth(json, 0)
}

fn at_depth(json: &Json, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Nil;
    }
    match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => i32::try_from(number).map_or(Value::Int64(number), Value::Int32),
            (None, Some(number)) => Value::Double(number),
            (None, None) => Value::from(number.to_string().as_str()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(|item| at_depth(item, depth + 1)).collect()),
        Json::Object(members) => {
            // `X@odata.type` and `X@data.type` stand beside X and say how the server held it.
            let members = members.iter().filter(|(name, _)| !name.contains('@'));
            let object = Object::of_type(&["Deserialized.Exchange.GenericHashTable", "System.Object"]);
            let object = members.fold(object, |object, (name, member)| {
                object.with_adapted(name, at_depth(member, depth + 1))
            });
            Value::Object(Arc::new(object))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::exchange::recipient;

    fn read(json: &Json) -> Option<Page> {
        page(json.to_string().as_bytes())
    }

    /// The key set of the recordings, with invented values.
    fn envelope() -> Json {
        json!({
            "@odata.context": "https://outlook.office365.com/adminapi/beta/t/$metadata#Collection(Exchange.GenericHashTable)",
            "adminapi.warnings@odata.type": "#Collection(String)",
            "@adminapi.warnings": ["There are more results available than are currently displayed."],
            "@odata.nextLink": "https://outlook.office365.com/adminapi/beta/t/InvokeCommand?%24skiptoken=abc",
            "value": [{
                "Identity": "u1",
                "Guid": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
                "RecipientTypeDetails": "SharedMailbox",
                "PrimarySmtpAddress": "u1@example.com",
                "IsDirSynced": false,
                "IsDirSynced@data.type": "System.Boolean",
                "EmailAddresses@odata.type": "#Collection(String)",
                "EmailAddresses": ["SMTP:u1@example.com", "SPO:SPO_1@SPO_2", "x500:/o=Ex/cn=u1"],
                "ForwardingAddress": null,
                "ProhibitSendQuota": "99 GB (106,300,440,576 bytes)",
                "ResourceCapacity": 4
            }]
        })
    }

    #[test]
    fn a_record_is_the_recipient_that_remoting_would_bring() {
        let page = read(&envelope()).unwrap();
        let found = recipient(&page.objects[0]).unwrap();
        assert_eq!(found.guid, Uuid::try_parse("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0").unwrap());
        assert_eq!(found.email_addresses, ["SMTP:u1@example.com", "SPO:SPO_1@SPO_2", "x500:/o=Ex/cn=u1"]);
        assert!(!found.is_dir_synced);
        assert!(found.properties.keys().all(|name| !name.contains('@')));
        assert_eq!((page.warnings.len(), page.errors.len()), (1, 0));
        assert_eq!(page.next.unwrap().query(), Some("%24skiptoken=abc"));
    }

    #[test]
    fn what_writes_answers_with_nothing() {
        let page = read(&json!({"@adminapi.warnings": [], "value": []})).unwrap();
        assert_eq!(page, Page::default());
    }

    /// Any of these taken for an empty list would make an export delete everything.
    #[test]
    fn what_is_no_envelope_is_no_empty_list() {
        for text in
            ["", "\0\0\0\0", "<html></html>", "[]", "{}", "null", r#"{"value":null}"#, r#"{"value":[{"a":"#]
        {
            assert_eq!(page(text.as_bytes()), None, "{text:?}");
        }
        for link in [json!(7), json!("not a link")] {
            assert_eq!(read(&json!({"value": [], "@odata.nextLink": link})), None);
        }
    }

    #[test]
    fn depth_is_limited() {
        let deep = format!("{{\"value\":[{}1{}]}}", "[".repeat(100), "]".repeat(100));
        assert!(page(deep.as_bytes()).is_some());
        let absurd = format!("{{\"value\":[{}", "[".repeat(1_000_000));
        assert_eq!(page(absurd.as_bytes()), None);
    }
}
