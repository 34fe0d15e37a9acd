-- What one of the two of a dm is never shown, because they had blocked its sender: seqs from first to last, both included. Neighbours
-- are joined to one row, as in `gaps`.
CREATE TABLE withheld (
    conversation INTEGER NOT NULL, -- conversations.id
    user NOT NULL,
    last INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (conversation, user, last)
) WITHOUT ROWID;

-- NULL where nothing was ever withheld, so that nobody looks. 2 as long as nothing else came: the two share nothing yet, and who is
-- shown nothing has no row in `members`. 1 from then on.
ALTER TABLE conversations ADD COLUMN withheld INTEGER;

-- Where a dm stands in the list of one from whom its last seqs are withheld: conversations.last_commit and touched_at as of before,
-- as long as last_seq is quiet_seq.
ALTER TABLE members ADD COLUMN quiet_seq INTEGER;
ALTER TABLE members ADD COLUMN quiet_commit INTEGER;
ALTER TABLE members ADD COLUMN quiet_at INTEGER;
