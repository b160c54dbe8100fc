//! What the server does with the client's messages.

use uuid::Uuid;

use super::event::{RunPipeline, ServerEvent};
use super::pipeline::{Phase, Pipeline};
use super::pool::{Keys, Opened, ServerPool, State};
use crate::clixml::{SecureText, Value};
use crate::psrp::error::{BodyError, PsrpError};
use crate::psrp::message::{
    ApplicationPrivateData, AvailabilityResponse, CreatePipeline, Destination, EncryptedSessionKey,
    GetCommandMetadata, HostInfo, HostResponse, InitRunspacePool, Message, MessageType, PoolState, PublicKey,
    RunspaceAvailability, RunspacePoolStateMessage, RunspaceRequest, SessionCapability,
};
use crate::psrp::outbox::Stream;
use crate::psrp::secret;
use crate::psrp::session_key::SessionKeyError;

/// Messages of one stream that may wait for the session key.
const MAX_HELD: usize = 100;

impl ServerPool {
    /// Takes bytes that the transport received: `creationXml` and what is sent to the shell on the pool's stream,
    /// `Arguments` and what is sent to a command on the pipeline's.
    ///
    /// What is refused becomes [`ServerEvent::Refused`]; the pool lives on unless the client spoke of another pool or
    /// negotiated twice.
    pub fn receive(&mut self, stream: Stream, bytes: &[u8]) {
        if self.state == State::Closed {
            return;
        }
        let mut objects = Vec::new();
        let result = match stream {
            Stream::Pool => self.stream.push(bytes, &mut objects),
            Stream::Pipeline(id) => {
                if !self.pipelines.contains_key(&id) {
                    if self.pipelines.len() >= self.config.limits.max_pipelines {
                        let state = "too many pipelines were open";
                        let error =
                            PsrpError::Unexpected { message_type: MessageType::CreatePipeline, state };
                        self.events.push_back(ServerEvent::Refused { stream, error });
                        return;
                    }
                    self.pipelines.insert(id, Pipeline::new(&self.config.limits));
                }
                match self.pipelines.get_mut(&id) {
                    Some(pipeline) => pipeline.stream.push(bytes, &mut objects),
                    None => Ok(()),
                }
            }
        };
        for object in objects {
            if let Err(error) = self.object(stream, &object) {
                self.events.push_back(ServerEvent::Refused { stream, error });
            }
            if self.state == State::Closed {
                return;
            }
        }
        if let Err(error) = result {
            self.events.push_back(ServerEvent::Refused { stream, error: error.into() });
        }
    }

    fn object(&mut self, stream: Stream, object: &[u8]) -> Result<(), PsrpError> {
        let message = Message::parse(object)?;
        if message.destination != Destination::Server {
            return Err(PsrpError::WrongSide(message.message_type));
        }
        if let State::Opened(opened) = &self.state
            && message.pool_id != opened.id
            && !matches!(message.message_type, MessageType::SessionCapability | MessageType::InitRunspacePool)
        {
            let error = PsrpError::WrongPool(message.message_type);
            self.close_by_client();
            return Err(error);
        }
        self.message(stream, message)
    }

    fn message(&mut self, stream: Stream, message: Message) -> Result<(), PsrpError> {
        let message_type = message.message_type;
        let unexpected = |state| PsrpError::Unexpected { message_type, state };
        match (message_type, self.state.clone()) {
            (MessageType::SessionCapability, State::Negotiating) => self.capability(&message),
            (MessageType::SessionCapability, _) => {
                self.close_by_client();
                Ok(())
            }
            (_, State::Negotiating) => {
                // The real server never answers again.
                self.state = State::Closed;
                Err(unexpected("versions were not negotiated"))
            }
            (MessageType::InitRunspacePool, State::Negotiated { protocol }) => self.init(&message, protocol),
            (MessageType::InitRunspacePool, _) => Err(unexpected("the pool was open")),
            (MessageType::PublicKey, _) => self.public_key(&message),
            (_, State::Opened(opened)) => match stream {
                _ if is_pipeline_message(message_type) => {
                    let id = message.pipeline_id;
                    if matches!(stream, Stream::Pipeline(stream) if stream != id) {
                        return Err(unexpected("another pipeline's stream was read"));
                    }
                    self.pipeline_message(id, message, &opened)
                }
                _ => self.pool_message(message, opened),
            },
            (_, State::Negotiated { .. }) => {
                self.state = State::Closed;
                Err(unexpected("the pool was not open"))
            }
            (_, State::Closed) => Err(unexpected("the pool was closed")),
        }
    }

    fn close_by_client(&mut self) {
        self.close();
        self.events.push_back(ServerEvent::Closed);
    }

    fn body(&mut self, message: &Message) -> Result<Value, PsrpError> {
        match self.pipelines.get_mut(&message.pipeline_id) {
            Some(pipeline) => pipeline.decoder.decode(message),
            None => self.decoder.decode(message),
        }
    }

