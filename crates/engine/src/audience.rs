//! From symbols to recipients, by set operations on bitmaps. The cost grows with who is online, not with who is named.

use roaring::RoaringBitmap;
use smallvec::SmallVec;
use tidings_wire::{Audience, Me, Set, Topic, UserId};

use crate::{
    directory::{Directory, Grace, ShardSet},
    members::{Named, Pinned},
    shard::Slot,
};

/// Who gets a publication, as the shards understand it.
#[derive(Debug)]
pub(crate) struct Recipients {
    /// Every connection.
    pub(crate) everyone: bool,
    /// A few users, by index.
    pub(crate) few: SmallVec<[u32; 2]>,
    /// Many users, by index.
    pub(crate) many: Option<RoaringBitmap>,
    /// The watchers of topics, if any are named: behind a pointer, because few messages have them and all are moved about.
    pub(crate) watchers: Option<Box<Watchers>>,
    /// The sender, who gets it whatever is left out.
    pub(crate) me: Option<u32>,
    /// The connection that sent it, with its shard.
    pub(crate) except: Option<(u16, Slot)>,
    /// Which shards are concerned.
    pub(crate) shards: ShardSet,
    /// The indices above stay their users' as long as this is held.
    #[expect(dead_code, reason = "held, not read")]
    pub(crate) grace: Grace,
}

impl Recipients {
    /// About how many connections it is for, without "everyone": users are counted on all shards and as one connection each.
    /// `watchers` counts those of a topic.
    pub(crate) fn about(&self, watchers: impl Fn(&Topic) -> usize) -> usize {
        let many = self.many.as_ref().map_or(0, |many| usize::try_from(many.len()).unwrap_or(usize::MAX));
        let topics = self.watchers.iter().flat_map(|watching| &watching.topics);
        self.few.len() + many + topics.map(watchers).sum::<usize>()
    }
}

/// Watchers of topics who get a publication, and who don't.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    /// The watchers of these, but for the users in `less`.
    pub(crate) topics: SmallVec<[Topic; 1]>,
    /// Users who don't get it as watchers.
    pub(crate) less: RoaringBitmap,
    /// Topics whose watchers don't get it at all.
    pub(crate) less_topics: SmallVec<[Topic; 1]>,
}

/// Who sends, as far as it matters for who hears.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct From {
    pub(crate) user: Option<UserId>,
    /// The user's index, where it is known and in use: a connection's own.
    pub(crate) index: Option<u32>,
    pub(crate) connection: Option<(u16, Slot)>,
}

/// Resolves an audience. `sets` finds a set by its name; one that it doesn't find counts as empty. `all` are the node's
/// shards.
pub(crate) fn resolve(
    audience: &Audience,
    from: From,
    directory: &Directory,
    sets: impl Fn(Named) -> Option<Pinned>,
    all: ShardSet,
) -> Recipients {
    let mut out = Recipients {
        everyone: false,
        few: SmallVec::new(),
        many: None,
        watchers: None,
        me: None,
        except: if audience.me == Me::OtherConnections { from.connection } else { None },
        shards: 0,
        grace: directory.grace(),
    };
    let everyone = audience.to.contains(&Set::Everyone);
    let whole = audience.less.is_empty() && audience.only.is_empty();
    if everyone && whole && (audience.me == Me::EveryConnection || from.user.is_none()) {
        out.everyone = true;
        out.shards = all;
        return out;
    }
    let mut many = RoaringBitmap::new();
    if everyone {
        many |= &*directory.online();
    } else {
        for set in &audience.to {
            add(set, &mut out, &mut many, directory, &sets, all);
        }
    }
    for set in &audience.only {
        keep(set, &mut out, &mut many, directory, &sets);
    }
    for set in &audience.less {
        take(set, &mut out, &mut many, directory, &sets);
    }
    let known = from.index.map(|index| (index, directory.shards_of(index)));
    if let Some((index, shards)) = known.or_else(|| from.user.and_then(|user| directory.find(user))) {
        out.few.retain(|few| *few != index);
        many.remove(index);
        match audience.me {
            Me::Nothing => {
                if let Some(watchers) = &mut out.watchers {
                    watchers.less.insert(index);
                }
            }
            Me::OtherConnections | Me::EveryConnection => {
                out.few.push(index);
                out.me = Some(index);
                out.shards |= shards;
            }
        }
    }
    if !many.is_empty() {
        // Whoever stands in the bitmap gets it from there: nobody gets it twice.
        out.few.retain(|few| !many.contains(*few));
        out.shards = all;
        out.many = Some(many);
    }
    out
}

