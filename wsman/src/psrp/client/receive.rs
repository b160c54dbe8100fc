//! What the client does with the server's messages.

use uuid::Uuid;

use super::event::{ClientEvent, PoolFailure};
use super::keys::Keys;
use super::pool::{ClientPool, OFFERED, State};
use crate::clixml::Value;
use crate::psrp::error::PsrpError;
use crate::psrp::message::{
    ApplicationPrivateData, Destination, EncryptedSessionKey, HostCall, HostResult, InformationalRecord,
    MergeFields, Message, MessageType, PipelineStateMessage, PoolState, RunspaceAvailability,
    RunspacePoolInitData, RunspacePoolStateMessage, SessionCapability, UserEvent, progress,
    remoting_protocol_version,
};
use crate::psrp::outbox::Stream;
use crate::psrp::record::{ErrorRecord, Record};

impl ClientPool {
    /// Takes bytes that the transport received on a stream, cut anywhere.
    ///
    /// What the server does wrong on the pool's stream breaks the pool; on a pipeline's stream it costs that
    /// pipeline. Bytes for a pipeline that has ended are dropped.
    pub fn receive(&mut self, stream: Stream, bytes: &[u8]) {
        if self.is_finished() || self.state == State::BeforeOpen {
            return;
        }
        let mut objects = Vec::new();
        let result = match stream {
            Stream::Pool => self.stream.push(bytes, &mut objects),
            Stream::Pipeline(id) => match self.pipelines.get_mut(&id) {
                Some(pipeline) => pipeline.stream.push(bytes, &mut objects),
                None => return,
            },
        };
        for object in objects {
            if let Err(error) = self.object(stream, &object) {
                self.fail(stream, error);
            }
            if self.is_finished() {
                return;
            }
        }
        if let Err(error) = result {
            self.fail(stream, error.into());
        }
    }

    fn fail(&mut self, stream: Stream, error: PsrpError) {
        match stream {
            Stream::Pool => self.break_pool(error),
            Stream::Pipeline(id) if self.pipelines.contains_key(&id) => self.lose_pipeline(id, Some(error)),
            Stream::Pipeline(_) => {}
        }
    }

    pub(super) fn break_pool(&mut self, error: PsrpError) {
        self.finish(State::Broken, ClientEvent::PoolBroken(PoolFailure::Protocol(error)));
    }

    fn object(&mut self, stream: Stream, object: &[u8]) -> Result<(), PsrpError> {
        let message = Message::parse(object)?;
        if message.destination != Destination::Client {
            return Err(PsrpError::WrongSide(message.message_type));
        }
        if !self.is_for_us(&message) {
            return match stream {
                Stream::Pool => Ok(()),
                Stream::Pipeline(_) => Err(PsrpError::WrongPool(message.message_type)),
            };
        }
        self.note_secrets(&message);
        match message.message_type {
            MessageType::SessionCapability => {
                let body = self.body(&message)?;
                self.capability(&body)
            }
            _ if self.state == State::NegotiationSent => Err(PsrpError::Unexpected {
                message_type: message.message_type,
                state: "versions were negotiated",
            }),
            MessageType::ApplicationPrivateData => {
                let ApplicationPrivateData(data) = ApplicationPrivateData::from_value(&self.body(&message)?)?;
                self.merge_fields = MergeFields::of(remoting_protocol_version(&data));
                self.events.push_back(ClientEvent::ApplicationPrivateData(data));
                Ok(())
            }
            MessageType::RunspacePoolState => {
                let state = RunspacePoolStateMessage::from_value(&self.body(&message)?)?;
                self.pool_state(state);
                Ok(())
            }
            MessageType::RunspaceAvailability => {
                let answer = RunspaceAvailability::from_value(&self.body(&message)?)?;
                if let Some(request) = self.requests.remove(&answer.call_id) {
                    let (call_id, response) = (answer.call_id, answer.response);
                    self.events.push_back(ClientEvent::Availability { call_id, request, response });
                }
                Ok(())
            }
            MessageType::RunspacePoolInitData => {
                RunspacePoolInitData::from_value(&self.body(&message)?)?;
                Ok(())
            }
            MessageType::PublicKeyRequest => {
                self.body(&message)?;
                self.wish_keys();
                Ok(())
            }
            MessageType::EncryptedSessionKey => self.session_key(&message),
            MessageType::UserEvent => {
                let event = UserEvent::from_value(&self.body(&message)?)?;
                self.events.push_back(ClientEvent::UserEvent(Box::new(event)));
                Ok(())
            }
            MessageType::RunspacePoolHostCall => {
                let call = HostCall::from_value(&self.body(&message)?)?;
                self.host_call(None, call);
                Ok(())
            }
            MessageType::WarningRecord if message.pipeline_id.is_nil() => {
                let warning = InformationalRecord::from_value(&self.body(&message)?)?.message;
                self.events.push_back(ClientEvent::PoolWarning(warning));
                Ok(())
            }
            other => self.pipeline_message(other, &message),
        }
    }

