//! GUIDs from the seed: the same seed and the same calls give the same GUIDs.

use uuid::Uuid;

/// A source of GUIDs.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    pub(crate) fn new(seed: &str) -> Self {
        Self { state: fnv(seed.as_bytes()) }
    }

    /// The next GUID of this source.
    pub(crate) fn next(&mut self) -> Uuid {
        let high = self.step();
        let low = self.step();
        version_4(high, low)
    }

    /// The GUID that belongs to a name, independent of the order in which names are asked.
    pub(crate) fn named(&self, name: &str) -> Uuid {
        let mut source = Self { state: fnv(name.to_lowercase().as_bytes()) ^ 0x9e37_79b9_7f4a_7c15 };
        source.next()
    }

    /// `splitmix64`: not secret, only well spread.
    fn step(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn version_4(high: u64, low: u64) -> Uuid {
    let high = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
    let low = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    Uuid::from_u64_pair(high, low)
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
