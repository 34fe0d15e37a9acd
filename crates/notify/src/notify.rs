//! What the pack is made of, and what it adds to a server.

use std::sync::{Arc, OnceLock};

use tidings_server::{
    Pack, ServerSlot, Setup,
    ports::{SocialGraph, Users},
};

use crate::{
    channels::{self, Channel, Channels, DeliverySettings},
    inbox::Own,
    keeping::Keeping,
    kind::{IN_APP, Kind, Kinds, Notification},
    pruner, queue, routes,
    shared::Shared,
    sql::MIGRATIONS,
    standard::standard,
    teller,
    texts::TextError,
};

/// The pack: an inbox for every user.
#[derive(Default)]
pub struct Notify {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) wrong: Vec<(String, TextError)>,
    users: Option<Arc<dyn Users>>,
    graph: Option<Arc<dyn SocialGraph>>,
    channels: Vec<Arc<dyn Channel>>,
    deliveries: DeliverySettings,
}

impl Notify {
    /// Without any subtype: whoever notifies then says the sentence each time.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the subtypes of Tidings' own packs: [`standard`](crate::standard()).
    pub fn standard() -> Self {
        standard().into_iter().fold(Self::new(), Self::kind)
    }

    /// A notification that is declared in code. What cannot be read in its texts fails at build.
    #[must_use]
    pub fn notification<N: Notification>(mut self) -> Self {
        match Kind::of::<N>() {
            Ok(kind) => self.kinds.push(kind),
            Err(error) => self.wrong.push((N::SUBTYPE.to_owned(), error)),
        }
        self
    }

    /// A subtype. One that is there already is replaced: so an app says the pack's own in other words.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Names and languages for the sentences. Without it the app's port for users is asked, if it brought one.
    #[must_use]
    pub fn users(mut self, users: Arc<dyn Users>) -> Self {
        self.users = Some(users);
        self
    }

    /// Who blocks, mutes and follows whom. Without it nobody does.
    #[must_use]
    pub fn graph(mut self, graph: Arc<dyn SocialGraph>) -> Self {
        self.graph = Some(graph);
        self
    }
}

impl Notify {
    /// A channel on which notifications go where nobody looks at the inbox. Two of one name fail at build.
    #[must_use]
    pub fn channel(mut self, channel: Arc<dyn Channel>) -> Self {
        self.channels.push(channel);
        self
    }

    /// When and how often is sent on all channels.
    #[must_use]
    pub fn deliveries(mut self, settings: DeliverySettings) -> Self {
        self.deliveries = settings;
        self
    }
}

impl Pack for Notify {
    const NAME: &'static str = "notify";

    fn add(self, to: &mut Setup) {
        for (subtype, error) in &self.wrong {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            to.refuse(format!("notification {subtype:?}: {error}{cause}"));
        }
        for kind in self.kinds.iter().filter(|kind| !kind.is_well_named()) {
            to.refuse(format!(
                "notification {:?}: its name needs 1 to 40 of a-z, 0-9 and _, a letter first",
                kind.subtype
            ));
        }
        for (at, name) in self.channels.iter().map(|channel| channel.name()).enumerate() {
            let is_named = Kind::new(name, "").is_well_named() && name.len() <= 32 && name != IN_APP;
            if !is_named || self.channels[..at].iter().any(|other| other.name() == name) {
                to.refuse(format!(
                    "channel {name:?}: its name needs 1 to 32 of a-z, 0-9 and _, a letter first, and to be its alone"
                ));
            }
        }
        let server = ServerSlot::default();
        let shared = Arc::new(Shared {
            server: server.clone(),
            kinds: Kinds::new(self.kinds),
            users: self.users,
            cached: OnceLock::new(),
            graph: self.graph,
            teller: teller::Teller::default(),
            wants: crate::wants::Wants::default(),
            queue: queue::Queue::default(),
            given: crate::limits::Given::default(),
            channels: Channels::new(self.channels, self.deliveries),
        });
        to.notifications(Arc::new(Own(shared.clone())), Arc::new(Own(shared.clone())))
            .migrations(MIGRATIONS)
            .keeps(Arc::new(Keeping(shared.clone())))
            .routes(routes::all(shared.clone()));
        to.on_start(move |tidings| {
            shared.started(&tidings);
            let serving = server.serves(tidings.clone());
            let (telling, working) = (shared.clone(), tidings.clone());
            tidings.spawn(teller::run(telling.clone(), tidings.clone()));
            tidings.spawn(pruner::run(telling, tidings.clone()));
            tidings.spawn(channels::run(shared.clone(), tidings.clone()));
            tidings.spawn(async move {
                // Let go with the task when the server stops: the engine holds the pack, which must not hold it.
                let _serving = serving;
                queue::run(shared, working).await;
            });
        });
    }
}
