//! Requests as documents, answers as what they say.

use std::time::Duration;

use uuid::Uuid;

use super::event::SessionError;
use super::request::RequestKind;
use super::transfer::Payload;
use crate::psrp::Priority;
use crate::wsmv::{
    self, Command, Create, Delete, Locale, Receive, RequestHeader, ResponseError, SelectorSet, Send, Signal,
    SignalCode, Verb, WsmanOption, message_id, upper_case_id,
};
use crate::xml::Limits;

/// Smallest value that `MaxEnvelopeSizekb` of a server can have.
const SMALLEST_ENVELOPE: usize = 32 * 1024;

/// The endpoint, as requests name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointInfo {
    /// The URL with its query
    pub url: String,
    /// The resource URI of the shell
    pub resource_uri: String,
    /// Language of messages
    pub locale: String,
    /// How long the server may take for an answer
    pub operation_timeout: Duration,
    /// `rsp:IdleTimeOut`: after how long without a request the server deletes the shell; its default where this is `None`
    pub shell_idle: Option<Duration>,
}

/// A shell that was created: how the server wants it to be named.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    resource_uri: Option<String>,
    selectors: SelectorSet,
}

/// An answer that is no fault.
pub(super) enum Answer {
    Created(Shell),
    Received(ReceiveAnswer),
    Done,
}

/// What a Receive brought.
#[derive(Default)]
pub(super) struct ReceiveAnswer {
    pub(super) chunks: Vec<Vec<u8>>,
    pub(super) done: bool,
}

/// Writes requests of one session and reads their answers.
#[derive(Debug)]
pub(super) struct Verbs {
    endpoint: EndpointInfo,
    session_id: String,
    shell_id: String,
    /// Bytes of an envelope, in both directions
    max_envelope: usize,
    /// What the server was found to take, where that is less than usual
    limit: usize,
}

impl Verbs {
    pub(super) fn new(endpoint: EndpointInfo, session_id: Uuid, shell_id: Uuid, max_envelope: usize) -> Self {
        Self {
            endpoint,
            session_id: message_id(session_id),
            shell_id: upper_case_id(shell_id),
            max_envelope,
            limit: usize::MAX,
        }
    }

    /// Envelopes of this size, where the server has not refused smaller ones.
    pub(super) fn allow(&mut self, max_envelope: usize) {
        self.max_envelope = max_envelope.min(self.limit);
    }

    /// Makes envelopes smaller until `payload` bytes do not fit into one any more; `false`: they fit into the smallest
    /// that every server takes, so that the size is not what is wrong.
    pub(super) fn shrink_below(&mut self, payload: usize) -> bool {
        while self.max_payload() >= payload {
            if self.max_envelope <= SMALLEST_ENVELOPE {
                return false;
            }
            self.max_envelope = (self.max_envelope / 2).max(SMALLEST_ENVELOPE);
            self.limit = self.max_envelope;
        }
        true
    }

    /// Bytes that fit into any request: what surrounds them is largest in Create and Send.
    pub(super) fn max_payload(&self) -> usize {
        let header = self.header(None, Uuid::nil());
        let id = upper_case_id(Uuid::nil());
        let with_options = RequestHeader { options: options(RequestKind::Create), ..header };
        let create = Create::runspace_pool(&id, Vec::new());
        let send = Send::new("stdin", Some(&id), Vec::new());
        let create = wsmv::payload_room(self.max_envelope, &with_options, &create);
        create.min(wsmv::payload_room(self.max_envelope, &with_options, &send))
    }

