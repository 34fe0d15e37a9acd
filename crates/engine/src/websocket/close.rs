//! Close codes.

/// Whether a close frame may carry this code: the ones that RFC 6455 §7.4.1 and the IANA registry of §11.7 define for the
/// wire, and the ranges that §7.4.2 leaves to libraries (3000 to 3999) and applications (4000 to 4999).
///
/// 1004 is reserved without a meaning; 1005, 1006 and 1015 stand for closures without a code and must not be sent.
pub(super) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_and_private_codes_may_be_sent() {
        for code in [1000, 1001, 1003, 1007, 1009, 1012, 1014, 3000, 3999, 4000, 4408, 4999] {
            assert!(may_be_sent(code), "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, u16::MAX] {
            assert!(!may_be_sent(code), "{code}");
        }
    }
}
