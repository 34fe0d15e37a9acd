//! Handlers: what they may do to a message, and what is done to them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tidings_engine::{Accepted, Context, Handle, publish::Publish};
use tidings_testkit::{World, world};
use tidings_wire::{Audience, Code, Me, MessageId, Reject};
use tokio::sync::oneshot;

use crate::messages::{GROUP, Group, Poke, Private, Shout, poke, private, to_group, user};

/// A world whose pokes pass a handler, and whose private messages do not.
fn with(handler: impl Handle<Poke>) -> World {
    world().message_with::<Poke>(handler).message::<Private>().message::<Group>().start()
}

fn noted(note: &str) -> Poke {
    Poke { to: user(2), note: note.to_owned() }
}

#[test]
fn a_handler_changes_refuses_and_remembers() {
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    let world = with(move |mut poke: Poke, cx: Context| {
        let count = counted.clone();
        async move {
            if poke.note == "rude" {
                return Err(Reject::not_allowed("be polite"));
            }
            poke.note = format!("{} #{}", cx.sender().user.unwrap(), count.fetch_add(1, Ordering::Relaxed));
            Ok(poke)
        }
    });
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&noted("hi"));
    assert_eq!(bob.expects::<Poke>().note, "1 #0");
    ann.send(&noted("rude"));
    assert_eq!(ann.expects_error(Code::NotAllowed).message, "be polite");
    ann.send(&noted("hi"));
    assert_eq!(bob.expects::<Poke>().note, "1 #1");
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[test]
fn a_handler_says_who_hears_it() {
    let world = with(|poke: Poke, _: Context| async move {
        let audience = Audience::everyone().less_user(poke.to).me(Me::EveryConnection);
        Ok(Accepted::new(poke).to(audience))
    });
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    ann.send(&noted("surprise"));
    ann.expects::<Poke>();
    eve.expects::<Poke>();
    bob.expects_nothing();
}

#[test]
fn a_handler_that_hangs_is_given_up_after_five_seconds() {
    let world = with(|poke: Poke, _: Context| async move {
        if poke.note == "hang" {
            std::future::pending::<()>().await;
        }
        Ok(poke)
    });
    let [ann, bob] = world.clients([1, 2]);
    ann.sends_text(r#"{"type":"poke","to":2,"note":"hang","ref":8}"#);
    ann.send(&noted("behind it"));
    bob.send(&private(ann.user(), "others go on"));
    ann.expects::<Private>();
    world.advance(Duration::from_millis(4_900));
    ann.expects_nothing();
    bob.expects_nothing();
    world.advance(Duration::from_millis(500));
    assert_eq!(ann.expects_error(Code::Unavailable).reference, Some(8));
    assert_eq!(bob.expects::<Poke>().note, "behind it");
}

#[test]
fn a_backends_message_is_given_up_as_soon() {
    let world = with(|poke: Poke, _: Context| async move {
        std::future::pending::<()>().await;
        Ok(poke)
    });
    let mut call = world.backend().begins_send(None, &noted("hang"), None);
    world.advance(Duration::from_millis(4_900));
    assert!(call.is_open());
    world.advance(Duration::from_millis(500));
    assert_eq!(call.answer().unwrap_err().code, Code::Unavailable);
}

#[test]
fn a_handler_may_sleep_and_the_worlds_clock_wakes_it() {
    let world = with(|poke: Poke, _: Context| async move {
        // Nothing ever comes: only the time ends it.
        let _ = tokio::time::timeout(Duration::from_secs(2), std::future::pending::<()>()).await;
        Ok(poke)
    });
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&noted("later"));
    world.advance(Duration::from_millis(1_900));
    bob.expects_nothing();
    world.advance(Duration::from_millis(200));
    bob.expects::<Poke>();
}

#[test]
fn a_handler_that_panics_costs_only_its_own_message() {
    let world = with(|poke: Poke, _: Context| async move {
        assert_ne!(poke.note, "at once", "a defect of the app");
        if poke.note == "later" {
            tokio::task::yield_now().await;
            panic!("a defect of the app");
        }
        Ok(poke)
    });
    let [ann, bob] = world.clients([1, 2]);
    for defect in ["at once", "later"] {
        ann.send(&noted(defect));
        ann.expects_error(Code::Unavailable);
    }
    ann.send(&noted("fine"));
    bob.expects::<Poke>();
}

