//! What a pipeline writes: one vocabulary for client and server.

use crate::clixml::{ProgressRecord, Value};

/// A record on one of a pipeline's streams.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Record {
    /// PIPELINE_OUTPUT, `[MS-PSRP] 2.2.2.19`
    Output(Value),
    /// ERROR_RECORD, `[MS-PSRP] 2.2.2.20`: a non-terminating error
    Error(Box<ErrorRecord>),
    /// WARNING_RECORD, `[MS-PSRP] 2.2.2.24`
    Warning(String),
    /// VERBOSE_RECORD
    Verbose(String),
    /// DEBUG_RECORD
    Debug(String),
    /// INFORMATION_RECORD, as the object that was sent
    Information(Value),
    /// PROGRESS_RECORD
    Progress(Box<ProgressRecord>),
}

/// How a pipeline ended, `[MS-PSRP] 2.2.2.21`.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All ran; non-terminating errors do not change this
    Completed,
    /// A terminating error; `None` when the peer gave no reason
    Failed(Option<Box<ErrorRecord>>),
    /// Stopped by the client or the server
    Stopped(Option<Box<ErrorRecord>>),
}

/// An error record, `[MS-PSRP] 2.2.3.15`.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorRecord {
    /// Type names of the exception, most derived first, as on the wire
    pub exception_types: Vec<String>,
    /// The exception's message
    pub message: String,
    /// `TargetObject`
    pub target_object: Value,
    /// `FullyQualifiedErrorId`: id, a comma, the cmdlet's class; the id may hold commas itself
    pub fully_qualified_error_id: String,
    /// What kind of error
    pub category: ErrorCategory,
    /// `ErrorDetails_Message`
    pub details_message: Option<String>,
    /// `ErrorDetails_RecommendedAction`
    pub recommended_action: Option<String>,
    /// The whole record as it was received; `Value::Nil` when made here
    pub raw: Value,
}

/// The `ErrorCategory_*` members of an error record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorCategory {
    /// Number of the category, `[MS-PSRP] 2.2.3.9`
    pub category: i32,
    /// Name of the cmdlet
    pub activity: String,
    /// Short name of the exception: what to classify by
    pub reason: String,
    /// The object that the error is about
    pub target_name: String,
    /// Type of that object
    pub target_type: String,
    /// Text made of the above by the server
    pub message: String,
}
