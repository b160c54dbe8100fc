//! The server's side of a runspace pool, `[MS-PSRP] 3.2`.

mod config;
mod event;
mod pipeline;
mod pool;
mod receive;
mod send;

pub use config::ServerConfig;
pub use event::{RunPipeline, ServerEvent, ServerOutgoing};
pub use pool::ServerPool;
pub use send::Choice;
