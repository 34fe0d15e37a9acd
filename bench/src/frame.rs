//! WebSocket frames, RFC 6455 section 5.2: as little as a load generator and a floor need.
//!
//! No fragments: neither side here sends any, and a server that splits a message of some hundred bytes is not what is
//! measured.

/// A text frame (RFC 6455 section 5.6).
pub const TEXT: u8 = 0x1;
/// A close frame (section 5.5.1).
pub const CLOSE: u8 = 0x8;
/// A ping (section 5.5.2).
pub const PING: u8 = 0x9;
/// A pong (section 5.5.3).
pub const PONG: u8 = 0xA;

/// Payload bytes of a frame at most: what the protocol lets the server send. A longer frame is [`FrameError::TooLong`].
pub const PAYLOAD_BYTES: usize = 128 * 1024;

/// One whole frame inside a buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is: [`TEXT`], [`CLOSE`], [`PING`], [`PONG`].
    pub opcode: u8,
    /// The masking key, where the frame is masked; the payload is still masked then.
    pub mask: Option<[u8; 4]>,
    /// The payload as it stands in the buffer.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// Writes the start of the payload, unmasked, to `out` and returns what was written. Copies at most `out.len()`
    /// bytes: to see what kind of message it is, the start is enough.
    pub fn unmask_into<'o>(&self, out: &'o mut [u8]) -> &'o [u8] {
        let length = out.len().min(self.payload.len());
        let out = &mut out[..length];
        out.copy_from_slice(&self.payload[..length]);
        if let Some(mask) = self.mask {
            apply(mask, out);
        }
        out
    }
}

/// Why bytes are no frame.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The FIN bit is not set, or the opcode is "continuation".
    #[error("a fragment, where a whole frame was expected")]
    Fragment,
    /// A reserved bit is set though no extension was agreed on.
    #[error("a reserved bit is set")]
    ReservedBit,
    /// More than [`PAYLOAD_BYTES`].
    #[error("a frame of {0} bytes")]
    TooLong(u64),
}

/// The first frame of `bytes` and how many bytes it takes; `None` while it isn't whole.
///
/// # Errors
/// A fragment, a reserved bit, a payload over [`PAYLOAD_BYTES`].
pub fn split(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let [first, second, ..] = *bytes else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err(FrameError::ReservedBit);
    }
    if first & 0x80 == 0 || first & 0x0F == 0 {
        return Err(FrameError::Fragment);
    }
    let (length, mut at) = match second & 0x7F {
        126 => match bytes.get(2..4) {
            Some(length) => (u64::from(u16::from_be_bytes(length.try_into().expect("two bytes were taken"))), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10) {
            Some(length) => (u64::from_be_bytes(length.try_into().expect("eight bytes were taken")), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    if length > PAYLOAD_BYTES as u64 {
        return Err(FrameError::TooLong(length));
    }
    let mut mask = None;
    if second & 0x80 != 0 {
        let Some(key) = bytes.get(at..at + 4) else { return Ok(None) };
        mask = Some(key.try_into().expect("four bytes were taken"));
        at += 4;
    }
    let end = at + length as usize;
    Ok(bytes.get(at..end).map(|payload| (Frame { opcode: first & 0x0F, mask, payload }, end)))
}

/// Appends an unmasked frame, as a server sends it.
pub fn encode_server(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    header(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a masked frame, as a client must send it (RFC 6455 section 5.3).
///
/// The key is always the same. It protects proxies from scripts in browsers, neither of which is here; it isn't zero,
/// so that a server which forgets to unmask fails.
pub fn encode_client(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    const KEY: [u8; 4] = [0x5A, 0xC3, 0x17, 0x9E];
    header(out, opcode, payload.len(), 0x80);
    out.extend_from_slice(&KEY);
    let start = out.len();
    out.extend_from_slice(payload);
    apply(KEY, &mut out[start..]);
}

fn header(out: &mut Vec<u8>, opcode: u8, length: usize, masked: u8) {
    out.push(0x80 | opcode);
    match length {
        0..=125 => out.push(masked | length as u8),
        126..=0xFFFF => {
            out.push(masked | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

fn apply(mask: [u8; 4], bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(4) {
        for (byte, key) in chunk.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmasked(frame: &Frame<'_>) -> Vec<u8> {
        let mut out = vec![0; frame.payload.len()];
        frame.unmask_into(&mut out);
        out
    }

    /// RFC 6455 section 5.7 gives these bytes for "Hello".
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let (frame, used) = split(&masked).unwrap().unwrap();
        assert_eq!((frame.opcode, used, unmasked(&frame).as_slice()), (TEXT, 11, &b"Hello"[..]));
        let plain = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        let (frame, used) = split(&plain).unwrap().unwrap();
        assert_eq!((frame.opcode, used, unmasked(&frame).as_slice()), (TEXT, 7, &b"Hello"[..]));
    }

    #[test]
    fn what_is_written_is_read_again_at_every_form_of_length() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, PAYLOAD_BYTES] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            for encode in [encode_client, encode_server] {
                let mut bytes = Vec::new();
                encode(&mut bytes, PING, &payload);
                let (frame, used) = split(&bytes).unwrap().expect("the frame is whole");
                assert_eq!(used, bytes.len());
                assert_eq!(frame.opcode, PING);
                assert_eq!(unmasked(&frame), payload);
            }
        }
    }

    #[test]
    fn a_clients_frame_is_masked_and_differs_from_its_payload() {
        let mut bytes = Vec::new();
        encode_client(&mut bytes, TEXT, b"plain words");
        let (frame, _) = split(&bytes).unwrap().unwrap();
        assert!(frame.mask.is_some());
        assert_ne!(frame.payload, b"plain words");
    }

    #[test]
    fn a_frame_cut_anywhere_is_not_whole() {
        let mut bytes = Vec::new();
        encode_client(&mut bytes, TEXT, &[7; 300]);
        for cut in 0..bytes.len() {
            assert_eq!(split(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn the_second_frame_is_left_alone() {
        let mut bytes = Vec::new();
        encode_server(&mut bytes, TEXT, b"one");
        let first = bytes.len();
        encode_server(&mut bytes, TEXT, b"two");
        let (frame, used) = split(&bytes).unwrap().unwrap();
        assert_eq!((frame.payload, used), (&b"one"[..], first));
    }

    #[test]
    fn fragments_reserved_bits_and_giants_are_refused() {
        assert_eq!(split(&[0x01, 0x00]), Err(FrameError::Fragment));
        assert_eq!(split(&[0x80, 0x00]), Err(FrameError::Fragment));
        assert_eq!(split(&[0xC1, 0x00]), Err(FrameError::ReservedBit));
        let mut giant = vec![0x81, 127];
        giant.extend_from_slice(&(1_u64 << 40).to_be_bytes());
        assert_eq!(split(&giant), Err(FrameError::TooLong(1 << 40)));
    }

    #[test]
    fn a_short_look_unmasks_only_the_start() {
        let mut bytes = Vec::new();
        encode_client(&mut bytes, TEXT, b"{\"type\":\"private\"}");
        let (frame, _) = split(&bytes).unwrap().unwrap();
        let mut start = [0; 10];
        assert_eq!(frame.unmask_into(&mut start), b"{\"type\":\"p");
    }
}
