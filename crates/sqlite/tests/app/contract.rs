//! The app's groups against the suite of such groups, paged by themselves and here.

use std::{cell::RefCell, sync::Arc};

use tidings_engine::ports::{GROUPS_MAX_AGE, Groups};
use tidings_sqlite::app::AppGroups;
use tidings_testkit::contract::foreign_groups::ForeignGroups;
use tidings_wire::{Form, GroupId, UserId};

use crate::support::{App, sql};

struct Table {
    app: RefCell<App>,
    groups: Arc<AppGroups>,
}

impl Table {
    fn new(text: &str) -> Self {
        let app = App::new();
        let groups = Arc::new(AppGroups::new(&app.database(), sql(text), GROUPS_MAX_AGE).unwrap());
        Self { app: RefCell::new(app), groups }
    }
}

impl ForeignGroups for Table {
    fn groups(&self) -> Arc<dyn Groups> {
        self.groups.clone()
    }

    fn fill(&self, group: GroupId, members: &[UserId]) {
        let mut app = self.app.borrow_mut();
        let fill = app.writer.transaction().unwrap();
        fill.execute("DELETE FROM GroupMembers WHERE group_id = ?1", [group.to_string().parse::<i64>().unwrap()])
            .unwrap();
        for member in members {
            let id = match member.0.form() {
                Form::Integer(number) => number.to_string(),
                Form::Uuid(_) => format!("'{member}'"),
            };
            fill.execute(&format!("INSERT INTO GroupMembers VALUES ({group}, {id})"), []).unwrap();
        }
        fill.commit().unwrap();
    }
}

mod paged {
    fn paged() -> super::Table {
        super::Table::new(
            "SELECT user_id FROM GroupMembers WHERE group_id = :group AND user_id > :after ORDER BY user_id LIMIT :limit",
        )
    }

    tidings_testkit::foreign_groups_contract!(paged);
}

mod unpaged {
    fn unpaged() -> super::Table {
        super::Table::new("SELECT user_id FROM GroupMembers WHERE group_id = ? ORDER BY random()")
    }

    tidings_testkit::foreign_groups_contract!(unpaged);
}
