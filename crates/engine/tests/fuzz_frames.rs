//! The fuzz target `frames`: the inputs that are worth keeping, replayed, and new ones by chance.

use proptest::{collection::vec, prelude::*};

#[path = "../../../fuzz/checks/frames.rs"]
mod frames;
#[path = "../../../fuzz/checks/seeds.rs"]
mod seeds;

#[test]
fn every_seed_of_the_frames_target_holds() {
    seeds::replay("frames", frames::check);
}

/// A frame as the target's inputs have it: without a mask, and for once with any first byte.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(&[0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a][..]),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        "\\PC{0,30}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..8),
        (3000..5000_u16, "\\PC{0,9}").prop_map(|(code, reason)| [&code.to_be_bytes(), reason.as_bytes()].concat()),
    ];
    // Text cut in the middle of a character, now and then.
    (first, payload, 0..4_usize).prop_map(|(first, mut payload, cut)| {
        payload.truncate(payload.len() - cut.min(payload.len()) / 3);
        payload.truncate(125);
        [&[first, payload.len() as u8], &payload[..]].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn frames_that_are_nearly_right_hold(limits in 0..4_u8, cuts in vec(any::<u8>(), 0..20), frames in vec(frame(), 0..8)) {
        let input = [&[limits, cuts.len() as u8], &cuts[..], &frames.concat()].concat();
        frames::check(&input);
    }

    #[test]
    fn any_bytes_hold(input in vec(any::<u8>(), 0..300)) {
        frames::check(&input);
    }
}
