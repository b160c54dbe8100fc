//! What the server sends.

use uuid::Uuid;

use super::pipeline::Phase;
use super::pool::{Keys, ServerPool, State};
use crate::clixml::Value;
use crate::psrp::codec;
use crate::psrp::error::CallError;
use crate::psrp::members::{list, object, string};
use crate::psrp::message::{
    Destination, HostCall, HostMethod, InformationalRecord, Message, MessageType, PipelineStateMessage,
    PoolState, ProtocolVersion, RunspacePoolStateMessage, UserEvent, VOID_CALL, progress,
};
use crate::psrp::outbox::Stream;
use crate::psrp::record::{ErrorRecord, Outcome, Record};
use crate::psrp::secret;

/// One choice of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// With `&` before its hot key
    pub label: String,
    /// What it means
    pub help: String,
}

impl ServerPool {
    /// Writes a record of a pipeline. SecureStrings in it are encrypted.
    pub fn emit(&mut self, id: Uuid, record: Record) -> Result<(), CallError> {
        let (message_type, body) = match record {
            // Null output has no body.
            Record::Output(Value::Nil) => (MessageType::PipelineOutput, None),
            Record::Output(value) => (MessageType::PipelineOutput, Some(value)),
            Record::Error(error) => (MessageType::ErrorRecord, Some(error.to_value())),
            Record::Warning(message) => {
                (MessageType::WarningRecord, Some(InformationalRecord { message }.to_value("Warning")))
            }
            Record::Verbose(message) => {
                (MessageType::VerboseRecord, Some(InformationalRecord { message }.to_value("Verbose")))
            }
            Record::Debug(message) => {
                (MessageType::DebugRecord, Some(InformationalRecord { message }.to_value("Debug")))
            }
            Record::Information(value) => (MessageType::InformationRecord, Some(value)),
            Record::Progress(record) => (MessageType::ProgressRecord, Some(progress::to_value(&record))),
        };
        self.check_running(id)?;
        self.send(Stream::Pipeline(id), message_type, body)
    }

    /// Ends a pipeline; nothing more can be written for it.
    pub fn finish(&mut self, id: Uuid, outcome: Outcome) -> Result<(), CallError> {
        self.check_running(id)?;
        let state = PipelineStateMessage::from(outcome).to_value();
        self.send(Stream::Pipeline(id), MessageType::PipelineState, Some(state))?;
        if let Some(pipeline) = self.pipelines.get_mut(&id) {
            pipeline.phase = Phase::Ended;
            pipeline.calls.clear();
            pipeline.held.clear();
        }
        Ok(())
    }

    /// Ends a pipeline that the client's signal stopped, if it still runs.
    pub fn stop(&mut self, id: Uuid) {
        let reason = Some(Box::new(ErrorRecord::pipeline_stopped()));
        // Only fails where the pipeline has ended, and then there is nothing to stop.
        let _ = self.finish(id, Outcome::Stopped(reason));
    }

    /// Calls the client's host: of a pipeline, or of the pool. Returns the number of the call, which is
    /// [`VOID_CALL`] where no answer will come.
    pub fn host_call(
        &mut self,
        pipeline: Option<Uuid>,
        method: HostMethod,
        parameters: Vec<Value>,
    ) -> Result<i64, CallError> {
        let (stream, message_type) = match pipeline {
            Some(id) => {
                self.check_running(id)?;
                (Stream::Pipeline(id), MessageType::PipelineHostCall)
            }
            None => (Stream::Pool, MessageType::RunspacePoolHostCall),
        };
        let next = match pipeline {
            Some(id) => self.pipelines.get(&id).ok_or(CallError::NoSuchPipeline)?.next_call,
            None => self.next_call,
        };
        let call_id = if method.is_void() { VOID_CALL } else { next };
        self.send(stream, message_type, Some(HostCall { call_id, method, parameters }.to_value()))?;
        if call_id != VOID_CALL {
            match pipeline.and_then(|id| self.pipelines.get_mut(&id)) {
                Some(pipeline) => {
                    pipeline.calls.insert(call_id, method);
                    pipeline.next_call += 1;
                }
                None => {
                    self.calls.insert(call_id, method);
                    self.next_call += 1;
                }
            }
        }
        Ok(call_id)
    }

