//! Statements of packs: in acts, and as queries.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tidings_engine::{
    act::{Act, CommitNumber, Op, Otherwise, Outcome, Row, Value, Write},
    clock::{Clock, Now},
    ports::StoreError,
};
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::contract::{Opened, Stores, World, act, wait};
use tidings_wire::{Code, ConversationKey, GroupId, Reject, UserId};

use super::support::{Folder, Hand};

const TABLES: &str = "CREATE TABLE demo_counters (name PRIMARY KEY, value INTEGER NOT NULL); \
                      CREATE TABLE demo_pairs (one, other);";

/// A store with a pack's tables.
struct WithPack(Folder);

impl Stores for WithPack {
    fn open(&self, _queue_acts: usize) -> Opened {
        Opened::same(Arc::new(with_pack(self.0.options(Hand::at(0)))))
    }
}

fn with_pack(options: SqliteOptions) -> SqliteStore {
    let store = SqliteStore::open(options).expect("the store opens");
    store.migrate_pack("demo", &[(1, "tables", TABLES)]).expect("the tables are made");
    store
}

fn world() -> (WithPack, World) {
    let stores = WithPack(Folder::new());
    let world = World::open(&stores);
    (stores, world)
}

fn query(world: &World, sql: &'static str) -> Vec<Row> {
    wait(world.store().query(sql.into(), vec![]))
}

fn count_up(name: &str) -> Write {
    let sql =
        "INSERT INTO demo_counters VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value";
    Write::new(sql, [name.into()]).returning()
}

fn insert(name: &str) -> Write {
    Write::new("INSERT INTO demo_counters VALUES ($1, 1)", [name.into()])
}

fn insert_if_new(name: &str, otherwise: Otherwise) -> Write {
    Write::new("INSERT INTO demo_counters VALUES ($1, 1) ON CONFLICT DO NOTHING", [name.into()])
        .expect(1..=1, otherwise)
}

/// A message that carries statements.
fn with(world: &World, writes: impl IntoIterator<Item = Write>) -> Act {
    let mut message = world.message(UserId::new(2), dm());
    message.ops.extend(writes.into_iter().map(Op::Sql));
    message
}

fn dm() -> ConversationKey {
    ConversationKey::dm(UserId::new(2), UserId::new(7))
}

#[test]
fn returned_rows_come_with_the_commit() {
    let (_stores, world) = world();
    for expected in 1..=3 {
        let settled = world.settle(with(&world, [insert_if_new("x", Otherwise::Carry), count_up("likes")]));
        let Outcome::Stored { receipts, rows, .. } = settled.outcome else { panic!("{settled:?}") };
        assert_eq!((receipts[0].seq, rows), (expected, vec![vec![vec![Value::Int(expected as i64)]]]));
    }
}

#[test]
fn parameters_are_bound_by_their_names() {
    let (_stores, world) = world();
    let uuid: UserId = "0192f0c1-2b3c-7def-8abc-0123456789ab".parse().unwrap();
    let swapped = Write::new("INSERT INTO demo_pairs VALUES ($2, $1), ($1, $2), ($1, $1)", ["a".into(), uuid.into()]);
    let statements = [
        swapped,
        Write::new("INSERT INTO demo_pairs VALUES ($1, $2)", [UserId::new(7).into(), Value::Real(0.5)]),
        Write::new("INSERT INTO demo_pairs VALUES ($1, $2)", [Value::Null, Value::Bytes("\0x".into())]),
    ];
    assert!(matches!(world.settle(act(None, statements.map(Op::Sql))).outcome, Outcome::Stored { .. }));
    let rows = query(&world, "SELECT one, other FROM demo_pairs ORDER BY rowid");
    let a = Value::Text("a".into());
    assert_eq!((rows[0][0].id(), &rows[0][1]), (Some(uuid.0), &a));
    assert_eq!((&rows[1][0], rows[1][1].id()), (&a, Some(uuid.0)));
    assert_eq!(rows[2], [a.clone(), a]);
    assert_eq!(rows[3], [Value::Int(7), Value::Real(0.5)]);
    assert_eq!(rows[4], [Value::Null, Value::Bytes("\0x".into())]);
}

