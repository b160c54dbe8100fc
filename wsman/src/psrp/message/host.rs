//! Host calls and their answers, `[MS-PSRP] 2.2.2.15`, `2.2.2.16`, `2.2.2.27`, `2.2.2.28`; HostInfo, `2.2.3.14`.

use crate::clixml::Value;
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, enumeration, list, object};
use crate::psrp::record::ErrorRecord;

/// `ci` of a call that is not answered.
pub const VOID_CALL: i64 = -100;

/// What the client says of its host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostInfo {
    /// `_isHostNull`
    pub host_null: bool,
    /// `_isHostUINull`
    pub ui_null: bool,
    /// `_isHostRawUINull`
    pub raw_ui_null: bool,
    /// `_useRunspaceHost`: the pipeline has the pool's host
    pub use_runspace_host: bool,
    /// `_hostDefaultData`, as it is
    pub default_data: Option<Value>,
}

impl HostInfo {
    /// No host: whatever asks the user fails at once.
    pub fn null(use_runspace_host: bool) -> Self {
        Self { host_null: true, ui_null: true, raw_ui_null: true, use_runspace_host, default_data: None }
    }

    /// A host with a user interface that has no screen.
    pub fn with_ui() -> Self {
        Self {
            host_null: false,
            ui_null: false,
            raw_ui_null: true,
            use_runspace_host: false,
            default_data: None,
        }
    }

    /// As it is written.
    pub fn to_value(&self) -> Value {
        let mut members = vec![
            ("_isHostUINull", Value::Bool(self.ui_null)),
            ("_isHostRawUINull", Value::Bool(self.raw_ui_null)),
            ("_isHostNull", Value::Bool(self.host_null)),
        ];
        members.extend(self.default_data.clone().map(|data| ("_hostDefaultData", data)));
        members.push(("_useRunspaceHost", Value::Bool(self.use_runspace_host)));
        object(members)
    }

    /// Reads it; what is not said is false, as in the real server.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "HostInfo")?;
        let flag = |name| matches!(members.get(name), Some(Value::Bool(true)));
        Ok(Self {
            host_null: flag("_isHostNull"),
            ui_null: flag("_isHostUINull"),
            raw_ui_null: flag("_isHostRawUINull"),
            use_runspace_host: flag("_useRunspaceHost"),
            default_data: members.get("_hostDefaultData").cloned(),
        })
    }
}

macro_rules! host_methods {
    ($($name:ident = $number:literal $kind:ident $arity:literal,)*) => {
        /// A method of the host, `[MS-PSRP] 2.2.3.17`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        #[non_exhaustive]
        pub enum HostMethod { $($name,)* }

        impl HostMethod {
            /// The number on the wire.
            pub fn number(self) -> i32 {
                match self { $(Self::$name => $number,)* }
            }

            /// The method of a number.
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Whether the method returns nothing and is never answered.
            pub fn is_void(self) -> bool {
                match self { $(Self::$name => host_methods!(@$kind),)* }
            }

            /// How many parameters it has.
            pub fn arity(self) -> usize {
                match self { $(Self::$name => $arity,)* }
            }
        }
    };
    (@void) => { true };
    (@asks) => { false };
}

