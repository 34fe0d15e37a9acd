//! What a peer did wrong.

/// Why a connection's bytes cannot be read on. Each is final: the connection is failed with [`close_code`](Self::close_code)
/// (RFC 6455 §7.1.7) and its decoder dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// RSV1, RSV2 or RSV3 is set, though no extension was negotiated (§5.2).
    #[error("reserved bits are set in a frame header")]
    ReservedBits,
    /// The opcode, named here, is none of those that §5.2 defines.
    #[error("opcode {0:#x} is reserved")]
    ReservedOpcode(u8),
    /// A control frame without FIN (§5.5).
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A control frame that declares more than 125 bytes (§5.5).
    #[error("a control frame is longer than 125 bytes")]
    LongControl,
    /// A frame from a client without a mask (§5.1).
    #[error("a client's frame is not masked")]
    Unmasked,
    /// A length written in more bytes than it needs (§5.2).
    #[error("a frame length is not in its shortest form")]
    LengthNotMinimal,
    /// A 64-bit length whose most significant bit is set (§5.2).
    #[error("a frame length has its top bit set")]
    LengthTopBit,
    /// A continuation frame while no message is open (§5.4).
    #[error("a continuation frame without a message to continue")]
    NothingToContinue,
    /// A text or binary frame while a fragmented message is open (§5.4).
    #[error("a new message begins inside a fragmented one")]
    MessageInterrupted,
    /// A close frame whose payload is a single byte, so half a code (§5.5.1).
    #[error("a close frame holds half a close code")]
    HalfCloseCode,
    /// A close frame with a code, named here, that must not be on the wire (§7.4).
    #[error("close code {0} must not be sent")]
    CloseCode(u16),
    /// A text message, or the part of it that has arrived, is not UTF-8 (§8.1).
    #[error("a text message is not valid utf-8")]
    TextNotUtf8,
    /// The reason in a close frame is not UTF-8 (§5.5.1).
    #[error("a close reason is not valid utf-8")]
    ReasonNotUtf8,
    /// A message declares more bytes than [`FrameLimits::message_bytes`](super::FrameLimits::message_bytes).
    #[error("a message is longer than {limit} bytes")]
    MessageTooLong {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// A message comes in more frames than [`FrameLimits::fragments`](super::FrameLimits::fragments).
    #[error("a message comes in more than {limit} frames")]
    TooManyFragments {
        /// The limit in force, in frames.
        limit: u32,
    },
}

impl ProtocolError {
    /// The code to close the connection with (RFC 6455 §7.4.1): 1002 for a protocol error, 1007 for text that is not UTF-8,
    /// 1009 for a message beyond a limit.
    pub fn close_code(&self) -> u16 {
        match self {
            Self::TextNotUtf8 | Self::ReasonNotUtf8 => 1007,
            Self::MessageTooLong { .. } | Self::TooManyFragments { .. } => 1009,
            _ => 1002,
        }
    }
}
