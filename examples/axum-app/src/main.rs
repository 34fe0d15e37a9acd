//! `cargo run -p axum-app -- app.db 127.0.0.1:8000`
#![forbid(unsafe_code)]

use std::{net::SocketAddr, path::Path};

use axum_app::{Database, app};
use tidings::axum;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_else(|| "app.db".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let (router, running) = app(Database::open(Path::new(&file))?).await?;
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) }).await?;
    running.stop().await;
    Ok(())
}
