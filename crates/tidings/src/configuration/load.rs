//! From sources to a [`Configuration`], or to all that is wrong with them.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Configuration, Place, Problem, Problems, Sources,
    catalogue::{Kind, SETTINGS, Setting, sections},
    check, place,
    sources::{FROM_ENVIRONMENT, FileText},
    tree::{self, Leaf},
};

/// A configuration that holds, and where each value of it comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub configuration: Configuration,
    /// By key. What is not in here is a default.
    pub places: BTreeMap<String, Place>,
}

/// Reads and checks everything.
///
/// # Errors
/// Every problem that can be told, not just the first one.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let (values, file) = sources.read()?;
    let mut reading = Reading { file: file.as_ref(), json: json!({}), places: BTreeMap::new(), problems: Vec::new() };
    // A table under such a setting is its value.
    let is_value =
        |path: &[String]| find(path).is_some_and(|setting| matches!(setting.kind, Kind::Rollout | Kind::Texts));
    for leaf in tree::leaves(&values, is_value) {
        reading.take(&leaf);
    }
    reading.problems.extend(sources.other_variables().filter_map(|name| almost_a_setting(name)));
    let Reading { json, places, mut problems, .. } = reading;
    let configuration: Configuration = serde_json::from_value(json).expect("each value alone was read just now");
    problems.extend(check::problems(&configuration, &places));
    match problems.is_empty() {
        true => Ok(Loaded { configuration, places }),
        false => Err(Problems(problems)),
    }
}

/// What has been understood so far.
struct Reading<'a> {
    file: Option<&'a FileText>,
    json: serde_json::Value,
    places: BTreeMap<String, Place>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn take(&mut self, leaf: &Leaf<'_>) {
        let key = leaf.path.join(".");
        let place = self.place(leaf);
        let outcome = match find(&leaf.path) {
            Some(setting) => convert(leaf, setting, &key, &place),
            None if is_empty_section(leaf) => Ok(json!({})),
            None => Err(unknown(&leaf.path, &place)),
        };
        match outcome {
            Ok(value) => {
                tree::insert(&mut self.json, &leaf.path, value);
                self.places.insert(key, place);
            }
            Err(what) => self.problems.push(Problem { place, what }),
        }
    }

    fn place(&self, leaf: &Leaf<'_>) -> Place {
        match (leaf.value.origin(), self.file) {
            (Some(FROM_ENVIRONMENT), _) => Place::Variable(super::catalogue::variable(&leaf.path.join("."))),
            (Some(flag), _) => Place::Flag(flag.to_owned()),
            (None, Some(file)) => Place::File { path: file.path.clone(), line: place::line_of(&file.text, &leaf.path) },
            (None, None) => Place::Default,
        }
    }
}

fn find(path: &[String]) -> Option<&'static Setting> {
    let (name, parents) = path.split_last()?;
    let section = parents.join(".");
    SETTINGS.iter().filter(|setting| setting.name == *name).find(|setting| match setting.section.family {
        true => parents.len() == 2 && parents[0] == setting.section.name,
        false => section == setting.section.name,
    })
}

/// A section, or a member of a family, in which nothing is set.
fn is_empty_section(leaf: &Leaf<'_>) -> bool {
    let path = leaf.path.join(".");
    let known = sections().any(|known| match (known.family, leaf.path.as_slice()) {
        (true, [section, _]) => known.name == *section,
        _ => known.name == path,
    });
    known && matches!(leaf.value.kind, config::ValueKind::Table(_))
}

fn convert(leaf: &Leaf<'_>, setting: &Setting, key: &str, place: &Place) -> Result<serde_json::Value, String> {
    let is_text = matches!(place, Place::Variable(_) | Place::Flag(_));
    let shown = |found: String| if setting.secret() { "something else".to_owned() } else { found };
    let value = tree::json_of(leaf.value, &setting.kind, is_text)
        .map_err(|found| format!("`{key}` expects {}, not {}", setting.kind.words(), shown(found)))?;
    // Values with a form of their own are read by their types: all else has its default, so only this one can fail.
    let mut alone = json!({});
    tree::insert(&mut alone, &leaf.path, value.clone());
    match serde_json::from_value::<Configuration>(alone) {
        Ok(_) => Ok(value),
        Err(_) if setting.secret() => Err(format!("`{key}` expects {}", setting.kind.words())),
        Err(error) => Err(format!("`{key}`: {error}")),
    }
}

fn unknown(path: &[String], place: &Place) -> String {
    let key = path.join(".");
    let member = path.get(1).map_or("<name>", String::as_str);
    let nearest = nearest(&key, path.last().map_or("", String::as_str), member);
    match place {
        Place::Variable(_) => format!("unknown setting; the nearest known one is {}", nearest.variable(member)),
        _ => format!("unknown key `{key}`; the nearest known one is `{}`", nearest.key(member)),
    }
}

