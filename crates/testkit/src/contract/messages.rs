//! The suite of [`MessageStore`](tidings_engine::ports::MessageStore), writing: what is promised of acts.

use std::collections::{HashMap, VecDeque};

use smallvec::smallvec;
use tidings_engine::act::{Act, CommitNumber, Op, Origin, Outcome, Require, Write};
use tidings_wire::{Code, ConversationKey, GroupId, UserId};

use super::{
    stores::Stores,
    world::{World, act, receipt, wait},
};

/// Tests of everything that a store of messages promises. `make` is a function without parameters that returns an empty
/// [`Stores`].
#[macro_export]
macro_rules! message_store_contract {
    ($make:expr) => {
        $crate::contract_cases!($make, messages:
            a_new_store_holds_nothing
            the_first_message_of_a_stream_has_seq_1
            seqs_have_no_hole_whoever_submits
            outcomes_come_in_the_order_of_submission
            a_repeat_is_stored_once_and_burns_no_seq
            a_key_with_another_body_is_refused
            a_key_belongs_to_its_sender
            keys_and_counters_outlive_the_process
            only_members_may_send
            an_act_is_whole_or_not_at_all
            an_act_of_several_messages_is_one_commit
            memberships_are_told_where_they_change
            sql_is_refused_where_it_does_not_run
            who_was_refused_hears_of_room
            stop_commits_what_was_submitted
        );
        $crate::contract_cases!($make, reading:
            members_see_what_came_while_they_were_there
            a_dm_is_seen_by_its_two
            a_service_sees_all
            pages_go_both_ways
            a_page_between_two_seqs_begins_at_the_lower
            a_key_finds_its_message
            the_log_is_read_in_commit_order
            bodies_come_back_byte_for_byte
            ids_of_both_forms_are_kept
        );
        $crate::contract_cases!($make, listing:
            the_list_begins_with_the_latest
            sending_moves_the_own_mark
            what_others_sent_is_unread
            a_push_from_nobody_is_unread_for_both
            the_list_is_read_in_pages
            a_group_without_messages_stands_last
            a_group_that_was_left_stands_still
            who_comes_back_keeps_what_was_unread
        );
        $crate::contract_cases!($make, changing:
            an_edit_is_an_event_and_the_message_has_the_new_body
            a_deletion_empties_the_message_and_is_an_event
            only_the_sender_and_services_change_a_message
            what_is_not_there_or_not_seen_does_not_change
            a_refused_change_undoes_its_act
            an_edit_of_what_was_deleted_is_skipped
            a_repeat_of_a_message_that_changed_gets_the_first_answer
            a_change_touches_its_stream
            changes_outlive_the_process
            a_page_stops_early_at_its_bytes
        );
        $crate::contract_cases!($make, withholding:
            what_is_withheld_is_a_skip
            what_is_withheld_is_never_unread
            a_dm_of_nothing_else_is_not_the_blockers
            both_may_have_blocked_one_another
            what_is_withheld_moves_nothing
            events_of_what_is_withheld_are_withheld
            an_edit_by_one_who_is_blocked_takes_the_message_away
            in_groups_nothing_is_withheld
            what_is_withheld_stays_so
        );
        $crate::contract_cases!($make, marks:
            a_mark_only_moves_forward
            a_mark_above_the_head_stands_at_the_head
            who_was_never_there_reads_nothing
            a_read_sees_what_its_own_commit_sent
            who_left_reads_what_they_saw
            events_and_deleted_messages_are_not_unread
            streams_say_where_they_stand
            choices_are_kept
            a_mute_belongs_to_a_membership
            when_users_were_last_seen_is_kept
            who_chose_to_be_invisible_is_seen_only_where_it_is_sure
            who_shares_a_conversation_is_acquainted
        );
        $crate::contract_cases!($make, erasing:
            what_was_erased_is_gone_and_skipped
            an_erasure_comes_in_steps
            erased_keys_are_free_again
            an_erasure_takes_marks_and_choices_and_leaves_memberships
            the_oldest_of_a_type_are_pruned_first
            events_are_pruned_at_an_age_of_their_own
            a_stream_without_messages_keeps_its_head
            what_a_user_wrote_is_read_in_commit_order
            the_groups_of_a_user_are_paged_whatever_is_touched_meanwhile
            a_group_that_was_left_stands_still_whatever_goes
        );
        $crate::contract_cases!($make, requesting:
            a_request_is_answered_as_the_first_one_was
            a_request_belongs_to_its_sender_and_is_apart_from_messages
            a_refused_act_is_not_remembered
            requests_outlive_the_process_and_are_forgotten_oldest_first
            an_erasure_takes_the_users_requests
        );
        $crate::contract_cases!($make, counting:
            counts_and_pages_are_those_of_a_plain_model
        );
    };
}

