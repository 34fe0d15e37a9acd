//! `tidings config check --user 7`: asks the app everything that can be asked about a user, and says what it found.

use std::time::Duration;

use tidings_engine::{
    clock::{Clock, SystemClock},
    ports::{Between, Profile, SocialGraph, StoreError},
};
use tidings_wire::{GroupId, Id, PostId, UserId};

use super::app_ports::AppPorts;

/// One question.
pub(super) struct Line {
    /// The section that it stands in.
    section: &'static str,
    /// What was found, or why nothing.
    found: Result<String, String>,
    took: Duration,
}

impl Line {
    pub(super) fn failed(&self) -> bool {
        self.found.is_err()
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { section, found, took } = self;
        match found {
            Ok(found) => write!(f, "{section:<14} {found}")?,
            Err(why) => write!(f, "{section:<14} FAILED: {why}")?,
        }
        match took.is_zero() {
            true => Ok(()),
            false => write!(f, "  ({:.1} ms)", took.as_secs_f64() * 1_000.0),
        }
    }
}

/// Asks everything that is configured, one after another.
pub(super) async fn ask(ports: &AppPorts, user: UserId, post: Option<PostId>) -> Vec<Line> {
    let mut asking = Asking { ports, user, lines: Vec::new() };
    if ports.sessions.is_some() {
        asking.note("app.sessions", "can't be asked about a user: it takes a cookie");
    }
    asking.users().await;
    asking.graph().await;
    asking.groups().await;
    asking.posts(post).await;
    asking.lines
}

struct Asking<'a> {
    ports: &'a AppPorts,
    user: UserId,
    lines: Vec<Line>,
}

/// Users of a page.
const PAGE: u32 = 10_000;

/// Groups whose members are looked through.
const GROUPS: u32 = 100;

impl Asking<'_> {
    async fn users(&mut self) {
        let Some(port) = self.ports.users.clone() else { return };
        let user = self.user;
        let asked =
            async { Ok(port.user(user).await?.map_or_else(|| "no such user".to_owned(), |found| profile(&found))) };
        self.line("app.users", asked).await;
    }

    async fn graph(&mut self) {
        let Some(graph) = self.ports.social().graph.clone() else { return };
        let (user, pending) = (self.user, self.ports.diagnosis.pending.clone());
        let followers = async {
            let count = count(|after| graph.followers(user, after, PAGE)).await?;
            let mut found = counted(count, "follower");
            if let Some(list) = pending {
                let page = |after: Option<UserId>| {
                    let page = list.page(user.0, after.map(|user| user.0), PAGE);
                    async move { Ok(page.await?.into_iter().map(UserId).collect()) }
                };
                found += &format!(", {} pending left out", self::count(page).await?);
            }
            Ok(found)
        };
        self.line("app.followers", followers).await;
        let following = async { Ok(format!("{} followed", count(|after| graph.following(user, after, PAGE)).await?)) };
        self.line("app.following", following).await;
        let apart = async { Ok(format!("{} apart", count(|after| graph.apart(user, after, PAGE)).await?)) };
        self.line("app.apart", apart).await;
        if graph.lists_blocked() {
            self.line("app.blocked", blocked(&*graph, user)).await;
        }
        self.line("app.between", stands(&*graph, user)).await;
    }

    async fn groups(&mut self) {
        let Some(groups) = self.ports.groups.clone() else { return };
        let Some(list) = self.ports.diagnosis.groups_of.clone() else {
            return self.note(
                "app.groups",
                "can't be asked about a user: it takes a group (app.groups.of_user would find them)",
            );
        };
        let user = self.user;
        let asked = async {
            let found: Vec<Id> = list.page(user.0, None, GROUPS).await?;
            for &group in &found {
                // A page that begins with the user, if they are a member.
                let page = count_until(user, |after| groups.members(GroupId(group), after, PAGE)).await?;
                if !page {
                    let what = format!(
                        "app.groups.of_user names group {group}, but app.groups does not name user {user} as its member"
                    );
                    return Err(StoreError::Corrupt { what });
                }
            }
            Ok(match found.len() {
                0 => "no groups".to_owned(),
                count if count == GROUPS as usize => format!("{count} groups, or more"),
                _ => format!("{} {}", if found.len() == 1 { "group" } else { "groups" }, listed(&found)),
            })
        };
        self.line("app.groups", asked).await;
    }

    async fn posts(&mut self, post: Option<PostId>) {
        let Some(posts) = self.ports.social().posts.clone() else { return };
        let Some(post) = post else {
            return self.note("app.posts", "can't be asked about a user: name a post by --post");
        };
        let asked = async {
            Ok(match posts.post(post).await? {
                None => format!("no post {post}"),
                Some(found) => format!("post {post} of user {}{}", found.owner, also(found.details.keys())),
            })
        };
        self.line("app.posts", asked).await;
    }

    /// Says something that nothing was asked for.
    fn note(&mut self, section: &'static str, found: &str) {
        self.lines.push(Line { section, found: Ok(found.to_owned()), took: Duration::ZERO });
    }

    async fn line(&mut self, section: &'static str, asked: impl Future<Output = Result<String, StoreError>>) {
        let clock = SystemClock::new();
        // The alternate form writes the causes behind their effect.
        let found = asked.await.map_err(|error| format!("{:#}", anyhow::Error::from(error)));
        self.lines.push(Line { section, found, took: clock.now().mono });
    }
}

