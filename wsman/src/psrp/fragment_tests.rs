#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn cut(object_id: u64, data: &[u8], room: usize) -> Vec<Vec<u8>> {
    let mut fragmenter = Fragmenter::new(object_id, data.to_vec());
    let mut fragments = Vec::new();
    while !fragmenter.is_done() {
        let mut one = Vec::new();
        assert!(fragmenter.write(room, &mut one));
        assert!(one.len() <= room);
        fragments.push(one);
    }
    fragments
}

proptest! {
    /// Whatever the size of the fragments and wherever the transport cuts, the same objects come out.
    #[test]
    fn any_size_any_split(
        objects in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..400), 1..6),
        room in MIN_FRAGMENT..300,
        cuts in prop::collection::vec(1usize..200, 1..50),
    ) {
        let stream: Vec<u8> = objects.iter().enumerate().flat_map(|(i, o)| cut(i as u64 + 1, o, room)).flatten().collect();
        let mut reassembler = Reassembler::new(1000);
        let mut got = Vec::new();
        let mut rest = stream.as_slice();
        for step in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (now, later) = rest.split_at((*step).min(rest.len()));
            reassembler.push(now, &mut got).unwrap();
            rest = later;
        }
        prop_assert_eq!(got, objects);
        prop_assert!(!reassembler.is_mid_object());
    }

    /// Arbitrary bytes give objects or an error, and never more memory than came in.
    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), cut_at in 0usize..600) {
        let mut reassembler = Reassembler::new(200);
        let mut got = Vec::new();
        let (first, second) = bytes.split_at(cut_at.min(bytes.len()));
        let _ = reassembler.push(first, &mut got);
        let _ = reassembler.push(second, &mut got);
        prop_assert!(got.iter().map(Vec::len).sum::<usize>() <= bytes.len());
    }
}

#[test]
fn header_is_the_layout_of_the_specification() {
    let fragments = cut(0x0102, b"abc", MIN_FRAGMENT + 1);
    // [MS-PSRP] 2.2.4: object id, fragment id, flags, length, all big-endian.
    assert_eq!(fragments[0], [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, b'a', b'b']);
    assert_eq!(fragments[1], [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, b'c']);
}

#[test]
fn no_room_writes_nothing() {
    let mut fragmenter = Fragmenter::new(1, vec![1]);
    let mut out = Vec::new();
    assert!(!fragmenter.write(FRAGMENT_HEADER, &mut out));
    assert!(out.is_empty() && !fragmenter.is_done());
}

#[test]
fn too_large_is_said_at_the_header() {
    let mut fragments = cut(1, &[7; 60], 40);
    let mut reassembler = Reassembler::new(59);
    let mut got = Vec::new();
    let last = fragments.pop().unwrap();
    for fragment in &fragments {
        reassembler.push(fragment, &mut got).unwrap();
    }
    let error = reassembler.push(&last[..FRAGMENT_HEADER], &mut got).unwrap_err();
    assert_eq!(error, FragmentError::TooLarge { limit: 59 });
    assert_eq!(reassembler.push(b"", &mut got).unwrap_err(), error);
}
