//! One frame header (RFC 6455 §5.2), as a server reads it and as a server writes it.

use super::ProtocolError;

/// A client's header at its longest: two bytes, a 64-bit length, the mask.
pub(super) const CLIENT_HEADER_BYTES: usize = 14;
/// A server's header at its longest: as a client's, without the mask.
pub(super) const SERVER_HEADER_BYTES: usize = 10;
/// What a control frame may carry (§5.5).
pub(super) const CONTROL_BYTES: usize = 125;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// The value of the 7-bit length that says "the length is in the next 16 bits".
const IN_16_BITS: u8 = 126;
/// The value of the 7-bit length that says "the length is in the next 64 bits".
const IN_64_BITS: u8 = 127;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    /// More of the open message.
    Continuation = 0x0,
    /// A text message, or its beginning.
    Text = 0x1,
    /// A binary message, or its beginning.
    Binary = 0x2,
    /// The last frame of a peer.
    Close = 0x8,
    /// Asks for a pong.
    Ping = 0x9,
    /// Answers a ping, or comes unasked.
    Pong = 0xa,
}

impl Opcode {
    /// Whether the frame stands outside the messages and may come in the middle of one (§5.5).
    #[inline]
    pub(super) fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    #[inline]
    fn read(first: u8) -> Result<Self, ProtocolError> {
        match first & OPCODE {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xa => Ok(Self::Pong),
            reserved => Err(ProtocolError::ReservedOpcode(reserved)),
        }
    }
}

/// The header of a client's frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// Whether the frame is the last of its message.
    pub(super) fin: bool,
    /// What the frame is.
    pub(super) opcode: Opcode,
    /// Payload length in bytes, below 2^63.
    pub(super) length: u64,
    /// The key that the payload is masked with.
    pub(super) mask: [u8; 4],
}

/// Reads the header at the front of `bytes`, and how many bytes it takes; `None` when more are needed, which never are more
/// than [`CLIENT_HEADER_BYTES`] in all. What is wrong in the bytes that are there is refused at once.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProtocolError> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    if first & RESERVED != 0 {
        return Err(ProtocolError::ReservedBits);
    }
    let opcode = Opcode::read(first)?;
    let fin = first & FIN != 0;
    if opcode.is_control() && !fin {
        return Err(ProtocolError::FragmentedControl);
    }
    let Some(&second) = bytes.get(1) else { return Ok(None) };
    if second & MASKED == 0 {
        return Err(ProtocolError::Unmasked);
    }
    let short = second & LENGTH;
    if opcode.is_control() && usize::from(short) > CONTROL_BYTES {
        return Err(ProtocolError::LongControl);
    }
    let Some((length, mask_at)) = read_length(short, &bytes[2..])? else { return Ok(None) };
    let Some(&mask) = bytes[mask_at..].first_chunk::<4>() else { return Ok(None) };
    Ok(Some((Header { fin, opcode, length, mask }, mask_at + 4)))
}

/// How many bytes the client's frame at the front of `bytes` takes in all, header and payload; `None` while its header is not
/// whole. For whoever feeds a [`Decoder`](super::Decoder) no more than one frame, because what follows belongs to somebody else.
///
/// The length is what the header declares, whatever the limits are: the decoder refuses what is beyond them.
///
/// # Errors
/// What is wrong in the header, as the decoder would find it.
///
/// ```
/// use tidings_engine::websocket::frame_bytes;
///
/// // "hi", masked with zeros, and the beginning of the next frame.
/// let input = b"\x81\x82\0\0\0\0hi\x81";
/// assert_eq!(frame_bytes(input)?, Some(8));
/// assert_eq!(frame_bytes(&input[8..])?, None);
/// # Ok::<(), tidings_engine::websocket::ProtocolError>(())
/// ```
pub fn frame_bytes(bytes: &[u8]) -> Result<Option<u64>, ProtocolError> {
    let read = read(bytes)?;
    Ok(read.map(|(header, header_bytes)| header_bytes as u64 + header.length))
}

/// The payload length and the place of the mask in the header; `None` when more bytes are needed.
#[inline]
fn read_length(short: u8, after: &[u8]) -> Result<Option<(u64, usize)>, ProtocolError> {
    match short {
        IN_16_BITS => {
            let Some(&raw) = after.first_chunk::<2>() else { return Ok(None) };
            let length = u16::from_be_bytes(raw);
            if length < u16::from(IN_16_BITS) {
                return Err(ProtocolError::LengthNotMinimal);
            }
            Ok(Some((u64::from(length), 4)))
        }
        IN_64_BITS => {
            let Some(&raw) = after.first_chunk::<8>() else { return Ok(None) };
            let length = u64::from_be_bytes(raw);
            if length >> 63 != 0 {
                return Err(ProtocolError::LengthTopBit);
            }
            if length <= u64::from(u16::MAX) {
                return Err(ProtocolError::LengthNotMinimal);
            }
            Ok(Some((length, 10)))
        }
        short => Ok(Some((u64::from(short), 2))),
    }
}

/// The header of a server's whole frame, right-aligned, and the index where it begins.
#[inline]
pub(super) fn write(opcode: Opcode, payload_len: usize) -> ([u8; SERVER_HEADER_BYTES], usize) {
    let mut header = [0; SERVER_HEADER_BYTES];
    let start = if payload_len < usize::from(IN_16_BITS) {
        header[9] = payload_len as u8;
        8
    } else if let Ok(length) = u16::try_from(payload_len) {
        header[7] = IN_16_BITS;
        header[8..].copy_from_slice(&length.to_be_bytes());
        6
    } else {
        header[1] = IN_64_BITS;
        header[2..].copy_from_slice(&(payload_len as u64).to_be_bytes());
        0
    };
    header[start] = FIN | opcode as u8;
    (header, start)
}
