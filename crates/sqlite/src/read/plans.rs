//! What pages, resumes and counts run looks things up; it walks through no table.

use std::sync::Arc;

use tidings_engine::clock::SystemClock;

use super::{history, log, standing, unread, visible};
use crate::{members, open, options::SqliteOptions, removal, requests, withheld};

#[test]
fn what_resumes_and_lists_run_walks_through_no_table_and_sorts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(folder.path(), Arc::new(SystemClock::new()));
    let (opened, _) = open::first(&options).unwrap();
    let plan = |sql: &str| {
        let mut statement = opened.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push(row.get::<_, String>("detail").unwrap());
        }
        plan
    };
    let statements = [
        history::part_sql(true),
        history::part_sql(false),
        history::first_sql(history::IS_MESSAGE),
        history::first_sql(history::COUNTS),
        history::OLDEST.to_owned(),
        log::sql("m.commit_no > ?1"),
        log::sql("m.commit_no = ?1"),
        standing::STREAM.to_owned(),
        visible::MEMBERSHIPS.to_owned(),
        unread::UNCOUNTED.to_owned(),
        unread::GONE.to_owned(),
        members::SEAT.to_owned(),
        withheld::RUNS.to_owned(),
        withheld::FROM.to_owned(),
        super::members::GROUPS_OF.to_owned(),
        removal::OLD.to_owned(),
        removal::WRITTEN.to_owned(),
        requests::FOUND.to_owned(),
        requests::OLD.to_owned(),
    ];
    for sql in statements {
        let plan = plan(&sql);
        assert!(!plan.iter().any(|step| step.starts_with("SCAN") || step.contains("TEMP B-TREE")), "{sql}\n{plan:#?}");
    }
    // What a user wrote is sorted, from nothing but their own.
    assert!(plan(log::COMMITS).iter().all(|step| !step.starts_with("SCAN")), "{:#?}", plan(log::COMMITS));
    assert!(plan(unread::UNCOUNTED).iter().any(|step| step.contains("COVERING INDEX messages_uncounted")));
}
