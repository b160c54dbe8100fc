//! Exchanges of other protocols than WS-Management, for programs that speak them beside it.

use std::sync::atomic::Ordering;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Trace, TracePart, header};

/// An exchange of another protocol that is under way. Dropped before its end is told, it was given up.
#[derive(Debug)]
pub struct PlainExchange {
    trace: Trace,
    connection: u64,
    number: u64,
    name: String,
    is_told: bool,
}

impl Trace {
    /// A number for a connection of another protocol.
    #[must_use]
    pub fn new_connection(&self) -> u64 {
        self.0.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Tells of a request that is about to be sent. Header fields are shown as those of WS-Management are. `body` is what a
    /// person is to read of it: what is secret in it by its place has to be left out already, known secrets and long base64
    /// are taken out here.
    #[must_use]
    pub fn begin<'a>(
        &self,
        connection: u64,
        name: &str,
        (method, url): (&str, &str),
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: &str,
    ) -> PlainExchange {
        let number = self.0.exchanges.fetch_add(1, Ordering::Relaxed) + 1;
        let name = name.to_owned();
        let exchange = PlainExchange { trace: self.clone(), connection, number, name, is_told: false };
        let mut text = format!("{method} {}\n", header::url(url));
        if let Some(host) = Url::parse(url).ok().filter(Url::has_host) {
            text += &format!("host: {}\n", host.authority());
        }
        text += &lines(headers);
        exchange.tell(TracePart::Request, text, body);
        exchange
    }
}

impl PlainExchange {
    /// The whole answer is there.
    pub fn answer<'a>(
        mut self,
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: &str,
    ) {
        self.is_told = true;
        self.tell(TracePart::Answer, format!("HTTP {status}\n{}", lines(headers)), body);
    }

    /// Nothing of use came back.
    pub fn failed(mut self, why: &str) {
        self.is_told = true;
        self.tell(TracePart::Failure, format!("failed: {why}\n"), "");
    }

    fn tell(&self, part: TracePart, head: String, body: &str) {
        let text = if body.is_empty() { head } else { format!("{head}\n{body}\n") };
        self.trace.write(self.number, self.connection, &self.name, part, &text);
    }
}

impl Drop for PlainExchange {
    fn drop(&mut self) {
        if !self.is_told {
            self.tell(TracePart::Failure, "given up before an answer was read\n".to_owned(), "");
        }
    }
}

fn lines<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        // What is no header field was not sent either.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            map.append(name, value);
        }
    }
    header::lines(&map)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::{TraceEntry, TraceSink};
    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<(u64, TracePart, String)>>>);

    impl TraceSink for Kept {
        fn write(&self, entry: &TraceEntry<'_>) {
            self.0.lock().unwrap().push((entry.exchange, entry.part, entry.text.to_owned()));
        }
    }

    #[test]
    fn an_exchange_without_what_signs_in() {
        let kept = Kept::default();
        let trace = Trace::new(kept.clone());
        trace.hide(&"Canary-known".into());
        let connection = trace.new_connection();
        let url = "https://h/x?a=b&$skiptoken=Canary";
        let headers = [("Authorization", "Bearer eyJCanary.a.b"), ("client-request-id", "1")];
        let first =
            trace.begin(connection, "Get-Mailbox", ("POST", url), headers, "{\"a\": \"Canary-known\"}");
        first.answer(200, [("Set-Cookie", "a=Canary; path=/"), ("bad header", "Canary")], "{}");
        drop(trace.begin(connection, "token", ("POST", "https://h/"), [], ""));
        trace.begin(connection, "token", ("POST", "https://h/"), [], "").failed("no answer in time");
        let kept = kept.0.lock().unwrap();
        let numbers: Vec<u64> = kept.iter().map(|(number, ..)| *number).collect();
        assert_eq!(numbers, [1, 1, 2, 2, 3, 3]);
        let text: String = kept.iter().map(|(.., text)| text.as_str()).collect();
        assert!(!text.contains("Canary"), "{text}");
        assert!(text.contains("POST https://h/x?***\nhost: h\nauthorization: Bearer"), "{text}");
        assert!(text.contains("HTTP 200") && text.contains("{\"a\": \"***\"}"), "{text}");
        assert!(text.contains("given up") && text.contains("failed: no answer in time"), "{text}");
    }
}
