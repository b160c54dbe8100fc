//! The runspace pool machine of the client, `[MS-PSRP] 3.1.1.2`.

use std::collections::{HashMap, VecDeque};

use secrecy::SecretString;
use uuid::Uuid;

use super::config::{ClientConfig, PipelineInput, PipelineSpec};
use super::event::{ClientEvent, Outgoing, OutgoingKind};
use super::keys::{Held, HeldMessages, Keys};
use super::pipeline::{Phase, Pipeline};
use crate::clixml::{SecureText, Value};
use crate::psrp::codec::{self, Decoder};
use crate::psrp::command::{Command, Merge, MergeTarget};
use crate::psrp::error::CallError;
use crate::psrp::fragment::Reassembler;
use crate::psrp::message::{
    CreatePipeline, Destination, GetCommandMetadata, HostInfo, HostMethod, HostResponse, HostResult,
    InitRunspacePool, MergeFields, Message, MessageType, ProtocolVersion, PublicKey, RunspaceRequest,
    SessionCapability,
};
use crate::psrp::outbox::{Outbox, Priority, Stream};
use crate::psrp::record::Outcome;
use crate::psrp::secret;
use crate::psrp::session_key::{ClientKeyPair, SessionKeyError};

/// Version that is offered: at 2.4 there would be no session key.
pub(super) const OFFERED: ProtocolVersion = ProtocolVersion::V2_3;

/// A runspace pool without I/O.
///
/// Feed what the transport received with [`Self::receive`], take what happened with [`Self::next_event`] and what is
/// to be sent with [`Self::take_outgoing`].
#[derive(Debug)]
pub struct ClientPool {
    pub(super) id: Uuid,
    pub(super) config: ClientConfig,
    pub(super) state: State,
    pub(super) keys: Keys,
    pub(super) held: HeldMessages,
    pub(super) outbox: Outbox<(Stream, Priority)>,
    pub(super) stream: Reassembler,
    pub(super) decoder: Decoder,
    pub(super) pipelines: HashMap<Uuid, Pipeline>,
    pub(super) events: VecDeque<ClientEvent>,
    pub(super) merge_fields: MergeFields,
    pub(super) requests: HashMap<i64, RunspaceRequest>,
    pub(super) calls: HashMap<i64, HostMethod>,
    next_request: i64,
}

/// `[MS-PSRP] 3.1.1.2.5`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    BeforeOpen,
    NegotiationSent,
    Opening { protocol: ProtocolVersion },
    Opened { protocol: ProtocolVersion },
    Closing,
    Closed,
    Broken,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BeforeOpen => "not opened yet",
            Self::NegotiationSent | Self::Opening { .. } => "being opened",
            Self::Opened { .. } => "open",
            Self::Closing => "being closed",
            Self::Closed => "closed",
            Self::Broken => "broken",
        }
    }
}

impl ClientPool {
    /// A pool that was not opened yet. `id` is the shell's id as well.
    pub fn new(id: Uuid, config: ClientConfig) -> Self {
        Self {
            id,
            state: State::BeforeOpen,
            keys: Keys::Idle(config.key_pair.clone()),
            held: HeldMessages::new(),
            outbox: Outbox::new(),
            stream: Reassembler::new(config.limits.max_object_size),
            decoder: Decoder::new(&config.limits),
            pipelines: HashMap::new(),
            events: VecDeque::new(),
            merge_fields: MergeFields::Old,
            requests: HashMap::new(),
            calls: HashMap::new(),
            next_request: 1,
            config,
        }
    }

