//! The backend's groups against the suite of such groups, paged by the backend and here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tidings_endpoints::{EndpointGroups, EndpointList};
use tidings_engine::ports::{GROUPS_MAX_AGE, Groups};
use tidings_testkit::{AppBackend, Reply, contract::foreign_groups::ForeignGroups};
use tidings_wire::{GroupId, UserId};

use crate::support::endpoints;

type Members = Arc<Mutex<HashMap<String, Vec<UserId>>>>;

struct Backend {
    _backend: AppBackend,
    members: Members,
    groups: Arc<EndpointGroups>,
}

impl Backend {
    fn new(query: &str) -> Self {
        let members = Members::default();
        let filled = members.clone();
        let backend = AppBackend::start(move |request| {
            let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
            let group = path.trim_start_matches("/groups/");
            let Some(mut found) = filled.lock().unwrap().get(group).cloned() else { return Reply::Status(404) };
            if let Some((after, limit)) = query.split_once('&') {
                let after = after.trim_start_matches("after=").parse::<UserId>().ok();
                found.sort_unstable();
                found.retain(|user| after.is_none_or(|after| *user > after));
                found.truncate(limit.trim_start_matches("limit=").parse().unwrap());
            }
            Reply::Json(serde_json::to_string(&found).unwrap())
        });
        let url = backend.url(&format!("/groups/{{group}}{query}"));
        let list = EndpointList::of_group(&endpoints(), "app.groups.url", &url).unwrap();
        Self { members, groups: Arc::new(EndpointGroups::new(list, GROUPS_MAX_AGE)), _backend: backend }
    }
}

impl ForeignGroups for Backend {
    fn groups(&self) -> Arc<dyn Groups> {
        self.groups.clone()
    }

    fn fill(&self, group: GroupId, members: &[UserId]) {
        self.members.lock().unwrap().insert(group.to_string(), members.to_vec());
    }
}

mod paged {
    fn paged() -> super::Backend {
        super::Backend::new("?after={after}&limit={limit}")
    }

    tidings_testkit::foreign_groups_contract!(paged);
}

mod unpaged {
    fn unpaged() -> super::Backend {
        super::Backend::new("")
    }

    tidings_testkit::foreign_groups_contract!(unpaged);
}
