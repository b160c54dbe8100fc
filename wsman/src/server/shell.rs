//! One shell: its pool machine, its commands, its runspaces.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use uuid::Uuid;

use super::command::{Command, Phase};
use super::service::{Ask, PipelineRequest, Refusal, Runspace, Service, ShellInfo, User};
use crate::clixml::Value;
use crate::psrp::message::HostResult;
use crate::psrp::server::{Choice, ServerConfig, ServerEvent, ServerPool};
use crate::psrp::{Outcome, Record, Stream};

/// So many records are worth an answer of their own.
const BACKLOG: usize = 100;
/// How often a pipeline that waits for its user looks whether it is to stop.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// One shell.
pub(super) struct Shell {
    pub(super) info: ShellInfo,
    service: Arc<dyn Service>,
    state: Mutex<State>,
    /// Something may be there to be received.
    changed: Notify,
    idle_limit: Duration,
}

struct State {
    pool: ServerPool,
    commands: HashMap<Uuid, Command>,
    /// In the order of their Commands; ids of those that wait for a runspace.
    queue: Vec<Uuid>,
    free: Vec<Box<dyn Runspace>>,
    runspaces: u32,
    max_runspaces: u32,
    last_used: Instant,
    receiving: usize,
    closed: bool,
}

/// What a Receive comes back with.
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    pub(super) done: bool,
}

/// Why there is nothing to receive.
pub(super) enum Nothing {
    /// Yet
    Yet,
    /// There is no such command, or no shell any more
    Gone,
}

/// What was sent cannot be taken.
pub(super) struct Rejected(pub(super) String);

impl Shell {
    /// Opens a shell with what `creationXml` held.
    pub(super) fn open(
        service: Arc<dyn Service>,
        info: ShellInfo,
        creation: &[u8],
        idle_limit: Duration,
    ) -> Result<Arc<Self>, OpenError> {
        let runspace = service.open(info.clone()).map_err(OpenError::Refused)?;
        let random = |bytes: &mut [u8]| {
            // A system without random numbers has no session key either: zeros are never used, see below.
            let _ = getrandom::fill(bytes);
        };
        let mut probe = [0; 1];
        getrandom::fill(&mut probe).map_err(|_| OpenError::Refused(Refusal::new("no random numbers")))?;
        let pool = ServerPool::new(ServerConfig::new(Box::new(random)));
        let shell = Arc::new(Self {
            info,
            service,
            state: Mutex::new(State {
                pool,
                commands: HashMap::new(),
                queue: Vec::new(),
                free: vec![runspace],
                runspaces: 1,
                max_runspaces: 1,
                last_used: Instant::now(),
                receiving: 0,
                closed: false,
            }),
            changed: Notify::new(),
            idle_limit,
        });
        shell.take(Stream::Pool, creation).map_err(|Rejected(why)| OpenError::Malformed(why))?;
        Ok(shell)
    }

    /// Takes a Command with the beginning of its pipeline message.
    pub(super) fn command(self: &Arc<Self>, id: Uuid, arguments: &[u8]) -> Result<(), Rejected> {
        {
            let mut state = self.lock();
            if state.commands.contains_key(&id) {
                // The same Command once more, as its answer was lost: it runs already.
                return Ok(());
            }
            let user = User(Arc::new(Asker { shell: Arc::downgrade(self), pipeline: id }));
            state.commands.insert(id, Command::new(user));
        }
        self.take(Stream::Pipeline(id), arguments).inspect_err(|_| self.terminate(id))
    }

    /// Takes what is sent to the shell or to a command.
    pub(super) fn send(self: &Arc<Self>, command: Option<Uuid>, bytes: &[u8]) -> Result<(), Rejected> {
        self.take(command.map_or(Stream::Pool, Stream::Pipeline), bytes)
    }

    /// Whether there is such a command.
    pub(super) fn has_command(&self, id: Uuid) -> bool {
        self.lock().commands.contains_key(&id)
    }

    /// Stops a command; its end follows when it has stopped.
    pub(super) fn stop(&self, id: Uuid) {
        let mut state = self.lock();
        state.last_used = Instant::now();
        let Some(command) = state.commands.get_mut(&id) else { return };
        command.stop.set();
        if !matches!(command.phase, Phase::Given) {
            command.phase = Phase::Given;
            state.queue.retain(|queued| *queued != id);
            state.pool.stop(id);
            self.changed.notify_waiters();
        }
    }

