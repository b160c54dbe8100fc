//! Messages, `[MS-PSRP] 2.2.1`: the 40-byte header, the body, and one file per kind of message.

mod capability;
mod connect;
mod create_pipeline;
mod error_record;
mod header;
mod host;
mod information;
mod informational;
mod init;
mod keys;
mod metadata;
mod private_data;
pub(crate) mod progress;
mod runspaces;
mod state;
mod user_event;

pub use capability::{ProtocolVersion, SessionCapability};
pub use connect::{ConnectRunspacePool, RunspacePoolInitData};
pub use create_pipeline::{ApartmentState, CreatePipeline, MergeFields, STREAM_OPTIONS_ALL};
pub use header::{Destination, HEADER_LEN, Message, MessageError, MessageType};
pub use host::{HostCall, HostInfo, HostMethod, HostResponse, HostResult, VOID_CALL};
pub(crate) use information::check as check_information;
pub use informational::InformationalRecord;
pub use init::InitRunspacePool;
pub use keys::{EncryptedSessionKey, PublicKey};
pub use metadata::GetCommandMetadata;
pub use private_data::{ApplicationPrivateData, remoting_protocol_version, version_table};
pub use runspaces::{AvailabilityResponse, RunspaceAvailability, RunspaceRequest};
pub use state::{PipelineState, PipelineStateMessage, PoolState, RunspacePoolStateMessage};
pub use user_event::UserEvent;