    pub(super) fn build(
        &self,
        kind: RequestKind,
        payload: &Payload,
        shell: Option<&Shell>,
        message: Uuid,
    ) -> Vec<u8> {
        let mut header = RequestHeader { options: options(kind), ..self.header(shell, message) };
        if kind == RequestKind::Create {
            header.selectors = SelectorSet::default();
        }
        let bytes = || payload.bytes.clone();
        let signal = |id, code| wsmv::write_request(&header, &Signal::new(&upper_case_id(id), code));
        let text = match kind {
            RequestKind::Create => {
                let mut create = Create::runspace_pool(&self.shell_id, bytes());
                create.idle_time_out = self.endpoint.shell_idle;
                wsmv::write_request(&header, &create)
            }
            RequestKind::Command(id) => {
                wsmv::write_request(&header, &Command::pipeline(&upper_case_id(id), &payload.bytes))
            }
            RequestKind::Send(command) => {
                let stream = match payload.priority {
                    Priority::Default => "stdin",
                    Priority::PromptResponse => "pr",
                };
                wsmv::write_request(
                    &header,
                    &Send::new(stream, command.map(upper_case_id).as_deref(), bytes()),
                )
            }
            RequestKind::Receive(None) => wsmv::write_request(&header, &Receive::pool()),
            RequestKind::Receive(Some(id)) => {
                wsmv::write_request(&header, &Receive::pipeline(&upper_case_id(id)))
            }
            RequestKind::Stop(id) => signal(id, SignalCode::StopPipeline),
            RequestKind::Terminate(id) => signal(id, SignalCode::Terminate),
            RequestKind::Delete => wsmv::write_request(&header, &Delete),
        };
        text.into_bytes()
    }

    pub(super) fn parse(
        &self,
        kind: RequestKind,
        message: Uuid,
        soap: &[u8],
    ) -> Result<Answer, SessionError> {
        let sent = message_id(message);
        match kind {
            RequestKind::Create => {
                let created = read::<Create>(soap, &sent)?;
                Ok(Answer::Created(Shell {
                    resource_uri: created.resource_uri,
                    selectors: created.selectors,
                }))
            }
            RequestKind::Command(_) => read::<Command>(soap, &sent).map(|_| Answer::Done),
            RequestKind::Send(_) => read::<Send>(soap, &sent).map(|_| Answer::Done),
            RequestKind::Receive(_) => {
                let answer = read::<Receive>(soap, &sent)?;
                let done = answer.is_done();
                let chunks =
                    answer.streams.into_iter().map(|stream| stream.data).filter(|data| !data.is_empty());
                Ok(Answer::Received(ReceiveAnswer { chunks: chunks.collect(), done }))
            }
            RequestKind::Stop(_) | RequestKind::Terminate(_) => {
                read::<Signal>(soap, &sent).map(|_| Answer::Done)
            }
            RequestKind::Delete => read::<Delete>(soap, &sent).map(|_| Answer::Done),
        }
    }

    fn header(&self, shell: Option<&Shell>, message: Uuid) -> RequestHeader {
        let endpoint = &self.endpoint;
        RequestHeader {
            resource_uri: shell
                .and_then(|shell| shell.resource_uri.clone())
                .unwrap_or_else(|| endpoint.resource_uri.clone()),
            max_envelope_size: u32::try_from(self.max_envelope).ok(),
            operation_timeout: Some(endpoint.operation_timeout),
            locale: Some(Locale { text: endpoint.locale.clone(), data: endpoint.locale.clone() }),
            session_id: Some(self.session_id.clone()),
            // Where the answer to Create was lost the shell still has the id that it was given.
            selectors: shell
                .map_or_else(|| SelectorSet::shell(&self.shell_id), |shell| shell.selectors.clone()),
            ..RequestHeader::new(&endpoint.url, &message_id(message))
        }
    }
}

fn options(kind: RequestKind) -> Vec<WsmanOption> {
    match kind {
        RequestKind::Create => vec![WsmanOption::protocol_version("2.3")],
        RequestKind::Receive(_) => vec![WsmanOption::keep_alive()],
        _ => Vec::new(),
    }
}

fn read<V: Verb>(soap: &[u8], sent: &str) -> Result<V::Response, SessionError> {
    wsmv::read_response::<V>(soap, sent, &Limits::default()).map_err(|error| match error {
        ResponseError::Fault(fault) => SessionError::Fault(fault),
        other => SessionError::Protocol(other.to_string()),
    })
}
