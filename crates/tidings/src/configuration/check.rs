//! What one setting asks of another.

use std::collections::BTreeMap;

use tidings_engine::ports::GROUPS_MAX_AGE;
use tracing_subscriber::EnvFilter;

use super::{Algorithm, AppSection, Auth, Configuration, Place, Problem, Source, TimeSpan, sections::DRAIN_REST};

/// What does not fit together.
pub(super) fn problems(configuration: &Configuration, places: &BTreeMap<String, Place>) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut problem = |key: &str, what: String| {
        let place = places.get(key).cloned().unwrap_or(Place::Default);
        found.push(Problem { place, what: format!("`{key}`{what}") });
    };
    let server = &configuration.server;
    if server.dev && !server.listen.0.ip().is_loopback() {
        problem(
            "server.listen",
            format!(
                " is {}, but with `server.dev` anybody is believed to be anybody, so only loopback is listened on: use 127.0.0.1 or leave --dev out",
                server.listen
            ),
        );
    }
    if server.data.as_os_str().is_empty() {
        problem("server.data", " is empty: name a folder, such as ./data".to_owned());
    }
    let least = TimeSpan(server.drain_spread.0.saturating_add(DRAIN_REST));
    if server.drain_limit.0 < least.0 {
        let (limit, spread) = (server.drain_limit, server.drain_spread);
        problem(
            "server.drain_limit",
            format!(
                " is {limit}, but the whole stop takes {least} with a `server.drain_spread` of {spread}: allow at least that"
            ),
        );
    }
    if let Err(error) = EnvFilter::builder().parse(&configuration.log.level) {
        problem("log.level", format!(" expects a level such as \"info\" or \"info,tidings_sqlite=debug\": {error}"));
    }
    auth(&configuration.auth, &mut problem);
    app(&configuration.app, &mut problem);
    notifications(configuration, &mut problem);
    channels(configuration, &mut problem);
    found
}

/// What goes out: to whom, and signed with what.
fn channels(configuration: &Configuration, problem: &mut impl FnMut(&str, String)) {
    let Configuration { push, webhooks, .. } = configuration;
    if let Some(contact) = &push.contact
        && !["mailto:", "https://"].iter().any(|scheme| contact.len() > scheme.len() && contact.starts_with(scheme))
    {
        problem("push.contact", " expects \"mailto:…\" or \"https://…\"".to_owned());
    }
    match (webhooks.secret.is_some(), webhooks.secret_file.is_some()) {
        (true, true) => problem("webhooks.secret", " and `webhooks.secret_file` are both set: keep one".to_owned()),
        (false, false) if webhooks.url.is_some() => {
            problem("webhooks.secret", " must be set, or `webhooks.secret_file`, because `webhooks.url` is".to_owned());
        }
        _ => {}
    }
}

/// The shortest shared secret: as long as the hash's output (RFC 7518 §3.2).
const SECRET_BYTES: usize = 32;

fn auth(auth: &Auth, problem: &mut impl FnMut(&str, String)) {
    let shared = auth.algorithm == Algorithm::HS256;
    let name = format!("{:?}", auth.algorithm);
    if auth.secret.as_ref().is_some_and(|secret| secret.reveal().len() < SECRET_BYTES) {
        problem("auth.secret", format!(" is shorter than {SECRET_BYTES} bytes, which can be guessed"));
    }
    if auth.secret.is_some() && auth.secret_file.is_some() {
        problem("auth.secret", " and `auth.secret_file` are both set: keep one".to_owned());
    }
    if !shared {
        for (key, set) in [("auth.secret", auth.secret.is_some()), ("auth.secret_file", auth.secret_file.is_some())] {
            if set {
                problem(key, format!(" is for HS256, but `auth.algorithm` is {name}: remove it"));
            }
        }
    }
    let public = [("auth.public_key_file", auth.public_key_file.is_some()), ("auth.jwks_url", auth.jwks_url.is_some())];
    match (public.map(|(_, set)| set), shared) {
        ([false, false], false) => problem(
            "auth.public_key_file",
            format!(" must be set, or `auth.jwks_url`, because `auth.algorithm` is {name}"),
        ),
        ([true, true], false) => {
            problem("auth.jwks_url", " and `auth.public_key_file` are both set: keep one".to_owned());
        }
        (_, true) => {
            for (key, _) in public.iter().filter(|(_, set)| *set) {
                problem(key, " is set, but `auth.algorithm` is HS256: name RS256, ES256 or EdDSA".to_owned());
            }
        }
        _ => {}
    }
    if auth.user_claim.is_empty() {
        problem("auth.user_claim", " is empty: it names the claim that holds the user".to_owned());
    }
}

