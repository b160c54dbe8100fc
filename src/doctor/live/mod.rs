//! A test against a real tenant, on one mailbox that somebody names: what no published source proves of the service is tried where that
//! does no harm, and written down without personal data. What is written is put back.

mod point;

use serde_json::Value as Json;
use uuid::Uuid;
use wsman::client::Trace;
use wsman::clixml::Value;

pub use point::{Compared, Exchanged, Point, Record, Restored};

use self::point::{Question, answered};
use crate::config::{Cloud, Connection};
use crate::exchange::{Answer, Call, ExchangeError, Led, Online, Seen};
use crate::recipient::ErrorClass;

/// The attribute that is written and put back.
const ATTRIBUTE: &str = "CustomAttribute15";
/// Requests to one call, redirections and pages among them.
const MOST: usize = 6;
/// How often what was written is read until it shows.
const READS: u32 = 5;
/// A domain that can be nobody's (RFC 2606 2).
const NOBODY: &str = "mailwright.invalid";
/// The address of the worldwide cloud.
const WORLDWIDE: &str = "outlook.office365.com";

/// What is said before anything is done.
#[must_use]
pub fn announcement(mailbox: &str) -> String {
    format!(
        "This test writes to the mailbox {mailbox}, and to nothing else:\n\
         - {ATTRIBUTE} gets another value, which is read again and then put back;\n\
         - an address in {NOBODY}, and one that another recipient has, are offered to it. Exchange must refuse both; what it takes \
         all the same is taken away again.\n\
         Beside that it reads. Take a mailbox that nobody misses.\n"
    )
}

/// Tries everything that can be tried. `progress` hears what is done, and what to put back by hand where that failed.
///
/// # Errors
/// The connection reaches no cloud, the sign-in is refused, or the mailbox is not there; nothing was written then.
pub async fn live(
    connection: &Connection,
    cloud: &Cloud,
    mailbox: &str,
    trace: Option<&Trace>,
    progress: &mut (dyn FnMut(String) + Send),
) -> Result<Record, LiveError> {
    let online = Online::open(connection, cloud, trace).await?;
    let mut test = Test { online, mailbox: mailbox.to_owned(), points: Vec::new(), progress };
    let found = test.mailbox().await?;
    (test.progress)(format!("{ATTRIBUTE} of {mailbox} is {}", Json::from(found.attribute.as_str())));
    test.sovereign(cloud);
    test.refused_reads().await;
    test.pages().await;
    let restored = test.write(&found).await;
    if found.is_synchronised {
        for question in [Question::ForeignDomain, Question::Conflict] {
            test.not_tried(question, "the mailbox is synchronised, so that every write is refused for that");
        }
    } else {
        test.foreign_domain(&found).await;
        test.conflict(&found).await;
        test.not_tried(Question::WriteScope, "the mailbox is not synchronised; name one that is");
    }
    test.not_tried(Question::NewMailbox, "one that went through would leave a mailbox behind");
    test.not_tried(Question::PlainPassword, "it would make a user");
    test.headers();
    test.throttled();
    let Test { points, .. } = test;
    Ok(Record::new(cloud.exchange.host_str().unwrap_or_default(), points, restored))
}

/// Why there is no test.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// No way in
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The mailbox cannot be read
    #[error("the mailbox `{mailbox}` cannot be read: {reason}")]
    Mailbox {
        /// As it was named
        mailbox: String,
        /// What was answered
        reason: String,
    },
}

/// The mailbox as it was before.
struct Before {
    guid: String,
    attribute: String,
    is_synchronised: bool,
}

struct Test<'a> {
    online: Online,
    mailbox: String,
    points: Vec<Point>,
    progress: &'a mut (dyn FnMut(String) + Send),
}

