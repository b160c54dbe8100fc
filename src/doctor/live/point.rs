//! What a live test asks, what it saw, and how that compares; without I/O and without personal data.

use serde::Serialize;
use serde_json::Value as Json;

use crate::exchange::{Answer, Led, Seen};
use crate::recipient::ErrorClass;

/// Longest name of an exception or a code that is written down.
const MOST_NAME: usize = 200;

/// Everything that was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Which program saw it
    pub program: &'static str,
    /// Where
    pub exchange_host: String,
    /// Whether the mailbox is as it was
    pub restored: Restored,
    /// What was asked
    pub points: Vec<Point>,
}

impl Record {
    pub(super) fn new(host: &str, points: Vec<Point>, restored: Restored) -> Self {
        let program = concat!("mailwright ", env!("CARGO_PKG_VERSION"));
        Self { program, exchange_host: host.to_owned(), restored, points }
    }

    /// Whether something was seen that this program does not expect.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.restored == Restored::No || self.points.iter().any(|point| point.compared == Compared::Differs)
    }
}

/// Whether the mailbox is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Restored {
    Yes,
    No,
    NothingWritten,
}

/// How what was seen compares with what this program expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Compared {
    AsExpected,
    Differs,
    /// Nothing definite is expected
    Recorded,
    NotTried,
}

impl Compared {
    /// For people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::AsExpected => "as expected",
            Self::Differs => "differs",
            Self::Recorded => "recorded",
            Self::NotTried => "not tried",
        }
    }
}

/// One question with its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Its name
    pub point: &'static str,
    /// What is to be learnt
    pub question: &'static str,
    /// What this program expects
    pub expected: &'static str,
    /// How that compares
    pub compared: Compared,
    /// In words
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The answers, in order
    pub seen: Vec<Exchanged>,
}

impl Point {
    pub(super) fn new(
        question: Question,
        compared: Compared,
        seen: Vec<Exchanged>,
        note: Option<String>,
    ) -> Self {
        let (point, question, expected) = question.words();
        Self { point, question, expected, compared, note, seen }
    }
}

/// What no published source proves, and what is needed to look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Read,
    NotFound,
    UnknownParameter,
    Pages,
    PagesWithoutAffinity,
    Write,
    Restore,
    WriteScope,
    ForeignDomain,
    Conflict,
    NewMailbox,
    PlainPassword,
    Sovereign,
    Headers,
    Throttling,
}

impl Question {
    /// Name, question, expectation.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Read => ("read", "How is a mailbox answered?", "status 200 and an envelope"),
            Self::NotFound => (
                "not-found",
                "How is an object refused that is not there?",
                "an error of the class not_found",
            ),
            Self::UnknownParameter => (
                "unknown-parameter",
                "How is a parameter refused that there is not?",
                "an error of the class invalid_input",
            ),
            Self::Pages => {
                ("pages", "Do small pages come, with the cookies of the first?", "status 200 for each")
            }
            Self::PagesWithoutAffinity => (
                "pages-without-affinity",
                "Does the next page come without the cookies of the first?",
                "nothing definite",
            ),
            Self::Write => ("write", "After how many reads does a write show?", "at the first"),
            Self::Restore => ("restore", "Is the value put back?", "yes"),
            Self::WriteScope => (
                "write-scope",
                "Which exception refuses a write to a synchronised object?",
                "an error of the class refused_by_rule",
            ),
            Self::ForeignDomain => (
                "foreign-domain",
                "Which exception refuses an address in a domain that is not accepted?",
                "an error of the class refused_by_rule",
            ),
            Self::Conflict => (
                "address-conflict",
                "Which exception refuses an address that another recipient has?",
                "an error of the class conflict",
            ),
            Self::NewMailbox => {
                ("new-mailbox", "Which status does a failure of New-Mailbox have?", "nothing definite")
            }
            Self::PlainPassword => (
                "plain-password",
                "Is a password taken that is not encrypted?",
                "nothing; it is always encrypted",
            ),
            Self::Sovereign => (
                "national-cloud",
                "Does an application sign in where the cloud is not the worldwide one, and with which scope?",
                "the scope is the host of Exchange",
            ),
            Self::Headers => ("headers", "Which header fields come?", "nothing definite"),
            Self::Throttling => {
                ("throttling", "What does an answer with status 429 look like?", "Retry-After, and any body")
            }
        }
    }
}

/// One answer without what is personal in it.
#[derive(Clone, Debug, Serialize)]
pub struct Exchanged {
    /// What was asked
    pub cmdlet: String,
    /// The status
    pub status: u16,
    /// Names of the header fields
    pub headers: Vec<String>,
    /// Objects of the page
    pub objects: usize,
    /// Whether there is more
    pub more: bool,
    /// What was wrong
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Shape>,
}

impl Exchanged {
    pub(super) fn of(cmdlet: &str, seen: &Seen) -> Self {
        let envelope: Option<Json> = serde_json::from_slice(&seen.body).ok();
        let envelope = envelope.as_ref();
        let mut headers = seen.headers.clone();
        headers.sort();
        headers.dedup();
        Self {
            cmdlet: cmdlet.to_owned(),
            status: seen.status,
            headers,
            objects: envelope.and_then(|it| it.get("value")?.as_array()).map_or(0, Vec::len),
            more: envelope.is_some_and(|it| it.get("@odata.nextLink").is_some())
                || matches!(seen.led, Led::On),
            error: (seen.status != 200).then(|| Shape::of(seen, envelope)),
        }
    }
}