    fn capability(&mut self, message: &Message) -> Result<(), PsrpError> {
        let theirs = SessionCapability::from_value(&self.body(message)?)?;
        // The real server answers before it judges.
        let accepted = theirs.accepted_by_server(self.config.protocol);
        let protocol = accepted.as_ref().copied().unwrap_or(self.config.protocol);
        self.send_own(
            Stream::Pool,
            MessageType::SessionCapability,
            SessionCapability::new(protocol).to_value(),
        );
        self.state = State::Negotiated { protocol: accepted? };
        Ok(())
    }

    fn init(
        &mut self,
        message: &Message,
        protocol: crate::psrp::message::ProtocolVersion,
    ) -> Result<(), PsrpError> {
        let init = InitRunspacePool::from_value(&self.body(message)?)?;
        let id = message.pool_id;
        self.state = State::Opened(Opened {
            id,
            protocol,
            min_runspaces: init.min_runspaces,
            max_runspaces: init.max_runspaces,
            host: init.host.clone(),
        });
        let data = ApplicationPrivateData(self.config.private_data.clone()).to_value();
        self.send_own(Stream::Pool, MessageType::ApplicationPrivateData, data);
        self.send_pool_state(RunspacePoolStateMessage { state: PoolState::Opened, reason: None });
        self.events.push_back(ServerEvent::Opened { id, protocol, init });
        Ok(())
    }

    /// Every public key gets the same session key.
    fn public_key(&mut self, message: &Message) -> Result<(), PsrpError> {
        let PublicKey(blob) = PublicKey::from_value(&self.body(message)?)?;
        let sealed = self.config.session_key.seal(&blob, &mut *self.config.random)?;
        self.send_own(Stream::Pool, MessageType::EncryptedSessionKey, EncryptedSessionKey(sealed).to_value());
        if self.keys != Keys::Exchanged {
            self.keys = Keys::Exchanged;
            self.events.push_back(ServerEvent::KeysExchanged);
        }
        self.send_waiting();
        self.resume();
        Ok(())
    }

    /// Takes up what waited for the key exchange.
    fn resume(&mut self) {
        let State::Opened(opened) = self.state.clone() else { return };
        for message in std::mem::take(&mut self.held) {
            if let Err(error) = self.pool_message(message, opened.clone()) {
                self.events.push_back(ServerEvent::Refused { stream: Stream::Pool, error });
            }
        }
        let ids: Vec<Uuid> = self.pipelines.keys().copied().collect();
        for id in ids {
            let held = self.pipelines.get_mut(&id).map(|it| std::mem::take(&mut it.held)).unwrap_or_default();
            for message in held {
                if let Err(error) = self.pipeline_message(id, message, &opened) {
                    self.events.push_back(ServerEvent::Refused { stream: Stream::Pipeline(id), error });
                }
            }
        }
    }

    fn pool_message(&mut self, message: Message, opened: Opened) -> Result<(), PsrpError> {
        let body = self.body(&message)?;
        if let Some(request) = RunspaceRequest::from_value(message.message_type, &body) {
            let (request, call_id) = request?;
            self.runspaces(request, call_id, opened);
            return Ok(());
        }
        match message.message_type {
            MessageType::RunspacePoolHostResponse => {
                if self.needs_exchange(&body) {
                    if self.held.len() >= MAX_HELD {
                        let state = "too much waited for the session key";
                        return Err(PsrpError::Unexpected { message_type: message.message_type, state });
                    }
                    self.held.push_back(message);
                    return Ok(());
                }
                let response = HostResponse::from_value(&self.clear(body)?)?;
                if self.calls.get(&response.call_id) == Some(&response.method) {
                    self.calls.remove(&response.call_id);
                    self.events.push_back(ServerEvent::HostResponse { pipeline: None, response });
                }
                Ok(())
            }
            MessageType::Unknown(_) => Ok(()),
            MessageType::ConnectRunspacePool => Err(PsrpError::Unexpected {
                message_type: MessageType::ConnectRunspacePool,
                state: "the pool was connected",
            }),
            other => Err(PsrpError::WrongSide(other)),
        }
    }

    /// Answers as the real server does; a pool of one can be reset.
    fn runspaces(&mut self, request: RunspaceRequest, call_id: i64, mut opened: Opened) {
        let done = match request {
            RunspaceRequest::SetMax(number) => {
                let fits = number >= opened.min_runspaces;
                opened.max_runspaces = if fits { number } else { opened.max_runspaces };
                fits
            }
            RunspaceRequest::SetMin(number) => {
                let fits = number >= 1 && number <= opened.max_runspaces;
                opened.min_runspaces = if fits { number } else { opened.min_runspaces };
                fits
            }
            RunspaceRequest::GetAvailable => true,
            RunspaceRequest::Reset => opened.max_runspaces == 1,
        };
        let running = self.pipelines.values().filter(|it| matches!(it.phase, Phase::Running { .. })).count();
        let response = match request {
            RunspaceRequest::GetAvailable => {
                let running = i32::try_from(running).unwrap_or(i32::MAX);
                AvailabilityResponse::Available(opened.max_runspaces.saturating_sub(running).max(0))
            }
            _ => AvailabilityResponse::Done(done),
        };
        self.state = State::Opened(opened);
        let answer = RunspaceAvailability { call_id, response }.to_value();
        self.send_own(Stream::Pool, MessageType::RunspaceAvailability, answer);
        self.events.push_back(ServerEvent::Runspaces { request, done });
    }