/// Nothing is there before the first act.
pub fn a_new_store_holds_nothing(stores: &dyn Stores) {
    let world = World::open(stores);
    assert!(!world.start.epoch.is_empty());
    assert!(world.start.node < 1_024);
    assert_eq!((world.start.last_commit, world.start.last_id), (CommitNumber(0), None));
    assert_eq!(wait(world.store().since(CommitNumber(0), 10)), []);
    assert!(world.list(7, None, 10).conversations.is_empty());
    assert_eq!(world.seqs(ConversationKey::dm(UserId::new(2), UserId::new(7)), 2), None);
    assert_eq!(world.store().health(), None);
}

/// Numbering begins at 1, in every stream.
pub fn the_first_message_of_a_stream_has_seq_1(stores: &dyn Stores) {
    let world = World::open(stores);
    for (from, to) in [(2, 7), (2, 3), (7, 7)] {
        let first = world.send(from, to);
        assert_eq!((first.seq, first.conversation), (1, ConversationKey::dm(UserId::new(from), UserId::new(to))));
    }
    assert_eq!(world.send(7, 2).seq, 2, "both directions are one stream");
    assert_eq!(world.send(7, 7).seq, 2);
}

/// Many threads, many streams: each stream's seqs are 1, 2, 3 …, and what one thread submitted keeps its order.
pub fn seqs_have_no_hole_whoever_submits(stores: &dyn Stores) {
    const THREADS: u32 = 8;
    const ACTS: u32 = 250;
    let world = World::open(stores);
    let mut calls = (0..THREADS).map(|thread| numbered(&world, thread, ACTS)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        for acts in &mut calls {
            let store = &world.opened.messages;
            scope.spawn(move || {
                while !acts.is_empty() {
                    let mut some: VecDeque<_> = acts.drain(..acts.len().min(7)).collect();
                    assert!(store.submit(&mut some), "there is room for all");
                }
            });
        }
    });
    let mut heads = HashMap::new();
    let mut last_call = HashMap::new();
    let mut last_commit = CommitNumber(0);
    for _ in 0..THREADS * ACTS {
        let settled = world.next();
        let receipt = receipt(&settled.outcome);
        let head = heads.entry(receipt.conversation).or_insert(0);
        assert_eq!(receipt.seq, *head + 1, "{:?}", receipt.conversation);
        *head = receipt.seq;
        let commit = settled.commit.expect("a message has a commit");
        assert!(commit > last_commit);
        last_commit = commit;
        let Origin::Call(call) = settled.act.origin else { unreachable!("every act is a call") };
        let before = last_call.insert(call / 1_000, call);
        assert!(before < Some(call), "one thread's acts keep their order");
    }
    assert_eq!(heads.values().sum::<u64>(), u64::from(THREADS * ACTS));
}

/// Acts of one thread over 20 streams, numbered.
fn numbered(world: &World, thread: u32, acts: u32) -> VecDeque<Act> {
    let one = |number| Act {
        origin: Origin::Call(u64::from(thread * 1_000 + number)),
        ..world
            .message(UserId::new(thread), ConversationKey::dm(UserId::new(thread % 4), UserId::new(100 + number % 5)))
    };
    (0..acts).map(one).collect()
}

/// Refusals and repeats stand in their place among what was stored.
pub fn outcomes_come_in_the_order_of_submission(stores: &dyn Stores) {
    let world = World::open(stores);
    let [ann, bob] = [2, 7].map(UserId::new);
    let dm = ConversationKey::dm(ann, bob);
    let acts = (0..300_u64).map(|call| {
        let act = match call % 3 {
            0 => world.message(ann, dm),
            1 => world.to_group(ann, GroupId::new(5)),
            _ => world.keyed(bob, dm, ("again", 1)),
        };
        Act { origin: Origin::Call(call), ..act }
    });
    world.submit(acts.collect::<Vec<_>>());
    for call in 0..300 {
        let settled = world.next();
        assert_eq!(settled.act.origin, Origin::Call(call));
        match (call, &settled.outcome) {
            (_, Outcome::Stored { .. }) if call % 3 == 0 || call == 2 => assert!(settled.commit.is_some()),
            (_, Outcome::Refused(reject)) if call % 3 == 1 => assert_eq!(reject.code, Code::NotAMember),
            (_, Outcome::Duplicate(first)) if call % 3 == 2 => assert_eq!(first.seq, 2),
            other => panic!("{other:?}"),
        }
    }
}

