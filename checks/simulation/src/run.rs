//! The steps of a run, and what must hold at its end.

use std::{sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidings_engine::{Planted, clock::SharedClock, ports::MessageStore};
use tidings_testkit::{Hold, World, memory::Snapshot};
use tidings_wire::{Audience, ConversationKey, GroupId, Keep, Limit, Message, Sender, UserId};

use crate::{
    app::{App, Pending},
    compare::{compare, ready},
    disk::{Disk, Flaw},
};

/// Kept, to one user.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Note {
    to: UserId,
    text: String,
}

impl Message for Note {
    const TYPE: &'static str = "note";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

/// Kept, to a group.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Post {
    group_id: GroupId,
    text: String,
}

impl Message for Post {
    const TYPE: &'static str = "post";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::group(self.group_id)
    }
}

/// How a run is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Chooses everything.
    pub seed: u64,
    /// Steps before all is mended.
    pub steps: usize,
    /// A mistake of the engine's.
    pub planted: Option<Planted>,
    /// A mistake of the store's.
    pub flaw: Option<Flaw>,
}

impl Setup {
    /// A run without mistakes.
    pub fn new(seed: u64) -> Self {
        Self { seed, steps: 180, planted: None, flaw: None }
    }
}

/// What a run was like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Connections during whose resume something was committed.
    pub boundaries: usize,
    /// Messages and events that were stored at the end.
    pub stored: u64,
    /// Times that the process died.
    pub crashes: usize,
    /// Every frame that a client got, in order: the same for the same seed.
    pub trace: Vec<String>,
}

const USERS: [u32; 3] = [1, 2, 3];
const GROUP: u32 = 5;

/// Frames that are shown with a problem.
const LAST_FRAMES: usize = 40;

/// Runs one seed.
///
/// # Errors
/// What does not hold, in a sentence, with the seed.
pub fn simulate(setup: Setup) -> Result<Outcome, String> {
    let mut run = Run::new(setup);
    let result = run.steps().and_then(|()| run.mend()).and_then(|()| compare(&run.disk, &run.apps));
    result.map_err(|problem| {
        let last = run.outcome.trace.len().saturating_sub(LAST_FRAMES);
        let frames = run.outcome.trace[last..].join("\n");
        format!("seed {}: {problem}; the last frames were:\n{frames}", setup.seed)
    })?;
    Ok(run.outcome)
}

struct Run {
    setup: Setup,
    random: StdRng,
    disk: Arc<Disk>,
    world: World,
    apps: Vec<App>,
    backup: Option<Snapshot>,
    epochs: usize,
    next_key: u64,
    held: bool,
    readings: Hold,
    outcome: Outcome,
}

impl Run {
    fn new(setup: Setup) -> Self {
        let mut random = StdRng::seed_from_u64(setup.seed);
        let shards = random.random_range(1..=2);
        let builder = tidings_testkit::world();
        let clock: SharedClock = builder.clock();
        let disk = Arc::new(Disk::new(clock, setup.flaw));
        let world = start(&disk, setup, shards);
        let apps = USERS.iter().chain(&USERS[..2]).map(|&user| App::new(user, &streams(user))).collect();
        let run = Self {
            setup,
            random,
            disk,
            world,
            apps,
            backup: None,
            epochs: 0,
            next_key: 0,
            held: false,
            readings: Hold::Nothing,
            outcome: Outcome::default(),
        };
        run.world.backend().adds(GroupId::new(GROUP), USERS[..2].iter().map(|&user| UserId::new(user)));
        run
    }

    fn steps(&mut self) -> Result<(), String> {
        for _ in 0..self.setup.steps {
            self.step();
            self.listen()?;
        }
        Ok(())
    }

    fn step(&mut self) {
        let app = self.random.random_range(0..self.apps.len());
        let mut delay = || if self.random.random_bool(0.3) { 0 } else { self.random.random_range(1..8) };
        let (begin, answer) = (delay(), delay());
        self.world.store().delays_readings(begin, answer);
        match self.random.random_range(0..300) {
            0..60 => self.write(app),
            60..68 => self.change(app),
            68..74 => self.mark(app),
            74..170 => {
                self.connect(app);
                // What is written now meets the readings of those who resume.
                let other = self.random.random_range(0..self.apps.len());
                self.write(other);
            }
            170..225 => self.cut(app),
            225..233 => self.pause_reader(app),
            233..245 => self.hold_store(),
            245..255 => self.hold_readings(),
            255..280 => self.write(app),
            280..286 => self.world.advance(Duration::from_millis(self.random.random_range(1..3_000))),
            286..292 => self.member(),
            292..296 => self.apps[app].fetches(),
            296 | 297 => self.crash(),
            298 => self.backup = Some(self.disk.backup()),
            _ => self.put_back(),
        }
    }

    /// A few messages at once.
    fn write(&mut self, app: usize) {
        for _ in 0..self.random.random_range(1..6) {
            self.next_key += 1;
            let text = self.next_key.to_string();
            let user = self.apps[app].user;
            let frame = match self.random.random_range(0..3) {
                0 => json!({"type": "post", "group_id": GROUP, "text": text}),
                other => {
                    let to = USERS[(USERS.iter().position(|&one| one == user).unwrap_or(0) + other) % USERS.len()];
                    json!({"type": "note", "to": to, "text": text})
                }
            };
            if self.apps[app].connection.is_some() {
                self.apps[app].sends(Pending { key: format!("key {}", self.next_key), frame });
            }
        }
    }

