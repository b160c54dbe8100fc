//! One cmdlet from its first request to its last page, without I/O: what to send, and what an answer means for what comes
//! next. Redirections, cookies, a token that is not taken, and pages are met here; waiting is not.

use std::collections::BTreeMap;
use std::time::SystemTime;

use reqwest::Method;
use secrecy::zeroize::Zeroizing;
use url::Url;
use wsman::clixml::Value;
use wsman::psrp::{ErrorRecord, Outcome};

use super::failure::{Failure, describe, failure, is_too_often};
use super::http::MOST;
use super::redirect::{redirection, refused};
use super::request::PAGE;
use super::response;
use super::talk::{Received, Request, Step, Talk, Trouble};
use crate::exchange::Answer;

/// Redirections of one request.
const MAX_REDIRECTS: u32 = 5;
/// Pages of one answer: a thousand million records.
const MAX_PAGES: u32 = 1_000_000;

/// Stands for every cmdlet.
const ALL: &str = "*";
/// Largest module that is read; those that are known have less than a million bytes.
const MODULE: usize = 16 * 1024 * 1024;

/// What every request of a connection has in common.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// `.../adminapi/beta/TENANT/InvokeCommand`
    pub(super) url: Url,
    /// `.../AdminApi/v1.0/TENANT/EXOModuleFile`
    pub(super) module: Url,
    /// `X-AnchorMailbox`
    pub(super) anchor: String,
    /// One GUID for a connection
    pub(super) connection_id: String,
    /// Hosts that the service may send this program to, beside its own
    pub(super) redirect_hosts: Vec<String>,
}

