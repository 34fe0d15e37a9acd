//! Every statement of the pack, and its tables: portable SQL that SQLite and Postgres 15 both take.
//!
//! Two things are said in a way that both understand. Parameters are `$1`, `$2` …; where their types can't be seen from a column
//! they are cast. Columns that hold ids of users and posts are declared as `tidings_id`: to SQLite that is a name without a meaning, so
//! that such a column keeps an integer or the 16 bytes of a UUID as it is given; a store on Postgres makes the domain
//! `tidings_id` (over `uuid`, the integer n as the UUID of the value n) before it runs migrations. Both then order ids as
//! Tidings does, integers before UUIDs.

use tidings_server::Migration;

/// The pack's tables. A step that was released never changes.
pub(crate) const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, name: "first", sql: include_str!("../migrations/V1__first.sql") }];

/// Makes a constant of each statement, and the list of them all.
macro_rules! statements {
    ($($(#[$doc:meta])+ $name:ident = $sql:literal;)+) => {
        $($(#[$doc])+ pub(crate) const $name: &str = $sql;)+

        /// Every statement, by its name.
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

statements! {
    /// id, owner, content, second, key. Touches nothing where the owner's key is known.
    POST_INSERT = "INSERT INTO social_posts (id, owner, content, created_at, request_key) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT DO NOTHING";
    /// post
    COUNTS_INSERT = "INSERT INTO social_counts (post, likes, comments, shares) VALUES ($1, 0, 0, 0)";
    /// owner, key
    POST_BY_KEY = "SELECT id, content, created_at FROM social_posts WHERE owner = $1 AND request_key = $2";
    /// post
    POST = "SELECT owner, content, created_at FROM social_posts WHERE id = $1";
    /// post
    COUNTS = "SELECT likes, comments, shares FROM social_counts WHERE post = $1";
    /// owner, below this post, limit
    POSTS_BY = "SELECT p.id, p.owner, p.content, p.created_at, c.likes, c.comments, c.shares \
                FROM social_posts p JOIN social_counts c ON c.post = p.id \
                WHERE p.owner = $1 AND p.id < $2 ORDER BY p.id DESC LIMIT $3";
    /// reader, below this post, limit: the reader's own and those of whom they follow and have not muted
    FEED = "SELECT p.id, p.owner, p.content, p.created_at, c.likes, c.comments, c.shares \
            FROM social_posts p JOIN social_counts c ON c.post = p.id \
            WHERE p.owner IN (SELECT f.followee FROM social_follows f WHERE f.follower = $1 AND f.state = 'accepted' \
            AND NOT EXISTS (SELECT 1 FROM social_mutes m WHERE m.muter = $1 AND m.muted = f.followee) \
            UNION ALL SELECT $1) AND p.id < $2 ORDER BY p.id DESC LIMIT $3";
    /// post
    POST_DELETE = "DELETE FROM social_posts WHERE id = $1";
    /// post
    COUNTS_DELETE = "DELETE FROM social_counts WHERE post = $1";
    /// post: some of its likes
    POST_LIKES_DELETE = "DELETE FROM social_likes WHERE post = $1 AND liker IN (SELECT liker FROM social_likes \
                         WHERE post = $1 ORDER BY liker LIMIT 500) RETURNING liker";
    /// post: some of its comments
    POST_COMMENTS_DELETE = "DELETE FROM social_comments WHERE id IN (SELECT id FROM social_comments WHERE post = $1 \
                            ORDER BY id LIMIT 500) RETURNING id";
    /// post: some of its shares
    POST_SHARES_DELETE = "DELETE FROM social_shares WHERE id IN (SELECT id FROM social_shares WHERE post = $1 \
                          ORDER BY id LIMIT 500) RETURNING id";
    /// owner: some of their posts
    POSTS_OF = "SELECT id FROM social_posts WHERE owner = $1 ORDER BY id LIMIT 100";

    /// post, liker, id, second. Touches nothing where it is there.
    LIKE_INSERT = "INSERT INTO social_likes (post, liker, id, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    /// post, liker
    LIKE_DELETE = "DELETE FROM social_likes WHERE post = $1 AND liker = $2";
    /// id, post, author, content, second, key. Touches nothing where the author's key is known.
    COMMENT_INSERT = "INSERT INTO social_comments (id, post, author, content, created_at, request_key) \
                      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    /// author, key
    COMMENT_BY_KEY = "SELECT id, post, content, created_at FROM social_comments WHERE author = $1 AND request_key = $2";
    /// comment, post
    COMMENT_AUTHOR = "SELECT author FROM social_comments WHERE id = $1 AND post = $2";
    /// comment, post
    COMMENT_DELETE = "DELETE FROM social_comments WHERE id = $1 AND post = $2";
    /// post, below this comment, limit, reader
    COMMENTS_BEFORE = "SELECT c.id, c.author, c.content, c.created_at FROM social_comments c \
                       WHERE c.post = $1 AND c.id < $2 AND NOT EXISTS (SELECT 1 FROM social_blocks b \
                       WHERE (b.blocker = $4 AND b.blocked = c.author) OR (b.blocker = c.author AND b.blocked = $4)) \
                       ORDER BY c.id DESC LIMIT $3";
    /// post, above this comment, limit, reader
    COMMENTS_AFTER = "SELECT c.id, c.author, c.content, c.created_at FROM social_comments c \
                      WHERE c.post = $1 AND c.id > $2 AND NOT EXISTS (SELECT 1 FROM social_blocks b \
                      WHERE (b.blocker = $4 AND b.blocked = c.author) OR (b.blocker = c.author AND b.blocked = $4)) \
                      ORDER BY c.id LIMIT $3";
    /// id, post, sharer, content, second, key. Touches nothing where the sharer's key is known.
    SHARE_INSERT = "INSERT INTO social_shares (id, post, sharer, content, created_at, request_key) \
                    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    /// sharer, key
    SHARE_BY_KEY = "SELECT id, post, content, created_at FROM social_shares WHERE sharer = $1 AND request_key = $2";
    /// post, likes more, comments more, shares more: of one of the pack's own posts
    COUNT_OWN = "UPDATE social_counts SET likes = likes + $2, comments = comments + $3, shares = shares + $4 \
                 WHERE post = $1 RETURNING likes, comments, shares";
    /// post, likes more, comments more, shares more: of a post that the app keeps
    COUNT_OTHERS = "INSERT INTO social_counts (post, likes, comments, shares) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (post) DO UPDATE SET likes = social_counts.likes + $2, \
                    comments = social_counts.comments + $3, shares = social_counts.shares + $4 \
                    RETURNING likes, comments, shares";

    /// follower, followee, state, second. Touches nothing where that is so already, or was accepted.
    FOLLOW_INSERT = "INSERT INTO social_follows (follower, followee, state, created_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (follower, followee) DO UPDATE SET state = excluded.state, created_at = excluded.created_at \
                     WHERE social_follows.state <> excluded.state AND social_follows.state <> 'accepted'";
    /// follower, followee, state
    FOLLOW_ANSWER = "UPDATE social_follows SET state = $3 WHERE follower = $1 AND followee = $2 AND state <> $3";
    /// follower, followee
    FOLLOW_DELETE = "DELETE FROM social_follows WHERE follower = $1 AND followee = $2";
    /// follower, followee
    FOLLOW_STATE = "SELECT state FROM social_follows WHERE follower = $1 AND followee = $2";
    /// one, other
    FOLLOWS_BETWEEN_DELETE = "DELETE FROM social_follows WHERE (follower = $1 AND followee = $2) \
                              OR (follower = $2 AND followee = $1)";
    /// followee, limit
    FOLLOWERS_FIRST = "SELECT follower FROM social_follows WHERE followee = $1 AND state = 'accepted' \
                       ORDER BY follower LIMIT $2";
    /// followee, above this one, limit
    FOLLOWERS_AFTER = "SELECT follower FROM social_follows WHERE followee = $1 AND state = 'accepted' AND follower > $2 \
                       ORDER BY follower LIMIT $3";
    /// follower, limit
    FOLLOWING_FIRST = "SELECT followee FROM social_follows WHERE follower = $1 AND state = 'accepted' \
                       ORDER BY followee LIMIT $2";
    /// follower, above this one, limit
    FOLLOWING_AFTER = "SELECT followee FROM social_follows WHERE follower = $1 AND state = 'accepted' AND followee > $2 \
                       ORDER BY followee LIMIT $3";
    /// followee, state, limit
    ASKING_FIRST = "SELECT follower, created_at FROM social_follows WHERE followee = $1 AND state = $2 \
                    ORDER BY follower LIMIT $3";
    /// followee, state, above this one, limit
    ASKING_AFTER = "SELECT follower, created_at FROM social_follows WHERE followee = $1 AND state = $2 AND follower > $3 \
                    ORDER BY follower LIMIT $4";
    /// user, limit
    APART_FIRST = "SELECT blocker FROM social_blocks WHERE blocked = $1 UNION SELECT blocked FROM social_blocks \
                   WHERE blocker = $1 UNION SELECT muter FROM social_mutes WHERE muted = $1 ORDER BY 1 LIMIT $2";
    /// user, above this one, limit
    APART_AFTER = "SELECT blocker FROM social_blocks WHERE blocked = $1 AND blocker > $2 UNION SELECT blocked \
                   FROM social_blocks WHERE blocker = $1 AND blocked > $2 UNION SELECT muter FROM social_mutes \
                   WHERE muted = $1 AND muter > $2 ORDER BY 1 LIMIT $3";
    /// blocker, limit
    BLOCKED_FIRST = "SELECT blocked FROM social_blocks WHERE blocker = $1 ORDER BY blocked LIMIT $2";
    /// blocker, above this one, limit
    BLOCKED_AFTER = "SELECT blocked FROM social_blocks WHERE blocker = $1 AND blocked > $2 ORDER BY blocked LIMIT $3";
    /// limit
    BLOCKERS_FIRST = "SELECT DISTINCT blocker FROM social_blocks ORDER BY blocker LIMIT $1";
    /// above this one, limit
    BLOCKERS_AFTER = "SELECT DISTINCT blocker FROM social_blocks WHERE blocker > $1 ORDER BY blocker LIMIT $2";
    /// one, other: how they stand to one another, in the order of `Between`
    BETWEEN = "SELECT \
               (SELECT count(*) FROM social_follows WHERE follower = $1 AND followee = $2 AND state = 'accepted'), \
               (SELECT count(*) FROM social_follows WHERE follower = $2 AND followee = $1 AND state = 'accepted'), \
               (SELECT count(*) FROM social_blocks WHERE blocker = $1 AND blocked = $2), \
               (SELECT count(*) FROM social_blocks WHERE blocker = $2 AND blocked = $1), \
               (SELECT count(*) FROM social_mutes WHERE muter = $1 AND muted = $2), \
               (SELECT count(*) FROM social_mutes WHERE muter = $2 AND muted = $1)";
    /// one, other: a row for each block
    BLOCKS_BETWEEN = "SELECT created_at FROM social_blocks WHERE (blocker = $1 AND blocked = $2) \
                      OR (blocker = $2 AND blocked = $1)";
    /// blocker, blocked, second
    BLOCK_INSERT = "INSERT INTO social_blocks (blocker, blocked, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    /// blocker, blocked
    BLOCK_DELETE = "DELETE FROM social_blocks WHERE blocker = $1 AND blocked = $2";
    /// muter, muted, second
    MUTE_INSERT = "INSERT INTO social_mutes (muter, muted, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    /// muter, muted
    MUTE_DELETE = "DELETE FROM social_mutes WHERE muter = $1 AND muted = $2";

    /// user
    USER = "SELECT name, is_private, language, zone FROM social_users WHERE id = $1";
    /// user, name, private, language, zone: what is null stays
    USER_PUT = "INSERT INTO social_users (id, name, is_private, language, zone) \
                VALUES ($1, $2, coalesce(CAST($3 AS BIGINT), 0), $4, $5) ON CONFLICT (id) DO UPDATE SET \
                name = coalesce($2, social_users.name), \
                is_private = coalesce(CAST($3 AS BIGINT), social_users.is_private), \
                language = coalesce($4, social_users.language), zone = coalesce($5, social_users.zone)";
    /// user
    USER_DELETE = "DELETE FROM social_users WHERE id = $1";

    /// owner, above this post, limit
    POSTS_WRITTEN = "SELECT id, content, created_at FROM social_posts WHERE owner = $1 AND id > $2 ORDER BY id LIMIT $3";
    /// author, above this comment, limit
    COMMENTS_WRITTEN = "SELECT id, post, content, created_at FROM social_comments WHERE author = $1 AND id > $2 \
                        ORDER BY id LIMIT $3";
    /// liker, above this like, limit
    LIKES_GIVEN = "SELECT id, post, created_at FROM social_likes WHERE liker = $1 AND id > $2 ORDER BY id LIMIT $3";
    /// sharer, above this share, limit
    SHARES_WRITTEN = "SELECT id, post, content, created_at FROM social_shares WHERE sharer = $1 AND id > $2 \
                      ORDER BY id LIMIT $3";
    /// follower, limit
    FOLLOWS_FIRST = "SELECT followee, state, created_at FROM social_follows WHERE follower = $1 \
                     ORDER BY followee LIMIT $2";
    /// follower, above this one, limit
    FOLLOWS_AFTER = "SELECT followee, state, created_at FROM social_follows WHERE follower = $1 AND followee > $2 \
                     ORDER BY followee LIMIT $3";
    /// blocker, limit
    BLOCKS_FIRST = "SELECT blocked, created_at FROM social_blocks WHERE blocker = $1 ORDER BY blocked LIMIT $2";
    /// blocker, above this one, limit
    BLOCKS_AFTER = "SELECT blocked, created_at FROM social_blocks WHERE blocker = $1 AND blocked > $2 \
                    ORDER BY blocked LIMIT $3";
    /// muter, limit
    MUTES_FIRST = "SELECT muted, created_at FROM social_mutes WHERE muter = $1 ORDER BY muted LIMIT $2";
    /// muter, above this one, limit
    MUTES_AFTER = "SELECT muted, created_at FROM social_mutes WHERE muter = $1 AND muted > $2 ORDER BY muted LIMIT $3";

    /// liker: the ids of some likes
    LIKES_OF = "SELECT id FROM social_likes WHERE liker = $1 ORDER BY id LIMIT 500";
    /// liker, up to this id: as they stand without these
    LIKES_OF_UNCOUNT = "UPDATE social_counts SET likes = likes - (SELECT count(*) FROM social_likes l \
                        WHERE l.post = social_counts.post AND l.liker = $1 AND l.id <= $2) \
                        WHERE post IN (SELECT post FROM social_likes WHERE liker = $1 AND id <= $2) \
                        RETURNING post, likes, comments, shares";
    /// liker, up to this id
    LIKES_OF_DELETE = "DELETE FROM social_likes WHERE liker = $1 AND id <= $2";
    /// author: the ids of some comments
    COMMENTS_OF = "SELECT id FROM social_comments WHERE author = $1 ORDER BY id LIMIT 500";
    /// author, up to this id: as they stand without these
    COMMENTS_OF_UNCOUNT = "UPDATE social_counts SET comments = comments - (SELECT count(*) FROM social_comments l \
                           WHERE l.post = social_counts.post AND l.author = $1 AND l.id <= $2) \
                           WHERE post IN (SELECT post FROM social_comments WHERE author = $1 AND id <= $2) \
                           RETURNING post, likes, comments, shares";
    /// author, up to this id
    COMMENTS_OF_DELETE = "DELETE FROM social_comments WHERE author = $1 AND id <= $2";
    /// sharer: the ids of some shares
    SHARES_OF = "SELECT id FROM social_shares WHERE sharer = $1 ORDER BY id LIMIT 500";
    /// sharer, up to this id: as they stand without these
    SHARES_OF_UNCOUNT = "UPDATE social_counts SET shares = shares - (SELECT count(*) FROM social_shares l \
                         WHERE l.post = social_counts.post AND l.sharer = $1 AND l.id <= $2) \
                         WHERE post IN (SELECT post FROM social_shares WHERE sharer = $1 AND id <= $2) \
                         RETURNING post, likes, comments, shares";
    /// sharer, up to this id
    SHARES_OF_DELETE = "DELETE FROM social_shares WHERE sharer = $1 AND id <= $2";
    /// user: some of whom they follow
    FOLLOWING_DELETE = "DELETE FROM social_follows WHERE follower = $1 AND followee IN (SELECT followee \
                        FROM social_follows WHERE follower = $1 ORDER BY followee LIMIT 500) RETURNING followee";
    /// user: some of their followers
    FOLLOWERS_DELETE = "DELETE FROM social_follows WHERE followee = $1 AND follower IN (SELECT follower \
                        FROM social_follows WHERE followee = $1 ORDER BY follower LIMIT 500) RETURNING follower";
    /// user: some of whom they blocked
    BLOCKS_BY_DELETE = "DELETE FROM social_blocks WHERE blocker = $1 AND blocked IN (SELECT blocked \
                        FROM social_blocks WHERE blocker = $1 ORDER BY blocked LIMIT 500) RETURNING blocked";
    /// user: some of those who blocked them
    BLOCKS_OF_DELETE = "DELETE FROM social_blocks WHERE blocked = $1 AND blocker IN (SELECT blocker \
                        FROM social_blocks WHERE blocked = $1 ORDER BY blocker LIMIT 500) RETURNING blocker";
    /// user: some of whom they muted
    MUTES_BY_DELETE = "DELETE FROM social_mutes WHERE muter = $1 AND muted IN (SELECT muted \
                       FROM social_mutes WHERE muter = $1 ORDER BY muted LIMIT 500) RETURNING muted";
    /// user: some of those who muted them
    MUTES_OF_DELETE = "DELETE FROM social_mutes WHERE muted = $1 AND muter IN (SELECT muter \
                       FROM social_mutes WHERE muted = $1 ORDER BY muter LIMIT 500) RETURNING muter";
}

/// How many rows the statements above that take away or name "some" do at once.
pub(crate) const SOME: usize = 500;
