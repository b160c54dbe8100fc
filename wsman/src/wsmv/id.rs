//! Identifiers as the wire has them.

use uuid::Uuid;

/// A shell or command id: upper-case, because WS-Management compares them case-sensitively, `[MS-PSRP] 3.1.5.3`.
pub fn upper_case_id(id: Uuid) -> String {
    let mut text = Uuid::encode_buffer();
    id.hyphenated().encode_upper(&mut text).to_owned()
}

/// A message or session id, `uuid:` before it, `[DSP0226] 5.1`.
pub fn message_id(id: Uuid) -> String {
    format!("uuid:{}", upper_case_id(id))
}