    /// The id of the pool.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whether pipelines can be run.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Opened { .. })
    }

    /// Whether nothing can come any more.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Closed | State::Broken)
    }

    /// Begins to open the pool.
    pub fn open(&mut self) -> Result<(), CallError> {
        if self.state != State::BeforeOpen {
            return Err(CallError::PoolState(self.state.name()));
        }
        if self.config.min_runspaces < 1 || self.config.max_runspaces < self.config.min_runspaces {
            return Err(CallError::Invalid("the number of runspaces"));
        }
        let init = InitRunspacePool {
            min_runspaces: self.config.min_runspaces,
            max_runspaces: self.config.max_runspaces,
            application_arguments: self.config.application_arguments.clone(),
            host: self.config.host.clone(),
        };
        // Both bodies are written before anything is queued: the two stand or fall together.
        let capability = self.encode(&SessionCapability::new(OFFERED).to_value())?;
        let init = self.encode(&init.to_value())?;
        self.queue(Stream::Pool, Priority::Default, MessageType::SessionCapability, capability);
        self.queue(Stream::Pool, Priority::Default, MessageType::InitRunspacePool, init);
        self.state = State::NegotiationSent;
        Ok(())
    }

    /// Starts a pipeline. `id` is the command's id as well.
    pub fn create_pipeline(&mut self, id: Uuid, spec: PipelineSpec) -> Result<(), CallError> {
        self.check_new(id)?;
        check_commands(&spec, self.merge_fields)?;
        let create = CreatePipeline {
            statements: spec.statements,
            no_input: spec.input == PipelineInput::None,
            add_to_history: spec.add_to_history,
            is_nested: spec.is_nested,
            redirect_errors: true,
            stream_options: spec.stream_options,
            host: spec
                .host
                .unwrap_or_else(|| HostInfo { use_runspace_host: true, ..self.config.host.clone() }),
        };
        self.add_pipeline(id);
        if let Err(error) = self.send(
            Stream::Pipeline(id),
            MessageType::CreatePipeline,
            Some(create.to_value(self.merge_fields)),
        ) {
            self.pipelines.remove(&id);
            return Err(error);
        }
        match spec.input {
            PipelineInput::Streamed => {}
            PipelineInput::None => self.set_phase(id, Phase::Running),
            PipelineInput::Values(values) => {
                for value in values {
                    self.send_input(id, value)?;
                }
                self.end_input(id)?;
            }
        }
        Ok(())
    }

    /// Asks which commands there are; the answer comes as the output of a pipeline with this id.
    pub fn get_command_metadata(&mut self, id: Uuid, request: &GetCommandMetadata) -> Result<(), CallError> {
        self.check_new(id)?;
        self.add_pipeline(id);
        self.set_phase(id, Phase::Running);
        self.send(Stream::Pipeline(id), MessageType::GetCommandMetadata, Some(request.to_value()))
            .inspect_err(|_| {
                self.pipelines.remove(&id);
            })
    }

    /// Feeds one value to a pipeline that was started with [`PipelineInput::Streamed`].
    pub fn send_input(&mut self, id: Uuid, value: Value) -> Result<(), CallError> {
        self.check_input(id)?;
        // Null has no body; `Nil` is refused by the real server.
        let body = (value != Value::Nil).then_some(value);
        self.send(Stream::Pipeline(id), MessageType::PipelineInput, body)
    }

    /// Ends the input of a pipeline.
    pub fn end_input(&mut self, id: Uuid) -> Result<(), CallError> {
        self.check_input(id)?;
        self.set_phase(id, Phase::Running);
        self.send(Stream::Pipeline(id), MessageType::EndOfPipelineInput, None)
    }

    /// Notes that a pipeline is being stopped; nothing more is sent for it. True: the transport sends the signal, and
    /// the pipeline's end is still to come. False: the server never heard of the pipeline, and it has ended.
    pub fn stop(&mut self, id: Uuid) -> Result<bool, CallError> {
        if !self.pipelines.contains_key(&id) {
            return Err(CallError::NoSuchPipeline);
        }
        let stream = Stream::Pipeline(id);
        let unheard = self.outbox.has_unopened((stream, Priority::Default))
            || self
                .held
                .iter()
                .any(|held| held.stream == stream && held.message_type == MessageType::CreatePipeline);
        self.discard_outgoing(id);
        if unheard {
            self.pipelines.remove(&id);
            self.events.push_back(ClientEvent::PipelineEnded { id, outcome: Outcome::Stopped(None) });
        } else {
            self.set_phase(id, Phase::Stopping);
        }
        Ok(!unheard)
    }

    /// The transport ended a pipeline. If its end state never came, it is reported as lost.
    pub fn pipeline_gone(&mut self, id: Uuid) {
        if self.pipelines.contains_key(&id) {
            self.lose_pipeline(id, None);
        }
    }

    /// Begins to close the pool: the transport deletes the shell. Nothing more is sent.
    pub fn close(&mut self) -> Result<(), CallError> {
        match self.state {
            State::Closing => Ok(()),
            State::Closed | State::Broken => Err(CallError::PoolState(self.state.name())),
            _ => {
                self.outbox.discard(|_| true);
                self.held.clear();
                self.state = State::Closing;
                Ok(())
            }
        }
    }

    /// The transport says that the shell is gone. Pipelines that had no end are reported as lost.
    pub fn shell_gone(&mut self) {
        if !self.is_finished() {
            self.finish(State::Closed, ClientEvent::PoolClosed(None));
        }
    }

    /// Answers a host call. A clear SecureString in the answer is encrypted; the exchange is made first if need be.
    pub fn answer(
        &mut self,
        pipeline: Option<Uuid>,
        call_id: i64,
        result: HostResult,
    ) -> Result<(), CallError> {
        let (stream, message_type) = match pipeline {
            Some(id) => (Stream::Pipeline(id), MessageType::PipelineHostResponse),
            None => (Stream::Pool, MessageType::RunspacePoolHostResponse),
        };
        let calls = match pipeline {
            Some(id) => &mut self.pipelines.get_mut(&id).ok_or(CallError::NoSuchPipeline)?.calls,
            None => &mut self.calls,
        };
        let method = *calls.get(&call_id).ok_or(CallError::NoSuchCall)?;
        let response = HostResponse { call_id, method, result };
        self.send_with(stream, Priority::PromptResponse, message_type, Some(response.to_value()))?;
        match pipeline {
            Some(id) => {
                if let Some(pipeline) = self.pipelines.get_mut(&id) {
                    pipeline.calls.remove(&call_id);
                }
            }
            None => {
                self.calls.remove(&call_id);
            }
        }
        Ok(())
    }

    /// Asks for or about runspaces; returns the number that the answer carries.
    pub fn request(&mut self, request: RunspaceRequest) -> Result<i64, CallError> {
        let State::Opened { protocol } = self.state else {
            return Err(CallError::PoolState(self.state.name()));
        };
        if request == RunspaceRequest::Reset && protocol < ProtocolVersion::V2_3 {
            return Err(CallError::NotSupported);
        }
        let call_id = self.next_request;
        self.send(Stream::Pool, request.message_type(), Some(request.to_value(call_id)))?;
        self.next_request += 1;
        self.requests.insert(call_id, request);
        Ok(call_id)
    }

    /// Makes the key exchange now, so that a later SecureString need not wait for it.
    pub fn exchange_keys(&mut self) -> Result<(), CallError> {
        match self.state {
            State::Opened { .. } => self.want_keys(),
            _ => Err(CallError::PoolState(self.state.name())),
        }
    }

    /// Gives the key pair that [`ClientEvent::KeyPairNeeded`] asked for.
    pub fn supply_key_pair(&mut self, pair: ClientKeyPair) -> Result<(), CallError> {
        match &mut self.keys {
            Keys::Idle(place) => {
                *place = Some(pair);
                Ok(())
            }
            Keys::PairNeeded => self.send_public_key(pair),
            Keys::Sent(_) | Keys::Done(_) => Ok(()),
        }
    }

    /// The clear text of a SecureString that was received; fails until [`ClientEvent::KeysExchanged`].
    pub fn reveal(&self, text: &SecureText) -> Result<SecretString, SessionKeyError> {
        match (text, self.keys.session()) {
            (SecureText::Clear(clear), _) => Ok(clear.clone()),
            (_, Some(key)) => key.reveal(text),
            (_, None) => Err(SessionKeyError::NoKey),
        }
    }

    /// The next thing that happened.
    pub fn next_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// The next fragments to send, at most `max_bytes` (at least 22) of them together, header included: the raw size
    /// that fits into one message of the transport after base64.
    pub fn take_outgoing(&mut self, max_bytes: usize) -> Option<Outgoing> {
        let packet = self.outbox.take(max_bytes, |_| true)?;
        let (stream, priority) = packet.label;
        let kind = match (packet.opens, stream) {
            (false, _) => OutgoingKind::Send,
            (true, Stream::Pool) => OutgoingKind::OpenShell,
            (true, Stream::Pipeline(_)) => OutgoingKind::CreatePipeline,
        };
        Some(Outgoing { stream, priority, kind, bytes: packet.bytes })
    }

    fn check_new(&self, id: Uuid) -> Result<(), CallError> {
        if !self.is_open() {
            return Err(CallError::PoolState(self.state.name()));
        }
        if self.pipelines.contains_key(&id) {
            return Err(CallError::DuplicatePipeline);
        }
        if id.is_nil() {
            return Err(CallError::Invalid("a pipeline's id is not zero"));
        }
        Ok(())
    }

    fn add_pipeline(&mut self, id: Uuid) {
        let stream = Reassembler::new(self.config.limits.max_object_size);
        let decoder = Decoder::new(&self.config.limits);
        self.pipelines
            .insert(id, Pipeline { stream, decoder, phase: Phase::TakingInput, calls: HashMap::new() });
    }

    fn set_phase(&mut self, id: Uuid, phase: Phase) {
        if let Some(pipeline) = self.pipelines.get_mut(&id) {
            pipeline.phase = phase;
        }
    }

    fn check_input(&self, id: Uuid) -> Result<(), CallError> {
        match self.pipelines.get(&id) {
            None => Err(CallError::NoSuchPipeline),
            Some(pipeline) if pipeline.phase == Phase::TakingInput => Ok(()),
            Some(_) => Err(CallError::NoInput),
        }
    }

    fn encode(&self, value: &Value) -> Result<Vec<u8>, CallError> {
        Ok(codec::encode(value, self.keys.session())?)
    }

    fn send(
        &mut self,
        stream: Stream,
        message_type: MessageType,
        body: Option<Value>,
    ) -> Result<(), CallError> {
        self.send_with(stream, Priority::Default, message_type, body)
    }

    /// Queues a message, or holds it while a key exchange that it needs is under way. What follows a held message on
    /// its stream is held too: order matters.
    pub(super) fn send_with(
        &mut self,
        stream: Stream,
        priority: Priority,
        message_type: MessageType,
        body: Option<Value>,
    ) -> Result<(), CallError> {
        let waits = self.held.iter().any(|held| held.stream == stream && held.priority == priority);
        let needs_key = self.keys.session().is_none()
            && body.as_ref().is_some_and(|body| secret::contains(body, secret::is_clear));
        if needs_key {
            self.want_keys()?;
        }
        if waits || needs_key {
            self.held.push_back(Held { stream, priority, message_type, body });
            return Ok(());
        }
        let body = body.as_ref().map(|body| self.encode(body)).transpose()?.unwrap_or_default();
        self.queue(stream, priority, message_type, body);
        Ok(())
    }

    pub(super) fn queue(
        &mut self,
        stream: Stream,
        priority: Priority,
        message_type: MessageType,
        body: Vec<u8>,
    ) {
        let pipeline_id = match stream {
            Stream::Pool => Uuid::nil(),
            Stream::Pipeline(id) => id,
        };
        let message =
            Message { destination: Destination::Server, message_type, pool_id: self.id, pipeline_id, body };
        let opens = matches!(
            message_type,
            MessageType::SessionCapability | MessageType::CreatePipeline | MessageType::GetCommandMetadata
        );
        self.outbox.push((stream, priority), opens, &message);
    }

    /// Starts the key exchange unless it is under way or done.
    pub(super) fn want_keys(&mut self) -> Result<(), CallError> {
        match &mut self.keys {
            Keys::Idle(pair) => match pair.take() {
                Some(pair) => self.send_public_key(pair),
                None => {
                    self.keys = Keys::PairNeeded;
                    self.events.push_back(ClientEvent::KeyPairNeeded);
                    Ok(())
                }
            },
            Keys::PairNeeded | Keys::Sent(_) | Keys::Done(_) => Ok(()),
        }
    }

    fn send_public_key(&mut self, pair: ClientKeyPair) -> Result<(), CallError> {
        let body = self.encode(&PublicKey(pair.public_blob()).to_value())?;
        self.queue(Stream::Pool, Priority::Default, MessageType::PublicKey, body);
        self.keys = Keys::Sent(pair);
        Ok(())
    }

    pub(super) fn discard_outgoing(&mut self, id: Uuid) {
        self.outbox.discard(|(stream, _)| stream == Stream::Pipeline(id));
        self.held.retain(|held| held.stream != Stream::Pipeline(id));
    }

    pub(super) fn lose_pipeline(&mut self, id: Uuid, error: Option<crate::psrp::PsrpError>) {
        self.pipelines.remove(&id);
        self.discard_outgoing(id);
        self.events.push_back(ClientEvent::PipelineLost { id, error });
    }

    /// Ends the pool: every pipeline is lost, then the pool's last event follows.
    pub(super) fn finish(&mut self, state: State, event: ClientEvent) {
        self.outbox.discard(|_| true);
        self.held.clear();
        let mut ids: Vec<Uuid> = self.pipelines.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.lose_pipeline(id, None);
        }
        self.state = state;
        self.events.push_back(event);
    }
}

fn check_commands(spec: &PipelineSpec, fields: MergeFields) -> Result<(), CallError> {
    if spec.statements.is_empty() || spec.statements.iter().any(Vec::is_empty) {
        return Err(CallError::Invalid("a statement has no command"));
    }
    let needs_new = |command: &Command| {
        command.merge.information != MergeTarget::Own && fields != MergeFields::Five
            || command.merge != Merge::default() && fields == MergeFields::Old
    };
    let batch = spec.statements.len() > 1 && fields == MergeFields::Old;
    if batch || spec.statements.iter().flatten().any(needs_new) {
        return Err(CallError::NotSupported);
    }
    let arguments = spec.statements.iter().flatten().flat_map(|command| &command.arguments);
    if arguments
        .filter_map(|argument| argument.name.as_deref())
        .any(|name| name.is_empty() || name.starts_with('-'))
    {
        return Err(CallError::Invalid("the name of an argument is empty or has a dash"));
    }
    Ok(())
}
