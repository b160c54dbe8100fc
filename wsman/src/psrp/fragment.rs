//! Fragments, `[MS-PSRP] 2.2.4`: cutting messages into pieces and putting them together again.
//!
//! Reassembly follows the real engine: one object at a time per stream, a start flag drops an unfinished object,
//! ids need not rise, and the top bit of an id is ignored.

use std::fmt;

/// Bytes in front of the blob of a fragment.
pub const FRAGMENT_HEADER: usize = 21;
/// The smallest fragment that carries something.
pub const MIN_FRAGMENT: usize = FRAGMENT_HEADER + 1;

const START: u8 = 0b01;
const END: u8 = 0b10;
/// .NET reads ids as signed numbers and drops the sign.
const ID_MASK: u64 = i64::MAX as u64;
/// A fragment with its header has to fit into an Int32.
const MAX_BLOB: usize = i32::MAX as usize - FRAGMENT_HEADER;

/// One object on its way out, cut on demand.
pub struct Fragmenter {
    object_id: u64,
    next_fragment: u64,
    data: Vec<u8>,
    sent: usize,
    /// Whether the object ends with the data
    ends: bool,
}

impl Fragmenter {
    /// Starts to cut `data`, which is not empty; `object_id` is not 0.
    pub fn new(object_id: u64, data: Vec<u8>) -> Self {
        Self { object_id, next_fragment: 0, data, sent: 0, ends: true }
    }

    /// Whether everything was cut.
    pub fn is_done(&self) -> bool {
        self.sent == self.data.len()
    }

    /// Appends one fragment of at most `room` bytes, header included; false, and nothing appended, when no byte of
    /// the object would fit or none is left.
    pub fn write(&mut self, room: usize, out: &mut Vec<u8>) -> bool {
        let blob = room.saturating_sub(FRAGMENT_HEADER).min(self.data.len() - self.sent).min(MAX_BLOB);
        if blob == 0 {
            return false;
        }
        let start = if self.next_fragment == 0 { START } else { 0 };
        let end = if self.ends && self.sent + blob == self.data.len() { END } else { 0 };
        out.extend_from_slice(&self.object_id.to_be_bytes());
        out.extend_from_slice(&self.next_fragment.to_be_bytes());
        out.push(start | end);
        out.extend_from_slice(&(blob as u32).to_be_bytes());
        out.extend_from_slice(&self.data[self.sent..self.sent + blob]);
        self.sent += blob;
        self.next_fragment += 1;
        true
    }
}

/// Cuts our own fragments, of which the peer has taken none, into packets of at most `max_bytes`: those of one object
/// follow one another, and go on where those that the peer has taken ended.
pub(crate) fn recut(packets: &[Vec<u8>], max_bytes: usize) -> Vec<Vec<u8>> {
    let max_bytes = max_bytes.max(MIN_FRAGMENT);
    let mut objects: Vec<Fragmenter> = Vec::new();
    for packet in packets {
        let mut rest = packet.as_slice();
        while let Some((header, blob, after)) = split(rest) {
            rest = after;
            match objects.last_mut().filter(|last| last.object_id == header.object) {
                Some(last) => {
                    last.data.extend_from_slice(blob);
                    last.ends = header.flags & END != 0;
                }
                None => objects.push(Fragmenter {
                    object_id: header.object,
                    next_fragment: header.fragment,
                    data: blob.to_vec(),
                    sent: 0,
                    ends: header.flags & END != 0,
                }),
            }
        }
    }
    let mut packets = Vec::new();
    let mut packet = Vec::new();
    for mut object in objects {
        while !object.is_done() {
            if !object.write(max_bytes - packet.len(), &mut packet) {
                packets.push(std::mem::take(&mut packet));
            }
        }
    }
    if !packet.is_empty() {
        packets.push(packet);
    }
    packets
}

/// The first fragment of a packet, and what follows it.
fn split(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let (object, rest) = bytes.split_first_chunk::<8>()?;
    let (fragment, rest) = rest.split_first_chunk::<8>()?;
    let (&flags, rest) = rest.split_first()?;
    let (blob, rest) = rest.split_first_chunk::<4>()?;
    let header = Header {
        object: u64::from_be_bytes(*object) & ID_MASK,
        fragment: u64::from_be_bytes(*fragment) & ID_MASK,
        flags,
        blob: u32::from_be_bytes(*blob) as usize,
    };
    let (blob, rest) = rest.split_at_checked(header.blob)?;
    Some((header, blob, rest))
}

/// Content is nobody's business in a log.
impl fmt::Debug for Fragmenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fragmenter(object {}, {} of {} bytes)", self.object_id, self.sent, self.data.len())
    }
}

impl fmt::Debug for Reassembler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reassembler({} bytes pending)", self.pending.len())
    }
}

