//! The faults a server sends.

use super::{FaultCode, WsmanFault};

const DETAIL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/";

/// Ready-made faults, with codes, subcodes and reasons as a Windows server sends them, `[DSP0226] 14.6`,
/// `[MS-WSMV] 2.2.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The resource URI is unknown
    InvalidResourceUri,
    /// There is no such shell or command
    InvalidSelectors,
    /// Nothing came within OperationTimeout
    OperationTimeout,
    /// The caller may not
    AccessDenied,
    /// Too many shells of one user
    ShellQuota,
    /// Too many operations of one user
    OperationQuota,
    /// Too many commands were started in one shell
    CommandQuota,
    /// The envelope is too large
    EncodingLimit,
    /// What came cannot be read
    InvalidMessage,
    /// The Action is unknown
    ActionNotSupported,
    /// A header that must be understood and is not
    MustUnderstand,
    /// A header is missing
    HeaderRequired,
    /// A header has a bad value
    InvalidHeader,
    /// The shell or command was closed while the request waited
    OperationAborted,
    /// The server failed
    InternalError,
}

impl FaultKind {
    /// The fault, with a text that says more.
    pub fn fault(self, message: &str) -> WsmanFault {
        let (soap_code, subcode, code, detail, reason) = self.row();
        WsmanFault {
            soap_code: soap_code.to_owned(),
            subcode: (!subcode.is_empty()).then(|| subcode.to_owned()),
            reason: reason.to_owned(),
            fault_detail: (!detail.is_empty()).then(|| format!("{DETAIL}{detail}")),
            code: Some(code),
            message: message.to_owned(),
            ..WsmanFault::default()
        }
    }

    fn row(self) -> (&'static str, &'static str, FaultCode, &'static str, &'static str) {
        const SENDER: &str = "s:Sender";
        const RECEIVER: &str = "s:Receiver";
        match self {
            Self::InvalidResourceUri => (
                SENDER,
                "a:DestinationUnreachable",
                FaultCode::INVALID_RESOURCE_URI,
                "InvalidResourceURI",
                "The WS-Management service cannot process the request. The resource URI is missing or it has an incorrect format.",
            ),
            Self::InvalidSelectors => (
                SENDER,
                "w:InvalidSelectors",
                FaultCode::UNEXPECTED_SELECTORS,
                "UnexpectedSelectors",
                "The WS-Management service cannot process the request because the request contained invalid selectors for the resource.",
            ),
            Self::OperationTimeout => (
                RECEIVER,
                "w:TimedOut",
                FaultCode::OPERATION_TIMEDOUT,
                "",
                "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.",
            ),
            Self::AccessDenied => {
                (SENDER, "w:AccessDenied", FaultCode::ACCESS_DENIED, "", "Access is denied.")
            }
            Self::ShellQuota => (SENDER, "w:QuotaLimit", FaultCode::QUOTA_MAX_SHELLS, "", QUOTA),
            Self::OperationQuota => (SENDER, "w:QuotaLimit", FaultCode::QUOTA_MAX_OPERATIONS, "", QUOTA),
            Self::CommandQuota => {
                (SENDER, "w:QuotaLimit", FaultCode::QUOTA_MAX_COMMANDS_PER_SHELL_PPQ, "", QUOTA)
            }
            Self::EncodingLimit => (
                SENDER,
                "w:EncodingLimit",
                FaultCode::MAX_ENVELOPE_SIZE_EXCEEDED,
                "MaxEnvelopeSizeExceeded",
                "The WS-Management service cannot process the request because the envelope is larger than the maximum.",
            ),
            Self::InvalidMessage => (
                SENDER,
                "w:SchemaValidationError",
                FaultCode::SCHEMA_VALIDATION_ERROR,
                "",
                "The SOAP XML in the message does not match the corresponding XML schema definition. Change the XML and retry.",
            ),
            Self::ActionNotSupported => (
                SENDER,
                "a:ActionNotSupported",
                FaultCode::INVALID_ACTIONURI,
                "",
                "The WS-Management service cannot process the request. The action is not supported.",
            ),
            Self::MustUnderstand => (
                "s:MustUnderstand",
                "",
                FaultCode::INVALID_MESSAGE_INFORMATION_HEADER,
                "",
                "The WS-Management service cannot process the request. A header that must be understood is not.",
            ),
            Self::HeaderRequired => (
                SENDER,
                "a:MessageInformationHeaderRequired",
                FaultCode::MESSAGE_INFORMATION_HEADER_REQUIRED,
                "",
                "The WS-Management service cannot process the request. A required SOAP header is missing.",
            ),
            Self::InvalidHeader => (
                SENDER,
                "a:InvalidMessageInformationHeader",
                FaultCode::INVALID_MESSAGE_INFORMATION_HEADER,
                "",
                "The WS-Management service cannot process the request. The request contains one or more invalid SOAP headers.",
            ),
            Self::OperationAborted => (
                RECEIVER,
                "w:InternalError",
                FaultCode::OPERATION_ABORTED,
                "",
                "The I/O operation has been aborted because of either a thread exit or an application request.",
            ),
            Self::InternalError => {
                (RECEIVER, "w:InternalError", FaultCode(1359), "", "An internal error occurred.")
            }
        }
    }
}

const QUOTA: &str = "The WS-Management service cannot process the request because a quota is exceeded.";
