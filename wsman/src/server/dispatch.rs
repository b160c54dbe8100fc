//! From a SOAP message to its answer.

use std::time::Duration;

use uuid::Uuid;

use super::service::ShellInfo;
use super::shell::{Nothing, OpenError, Rejected, Shell};
use super::shells::Shells;
use crate::auth::{Mechanism, UserName};
use crate::wsmv::{
    self, Command, CommandResponse, CommandState, Create, CreateResponse, DeleteResponse, FaultCode,
    FaultKind, IdentifyResponse, Incoming, Receive, ReceiveResponse, Request, RequestHeader, SelectorSet,
    Send, SendResponse, Signal, SignalCode, SignalResponse, StateOfCommand, VerbResponse, WsmanFault,
    message_id, upper_case_id,
};
use crate::xml::Limits;

/// Smallest envelope that a client may ask for.
const SMALLEST_ENVELOPE: usize = 8 * 1024;
/// Largest envelope that is sent, whatever the client reads.
const LARGEST_ENVELOPE: usize = 512_000;

/// Whose request it is, and where it came in.
pub(super) struct Caller {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) resource_uris: Vec<String>,
    pub(super) user: UserName,
    pub(super) mechanism: Option<Mechanism>,
}

/// An answer in clear.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) action: Option<String>,
}

type Result<T> = std::result::Result<T, Box<WsmanFault>>;

/// Answers Identify and nothing else.
pub(super) fn identify(soap: &[u8]) -> Option<Reply> {
    match wsmv::read_request(soap, &Limits::default()) {
        Ok(Incoming::Identify(_)) => Some(identify_reply("OS: 0.0.0 SP: 0.0 Stack: 3.0")),
        _ => None,
    }
}

/// Answers a request of somebody who is signed in.
pub(super) async fn dispatch(shells: &Shells, caller: &Caller, soap: &[u8]) -> Reply {
    let (header, request) = match wsmv::read_request(soap, &Limits::default()) {
        Ok(Incoming::Identify(_)) => return identify_reply("OS: 10.0.14393 SP: 0.0 Stack: 3.0"),
        Ok(Incoming::Operation { header, request }) => (header, request),
        Err(error) => return fault(&error.fault(), error.message_id.as_deref(), None),
    };
    let action = Some(request.action().to_owned());
    let operation = Operation { shells, caller, header: &header };
    match operation.run(request).await {
        Ok(body) => Reply { status: 200, body: body.into_bytes(), action },
        Err(error) => fault(&error, Some(&header.message_id), action),
    }
}

fn identify_reply(version: &str) -> Reply {
    let response = IdentifyResponse {
        protocol_version: "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd".into(),
        product_vendor: Some("Microsoft Corporation".into()),
        product_version: Some(version.into()),
    };
    Reply { status: 200, body: response.to_xml().into_bytes(), action: Some("Identify".into()) }
}

fn fault(fault: &WsmanFault, relates_to: Option<&str>, action: Option<String>) -> Reply {
    let body = wsmv::write_fault(fault, &message_id(Uuid::new_v4()), relates_to);
    Reply { status: 500, body: body.into_bytes(), action }
}

struct Operation<'a> {
    shells: &'a Shells,
    caller: &'a Caller,
    header: &'a RequestHeader,
}