/// A type whose own code fails while it is read.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Brittle {}

impl<'de> serde::Deserialize<'de> for Brittle {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("a defect of the app");
    }
}

impl tidings_wire::Message for Brittle {
    const TYPE: &'static str = "brittle";

    fn audience(&self, _: &tidings_wire::Sender) -> Audience {
        Audience::everyone()
    }
}

#[test]
fn a_type_that_panics_while_it_is_read_costs_only_its_own_message() {
    let world = world().message::<Brittle>().message::<Poke>().start();
    let [ann, bob] = world.clients([1, 2]);
    ann.sends_text(r#"{"type":"brittle"}"#);
    ann.expects_error(Code::Unavailable);
    ann.send(&noted("fine"));
    bob.expects::<Poke>();
}

#[test]
fn a_handler_asks_for_members_ids_and_time() {
    let ids = Arc::new(Mutex::new(Vec::<MessageId>::new()));
    let kept = ids.clone();
    let world = with(move |poke: Poke, cx: Context| {
        let ids = kept.clone();
        async move {
            if !cx.is_member(GROUP, poke.to).await? {
                return Err(Reject::not_found("no such friend"));
            }
            ids.lock().unwrap().extend([cx.new_id(), cx.new_id()]);
            Ok(Poke { note: cx.now().unix().to_string(), ..poke })
        }
    });
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&noted("hi"));
    ann.expects_error(Code::NotFound);
    world.backend().set_member(GROUP, bob.user(), true);
    ann.send(&noted("hi"));
    let got = bob.expects::<Poke>();
    assert_eq!(got.note, got.timestamp.to_string());
    let ids = ids.lock().unwrap();
    assert!(ids[0] < ids[1] && ids[1] < got.id);
}

#[test]
fn blocking_work_runs_on_another_thread() {
    let world = with(|poke: Poke, cx: Context| async move {
        let here = std::thread::current().id();
        let elsewhere = cx.blocking(move || std::thread::current().id() != here).await?;
        if poke.note == "bad" {
            cx.blocking(|| panic!("a defect of the app")).await?;
        }
        Ok(Poke { note: elsewhere.to_string(), ..poke })
    });
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&noted("hi"));
    assert_eq!(bob.expects::<Poke>().note, "true");
    ann.send(&noted("bad"));
    ann.expects_error(Code::Unavailable);
    world.backend().send(None, &noted("hi")).unwrap();
    assert_eq!(bob.expects::<Poke>().note, "true");
}

/// A handler that waits until the test lets the message of its note pass.
#[derive(Clone, Default)]
struct Doors(Arc<Mutex<Vec<Door>>>);

/// The note of the message that waits, and what lets it pass.
type Door = (String, oneshot::Sender<()>);

impl Handle<Poke> for Doors {
    async fn accept(&self, poke: Poke, _: Context) -> Result<Accepted<Poke>, Reject> {
        let (open, opened) = oneshot::channel();
        self.doors().push((poke.note.clone(), open));
        // A door that goes away is open too.
        let _ = opened.await;
        Ok(poke.into())
    }
}

impl Doors {
    fn doors(&self) -> MutexGuard<'_, Vec<Door>> {
        self.0.lock().expect("nothing panics while it holds the doors")
    }

    fn closed(&self) -> Vec<String> {
        self.doors().iter().map(|(note, _)| note.clone()).collect()
    }

    fn open(&self, note: &str) {
        self.doors().retain(|(closed, _)| closed != note);
    }
}

#[test]
fn messages_of_one_connection_are_accepted_one_after_another_while_others_go_on() {
    let doors = Doors::default();
    let world = with(doors.clone());
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    ann.sends_all(["a1", "a2"].map(noted));
    ann.send(&private(bob.user(), "after both"));
    eve.send(&noted("e1"));
    assert_eq!(doors.closed(), ["a1", "e1"]);
    doors.open("e1");
    assert_eq!(bob.expects::<Poke>().note, "e1");
    bob.expects_nothing();
    doors.open("a1");
    assert_eq!(bob.expects::<Poke>().note, "a1");
    assert_eq!(doors.closed(), ["a2"]);
    doors.open("a2");
    assert_eq!(bob.expects::<Poke>().note, "a2");
    assert_eq!(bob.expects::<Private>().content, "after both");
}

