//! What the pack is made of, and what it adds to a server.

use std::sync::Arc;

use tidings_server::{
    Pack, ServerSlot, Setup,
    ports::{Posts, Relation, SocialGraph, Users},
};
use tidings_wire::{BLOCKED, FOLLOWERS};

use crate::{
    PostAction, PostCounters, PostUpdate,
    joiner::Joiner,
    keeping::Keeping,
    own::Own,
    post_action::Taking,
    relations::{APART, FOLLOWING, MUTUAL, Mutual, Stands},
    routes,
    shared::Shared,
    sight::Unblocked,
    sql::MIGRATIONS,
    topics::PostTopics,
};

/// Whether acts on posts are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acts {
    /// In the pack's tables: each like once, with counters.
    #[default]
    Store,
    /// Nowhere: they are routed and told, for apps that store likes, comments and shares themselves.
    Announce,
}

/// The pack. Without more it keeps posts, acts, follows, blocks, mutes and names in tables of its own.
pub struct Social {
    own: Own,
    posts: Option<Arc<dyn Posts>>,
    graph: Option<Arc<dyn SocialGraph>>,
    users: Option<Arc<dyn Users>>,
    acts: Acts,
}

impl Social {
    /// With tables of its own for everything.
    pub fn new() -> Self {
        Self { own: Own::new(ServerSlot::default()), posts: None, graph: None, users: None, acts: Acts::Store }
    }

    /// Posts that the app keeps. To write, list or delete some here is then answered with `not_enabled`.
    #[must_use]
    pub fn posts(mut self, posts: Arc<dyn Posts>) -> Self {
        self.posts = Some(posts);
        self
    }

    /// Follows, blocks and mutes that the app keeps. To change some here is then answered with `not_enabled`.
    #[must_use]
    pub fn graph(mut self, graph: Arc<dyn SocialGraph>) -> Self {
        self.graph = Some(graph);
        self
    }

    /// Names that the app keeps; whose account is private it says by a field `private` of the profile's data. To change some here
    /// is then answered with `not_enabled`.
    #[must_use]
    pub fn users(mut self, users: Arc<dyn Users>) -> Self {
        self.users = Some(users);
        self
    }

    /// Whether acts are stored.
    #[must_use]
    pub fn acts(mut self, acts: Acts) -> Self {
        self.acts = acts;
        self
    }

    /// Names and languages as this pack knows them: for a pack that needs them too.
    pub fn users_port(&self) -> Arc<dyn Users> {
        self.users.clone().unwrap_or_else(|| Arc::new(self.own.clone()))
    }

    /// Follows, blocks and mutes as this pack knows them: for a pack that needs them too.
    pub fn graph_port(&self) -> Arc<dyn SocialGraph> {
        self.graph.clone().unwrap_or_else(|| Arc::new(self.own.clone()))
    }

    fn shared(&self) -> Shared {
        Shared {
            own_posts: self.posts.is_none(),
            own_graph: self.graph.is_none(),
            own_users: self.users.is_none(),
            posts: self.posts.clone().unwrap_or_else(|| Arc::new(self.own.clone())),
            graph: self.graph_port(),
            users: self.users_port(),
            acts: self.acts,
            joiner: Joiner::default(),
            blockers: self.own.blockers(),
        }
    }
}

impl Default for Social {
    fn default() -> Self {
        Self::new()
    }
}

impl Pack for Social {
    const NAME: &'static str = "social";

    fn add(self, to: &mut Setup) {
        let shared = Arc::new(self.shared());
        let graph = shared.graph.clone();
        let stands = |of| -> Arc<dyn Relation> { Arc::new(Stands { graph: shared.graph.clone(), of }) };
        to.message_with::<PostAction>(Taking(shared.clone()))
            .message::<PostUpdate>()
            .message::<PostCounters>()
            .relation(FOLLOWERS, stands(FOLLOWERS))
            .relation(FOLLOWING, stands(FOLLOWING))
            .relation(APART, stands(APART))
            .relation(MUTUAL, Arc::new(Mutual(shared.graph.clone())))
            .topics("post:", Arc::new(PostTopics(shared.clone())))
            .keeps(Arc::new(Keeping(shared.clone())))
            .migrations(MIGRATIONS)
            .routes(routes::all(shared.clone()));
        if graph.lists_blocked() {
            to.relation(BLOCKED, stands(BLOCKED));
        } else {
            // Of these blocks it is known who stands how to whom, and not whom somebody has blocked.
            to.visibility(move |inner| Arc::new(Unblocked::new(inner, graph)));
        }
        let server = self.own.server();
        to.on_start(move |tidings| {
            let serving = server.serves(tidings.clone());
            let joining = tidings.clone();
            let (blockers, tables) = (shared.blockers.clone(), server.clone());
            tidings.spawn(async move { blockers.read(&tables).await });
            tidings.spawn(async move {
                // Let go with the task when the server stops: the pack's ports live as long as it, and must not keep it alive.
                let _serving = serving;
                shared.joiner.run(joining).await;
            });
        });
    }
}