    fn pipeline_message(&mut self, message_type: MessageType, message: &Message) -> Result<(), PsrpError> {
        let id = message.pipeline_id;
        let known = self.pipelines.contains_key(&id);
        let record = match message_type {
            MessageType::PipelineOutput => {
                Record::Output(if message.body.is_empty() { Value::Nil } else { self.body(message)? })
            }
            MessageType::ErrorRecord => {
                Record::Error(Box::new(ErrorRecord::from_value(&self.body(message)?)?))
            }
            MessageType::WarningRecord => {
                Record::Warning(InformationalRecord::from_value(&self.body(message)?)?.message)
            }
            MessageType::VerboseRecord => {
                Record::Verbose(InformationalRecord::from_value(&self.body(message)?)?.message)
            }
            MessageType::DebugRecord => {
                Record::Debug(InformationalRecord::from_value(&self.body(message)?)?.message)
            }
            MessageType::ProgressRecord => {
                Record::Progress(Box::new(progress::from_value(&self.body(message)?)?))
            }
            MessageType::InformationRecord => {
                let body = self.body(message)?;
                crate::psrp::message::check_information(&body)?;
                Record::Information(body)
            }
            MessageType::PipelineState => {
                let state = PipelineStateMessage::from_value(&self.body(message)?)?;
                if let Some(outcome) = state.into_outcome()
                    && self.pipelines.remove(&id).is_some()
                {
                    self.discard_outgoing(id);
                    self.events.push_back(ClientEvent::PipelineEnded { id, outcome });
                }
                return Ok(());
            }
            MessageType::PipelineHostCall => {
                let call = HostCall::from_value(&self.body(message)?)?;
                if known {
                    self.host_call(Some(id), call);
                }
                return Ok(());
            }
            MessageType::Unknown(_) => {
                self.body(message)?;
                return Ok(());
            }
            // The real client passes over a client's messages to a pipeline.
            MessageType::PipelineInput
            | MessageType::EndOfPipelineInput
            | MessageType::PipelineHostResponse => {
                return Ok(());
            }
            // What is left are a client's messages to the pool.
            _ => return Err(PsrpError::WrongSide(message_type)),
        };
        if known {
            self.events.push_back(ClientEvent::Pipeline { id, record });
        }
        Ok(())
    }

    /// The RPID of a few messages is zero; one of another pool is nobody's.
    fn is_for_us(&self, message: &Message) -> bool {
        message.pool_id == self.id
            || matches!(
                message.message_type,
                MessageType::SessionCapability
                    | MessageType::PublicKeyRequest
                    | MessageType::EncryptedSessionKey
            )
    }

    fn body(&mut self, message: &Message) -> Result<Value, PsrpError> {
        match self.pipelines.get_mut(&message.pipeline_id) {
            Some(pipeline) => pipeline.decoder.decode(message),
            None => self.decoder.decode(message),
        }
    }

    fn capability(&mut self, body: &Value) -> Result<(), PsrpError> {
        if self.state != State::NegotiationSent {
            let message_type = MessageType::SessionCapability;
            return Err(PsrpError::Unexpected { message_type, state: "versions had been negotiated" });
        }
        let protocol = SessionCapability::from_value(body)?.accepted_by_client(OFFERED)?;
        self.state = State::Opening { protocol };
        Ok(())
    }

    fn pool_state(&mut self, message: RunspacePoolStateMessage) {
        match (message.state, self.state) {
            (PoolState::Opened, State::Opening { protocol }) => {
                self.state = State::Opened { protocol };
                self.events.push_back(ClientEvent::PoolOpened { protocol });
            }
            (PoolState::Closing, _) => {
                self.state = State::Closing;
                self.events.push_back(ClientEvent::PoolClosing);
            }
            (PoolState::Closed, _) => self.finish(State::Closed, ClientEvent::PoolClosed(message.reason)),
            (PoolState::Broken, _) => {
                self.finish(State::Broken, ClientEvent::PoolBroken(PoolFailure::Server(message.reason)));
            }
            // The real client takes no notice of the others.
            _ => {}
        }
    }

    fn session_key(&mut self, message: &Message) -> Result<(), PsrpError> {
        let EncryptedSessionKey(blob) = EncryptedSessionKey::from_value(&self.body(message)?)?;
        // One that was not asked for, and a second one, do no harm.
        let Keys::Sent(pair) = &self.keys else { return Ok(()) };
        let key = pair.open(&blob)?;
        self.keys = Keys::Done(key);
        self.events.push_back(ClientEvent::KeysExchanged);
        for held in std::mem::take(&mut self.held) {
            let sent = self.send_with(held.stream, held.priority, held.message_type, held.body);
            // A value of the caller's that cannot be written costs the pipeline that it was for.
            if let (Err(_), Stream::Pipeline(id)) = (sent, held.stream)
                && self.pipelines.contains_key(&id)
            {
                self.lose_pipeline(id, None);
            }
        }
        Ok(())
    }

    /// A SecureString in what was received starts the exchange, so that it can be read later.
    fn note_secrets(&mut self, message: &Message) {
        if matches!(self.keys, Keys::Idle(_)) && memchr::memmem::find(&message.body, b"<SS").is_some() {
            self.wish_keys();
        }
    }

    fn wish_keys(&mut self) {
        // The blob of our own public key can always be written.
        let _ = self.want_keys();
    }

    fn host_call(&mut self, pipeline: Option<Uuid>, call: HostCall) {
        let wants_answer = call.wants_answer();
        let refuse = wants_answer && self.config.host.host_null;
        if wants_answer {
            let calls = match pipeline {
                Some(id) => self.pipelines.get_mut(&id).map(|pipeline| &mut pipeline.calls),
                None => Some(&mut self.calls),
            };
            if let Some(calls) = calls {
                calls.insert(call.call_id, call.method);
            }
        }
        if refuse {
            let error = ErrorRecord::host_not_implemented(call.method.name());
            // Only fails where the pipeline has ended, and then nobody waits.
            let _ = self.answer(pipeline, call.call_id, HostResult::Error(Box::new(error)));
        }
        self.events.push_back(ClientEvent::HostCall {
            pipeline,
            call,
            awaits_answer: wants_answer && !refuse,
        });
    }
}
