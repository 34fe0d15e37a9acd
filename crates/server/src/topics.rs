//! Who may watch a topic, where packs decide about theirs.

use std::sync::Arc;

use tidings_engine::ports::{BoxFuture, StoreError, Topics};
use tidings_wire::{Topic, UserId};

/// Topics by their beginnings: the longest that fits decides, and the app where none does.
pub(crate) struct PrefixedTopics {
    /// Longest first.
    prefixes: Vec<(&'static str, Arc<dyn Topics>)>,
    others: Arc<dyn Topics>,
}

impl PrefixedTopics {
    pub(crate) fn new(mut prefixes: Vec<(&'static str, Arc<dyn Topics>)>, others: Arc<dyn Topics>) -> Self {
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self { prefixes, others }
    }
}

impl Topics for PrefixedTopics {
    fn may_watch(&self, user: UserId, topic: Topic) -> BoxFuture<Result<bool, StoreError>> {
        let found = self.prefixes.iter().find(|(prefix, _)| topic.as_str().starts_with(prefix));
        found.map_or(&self.others, |(_, topics)| topics).may_watch(user, topic)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tidings_engine::ports::OpenTopics;

    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let (open, closed): (Arc<dyn Topics>, Arc<dyn Topics>) =
            (Arc::new(OpenTopics::all()), Arc::new(OpenTopics::default()));
        let topics = PrefixedTopics::new(vec![("post:", closed.clone()), ("post:9", open.clone())], open);
        let may =
            |topic: &str| topics.may_watch(UserId::new(1), topic.parse().unwrap()).now_or_never().unwrap().unwrap();
        assert!(may("score:4") && may("post:9") && !may("post:8"));
    }
}