/// How many there are in all pages.
async fn count<F>(page: impl Fn(Option<UserId>) -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<Vec<UserId>, StoreError>>,
{
    let (mut count, mut after) = (0, None);
    loop {
        let users = page(after).await?;
        count += users.len() as u64;
        if users.len() < PAGE as usize {
            return Ok(count);
        }
        after = users.last().copied();
    }
}

/// Whether the user is in one of the pages.
async fn count_until<F>(user: UserId, page: impl Fn(Option<UserId>) -> F) -> Result<bool, StoreError>
where
    F: Future<Output = Result<Vec<UserId>, StoreError>>,
{
    let mut after = None;
    loop {
        let users = page(after).await?;
        if users.binary_search(&user).is_ok() {
            return Ok(true);
        }
        if users.len() < PAGE as usize || users.last() > Some(&user) {
            return Ok(false);
        }
        after = users.last().copied();
    }
}

/// How the user stands to the first of their followers; to themselves where they have none.
async fn stands(graph: &dyn SocialGraph, user: UserId) -> Result<String, StoreError> {
    let first = graph.followers(user, None, 1).await?.first().copied();
    let other = first.unwrap_or(user);
    let Between { follows, followed, blocks, blocked, mutes, muted } = graph.between(user, other).await?;
    let all = [
        (follows, "follows"),
        (followed, "is followed by"),
        (blocks, "blocks"),
        (blocked, "is blocked by"),
        (mutes, "mutes"),
        (muted, "is muted by"),
    ];
    let stands: Vec<_> = all.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
    let stands = if stands.is_empty() { "is nothing to".to_owned() } else { stands.join(", ") };
    if first.is_some() && !followed {
        let what = format!(
            "app.followers names user {other} as a follower, but by app.between the user {stands} user {other}"
        );
        return Err(StoreError::Corrupt { what });
    }
    Ok(format!("{stands} user {other}"))
}

/// How many the user has blocked. The first of them must be so by the other statement too.
async fn blocked(graph: &dyn SocialGraph, user: UserId) -> Result<String, StoreError> {
    if let Some(&other) = graph.blocked(user, None, 1).await?.first()
        && !graph.between(user, other).await?.blocks
    {
        let what = format!("app.blocked names user {other}, but by app.between user {user} has not blocked them");
        return Err(StoreError::Corrupt { what });
    }
    Ok(format!("{} blocked", count(|after| graph.blocked(user, after, PAGE)).await?))
}

fn profile(profile: &Profile) -> String {
    let known = [("name", &profile.name), ("language", &profile.language), ("zone", &profile.zone)];
    let known = known.map(|(name, value)| match value {
        Some(value) => format!("{name} {value}"),
        None => format!("no {name}"),
    });
    known.join(", ") + &also(profile.data.keys())
}

fn also<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { String::new() } else { format!(", with {}", names.join(", ")) }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `5`, `5 and 9`, `5, 9 and 11`.
fn listed(ids: &[Id]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    match ids.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}
