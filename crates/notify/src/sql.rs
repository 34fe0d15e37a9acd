//! Every statement of the pack, and its tables: portable SQL that SQLite and Postgres 15 both take; the social pack's `sql.rs` says how.
//!
//! # How a row changes
//! Each change takes the next number of its inbox first (`*_HEAD`), which changes the inbox's counters by what the row will have
//! become, and then changes the row, giving it that number. All of it is one transaction, so the counters are what a count would find.

use tidings_server::Migration;

/// The pack's tables. A step that was released never changes.
pub(crate) const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, name: "first", sql: include_str!("../migrations/V1__first.sql") }];

/// Makes a constant of each statement, and the list of them all.
macro_rules! statements {
    ($($(#[$doc:meta])+ $name:ident = $sql:expr;)+) => {
        $($(#[$doc])+ pub(crate) const $name: &str = $sql;)+

        /// Every statement, by its name.
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

/// How far a row has got, its inbox's marks included: of the row `$r` and the inbox `$i`.
macro_rules! reached {
    ($r:literal, $i:literal) => {
        concat!(
            "(CASE WHEN ",
            $r,
            ".state = 3 OR ",
            $r,
            ".changed <= ",
            $i,
            ".archived_to THEN 3 WHEN ",
            $r,
            ".state = 2 OR ",
            $r,
            ".changed <= ",
            $i,
            ".read_to THEN 2 WHEN ",
            $r,
            ".state = 1 OR ",
            $r,
            ".changed <= ",
            $i,
            ".seen_to THEN 1 ELSE 0 END)"
        )
    };
}

/// The row that others of the owner `$1`, the subtype `$2` and the group `$3` are joined into.
macro_rules! open_row {
    () => {
        "r.owner = $1 AND r.subtype = $2 AND r.group_key = $3 AND r.is_open = 1"
    };
}

/// The same, where `$1` is the owner of the inbox that is written.
macro_rules! open_row_of_inbox {
    () => {
        "r.owner = notify_inboxes.owner AND r.subtype = $2 AND r.group_key = $3 AND r.is_open = 1"
    };
}

/// The latest row of the owner `$1`, the subtype `$2` and the group `$3` that the actor `$4` is in.
macro_rules! row_of_actor {
    () => {
        "(SELECT r.id FROM notify_rows r JOIN notify_actors a ON a.row_id = r.id AND a.actor = $4 \
         WHERE r.owner = $1 AND r.subtype = $2 AND r.group_key = $3 ORDER BY r.id DESC LIMIT 1)"
    };
}

/// How many counted rows of the owner `$1` a mark up to the change `$2` passes, of those that neither the mark `$mark` nor their own
/// state had brought so far.
macro_rules! below {
    ($mark:literal, $state:literal) => {
        concat!(
            "(SELECT count(*) FROM notify_rows r WHERE r.owner = $1 AND r.changed > notify_inboxes.",
            $mark,
            " AND r.changed <= $2 AND ",
            $state,
            " AND r.is_removed = 0 AND r.is_request = 0)"
        )
    };
}

/// 1 where the row `$2` of the owner `$1` is one of those that a counter counts, else 0.
macro_rules! counted {
    ($mark:literal, $state:literal) => {
        concat!(
            "(SELECT count(*) FROM notify_rows r WHERE r.id = $2 AND r.owner = $1 AND r.is_request = 0 AND r.changed > notify_inboxes.",
            $mark,
            " AND ",
            $state,
            ")"
        )
    };
}

/// The last ten actors of the row `$row`.
macro_rules! actors_of {
    ($row:literal, $name:literal) => {
        concat!(
            "SELECT * FROM (SELECT row_id, actor, latest, data FROM notify_actors WHERE row_id = ",
            $row,
            " ORDER BY latest DESC LIMIT 10) ",
            $name
        )
    };
}

/// What is read of a row.
macro_rules! row {
    () => {
        concat!(
            "SELECT r.id, r.changed, r.grown, r.subtype, r.group_key, r.actor, r.actors, r.events, r.data, r.words, ",
            reached!("r", "i"),
            ", r.is_request, r.is_removed, r.changed_at FROM notify_rows r JOIN notify_inboxes i ON i.owner = r.owner "
        )
    };
}

/// As many parameters as [`WANTS_ASKED`].
macro_rules! fifty {
    () => {
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, \
         $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50"
    };
}

/// Users of whom one question asks whether they want anything of their own.
pub(crate) const WANTS_ASKED: usize = 50;

statements! {
    /// owner, whether it is counted (1 or 0): a change for a row that is new.
    NEW_HEAD = "INSERT INTO notify_inboxes (owner, head, unseen, unread) VALUES ($1, 1, $2, $2) \
                ON CONFLICT (owner) DO UPDATE SET head = notify_inboxes.head + 1, \
                unseen = notify_inboxes.unseen + excluded.unseen, unread = notify_inboxes.unread + excluded.unread \
                RETURNING owner, head";
    /// owner, subtype, id, actor, actors (1 or 0), data, words, request (1 or 0), second, notice
    NEW_ROW = "INSERT INTO notify_rows (id, owner, changed, grown, subtype, actor, actors, events, data, words, state, \
               is_request, is_removed, first_at, changed_at, event) SELECT $3, i.owner, i.head, i.head, $2, $4, $5, 1, $6, $7, 0, $8, 0, $9, \
               $9, $10 FROM notify_inboxes i WHERE i.owner = $1";

    /// owner, subtype, group, second: what began by then, or is archived, is joined with no more.
    GROW_CLOSE = "UPDATE notify_rows SET is_open = NULL WHERE owner = $1 AND subtype = $2 AND group_key = $3 AND is_open = 1 \
                  AND (first_at <= $4 OR state = 3 OR changed <= \
                  (SELECT i.archived_to FROM notify_inboxes i WHERE i.owner = $1))";
    /// owner, subtype, group, whether it is counted (1 or 0)
    GROW_HEAD = concat!(
        "INSERT INTO notify_inboxes (owner, head, unseen, unread) VALUES ($1, 1, $4, $4) \
         ON CONFLICT (owner) DO UPDATE SET head = notify_inboxes.head + 1, \
         unseen = notify_inboxes.unseen + CASE WHEN EXISTS (SELECT 1 FROM notify_rows r WHERE ", open_row_of_inbox!(),
        " AND r.state = 0 AND r.changed > notify_inboxes.seen_to) THEN 0 ELSE excluded.unseen END, \
         unread = notify_inboxes.unread + CASE WHEN EXISTS (SELECT 1 FROM notify_rows r WHERE ", open_row_of_inbox!(),
        " AND r.state < 2 AND r.changed > notify_inboxes.read_to) THEN 0 ELSE excluded.unread END RETURNING owner, head"
    );
    /// owner, subtype, group, id, data, words, request (1 or 0), second, notice (none where an actor has it)
    GROW_ROW = "INSERT INTO notify_rows (id, owner, changed, grown, subtype, group_key, is_open, actors, events, data, words, state, \
                is_request, is_removed, first_at, changed_at, event) SELECT $4, i.owner, i.head, i.head, $2, $3, 1, 0, 1, $5, $6, 0, $7, 0, \
                $8, $8, $9 FROM notify_inboxes i WHERE i.owner = $1 \
                ON CONFLICT (owner, subtype, group_key, is_open) DO UPDATE SET changed = excluded.changed, \
                grown = excluded.grown, events = notify_rows.events + 1, data = excluded.data, words = excluded.words, state = 0, \
                changed_at = excluded.changed_at, event = excluded.event";
    /// owner, subtype, group, actor, event, data, notice
    GROW_ACTOR = concat!(
        "INSERT INTO notify_actors (row_id, actor, events, since, latest, data, notice) SELECT r.id, $4, 1, $5, $5, $6, $7 \
         FROM notify_rows r WHERE ", open_row!(),
        " ON CONFLICT (row_id, actor) DO UPDATE SET events = notify_actors.events + 1, latest = excluded.latest, \
         data = excluded.data, notice = excluded.notice"
    );
    /// owner, subtype, group, actor, event: one more different user, if this event brought them.
    GROW_COUNT = "UPDATE notify_rows SET actors = actors + 1 WHERE owner = $1 AND subtype = $2 AND group_key = $3 AND is_open = 1 \
                  AND EXISTS (SELECT 1 FROM notify_actors a WHERE a.row_id = notify_rows.id AND a.actor = $4 AND a.since = $5)";

    /// owner, subtype, group, actor
    SHRINK_HEAD = concat!(
        "UPDATE notify_inboxes SET head = head + 1, \
         unseen = unseen - (SELECT count(*) FROM notify_rows r JOIN notify_actors a ON a.row_id = r.id AND a.actor = $4 \
         WHERE r.id = ", row_of_actor!(), " AND r.actors = 1 AND a.events = 1 AND r.is_request = 0 AND r.state = 0 \
         AND r.changed > notify_inboxes.seen_to), \
         unread = unread - (SELECT count(*) FROM notify_rows r JOIN notify_actors a ON a.row_id = r.id AND a.actor = $4 \
         WHERE r.id = ", row_of_actor!(), " AND r.actors = 1 AND a.events = 1 AND r.is_request = 0 AND r.state < 2 \
         AND r.changed > notify_inboxes.read_to) \
         WHERE owner = $1 AND EXISTS ", row_of_actor!(), " RETURNING owner, head"
    );
    /// owner, subtype, group, actor
    SHRINK_ROW = concat!(
        "UPDATE notify_rows SET changed = (SELECT i.head FROM notify_inboxes i WHERE i.owner = $1), \
         state = (SELECT ", reached!("notify_rows", "i"), " FROM notify_inboxes i WHERE i.owner = $1), \
         events = events - 1, \
         actors = actors - (SELECT count(*) FROM notify_actors a WHERE a.row_id = notify_rows.id AND a.actor = $4 AND a.events = 1), \
         is_removed = (SELECT count(*) FROM notify_actors a WHERE a.row_id = notify_rows.id AND a.actor = $4 AND a.events = 1 \
         AND notify_rows.actors = 1), \
         data = NULL, words = CASE WHEN actors = 1 THEN NULL ELSE words END, \
         is_open = CASE WHEN actors = 1 AND EXISTS (SELECT 1 FROM notify_actors a WHERE a.row_id = notify_rows.id \
         AND a.actor = $4 AND a.events = 1) THEN NULL ELSE is_open END \
         WHERE EXISTS (SELECT 1 FROM notify_inboxes i WHERE i.owner = $1) AND id = ", row_of_actor!()
    );
    /// owner, subtype, group, actor
    SHRINK_ACTOR = concat!("UPDATE notify_actors SET events = events - 1 WHERE actor = $4 AND row_id = ", row_of_actor!());
    /// owner, subtype, group, actor
    SHRINK_GONE = "DELETE FROM notify_actors WHERE actor = $4 AND events = 0 AND row_id IN (SELECT r.id FROM notify_rows r \
                   WHERE r.owner = $1 AND r.subtype = $2 AND r.group_key = $3)";

    /// owner, up to
    SEEN_TO = concat!("UPDATE notify_inboxes SET head = head + 1, seen_at = head + 1, \
               seen_to = CASE WHEN $2 > head THEN head ELSE $2 END, \
               unseen = CASE WHEN $2 >= head THEN 0 ELSE unseen - ", below!("seen_to", "r.state = 0"), " END \
               WHERE owner = $1 AND $2 > seen_to AND head > seen_to RETURNING owner, head");
    /// owner, up to: what is read is seen.
    READ_TO = concat!("UPDATE notify_inboxes SET head = head + 1, read_at = head + 1, \
               read_to = CASE WHEN $2 > head THEN head ELSE $2 END, \
               seen_to = CASE WHEN $2 > head THEN head WHEN $2 > seen_to THEN $2 ELSE seen_to END, \
               unseen = CASE WHEN $2 >= head THEN 0 ELSE unseen - ", below!("seen_to", "r.state = 0"), " END, \
               unread = CASE WHEN $2 >= head THEN 0 ELSE unread - ", below!("read_to", "r.state < 2"), " END \
               WHERE owner = $1 AND $2 > read_to AND head > read_to RETURNING owner, head");
    /// owner, up to: what is archived is read.
    ARCHIVED_TO = concat!("UPDATE notify_inboxes SET head = head + 1, archived_at = head + 1, \
               archived_to = CASE WHEN $2 > head THEN head ELSE $2 END, \
               read_to = CASE WHEN $2 > head THEN head WHEN $2 > read_to THEN $2 ELSE read_to END, \
               seen_to = CASE WHEN $2 > head THEN head WHEN $2 > seen_to THEN $2 ELSE seen_to END, \
               unseen = CASE WHEN $2 >= head THEN 0 ELSE unseen - ", below!("seen_to", "r.state = 0"), " END, \
               unread = CASE WHEN $2 >= head THEN 0 ELSE unread - ", below!("read_to", "r.state < 2"), " END \
               WHERE owner = $1 AND $2 > archived_to AND head > archived_to RETURNING owner, head");
    /// owner, row, state
    MARK_HEAD = concat!(
        "UPDATE notify_inboxes SET head = head + 1, \
         unseen = unseen - ", counted!("seen_to", "r.state = 0"), ", \
         unread = unread - ", counted!("read_to", "r.state < 2 AND CAST($3 AS BIGINT) >= 2"), " \
         WHERE owner = $1 AND EXISTS (SELECT 1 FROM notify_rows r WHERE r.id = $2 AND r.owner = $1 AND r.is_removed = 0 AND ",
        reached!("r", "notify_inboxes"), " < CAST($3 AS BIGINT)) RETURNING owner, head"
    );
    /// owner, row, state
    MARK_ROW = concat!(
        "UPDATE notify_rows SET changed = (SELECT i.head FROM notify_inboxes i WHERE i.owner = $1), state = CAST($3 AS BIGINT), \
         is_open = CASE WHEN CAST($3 AS BIGINT) = 3 THEN NULL ELSE is_open END \
         WHERE id = $2 AND owner = $1 AND is_removed = 0 \
         AND (SELECT ", reached!("notify_rows", "i"), " FROM notify_inboxes i WHERE i.owner = $1) < CAST($3 AS BIGINT)"
    );

    /// owner
    INBOX = "SELECT head, unseen, unread, seen_to, seen_at, read_to, read_at, archived_to, archived_at, pruned_to \
             FROM notify_inboxes WHERE owner = $1";
    /// owner, above this change, limit
    CHANGED_AFTER = concat!(row!(), "WHERE r.owner = $1 AND r.changed > $2 ORDER BY r.changed LIMIT $3");
    /// owner, below this change, limit: what is not archived.
    PAGE_ALL = concat!(row!(), "WHERE r.owner = $1 AND r.changed < $2 AND r.changed > i.archived_to AND r.state < 3 \
                        AND r.is_removed = 0 AND r.is_request = 0 ORDER BY r.changed DESC LIMIT $3");
    /// owner, below this change, limit: what was not read.
    PAGE_UNREAD = concat!(row!(), "WHERE r.owner = $1 AND r.changed < $2 AND r.changed > i.read_to AND r.state < 2 \
                           AND r.is_removed = 0 AND r.is_request = 0 ORDER BY r.changed DESC LIMIT $3");
    /// owner, below this change, limit: what is archived.
    PAGE_ARCHIVED = concat!(row!(), "WHERE r.owner = $1 AND r.changed < $2 AND (r.changed <= i.archived_to OR r.state = 3) \
                             AND r.is_removed = 0 ORDER BY r.changed DESC LIMIT $3");
    /// owner, below this change, limit: what strangers caused.
    PAGE_REQUESTS = concat!(row!(), "WHERE r.owner = $1 AND r.changed < $2 AND r.changed > i.archived_to AND r.state < 3 \
                             AND r.is_removed = 0 AND r.is_request = 1 ORDER BY r.changed DESC LIMIT $3");
    /// ten rows: the last ten of each one's actors, in no order.
    ACTORS = concat!(actors_of!("$1", "a1"), " UNION ALL ", actors_of!("$2", "a2"), " UNION ALL ", actors_of!("$3", "a3"), " UNION ALL ", actors_of!("$4", "a4"), " UNION ALL ", actors_of!("$5", "a5"), " UNION ALL ", actors_of!("$6", "a6"), " UNION ALL ", actors_of!("$7", "a7"), " UNION ALL ", actors_of!("$8", "a8"), " UNION ALL ", actors_of!("$9", "a9"), " UNION ALL ", actors_of!("$10", "a10"));

    /// owner, subtype, group, second: the row that what comes now is joined into, if it began after.
    OPEN_ROW = "SELECT r.id FROM notify_rows r JOIN notify_inboxes i ON i.owner = r.owner WHERE r.owner = $1 AND r.subtype = $2 \
                AND r.group_key = $3 AND r.is_open = 1 AND r.first_at > $4 AND r.state < 3 AND r.changed > i.archived_to";
    /// notice, above this entry, limit; with when it is due, where it still waits.
    TRACE_OF_NOTICE = "SELECT t.id, t.event, t.owner, t.subtype, t.step, t.why, t.at, d.due_at FROM notify_trace t \
                       LEFT JOIN notify_deferred d ON d.id = t.id WHERE t.event = $1 AND t.id > $2 ORDER BY t.id LIMIT $3";
    /// owner, below this entry, limit
    TRACE_OF_USER = "SELECT t.id, t.event, t.owner, t.subtype, t.step, t.why, t.at, d.due_at FROM notify_trace t \
                     LEFT JOIN notify_deferred d ON d.id = t.id WHERE t.owner = $1 AND t.id < $2 ORDER BY t.id DESC LIMIT $3";
    /// owner, above this entry, limit
    TRACE_OF_USER_AFTER = "SELECT t.id, t.event, t.owner, t.subtype, t.step, t.why, t.at, d.due_at FROM notify_trace t \
                           LEFT JOIN notify_deferred d ON d.id = t.id WHERE t.owner = $1 AND t.id > $2 ORDER BY t.id LIMIT $3";
    /// notice, above this row, limit: rows that it made or, without an actor, that it was joined into last.
    ROWS_OF_NOTICE = "SELECT id, id, owner, subtype, changed_at, is_request, actor FROM notify_rows WHERE event = $1 AND id > $2 \
                      ORDER BY id LIMIT $3";
    /// notice, above this event, limit: rows that it was joined into, as the last event of its actor.
    JOINED_BY_NOTICE = "SELECT a.latest, r.id, r.owner, r.subtype, r.changed_at, r.is_request, a.actor FROM notify_actors a \
                        JOIN notify_rows r ON r.id = a.row_id WHERE a.notice = $1 AND a.latest > $2 ORDER BY a.latest LIMIT $3";
    /// job
    JOB_OF_NOTICE = "SELECT j.notice, j.recipients, j.created_at, p.after_user, p.done FROM notify_jobs j \
                     JOIN notify_progress p ON p.job = j.id WHERE j.id = $1";
    /// row
    ROW_STANDING = concat!(
        "SELECT r.owner, r.subtype, r.group_key, r.actor, r.actors, r.events, r.state, ", reached!("r", "i"), ", r.changed, \
         r.is_request, r.is_removed, r.first_at, r.changed_at, r.event, i.seen_to, i.seen_at, i.read_to, i.read_at, i.archived_to, \
         i.archived_at FROM notify_rows r JOIN notify_inboxes i ON i.owner = r.owner WHERE r.id = $1"
    );
    /// row
    ROW_ACTORS = "SELECT latest, actor, events, notice FROM notify_actors WHERE row_id = $1 ORDER BY latest DESC LIMIT 10";

    /// owner
    PREFERENCES = "SELECT subtype, object, channel, wanted FROM notify_preferences WHERE owner = $1 \
                   ORDER BY object, subtype, channel LIMIT 1000";
    /// owner, subtype, object, channel, wanted (1 or 0)
    PREFERENCE_PUT = "INSERT INTO notify_preferences (owner, subtype, object, channel, wanted) VALUES ($1, $2, $3, $4, $5) \
                      ON CONFLICT (owner, object, subtype, channel) DO UPDATE SET wanted = excluded.wanted";
    /// owner, subtype, object, channel
    PREFERENCE_DELETE = "DELETE FROM notify_preferences WHERE owner = $1 AND subtype = $2 AND object = $3 AND channel = $4";
    /// users: those of them who want anything of their own
    WANTS_ANYTHING = concat!(
        "SELECT owner FROM notify_preferences WHERE owner IN (", fifty!(), ") UNION SELECT owner FROM notify_policies WHERE owner IN (",
        fifty!(), ")"
    );
    /// owner
    POLICY = "SELECT policy, quiet FROM notify_policies WHERE owner = $1";
    /// owner, policy
    POLICY_PUT = "INSERT INTO notify_policies (owner, policy) VALUES ($1, $2) \
                  ON CONFLICT (owner) DO UPDATE SET policy = excluded.policy";
    /// owner, quiet hours
    QUIET_PUT = "INSERT INTO notify_policies (owner, quiet) VALUES ($1, $2) \
                 ON CONFLICT (owner) DO UPDATE SET quiet = excluded.quiet";

    /// id, notice, recipients, second
    JOB_INSERT = "INSERT INTO notify_jobs (id, notice, recipients, created_at) VALUES ($1, $2, $3, $4)";
    /// id
    PROGRESS_INSERT = "INSERT INTO notify_progress (job, after_user, done, tries) VALUES ($1, NULL, 0, 0)";
    /// above this job
    JOB_NEXT = "SELECT j.id, j.notice, j.recipients, j.created_at, p.after_user, p.done FROM notify_jobs j \
                JOIN notify_progress p ON p.job = j.id WHERE j.id > $1 ORDER BY j.id LIMIT 1";
    /// the oldest jobs
    JOB_COUNT = "SELECT count(*), min(created_at) FROM notify_jobs";
    /// job, the last recipient, how many have theirs, how many had before
    PROGRESS = "UPDATE notify_progress SET after_user = $2, done = $3 WHERE job = $1 AND done = $4";
    /// job
    JOB_DELETE = "DELETE FROM notify_jobs WHERE id = $1";
    /// job
    PROGRESS_DELETE = "DELETE FROM notify_progress WHERE job = $1";

    /// id, owner, due at, subtype, group, actor, notice
    DEFER = "INSERT INTO notify_deferred (id, owner, due_at, subtype, group_key, actor, notice) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    /// due by this second, limit
    DUE = "SELECT id, owner, notice FROM notify_deferred WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2";
    /// the next
    NEXT_DUE = "SELECT min(due_at) FROM notify_deferred";
    /// id
    DEFERRED_DELETE = "DELETE FROM notify_deferred WHERE id = $1";
    /// owner, subtype, group, actor
    DEFERRED_TAKEN_BACK = "DELETE FROM notify_deferred WHERE id = (SELECT d.id FROM notify_deferred d WHERE d.owner = $1 \
                           AND d.subtype = $2 AND d.group_key = $3 AND d.actor = $4 ORDER BY d.id DESC LIMIT 1)";

    /// above this row, below this row, second: rows whose last event lies before.
    EXPIRED = "SELECT id, owner FROM notify_rows WHERE id > $1 AND id < $2 AND changed_at < $3 AND is_removed = 0 ORDER BY id LIMIT 200";
    /// owner, row: a change by which it goes.
    EXPIRE_HEAD = concat!("UPDATE notify_inboxes SET head = head + 1, \
                   unseen = unseen - ", counted!("seen_to", "r.state = 0"), ", \
                   unread = unread - ", counted!("read_to", "r.state < 2"), " \
                   WHERE owner = $1 AND EXISTS (SELECT 1 FROM notify_rows r WHERE r.id = $2 AND r.owner = $1 AND r.is_removed = 0) \
                   RETURNING owner, head");
    /// owner, row
    EXPIRE_ROW = "UPDATE notify_rows SET changed = (SELECT i.head FROM notify_inboxes i WHERE i.owner = $1), is_removed = 1, \
                  is_open = NULL, state = 3, actors = 0, actor = NULL, data = NULL, words = NULL \
                  WHERE id = $2 AND owner = $1 AND is_removed = 0 \
                  AND EXISTS (SELECT 1 FROM notify_inboxes i WHERE i.owner = $1)";
    /// row
    EXPIRE_ACTORS = "DELETE FROM notify_actors WHERE row_id = $1";
    /// above this row, below this row, second: rows that went before.
    GONE = "SELECT id, owner, changed FROM notify_rows WHERE id > $1 AND id < $2 AND changed_at < $3 AND is_removed = 1 \
            ORDER BY id LIMIT 200";
    /// owner, change: what went by then is known no more.
    FORGET_HEAD = "UPDATE notify_inboxes SET pruned_to = $2 WHERE owner = $1 AND pruned_to < $2";
    /// row
    FORGET_ROW = "DELETE FROM notify_rows WHERE id = $1 AND is_removed = 1";
    /// below this entry
    TRACE_OLD = "DELETE FROM notify_trace WHERE id IN (SELECT id FROM notify_trace WHERE id < $1 ORDER BY id LIMIT 500) RETURNING id";
    /// so many of the newest are kept: the id of the oldest of them
    TRACE_OLDEST = "SELECT id FROM notify_trace ORDER BY id DESC LIMIT 1 OFFSET $1";

    /// owner: some of their rows
    ROWS_OF = "SELECT id FROM notify_rows WHERE owner = $1 ORDER BY changed LIMIT 200";
    /// owner: what came while their rows went
    ACTORS_OF_DELETE = "DELETE FROM notify_actors WHERE row_id IN (SELECT id FROM notify_rows WHERE owner = $1)";
    /// owner
    ROWS_OF_DELETE = "DELETE FROM notify_rows WHERE owner = $1";
    /// row
    ROW_DELETE = "DELETE FROM notify_rows WHERE id = $1";
    /// owner
    INBOX_DELETE = "DELETE FROM notify_inboxes WHERE owner = $1";
    /// owner
    PREFERENCES_DELETE = "DELETE FROM notify_preferences WHERE owner = $1";
    /// owner
    POLICY_DELETE = "DELETE FROM notify_policies WHERE owner = $1";
    /// owner
    DEFERRED_OF_DELETE = "DELETE FROM notify_deferred WHERE owner = $1 OR actor = $1";
    /// owner
    TRACE_OF_DELETE = "DELETE FROM notify_trace WHERE owner = $1";
    /// actor: some of the rows that they are joined into.
    JOINED_BY = "SELECT r.owner, r.subtype, r.group_key, r.id FROM notify_actors a JOIN notify_rows r ON r.id = a.row_id \
                 WHERE a.actor = $1 ORDER BY a.row_id DESC LIMIT 100";
    /// row, actor: as often as they did it, but once.
    JOINED_EVENTS = "UPDATE notify_rows SET events = events + 1 - (SELECT a.events FROM notify_actors a WHERE a.row_id = $1 AND a.actor = $2) \
                     WHERE id = $1 AND EXISTS (SELECT 1 FROM notify_actors a WHERE a.row_id = $1 AND a.actor = $2)";
    /// row, actor
    JOINED_ONCE = "UPDATE notify_actors SET events = 1 WHERE row_id = $1 AND actor = $2";
    /// actor: some of the rows that they alone are in.
    SINGLE_BY = "SELECT id, owner FROM notify_rows WHERE actor = $1 AND is_removed = 0 ORDER BY id LIMIT 200";

    /// id, event, owner, subtype, step, why, second
    TRACE = "INSERT INTO notify_trace (id, event, owner, subtype, step, why, at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
}
