//! The codes of `WSManFault`.

use std::fmt;

/// The code of a `WSManFault`: a Windows error number, `[MS-WSMV] 2.2.4`; the names are those of `wsmerror.h`
/// and `winerror.h`. Unknown numbers are kept.
///
/// ```
/// use wsman::wsmv::FaultCode;
/// assert_eq!(FaultCode::parse("-2144108503"), Some(FaultCode::OPERATION_TIMEDOUT));
/// assert!(FaultCode::parse("2150858793").is_some_and(FaultCode::is_poll_again));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaultCode(pub u32);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)*) => {
        impl FaultCode {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The name, for a code of this table.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Access is denied
    ACCESS_DENIED = 5,
    /// Out of memory
    OUTOFMEMORY = 14,
    /// The network path was not found
    BAD_NETPATH = 53,
    /// The parameter is incorrect
    INVALID_PARAMETER_WIN32 = 87,
    /// The I/O operation was aborted: the shell or the command is being closed
    OPERATION_ABORTED = 995,
    /// A shutdown is in progress
    SHUTDOWN_IN_PROGRESS = 1115,
    /// The operation was cancelled
    CANCELLED = 1223,
    /// No logon servers
    NO_LOGON_SERVERS = 1311,
    /// No such logon session
    NO_SUCH_LOGON_SESSION = 1312,
    /// Wrong user name or password
    LOGON_FAILURE = 1326,
    /// The RPC server is unavailable
    RPC_SERVER_UNAVAILABLE = 1722,
    /// The service principal name is unknown
    SEC_E_TARGET_UNKNOWN = 0x8009_0303,
    /// The authorization plug-in of Exchange refused
    EXCHANGE_AUTHZ_DENIED = 0x8054_0FA0,
    /// The Action is unknown
    INVALID_ACTIONURI = 0x8033_8001,
    /// The resource URI is no URI
    INVALID_URI = 0x8033_8002,
    /// The configuration of WinRM is corrupted
    CONFIG_CORRUPTED = 0x8033_8005,
    /// A header is invalid
    INVALID_MESSAGE_INFORMATION_HEADER = 0x8033_800F,
    /// A header is missing
    MESSAGE_INFORMATION_HEADER_REQUIRED = 0x8033_8011,
    /// The destination cannot be reached
    CANNOT_CONNECT = 0x8033_8012,
    /// The answer does not fit the client's envelope
    ENVELOPE_TOO_LARGE = 0x8033_8026,
    /// The body is invalid
    INVALID_SOAP_BODY = 0x8033_8027,
    /// Nothing happened within OperationTimeout: ask again
    OPERATION_TIMEDOUT = 0x8033_8029,
    /// The resource URI is too long
    URI_LIMIT = 0x8033_802D,
    /// The request goes over a limit of its encoding, its size above all
    ENCODING_LIMIT = 0x8033_8035,
    /// The resource URI is unknown: no such configuration
    INVALID_RESOURCE_URI = 0x8033_803B,
    /// The selectors are invalid
    INVALID_SELECTORS = 0x8033_803D,
    /// A quota of the service
    QUOTA_LIMIT = 0x8033_803F,
    /// The message does not match its schema
    SCHEMA_VALIDATION_ERROR = 0x8033_8041,
    /// The XML is invalid
    INVALID_XML = 0x8033_8043,
    /// The envelope is larger than the service's maximum
    MAX_ENVELOPE_SIZE_EXCEEDED = 0x8033_8048,
    /// A selector is missing
    INSUFFICIENT_SELECTORS = 0x8033_805A,
    /// No such shell or command, `InvalidSelectors` in the Subcode
    UNEXPECTED_SELECTORS = 0x8033_805B,
    /// The option is not supported
    OPTIONS_NOT_SUPPORTED = 0x8033_8051,
    /// The method is not supported
    BAD_METHOD = 0x8033_8074,
    /// The timeout is invalid
    INVALID_TIMEOUT_HEADER = 0x8033_8081,
    /// Kerberos is disabled on the client
    CLIENT_KERBEROS_DISABLED = 0x8033_80E2,
    /// The server is not trusted
    SERVER_NOT_TRUSTED = 0x8033_80E4,
    /// Credentials must be given
    EXPLICIT_CREDENTIALS_REQUIRED = 0x8033_80E5,
    /// A workgroup cannot use Kerberos
    WORKGROUP_NO_KERBEROS = 0x8033_810C,
    /// The mechanism is not accepted
    INVALID_AUTHENTICATION = 0x8033_810E,
    /// HTTP 503
    HTTP_SERVICE_UNAVAILABLE = 0x8033_8112,
    /// HTTP 404
    URL_NOT_AVAILABLE = 0x8033_8113,
    /// The data could not be sent completely
    SEND_CANNOT_COMPLETE = 0x8033_8126,
    /// HTTP 500
    HTTP_SERVICE_ERROR = 0x8033_8170,
    /// The server asks to go elsewhere
    REDIRECT_REQUESTED = 0x8033_8199,
    /// Too many shells of this user
    QUOTA_MAX_SHELLS = 0x8033_81A5,
    /// Too many operations of this user
    QUOTA_MAX_OPERATIONS = 0x8033_81A6,
    /// Quota of the user
    QUOTA_USER = 0x8033_81A7,
    /// Quota of the system
    QUOTA_SYSTEM = 0x8033_81A8,
    /// Too many users with shells
    QUOTA_MAX_SHELLUSERS = 0x8033_81AB,
    /// Remote sessions are not allowed
    REMOTE_SESSION_DISALLOWED = 0x8033_81AC,
    /// The place to go to is invalid
    REDIRECT_LOCATION_INVALID = 0x8033_81B7,
    /// The computer was not found
    COMPUTER_NOT_FOUND = 0x8033_81B9,
    /// An IP address does not do
    CANNOT_USE_IP = 0x8033_81BB,
    /// The name of the session is invalid
    CREATE_INVALID_NAME = 0x8033_81C2,
    /// The shell is disconnected
    SHELL_DISCONNECTED = 0x8033_81C4,
    /// The connect payload does not fit the shell
    CANNOT_CONNECT_MISMATCH = 0x8033_81C6,
    /// The shell is in use by another client
    IN_USE_CANNOT_RECONNECT = 0x8033_81CD,
    /// The shell cannot be connected to
    CANNOT_CONNECT_INVALID = 0x8033_81D0,
    /// The streams of the shell are disconnected
    STREAM_DISCONNECTED = 0x8033_81DE,
    /// Connecting failed under the RunAs account
    CANNOT_CONNECT_RUNAS_FAILED = 0x8033_81DF,
    /// Remote connections are not allowed
    REMOTE_CONNECTION_DISALLOWED = 0x8033_81E3,
    /// Too many shells of this user in the plug-in
    QUOTA_MAX_SHELLS_PPQ = 0x8033_81E4,
    /// Too many users in the plug-in
    QUOTA_MAX_USERS_PPQ = 0x8033_81E5,
    /// Too many shells in the plug-in
    QUOTA_MAX_PLUGINSHELLS_PPQ = 0x8033_81E6,
    /// Too many operations in the plug-in
    QUOTA_MAX_PLUGINOPERATIONS_PPQ = 0x8033_81E7,
    /// Too many operations of this user in the plug-in
    QUOTA_MAX_OPERATIONS_USER_PPQ = 0x8033_81E8,
    /// Too many commands in one shell
    QUOTA_MAX_COMMANDS_PER_SHELL_PPQ = 0x8033_81E9,
    /// The minimum for the request is not available
    QUOTA_MIN_REQUIREMENT_NOT_AVAILABLE_PPQ = 0x8033_81EA,
}