    fn pipeline_message(&mut self, id: Uuid, message: Message, opened: &Opened) -> Result<(), PsrpError> {
        let body = if message.body.is_empty() { Value::Nil } else { self.body(&message)? };
        let needs_exchange = self.needs_exchange(&body);
        let Some(pipeline) = self.pipelines.get_mut(&id) else { return Ok(()) };
        if needs_exchange || !pipeline.held.is_empty() {
            let bytes: usize = pipeline.held.iter().map(|held| held.body.len()).sum();
            if pipeline.held.len() >= MAX_HELD
                || bytes + message.body.len() > self.config.limits.max_object_size
            {
                let state = "too much waited for the session key";
                return Err(PsrpError::Unexpected { message_type: message.message_type, state });
            }
            pipeline.held.push_back(message);
            return Ok(());
        }
        let body = self.clear(body)?;
        let Some(pipeline) = self.pipelines.get_mut(&id) else { return Ok(()) };
        let message_type = message.message_type;
        match (message_type, &mut pipeline.phase) {
            (MessageType::CreatePipeline, phase @ Phase::Expected) => {
                let create = CreatePipeline::from_value(&body)?;
                let host = if create.host.use_runspace_host { opened.host.clone() } else { create.host };
                *phase = Phase::Running { takes_input: !create.no_input, host: host.clone() };
                self.events.push_back(ServerEvent::RunPipeline(Box::new(RunPipeline {
                    id,
                    statements: create.statements,
                    no_input: create.no_input,
                    add_to_history: create.add_to_history,
                    is_nested: create.is_nested,
                    host,
                })));
                Ok(())
            }
            (MessageType::GetCommandMetadata, phase @ Phase::Expected) => {
                let request = GetCommandMetadata::from_value(&body)?;
                *phase = Phase::Running { takes_input: false, host: HostInfo::null(false) };
                self.events.push_back(ServerEvent::GetCommandMetadata { id, request });
                Ok(())
            }
            (MessageType::PipelineInput, Phase::Running { takes_input: true, .. }) => {
                self.events.push_back(ServerEvent::Input { id, value: body });
                Ok(())
            }
            (MessageType::EndOfPipelineInput, Phase::Running { .. }) if !message.body.is_empty() => {
                Err(PsrpError::Body(BodyError { message: "END_OF_PIPELINE_INPUT", member: "end" }))
            }
            (MessageType::EndOfPipelineInput, Phase::Running { takes_input, .. }) => {
                if std::mem::replace(takes_input, false) {
                    self.events.push_back(ServerEvent::EndOfInput { id });
                }
                Ok(())
            }
            (MessageType::PipelineHostResponse, Phase::Running { .. }) => {
                let response = HostResponse::from_value(&body)?;
                if pipeline.calls.get(&response.call_id) == Some(&response.method) {
                    pipeline.calls.remove(&response.call_id);
                    self.events.push_back(ServerEvent::HostResponse { pipeline: Some(id), response });
                }
                Ok(())
            }
            (MessageType::CreatePipeline | MessageType::GetCommandMetadata, _) => {
                Err(PsrpError::Unexpected { message_type, state: "the pipeline was running" })
            }
            // Input that nobody reads and answers that nobody waits for.
            _ => Ok(()),
        }
    }

    /// Whether something encrypted came before the client has the session key; it is asked for its key then.
    fn needs_exchange(&mut self, body: &Value) -> bool {
        let needs = self.keys != Keys::Exchanged && secret::contains(body, secret::is_encrypted);
        if needs {
            self.request_keys();
        }
        needs
    }

    fn clear(&self, body: Value) -> Result<Value, PsrpError> {
        let key = self.config.session_key.clone();
        secret::replace(body, &mut |text| Ok::<_, SessionKeyError>(SecureText::Clear(key.reveal(&text)?)))
            .map_err(PsrpError::from)
    }

    fn send_own(&mut self, stream: Stream, message_type: MessageType, body: Value) {
        // Our own messages hold nothing that cannot be written.
        let _ = self.send(stream, message_type, Some(body));
    }
}

fn is_pipeline_message(message_type: MessageType) -> bool {
    matches!(
        message_type,
        MessageType::CreatePipeline
            | MessageType::GetCommandMetadata
            | MessageType::PipelineInput
            | MessageType::EndOfPipelineInput
            | MessageType::PipelineHostResponse
    )
}
