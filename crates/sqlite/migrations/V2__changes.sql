-- Messages change, and go.

ALTER TABLE messages ADD COLUMN edited_at INTEGER;  -- Unix milliseconds of the last edit
ALTER TABLE messages ADD COLUMN deleted_at INTEGER; -- Unix milliseconds; the body is {} from then on
-- A row with an "of" is an event: an edit where edited_at is set, a deletion where deleted_at is. Its type is that of the message
-- it is about, so that pruning by type reaches it at an age of its own; its body is {}: readers take the message's.

-- What is never unread. Most messages are in neither of these two, so that storing them costs no more than before.
-- The last two columns spare counting a look at the rows.
CREATE INDEX messages_uncounted ON messages (conversation, seq, "of", deleted_at) WHERE "of" IS NOT NULL OR deleted_at IS NOT NULL;
-- What a user sent without a key; the rest of it is found by messages_key.
CREATE INDEX messages_unkeyed ON messages (sender) WHERE key IS NULL AND sender IS NOT NULL;

-- What is pruned first.
CREATE INDEX messages_by_age ON messages (type, created_at);

-- Seqs whose rows are gone, pruned or erased: from first to last, both included. Neighbours are joined to one row.
CREATE TABLE gaps (
    conversation INTEGER NOT NULL, -- conversations.id
    last INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (conversation, last)
) WITHOUT ROWID;

-- Where a group stands in the list of one who left: conversations.last_commit and touched_at as of then, whatever goes later.
ALTER TABLE members ADD COLUMN left_commit INTEGER;
ALTER TABLE members ADD COLUMN left_at INTEGER;
UPDATE members SET
    left_commit = coalesce((SELECT l.commit_no FROM messages l
        WHERE l.conversation = members.conversation AND l.seq = members.left_seq), 0),
    left_at = coalesce((SELECT l.created_at / 1000 FROM messages l
        WHERE l.conversation = members.conversation AND l.seq = members.left_seq), 0)
    WHERE left_seq IS NOT NULL;

-- What users chose for themselves; who has no row chose nothing.
CREATE TABLE choices (
    user UNIQUE NOT NULL,
    receipts INTEGER NOT NULL,     -- 1: others learn how far this user has read
    visible INTEGER NOT NULL       -- 1: others learn when this user is online
);

-- 1 in a backup: who opens it begins another epoch.
ALTER TABLE meta ADD COLUMN copied INTEGER NOT NULL DEFAULT 0;