host_methods! {
    GetName = 1 asks 0, GetVersion = 2 asks 0, GetInstanceId = 3 asks 0, GetCurrentCulture = 4 asks 0, GetCurrentUICulture = 5 asks 0,
    SetShouldExit = 6 void 1, EnterNestedPrompt = 7 void 0, ExitNestedPrompt = 8 void 0, NotifyBeginApplication = 9 void 0,
    NotifyEndApplication = 10 void 0, ReadLine = 11 asks 0, ReadLineAsSecureString = 12 asks 0, Write1 = 13 void 1, Write2 = 14 void 3,
    WriteLine1 = 15 void 0, WriteLine2 = 16 void 1, WriteLine3 = 17 void 3, WriteErrorLine = 18 void 1, WriteDebugLine = 19 void 1,
    WriteProgress = 20 void 2, WriteVerboseLine = 21 void 1, WriteWarningLine = 22 void 1, Prompt = 23 asks 3,
    PromptForCredential1 = 24 asks 4, PromptForCredential2 = 25 asks 6, PromptForChoice = 26 asks 4, GetForegroundColor = 27 asks 0,
    SetForegroundColor = 28 void 1, GetBackgroundColor = 29 asks 0, SetBackgroundColor = 30 void 1, GetCursorPosition = 31 asks 0,
    SetCursorPosition = 32 void 1, GetWindowPosition = 33 asks 0, SetWindowPosition = 34 void 1, GetCursorSize = 35 asks 0,
    SetCursorSize = 36 void 1, GetBufferSize = 37 asks 0, SetBufferSize = 38 void 1, GetWindowSize = 39 asks 0, SetWindowSize = 40 void 1,
    GetWindowTitle = 41 asks 0, SetWindowTitle = 42 void 1, GetMaxWindowSize = 43 asks 0, GetMaxPhysicalWindowSize = 44 asks 0,
    GetKeyAvailable = 45 asks 0, ReadKey = 46 asks 1, FlushInputBuffer = 47 void 0, SetBufferContents1 = 48 void 2,
    SetBufferContents2 = 49 void 2, GetBufferContents = 50 asks 1, ScrollBufferContents = 51 void 4, PushRunspace = 52 void 1,
    PopRunspace = 53 void 0, GetIsRunspacePushed = 54 asks 0, GetRunspace = 55 asks 0, PromptForChoiceMultipleSelection = 56 asks 4,
}

impl HostMethod {
    fn to_value(self) -> Value {
        enumeration("System.Management.Automation.Remoting.RemoteHostMethodId", self.name(), self.number())
    }

    fn read(members: &Members<'_>) -> Result<Self, BodyError> {
        Self::from_number(members.int32("mi")?).ok_or_else(|| members.error("mi"))
    }
}

/// The server asks something of the client's host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostCall {
    /// `ci`; [`VOID_CALL`] when no answer is wanted
    pub call_id: i64,
    /// `mi`
    pub method: HostMethod,
    /// `mp`
    pub parameters: Vec<Value>,
}

impl HostCall {
    /// Whether the server waits for an answer.
    pub fn wants_answer(&self) -> bool {
        !self.method.is_void() && self.call_id != VOID_CALL
    }

    /// As it is written.
    pub fn to_value(&self) -> Value {
        object([
            ("ci", Value::Int64(self.call_id)),
            ("mi", self.method.to_value()),
            ("mp", list(&["System.Collections.ArrayList", "System.Object"], self.parameters.clone())),
        ])
    }

    /// Reads the body. The number of parameters is that of the method; their types are for whoever carries it out.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "host call")?;
        let method = HostMethod::read(&members)?;
        let parameters = members.list("mp")?.to_vec();
        if parameters.len() != method.arity() {
            return Err(members.error("mp"));
        }
        Ok(Self { call_id: members.int64("ci")?, method, parameters })
    }
}

/// The answer to a [`HostCall`].
#[derive(Clone, Debug, PartialEq)]
pub struct HostResponse {
    /// `ci` of the call
    pub call_id: i64,
    /// `mi` of the call: it decides how the answer is read
    pub method: HostMethod,
    /// What the host says
    pub result: HostResult,
}

/// What a host says to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum HostResult {
    /// `mr`; `Value::Nil` is null
    Value(Value),
    /// `me`
    Error(Box<ErrorRecord>),
}

impl HostResponse {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        let result = match &self.result {
            HostResult::Value(value) => ("mr", value.clone()),
            HostResult::Error(error) => ("me", error.to_bare_value()),
        };
        object([result, ("ci", Value::Int64(self.call_id)), ("mi", self.method.to_value())])
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "host response")?;
        let result = match members.get("me") {
            None | Some(Value::Nil) => HostResult::Value(members.get("mr").cloned().unwrap_or(Value::Nil)),
            Some(error) => HostResult::Error(Box::new(ErrorRecord::from_value(error)?)),
        };
        Ok(Self { call_id: members.int64("ci")?, method: HostMethod::read(&members)?, result })
    }
}
