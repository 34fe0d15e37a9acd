//! Every statement and the tables on Postgres: what is said to be portable is.

use tidings_server::App;
use tidings_social::{Social, statements};

use crate::cluster::takes;

#[tokio::test]
async fn the_migrations_run_and_every_statement_is_prepared_on_postgres() {
    assert!(statements().len() > 40);
    takes(&App::new().pack(Social::new()), statements()).await;
}
