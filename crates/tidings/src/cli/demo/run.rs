//! The demo from its first line to its last.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, ensure};
use tidings_engine::clock::SystemClock;
use tokio::sync::oneshot;

use super::{
    cast::Cast,
    folder::Folder,
    join::{VISITOR, host, invitation},
    post::{CONTENT, posted},
    script::{GROUP, play},
};
use crate::{
    cli::{
        arguments::{Data, Demo, Serve},
        assemble::Extend,
        config,
        failure::Failure,
        http::{Answer, Request, ask},
        logs,
        output::{answer, explain},
        run::block_on,
        serve::{Prepared, Up},
        signals::Signals,
    },
    configuration::{Configuration, Place, TimeSpan},
};

/// Runs it. The transcript goes to standard output, all else to standard error.
pub(in crate::cli) fn run(flags: &Demo, file: Option<PathBuf>, extend: Extend<'_>) -> Result<(), Failure> {
    let folder = Folder::new(flags.data.as_deref())?;
    let configuration = configuration(flags, file, &folder)?;
    logs::start(&configuration.log);
    let prepared = Prepared::new(&configuration, extend)?;
    block_on(async {
        let mut signals = Signals::take().context("listen for signals")?;
        let up = prepared.start().await?;
        explain(&up.banner(&configuration, false).to_string());
        let (stop, stopped) = oneshot::channel::<()>();
        let address = up.address;
        let mut serving = std::pin::pin!(Up::serve(up, stopped));
        let told = tokio::select! {
            ended = &mut serving => return ended,
            told = perform(address, flags.once) => told,
            _ = signals.next() => Ok(()),
        };
        drop(stop);
        serving.await?;
        told
    })?
}

async fn perform(address: std::net::SocketAddr, once: bool) -> Result<(), Failure> {
    let mut cast = Cast::gather(address, Arc::new(SystemClock::new())).await?;
    for user in [1, 2, 3, VISITOR] {
        join_group(address, user).await?;
    }
    let post = posted(address).await?;
    answer(&format!(
        "Ann (user 1) is connected twice, by phone and laptop; Bob (2), Cleo (3) and Dan (4) once: {} connections.\n\
         Ann, Bob and Cleo are in group {GROUP}; Dan is not.",
        cast.count()
    ))?;
    if post.is_some() {
        answer(&format!("Bob follows Ann, who has posted {CONTENT:?}."))?;
    }
    let mut printed = Ok(());
    play(&mut cast, post.as_ref(), |text| {
        printed = std::mem::replace(&mut printed, Ok(())).and_then(|()| answer(&format!("\n{text}")))
    })
    .await?;
    printed?;
    if once {
        return Ok(());
    }
    answer(&format!("\n{}", invitation(address)))?;
    host(&mut cast, explain).await?;
    Ok(())
}

/// Adds a user to the play's group as a backend would, by the API; with `--dev` no key is asked for.
async fn join_group(address: std::net::SocketAddr, user: u32) -> anyhow::Result<()> {
    let path = format!("/v1/groups/{GROUP}/members/{user}");
    let answer = by(address, user, "PUT", &path, "").await?;
    ensure!(answer.status == 204, "PUT {path} answered {}: {}", answer.status, answer.body);
    Ok(())
}

/// What a user asks for by HTTP; with `--dev` their word is taken for who they are.
pub(super) async fn by(
    address: std::net::SocketAddr,
    user: u32,
    method: &str,
    path: &str,
    body: &str,
) -> anyhow::Result<Answer> {
    let (authority, path) = (address.to_string(), format!("{path}?user={user}"));
    ask(address, &Request { method, authority: &authority, path: &path, bearer: None, body }).await
}

/// A server in `--dev` mode on the demo's folder. The working folder's `tidings.toml` is not read, so that the demo shows
/// the same everywhere; a file named by `--config` and the environment are.
fn configuration(flags: &Demo, file: Option<PathBuf>, folder: &Folder) -> Result<Configuration, Failure> {
    let data = Data { data: Some(folder.path().to_string_lossy().into_owned()) };
    let serve = Serve { dev: true, listen: flags.listen.clone(), data, store: None };
    let mut sources = serve.sources(file);
    sources.folder = folder.path().to_path_buf();
    let loaded = config::read(&sources)?;
    let mut configuration = loaded.configuration;
    let configured = |key: &str| !matches!(loaded.places.get(key), None | Some(Place::Default));
    if !configured("log.level") {
        configuration.log.level = "warn".to_owned();
    }
    if !configured("server.drain_spread") {
        configuration.server.drain_spread = TimeSpan::seconds(0);
    }
    Ok(configuration)
}