/// The setting whose key resembles most. One of the same name in another section is near too.
fn nearest(key: &str, name: &str, member: &str) -> &'static Setting {
    let resemblance = |setting: &Setting| {
        let whole = strsim::normalized_damerau_levenshtein(key, &setting.key(member));
        let alone = strsim::normalized_damerau_levenshtein(name, &setting.name);
        whole.max(alone * 0.9)
    };
    SETTINGS.iter().max_by(|a, b| resemblance(a).total_cmp(&resemblance(b))).expect("there are settings")
}

/// `TIDINGS_LIMITS_ENABLED` for `TIDINGS_LIMITS__ENABLED` is a slip; a variable that resembles no setting is another's.
fn almost_a_setting(name: &str) -> Option<Problem> {
    let setting = SETTINGS.iter().find(|setting| setting.variable("X").replace("__", "_") == name)?;
    let what =
        format!("unknown setting; two underscores part the section from the key: {}", setting.variable("<NAME>"));
    Some(Problem { place: Place::Variable(name.to_owned()), what })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::configuration::{Flag, Secret, StoreKind, WhoSends, show};

    fn sources(
        file: &str,
        environment: &[(&str, &str)],
        flags: &[(&'static str, &'static str, &str)],
    ) -> (Sources, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tidings.toml"), file).unwrap();
        let sources = Sources {
            file: None,
            folder: folder.path().to_path_buf(),
            environment: environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            flags: flags.iter().map(|&(name, key, value)| Flag { name, key, value: value.to_owned() }).collect(),
        };
        (sources, folder)
    }

    fn loaded(file: &str, environment: &[(&str, &str)]) -> Result<Loaded, Problems> {
        let (sources, _folder) = sources(file, environment, &[]);
        load(&sources)
    }

    fn said(file: &str, environment: &[(&str, &str)]) -> String {
        loaded(file, environment).unwrap_err().to_string()
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(loaded("", &[]).unwrap().configuration, Configuration::default());
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file = "[server]\nlisten = \"127.0.0.1:1\"\ndata = \"a\"\nstore = \"none\"\n";
        let environment = [("TIDINGS_SERVER__LISTEN", "127.0.0.1:2"), ("TIDINGS_SERVER__DATA", "b")];
        let (sources, folder) = sources(file, &environment, &[("--listen", "server.listen", "127.0.0.1:3")]);
        let loaded = load(&sources).unwrap();
        let server = &loaded.configuration.server;
        assert_eq!(server.listen.0.port(), 3);
        assert_eq!(server.data.to_str(), Some("b"));
        assert_eq!(server.store, StoreKind::None);
        assert_eq!(loaded.places["server.listen"], Place::Flag("--listen".into()));
        assert_eq!(loaded.places["server.data"], Place::Variable("TIDINGS_SERVER__DATA".into()));
        let path = folder.path().join("tidings.toml");
        assert_eq!(loaded.places["server.store"], Place::File { path, line: Some(4) });
    }

    #[test]
    fn text_of_the_environment_is_read_as_what_the_setting_takes() {
        let configuration = loaded(
            "",
            &[
                ("TIDINGS_LIMITS__ENABLED", "false"),
                ("TIDINGS_LIMITS__CONNECTIONS_PER_USER", "3"),
                ("TIDINGS_SERVER__ORIGINS", "https://a.example, https://b.example"),
                ("TIDINGS_SERVER__DRAIN_SPREAD", "250ms"),
                ("TIDINGS_TYPES__BROADCAST__SENDERS", "users"),
                ("TIDINGS_TYPES__BROADCAST__LIMIT", "5/s"),
            ],
        )
        .unwrap()
        .configuration;
        assert!(!configuration.limits.enabled);
        assert_eq!(configuration.limits.connections_per_user, 3);
        let origins: Vec<_> = configuration.server.origins.iter().map(ToString::to_string).collect();
        assert_eq!(origins, ["https://a.example", "https://b.example"]);
        assert_eq!(configuration.server.drain_spread.0, Duration::from_millis(250));
        assert_eq!(configuration.types["broadcast"].senders, Some(WhoSends::Users));
        assert_eq!(configuration.types["broadcast"].limit.unwrap().to_string(), "5/s");
    }

    #[test]
    fn an_unknown_key_names_its_place_and_the_nearest_known_one() {
        for (file, expected) in [
            (
                "[server]\nlsiten = \"x\"",
                "tidings.toml:2: unknown key `server.lsiten`; the nearest known one is `server.listen`",
            ),
            ("\nlisten = \"x\"", ":2: unknown key `listen`; the nearest known one is `server.listen`"),
            ("[sever]\ndata = \"x\"", ":2: unknown key `sever.data`; the nearest known one is `server.data`"),
            ("[limits]\nlisten = \"x\"", "the nearest known one is `server.listen`"),
            ("[types.poke]\nkep = \"never\"", "`types.poke.kep`; the nearest known one is `types.poke.keep`"),
            (
                "[app.sesions]\nquery = \"SELECT 1\"",
                ":2: unknown key `app.sesions.query`; the nearest known one is `app.sessions.query`",
            ),
            ("[app.users]\nqery = \"SELECT 1\"", "the nearest known one is `app.users.query`"),
            ("[server]\n[server.listen]\nport = 3", "unknown key `server.listen.port`"),
            ("server = 3", "unknown key `server`"),
        ] {
            let said = said(file, &[]);
            assert!(said.contains(expected), "{file:?}: {said}");
        }
    }

    #[test]
    fn an_unknown_variable_names_the_nearest_known_one_and_a_strangers_is_left_alone() {
        let unknown = said("", &[("TIDINGS_LIMITS__ENABLE", "false")]);
        assert_eq!(
            unknown,
            "TIDINGS_LIMITS__ENABLE: unknown setting; the nearest known one is TIDINGS_LIMITS__ENABLED"
        );
        let slip = said("", &[("TIDINGS_LIMITS_ENABLED", "false")]);
        assert!(slip.starts_with("TIDINGS_LIMITS_ENABLED: ") && slip.ends_with("TIDINGS_LIMITS__ENABLED"), "{slip}");
        assert!(loaded("", &[("TIDINGS_PORT", "tcp://10.0.0.1:80"), ("OTHER__KEY", "1")]).is_ok());
    }

    #[test]
    fn a_wrong_type_names_the_key_and_what_is_expected() {
        for (file, expected) in [
            ("[limits]\nenabled = \"yes\"", "`limits.enabled` expects `true` or `false`, not the text \"yes\""),
            ("[limits]\nfragments = 0", "`limits.fragments` expects integer from 1 to 65535, not the number 0"),
            ("[limits]\nframe_bytes = \"65536\"", "`limits.frame_bytes` expects integer from 1024"),
            (
                "[server]\nstore = \"mysql\"",
                "`server.store` expects `\"sqlite\"` or `\"none\"`, not the text \"mysql\"",
            ),
            ("[server]\norigins = \"x\"", "`server.origins` expects list of texts"),
            (
                "[server]\nheader_timeout = \"10\"",
                "`server.header_timeout`: \"10\" is no length of time such as \"10s\"",
            ),
            (
                "[server]\nheader_timeout = \"0s\"",
                "`server.header_timeout` expects length of time from 100ms, not the text \"0s\"",
            ),
            ("[engine]\nping_after = \"0s\"", "`engine.ping_after` expects length of time from 100ms"),
            ("[engine]\nroom_within = \"0s\"", "`engine.room_within` expects length of time from 1ms"),
            ("[sqlite]\nstatement_limit = \"0s\"", "`sqlite.statement_limit` expects length of time from 100ms"),
            ("[types.poke]\nlimit = \"60\"", "`types.poke.limit`: \"60\" is no rate such as \"60/min\""),
            ("[types.poke]\nrollout = 101", "`types.poke.rollout`: a share is from 0 to 100 percent, not 101"),
            ("[types.poke]\nrollout = \"10\"", "`types.poke.rollout` expects integer from 0 to 100, or `{ percent"),
            ("[types.poke]\nrollout = {}", "`types.poke.rollout`: missing field `percent`"),
            (
                "[types.poke]\nrollout = { percent = 1, usr = [7] }",
                "`types.poke.rollout`: unknown field `usr`, expected `percent` or `users`",
            ),
            ("[types.poke]\nrollout = { percent = 1, users = [-7] }", "`types.poke.rollout`: "),
            ("[server", "is no TOML"),
        ] {
            let said = said(file, &[]);
            assert!(said.contains(expected), "{file:?}: {said}");
        }
    }

    #[test]
    fn a_rollout_is_a_share_or_a_share_with_users() {
        let with = |file: &str, environment: &[(&str, &str)]| {
            let loaded = loaded(file, environment).unwrap();
            let rollout = loaded.configuration.types["poke"].rollout.clone().unwrap().0;
            let again = self::loaded(&show(&loaded), &[]).unwrap();
            assert_eq!(again.configuration, loaded.configuration, "what is shown reads back");
            (rollout.percent(), rollout.users().iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let uuid = "0192f0c1-2b3c-7def-8abc-0123456789ab";
        assert_eq!(with("[types.poke]\nrollout = 10", &[]), (10, vec![]));
        let table = format!("[types.poke]\nrollout = {{ percent = 10, users = [7, \"{uuid}\"] }}");
        assert_eq!(with(&table, &[]), (10, vec!["7".to_owned(), uuid.to_owned()]));
        assert_eq!(with("[types.poke.rollout]\npercent = 0\nusers = [7]", &[]), (0, vec!["7".to_owned()]));
        assert_eq!(with("", &[("TIDINGS_TYPES__POKE__ROLLOUT", "5")]), (5, vec![]));
        assert_eq!(with(&table, &[("TIDINGS_TYPES__POKE__ROLLOUT", "5")]), (5, vec![]));
    }

    #[test]
    fn only_spreads_leeways_memories_delays_and_the_wait_for_a_return_may_be_nothing() {
        let file = "[server]\ndrain_spread = \"0s\"\n[auth]\nleeway = \"0s\"\n";
        assert!(loaded(file, &[]).is_ok());
        let free: Vec<_> = SETTINGS.iter().filter(|setting| setting.kind.words() == "length of time").collect();
        let free: Vec<_> = free.iter().map(|setting| setting.key("")).collect();
        // The limit's least depends on the spread, and is checked with it.
        assert_eq!(
            free,
            [
                "auth.leeway",
                "auth.session_memory",
                "channels.delay",
                "engine.offline_after",
                "server.drain_limit",
                "server.drain_spread"
            ]
        );
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = loaded("[server]\nx = 1\nstore = 2\n[log]\nlevel = \"loud=1=2\"", &[]).unwrap_err();
        assert_eq!(problems.0.len(), 3, "{problems}");
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        for (file, expected) in [
            ("[server]\ndev = true\nlisten = \"0.0.0.0:8000\"", "tidings.toml:3: `server.listen` is 0.0.0.0:8000"),
            ("[server]\ndata = \"\"", "tidings.toml:2: `server.data` is empty"),
            ("[server]\ndrain_spread = \"10s\"", "the whole stop takes 13s with a `server.drain_spread` of 10s"),
            ("[auth]\nsecret = \"short\"", "`auth.secret` is shorter than 32 bytes"),
            ("[auth]\nalgorithm = \"RS256\"", "`auth.public_key_file` must be set"),
            ("[auth]\npublic_key_file = \"x\"", "`auth.algorithm` is HS256"),
            ("[auth]\njwks_url = \"http://x/keys\"", "`auth.jwks_url` is set, but `auth.algorithm` is HS256"),
            (
                "[auth]\nalgorithm = \"RS256\"\njwks_url = \"http://x/keys\"\npublic_key_file = \"x\"",
                ":3: `auth.jwks_url` and `auth.public_key_file` are both set",
            ),
            ("[app.users]\nquery = \"SELECT 1\"", "`app.database` must be set, because `app.users.query` is"),
            ("[app.users]\nquery = \"SELECT 1\"\nurl = \"x\"", "`app.users.url` and `app.users.query` are both set"),
            ("[app.following]\nurl = \"x\"", "`app.following.url` needs `[app.followers]`"),
            ("[app.groups]\nmax_age = \"31s\"", ":2: `app.groups.max_age` is 31s"),
            (
                "[app]\ndatabase = \"x\"\n[app.followers]\nquery = \"x\"\n[app.blocked]\nquery = \"x\"",
                "`app.blocked.query` needs `app.apart.query`",
            ),
            (
                "[app]\ndatabase = \"x\"\n[app.followers]\nurl = \"x\"\n[app.following]\nquery = \"SELECT 1\"",
                ":6: `app.following.query` is SQL, but `app.followers.url` is an endpoint",
            ),
            (
                "[app]\ndatabase = \"x\"\n[app.followers]\nquery = \"SELECT 1\"\n[app.apart]\nquery = \"SELECT 1\"",
                "`app.apart.query` needs `app.between.query`",
            ),
            ("[app.followers]\nurl = \"x\"", "`app.followers.url` needs `app.following.url` and `app.between.url`"),
        ] {
            let said = said(file, &[]);
            assert!(said.contains(expected), "{file:?}: {said}");
            assert!(!said.contains("short\""), "{said}");
        }
    }

    #[test]
    fn what_is_shown_reads_back_and_hides_secrets() {
        let secret = "an-unguessable-text-of-32-bytes!";
        let file =
            format!("[auth]\nsecret = \"{secret}\"\n[types.poke]\nlimit = \"5/s\"\n[server]\ndata = \"a \\\"b\\\"\"\n");
        let first = loaded(&file, &[]).unwrap();
        let page = show(&first);
        assert!(!page.contains(secret) && page.contains("secret = \"********\"  # "), "{page}");
        assert!(page.contains("listen = \"127.0.0.1:8000\"  # default"), "{page}");
        let second = loaded(&page.replace(Secret::MASK, secret), &[]).unwrap();
        assert_eq!(second.configuration, first.configuration);
    }
}
