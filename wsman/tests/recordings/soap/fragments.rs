//! The PowerShell messages inside the streams.

use std::collections::HashMap;

use wsman::clixml;
use wsman::psrp::fragment::Reassembler;

/// Bytes of the header of a message, `[MS-PSRP] 2.2.1`.
const MESSAGE_HEADER: usize = 40;

/// Streams by shell, direction and command.
#[derive(Default)]
pub struct Streams(HashMap<String, Reassembler>);

impl Streams {
    /// Takes bytes of one stream, and reads every message that is complete.
    pub fn take(&mut self, stream: String, bytes: &[u8]) -> Result<(), String> {
        let reassembler = self.0.entry(stream).or_insert_with(|| Reassembler::new(64 << 20));
        let mut objects = Vec::new();
        reassembler.push(bytes, &mut objects).map_err(|error| error.to_string())?;
        for object in objects {
            let body = object.get(MESSAGE_HEADER..).ok_or("a message shorter than its header")?;
            let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
            if !body.is_empty() {
                clixml::decode(body).map_err(|error| format!("the CLIXML of a message: {error}"))?;
            }
        }
        Ok(())
    }

    /// Whether no stream ends in the middle of a message.
    pub fn are_complete(&self) -> bool {
        !self.0.values().any(Reassembler::is_mid_object)
    }
}
