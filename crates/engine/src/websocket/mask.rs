//! The mask that a client puts over its payloads (RFC 6455 §5.3).

/// Exclusive-ors `payload` in place with the repeated `mask`, eight bytes at a time; masking and unmasking are the same.
///
/// `mask` is the key as it applies to the first byte of `payload`; see [`advanced`] for the later parts of a frame.
#[inline]
pub(super) fn apply(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = [a, b, c, d, a, b, c, d];
    // Native order on both sides: the word is never looked at as a number.
    let word_mask = u64::from_ne_bytes(wide);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ word_mask).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip(wide) {
        *byte ^= mask;
    }
}

/// The key as it applies after `bytes` more bytes of the same frame.
#[inline]
pub(super) fn advanced(mut mask: [u8; 4], bytes: usize) -> [u8; 4] {
    mask.rotate_left(bytes % 4);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_give_what_single_bytes_give_at_every_length_and_split() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        for length in 0..70_usize {
            let plain: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
            let expected: Vec<u8> = plain.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]).collect();
            for split in 0..=length {
                let mut masked = plain.clone();
                let (front, back) = masked.split_at_mut(split);
                apply(front, mask);
                apply(back, advanced(mask, split));
                assert_eq!(masked, expected, "length {length}, split {split}");
            }
        }
    }
}
