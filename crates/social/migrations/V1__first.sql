-- Ids of users and posts are `tidings_id`; what Tidings numbers itself is a BIGINT that rises with time. Times are Unix seconds.
CREATE TABLE social_users (
    id tidings_id NOT NULL PRIMARY KEY,
    name TEXT,
    is_private BIGINT NOT NULL,
    language TEXT,
    zone TEXT
);
CREATE TABLE social_posts (
    id tidings_id NOT NULL PRIMARY KEY,
    owner tidings_id NOT NULL,
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The key under which it was posted: a repeat finds it here.
    request_key TEXT,
    UNIQUE (owner, request_key)
);
CREATE INDEX social_posts_by_owner ON social_posts (owner, id);
-- How often a post was liked, commented on and shared; also of posts that the app keeps itself.
CREATE TABLE social_counts (
    post tidings_id NOT NULL PRIMARY KEY,
    likes BIGINT NOT NULL,
    comments BIGINT NOT NULL,
    shares BIGINT NOT NULL
);
CREATE TABLE social_likes (
    post tidings_id NOT NULL,
    liker tidings_id NOT NULL,
    id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (post, liker)
);
CREATE INDEX social_likes_by_liker ON social_likes (liker, id);
CREATE TABLE social_comments (
    id BIGINT NOT NULL PRIMARY KEY,
    post tidings_id NOT NULL,
    author tidings_id NOT NULL,
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    request_key TEXT,
    UNIQUE (author, request_key)
);
CREATE INDEX social_comments_by_post ON social_comments (post, id);
CREATE INDEX social_comments_by_author ON social_comments (author, id);
CREATE TABLE social_shares (
    id BIGINT NOT NULL PRIMARY KEY,
    post tidings_id NOT NULL,
    sharer tidings_id NOT NULL,
    content TEXT,
    created_at BIGINT NOT NULL,
    request_key TEXT,
    UNIQUE (sharer, request_key)
);
CREATE INDEX social_shares_by_post ON social_shares (post, id);
CREATE INDEX social_shares_by_sharer ON social_shares (sharer, id);
-- `state` is 'pending', 'accepted' or 'denied'.
CREATE TABLE social_follows (
    follower tidings_id NOT NULL,
    followee tidings_id NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (follower, followee)
);
CREATE INDEX social_follows_by_followee ON social_follows (followee, state, follower);
CREATE INDEX social_follows_by_follower ON social_follows (follower, state, followee);
CREATE TABLE social_blocks (
    blocker tidings_id NOT NULL,
    blocked tidings_id NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (blocker, blocked)
);
CREATE INDEX social_blocks_by_blocked ON social_blocks (blocked, blocker);
CREATE TABLE social_mutes (
    muter tidings_id NOT NULL,
    muted tidings_id NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (muter, muted)
);
CREATE INDEX social_mutes_by_muted ON social_mutes (muted, muter);