    /// Lets go of a command, whether it runs or not.
    pub(super) fn terminate(&self, id: Uuid) {
        let mut state = self.lock();
        state.last_used = Instant::now();
        if let Some(command) = state.commands.remove(&id) {
            command.stop.set();
        }
        state.queue.retain(|queued| *queued != id);
        state.pool.remove_pipeline(id);
        self.changed.notify_waiters();
    }

    /// Ends everything.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.commands.values().for_each(|command| command.stop.set());
        state.commands.clear();
        state.queue.clear();
        state.free.clear();
        state.pool.close();
        self.changed.notify_waiters();
    }

    /// Whether nobody has used it for too long; what runs or is waited for counts as use.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.receiving == 0 && state.commands.is_empty() && state.last_used.elapsed() > self.idle_limit
    }

    /// Waits for output. It comes with the end of the command where that is near: `gather` is how long it is waited
    /// for once there is something.
    pub(super) async fn receive(
        &self,
        command: Option<Uuid>,
        max_bytes: usize,
        timeout: Duration,
        gather: Duration,
    ) -> Result<Received, Nothing> {
        let _use = Use::begin(self);
        let stream = command.map_or(Stream::Pool, Stream::Pipeline);
        let deadline = Instant::now() + timeout;
        let mut give_up_gathering = None;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let wake = {
                let mut state = self.lock();
                if state.closed || command.is_some_and(|id| !state.commands.contains_key(&id)) {
                    return Err(Nothing::Gone);
                }
                let has = state.pool.has_outgoing(stream);
                // While more is likely to come soon there is no hurry, unless enough is there already.
                let gathering = command.is_some_and(|id| {
                    state.pool.is_running(id)
                        && state.commands.get(&id).is_some_and(|it| it.backlog < BACKLOG)
                });
                let now = Instant::now();
                let gathered = *give_up_gathering.get_or_insert(now + gather);
                if !has {
                    give_up_gathering = None;
                }
                if has && (!gathering || now >= gathered.min(deadline)) {
                    if let Some(command) = command.and_then(|id| state.commands.get_mut(&id)) {
                        command.backlog = 0;
                    }
                    match state.pool.take_outgoing(stream, max_bytes) {
                        Some(out) => {
                            return Ok(Received { bytes: out.bytes, done: out.done && command.is_some() });
                        }
                        None => return Err(Nothing::Yet),
                    }
                }
                // It has ended and all was taken: asked again, as the answer was lost.
                if !has && command.is_some_and(|id| state.has_ended(id)) {
                    return Ok(Received { bytes: Vec::new(), done: true });
                }
                if now >= deadline {
                    return Err(Nothing::Yet);
                }
                if has { gathered.min(deadline) } else { deadline }
            };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    fn take(self: &Arc<Self>, stream: Stream, bytes: &[u8]) -> Result<(), Rejected> {
        let mut rejected = None;
        {
            let mut state = self.lock();
            state.last_used = Instant::now();
            state.pool.receive(stream, bytes);
            while let Some(event) = state.pool.next_event() {
                if let Some(why) = state.event(event) {
                    rejected = Some(Rejected(why));
                }
            }
        }
        self.changed.notify_waiters();
        self.run_waiting();
        rejected.map_or(Ok(()), Err)
    }

    /// Gives what waits to runspaces.
    fn run_waiting(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            if state.queue.is_empty() {
                return;
            }
            let number = state.runspaces;
            let runspace = match state.free.pop() {
                Some(runspace) => runspace,
                None if number < state.max_runspaces => {
                    match self.service.open(ShellInfo { runspace: number, ..self.info.clone() }) {
                        Ok(runspace) => {
                            state.runspaces += 1;
                            runspace
                        }
                        Err(_) => return,
                    }
                }
                None => return,
            };
            let id = state.queue.remove(0);
            match state.commands.get_mut(&id).and_then(Command::take) {
                Some(request) => {
                    drop(state);
                    let shell = Arc::downgrade(self);
                    tokio::task::spawn_blocking(move || run(&shell, runspace, request));
                }
                None => state.free.push(runspace),
            }
        }
    }

    fn record(&self, id: Uuid, record: Record) {
        let mut state = self.lock();
        // A pipeline that the client let go of has nobody to write for.
        let Some(command) = state.commands.get_mut(&id) else { return };
        command.backlog += 1;
        let _ = state.pool.emit(id, record);
        drop(state);
        self.changed.notify_waiters();
    }

    fn finish(&self, id: Uuid, outcome: Outcome) {
        let mut state = self.lock();
        match outcome {
            Outcome::Stopped(None) => state.pool.stop(id),
            outcome => {
                let _ = state.pool.finish(id, outcome);
            }
        }
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shell that cannot be opened.
pub(super) enum OpenError {
    Refused(Refusal),
    Malformed(String),
}

impl State {
    /// Takes note of what the machine reports; the reason where something was refused.
    fn event(&mut self, event: ServerEvent) -> Option<String> {
        match event {
            ServerEvent::Opened { init, .. } => {
                self.max_runspaces = u32::try_from(init.max_runspaces).unwrap_or(1).clamp(1, 64);
            }
            ServerEvent::RunPipeline(run) => {
                let id = run.id;
                if let Some(command) = self.commands.get_mut(&id) {
                    command.set_pipeline(run);
                }
                self.enqueue(id);
            }
            ServerEvent::Input { id, value } => {
                if let Some(command) = self.commands.get_mut(&id) {
                    command.add_input(value);
                }
            }
            ServerEvent::EndOfInput { id } => {
                if let Some(command) = self.commands.get_mut(&id) {
                    command.end_input();
                }
                self.enqueue(id);
            }
            ServerEvent::HostResponse { pipeline: Some(id), response } => {
                let call =
                    self.commands.get_mut(&id).and_then(|command| command.calls.remove(&response.call_id));
                // Nobody waits any more where the pipeline was stopped.
                let _ = call.map(|call| call.try_send(response.result));
            }
            ServerEvent::GetCommandMetadata { id, .. } => {
                let _ = self.pool.finish(id, Outcome::Completed);
            }
            ServerEvent::Refused { error, .. } => return Some(error.to_string()),
            _ => {}
        }
        None
    }

    fn has_ended(&self, id: Uuid) -> bool {
        let given = self.commands.get(&id).is_some_and(|command| matches!(command.phase, Phase::Given));
        given && !self.pool.is_running(id)
    }

    fn enqueue(&mut self, id: Uuid) {
        let ready = self.commands.get(&id).is_some_and(|command| matches!(command.phase, Phase::Queued(_)));
        if ready && !self.queue.contains(&id) {
            self.queue.push(id);
        }
    }
}

/// Runs one pipeline, then whatever waits for its runspace.
fn run(shell: &Weak<Shell>, mut runspace: Box<dyn Runspace>, request: PipelineRequest) {
    let id = request.id;
    let stop = request.stop.clone();
    let mut sink = |record| {
        if let Some(shell) = shell.upgrade() {
            shell.record(id, record);
        }
    };
    // A service that panics must not leave its client waiting.
    let result = catch_unwind(AssertUnwindSafe(|| runspace.run(request, &mut sink)));
    let (outcome, intact) = match result {
        Ok(Outcome::Completed) if stop.is_set() => (Outcome::Stopped(None), true),
        Ok(outcome) => (outcome, true),
        Err(_) => (Outcome::Failed(None), false),
    };
    let Some(shell) = shell.upgrade() else { return };
    {
        let mut state = shell.lock();
        if !intact {
            state.runspaces -= 1;
        } else if !state.closed {
            state.free.push(runspace);
        }
    }
    shell.finish(id, outcome);
    shell.run_waiting();
}

/// Asks the user of one pipeline.
struct Asker {
    shell: Weak<Shell>,
    pipeline: Uuid,
}

impl Ask for Asker {
    fn choose(&self, caption: &str, message: &str, choices: &[Choice], default: i32) -> Option<i32> {
        let (answer, answered) = sync_channel(1);
        let stop = {
            let shell = self.shell.upgrade()?;
            let mut state = shell.lock();
            let call =
                state.pool.prompt_for_choice(self.pipeline, caption, message, choices, default).ok()?;
            let command = state.commands.get_mut(&self.pipeline)?;
            command.calls.insert(call, answer);
            // The question is not to wait for anything.
            command.backlog = BACKLOG;
            let stop = command.stop.clone();
            drop(state);
            shell.changed.notify_waiters();
            stop
        };
        loop {
            match answered.recv_timeout(ASK_AGAIN) {
                Ok(HostResult::Value(Value::Int32(choice))) => return Some(choice),
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if stop.is_set() => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// A Receive that waits keeps its shell from being idle.
struct Use<'a>(&'a Shell);

impl<'a> Use<'a> {
    fn begin(shell: &'a Shell) -> Self {
        shell.lock().receiving += 1;
        Self(shell)
    }
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.receiving -= 1;
        state.last_used = Instant::now();
    }
}
