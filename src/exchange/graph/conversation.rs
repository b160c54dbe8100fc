//! One call of Graph from its first request to its last page, without I/O.

use std::time::SystemTime;

use url::Url;
use wsman::clixml::Value;
use wsman::psrp::Outcome;

use super::answer;
use super::request::{Expects, Prepared};
use crate::exchange::Answer;
use crate::exchange::online::failure::{Failure, describe};
use crate::exchange::online::talk::{Received, Request, Step, Talk, Trouble};

/// Pages of one list: ten million users.
const MAX_PAGES: u32 = 10_000;

/// Bytes of an answer that are read: a page of users has some twenty million.
const MOST: usize = 64 * 1024 * 1024;

/// A call under way.
pub(in crate::exchange) struct Conversation<'a> {
    cmdlet: &'a str,
    prepared: Prepared,
    request_id: String,
    objects: Vec<Value>,
    streams: bool,
    handed_over: usize,
    pages: u32,
    has_renewed: bool,
}

impl<'a> Conversation<'a> {
    /// `streams`: objects are handed over as they come.
    pub(in crate::exchange) fn new(
        cmdlet: &'a str,
        prepared: Prepared,
        request_id: String,
        streams: bool,
    ) -> Self {
        Self {
            cmdlet,
            prepared,
            request_id,
            objects: Vec::new(),
            streams,
            handed_over: 0,
            pages: 0,
            has_renewed: false,
        }
    }

    fn page(&mut self, page: answer::Page) -> Step {
        self.pages += 1;
        // A long list outlives its token.
        self.has_renewed = false;
        self.objects.extend(page.objects);
        let so_far = self.handed_over + self.objects.len();
        if let Some(limit) = self.prepared.limit.filter(|limit| so_far >= *limit) {
            self.objects.truncate(limit.saturating_sub(self.handed_over));
            return self.done(Outcome::Completed);
        }
        let Some(next) = page.next else { return self.done(Outcome::Completed) };
        if self.pages >= MAX_PAGES || next == self.prepared.url {
            return Step::Failed(Trouble::Torn);
        }
        // The token goes where it was sent before, and nowhere else.
        if !is_same_place(&self.prepared.url, &next) {
            return Step::Failed(Trouble::Elsewhere(next.host_str().unwrap_or_default().to_owned()));
        }
        self.prepared.url = next;
        Step::Send
    }

    fn done(&mut self, outcome: Outcome) -> Step {
        let objects = if self.streams { Vec::new() } else { std::mem::take(&mut self.objects) };
        Step::Done(Answer { objects, errors: Vec::new(), warnings: Vec::new(), outcome })
    }
}

fn is_same_place(from: &Url, to: &Url) -> bool {
    from.origin() == to.origin() && to.username().is_empty() && to.password().is_none()
}

impl Talk for Conversation<'_> {
    fn request(&self) -> Request<'_> {
        let mut headers =
            vec![("Accept", "application/json".to_owned()), ("client-request-id", self.request_id.clone())];
        if !self.prepared.body.is_empty() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let Prepared { method, url, body, .. } = &self.prepared;
        Request { name: self.cmdlet, method: method.clone(), url, headers, body, most: MOST }
    }

    fn take_objects(&mut self) -> Vec<Value> {
        // What is handed over once must not be counted and come again with the last page.
        self.handed_over += self.objects.len();
        std::mem::take(&mut self.objects)
    }

    fn broken_off(&mut self) -> Answer {
        Answer {
            objects: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            outcome: Outcome::Stopped(None),
        }
    }

    fn receive(&mut self, received: &Received<'_>, now: SystemTime) -> Step {
        let reply = &received.reply;
        if (200..300).contains(&reply.status) {
            let expects = if reply.status == 204 && self.prepared.expects != Expects::List {
                Expects::Nothing
            } else {
                self.prepared.expects
            };
            return match answer::page(reply.body, expects) {
                Some(page) => self.page(page),
                None => Step::Failed(Trouble::Garbled(describe(reply.body))),
            };
        }
        if (300..400).contains(&reply.status) {
            let to = received.location.and_then(|to| self.prepared.url.join(to).ok());
            let host = to.and_then(|to| to.host_str().map(str::to_owned));
            return Step::Failed(Trouble::Elsewhere(host.unwrap_or_else(|| "nowhere".into())));
        }
        match answer::failure(reply, self.cmdlet, now) {
            Failure::Unauthorized { claims } if !self.has_renewed => {
                self.has_renewed = true;
                Step::NewToken { claims }
            }
            failure => match failure.answered() {
                Ok(record) => self.done(Outcome::Failed(Some(record))),
                Err(trouble) => Step::Failed(trouble),
            },
        }
    }
}