    /// Lets the user choose: the call that `ShouldProcess` makes for a confirmation. The answer is an `Int32`.
    pub fn prompt_for_choice(
        &mut self,
        pipeline: Uuid,
        caption: &str,
        message: &str,
        choices: &[Choice],
        default: i32,
    ) -> Result<i64, CallError> {
        let choices = choices
            .iter()
            .map(|choice| object([("label", string(&choice.label)), ("helpMessage", string(&choice.help))]))
            .collect();
        let parameters = vec![
            string(caption),
            string(message),
            list(&["System.Collections.ArrayList", "System.Object"], choices),
            Value::Int32(default),
        ];
        self.host_call(Some(pipeline), HostMethod::PromptForChoice, parameters)
    }

    /// Tells the client of an event of the session.
    pub fn user_event(&mut self, event: &UserEvent) -> Result<(), CallError> {
        self.send(Stream::Pool, MessageType::UserEvent, Some(event.to_value()))
    }

    /// Tells the client that the pool cannot be used any more, and why.
    pub fn break_pool(&mut self, reason: ErrorRecord) {
        if self.state == State::Closed {
            return;
        }
        let reason = Some(Box::new(reason));
        self.send_pool_state(RunspacePoolStateMessage { state: PoolState::Broken, reason });
        self.state = State::Closed;
    }

    pub(super) fn send_pool_state(&mut self, message: RunspacePoolStateMessage) {
        // Holds no SecureString, so that nothing can be missing.
        let _ = self.send(Stream::Pool, MessageType::RunspacePoolState, Some(message.to_value()));
    }

    fn check_running(&self, id: Uuid) -> Result<(), CallError> {
        if self.is_running(id) { Ok(()) } else { Err(CallError::NoSuchPipeline) }
    }

    /// Queues a message. A SecureString is encrypted with the session key whether or not the client has it yet; only
    /// at 2.0 and 2.1 is the client asked for its key first.
    pub(super) fn send(
        &mut self,
        stream: Stream,
        message_type: MessageType,
        body: Option<Value>,
    ) -> Result<(), CallError> {
        if let Stream::Pipeline(id) = stream
            && self.must_wait(id, body.as_ref())
        {
            self.request_keys();
            if let Some(pipeline) = self.pipelines.get_mut(&id) {
                pipeline.unsent.push_back((message_type, body));
            }
            return Ok(());
        }
        let body = match &body {
            Some(body) => codec::encode(body, Some(&self.config.session_key))?,
            None => Vec::new(),
        };
        self.queue(stream, message_type, body);
        Ok(())
    }

    fn must_wait(&self, id: Uuid, body: Option<&Value>) -> bool {
        let old = matches!(&self.state, State::Opened(opened) if opened.protocol < ProtocolVersion::V2_2);
        if !old || self.keys == Keys::Exchanged {
            return false;
        }
        let waits = self.pipelines.get(&id).is_some_and(|pipeline| !pipeline.unsent.is_empty());
        waits || body.is_some_and(|body| secret::contains(body, secret::is_clear))
    }

    /// Sends what waited for the client to have the session key.
    pub(super) fn send_waiting(&mut self) {
        let ids: Vec<Uuid> = self.pipelines.keys().copied().collect();
        for id in ids {
            let unsent =
                self.pipelines.get_mut(&id).map(|it| std::mem::take(&mut it.unsent)).unwrap_or_default();
            for (message_type, body) in unsent {
                // A value that cannot be written is left out: the caller was told that it was taken.
                let _ = self.send(Stream::Pipeline(id), message_type, body);
            }
        }
    }

    /// Asks the client for its public key, once.
    pub(super) fn request_keys(&mut self) {
        if self.keys == Keys::None {
            self.keys = Keys::Requested;
            let _ = self.send(Stream::Pool, MessageType::PublicKeyRequest, Some(string("")));
        }
    }

    pub(super) fn queue(&mut self, stream: Stream, message_type: MessageType, body: Vec<u8>) {
        // The real server leaves the pool's id out of the messages of its session layer.
        let session_layer = matches!(
            message_type,
            MessageType::SessionCapability | MessageType::PublicKeyRequest | MessageType::EncryptedSessionKey
        );
        let pool_id = if session_layer { Uuid::nil() } else { self.id().unwrap_or_default() };
        let pipeline_id = match stream {
            Stream::Pool => Uuid::nil(),
            Stream::Pipeline(id) => id,
        };
        let message = Message { destination: Destination::Client, message_type, pool_id, pipeline_id, body };
        self.outbox.push(stream, false, &message);
    }
}
