//! The inbox against a client that does as the protocol says: whatever changes, is told late, is read late, and however often the
//! client goes and comes back, in the end it holds what the inbox holds, and no change came to it twice.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use serde_json::{Value, json};
use tidings_engine::ports::{InboxChange, InboxMarked, MarkedRows};
use tidings_testkit::{Client, Hold, World, memory::MemoryInbox};
use tidings_wire::{MessageId, UserId, server_frames::RowState};

use crate::world::{builder, frames, says, user};

/// With what a client comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knowing {
    /// What it holds.
    All,
    /// Nothing: it wants every change from the first on.
    Nothing,
    /// Nothing: it fetches pages.
    Pages,
}

#[derive(Clone, Debug)]
enum Step {
    Puts,
    Grows { row: i64 },
    Removes { row: i64 },
    Marks { row: i64, state: RowState },
    MarksUpTo { back: u64, state: RowState },
    Tells { changes: usize },
    HoldsHeads { hold: Hold },
    HoldsChanges { hold: Hold },
    LetsPass,
    Comes { knowing: Knowing },
    Cuts,
    Reads { on: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let state = || prop::sample::select(vec![RowState::Seen, RowState::Read, RowState::Archived]);
    let hold = || prop::sample::select(vec![Hold::Nothing, Hold::Readings, Hold::Answers]);
    let knowing = prop::sample::select(vec![Knowing::All, Knowing::All, Knowing::Nothing, Knowing::Pages]);
    prop_oneof![
        6 => Just(Step::Puts),
        6 => (1..12_i64).prop_map(|row| Step::Grows { row }),
        1 => (1..12_i64).prop_map(|row| Step::Removes { row }),
        2 => (1..12_i64, state()).prop_map(|(row, state)| Step::Marks { row, state }),
        2 => (0..9_u64, state()).prop_map(|(back, state)| Step::MarksUpTo { back, state }),
        8 => (1..6_usize).prop_map(|changes| Step::Tells { changes }),
        2 => hold().prop_map(|hold| Step::HoldsHeads { hold }),
        3 => hold().prop_map(|hold| Step::HoldsChanges { hold }),
        3 => Just(Step::LetsPass),
        4 => knowing.prop_map(|knowing| Step::Comes { knowing }),
        2 => Just(Step::Cuts),
        1 => any::<bool>().prop_map(|on| Step::Reads { on }),
    ]
}

/// What a client holds of the inbox.
#[derive(Default)]
struct Held {
    head: u64,
    rows: BTreeMap<MessageId, (u64, RowState)>,
    counters: Option<(u64, u64)>,
}

struct Model {
    world: World,
    inbox: MemoryInbox,
    /// What is committed and not told, in order.
    untold: VecDeque<(UserId, InboxChange)>,
    client: Option<Client>,
    held: Held,
    welcomed: bool,
    /// It takes its rows from pages.
    pages: bool,
    /// Pages that it waits for: until they came it holds nothing.
    awaited: usize,
    reads: bool,
}

impl Model {
    fn new(outbox_bytes: usize) -> Self {
        let inbox = MemoryInbox::default();
        let narrow = builder().settings(|settings| settings.outbox_bytes = outbox_bytes).socket_bytes(2_048);
        let world = narrow.notifications(inbox.notifications()).start();
        let (untold, held) = (VecDeque::new(), Held::default());
        Self { world, inbox, untold, client: None, held, welcomed: false, pages: false, awaited: 0, reads: true }
    }

    fn does(&mut self, step: &Step) {
        let bob = user(2);
        let id = |row| MessageId::from_stored(row).expect("a small number");
        match *step {
            Step::Puts => {
                self.inbox.puts(bob, "a row");
            }
            Step::Grows { row } => self.inbox.grows(bob, id(row)),
            Step::Removes { row } => self.inbox.removes(bob, id(row)),
            Step::Marks { row, state } => {
                self.inbox.marks(bob, InboxMarked { state, rows: MarkedRows::Ids(vec![id(row)]) });
            }
            Step::MarksUpTo { back, state } => {
                let up_to = self.held.head.saturating_sub(back);
                self.inbox.marks(bob, InboxMarked { state, rows: MarkedRows::UpTo(up_to) });
            }
            Step::Tells { changes } => self.tells(changes),
            Step::HoldsHeads { hold } => self.inbox.holds_heads(hold),
            Step::HoldsChanges { hold } => self.inbox.holds_changes(hold),
            Step::LetsPass => self.inbox.lets_pass(1),
            Step::Comes { knowing } => self.comes(knowing),
            Step::Cuts => {
                if let Some(client) = self.client.take() {
                    client.is_cut();
                }
            }
            Step::Reads { on } => {
                self.reads = on;
                match &self.client {
                    Some(client) if on => client.reads_on(),
                    Some(client) => client.stops_reading(),
                    None => {}
                }
            }
        }
        self.untold.extend(self.inbox.take_untold());
        self.hears();
    }

