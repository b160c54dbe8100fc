//! The client's side of a runspace pool, `[MS-PSRP] 3.1`.

mod config;
mod event;
mod keys;
mod pipeline;
mod pool;
mod receive;

pub use config::{ClientConfig, PipelineInput, PipelineSpec};
pub use event::{ClientEvent, Outgoing, OutgoingKind, PoolFailure};
pub use pool::ClientPool;
