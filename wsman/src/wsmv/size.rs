//! How much fits into an envelope.

use super::RequestHeader;
use super::message::{Verb, write_request};

/// Kept free for what can still grow in a header.
const SLACK: usize = 256;

/// Raw bytes whose base64 fits beside `overhead` bytes into `max_envelope` bytes.
///
/// ```
/// assert_eq!(wsman::wsmv::max_raw_bytes(1000, 256 + 344), 300);
/// ```
pub fn max_raw_bytes(max_envelope: usize, overhead: usize) -> usize {
    max_envelope.saturating_sub(overhead) / 4 * 3
}

/// Raw bytes that fit into a request with this header: `empty` is the verb with an empty payload. Give the header of
/// the real request: its URL, selectors and options count.
///
/// ```
/// use wsman::wsmv::{Command, RequestHeader, payload_room};
///
/// let header = RequestHeader::new("http://ex01/PowerShell", "uuid:F249DBE7-0E83-4F39-AE4A-28324CF61227");
/// let room = payload_room(153_600, &header, &Command::pipeline("76056A84-51DC-4F24-9262-CA2A55464B2B", b""));
/// assert!((112_000..115_200).contains(&room));
/// ```
pub fn payload_room<V: Verb>(max_envelope: usize, header: &RequestHeader, empty: &V) -> usize {
    max_raw_bytes(max_envelope, write_request(header, empty).len() + SLACK)
}
