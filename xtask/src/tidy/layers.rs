//! Layers: which crate may know which, proven from the manifests.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::report::Report;
use super::tree::Tree;

/// Checks every member of the workspace against its layer.
pub(super) fn check(packages: &[Package], tree: &Tree, report: &mut Report) {
    for package in packages {
        let mut found = |dependency: &str, message: String| {
            report.violation(&package.manifest, line_naming(tree, &package.manifest, dependency), message);
        };
        let Some(layer) = LAYERS.iter().find(|layer| layer.package == package.name) else {
            found(
                "name",
                format!("no layer is written for `{}`: add it to LAYERS in xtask/src/tidy/layers.rs", package.name),
            );
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(message) = refusal(layer, dependency, packages) {
                found(&dependency.name, message);
            }
        }
        if !inherits_lints(tree, &package.manifest) {
            found("lints", "the workspace's lints are not in force: add `[lints]` with `workspace = true`".to_owned());
        }
    }
}

/// The members of the workspace with what their manifests ask for.
///
/// # Errors
/// `cargo metadata` fails or says something unexpected.
pub(super) fn packages(root: &Path) -> Result<Vec<Package>> {
    let output = crate::cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .context("start cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    let metadata = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    read(&metadata, root).context("cargo metadata has an unexpected shape")
}

/// A member of the workspace.
#[derive(Debug)]
pub(super) struct Package {
    name: String,
    /// Below the repository.
    manifest: String,
    dependencies: Vec<Dependency>,
}

/// One line of `[dependencies]`, `[dev-dependencies]` or `[build-dependencies]`.
#[derive(Debug)]
struct Dependency {
    name: String,
    for_tests: bool,
    optional: bool,
}

/// What a member may know.
struct Layer {
    package: &'static str,
    /// Members of this workspace it may use.
    may_use: &'static [&'static str],
    /// The same, and crates from outside, behind a feature only.
    may_use_optionally: &'static [&'static str],
    /// The same in its tests.
    tests_may_use: &'static [&'static str],
    /// Crates from outside that would break what the layer is for.
    never: &'static [&'static str],
    reason: &'static str,
}

const HTTP: [&str; 7] = ["axum", "hyper", "hyper-util", "http", "http-body-util", "tower-http", "reqwest"];
const SQL: [&str; 5] = ["rusqlite", "refinery", "sqlx", "tokio-postgres", "deadpool-postgres"];
const BROKERS: [&str; 2] = ["async-nats", "redis"];

