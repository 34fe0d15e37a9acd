//! Counters joined: however often a post is liked, its watchers are told of it every 250 ms at most.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use tidings_server::Tidings;
use tidings_wire::{Message, PostId, Sender};
use tokio::sync::Notify;

use crate::PostCounters;

/// The least time between two `post_counters` of a post.
const APART: Duration = Duration::from_millis(250);

/// Posts whose counters wait to be told. When as many wait, those of one more are left out, counted in the log, and told with that
/// post's next change: counters are absolute, and a page that is opened reads them anyway.
const POSTS: usize = 16_384;

/// The latest counters of each post that has not been told since they changed.
#[derive(Default)]
pub(crate) struct Joiner {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    posts: HashMap<PostId, [i64; 3]>,
    /// How many found no room.
    left_out: u64,
}

const POISONED: &str = "nothing panics while it holds this lock";

impl Joiner {
    /// What the counters of a post are now. Called in commit order, so the last word is the latest. Never waits.
    pub(crate) fn tell(&self, post: PostId, counters: [i64; 3]) {
        let mut waiting = self.waiting.lock().expect(POISONED);
        if waiting.posts.len() >= POSTS && !waiting.posts.contains_key(&post) {
            waiting.left_out += 1;
        } else {
            waiting.posts.insert(post, counters);
        }
        drop(waiting);
        self.more.notify_one();
    }

    /// Tells them until the server stops: at once where nothing was told for a while, then those that came in between together.
    pub(crate) async fn run(&self, tidings: Tidings) {
        loop {
            self.more.notified().await;
            let Waiting { posts, left_out } = std::mem::take(&mut *self.waiting.lock().expect(POISONED));
            if left_out > 0 {
                tracing::warn!(left_out, "counters of posts were not told: more than {POSTS} posts changed at once");
            }
            for (post, counters) in posts {
                let counters = PostCounters::new(post, counters);
                let audience = counters.audience(&Sender { user: None, service: None });
                if let Err(reject) = tidings.publish(&counters, None, audience).await {
                    tracing::debug!(%post, %reject, "counters were not told");
                }
            }
            tokio::time::sleep(APART).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_counters_of_a_post_take_the_place_of_older_ones_and_there_is_room_for_so_many_posts() {
        let joiner = Joiner::default();
        for likes in 1..=3 {
            joiner.tell(PostId::new(0), [likes, 0, 0]);
        }
        (1..POSTS as u32 + 5).for_each(|post| joiner.tell(PostId::new(post), [1, 0, 0]));
        joiner.tell(PostId::new(1), [2, 0, 0]);
        let waiting = joiner.waiting.lock().unwrap();
        assert_eq!((waiting.posts.len(), waiting.left_out), (POSTS, 5));
        assert_eq!(waiting.posts[&PostId::new(0)], [3, 0, 0]);
        assert_eq!(waiting.posts[&PostId::new(1)], [2, 0, 0]);
    }
}
