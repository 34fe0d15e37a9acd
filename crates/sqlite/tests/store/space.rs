//! The space of what is gone.

use std::fs;

use tidings_engine::{
    act::{Op, Outcome},
    ports::Page,
};
use tidings_testkit::contract::{World, act, wait};
use tidings_wire::{ConversationKey, UserId};

use super::support::Folder;

fn dm() -> ConversationKey {
    ConversationKey::dm(UserId::new(2), UserId::new(7))
}

/// Bytes of the database with its log written back.
fn bytes(folder: &Folder) -> u64 {
    let written_back = folder.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    written_back.expect("the log is written back");
    fs::metadata(folder.file()).expect("the file is there").len()
}

#[test]
fn the_file_grows_no_more_where_as_much_is_pruned_as_is_sent() {
    const ROUNDS: usize = 12;
    const MESSAGES: i64 = 500;
    let folder = Folder::new();
    let world = World::open(&folder);
    let body = format!("{{\"content\":\"{}\"}}", "x".repeat(1_000));
    let mut sizes = Vec::new();
    for round in 0..ROUNDS {
        let sends = (0..MESSAGES).map(|number| {
            let key = format!("{round}-{}", number * 7_919 % MESSAGES).parse().unwrap();
            let ops = [Op::Message(world.entry(dm(), body.clone()))];
            tidings_engine::act::Act { key: Some((key, [0; 16])), ..act(Some(UserId::new(2)), ops) }
        });
        let told = world.settle_all(sends.collect::<Vec<_>>());
        assert!(told.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })));
        let newest = MESSAGES * (round as i64 + 1);
        // The times of the suite's entries are their numbers, in seconds: those of this round stay.
        let pruned = wait(world.store().prune("private", (newest - MESSAGES) * 1_000, 10_000));
        assert!(round == 0 || pruned >= MESSAGES as u64 - 1, "{pruned}");
        sizes.push(bytes(&folder));
    }
    let (early, late) = (sizes[2], sizes[ROUNDS - 1]);
    assert!(late <= early + early / 10, "{sizes:?}");
    let gaps: i64 = folder.connection().query_row("SELECT count(*) FROM gaps", [], |row| row.get(0)).unwrap();
    assert_eq!(gaps, 1, "neighbours are one gap");
}

#[test]
fn what_was_deleted_or_erased_stands_nowhere_in_the_file() {
    let folder = Folder::new();
    let world = World::open(&folder);
    let secrets = ["a short secret", "an edited secret", "a deleted secret", "a long secret", "another secret of hers"];
    for secret in secrets {
        let long = if secret.contains("long") { 20_000 } else { 1 };
        let body = format!("{{\"content\":\"{}\"}}", secret.repeat(long));
        world.stored(act(Some(UserId::new(2)), [Op::Message(world.entry(dm(), body))]));
        world.send(7, 2);
    }
    let found = || {
        bytes(&folder);
        let file = fs::read(folder.file()).unwrap();
        secrets.map(|secret| file.windows(secret.len()).any(|part| part == secret.as_bytes()))
    };
    assert_eq!(found(), [true; 5]);
    world.changed(dm(), 3, Some(2), Some("{}"));
    world.changed(dm(), 5, Some(2), None);
    assert_eq!(found(), [true, false, false, true, true]);
    assert!(!wait(world.store().erase(UserId::new(2))).more);
    assert_eq!(found(), [false; 5]);
    let page = world.history(dm(), 7, Page::after(0, 100)).unwrap();
    assert_eq!(page.messages().map(|message| message.seq).collect::<Vec<_>>(), [2, 4, 6, 8, 10]);
}

#[test]
fn what_was_erased_or_pruned_stands_in_no_file_of_the_folder() {
    let folder = Folder::new();
    let world = World::open(&folder);
    let found = |secret: &str| {
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        files.filter(|file| file.windows(secret.len()).any(|part| part == secret.as_bytes())).count()
    };
    let send = |user, secret: &str| {
        let body = format!("{{\"content\":\"{}\"}}", secret.repeat(500));
        world.stored(act(Some(UserId::new(user)), [Op::Message(world.entry(dm(), body))]))
    };
    send(2, "a secret of hers");
    let last = send(7, "a secret of his");
    assert!(found("a secret of hers") > 0 && found("a secret of his") > 0);
    assert!(!wait(world.store().erase(UserId::new(2))).more);
    assert_eq!(found("a secret of hers"), 0);
    assert_eq!(wait(world.store().prune("private", last.created_at_ms + 1, 10)), 1);
    // The writer answers what comes next when it has emptied the log.
    wait(world.store().choose(UserId::new(7), tidings_engine::ports::Choices::default()));
    assert_eq!(found("a secret of his"), 0);
}
