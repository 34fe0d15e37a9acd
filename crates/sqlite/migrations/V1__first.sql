-- Ids of users, groups and posts stand in columns without a type: an id is an INTEGER, or the 16 bytes of a UUID as a BLOB.
-- SQLite sorts integers before blobs and blobs by their bytes, which is the order of ids.
-- No foreign keys: each would cost a look-up in the busiest statement, and one writer keeps them right.

-- What the whole store is: one row.
CREATE TABLE meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch TEXT NOT NULL,           -- names this history; another one where an old copy was restored
    node INTEGER NOT NULL,         -- in message ids, 0 to 1023
    last_commit INTEGER NOT NULL,  -- the highest messages.commit_no ever given
    last_id INTEGER                -- the highest messages.id ever stored
);
INSERT INTO meta VALUES (1, lower(hex(randomblob(16))), 0, 0, NULL);

CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,      -- dm:2:7, group:5
    kind TEXT NOT NULL,            -- dm, group
    last_seq INTEGER NOT NULL,     -- 0 before the first message
    touched_at INTEGER NOT NULL,   -- Unix seconds of the last message; 0 before the first
    last_commit INTEGER NOT NULL   -- of the last message: orders lists whatever the clock did; 0 before the first
);

-- One row an interval of membership: a rejoin begins another. The two of a dm never leave.
CREATE TABLE members (
    conversation INTEGER NOT NULL, -- conversations.id
    user NOT NULL,
    joined_seq INTEGER NOT NULL,   -- sees what comes after it
    left_seq INTEGER,              -- sees nothing after it; NULL while a member
    read_seq INTEGER NOT NULL,     -- the latest interval's counts
    muted_until INTEGER,           -- Unix seconds
    UNIQUE (conversation, user, joined_seq)
);
CREATE UNIQUE INDEX members_now ON members (conversation, user) WHERE left_seq IS NULL;
CREATE INDEX members_by_user ON members (user, conversation);

CREATE TABLE messages (
    commit_no INTEGER PRIMARY KEY, -- from meta.last_commit: SQLite's own would be given again after a delete
    conversation INTEGER NOT NULL, -- conversations.id
    seq INTEGER NOT NULL,
    id INTEGER NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    sender,
    key TEXT,
    key_hash BLOB,                 -- tells a repeat from another message under the same key
    "of" INTEGER,                  -- the seq that an event of editing or deleting is about
    body TEXT NOT NULL,            -- a JSON object
    created_at INTEGER NOT NULL    -- Unix milliseconds
);
CREATE UNIQUE INDEX messages_place ON messages (conversation, seq);
CREATE UNIQUE INDEX messages_key ON messages (sender, key) WHERE key IS NOT NULL;

-- Users who were signed out everywhere: what was issued at or before this Unix second is refused.
CREATE TABLE revoked (
    user UNIQUE NOT NULL,
    before INTEGER NOT NULL
);

-- Idempotent calls that store no message.
CREATE TABLE requests (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    hash BLOB NOT NULL,
    answer TEXT NOT NULL,
    UNIQUE (scope, key)
);

CREATE TABLE sessions (
    hash BLOB NOT NULL UNIQUE,     -- SHA-256 of the cookie's value
    user NOT NULL,
    created_at INTEGER NOT NULL,   -- Unix seconds
    expires_at INTEGER NOT NULL    -- Unix seconds
);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE service_keys (
    name TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL UNIQUE,     -- SHA-256 of the whole key
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,   -- Unix seconds
    last_used_at INTEGER           -- Unix seconds
);
