//! Every statement about deliveries, dead letters and subscriptions: portable as those of the pack's `sql.rs`.

statements! {
    /// id, channel, due at, second, row: one for the user
    DELIVER_ROW = "INSERT INTO notify_deliveries (id, subscription, channel, owner, row_id, grown, due_at, tries, created_at) \
                   SELECT CAST($1 AS BIGINT), 0, CAST($2 AS TEXT), r.owner, r.id, r.grown, CAST($3 AS BIGINT), 0, CAST($4 AS BIGINT) \
                   FROM notify_rows r WHERE r.id = $5 \
                   ON CONFLICT (row_id, channel, subscription) DO UPDATE SET grown = excluded.grown";
    /// id, channel, due at, second, row, kind: one for each subscription
    DELIVER_ROW_EACH = "INSERT INTO notify_deliveries (id, subscription, channel, owner, row_id, grown, due_at, tries, created_at) \
                        SELECT CAST($1 AS BIGINT), s.id, CAST($2 AS TEXT), r.owner, r.id, r.grown, CAST($3 AS BIGINT), 0, \
                        CAST($4 AS BIGINT) FROM notify_rows r JOIN notify_subscriptions s ON s.owner = r.owner AND s.kind = $6 \
                        WHERE r.id = $5 ON CONFLICT (row_id, channel, subscription) DO UPDATE SET grown = excluded.grown";
    /// id, channel, due at, second, owner, subtype, group: one for the user
    DELIVER_GROUP = "INSERT INTO notify_deliveries (id, subscription, channel, owner, row_id, grown, due_at, tries, created_at) \
                     SELECT CAST($1 AS BIGINT), 0, CAST($2 AS TEXT), r.owner, r.id, r.grown, CAST($3 AS BIGINT), 0, CAST($4 AS BIGINT) \
                     FROM notify_rows r WHERE r.owner = $5 AND r.subtype = $6 AND r.group_key = $7 AND r.is_open = 1 \
                     ON CONFLICT (row_id, channel, subscription) DO UPDATE SET grown = excluded.grown";
    /// id, channel, due at, second, owner, subtype, group, kind: one for each subscription
    DELIVER_GROUP_EACH = "INSERT INTO notify_deliveries (id, subscription, channel, owner, row_id, grown, due_at, tries, created_at) \
                          SELECT CAST($1 AS BIGINT), s.id, CAST($2 AS TEXT), r.owner, r.id, r.grown, CAST($3 AS BIGINT), 0, \
                          CAST($4 AS BIGINT) FROM notify_rows r JOIN notify_subscriptions s ON s.owner = r.owner AND s.kind = $8 \
                          WHERE r.owner = $5 AND r.subtype = $6 AND r.group_key = $7 AND r.is_open = 1 \
                          ON CONFLICT (row_id, channel, subscription) DO UPDATE SET grown = excluded.grown";

    /// channel
    NEXT_DUE = "SELECT min(due_at) FROM notify_deliveries WHERE channel = $1";
    /// channel, due by this second, limit
    DUE = "SELECT id, subscription, owner, row_id, tries, created_at FROM notify_deliveries WHERE channel = $1 AND due_at <= $2 \
           ORDER BY due_at, id LIMIT $3";
    /// owner, row, limit
    ROW = concat!(row!(), "WHERE r.owner = $1 AND r.id = $2 LIMIT $3");
    /// id, subscription, up to this change, a new id, due at, second: what came to the row since is a delivery of its own.
    GREW_SINCE = "UPDATE notify_deliveries SET id = $4, due_at = $5, tries = 0, created_at = $6 \
                  WHERE id = $1 AND subscription = $2 AND grown > $3";
    /// id, subscription
    DELETE = "DELETE FROM notify_deliveries WHERE id = $1 AND subscription = $2";
    /// id, subscription, due at
    RETRY = "UPDATE notify_deliveries SET due_at = $3, tries = tries + 1 WHERE id = $1 AND subscription = $2";
    /// channels with deliveries
    CHANNELS = "SELECT DISTINCT channel FROM notify_deliveries";
    /// channel
    CHANNEL_DELETE = "DELETE FROM notify_deliveries WHERE channel = $1";

    /// id, subscription, letter, why, second
    LETTER = "INSERT INTO notify_dead_letters (letter, id, subscription, channel, owner, row_id, grown, tries, why, created_at, died_at) \
              SELECT CAST($3 AS BIGINT), d.id, d.subscription, d.channel, d.owner, d.row_id, d.grown, d.tries, CAST($4 AS TEXT), \
              d.created_at, CAST($5 AS BIGINT) FROM notify_deliveries d WHERE d.id = $1 AND d.subscription = $2";
    /// how many are kept
    LETTERS_BOUND = "DELETE FROM notify_dead_letters WHERE letter <= (SELECT l.letter FROM notify_dead_letters l \
                     ORDER BY l.letter DESC LIMIT 1 OFFSET $1)";
    /// below this letter, limit
    LETTERS = "SELECT letter, id, subscription, channel, owner, row_id, tries, why, created_at, died_at FROM notify_dead_letters \
               WHERE letter < $1 ORDER BY letter DESC LIMIT $2";
    /// letter, second
    LETTER_REPLAY = "INSERT INTO notify_deliveries (id, subscription, channel, owner, row_id, grown, due_at, tries, created_at) \
                     SELECT l.id, l.subscription, l.channel, l.owner, l.row_id, l.grown, CAST($2 AS BIGINT), 0, CAST($2 AS BIGINT) \
                     FROM notify_dead_letters l WHERE l.letter = $1 ON CONFLICT DO NOTHING";
    /// letter
    LETTER_DELETE = "DELETE FROM notify_dead_letters WHERE letter = $1";

    /// kind, address, owner: it is somebody else's no more.
    SUBSCRIPTION_TAKE = "DELETE FROM notify_subscriptions WHERE kind = $1 AND address = $2 AND owner <> $3";
    /// id, owner, kind, address, p256dh, auth, second
    SUBSCRIPTION_PUT = "INSERT INTO notify_subscriptions (id, owner, kind, address, p256dh, auth, renewed_at) \
                        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, address) DO UPDATE SET p256dh = excluded.p256dh, \
                        auth = excluded.auth, renewed_at = excluded.renewed_at";
    /// owner, how many are kept
    SUBSCRIPTIONS_BOUND = "DELETE FROM notify_subscriptions WHERE id IN (SELECT s.id FROM notify_subscriptions s WHERE s.owner = $1 \
                           ORDER BY s.renewed_at DESC, s.id DESC LIMIT 100 OFFSET $2)";
    /// owner, kind, address
    SUBSCRIPTION_DELETE = "DELETE FROM notify_subscriptions WHERE owner = $1 AND kind = $2 AND address = $3";
    /// owner
    SUBSCRIPTIONS = "SELECT id, kind, address, p256dh, auth FROM notify_subscriptions WHERE owner = $1 ORDER BY id LIMIT 100";
    /// owner, id
    SUBSCRIPTION_GONE = "DELETE FROM notify_subscriptions WHERE owner = $1 AND id = $2";

    /// owner
    ERASE_SUBSCRIPTIONS = "DELETE FROM notify_subscriptions WHERE owner = $1";
    /// owner
    ERASE_DELIVERIES = "DELETE FROM notify_deliveries WHERE owner = $1";
    /// owner
    ERASE_LETTERS = "DELETE FROM notify_dead_letters WHERE owner = $1";
}