/// Every member has its line here. Only `tidings` may name a concrete adapter (`tidings-sqlite`, `tidings-endpoints`, `tidings-push`); testkit's memory ports
/// serve everybody else.
const LAYERS: &[Layer] = &[
    Layer {
        package: "tidings-wire",
        may_use: &[],
        may_use_optionally: &[],
        tests_may_use: &[],
        never: &["tokio", "tokio-util", "mio", "axum", "hyper", "http", "rusqlite", "libc", "rustix", "socket2"],
        reason: "the contract also compiles into a client: no runtime, no input or output, no clock",
    },
    Layer {
        package: "tidings-engine",
        may_use: &["tidings-wire"],
        may_use_optionally: &[],
        tests_may_use: &["tidings-testkit"],
        never: &[
            HTTP[0], HTTP[1], HTTP[2], HTTP[3], HTTP[4], HTTP[5], HTTP[6], SQL[0], SQL[1], SQL[2], SQL[3], SQL[4],
            BROKERS[0], BROKERS[1],
        ],
        reason: "the engine reaches the world through its ports: no HTTP, no SQL driver, no broker",
    },
    Layer {
        package: "tidings-sqlite",
        may_use: &["tidings-engine", "tidings-wire"],
        may_use_optionally: &[],
        // Itself: its own tests have the feature `planted`.
        tests_may_use: &["tidings-testkit", "tidings-sqlite"],
        never: &[
            HTTP[0], HTTP[1], HTTP[2], HTTP[3], HTTP[4], HTTP[5], HTTP[6], SQL[2], SQL[3], SQL[4], BROKERS[0],
            BROKERS[1],
        ],
        reason: "an adapter knows the ports and its one driver",
    },
    Layer {
        package: "tidings-endpoints",
        may_use: &["tidings-engine", "tidings-wire"],
        may_use_optionally: &["hyper-rustls"],
        tests_may_use: &["tidings-testkit"],
        never: &[SQL[0], SQL[1], SQL[2], SQL[3], SQL[4], BROKERS[0], BROKERS[1]],
        reason: "an adapter knows the ports and its one protocol",
    },
    Layer {
        package: "tidings-push",
        may_use: &["tidings-notify", "tidings-wire"],
        may_use_optionally: &["hyper-rustls", "web-push-native"],
        // Itself with all its features, and a server with the pack, whose notifications go out.
        tests_may_use: &["tidings-push", "tidings-server", "tidings-sqlite", "tidings-testkit"],
        never: &[SQL[0], SQL[1], SQL[2], SQL[3], SQL[4], BROKERS[0], BROKERS[1]],
        reason: "an adapter knows its port and its one protocol",
    },
    Layer {
        package: "tidings-server",
        may_use: &["tidings-engine", "tidings-wire"],
        may_use_optionally: &[],
        tests_may_use: &["tidings-testkit"],
        never: &[SQL[0], SQL[1], SQL[2], SQL[3], SQL[4], BROKERS[0], BROKERS[1]],
        reason: "the server gets its stores through the ports",
    },
    pack("tidings-chat"),
    Layer {
        // Its tests prove what acts of the social pack become, and that its SQL runs on a real database.
        tests_may_use: &["tidings-testkit", "tidings-sqlite", "tidings-social"],
        ..pack("tidings-notify")
    },
    Layer {
        // Its tests prove that its SQL runs on a real database.
        tests_may_use: &["tidings-testkit", "tidings-sqlite"],
        ..pack("tidings-social")
    },
    Layer {
        package: "poke",
        may_use: &["tidings-server", "tidings-wire", "tidings-chat", "tidings"],
        may_use_optionally: &[],
        tests_may_use: &["tidings-testkit"],
        never: &[],
        reason: "an example uses what its readers can use",
    },
    Layer {
        package: "axum-app",
        may_use: &["tidings"],
        may_use_optionally: &[],
        tests_may_use: &[],
        never: &[],
        reason: "an app sees the façade alone",
    },
    Layer {
        package: "tidings-testkit",
        may_use: &["tidings-engine", "tidings-wire"],
        may_use_optionally: &["tidings-server"],
        tests_may_use: &["tidings-server", "tidings-chat"],
        never: &SQL,
        reason: "the test kit works without a database, so that everybody's tests can use it",
    },
    Layer {
        package: "tidings",
        may_use: &[
            "tidings-chat",
            "tidings-notify",
            "tidings-social",
            "tidings-endpoints",
            "tidings-push",
            "tidings-engine",
            "tidings-server",
            "tidings-sqlite",
            "tidings-wire",
        ],
        may_use_optionally: &["bench"],
        tests_may_use: &["tidings-testkit", "poke"],
        never: &[],
        reason: "the façade joins everything; the test kit stays out of the product",
    },
    Layer {
        package: "bench",
        may_use: &[],
        may_use_optionally: &["rusqlite", "jsonwebtoken", "aws-lc-rs"],
        tests_may_use: &["poke"],
        never: &["tokio", "axum", "hyper"],
        reason: "the load generator measures from outside, and `tidings bench` is built on it",
    },
    Layer {
        package: "simulation",
        // The client of `bench`, which has no socket.
        may_use: &["tidings-wire", "tidings-engine", "tidings-testkit", "bench"],
        may_use_optionally: &[],
        tests_may_use: &[],
        never: &["tokio", "mio", "rusqlite", "axum"],
        reason: "it drives the engine's shards in one thread: with sockets or threads a seed would not repeat",
    },
    Layer {
        package: "book",
        may_use: &[],
        may_use_optionally: &[],
        tests_may_use: &["tidings", "tidings-testkit"],
        never: &[],
        reason: "its blocks are what readers write: they see what an app sees",
    },
    Layer {
        package: "loom-checks",
        may_use: &[],
        may_use_optionally: &[],
        tests_may_use: &[],
        never: &["tokio", "mio"],
        reason: "it compiles the engine's file by its path: a dependency would bring the standard library's types back",
    },
    Layer {
        package: "slow-sync",
        may_use: &[],
        may_use_optionally: &[],
        tests_may_use: &[],
        never: &["tokio", "rusqlite"],
        reason: "it is loaded into the server that is measured, so it brings nothing along",
    },
    Layer {
        package: "xtask",
        may_use: &[],
        may_use_optionally: &[],
        tests_may_use: &[],
        never: &["tokio", "axum", "rusqlite"],
        reason: "the chores must build in seconds and work while the product does not compile",
    },
];

