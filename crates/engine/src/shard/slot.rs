//! Where a connection stands in its shard.

/// A place in a shard's slab with the generation of its tenant, so that what was meant for an earlier connection in the
/// same place is recognised as stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The place.
    pub index: u32,
    /// The tenant's number.
    pub generation: u32,
}