/// Why bytes are not fragments; the peer misbehaved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FragmentError {
    /// Object id 0
    #[error("the peer sent a fragment with object id 0")]
    ZeroObjectId,
    /// A fragment that continues an object that is not the open one
    #[error("the peer sent a fragment of object {found} where object {expected:?} was open")]
    UnexpectedObject {
        /// The open object
        expected: Option<u64>,
        /// What came
        found: u64,
    },
    /// A gap or a repetition inside an object
    #[error("the peer sent fragment {found} of object {object} where {expected} was next")]
    OutOfSequence {
        /// The object
        object: u64,
        /// The next fragment id
        expected: u64,
        /// What came
        found: u64,
    },
    /// More data than the limit allows
    #[error("the peer sent an object of more than {limit} bytes, the limit for one object")]
    TooLarge {
        /// The limit in bytes
        limit: usize,
    },
}

/// Puts the fragments of one stream together.
///
/// An error is final: every later call gives it again.
pub struct Reassembler {
    limit: usize,
    /// Bytes of a fragment that is not complete yet.
    pending: Vec<u8>,
    state: State,
}

enum State {
    Idle,
    Open { object: u64, next_fragment: u64, data: Vec<u8> },
    Failed(FragmentError),
}

struct Header {
    object: u64,
    fragment: u64,
    flags: u8,
    blob: usize,
}

impl Reassembler {
    /// A reassembler that takes objects of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, pending: Vec::new(), state: State::Idle }
    }

    /// Takes bytes as the transport delivered them, cut anywhere, and appends the objects that they complete.
    /// Objects completed before an error are appended too.
    pub fn push(&mut self, bytes: &[u8], objects: &mut Vec<Vec<u8>>) -> Result<(), FragmentError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let result = if self.pending.is_empty() {
            self.consume(bytes, objects).map(|used| self.pending.extend_from_slice(&bytes[used..]))
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(bytes);
            self.consume(&pending, objects).map(|used| {
                pending.drain(..used);
                self.pending = pending;
            })
        };
        if let Err(error) = &result {
            self.pending = Vec::new();
            self.state = State::Failed(error.clone());
        }
        result
    }

    /// Whether an object or a fragment has begun and not ended.
    pub fn is_mid_object(&self) -> bool {
        !self.pending.is_empty() || matches!(self.state, State::Open { .. })
    }

    fn consume(&mut self, bytes: &[u8], objects: &mut Vec<Vec<u8>>) -> Result<usize, FragmentError> {
        let mut used = 0;
        while let Some(header) = self.header(&bytes[used..])? {
            let blob = used + FRAGMENT_HEADER;
            let Some(blob) = bytes.get(blob..blob + header.blob) else { break };
            used += FRAGMENT_HEADER + header.blob;
            objects.extend(self.fragment(&header, blob)?);
        }
        Ok(used)
    }

    /// Reads and checks a header before its blob is there, so that a huge length is not waited for.
    fn header(&self, bytes: &[u8]) -> Result<Option<Header>, FragmentError> {
        let Some((object, rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
        let Some((fragment, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
        let Some((&flags, rest)) = rest.split_first() else { return Ok(None) };
        let Some((blob, _)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let header = Header {
            object: u64::from_be_bytes(*object) & ID_MASK,
            fragment: u64::from_be_bytes(*fragment) & ID_MASK,
            flags,
            blob: u32::from_be_bytes(*blob) as usize,
        };
        if header.object == 0 {
            return Err(FragmentError::ZeroObjectId);
        }
        let collected = match &self.state {
            State::Open { data, .. } if header.flags & START == 0 => data.len(),
            _ => 0,
        };
        let limit = self.limit.min(MAX_BLOB);
        if header.blob > limit.saturating_sub(collected) {
            return Err(FragmentError::TooLarge { limit });
        }
        Ok(Some(header))
    }

    fn fragment(&mut self, header: &Header, blob: &[u8]) -> Result<Option<Vec<u8>>, FragmentError> {
        let ends = header.flags & END != 0;
        if header.flags & START != 0 {
            let next_fragment = header.fragment.wrapping_add(1) & ID_MASK;
            self.state = State::Open { object: header.object, next_fragment, data: blob.to_vec() };
        } else {
            match &mut self.state {
                State::Open { object, .. } if *object != header.object => {
                    return Err(FragmentError::UnexpectedObject {
                        expected: Some(*object),
                        found: header.object,
                    });
                }
                State::Open { object, next_fragment, .. } if *next_fragment != header.fragment => {
                    return Err(FragmentError::OutOfSequence {
                        object: *object,
                        expected: *next_fragment,
                        found: header.fragment,
                    });
                }
                State::Open { next_fragment, data, .. } => {
                    *next_fragment = next_fragment.wrapping_add(1) & ID_MASK;
                    data.extend_from_slice(blob);
                }
                State::Idle => {
                    return Err(FragmentError::UnexpectedObject { expected: None, found: header.object });
                }
                State::Failed(error) => return Err(error.clone()),
            }
        }
        if !ends {
            return Ok(None);
        }
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Open { data, .. } => Ok(Some(data)),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
#[path = "fragment_tests.rs"]
mod tests;
