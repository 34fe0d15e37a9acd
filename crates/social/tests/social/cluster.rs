//! A Postgres cluster of a test's own, in which a pack's migrations run and its statements are prepared.

use std::{
    fs::Permissions,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tidings_server::App;
use tokio_postgres::{Client, NoTls};

/// Where Debian has the server's programs, by their version; else where the path leads.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max();
    found.unwrap_or_else(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).find(|bin| bin.join("initdb").exists());
        found.expect("Postgres is needed for this test. On Debian or Ubuntu, as root: apt-get install -y postgresql")
    })
}

/// A cluster of its own in a temporary folder, reached by a Unix socket in it and by nothing else. Postgres refuses to run as root: then
/// it runs as nobody.
struct Cluster {
    folder: tempfile::TempDir,
    server: Child,
}

/// The user and group `nobody` of every Unix.
const NOBODY: u32 = 65_534;

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).env("LC_ALL", "C").current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

impl Cluster {
    fn start() -> Self {
        let (programs, folder) = (programs(), tempfile::tempdir().expect("a folder"));
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a folder");
        for (path, mode) in [(folder.path(), 0o755), (&*data, 0o700)] {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("one's own folder");
        }
        if rustix::process::geteuid().is_root() {
            for path in [folder.path(), &*data] {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
            }
        }
        let mut made = command(&programs.join("initdb"));
        made.args(["-U", "tidings", "-A", "trust", "-E", "UTF8", "-N", "-D"]);
        let made = made.arg(&data).output().expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = command(&programs.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(folder.path());
        // No TCP, and nothing on disk that outlives the test.
        server.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=8MB"]).stderr(Stdio::null());
        Self { server: server.spawn().expect("postgres runs"), folder }
    }

    /// A connection, as soon as there is one to be had.
    async fn connect(&mut self) -> Client {
        let host = self.folder.path().to_str().expect("UTF-8");
        let url = format!("host={host} user=tidings dbname=postgres");
        loop {
            match tokio_postgres::connect(&url, NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return client;
                }
                Err(error) => {
                    let ended = self.server.try_wait().expect("it is a child");
                    assert!(ended.is_none(), "postgres ended ({ended:?}): {error}");
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A test that fails must not leave it running; what it says of its end helps nobody.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What a store on Postgres makes before it runs migrations: see the social pack's `sql.rs`.
const IDS: &str = "CREATE DOMAIN tidings_id AS uuid";

/// Runs the migrations of the app's packs and prepares these statements, each by its name.
pub(crate) async fn takes(app: &App, statements: &[(&str, &str)]) {
    let mut cluster = Cluster::start();
    let client = tokio::time::timeout(std::time::Duration::from_secs(60), cluster.connect());
    let client = client.await.expect("postgres starts within a minute");
    client.batch_execute(IDS).await.expect("a domain");
    for migration in app.migrations().iter().flat_map(|pack| pack.migrations) {
        let ran = client.batch_execute(migration.sql).await;
        ran.unwrap_or_else(|error| panic!("migration {}: {error:?}", migration.name));
    }
    for (name, sql) in statements {
        let prepared = client.prepare(sql).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{name}: {error:?}\n{sql}"));
        for parameter in prepared.params() {
            // Of another type a store would have to guess how to send it.
            let known = ["uuid", "tidings_id", "int8", "text"].contains(&parameter.name());
            assert!(known, "{name}: a parameter of the type {parameter}");
        }
    }
}