    /// Edits or deletes something that this client knows of. Not repeated: it carries no key.
    fn change(&mut self, app: usize) {
        let Some(taken) = self.apps[app].taken.last().cloned() else { return };
        let mut frame = json!({"type": "delete", "conversation": taken.conversation, "seq": taken.seq});
        if self.random.random_bool(0.5) {
            frame["type"] = json!("edit");
            let place: Option<ConversationKey> = taken.conversation.parse().ok();
            frame["body"] = match place {
                Some(ConversationKey::Group(group)) => json!({"group_id": group, "text": "edited"}),
                Some(ConversationKey::Dm(low, high)) => {
                    let other = if low == self.apps[app].id() { high } else { low };
                    json!({"to": other, "text": "edited"})
                }
                None => return,
            };
        }
        self.apps[app].says(&frame);
    }

    fn mark(&mut self, app: usize) {
        let Some((name, head)) = self.apps[app].logs.iter().map(|(name, log)| (name.clone(), log.head)).next() else {
            return;
        };
        self.apps[app].says(&json!({"type": "read", "conversation": name, "seq": head}));
    }

    fn connect(&mut self, app: usize) {
        if self.apps[app].connection.is_some() {
            return;
        }
        let hello = self.apps[app].hello();
        let client = self.world.v1(self.apps[app].id(), &hello);
        self.apps[app].connected(client);
    }

    fn cut(&mut self, app: usize) {
        if let Some(client) = self.apps[app].connection.clone() {
            client.is_cut();
            self.apps[app].disconnected();
        }
    }

    fn pause_reader(&mut self, app: usize) {
        let app = &mut self.apps[app];
        let Some(client) = &app.connection else { return };
        app.reads = !app.reads;
        if app.reads { client.reads_on() } else { client.stops_reading() }
    }

    fn hold_store(&mut self) {
        if !self.held {
            self.world.store().holds();
        } else if self.random.random_bool(0.5) {
            let acts = self.random.random_range(1..6);
            self.world.store().lets_pass(acts);
            return;
        } else {
            self.world.store().goes_on();
        }
        self.held = !self.held;
    }

    fn hold_readings(&mut self) {
        let all = [Hold::Nothing, Hold::Readings, Hold::Answers, Hold::Nothing];
        self.readings = all[self.random.random_range(0..all.len())];
        self.world.store().holds_readings(self.readings);
    }

    fn member(&mut self) {
        if self.held {
            return;
        }
        let user = UserId::new(USERS[self.random.random_range(0..USERS.len())]);
        let joins = self.random.random_bool(0.6);
        self.world.backend().set_member(GroupId::new(GROUP), user, joins);
    }

    fn crash(&mut self) {
        self.outcome.crashes += 1;
        let disk = self.disk.crash();
        self.restart(disk);
    }

    fn put_back(&mut self) {
        let Some(backup) = self.backup.clone() else { return };
        self.epochs += 1;
        let disk = self.disk.put_back(&backup, &format!("epoch {}", self.epochs));
        self.restart(disk);
        // What an old copy does not have is lost with the operator's knowledge.
        self.apps.iter_mut().for_each(|app| app.taken.clear());
    }

    fn restart(&mut self, disk: Disk) {
        self.disk = Arc::new(disk);
        let shards = self.random.random_range(1..=2);
        self.world = start(&self.disk, self.setup, shards);
        self.apps.iter_mut().for_each(App::disconnected);
        (self.held, self.readings) = (false, Hold::Nothing);
    }

    fn listen(&mut self) -> Result<(), String> {
        let stored = self.stored();
        for app in &mut self.apps {
            let resuming = app.connection.is_some() && !app.resumed;
            app.crossed |= resuming && stored > self.outcome.stored;
            let before = app.resumed;
            app.listens(&mut self.outcome.trace)?;
            if app.resumed && !before && app.crossed {
                self.outcome.boundaries += 1;
            }
        }
        self.outcome.stored = stored;
        Ok(())
    }

    fn stored(&self) -> u64 {
        let all = ready(self.disk.since(tidings_engine::act::CommitNumber(0), u32::MAX));
        all.last().map_or(0, |(commit, _)| commit.0)
    }

    /// Everything works again: all are connected, everything is repeated, fetched and heard.
    fn mend(&mut self) -> Result<(), String> {
        self.world.store().goes_on();
        self.world.store().holds_readings(Hold::Nothing);
        self.world.store().delays_readings(0, 0);
        for _ in 0..200 {
            for app in 0..self.apps.len() {
                if !self.apps[app].reads {
                    self.pause_reader(app);
                }
                self.connect(app);
            }
            self.listen()?;
            self.apps.iter_mut().for_each(App::fetches);
            self.world.advance(Duration::from_millis(500));
            self.listen()?;
            if self.apps.iter().all(|app| app.is_at_rest()) {
                // What the last of them set off is heard by the others.
                self.world.run();
                return self.listen();
            }
        }
        let left: Vec<_> = self.apps.iter().map(|app| (app.user, app.resumed, &app.pending)).collect();
        Err(format!("it does not come to an end: {left:?}"))
    }
}

/// The streams that a user may be in.
fn streams(user: u32) -> Vec<String> {
    let own = UserId::new(user);
    let others = USERS.iter().filter(|&&other| other != user);
    let mut names: Vec<_> = others.map(|&other| ConversationKey::dm(own, UserId::new(other)).to_string()).collect();
    names.push(ConversationKey::Group(GroupId::new(GROUP)).to_string());
    names
}

fn start(disk: &Arc<Disk>, setup: Setup, shards: u16) -> World {
    tidings_testkit::world()
        .message::<Note>()
        .message::<Post>()
        .settings(|settings| {
            settings.planted = setup.planted;
            settings.limits = false;
            settings.outbox_bytes = 4_096;
        })
        .shards(shards)
        .socket_bytes(1_024)
        .store(disk.clone(), disk.clone())
        .start()
}
