//! The header and the body of a message, `[MS-PSRP] 2.2.1`.

use uuid::Uuid;

/// Bytes of the header.
pub const HEADER_LEN: usize = 40;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Who is to read a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// 1
    Client,
    /// 2
    Server,
}

macro_rules! message_types {
    ($($name:ident = $number:literal, $doc:literal;)*) => {
        /// The type of a message, `[MS-PSRP] 2.2.1`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum MessageType {
            $(#[doc = $doc] $name,)*
            /// A number that the specification does not know
            Unknown(u32),
        }

        impl MessageType {
            /// The number on the wire.
            pub fn number(self) -> u32 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Unknown(number) => number,
                }
            }

            /// The name in the specification, such as `CREATE_PIPELINE`.
            pub fn name(self) -> &'static str {
                let doc = match self {
                    $(Self::$name => $doc,)*
                    Self::Unknown(_) => "unknown",
                };
                doc.split_once(',').map_or(doc, |(name, _)| name)
            }

            /// The type of a number.
            pub fn from_number(number: u32) -> Self {
                match number {
                    $($number => Self::$name,)*
                    other => Self::Unknown(other),
                }
            }
        }
    };
}

message_types! {
    SessionCapability = 0x0001_0002, "SESSION_CAPABILITY, 2.2.2.1";
    InitRunspacePool = 0x0001_0004, "INIT_RUNSPACEPOOL, 2.2.2.2";
    PublicKey = 0x0001_0005, "PUBLIC_KEY, 2.2.2.3";
    EncryptedSessionKey = 0x0001_0006, "ENCRYPTED_SESSION_KEY, 2.2.2.4";
    PublicKeyRequest = 0x0001_0007, "PUBLIC_KEY_REQUEST, 2.2.2.5";
    ConnectRunspacePool = 0x0001_0008, "CONNECT_RUNSPACEPOOL, 2.2.2.28";
    SetMaxRunspaces = 0x0002_1002, "SET_MAX_RUNSPACES, 2.2.2.6";
    SetMinRunspaces = 0x0002_1003, "SET_MIN_RUNSPACES, 2.2.2.7";
    RunspaceAvailability = 0x0002_1004, "RUNSPACE_AVAILABILITY, 2.2.2.8";
    RunspacePoolState = 0x0002_1005, "RUNSPACEPOOL_STATE, 2.2.2.9";
    CreatePipeline = 0x0002_1006, "CREATE_PIPELINE, 2.2.2.10";
    GetAvailableRunspaces = 0x0002_1007, "GET_AVAILABLE_RUNSPACES, 2.2.2.11";
    UserEvent = 0x0002_1008, "USER_EVENT, 2.2.2.12";
    ApplicationPrivateData = 0x0002_1009, "APPLICATION_PRIVATE_DATA, 2.2.2.13";
    GetCommandMetadata = 0x0002_100A, "GET_COMMAND_METADATA, 2.2.2.14";
    RunspacePoolInitData = 0x0002_100B, "RUNSPACEPOOL_INIT_DATA, 2.2.2.29";
    ResetRunspaceState = 0x0002_100C, "RESET_RUNSPACE_STATE, 2.2.2.30";
    RunspacePoolHostCall = 0x0002_1100, "RUNSPACEPOOL_HOST_CALL, 2.2.2.15";
    RunspacePoolHostResponse = 0x0002_1101, "RUNSPACEPOOL_HOST_RESPONSE, 2.2.2.16";
    PipelineInput = 0x0004_1002, "PIPELINE_INPUT, 2.2.2.17";
    EndOfPipelineInput = 0x0004_1003, "END_OF_PIPELINE_INPUT, 2.2.2.18";
    PipelineOutput = 0x0004_1004, "PIPELINE_OUTPUT, 2.2.2.19";
    ErrorRecord = 0x0004_1005, "ERROR_RECORD, 2.2.2.20";
    PipelineState = 0x0004_1006, "PIPELINE_STATE, 2.2.2.21";
    DebugRecord = 0x0004_1007, "DEBUG_RECORD, 2.2.2.22";
    VerboseRecord = 0x0004_1008, "VERBOSE_RECORD, 2.2.2.23";
    WarningRecord = 0x0004_1009, "WARNING_RECORD, 2.2.2.24";
    ProgressRecord = 0x0004_1010, "PROGRESS_RECORD, 2.2.2.25";
    InformationRecord = 0x0004_1011, "INFORMATION_RECORD, 2.2.2.26";
    PipelineHostCall = 0x0004_1100, "PIPELINE_HOST_CALL, 2.2.2.27";
    PipelineHostResponse = 0x0004_1101, "PIPELINE_HOST_RESPONSE, 2.2.2.28";
}