#[test]
fn a_failing_condition_undoes_the_whole_act() {
    let (_stores, world) = world();
    let reject = Reject::not_found("no such post");
    let missing = Write::new("UPDATE demo_counters SET value = 9 WHERE name = $1", ["absent".into()])
        .expect(1..=1, Otherwise::Refuse(reject.clone()));
    let outcomes = world.settle_all([
        with(&world, [insert("kept")]),
        with(&world, [insert("undone"), missing]),
        world.message(UserId::new(7), dm()),
    ]);
    assert!(matches!(&outcomes[1], Outcome::Refused(refused) if *refused == reject), "{:?}", outcomes[1]);
    let Outcome::Stored { receipts, .. } = &outcomes[2] else { panic!("{outcomes:?}") };
    assert_eq!(receipts[0].seq, 2, "the refused act burned no seq");
    assert_eq!(query(&world, "SELECT name FROM demo_counters"), [[Value::from("kept")]]);
    let log = wait(world.store().since(CommitNumber(0), 10));
    assert_eq!(log.iter().map(|(commit, _)| commit.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(world.list(2, None, 1).conversations[0].read, 1, "nor did it move the mark");
}

#[test]
fn a_quiet_end_keeps_what_was_written_by_then() {
    let (_stores, world) = world();
    let like = || {
        let group = GroupId::new(5);
        let first = Op::Sql(insert_if_new("like", Otherwise::Quiet));
        world.settle(act(Some(UserId::new(2)), [Op::Sql(count_up("tries")), first, Op::Join(group, UserId::new(2))]))
    };
    assert!(matches!(like().outcome, Outcome::Stored { .. }));
    assert_eq!(world.leave(GroupId::new(5), 2), Some(0));
    let again = like();
    assert!(matches!((&again.outcome, again.commit), (Outcome::Quiet, None)), "{again:?}");
    assert_eq!(
        query(&world, "SELECT value FROM demo_counters ORDER BY value DESC"),
        [[Value::Int(2)], [Value::Int(1)]]
    );
    assert_eq!(world.join(GroupId::new(5), 2), Some(0), "the rest was left out");
}

#[test]
fn many_statements_that_roll_back_cost_only_their_own_acts() {
    let (_stores, world) = world();
    world.settle(with(&world, [insert("a")]));
    let rolls_back = || Write::new("INSERT OR ROLLBACK INTO demo_counters VALUES ('a', 1)", []);
    let outcomes = world.settle_all((0..250).map(|number| match number % 2 {
        0 => with(&world, [count_up("others")]),
        _ => with(&world, [rolls_back()]),
    }));
    for (number, outcome) in outcomes.iter().enumerate() {
        let stored = matches!(outcome, Outcome::Stored { .. });
        assert!(stored == (number % 2 == 0) && (stored || matches!(outcome, Outcome::Unavailable(_))), "{outcome:?}");
    }
    assert_eq!(query(&world, "SELECT value FROM demo_counters WHERE name = 'others'"), [[Value::Int(125)]]);
    assert_eq!(wait(world.store().since(CommitNumber(0), 1_000)).len(), 126);
    assert_eq!(world.store().health(), None);
}

#[test]
fn a_statement_that_fails_costs_only_its_own_act() {
    let (_stores, world) = world();
    let broken = [
        vec![insert("a"), insert("a")],
        vec![insert("a"), Write::new("INSERT INTO nowhere VALUES (1)", [])],
        vec![insert("a"), Write::new("this is no SQL", [])],
        vec![insert("a"), Write::new("INSERT OR ROLLBACK INTO demo_counters VALUES ('a', 1)", [])],
        vec![Write::new("SELECT value FROM (WITH RECURSIVE n(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n LIMIT 1001) SELECT * FROM n)", []).returning()],
    ];
    for writes in broken {
        let outcomes = world.settle_all([
            world.message(UserId::new(7), dm()),
            with(&world, writes.clone()),
            with(&world, [count_up("others")]),
        ]);
        let is = |stored: bool, outcome: &Outcome| match outcome {
            Outcome::Stored { .. } => stored,
            Outcome::Unavailable(_) => !stored,
            _ => false,
        };
        assert!(
            is(true, &outcomes[0]) && is(false, &outcomes[1]) && is(true, &outcomes[2]),
            "{writes:?}: {outcomes:?}"
        );
    }
    assert_eq!(query(&world, "SELECT name, value FROM demo_counters"), [[Value::from("others"), Value::Int(5)]]);
    let seqs: Vec<_> =
        wait(world.store().since(CommitNumber(0), 100)).into_iter().map(|(_, message)| message.seq).collect();
    assert_eq!(seqs, (1..=10).collect::<Vec<_>>());
    assert_eq!(world.store().health(), None, "a pack's defect is not the store's");
}

#[test]
fn a_statement_keeps_within_its_act() {
    let (_stores, world) = world();
    for sql in [
        "COMMIT",
        "begin",
        "ROLLBACK TO act",
        "SAVEPOINT x",
        "PRAGMA user_version = 3",
        "ATTACH 'x' AS x",
        "DROP TABLE meta",
        " vacuum",
        "",
    ] {
        let outcome = world.settle(with(&world, [Write::new(sql, [])])).outcome;
        assert!(matches!(outcome, Outcome::Unavailable(_)), "{sql}: {outcome:?}");
        let answer = answer(&world, sql, vec![]);
        assert!(matches!(answer, Err(StoreError::Statement { .. })), "{sql}: {answer:?}");
    }
    for (sql, values) in
        [("SELECT ?", 1), ("SELECT $2", 1), ("SELECT $1", 2), ("SELECT :a", 1), ("SELECT 1; SELECT 2", 0)]
    {
        let answer = answer(&world, sql, vec![Value::Int(1); values]);
        assert!(matches!(answer, Err(StoreError::Statement { .. })), "{sql}: {answer:?}");
    }
    assert_eq!(world.send(2, 7).seq, 1);
}

#[test]
fn queries_only_read_and_return_at_most_1_000_rows() {
    let (_stores, world) = world();
    let writes = answer(&world, "DELETE FROM demo_counters RETURNING name", vec![]);
    assert!(matches!(writes, Err(StoreError::Statement { .. })), "{writes:?}");
    let numbers =
        "WITH RECURSIVE n(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n LIMIT $1) SELECT value FROM n";
    assert_eq!(answer(&world, numbers, vec![Value::Int(1_000)]).unwrap().len(), 1_000);
    assert!(matches!(answer(&world, numbers, vec![Value::Int(1_001)]), Err(StoreError::Statement { .. })));
}

/// A clock of which each look costs a second.
struct Hasty(AtomicU64);

impl Clock for Hasty {
    fn now(&self) -> Now {
        Now { mono: std::time::Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed)), unix_ms: 0 }
    }
}