/// A repeat gets the first one's receipt, in the same commit and in a later one, and the next message the next seq.
pub fn a_repeat_is_stored_once_and_burns_no_seq(stores: &dyn Stores) {
    let world = World::open(stores);
    let ann = UserId::new(2);
    let dm = ConversationKey::dm(ann, UserId::new(7));
    let same = || world.keyed(ann, dm, ("k", 1));
    let outcomes = world.settle_all([same(), same(), world.message(ann, dm)]);
    let first = receipt(&outcomes[0]);
    assert!(matches!(&outcomes[1], Outcome::Duplicate(again) if *again == first), "{:?}", outcomes[1]);
    assert_eq!(receipt(&outcomes[2]).seq, 2);
    let later = world.settle(same());
    assert!(matches!(&later.outcome, Outcome::Duplicate(again) if *again == first), "{later:?}");
    assert_eq!(later.commit, None);
    assert_eq!(world.send(2, 7).seq, 3);
}

/// The same key with another body is another message, and not taken.
pub fn a_key_with_another_body_is_refused(stores: &dyn Stores) {
    let world = World::open(stores);
    let ann = UserId::new(2);
    let dm = ConversationKey::dm(ann, UserId::new(7));
    world.stored(world.keyed(ann, dm, ("k", 1)));
    assert!(matches!(world.settle(world.keyed(ann, dm, ("k", 2))).outcome, Outcome::KeyReused));
    assert_eq!(world.send(2, 7).seq, 2);
}

/// Two senders may choose the same key.
pub fn a_key_belongs_to_its_sender(stores: &dyn Stores) {
    let world = World::open(stores);
    let [ann, bob] = [2, 7].map(UserId::new);
    let dm = ConversationKey::dm(ann, bob);
    let outcomes = world.settle_all([ann, bob].map(|from| world.keyed(from, dm, ("k", 1))));
    assert_eq!(outcomes.iter().map(|outcome| receipt(outcome).seq).collect::<Vec<_>>(), [1, 2]);
}

/// A repeat after a restart is a repeat; commits, ids and seqs go on where they were.
pub fn keys_and_counters_outlive_the_process(stores: &dyn Stores) {
    let ann = UserId::new(2);
    let dm = ConversationKey::dm(ann, UserId::new(7));
    let world = World::open(stores);
    let first = world.stored(world.keyed(ann, dm, ("k", 1)));
    let last = world.settle(world.message(ann, dm));
    let epoch = world.start.epoch.clone();
    world.store().stop();
    drop(world);

    let world = World::open(stores);
    assert_eq!(world.start.epoch, epoch);
    assert_eq!(Some(world.start.last_commit), last.commit);
    assert_eq!(world.start.last_id, Some(receipt(&last.outcome).id));
    let again = world.settle(world.keyed(ann, dm, ("k", 1))).outcome;
    assert!(matches!(&again, Outcome::Duplicate(known) if *known == first), "{again:?}");
    let next = world.settle(world.message(ann, dm));
    assert_eq!(receipt(&next.outcome).seq, 3);
    assert!(next.commit > last.commit);
}

/// Whether the group exists or not, a stranger is told the same, and nothing is written.
pub fn only_members_may_send(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let refused = |from: u32| {
        let outcome = world.settle(world.to_group(UserId::new(from), group)).outcome;
        assert!(matches!(&outcome, Outcome::Refused(reject) if reject.code == Code::NotAMember), "{outcome:?}");
    };
    refused(2);
    world.join(group, 2);
    assert_eq!(world.send_to(group, 2).seq, 1);
    refused(7);
    world.leave(group, 2);
    refused(2);
    world.join(group, 7);
    assert_eq!(world.send_to(group, 7).seq, 2);
}