/// A message as it travels: header and body.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Who is to read it
    pub destination: Destination,
    /// What it is
    pub message_type: MessageType,
    /// RPID; all zero in a few messages of the server
    pub pool_id: Uuid,
    /// PID; all zero for the pool
    pub pipeline_id: Uuid,
    /// CLIXML without the byte order mark; empty for a message without data
    pub body: Vec<u8>,
}

/// Why an object is not a message; the peer misbehaved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Shorter than a header
    #[error("the peer sent a message of {0} bytes, less than a header")]
    TooShort(usize),
    /// A destination that is neither client nor server
    #[error("the peer sent a message with the destination {0}")]
    Destination(u32),
    /// A byte order mark and nothing behind it
    #[error("the peer sent a message that is only a byte order mark")]
    OnlyMark,
}

impl Message {
    /// Reads a message from a reassembled object.
    pub fn parse(object: &[u8]) -> Result<Self, MessageError> {
        let too_short = || MessageError::TooShort(object.len());
        let (destination, rest) = object.split_first_chunk::<4>().ok_or_else(too_short)?;
        let (message_type, rest) = rest.split_first_chunk::<4>().ok_or_else(too_short)?;
        let (pool_id, rest) = rest.split_first_chunk::<16>().ok_or_else(too_short)?;
        let (pipeline_id, rest) = rest.split_first_chunk::<16>().ok_or_else(too_short)?;
        let destination = match u32::from_le_bytes(*destination) {
            1 => Destination::Client,
            2 => Destination::Server,
            other => return Err(MessageError::Destination(other)),
        };
        let body = rest.strip_prefix(BOM).unwrap_or(rest);
        if body.is_empty() && !rest.is_empty() {
            return Err(MessageError::OnlyMark);
        }
        Ok(Self {
            destination,
            message_type: MessageType::from_number(u32::from_le_bytes(*message_type)),
            pool_id: Uuid::from_bytes_le(*pool_id),
            pipeline_id: Uuid::from_bytes_le(*pipeline_id),
            body: body.to_vec(),
        })
    }

    /// The bytes to be cut into fragments: a byte order mark stands before every body that is not empty.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + BOM.len() + self.body.len());
        let destination: u32 = match self.destination {
            Destination::Client => 1,
            Destination::Server => 2,
        };
        bytes.extend_from_slice(&destination.to_le_bytes());
        bytes.extend_from_slice(&self.message_type.number().to_le_bytes());
        bytes.extend_from_slice(&self.pool_id.to_bytes_le());
        bytes.extend_from_slice(&self.pipeline_id.to_bytes_le());
        if !self.body.is_empty() {
            bytes.extend_from_slice(BOM);
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// Bodies may hold what people typed; only their size is shown.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("message_type", &self.message_type)
            .field("pipeline_id", &self.pipeline_id)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn layout_with_mixed_endian_ids() {
        let message = Message {
            destination: Destination::Server,
            message_type: MessageType::CreatePipeline,
            pool_id: "11223344-5566-7788-99aa-bbccddeeff00".parse().unwrap(),
            pipeline_id: Uuid::nil(),
            body: b"<Nil/>".to_vec(),
        };
        let bytes = message.to_bytes();
        assert_eq!(bytes[..8], [2, 0, 0, 0, 6, 0x10, 2, 0]);
        assert_eq!(bytes[8..18], [0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77, 0x99, 0xaa]);
        assert_eq!(bytes[40..43], *BOM);
        assert_eq!(Message::parse(&bytes).unwrap(), message);
    }

    #[test]
    fn no_data_has_no_mark_and_a_mark_alone_is_refused() {
        let mut message = Message::parse(&[1; HEADER_LEN]).unwrap_err();
        assert_eq!(message, MessageError::Destination(0x0101_0101));
        let mut bytes = vec![0; HEADER_LEN];
        bytes[0] = 1;
        assert!(Message::parse(&bytes).unwrap().body.is_empty());
        assert_eq!(Message::parse(&bytes).unwrap().to_bytes().len(), HEADER_LEN);
        bytes.extend_from_slice(BOM);
        message = Message::parse(&bytes).unwrap_err();
        assert_eq!(message, MessageError::OnlyMark);
        assert_eq!(Message::parse(&bytes[..39]).unwrap_err(), MessageError::TooShort(39));
    }
}