/// One cmdlet under way.
pub(super) struct Conversation<'a> {
    site: &'a Site,
    /// `*` for the module, which is for all of them
    cmdlet: &'a str,
    body: Zeroizing<Vec<u8>>,
    request_id: String,
    at: Url,
    /// Cookies by host: a page is kept by the server that began it
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    objects: Vec<Value>,
    errors: Vec<ErrorRecord>,
    warnings: Vec<String>,
    /// What the caller wants at most
    limit: Option<usize>,
    /// Records in a page
    page: u32,
    keeps_cookies: bool,
    /// Objects are handed over as they come, so that nothing can be begun again
    streams: bool,
    handed_over: usize,
    pages: u32,
    redirects: u32,
    has_renewed: bool,
    has_restarted: bool,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        site: &'a Site,
        cmdlet: &'a str,
        body: Zeroizing<Vec<u8>>,
        request_id: String,
        limit: Option<usize>,
        streams: bool,
    ) -> Self {
        Self {
            site,
            cmdlet,
            body,
            request_id,
            at: site.url.clone(),
            cookies: BTreeMap::new(),
            objects: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            limit,
            page: PAGE,
            keeps_cookies: true,
            streams,
            handed_over: 0,
            pages: 0,
            redirects: 0,
            has_renewed: false,
            has_restarted: false,
        }
    }

    /// The module that the service ships to its clients: the cmdlets of this principal, and the key for passwords. It comes in the
    /// same envelope, under the same rules.
    pub(super) fn module(site: &'a Site, request_id: String) -> Self {
        let at = site.module.clone();
        Self { at, ..Self::new(site, ALL, Zeroizing::default(), request_id, None, false) }
    }

    /// The same in other pages than the largest, or without what ties them to one server.
    pub(super) fn in_pages_of(self, page: Option<u32>, keeps_cookies: bool) -> Self {
        Self { page: page.unwrap_or(PAGE), keeps_cookies, ..self }
    }

    fn is_module(&self) -> bool {
        self.cmdlet == ALL
    }

    fn page(&mut self, page: response::Page) -> Step {
        self.pages += 1;
        // A long list outlives its token.
        self.has_renewed = false;
        self.redirects = 0;
        self.objects.extend(page.objects);
        self.warnings.extend(page.warnings);
        self.errors.extend(page.errors.into_iter().map(super::failure::record));
        let so_far = self.handed_over + self.objects.len();
        if let Some(limit) = self.limit.filter(|limit| so_far >= *limit) {
            self.objects.truncate(limit.saturating_sub(self.handed_over));
            // The server says so because of the limit, and the caller knows it.
            self.warnings.retain(|warning| !warning.starts_with("There are more results available"));
            return self.done(Outcome::Completed);
        }
        let Some(next) = page.next else { return self.done(Outcome::Completed) };
        if self.pages >= MAX_PAGES {
            return Step::Failed(Trouble::Torn);
        }
        // A page is at the server that made its link, which is the one that was asked.
        match redirection(&self.at, next.as_str(), &self.site.redirect_hosts) {
            Some(next) => {
                self.at = next;
                Step::Send
            }
            None => Step::Failed(Trouble::Elsewhere(refused(&self.at, next.as_str()))),
        }
    }

    fn follow(&mut self, location: &str) -> Step {
        self.redirects += 1;
        match redirection(&self.at, location, &self.site.redirect_hosts)
            .filter(|_| self.redirects <= MAX_REDIRECTS)
        {
            Some(to) => {
                self.at = to;
                Step::Send
            }
            None => Step::Failed(Trouble::Elsewhere(refused(&self.at, location))),
        }
    }

    fn restart(&mut self) -> Step {
        self.has_restarted = true;
        self.pages = 0;
        self.at = if self.is_module() { &self.site.module } else { &self.site.url }.clone();
        self.objects.clear();
        self.errors.clear();
        self.warnings.clear();
        Step::Send
    }

    fn done(&mut self, outcome: Outcome) -> Step {
        let objects = if self.streams { Vec::new() } else { std::mem::take(&mut self.objects) };
        Step::Done(Answer {
            objects,
            errors: std::mem::take(&mut self.errors),
            warnings: std::mem::take(&mut self.warnings),
            outcome,
        })
    }

    /// Name and value of each cookie, for the host that set it. Attributes say nothing that matters within one cmdlet.
    fn keep(&mut self, cookies: &[&str]) {
        const MOST: usize = 50;
        let Some(host) = self.at.host_str() else { return };
        let jar = self.cookies.entry(host.to_owned()).or_default();
        for cookie in cookies {
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=')
                && (jar.len() < MOST || jar.contains_key(name.trim()))
                && pair.len() <= 4096
                && !pair.chars().any(char::is_control)
            {
                jar.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

impl Talk for Conversation<'_> {
    /// The same body and headers ask for every page.
    fn request(&self) -> Request<'_> {
        let mut headers = vec![
            ("Accept", "application/json".to_owned()),
            ("X-AnchorMailbox", self.site.anchor.clone()),
            (if self.is_module() { "CommandName" } else { "X-CmdletName" }, self.cmdlet.to_owned()),
            ("X-ResponseFormat", "json".to_owned()),
            ("X-SerializationLevel", "Partial".to_owned()),
            ("Prefer", format!("odata.maxpagesize={}", self.page)),
            ("connection-id", self.site.connection_id.clone()),
            ("client-request-id", self.request_id.clone()),
        ];
        let held = self.at.host_str().and_then(|host| self.cookies.get(host));
        if let Some(cookies) = held.filter(|cookies| !cookies.is_empty()) {
            let line: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.push(("Cookie", line.join("; ")));
        }
        if self.is_module() {
            let (method, most) = (Method::GET, MODULE);
            return Request { name: "EXOModuleFile", method, url: &self.at, headers, body: &[], most };
        }
        headers.push(("Content-Type", "application/json; charset=utf-8".to_owned()));
        Request {
            name: self.cmdlet,
            method: Method::POST,
            url: &self.at,
            headers,
            body: &self.body,
            most: MOST,
        }
    }

    fn take_objects(&mut self) -> Vec<Value> {
        self.handed_over += self.objects.len();
        std::mem::take(&mut self.objects)
    }

    fn broken_off(&mut self) -> Answer {
        let (errors, warnings) = (std::mem::take(&mut self.errors), std::mem::take(&mut self.warnings));
        Answer { objects: Vec::new(), errors, warnings, outcome: Outcome::Stopped(None) }
    }

    fn receive(&mut self, received: &Received<'_>, now: SystemTime) -> Step {
        if self.keeps_cookies {
            self.keep(&received.cookies);
        }
        let status = received.reply.status;
        if (300..400).contains(&status) {
            return self.follow(received.location.unwrap_or_default());
        }
        if status == 200 {
            match response::page(received.reply.body) {
                Some(page) => return self.page(page),
                None if is_too_often(received.reply.body) => {}
                None => return Step::Failed(Trouble::Garbled(describe(received.reply.body))),
            }
        }
        match failure(&received.reply, now) {
            Failure::PageExpired if self.pages > 0 && !self.has_restarted && self.handed_over == 0 => {
                self.restart()
            }
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

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
