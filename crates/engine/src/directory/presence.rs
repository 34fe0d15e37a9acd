//! On which shards the user of each index is connected, readable without a lock.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use super::ShardSet;

/// Indices of the first block; each further block doubles what there is, so that 27 blocks hold every index.
const FIRST: usize = 64;
const BLOCKS: usize = 27;

/// A set of shards an index. It grows by blocks that never move, eight bytes an index, and never shrinks: freed indices
/// are used again.
pub(super) struct ShardsByIndex([OnceLock<Box<[AtomicU64]>>; BLOCKS]);

impl Default for ShardsByIndex {
    fn default() -> Self {
        Self([const { OnceLock::new() }; BLOCKS])
    }
}

impl ShardsByIndex {
    /// The shards of this index.
    pub(super) fn of(&self, index: u32) -> ShardSet {
        let (block, at) = place(index);
        // `SeqCst` here and below: a connection enters before it reads what is stored, the dispatcher looks up after the commit,
        // and one of them must see the other.
        self.0[block].get().map_or(0, |block| block[at].load(Ordering::SeqCst))
    }

    /// Adds a shard; returns those that there were.
    pub(super) fn add(&self, index: u32, shard: u16) -> ShardSet {
        let (block, at) = place(index);
        let block = self.0[block].get_or_init(|| (0..size(block)).map(|_| AtomicU64::new(0)).collect());
        block[at].fetch_or(1 << shard, Ordering::SeqCst)
    }

    /// Takes a shard away; returns those that are left.
    pub(super) fn take(&self, index: u32, shard: u16) -> ShardSet {
        let (block, at) = place(index);
        self.0[block].get().map_or(0, |block| block[at].fetch_and(!(1 << shard), Ordering::SeqCst) & !(1 << shard))
    }
}

/// Which block an index is in, and where.
fn place(index: u32) -> (usize, usize) {
    let index = index as usize;
    if index < FIRST {
        return (0, index);
    }
    let power = index.ilog2();
    ((power - FIRST.ilog2() + 1) as usize, index - (1 << power))
}

fn size(block: usize) -> usize {
    if block == 0 { FIRST } else { FIRST << (block - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let mut next = (0, 0);
        for index in 0..100_000 {
            assert_eq!(place(index), next);
            next = if next.1 + 1 == size(next.0) { (next.0 + 1, 0) } else { (next.0, next.1 + 1) };
        }
        let (block, at) = place(u32::MAX);
        assert!(block < BLOCKS && at < size(block));
    }

    #[test]
    fn shards_come_and_go() {
        let shards = ShardsByIndex::default();
        assert_eq!((shards.of(70), shards.take(70, 1)), (0, 0));
        assert_eq!((shards.add(70, 1), shards.add(70, 3), shards.of(70), shards.of(6)), (0, 0b10, 0b1010, 0));
        assert_eq!((shards.take(70, 1), shards.take(70, 3), shards.of(70)), (0b1000, 0, 0));
    }
}