/// Built-in packs hold no privilege: they use what everybody's packs use.
const fn pack(package: &'static str) -> Layer {
    Layer {
        package,
        may_use: &["tidings-server", "tidings-wire"],
        may_use_optionally: &[],
        tests_may_use: &["tidings-testkit"],
        never: &["rusqlite", "tokio-postgres", "mio"],
        reason: "a pack uses the public API only: built-ins hold no privilege",
    }
}

fn refusal(layer: &Layer, dependency: &Dependency, packages: &[Package]) -> Option<String> {
    let Layer { package, reason, .. } = layer;
    let name = dependency.name.as_str();
    let is_member =
        name == "tidings" || name.starts_with("tidings-") || packages.iter().any(|member| member.name == name);
    if layer.may_use_optionally.contains(&name) {
        return (!dependency.optional && !dependency.for_tests).then(|| {
            format!("`{package}` may use `{name}` behind a feature only ({reason}): make it `optional = true`")
        });
    }
    if !is_member {
        let refused = !dependency.for_tests && layer.never.contains(&name);
        return refused.then(|| {
            format!("`{package}` must not depend on `{name}` ({reason}): put it behind a port or a layer above")
        });
    }
    if layer.may_use.contains(&name) || (dependency.for_tests && layer.tests_may_use.contains(&name)) {
        return None;
    }
    let place = if dependency.for_tests { " in its tests" } else { "" };
    Some(format!("`{package}` must not know `{name}`{place} ({reason}): move what needs both into a layer above"))
}

fn read(metadata: &Value, root: &Path) -> Option<Vec<Package>> {
    let package = |package: &Value| {
        let manifest = Path::new(package["manifest_path"].as_str()?);
        let dependency = |dependency: &Value| {
            Some(Dependency {
                name: dependency["name"].as_str()?.to_owned(),
                for_tests: dependency["kind"].as_str() == Some("dev"),
                optional: dependency["optional"].as_bool()?,
            })
        };
        Some(Package {
            name: package["name"].as_str()?.to_owned(),
            manifest: manifest.strip_prefix(root).unwrap_or(manifest).to_string_lossy().into_owned(),
            dependencies: package["dependencies"].as_array()?.iter().map(dependency).collect::<Option<_>>()?,
        })
    };
    metadata["packages"].as_array()?.iter().map(package).collect()
}

/// The line of the manifest that begins with a name; the first if it can't be found.
fn line_naming(tree: &Tree, manifest: &str, name: &str) -> usize {
    let Some(file) = tree.files.iter().find(|file| file.path == manifest) else { return 1 };
    let begins = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    file.text.lines().position(begins).map_or(1, |at| at + 1)
}