#[test]
fn what_waits_for_a_handler_is_bounded_and_then_reading_pauses() {
    let doors = Doors::default();
    let world = with(doors.clone());
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&noted("first"));
    let rest = "r".repeat(1_000);
    for _ in 0..400 {
        ann.send(&noted(&rest));
    }
    assert!(ann.is_paused());
    let unread = ann.unread_bytes();
    assert!(unread > 400 * 1_000 - 200 * 1024, "the server holds at most 128 KiB and one read: {unread} are unread");
    world.advance(Duration::from_secs(4));
    doors.open("first");
    let mut heard = 0;
    while heard < 401 {
        world.run();
        doors.open(&rest);
        heard += bob.expects_some::<Poke>().len();
    }
    assert!(!ann.is_paused() && ann.unread_bytes() == 0);
    ann.expects_nothing();
}

#[test]
fn a_paused_connection_is_not_silent() {
    let doors = Doors::default();
    let world =
        world().message_with::<Poke>(doors.clone()).settings(|s| s.accept_within = Duration::from_secs(90)).start();
    let [ann] = world.clients([1]);
    ann.send(&noted("first"));
    (0..300).for_each(|_| ann.send(&noted(&"r".repeat(1_000))));
    assert!(ann.is_paused());
    world.advance(Duration::from_secs(60));
    assert!(ann.is_open() && ann.is_paused());
    doors.doors().clear();
    world.run();
    assert!(ann.is_open());
}

#[test]
fn a_clean_close_waits_for_what_came_before_it() {
    let doors = Doors::default();
    let world = with(doors.clone());
    let [ann, bob] = world.clients([1, 2]);
    ann.sends_all(["one", "two"].map(noted));
    ann.closes(1001);
    ann.send(&noted("three"));
    doors.open("one");
    world.run();
    assert!(world.is_online(ann.user()));
    doors.open("two");
    ann.expects_close_frame(Some(1001));
    assert!(ann.is_gone() && doors.closed().is_empty());
    assert_eq!(bob.expects_some::<Poke>().len(), 2);
}

#[test]
fn who_is_closed_takes_the_handler_along() {
    let doors = Doors::default();
    let world = with(doors.clone());
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&noted("never"));
    let (_, door) = doors.doors().pop().unwrap();
    world.backend().disconnects(ann.user(), tidings_wire::CloseCode::Revoked);
    world.run();
    assert!(door.is_closed(), "the future was dropped");
    let [eve] = world.clients([3]);
    bob.expects_nothing();
    eve.send(&noted("mine"));
    doors.open("mine");
    bob.expects::<Poke>();
}

#[test]
fn a_group_message_waits_behind_a_handler_of_its_own_connection_only() {
    let doors = Doors::default();
    let world = with(doors.clone());
    let [ann, bob] = world.clients([1, 2]);
    world.backend().adds(GROUP, [ann.user(), bob.user()]);
    ann.send(&noted("slow"));
    ann.send(&to_group("from ann"));
    bob.send(&to_group("from bob"));
    assert_eq!(ann.expects::<Group>().seq, Some(1));
    bob.expects_nothing();
    doors.open("slow");
    bob.expects::<Poke>();
    assert_eq!(bob.expects::<Group>().seq, Some(2));
    ann.send(&poke(user(9)));
}

#[test]
fn a_kept_message_can_leave_nobody_of_its_conversation_out() {
    let handler = |private: Private, _: Context| async move {
        let audience = Audience::user(private.to).less_user(private.to);
        Ok(Accepted::new(private).to(audience))
    };
    let world = tidings_testkit::world().message_with::<Private>(handler).start();
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&Private { to: bob.user(), content: "hi".into() });
    ann.expects_error(Code::NotAllowed);
    bob.expects_nothing();
}

#[test]
fn what_a_projection_publishes_to_a_group_reaches_members_of_a_group_that_nobody_has_named_before() {
    let handler = |message: Private, cx: Context| async move {
        let sender = cx.sender().clone();
        Ok(Accepted::new(message).project(move |_| {
            let shout = Shout { groups: vec![GROUP], ..Shout::default() };
            vec![Publish::new(&shout, &sender).expect("a shout is JSON")]
        }))
    };
    let world = tidings_testkit::world().message::<Shout>().message_with::<Private>(handler).start();
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    world.backend().adds(GROUP, [user(1), user(2)]);
    ann.send(&private(user(9), "hi"));
    bob.expects::<Shout>();
    eve.expects_nothing();
}
