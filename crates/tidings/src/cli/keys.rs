//! `tidings keys new|list|revoke`

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use tidings_engine::{
    clock::{Clock, SystemClock},
    ports::{KeyRecord, Scopes, ServiceKeys},
};
use tidings_server::auth::{NewKey, generate_key};
use tidings_sqlite::SqliteStore;

use super::{
    arguments::{Data, Keys},
    config,
    failure::Failure,
    output::{answer, explain},
    program,
    run::block_on,
    stores::{self, DATABASE},
};

/// Runs one of them, also while a server runs on the same data folder: it finds keys in the database when they are used.
pub(super) fn run(command: &Keys, file: Option<PathBuf>) -> Result<(), Failure> {
    match command {
        Keys::New { name, scope, data } => {
            check_name(name)?;
            let configuration = config::read(&data.sources(file))?.configuration;
            new(&stores::open_beside(&configuration)?, name, scope.unwrap_or(Scopes::ALL))
        }
        Keys::List(data) => match find(data, file)? {
            Some(keys) => list(&keys),
            None => none_yet(),
        },
        Keys::Revoke { name, data } => match find(data, file)? {
            Some(keys) => revoke(&keys, name),
            None => unknown(name),
        },
    }
}

/// The longest name of a key, in bytes.
const NAME_BYTES: usize = 64;

fn check_name(name: &str) -> Result<(), Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(plain) {
        return Err(Failure::Usage(format!("--name {name:?}: use up to {NAME_BYTES} of a-z, A-Z, 0-9, - _ and .")));
    }
    Ok(())
}

fn new(keys: &dyn ServiceKeys, name: &str, scopes: Scopes) -> Result<(), Failure> {
    let key = make(keys, name, scopes)?;
    explain(&format!("the key {name:?} may do: {scopes}. It is stored as a hash: this is the only time it is shown."));
    explain("Send it as `Authorization: Bearer …`");
    answer(&key)
}

/// Makes and stores a key, and gives its text.
fn make(keys: &dyn ServiceKeys, name: &str, scopes: Scopes) -> Result<String, Failure> {
    let NewKey { plain: key, hash } = generate_key();
    let created_at = SystemClock::new().now().unix();
    let record = KeyRecord { name: name.to_owned(), hash, scopes, created_at, last_used_at: None };
    match block_on(keys.insert(record))?.context("store the key")? {
        true => Ok(key),
        false => Err(Failure::from(anyhow!(
            "there is a key named {name:?} already: revoke it first, or choose another name"
        ))),
    }
}

fn list(keys: &dyn ServiceKeys) -> Result<(), Failure> {
    let keys = block_on(keys.list())?.context("read the keys")?;
    if keys.is_empty() {
        return none_yet();
    }
    let width = keys.iter().map(|key| key.name.len()).max().unwrap_or(0).max(4);
    let mut lines = vec![format!("{:<width$}  {:<24}  {:<20}  LAST USED", "NAME", "MAY DO", "MADE")];
    lines.extend(keys.iter().map(|key| {
        let used = key.last_used_at.map_or("never".to_owned(), time);
        format!("{:<width$}  {:<24}  {:<20}  {used}", key.name, key.scopes.to_string(), time(key.created_at))
    }));
    answer(&lines.join("\n"))
}

fn revoke(keys: &dyn ServiceKeys, name: &str) -> Result<(), Failure> {
    match block_on(keys.revoke(name.to_owned()))?.context("revoke the key")? {
        true => {
            explain(&format!("the key {name:?} is revoked; a running server refuses it within 5 s"));
            Ok(())
        }
        false => unknown(name),
    }
}

fn none_yet() -> Result<(), Failure> {
    explain(&format!("there is no key yet: {} keys new --name app", program::name()));
    Ok(())
}

fn unknown(name: &str) -> Result<(), Failure> {
    Err(Failure::from(anyhow!("there is no key named {name:?}: see {} keys list", program::name())))
}

/// The database, if there is one. Makes nothing; a data folder that is not there is most likely misspelt.
fn find(data: &Data, file: Option<PathBuf>) -> Result<Option<SqliteStore>, Failure> {
    let configuration = config::read(&data.sources(file))?.configuration;
    let folder = &configuration.server.data;
    if !folder.is_dir() {
        return Err(Failure::Usage(format!(
            "there is no data folder {}: name the server's with --data",
            folder.display()
        )));
    }
    match folder.join(DATABASE).exists() {
        true => Ok(Some(stores::open_beside(&configuration)?)),
        false => Ok(None),
    }
}

fn time(unix: i64) -> String {
    Timestamp::from_second(unix).map_or_else(|_| unix.to_string(), |time| time.to_string())
}