impl FaultCode {
    /// Reads what servers write: decimal, negative decimal, or hexadecimal with `0x`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        match (hexadecimal, text.starts_with('-')) {
            (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
            (None, true) => text.parse::<i32>().ok().map(i32::cast_unsigned),
            (None, false) => text.parse().ok(),
        }
        .map(Self)
    }

    /// Nothing to receive yet: send the same Receive again.
    pub const fn is_poll_again(self) -> bool {
        self.0 == Self::OPERATION_TIMEDOUT.0
    }

    /// The shell or command does not exist (any longer).
    pub const fn is_shell_gone(self) -> bool {
        matches!(self, Self::UNEXPECTED_SELECTORS | Self::INVALID_SELECTORS)
    }

    /// The shell has been disconnected, and may be connected to again.
    pub const fn is_disconnected(self) -> bool {
        matches!(self, Self::SHELL_DISCONNECTED | Self::STREAM_DISCONNECTED)
    }

    /// What a Receive ends with while its shell or command is being closed, stopped or disconnected; at any other
    /// time it is an error.
    pub const fn is_expected_while_closing(self) -> bool {
        self.is_shell_gone()
            || self.is_disconnected()
            || matches!(self, Self::OPERATION_ABORTED | Self::CANCELLED)
    }

    /// A quota: fewer shells or operations, or later.
    pub const fn is_quota(self) -> bool {
        matches!(
            self,
            Self::QUOTA_LIMIT
                | Self::QUOTA_MAX_SHELLS
                | Self::QUOTA_MAX_OPERATIONS
                | Self::QUOTA_USER
                | Self::QUOTA_SYSTEM
                | Self::QUOTA_MAX_SHELLUSERS
        ) || (self.0 >= Self::QUOTA_MAX_SHELLS_PPQ.0
            && self.0 <= Self::QUOTA_MIN_REQUIREMENT_NOT_AVAILABLE_PPQ.0)
    }

    /// The request was larger than the service reads: send less at once.
    pub const fn is_too_large(self) -> bool {
        matches!(self, Self::ENCODING_LIMIT | Self::MAX_ENVELOPE_SIZE_EXCEEDED)
    }

    /// There is no such resource: the configuration name is wrong.
    pub const fn is_unknown_resource(self) -> bool {
        matches!(self, Self::INVALID_RESOURCE_URI | Self::INVALID_URI)
    }

    /// The caller is known but not allowed, or is not accepted.
    pub const fn is_access_denied(self) -> bool {
        matches!(self, Self::ACCESS_DENIED | Self::LOGON_FAILURE | Self::EXCHANGE_AUTHZ_DENIED)
    }

    /// After this a Create may be sent once more: nothing has been created.
    pub const fn is_create_retryable(self) -> bool {
        matches!(
            self,
            Self::CANNOT_CONNECT
                | Self::OPERATION_ABORTED
                | Self::RPC_SERVER_UNAVAILABLE
                | Self::URL_NOT_AVAILABLE
                | Self::CANNOT_CONNECT_INVALID
                | Self::CANNOT_CONNECT_MISMATCH
                | Self::HTTP_SERVICE_UNAVAILABLE
                | Self::HTTP_SERVICE_ERROR
        )
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultCode({self})")
    }
}
