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
    ($($name:ident = $number:literal $kind:ident,)*) => {
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
        }
    };
    (@void) => { true };
    (@asks) => { false };
}

host_methods! {
    GetName = 1 asks, GetVersion = 2 asks, GetInstanceId = 3 asks, GetCurrentCulture = 4 asks, GetCurrentUICulture = 5 asks,
    SetShouldExit = 6 void, EnterNestedPrompt = 7 void, ExitNestedPrompt = 8 void, NotifyBeginApplication = 9 void,
    NotifyEndApplication = 10 void, ReadLine = 11 asks, ReadLineAsSecureString = 12 asks, Write1 = 13 void, Write2 = 14 void,
    WriteLine1 = 15 void, WriteLine2 = 16 void, WriteLine3 = 17 void, WriteErrorLine = 18 void, WriteDebugLine = 19 void,
    WriteProgress = 20 void, WriteVerboseLine = 21 void, WriteWarningLine = 22 void, Prompt = 23 asks,
    PromptForCredential1 = 24 asks, PromptForCredential2 = 25 asks, PromptForChoice = 26 asks, GetForegroundColor = 27 asks,
    SetForegroundColor = 28 void, GetBackgroundColor = 29 asks, SetBackgroundColor = 30 void, GetCursorPosition = 31 asks,
    SetCursorPosition = 32 void, GetWindowPosition = 33 asks, SetWindowPosition = 34 void, GetCursorSize = 35 asks,
    SetCursorSize = 36 void, GetBufferSize = 37 asks, SetBufferSize = 38 void, GetWindowSize = 39 asks, SetWindowSize = 40 void,
    GetWindowTitle = 41 asks, SetWindowTitle = 42 void, GetMaxWindowSize = 43 asks, GetMaxPhysicalWindowSize = 44 asks,
    GetKeyAvailable = 45 asks, ReadKey = 46 asks, FlushInputBuffer = 47 void, SetBufferContents1 = 48 void,
    SetBufferContents2 = 49 void, GetBufferContents = 50 asks, ScrollBufferContents = 51 void, PushRunspace = 52 void,
    PopRunspace = 53 void, GetIsRunspacePushed = 54 asks, GetRunspace = 55 asks, PromptForChoiceMultipleSelection = 56 asks,
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

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "host call")?;
        Ok(Self {
            call_id: members.int64("ci")?,
            method: HostMethod::read(&members)?,
            parameters: members.list("mp")?.to_vec(),
        })
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
