//! A bounded memory of the latest: two generations, of which the older goes when the newer is full.

use std::hash::Hash;

use hashbrown::HashMap;

/// Of what was put in last at least `each` is remembered, and at most twice as much.
pub(crate) struct Generations<K, V> {
    newer: HashMap<K, V>,
    older: HashMap<K, V>,
    each: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    pub(crate) fn new(each: usize) -> Self {
        Self { newer: HashMap::new(), older: HashMap::new(), each }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.newer.get(key).or_else(|| self.older.get(key))
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.newer.get_mut(key).or_else(|| self.older.get_mut(key))
    }

    /// Puts it in place of what was there. Returns what is forgotten by it, where that is something.
    pub(crate) fn put(&mut self, key: K, value: V) -> Option<HashMap<K, V>> {
        let full = self.newer.len() >= self.each && !self.newer.contains_key(&key);
        let forgotten = full.then(|| std::mem::replace(&mut self.older, std::mem::take(&mut self.newer)));
        self.newer.insert(key, value);
        forgotten.filter(|forgotten| !forgotten.is_empty())
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.newer.remove(key);
        self.older.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_the_newest_value_is_told() {
        let mut generations = Generations::new(100);
        let forgotten: Vec<_> = (0..=200).filter_map(|key| generations.put(key, key)).collect();
        assert_eq!(forgotten.len(), 1);
        assert_eq!((forgotten[0].len(), forgotten[0].keys().max()), (100, Some(&99)));
        assert_eq!(
            (generations.get(&99), generations.get(&100), generations.get(&200)),
            (None, Some(&100), Some(&200))
        );
        generations.put(100, 7);
        assert_eq!(generations.get(&100), Some(&7));
        generations.remove(&100);
        assert_eq!(generations.get(&100), None, "in neither generation");
        assert!(generations.newer.len() + generations.older.len() <= 200);
    }
}
