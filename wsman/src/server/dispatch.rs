//! stub
use super::shells::Shells;
use crate::auth::{Mechanism, UserName};
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) action: Option<String>,
}
pub(super) struct Caller {
    pub(super) path: String,
    pub(super) resource_uris: Vec<String>,
    pub(super) user: UserName,
    pub(super) mechanism: Option<Mechanism>,
}
pub(super) async fn dispatch(_s: &Shells, _c: &Caller, _b: &[u8]) -> Reply {
    Reply { status: 200, body: vec![], action: None }
}
pub(super) fn identify(_b: &[u8]) -> Option<Reply> {
    None
}
