-- Ids of users are `tidings_id`; what Tidings numbers itself is a BIGINT that rises with time. Times are Unix seconds.

-- One row an inbox that ever had anything. `head` counts its changes; each change of a row takes the next number. `*_to` is how far
-- all rows have got at least, `*_at` the number that this mark itself took.
CREATE TABLE notify_inboxes (
    owner tidings_id NOT NULL PRIMARY KEY,
    head BIGINT NOT NULL,
    unseen BIGINT NOT NULL,
    unread BIGINT NOT NULL,
    seen_to BIGINT NOT NULL DEFAULT 0,
    seen_at BIGINT NOT NULL DEFAULT 0,
    read_to BIGINT NOT NULL DEFAULT 0,
    read_at BIGINT NOT NULL DEFAULT 0,
    archived_to BIGINT NOT NULL DEFAULT 0,
    archived_at BIGINT NOT NULL DEFAULT 0,
    -- What was removed up to here is forgotten: whoever resumes from below begins anew.
    pruned_to BIGINT NOT NULL DEFAULT 0
);
-- One row a notification. `changed` is its last change, `grown` the last by which something came to it. `is_open` is 1 while others of its group are joined into it, else NULL.
-- `state`: 0 unseen, 1 seen, 2 read, 3 archived, or further by the inbox's marks.
CREATE TABLE notify_rows (
    id BIGINT NOT NULL PRIMARY KEY,
    owner tidings_id NOT NULL,
    changed BIGINT NOT NULL,
    grown BIGINT NOT NULL,
    subtype TEXT NOT NULL,
    group_key TEXT,
    is_open BIGINT,
    -- Who did it, where it is never joined.
    actor tidings_id,
    actors BIGINT NOT NULL,
    events BIGINT NOT NULL,
    data TEXT,
    words TEXT,
    state BIGINT NOT NULL,
    is_request BIGINT NOT NULL,
    is_removed BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- The notice that it came by, where no row of `notify_actors` says it.
    event BIGINT
);
CREATE INDEX notify_rows_by_event ON notify_rows (event, id);
CREATE UNIQUE INDEX notify_rows_by_change ON notify_rows (owner, changed);
-- For the erasure of who did it.
CREATE INDEX notify_rows_by_actor ON notify_rows (actor) WHERE actor IS NOT NULL;
CREATE UNIQUE INDEX notify_rows_by_group ON notify_rows (owner, subtype, group_key, is_open);
-- The different users in a row that others are joined into. `since` is the event by which the user came, `latest` their last one.
CREATE TABLE notify_actors (
    row_id BIGINT NOT NULL,
    actor tidings_id NOT NULL,
    events BIGINT NOT NULL,
    since BIGINT NOT NULL,
    latest BIGINT NOT NULL,
    data TEXT,
    -- The notice of their last event.
    notice BIGINT NOT NULL,
    PRIMARY KEY (row_id, actor)
);
CREATE INDEX notify_actors_by_notice ON notify_actors (notice, latest);
CREATE INDEX notify_actors_by_event ON notify_actors (row_id, latest);
CREATE INDEX notify_actors_by_actor ON notify_actors (actor, row_id);
-- What a user wants: the narrowest row that fits decides, an absent one inherits. '' stands for all subtypes, objects, channels.
CREATE TABLE notify_preferences (
    owner tidings_id NOT NULL,
    subtype TEXT NOT NULL,
    object TEXT NOT NULL,
    channel TEXT NOT NULL,
    wanted BIGINT NOT NULL,
    PRIMARY KEY (owner, object, subtype, channel)
);
-- What a user wants of strangers ('accept', 'filter', 'drop'), and when they want quiet: JSON.
CREATE TABLE notify_policies (
    owner tidings_id NOT NULL PRIMARY KEY,
    policy TEXT,
    quiet TEXT
);
-- Notifications to many, until the last recipient has theirs. `after` is the last one that has.
CREATE TABLE notify_jobs (
    id BIGINT NOT NULL PRIMARY KEY,
    notice TEXT NOT NULL,
    recipients TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE notify_progress (
    job BIGINT NOT NULL PRIMARY KEY,
    after_user tidings_id,
    done BIGINT NOT NULL,
    tries BIGINT NOT NULL
);
-- What waits for the end of a recipient's quiet hours.
CREATE TABLE notify_deferred (
    id BIGINT NOT NULL PRIMARY KEY,
    owner tidings_id NOT NULL,
    due_at BIGINT NOT NULL,
    subtype TEXT NOT NULL,
    group_key TEXT,
    actor tidings_id,
    notice TEXT NOT NULL
);
CREATE INDEX notify_deferred_by_time ON notify_deferred (due_at, id);
CREATE INDEX notify_deferred_by_group ON notify_deferred (owner, subtype, group_key, actor);
-- Why somebody did not get something, or not at once.
CREATE TABLE notify_trace (
    id BIGINT NOT NULL PRIMARY KEY,
    event BIGINT NOT NULL,
    owner tidings_id,
    subtype TEXT NOT NULL,
    step TEXT NOT NULL,
    why TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX notify_trace_by_event ON notify_trace (event, id);
CREATE INDEX notify_trace_by_owner ON notify_trace (owner, id);

-- Where a user's devices are reached: kind 'webpush' with an endpoint and keys, 'fcm' or 'apns' with a token.
CREATE TABLE notify_subscriptions (
    id BIGINT NOT NULL PRIMARY KEY,
    owner tidings_id NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    p256dh TEXT,
    auth TEXT,
    renewed_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX notify_subscriptions_by_address ON notify_subscriptions (kind, address);
CREATE INDEX notify_subscriptions_by_owner ON notify_subscriptions (owner, kind);
-- What goes out on a channel unless its row is read before `due_at`. `subscription` is 0 where the channel sends once a user. `grown` is
-- the row's last growth that is told by it.
CREATE TABLE notify_deliveries (
    id BIGINT NOT NULL,
    subscription BIGINT NOT NULL,
    channel TEXT NOT NULL,
    owner tidings_id NOT NULL,
    row_id BIGINT NOT NULL,
    grown BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id, subscription)
);
CREATE UNIQUE INDEX notify_deliveries_by_row ON notify_deliveries (row_id, channel, subscription);
CREATE INDEX notify_deliveries_by_time ON notify_deliveries (channel, due_at, id);
CREATE INDEX notify_deliveries_by_owner ON notify_deliveries (owner);
-- What could not be sent. `letter` rises with time.
CREATE TABLE notify_dead_letters (
    letter BIGINT NOT NULL PRIMARY KEY,
    id BIGINT NOT NULL,
    subscription BIGINT NOT NULL,
    channel TEXT NOT NULL,
    owner tidings_id NOT NULL,
    row_id BIGINT NOT NULL,
    grown BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    why TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    died_at BIGINT NOT NULL
);
CREATE INDEX notify_dead_letters_by_owner ON notify_dead_letters (owner);