fn inherits_lints(tree: &Tree, manifest: &str) -> bool {
    let Some(file) = tree.files.iter().find(|file| file.path == manifest) else { return false };
    let mut lines = file.text.lines().skip_while(|line| line.trim() != "[lints]");
    lines.next().is_some() && lines.next().is_some_and(|line| line.replace(' ', "") == "workspace=true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is found for one member that has these dependencies: (name, kind, optional).
    fn found(name: &str, dependencies: &[(&str, Option<&str>, bool)]) -> Vec<String> {
        let dependencies: Vec<_> = dependencies
            .iter()
            .map(|(name, kind, optional)| json!({"name": name, "kind": kind, "optional": optional}))
            .collect();
        let packages = json!({"packages": [
            {"name": name, "manifest_path": "/r/crates/x/Cargo.toml", "dependencies": dependencies},
        ]});
        let manifest =
            "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n\n[dependencies]\naxum.workspace = true\n";
        let tree = Tree::of([("crates/x/Cargo.toml".to_owned(), manifest.to_owned())]);
        let mut report = Report::default();
        check(&read(&packages, Path::new("/r")).unwrap(), &tree, &mut report);
        report.violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_crate_from_outside_that_breaks_a_layer_is_named_with_its_line() {
        let found = found("tidings-engine", &[("tokio", None, false), ("axum", None, false)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("crates/x/Cargo.toml:8: `tidings-engine` must not depend on `axum`"), "{found:?}");
    }

    #[test]
    fn each_layer_refuses_what_lies_above_it() {
        for (package, dependency) in [
            ("tidings-wire", "tidings-engine"),
            ("tidings-wire", "tokio"),
            ("tidings-engine", "tidings-server"),
            ("tidings-engine", "rusqlite"),
            ("tidings-sqlite", "tidings-server"),
            ("tidings-sqlite", "hyper"),
            ("tidings-endpoints", "tidings-server"),
            ("tidings-endpoints", "rusqlite"),
            ("tidings-server", "rusqlite"),
            ("tidings-server", "tidings-sqlite"),
            ("tidings-chat", "tidings-engine"),
            ("tidings-testkit", "tidings-sqlite"),
            ("tidings-testkit", "tidings-server"),
            ("tidings", "tidings-testkit"),
            ("xtask", "tidings-wire"),
        ] {
            assert_eq!(found(package, &[(dependency, None, false)]).len(), 1, "{package} -> {dependency}");
        }
    }

    #[test]
    fn what_a_layer_may_know_is_not_found() {
        for (package, dependency, kind, optional) in [
            ("tidings-engine", "tidings-wire", None, false),
            ("tidings-engine", "tidings-testkit", Some("dev"), false),
            ("tidings-sqlite", "rusqlite", None, false),
            ("tidings-server", "axum", None, false),
            ("tidings-chat", "tidings-server", None, false),
            ("tidings-testkit", "tidings-server", None, true),
            ("tidings", "tidings-sqlite", None, false),
            ("tidings-server", "tidings-testkit", Some("dev"), false),
        ] {
            assert_eq!(
                found(package, &[(dependency, kind, optional)]),
                Vec::<String>::new(),
                "{package} -> {dependency}"
            );
        }
    }

    #[test]
    fn tests_may_know_more_but_not_everything() {
        assert_eq!(found("tidings-engine", &[("tidings-testkit", None, false)]).len(), 1);
        assert_eq!(found("tidings-engine", &[("tidings-sqlite", Some("dev"), false)]).len(), 1);
        assert_eq!(found("tidings-engine", &[("hyper", Some("dev"), false)]).len(), 0);
    }

    #[test]
    fn a_member_without_a_layer_or_without_the_lints_is_named() {
        assert_eq!(found("tidings-new", &[]).len(), 1);
        let packages =
            [Package { name: "xtask".to_owned(), manifest: "xtask/Cargo.toml".to_owned(), dependencies: vec![] }];
        let tree = Tree::of([("xtask/Cargo.toml".to_owned(), "[package]\n".to_owned())]);
        let mut report = Report::default();
        check(&packages, &tree, &mut report);
        assert_eq!(report.violations.len(), 1, "{report:?}");
    }

    #[test]
    fn the_repositorys_own_manifests_can_be_read() {
        let packages = packages(&crate::repository()).unwrap();
        let own = packages.iter().find(|package| package.name == "xtask").unwrap();
        assert_eq!(own.manifest, "xtask/Cargo.toml");
    }
}