/// How an error is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// `JSON`, `empty`, `zeros` or `other`
    pub body: &'static str,
    /// `error.code`
    pub code: String,
    /// How `error.details[0].message` is written: `none`, `text`, `JSON`
    pub details: &'static str,
    /// Such as `Ex6F9304`
    pub id: String,
    /// The exception of the details
    pub exception: String,
    /// `error.innererror.type`
    pub inner: String,
    /// `error.innererror.internalexception.type`
    pub internal: String,
    /// Whether `x-ms-diagnostics` says more
    pub diagnostics: bool,
    /// What this program takes it for
    pub class: Option<ErrorClass>,
}

impl Shape {
    fn of(seen: &Seen, envelope: Option<&Json>) -> Self {
        let body = match (envelope, seen.body.as_slice()) {
            (Some(_), _) => "JSON",
            (None, []) => "empty",
            (None, bytes) if bytes.iter().all(|byte| *byte == 0) => "zeros",
            _ => "other",
        };
        let error = envelope.and_then(|envelope| envelope.get("error"));
        let at = |path: &str| name(error.and_then(|error| error.pointer(path)?.as_str()));
        let text = error.and_then(|error| error.pointer("/details/0/message")?.as_str());
        let (details, id, exception) = match text {
            None => ("none", String::new(), String::new()),
            Some(text) => match serde_json::from_str::<Json>(text) {
                Ok(json) => {
                    let member = |path: &str| name(json.pointer(path).and_then(Json::as_str));
                    ("JSON", member("/localizedString/stringId"), member("/TypeName"))
                }
                Err(_) => {
                    let mut parts = text.splitn(3, '|');
                    let (id, exception) = (parts.next(), parts.next());
                    match parts.next() {
                        Some(_) => ("text", name(id), name(exception)),
                        None => ("text", String::new(), String::new()),
                    }
                }
            },
        };
        Self {
            body,
            code: at("/code"),
            details,
            id,
            exception,
            inner: at("/innererror/type"),
            internal: at("/innererror/internalexception/type"),
            diagnostics: seen.diagnostics.is_some(),
            class: match &seen.led {
                Led::Done(answer) => answer.refusal().map(|refusal| refusal.class),
                _ => None,
            },
        }
    }
}

/// The name of a code or an exception; what could be anything else is not repeated.
fn name(text: Option<&str>) -> String {
    let is_name = |text: &&str| {
        text.len() <= MOST_NAME
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '`'))
    };
    match text {
        None => String::new(),
        Some(text) if is_name(&text) => text.to_owned(),
        Some(_) => "***".to_owned(),
    }
}

/// What must be refused: by an error of this class.
pub(super) fn answered(
    question: Question,
    seen: Vec<Exchanged>,
    answer: &Result<Answer, String>,
    class: Option<ErrorClass>,
) -> Point {
    let refusal = answer.as_ref().ok().and_then(Answer::refusal).map(|refusal| refusal.class);
    let (compared, note) = match (answer, refusal) {
        (Err(_), _) => (Compared::Differs, Some("the answer is not understood, or did not come".to_owned())),
        (Ok(_), None) => (Compared::Differs, Some("it was not refused".to_owned())),
        (Ok(_), Some(is)) if class.is_none_or(|class| class == is) => (Compared::AsExpected, None),
        (Ok(_), Some(is)) => (Compared::Differs, Some(format!("taken for {is}"))),
    };
    Point::new(question, compared, seen, note)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(status: u16, body: &[u8]) -> Shape {
        let seen = Seen {
            status,
            headers: vec!["request-id".into()],
            diagnostics: None,
            body: body.to_vec().into(),
            led: Led::Failed(String::new()),
        };
        Exchanged::of("Get-Mailbox", &seen).error.unwrap()
    }

    #[test]
    fn every_shape_of_an_error_is_told_apart() {
        let error = |message: &str| {
            json!({"error": {"code": "NotFound", "message": "m", "details": [{"message": message}],
                "innererror": {"type": "A.ODataServiceException", "internalexception": {"type": "B.C"}}}})
            .to_string()
        };
        let text = shape(
            404,
            error("Ex6F9304|Microsoft.Exchange.ManagementObjectNotFoundException|ada@contoso.com").as_bytes(),
        );
        assert_eq!((text.body, text.details, text.id.as_str()), ("JSON", "text", "Ex6F9304"));
        assert_eq!((text.inner.as_str(), text.internal.as_str()), ("A.ODataServiceException", "B.C"));
        let json = shape(
            400,
            error(r#"{"TypeName":"X.Y","Message":"ada@contoso.com","localizedString":{"stringId":"Ex1"}}"#)
                .as_bytes(),
        );
        assert_eq!((json.details, json.exception.as_str(), json.id.as_str()), ("JSON", "X.Y", "Ex1"));
        assert_eq!(shape(403, &[0; 4096]).body, "zeros");
        assert_eq!(shape(403, b"").body, "empty");
        assert_eq!(shape(502, b"<html>").body, "other");
        // No text of the server is kept, wherever it stands.
        for shape in [&text, &json, &shape(400, error("ada@contoso.com|ada@contoso.com|x").as_bytes())] {
            assert!(!serde_json::to_string(shape).unwrap().contains("contoso"), "{shape:?}");
        }
    }
}