#[test]
fn a_statement_without_end_is_ended() {
    let folder = Folder::new();
    let hasty = || Arc::new(Hasty(AtomicU64::new(0)));
    struct InHaste<'a>(&'a Folder, Arc<Hasty>);
    impl Stores for InHaste<'_> {
        fn open(&self, _: usize) -> Opened {
            Opened::same(Arc::new(with_pack(SqliteOptions::new(self.0.path(), self.1.clone()))))
        }
    }
    let world = World::open(&InHaste(&folder, hasty()));
    let endless = "WITH RECURSIVE n(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n) SELECT max(value) FROM n";
    let ended = answer(&world, endless, vec![]);
    assert!(matches!(ended, Err(StoreError::Statement { .. })), "{ended:?}");
    let write = format!("INSERT INTO demo_counters SELECT 'x', ({endless})");
    let outcomes = world.settle_all([
        world.message(UserId::new(2), dm()),
        with(&world, [Write::new(write, [])]),
        world.message(UserId::new(2), dm()),
    ]);
    assert!(
        matches!(outcomes[..], [Outcome::Stored { .. }, Outcome::Unavailable(_), Outcome::Stored { .. }]),
        "{outcomes:?}"
    );
    assert_eq!(world.seqs(dm(), 7), Some(vec![1, 2]));
}

fn answer(world: &World, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers is memory");
    runtime.block_on(world.store().query(sql.into(), values))
}

#[test]
fn a_refusal_of_a_pack_reaches_the_sender_as_it_is() {
    let (_stores, world) = world();
    let reject = Reject::field("to", "not twice");
    let once = || insert_if_new("once", Otherwise::Refuse(reject.clone()));
    assert!(matches!(world.settle(with(&world, [once()])).outcome, Outcome::Stored { .. }));
    let Outcome::Refused(refused) = world.settle(with(&world, [once()])).outcome else { panic!("it was taken twice") };
    assert_eq!((refused.code, refused.field.as_deref()), (Code::BadField, Some("to")));
}