/// Adds those of a set who are connected.
fn add(
    set: &Set,
    out: &mut Recipients,
    many: &mut RoaringBitmap,
    directory: &Directory,
    sets: &impl Fn(Named) -> Option<Pinned>,
    all: ShardSet,
) {
    let mut user = |user: UserId| {
        if let Some((index, shards)) = directory.find(user)
            && shards != 0
            && !out.few.contains(&index)
        {
            out.few.push(index);
            out.shards |= shards;
        }
    };
    match set {
        Set::User(one) => user(*one),
        Set::Users(some) if some.len() <= 16 => some.iter().copied().for_each(user),
        Set::Users(some) => many.extend(some.iter().filter_map(|&one| online_index(directory, one))),
        Set::Topic(topic) => {
            out.watchers.get_or_insert_default().topics.push(topic.clone());
            out.shards = all;
        }
        // `Set` is open to what is added to it later; `resolve` has dealt with everyone.
        set => {
            if let Some(named) = Named::of(set).and_then(sets) {
                named.online_into(directory, many);
            }
        }
    }
}

/// Keeps those only who stand in a set too.
fn keep(
    set: &Set,
    out: &mut Recipients,
    many: &mut RoaringBitmap,
    directory: &Directory,
    sets: &impl Fn(Named) -> Option<Pinned>,
) {
    if *set == Set::Everyone {
        return;
    }
    // Who watches a topic, each shard knows for itself: a topic keeps nobody, and its watchers are kept by nothing.
    let kept = online_of(set, directory, sets);
    *many &= &kept;
    out.few.retain(|few| kept.contains(*few));
    out.watchers = None;
}

/// Takes those of a set away again.
fn take(
    set: &Set,
    out: &mut Recipients,
    many: &mut RoaringBitmap,
    directory: &Directory,
    sets: &impl Fn(Named) -> Option<Pinned>,
) {
    if let Set::Topic(topic) = set {
        // Who watches it, each shard knows for itself.
        out.watchers.get_or_insert_default().less_topics.push(topic.clone());
        return;
    }
    let gone = online_of(set, directory, sets);
    *many -= &gone;
    out.few.retain(|few| !gone.contains(*few));
    if let Some(watchers) = &mut out.watchers {
        watchers.less |= gone;
    }
}

/// Those of a set who are connected; none of a topic.
fn online_of(set: &Set, directory: &Directory, sets: &impl Fn(Named) -> Option<Pinned>) -> RoaringBitmap {
    let mut found = RoaringBitmap::new();
    match set {
        Set::User(one) => found.extend(online_index(directory, *one)),
        Set::Users(some) => found.extend(some.iter().filter_map(|&one| online_index(directory, one))),
        Set::Everyone => found |= &*directory.online(),
        set => {
            if let Some(named) = Named::of(set).and_then(sets) {
                named.online_into(directory, &mut found);
            }
        }
    }
    found
}

fn online_index(directory: &Directory, user: UserId) -> Option<u32> {
    directory.find(user).and_then(|(index, shards)| (shards != 0).then_some(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: ShardSet = 1;

    fn directory(online: &[u32]) -> Directory {
        let directory = Directory::new();
        for &user in online {
            directory.enter(UserId::new(user), 0);
        }
        directory
    }

    fn heard_by(audience: &Audience, from: Option<u32>, directory: &Directory, candidates: &[u32]) -> Vec<u32> {
        let from = From { user: from.map(UserId::new), ..From::default() };
        let found = resolve(audience, from, directory, |_| None, ALL);
        let hears = |user: &u32| {
            let (index, _) = directory.find(UserId::new(*user)).unwrap();
            let many = found.many.as_ref().is_some_and(|many| many.contains(index));
            assert!(!(many && found.few.contains(&index)), "named twice");
            found.everyone || many || found.few.contains(&index)
        };
        candidates.iter().copied().filter(hears).collect()
    }

    #[test]
    fn the_sender_hears_as_the_audience_says() {
        let directory = directory(&[1, 2, 3]);
        let to = |me| Audience::user(UserId::new(2)).me(me);
        assert_eq!(heard_by(&to(Me::Nothing), Some(1), &directory, &[1, 2, 3]), [2]);
        assert_eq!(heard_by(&to(Me::OtherConnections), Some(1), &directory, &[1, 2, 3]), [1, 2]);
        assert_eq!(heard_by(&to(Me::Nothing), Some(2), &directory, &[1, 2, 3]), [0; 0]);
        assert_eq!(heard_by(&Audience::everyone(), Some(1), &directory, &[1, 2, 3]), [2, 3]);
        assert_eq!(heard_by(&Audience::everyone().me(Me::EveryConnection), Some(1), &directory, &[1, 2, 3]), [1, 2, 3]);
        assert_eq!(heard_by(&Audience::everyone(), None, &directory, &[1, 2, 3]), [1, 2, 3]);
    }

    #[test]
    fn less_takes_away_and_nobody_is_named_twice() {
        let directory = directory(&[1, 2, 3]);
        let users = |range: std::ops::Range<u32>| range.map(UserId::new).collect::<Vec<_>>();
        let all = [1, 2, 3];
        let less = Audience::users(users(0..40)).and(Set::User(UserId::new(2))).less_user(UserId::new(3));
        assert_eq!(heard_by(&less, None, &directory, &all), [1, 2]);
        assert_eq!(heard_by(&Audience::everyone().less_user(UserId::new(1)), None, &directory, &all), [2, 3]);
        assert_eq!(heard_by(&Audience::nobody(), Some(1), &directory, &all), [0; 0]);
    }
}