/// What an act requires is looked at before anything of it is written.
pub fn an_act_is_whole_or_not_at_all(stores: &dyn Stores) {
    let world = World::open(stores);
    let [group, other] = [5, 6].map(GroupId::new);
    let ann = UserId::new(2);
    let refused = Act {
        require: smallvec![Require::Member(other, ann)],
        ..act(
            Some(ann),
            [Op::Join(group, ann), Op::Message(world.entry(ConversationKey::Group(group), r#"{"content":"hi"}"#))],
        )
    };
    assert!(matches!(world.settle(refused).outcome, Outcome::Refused(_)));
    assert_eq!(wait(world.opened.groups.members(group, None, 10)), []);
    assert_eq!(wait(world.store().since(CommitNumber(0), 10)), []);
    assert_eq!(world.join(group, 2), Some(0));
    assert_eq!(world.send_to(group, 2).seq, 1);
}

/// Several operations in one act: each receipt in order, the commit that of the last.
pub fn an_act_of_several_messages_is_one_commit(stores: &dyn Stores) {
    let world = World::open(stores);
    let ann = UserId::new(2);
    let group = GroupId::new(5);
    let dm = ConversationKey::dm(ann, UserId::new(7));
    let ops = [
        Op::Join(group, ann),
        Op::Message(world.entry(ConversationKey::Group(group), r#"{"content":"one"}"#)),
        Op::Message(world.entry(dm, r#"{"content":"two"}"#)),
        Op::Leave(group, ann),
    ];
    let settled = world.settle(act(Some(ann), ops));
    let Outcome::Stored { receipts, membership, rows, .. } = &settled.outcome else { panic!("{settled:?}") };
    assert_eq!(receipts.iter().map(|r| r.conversation).collect::<Vec<_>>(), [ConversationKey::Group(group), dm]);
    assert_eq!(membership.iter().map(|m| (m.joined, m.head)).collect::<Vec<_>>(), [(true, 0), (false, 1)]);
    assert!(rows.is_empty());
    let log = wait(world.store().since(CommitNumber(0), 10));
    assert_eq!(settled.commit, log.last().map(|(commit, _)| *commit));
    assert_eq!(log.len(), 2);
    let summary = &world.list(2, None, 10).conversations[1];
    assert_eq!(
        (summary.head, summary.read, summary.unread),
        (1, 1, 0),
        "the own message is read, though the group was left"
    );
}

/// Joining or leaving twice changes nothing; the head is that of the moment.
pub fn memberships_are_told_where_they_change(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    assert_eq!(world.leave(group, 2), None, "the group does not exist");
    assert_eq!(world.join(group, 2), Some(0));
    assert_eq!(world.join(group, 2), None);
    world.send_to(group, 2);
    assert_eq!(world.join(group, 7), Some(1));
    assert_eq!(world.leave(group, 2), Some(1));
    assert_eq!(world.leave(group, 2), None);
    assert_eq!(world.join(group, 2), Some(1), "a rejoin at the same head");
    assert_eq!(world.leave(group, 2), Some(1), "nothing came meanwhile");
    assert_eq!(world.join(group, 2), Some(1));
}

/// A store without SQL says so, and stores nothing of the act; the SQL that runs has tests of its own.
pub fn sql_is_refused_where_it_does_not_run(stores: &dyn Stores) {
    let world = World::open(stores);
    if world.store().runs_sql() {
        return;
    }
    let ann = UserId::new(2);
    let dm = ConversationKey::dm(ann, UserId::new(7));
    let mut wants_sql = world.message(ann, dm);
    wants_sql.ops.push(Op::Sql(Write::new("INSERT INTO counters (value) VALUES ($1)", [1.into()])));
    let outcome = world.settle(wants_sql).outcome;
    assert!(matches!(&outcome, Outcome::Refused(reject) if reject.code == Code::NotEnabled), "{outcome:?}");
    assert_eq!(world.send(2, 7).seq, 1);
}

/// A full queue takes what fits and calls when there is room again; nothing is lost and nothing overtakes.
pub fn who_was_refused_hears_of_room(stores: &dyn Stores) {
    const ACTS: u64 = 500;
    let world = World::with_queue(stores, 4);
    let dm = ConversationKey::dm(UserId::new(2), UserId::new(7));
    let message = |call| Act { origin: Origin::Call(call), ..world.message(UserId::new(2), dm) };
    let mut acts: VecDeque<_> = (0..ACTS).map(message).collect();
    let mut refused = 0;
    while !world.store().submit(&mut acts) {
        refused += 1;
        world.wait_for_room();
    }
    assert!(refused > 0, "500 acts do not fit into 4 places");
    for call in 0..ACTS {
        let settled = world.next();
        assert_eq!((settled.act.origin, receipt(&settled.outcome).seq), (Origin::Call(call), call + 1));
    }
}

/// Stopping loses nothing; what comes later is answered.
pub fn stop_commits_what_was_submitted(stores: &dyn Stores) {
    let world = World::open(stores);
    let dm = ConversationKey::dm(UserId::new(2), UserId::new(7));
    world.submit((0..1_000).map(|_| world.message(UserId::new(2), dm)).collect::<Vec<_>>());
    world.store().stop();
    for seq in 1..=1_000 {
        assert_eq!(receipt(&world.next().outcome).seq, seq);
    }
    assert!(matches!(world.settle(world.message(UserId::new(2), dm)).outcome, Outcome::Unavailable(_)));
    world.store().stop();
    drop(world);
    assert_eq!(World::open(stores).send(7, 2).seq, 1_001);
}