    fn tells(&mut self, changes: usize) {
        for _ in 0..changes {
            let Some((user, change)) = self.untold.pop_front() else { return };
            self.world.backend().tells_inbox(user, &change).expect("there is room");
        }
    }

    fn comes(&mut self, knowing: Knowing) {
        if let Some(client) = self.client.take() {
            client.is_cut();
        }
        let knowing = if self.awaited > 0 { Knowing::Pages } else { knowing };
        self.awaited = 0;
        if knowing != Knowing::All {
            self.held = Held::default();
        }
        let hello = match knowing {
            Knowing::Pages => json!({"type": "hello"}),
            _ => json!({"type": "hello", "epoch": "memory", "heads": {"inbox": self.held.head}}),
        };
        (self.client, self.welcomed, self.pages) =
            (Some(self.world.v1(user(2), &hello)), false, knowing == Knowing::Pages);
        self.does(&Step::Reads { on: self.reads });
    }

    fn hears(&mut self) {
        let Some(client) = self.client.clone() else { return };
        frames(&client).iter().for_each(|frame| self.takes(frame));
        if self.reads && !client.is_open() {
            self.client = None;
        }
    }

    fn takes(&mut self, frame: &Value) {
        let number = |name: &str| frame[name].as_u64().unwrap_or_else(|| panic!("no {name}: {frame}"));
        let state = || serde_json::from_value::<RowState>(frame["state"].clone()).expect("a state");
        match frame["type"].as_str().expect("a type") {
            "welcome" => {
                self.welcomed = true;
                if self.pages {
                    self.begins_anew(frame["inbox"]["head"].as_u64().expect("a seq"));
                }
            }
            "resumed" => {
                if let Some(behind) = frame.get("inbox") {
                    self.begins_anew(behind["head"].as_u64().expect("a seq"));
                }
            }
            "inbox" => {
                self.awaited -= 1;
                self.held.counters = Some((number("unread"), number("unseen")));
                frame["notifications"].as_array().expect("rows").iter().for_each(|row| self.holds(row));
            }
            kind @ ("notification" | "inbox_state") => {
                let seq = number("seq");
                assert!(self.welcomed && seq > self.held.head, "{frame} after {}", self.held.head);
                self.held.head = seq;
                self.held.counters = Some((number("unread"), number("unseen")));
                if kind == "inbox_state" {
                    let (up_to, state) = (number("up_to"), state());
                    let rows = self.held.rows.values_mut().filter(|(seq, _)| *seq <= up_to);
                    rows.for_each(|(_, held)| *held = state.max(*held));
                    return;
                }
                self.holds(frame);
            }
            kind => panic!("nobody asked for {kind}: {frame}"),
        }
    }

    /// What is held of the inbox is replaced by its pages.
    fn begins_anew(&mut self, head: u64) {
        self.held = Held { head: head.max(self.held.head), ..Held::default() };
        let client = self.client.clone().expect("it hears");
        for filter in [Value::Null, json!("archived")] {
            self.awaited += 1;
            says(&client, &json!({"type": "inbox", "limit": 100, "filter": filter}));
        }
    }

    /// A row stands so, unless a later change of it is held.
    fn holds(&mut self, row: &Value) {
        let id: MessageId = row["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let (seq, state) = (row["seq"].as_u64().expect("a seq"), serde_json::from_value(row["state"].clone()));
        if self.held.rows.get(&id).is_some_and(|(held, _)| *held > seq) {
            return;
        }
        match row.get("removed") {
            Some(_) => self.held.rows.remove(&id),
            None => self.held.rows.insert(id, (seq, state.expect("a state"))),
        };
    }

    fn comes_to_rest(mut self) {
        self.inbox.holds_heads(Hold::Nothing);
        self.inbox.holds_changes(Hold::Nothing);
        self.does(&Step::Reads { on: true });
        if self.client.is_none() {
            self.comes(Knowing::All);
        }
        self.hears();
        self.tells(usize::MAX);
        self.hears();
        assert_eq!(self.held.rows, self.inbox.rows(user(2)));
        if let Some((unread, unseen)) = self.held.counters {
            let below = |state| self.held.rows.values().filter(|(_, held)| *held < state).count() as u64;
            assert_eq!((unread, unseen), (below(RowState::Read), below(RowState::Seen)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if std::env::var_os("TIDINGS_THOROUGH").is_some() { 5_000 } else { 150 }, ..ProptestConfig::default() })]

    #[test]
    fn in_the_end_a_client_holds_what_the_inbox_holds(
        steps in prop::collection::vec(step(), 1..90),
        outbox_bytes in prop::sample::select(vec![4_096_usize, 262_144]),
    ) {
        let mut model = Model::new(outbox_bytes);
        steps.iter().for_each(|step| model.does(step));
        model.comes_to_rest();
    }
}