/// A name that can be a subtype, or a channel.
fn is_name(name: &str) -> bool {
    name.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && name.len() <= 40
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn notifications(configuration: &Configuration, problem: &mut impl FnMut(&str, String)) {
    const FORM: &str = "1 to 40 of a-z, 0-9 and _, a letter first";
    for (name, section) in &configuration.notifications {
        if !is_name(name) {
            problem(&format!("notifications.{name}"), format!(" is no name of a subtype: {FORM}"));
        }
        for channel in section.channels.iter().flatten().filter(|channel| !is_name(channel)) {
            let key = format!("notifications.{name}.channels");
            problem(&key, format!(" has {channel:?}, which is no name of a channel: {FORM}"));
        }
    }
}

/// What the app is asked: each part by a statement or at an endpoint, and the parts of a graph the same way.
fn app(app: &AppSection, problem: &mut impl FnMut(&str, String)) {
    for Source { section, query, url } in app.sources() {
        if query.is_some() && url.is_some() {
            problem(&format!("{section}.url"), format!(" and `{section}.query` are both set: keep one"));
        }
        if query.is_some() && app.database.is_none() {
            problem("app.database", format!(" must be set, because `{section}.query` is"));
        }
    }
    if app.groups.max_age.0 > GROUPS_MAX_AGE {
        let (age, most) = (app.groups.max_age, TimeSpan(GROUPS_MAX_AGE));
        problem("app.groups.max_age", format!(" is {age}, but whoever left a group hears it no longer than {most}"));
    }
    for (key, set) in [
        ("app.groups.of_user", app.groups.of_user.is_some()),
        ("app.followers.pending", app.followers.pending.is_some()),
    ] {
        if set && app.database.is_none() {
            problem("app.database", format!(" must be set, because `{key}` is"));
        }
    }
    let [_, _, _, followers, following, apart, blocked, between, _] = app.sources();
    for part in [following, apart, blocked, between] {
        match (followers, part) {
            (Source { query: None, url: None, .. }, Source { query: Some(_), .. }) => {
                problem(&format!("{}.query", part.section), " needs `[app.followers]`".to_owned());
            }
            (Source { query: None, url: None, .. }, Source { url: Some(_), .. }) => {
                problem(&format!("{}.url", part.section), " needs `[app.followers]`".to_owned());
            }
            (Source { url: Some(_), .. }, Source { query: Some(_), .. }) => {
                let what = " is SQL, but `app.followers.url` is an endpoint: ask for both in one way";
                problem(&format!("{}.query", part.section), what.to_owned());
            }
            (Source { query: Some(_), .. }, Source { url: Some(_), .. }) => {
                let what = " is an endpoint, but `app.followers.query` is SQL: ask for both in one way";
                problem(&format!("{}.url", part.section), what.to_owned());
            }
            _ => {}
        }
    }
    if apart.query.is_some() && between.query.is_none() {
        let what = " needs `app.between.query`, which says who has blocked and who has muted whom";
        problem("app.apart.query", what.to_owned());
    }
    for (by, set, needed) in [("query", blocked.query, apart.query), ("url", blocked.url, apart.url)] {
        if set.is_some() && needed.is_none() {
            let what = format!(" needs `app.apart.{by}`: who is blocked hears nothing of what the other does, either");
            problem(&format!("app.blocked.{by}"), what);
        }
    }
    if followers.url.is_some() && (following.url.is_none() || between.url.is_none()) {
        problem("app.followers.url", " needs `app.following.url` and `app.between.url`".to_owned());
    }
}
