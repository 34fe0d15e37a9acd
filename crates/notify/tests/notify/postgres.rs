//! Every statement and the tables on Postgres: what is said to be portable is.

use tidings_notify::{Notify, channel_statements, statements};
use tidings_server::App;

use crate::cluster::takes;

#[tokio::test]
async fn the_migrations_run_and_every_statement_is_prepared_on_postgres() {
    assert!(statements().len() > 40);
    let all = [statements(), channel_statements()].concat();
    takes(&App::new().pack(Notify::new()), &all).await;
}
