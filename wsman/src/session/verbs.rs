//! stub
use uuid::Uuid;
use super::event::SessionError;
use super::request::RequestKind;
use super::transfer::Payload;
/// x
#[derive(Clone, Debug)]
pub struct EndpointInfo {
    /// x
    pub url: String,
    /// x
    pub resource_uri: String,
    /// x
    pub locale: String,
    /// x
    pub operation_timeout: std::time::Duration,
}
#[derive(Debug)]
pub(super) struct Shell;
pub(super) enum Answer { Created(Shell), Received(ReceiveAnswer), Other }
#[derive(Default)]
pub(super) struct ReceiveAnswer { pub(super) chunks: Vec<Vec<u8>>, pub(super) done: bool }
#[derive(Debug)]
pub(super) struct Verbs { pub(super) max_envelope: usize }
impl Verbs {
    pub(super) fn new(_e: EndpointInfo, _s: Uuid, _p: Uuid) -> Self { Self { max_envelope: 0 } }
    pub(super) fn max_payload(&self) -> usize { 0 }
    pub(super) fn build(&self, _k: RequestKind, _p: &Payload, _s: Option<&Shell>, _m: Uuid) -> Vec<u8> { vec![] }
    pub(super) fn parse(&self, _k: RequestKind, _m: Uuid, _s: &[u8]) -> Result<Answer, SessionError> { Ok(Answer::Other) }
}