impl Operation<'_> {
    async fn run(&self, request: Request) -> Result<String> {
        let known = &self.caller.resource_uris;
        if !known.iter().any(|uri| uri.eq_ignore_ascii_case(&self.header.resource_uri)) {
            return Err(FaultKind::InvalidResourceUri.fault("The resource URI is not served here.").into());
        }
        match request {
            Request::Create(create) => self.create(&create),
            Request::Command(command) => self.command(&command),
            Request::Send(send) => self.send(&send),
            Request::Receive(receive) => self.receive(&receive).await,
            Request::Signal(signal) => self.signal(&signal),
            Request::Delete(_) => self.delete(),
            _ => Err(FaultKind::ActionNotSupported
                .fault("The action is not supported by this service.")
                .into()),
        }
    }

    fn create(&self, create: &Create) -> Result<String> {
        let Some(creation) = create.creation_xml.as_deref().filter(|xml| !xml.is_empty()) else {
            return Err(malformed("creationXml is missing"));
        };
        let id = match &create.shell_id {
            Some(text) => Uuid::parse_str(text).map_err(|_| malformed("ShellId is no GUID"))?,
            None => Uuid::new_v4(),
        };
        let info = ShellInfo {
            id,
            path: self.caller.path.clone(),
            query: self.caller.query.clone(),
            resource_uri: self.header.resource_uri.clone(),
            user: self.caller.user.clone(),
            mechanism: self.caller.mechanism,
            runspace: 0,
        };
        let shell =
            self.shells.create(info, creation, create.idle_time_out).map_err(|error| match error {
                OpenError::Refused(refusal) => {
                    let fault = FaultKind::InternalError.fault(&refusal.message);
                    Box::new(WsmanFault { code: Some(FaultCode(refusal.code)), ..fault })
                }
                OpenError::Malformed(why) => malformed(&why),
            })?;
        let id = upper_case_id(shell.info.id);
        Ok(self.respond(&CreateResponse {
            address: Some(self.header.to.clone()),
            resource_uri: Some(self.header.resource_uri.clone()),
            selectors: SelectorSet::shell(&id),
            shell: Some(wsmv::Shell {
                shell_id: Some(id),
                resource_uri: Some(self.header.resource_uri.clone()),
                owner: Some(self.caller.user.to_string()),
                idle_time_out: create.idle_time_out,
                input_streams: Some("stdin pr".into()),
                output_streams: Some("stdout".into()),
                state: Some("Connected".into()),
                ..wsmv::Shell::default()
            }),
        }))
    }

    fn command(&self, command: &Command) -> Result<String> {
        let shell = self.shell()?;
        let arguments = command.fragments().map_err(|error| malformed(&error.to_string()))?;
        let id = match command.command_id.as_deref() {
            Some(text) => command_id(Some(text))?.unwrap_or_default(),
            None => Uuid::new_v4(),
        };
        shell.command(id, &arguments).map_err(|Rejected(why)| malformed(&why))?;
        Ok(self.respond(&CommandResponse { command_id: upper_case_id(id) }))
    }

    fn send(&self, send: &Send) -> Result<String> {
        let shell = self.shell()?;
        for stream in &send.streams {
            let command = command_id(stream.command_id.as_deref())?;
            if command.is_some_and(|id| !shell.has_command(id)) {
                return Err(gone());
            }
            shell.send(command, &stream.data).map_err(|Rejected(why)| malformed(&why))?;
        }
        Ok(self.respond(&SendResponse))
    }

    async fn receive(&self, receive: &Receive) -> Result<String> {
        let shell = self.shell()?;
        let command = command_id(receive.command_id.as_deref())?;
        let limits = &self.shells.limits;
        let asked = self.header.operation_timeout.unwrap_or(limits.max_operation_timeout);
        let timeout = asked.clamp(Duration::from_millis(1), limits.max_operation_timeout);
        let envelope = self.header.max_envelope_size.map_or(LARGEST_ENVELOPE, |size| size as usize);
        let envelope = envelope.clamp(SMALLEST_ENVELOPE, LARGEST_ENVELOPE);
        let name = command.map(upper_case_id);
        let overhead = self.respond(&received(name.as_deref(), Vec::new(), true)).len();
        let room = wsmv::max_raw_bytes(envelope, overhead);
        match shell.receive(command, room, timeout, limits.gather).await {
            Ok(output) => Ok(self.respond(&received(name.as_deref(), output.bytes, output.done))),
            Err(Nothing::Yet) => Err(FaultKind::OperationTimeout
                .fault("The WS-Management service cannot complete the operation within the time specified in OperationTimeout.")
                .into()),
            Err(Nothing::Gone) => Err(gone()),
        }
    }

    fn signal(&self, signal: &Signal) -> Result<String> {
        let shell = self.shell()?;
        let Some(id) = command_id(signal.command_id.as_deref())? else { return Err(gone()) };
        if !shell.has_command(id) {
            return Err(gone());
        }
        match &signal.code {
            SignalCode::StopPipeline => shell.stop(id),
            // Whatever else it is, the real server closes the command.
            _ => shell.terminate(id),
        }
        Ok(self.respond(&SignalResponse))
    }

    fn delete(&self) -> Result<String> {
        let id = self.shell()?.info.id;
        self.shells.delete(id, &self.caller.user);
        Ok(self.respond(&DeleteResponse))
    }

    fn shell(&self) -> Result<std::sync::Arc<Shell>> {
        let id =
            self.header.selectors.shell_id().and_then(|text| Uuid::parse_str(text).ok()).ok_or_else(gone)?;
        self.shells.get(id, &self.caller.user).ok_or_else(gone)
    }

    fn respond<R: VerbResponse>(&self, response: &R) -> String {
        wsmv::write_response(response, &message_id(Uuid::new_v4()), &self.header.message_id)
    }
}

fn received(command: Option<&str>, bytes: Vec<u8>, done: bool) -> ReceiveResponse {
    let stream = wsmv::Stream {
        name: "stdout".into(),
        command_id: command.map(str::to_owned),
        end: false,
        data: bytes,
    };
    let state = if done { CommandState::Done } else { CommandState::Running };
    let state = command.map(|id| StateOfCommand {
        command_id: Some(id.to_owned()),
        exit_code: (state == CommandState::Done).then_some(0),
        state,
    });
    ReceiveResponse { streams: vec![stream], state }
}

fn command_id(text: Option<&str>) -> Result<Option<Uuid>> {
    text.map(|text| Uuid::parse_str(text).map_err(|_| malformed("CommandId is no GUID"))).transpose()
}

fn malformed(why: &str) -> Box<WsmanFault> {
    FaultKind::InvalidMessage.fault(why).into()
}

fn gone() -> Box<WsmanFault> {
    FaultKind::InvalidSelectors.fault("The request contained invalid selectors for the resource.").into()
}