impl Test<'_> {
    async fn look(&self, call: &Call) -> Result<Vec<Seen>, ExchangeError> {
        self.online.look(call, None, true, MOST).await
    }

    /// One call, and what came of it.
    async fn ask(&self, call: &Call) -> (Vec<Exchanged>, Result<Answer, String>) {
        match self.look(call).await {
            Err(error) => (Vec::new(), Err(error.to_string())),
            Ok(seen) => {
                let exchanged = seen.iter().map(|seen| Exchanged::of(&call.cmdlet, seen)).collect();
                (exchanged, ended(seen))
            }
        }
    }

    async fn mailbox(&mut self) -> Result<Before, LiveError> {
        let call = Call::new("Get-Mailbox").with("Identity", Value::from(self.mailbox.as_str()));
        let (seen, answer) = self.ask(&call).await;
        let fault = |reason: String| LiveError::Mailbox { mailbox: self.mailbox.clone(), reason };
        let answer = answer.map_err(fault)?;
        if let Some(refusal) = answer.refusal() {
            return Err(fault(refusal.message));
        }
        let [object] = answer.objects.as_slice() else {
            return Err(fault(format!("{} objects have this name", answer.objects.len())));
        };
        let text =
            |name: &str| object.get(name).map(|value| value.display_text().into_owned()).unwrap_or_default();
        let guid = text("Guid");
        if Uuid::try_parse(&guid).is_err() {
            return Err(fault("it has no Guid".into()));
        }
        let is_synchronised = object.get("IsDirSynced").and_then(Value::as_bool).unwrap_or(false)
            && !object.get("IsExchangeCloudManaged").and_then(Value::as_bool).unwrap_or(false);
        let before = Before { attribute: text(ATTRIBUTE), guid, is_synchronised };
        self.points.push(Point::new(Question::Read, Compared::AsExpected, seen, None));
        Ok(before)
    }

    fn not_tried(&mut self, question: Question, why: &str) {
        self.points.push(Point::new(question, Compared::NotTried, Vec::new(), Some(why.to_owned())));
    }

    fn sovereign(&mut self, cloud: &Cloud) {
        let host = cloud.exchange.host_str().unwrap_or_default();
        match host == WORLDWIDE {
            true => self.not_tried(Question::Sovereign, "this is the worldwide cloud"),
            false => {
                let note = format!("an application has signed in and read a mailbox at {host}");
                self.points.push(Point::new(Question::Sovereign, Compared::Recorded, Vec::new(), Some(note)));
            }
        }
    }

    /// What can only be refused.
    async fn refused_reads(&mut self) {
        let nobody = Uuid::new_v4().to_string();
        let call = Call::new("Get-Mailbox").with("Identity", Value::from(nobody.as_str()));
        let (seen, answer) = self.ask(&call).await;
        self.points.push(answered(Question::NotFound, seen, &answer, Some(ErrorClass::NotFound)));
        let call = Call::new("Get-Mailbox").with("NoSuchParameter", Value::from("x"));
        let (seen, answer) = self.ask(&call).await;
        self.points.push(answered(Question::UnknownParameter, seen, &answer, Some(ErrorClass::InvalidInput)));
    }

    /// Small pages, with the server's cookies and without them.
    async fn pages(&mut self) {
        for (question, with_cookies) in [(Question::Pages, true), (Question::PagesWithoutAffinity, false)] {
            let call = Call::new("Get-Recipient").with("ResultSize", Value::from("Unlimited"));
            let seen = match self.online.look(&call, Some(2), with_cookies, 3).await {
                Ok(seen) => seen,
                Err(error) => {
                    self.points.push(Point::new(
                        question,
                        Compared::Differs,
                        Vec::new(),
                        Some(error.to_string()),
                    ));
                    continue;
                }
            };
            let is_whole = seen.iter().all(|seen| seen.status == 200 && !matches!(seen.led, Led::Failed(_)));
            let exchanged: Vec<_> = seen.iter().map(|seen| Exchanged::of("Get-Recipient", seen)).collect();
            let point = match (exchanged.len(), is_whole, with_cookies) {
                (1, true, _) => {
                    let why = "everything is on one page".to_owned();
                    Point::new(question, Compared::NotTried, exchanged, Some(why))
                }
                (_, true, true) => Point::new(question, Compared::AsExpected, exchanged, None),
                (_, false, true) => Point::new(question, Compared::Differs, exchanged, None),
                (_, _, false) => Point::new(question, Compared::Recorded, exchanged, None),
            };
            self.points.push(point);
        }
    }

    /// Another value, which is read again and put back.
    async fn write(&mut self, before: &Before) -> Restored {
        let value = format!("mailwright {}", Uuid::new_v4().simple());
        let (mut seen, answer) = self.ask(&set(&before.guid, Value::from(value.as_str()))).await;
        let question = if before.is_synchronised { Question::WriteScope } else { Question::Write };
        let is_refused = matches!(&answer, Ok(answer) if answer.refusal().is_some());
        if before.is_synchronised {
            self.points.push(answered(question, seen, &answer, Some(ErrorClass::RefusedByRule)));
            self.not_tried(Question::Write, "the mailbox is synchronised");
        } else if is_refused {
            self.points.push(Point::new(
                question,
                Compared::Differs,
                seen,
                Some("the write was refused".into()),
            ));
        } else {
            let shown = self.shows(before, &value, &mut seen).await;
            let (compared, note) = match shown {
                Some(1) => (Compared::AsExpected, "shown at the first read".to_owned()),
                Some(read) => (Compared::Recorded, format!("shown at read {read}")),
                None => (Compared::Differs, format!("not shown after {READS} reads")),
            };
            self.points.push(Point::new(question, compared, seen, Some(note)));
        }
        // Whatever came of it: an answer that was lost may have been a write.
        if is_refused { Restored::NothingWritten } else { self.put_back(before).await }
    }

    /// At which read a value shows.
    async fn shows(&self, before: &Before, value: &str, seen: &mut Vec<Exchanged>) -> Option<u32> {
        for read in 1..=READS {
            let call = Call::new("Get-Mailbox").with("Identity", Value::from(before.guid.as_str()));
            let (exchanged, answer) = self.ask(&call).await;
            seen.extend(exchanged);
            let shown = answer
                .ok()
                .and_then(|answer| Some(answer.objects.first()?.get(ATTRIBUTE)?.display_text().into_owned()));
            if shown.unwrap_or_default() == value {
                return Some(read);
            }
            tokio::time::sleep(std::time::Duration::from_millis(500 * u64::from(read))).await;
        }
        None
    }

    async fn put_back(&mut self, before: &Before) -> Restored {
        let value = match before.attribute.as_str() {
            "" => Value::Nil,
            text => Value::from(text),
        };
        let mut reason = String::new();
        for attempt in 0..READS {
            if attempt > 0 {
                tokio::time::sleep(std::time::Duration::from_secs(u64::from(attempt))).await;
            }
            let (mut seen, answer) = self.ask(&set(&before.guid, value.clone())).await;
            let refusal = answer.map(|answer| answer.refusal().map(|refusal| refusal.message));
            match refusal {
                Ok(None) => {
                    let shown = self.shows(before, &before.attribute, &mut seen).await;
                    let compared = if shown.is_some() { Compared::AsExpected } else { Compared::Differs };
                    let note = if shown.is_some() { "put back" } else { "put back, but not shown yet" };
                    self.points.push(Point::new(Question::Restore, compared, seen, Some(note.into())));
                    return Restored::Yes;
                }
                Ok(Some(why)) | Err(why) => reason = why,
            }
        }
        (self.progress)(format!(
            "warning: {ATTRIBUTE} of {} could not be put back ({reason}); its value was {}",
            self.mailbox,
            Json::from(before.attribute.as_str())
        ));
        self.points.push(Point::new(Question::Restore, Compared::Differs, Vec::new(), None));
        Restored::No
    }

    async fn foreign_domain(&mut self, before: &Before) {
        let address = format!("smtp:{}@{NOBODY}", Uuid::new_v4().simple());
        self.offered(before, Question::ForeignDomain, &address, ErrorClass::RefusedByRule).await;
    }

    async fn conflict(&mut self, before: &Before) {
        let call = Call::new("Get-Recipient").with("ResultSize", Value::Int32(20));
        let (_, answer) = self.ask(&call).await;
        let text = |object: &Value, name: &str| {
            object.get(name).map(|value| value.display_text().into_owned()).unwrap_or_default()
        };
        let taken = answer.ok().and_then(|answer| {
            let others = answer.objects.iter().filter(|object| text(object, "Guid") != before.guid);
            others.map(|object| text(object, "PrimarySmtpAddress")).find(|address| address.contains('@'))
        });
        match taken {
            Some(address) => {
                self.offered(before, Question::Conflict, &format!("smtp:{address}"), ErrorClass::Conflict)
                    .await;
            }
            None => self.not_tried(Question::Conflict, "there is no other recipient with an address"),
        }
    }

    /// Offers an address that must be refused; one that is taken all the same is taken away.
    async fn offered(&mut self, before: &Before, question: Question, address: &str, class: ErrorClass) {
        let change = |word: &str| {
            Call::new("Set-Mailbox")
                .with("Identity", Value::from(before.guid.as_str()))
                .with("EmailAddresses", Value::hashtable([(word, Value::strings([address]))]))
        };
        let (mut seen, answer) = self.ask(&change("Add")).await;
        let is_refused = matches!(&answer, Ok(answer) if answer.refusal().is_some());
        let mut point = answered(question, Vec::new(), &answer, Some(class));
        if !is_refused {
            let (removed, answer) = self.ask(&change("Remove")).await;
            seen.extend(removed);
            let is_gone = answer.is_ok_and(|answer| answer.refusal().is_none());
            let note = if is_gone { "it was taken, and taken away again" } else { "it was taken" };
            point.note = Some(note.into());
            if !is_gone {
                (self.progress)(format!(
                    "warning: look at the addresses of {}: {address} may be there",
                    self.mailbox
                ));
            }
        }
        point.seen = seen;
        self.points.push(point);
    }

    /// Which of the fields that are worth logging came.
    fn headers(&mut self) {
        let known = [
            "request-id",
            "x-calculatedbetarget",
            "x-exceptiontype",
            "x-exceptiontargettype",
            "cmdlet-name",
            "x-ms-diagnostics",
            "rate-limit-limit",
            "rate-limit-remaining",
            "rate-limit-reset",
        ];
        let came = |name: &&&str| {
            self.points
                .iter()
                .flat_map(|point| &point.seen)
                .any(|seen| seen.headers.iter().any(|it| it == **name))
        };
        let (there, missing): (Vec<&str>, Vec<&str>) = known.iter().partition(|name| came(name));
        let note = format!("came: {}; did not come: {}", listed(&there), listed(&missing));
        self.points.push(Point::new(Question::Headers, Compared::Recorded, Vec::new(), Some(note)));
    }

    fn throttled(&mut self) {
        let slow: Vec<Exchanged> = self
            .points
            .iter()
            .flat_map(|point| &point.seen)
            .filter(|seen| seen.status == 429)
            .cloned()
            .collect();
        match slow.is_empty() {
            true => {
                self.not_tried(Question::Throttling, "the service was not asked often enough to complain")
            }
            false => self.points.push(Point::new(Question::Throttling, Compared::Recorded, slow, None)),
        }
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn set(guid: &str, value: Value) -> Call {
    Call::new("Set-Mailbox").with("Identity", Value::from(guid)).with(ATTRIBUTE, value)
}

/// What the last of the answers to a call comes to.
fn ended(mut seen: Vec<Seen>) -> Result<Answer, String> {
    match seen.pop().map(|seen| seen.led) {
        Some(Led::Done(answer)) => Ok(answer),
        Some(Led::Failed(reason)) => Err(reason),
        Some(Led::On | Led::NewToken) => Err("the answer has too many parts".into()),
        None => Err("there is no answer".into()),
    }
}
