//! One exchange, from its request to whatever becomes of it.

use std::sync::Arc;

use reqwest::{Request, Response, Url};

use super::super::error::Error;
use super::message::Direction;
use super::{SessionTrace, TracePart, body, header};

/// An exchange that is under way. What was not told of it when it is dropped is told then.
pub(crate) struct TracedExchange {
    session: Arc<SessionTrace>,
    connection: u64,
    number: u64,
    name: String,
    state: State,
}

enum State {
    /// Nothing came back yet
    Sent,
    /// The head of an answer
    Head(String),
    /// Everything was told
    Told,
}

impl TracedExchange {
    /// Tells of a request that is about to be sent. `clear` is what a sealed body says.
    pub(crate) fn begin(
        session: &Arc<SessionTrace>,
        connection: u64,
        what: &str,
        request: &Request,
        clear: Option<&[u8]>,
    ) -> Self {
        let name = what.trim_start_matches("the ").trim_start_matches("a ").replace(' ', "-");
        let exchange =
            Self { session: session.clone(), connection, number: session.number(), name, state: State::Sent };
        let sent = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let mut text = format!("{} {} HTTP/1.1\n", request.method(), path(request.url()));
        text += &format!("host: {}\n", request.url().authority());
        text += &header::lines(request.headers());
        text += &sealed(clear, sent.len());
        let shown = body::shown(clear.unwrap_or(sent), Direction::ToServer, &mut session.streams());
        exchange.tell(TracePart::Request, &with_body(text, &shown));
        exchange
    }

    /// The head of the answer is there.
    pub(crate) fn head(&mut self, response: &Response) {
        let text =
            format!("{:?} {}\n{}", response.version(), response.status(), header::lines(response.headers()));
        self.state = State::Head(text);
    }

    /// The whole answer is there. `clear` is what a sealed body said.
    pub(crate) fn answer(&mut self, bytes: usize, clear: &[u8], is_sealed: bool) {
        if let State::Head(head) = std::mem::replace(&mut self.state, State::Told) {
            let shown = body::shown(clear, Direction::ToClient, &mut self.session.streams());
            let text = head + &sealed(is_sealed.then_some(clear), bytes);
            self.tell(TracePart::Answer, &with_body(text, &shown));
        }
    }

    /// Nothing of use came back.
    pub(crate) fn failed(&mut self, error: &Error) {
        self.end(&format!("failed: {error}\n"));
    }

    fn end(&mut self, why: &str) {
        let text = match std::mem::replace(&mut self.state, State::Told) {
            State::Told => return,
            State::Head(head) => with_body(head, why),
            State::Sent => why.to_owned(),
        };
        self.tell(TracePart::Failure, &text);
    }

    fn tell(&self, part: TracePart, text: &str) {
        self.session.trace.write(self.number, self.connection, &self.name, part, text);
    }
}

impl Drop for TracedExchange {
    fn drop(&mut self) {
        self.end("given up before an answer was read\n");
    }
}

/// Path and query; what is secret in them is known.
fn path(url: &Url) -> String {
    url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

fn sealed(clear: Option<&[u8]>, bytes: usize) -> String {
    clear.map(|_| format!("[sealed: {bytes} bytes on the wire; opened here]\n")).unwrap_or_default()
}

fn with_body(head: String, body: &str) -> String {
    if body.is_empty() { head } else { format!("{head}\n{body}") }
}
