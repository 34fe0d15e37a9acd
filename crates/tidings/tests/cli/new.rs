//! `tidings new message`: what it writes, that this compiles and passes its tests, and what it refuses.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::process::{Output, run};

/// The crate of somebody who builds on Tidings.
struct Crate(tempfile::TempDir);

const MAIN: &str =
    "//! An app of one's own.\n\nfn main() -> std::process::ExitCode {\n    tidings::cli::main(|app| app)\n}\n";

impl Crate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/main.rs"), MAIN).unwrap();
        fs::write(folder.path().join("Cargo.toml"), manifest()).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn make(&self, arguments: &[&str]) -> Output {
        run(self.path(), &[&["new", "message"], arguments].concat())
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// All files with what stands in them.
    fn files(&self) -> Vec<(PathBuf, String)> {
        fn collect(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(&path, into);
                } else {
                    into.push((path.clone(), fs::read_to_string(&path).unwrap()));
                }
            }
        }
        let mut files = Vec::new();
        collect(self.path(), &mut files);
        files.sort();
        files
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap()
}

/// With the profile of this workspace, so that what comes from outside it is compiled already.
fn manifest() -> String {
    let mut manifest =
        "[package]\nname = \"an-app-of-ones-own\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n"
            .to_owned();
    let path = |name: &str| repository().join("crates").join(name).display().to_string();
    manifest += &format!("tidings = {{ path = {:?}, default-features = false }}\n\n", path("tidings"));
    manifest += &format!("[dev-dependencies]\ntidings-testkit = {{ path = {:?} }}\n\n", path("testkit"));
    // A warning fails it; as a flag of the compiler it would have everything that it depends on compiled anew.
    manifest += "[lints.rust]\nwarnings = \"deny\"\n\n";
    manifest +=
        "[profile.dev]\ndebug = \"line-tables-only\"\n\n[profile.dev.package.\"*\"]\nopt-level = 1\ndebug = false\n";
    for name in ["", "-chat", "-endpoints", "-engine", "-server", "-social", "-sqlite", "-testkit", "-wire"] {
        manifest += &format!("\n[profile.dev.package.tidings{name}]\nopt-level = 0\n");
    }
    manifest
}

fn cargo(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The folder in which this test was built, so that it is no build from nothing.
    let target = Path::new(env!("CARGO_BIN_EXE_tidings")).parent().unwrap().parent().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", target);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn what_is_written_compiles_without_a_warning_is_formatted_and_passes() {
    let mine = Crate::new();
    fs::copy(repository().join("Cargo.lock"), mine.path().join("Cargo.lock")).unwrap();
    for arguments in [
        &["nudge", "--write"][..],
        &["letter", "--kept", "--write"],
        &["dare", "--handler", "--write"],
        &["context", "--kept", "--handler", "--write"],
    ] {
        let made = mine.make(arguments);
        assert_eq!((made.code, &*made.stdout), (Some(0), ""), "{}", made.stderr);
    }
    let main = mine.read("src/main.rs");
    assert!(main.contains("mod nudge;\nmod letter;\nmod dare;\nmod context;\n"), "{main}");
    // The root is laid out anew where the calls grow long; what was written is laid out already.
    let written = |files: Vec<(PathBuf, String)>| files.into_iter().filter(|(path, _)| !path.ends_with("main.rs"));
    let before = written(mine.files());
    let (formatted, said) = cargo(mine.path(), &["fmt"]);
    assert!(formatted, "{said}");
    for (old, new) in before.zip(written(mine.files())) {
        assert_eq!(old, new);
    }
    let (passed, said) = cargo(mine.path(), &["test", "--offline", "--quiet"]);
    assert!(passed && said.contains("10 passed; 0 failed"), "{said}");
}

#[test]
fn adding_a_type_makes_two_files_and_touches_two_lines_of_a_third() {
    let mine = Crate::new();
    let before = mine.files();
    assert_eq!(mine.make(&["nudge", "--write"]).code, Some(0));
    let after = mine.files();
    let text = |files: &[(PathBuf, String)], path: &Path| {
        files.iter().find(|(found, _)| found == path).map(|(_, text)| text.clone())
    };
    let made: Vec<_> = after.iter().filter(|(path, _)| text(&before, path).is_none()).collect();
    let [(tests, _), (message, nudge)] = &made[..] else { panic!("{made:?}") };
    assert!(message.ends_with("src/nudge.rs") && tests.ends_with("src/nudge/tests.rs"));
    assert!(nudge.lines().count() <= 40, "{nudge}");
    let changed: Vec<_> = before.iter().filter(|(path, old)| text(&after, path).as_ref() != Some(old)).collect();
    let [(main, old)] = &changed[..] else { panic!("{changed:?}") };
    assert!(main.ends_with("src/main.rs"));
    let new = text(&after, main).unwrap();
    let lines = |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(old), lines(&new));
    let others: Vec<_> = new.iter().filter(|line| !old.contains(line)).collect();
    assert_eq!(others, ["mod nudge;", "    tidings::cli::main(|app| app.message::<nudge::Nudge>())"]);
}

#[test]
fn without_write_the_lines_are_printed_and_no_other_file_is_touched() {
    let mine = Crate::new();
    let made = mine.make(&["friend_request"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert_eq!(made.stdout, "mod friend_request;\n.message::<friend_request::FriendRequest>()\n");
    assert_eq!(mine.read("src/main.rs"), MAIN);
    let written = mine.read("src/friend_request.rs");
    assert!(written.contains("const TYPE: &'static str = \"friend_request\";"), "{written}");
    assert!(mine.read("src/friend_request/tests.rs").contains("FriendRequest { to: bob.user() }"));
    let made = mine.make(&["dare", "--handler"]);
    assert_eq!(made.stdout, "mod dare;\n.message_with::<dare::Dare>(dare::accept)\n");
}

#[test]
fn what_is_refused_leaves_every_file_as_it_was() {
    let mine = Crate::new();
    fs::create_dir(mine.path().join("src/cheer")).unwrap();
    fs::write(mine.path().join("src/cheer/tests.rs"), "// mine\n").unwrap();
    fs::write(mine.path().join("src/poke.rs"), "// mine\n").unwrap();
    fs::create_dir(mine.path().join("empty")).unwrap();
    let before = mine.files();
    for (arguments, says) in [
        (&["Poke"][..], "\"Poke\" is no type's name"),
        (&["hello"], "the protocol uses itself"),
        (&["private"], "a type \"private\" is registered already"),
        (&["match"], "no module of Rust"),
        (&["poke"], "src/poke.rs is there already, and nothing is overwritten"),
        (&["cheer"], "src/cheer/tests.rs is there already"),
        (&["nudge", "--in", "empty"], "empty holds no Cargo.toml"),
        (&["nudge", "--templates", "empty"], "empty holds neither message.rs.j2 nor tests.rs.j2"),
    ] {
        let refused = mine.make(arguments);
        assert_eq!(refused.code, Some(2), "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(says), "{arguments:?}: {}", refused.stderr);
        assert_eq!(mine.files(), before, "{arguments:?}");
    }
    fs::write(mine.path().join("src/main.rs"), "fn main() {}\n").unwrap();
    let before = mine.files();
    let refused = mine.make(&["nudge", "--write"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("leave --write out"), "{}", refused.stderr);
    assert_eq!(mine.files(), before);
}

#[test]
fn a_projects_own_templates_are_found_and_named_ones_go_before_them() {
    let mine = Crate::new();
    for (folder, text) in [("tidings/templates", "// ours: {{ name }}\n"), ("others", "// others: {{ name }}\n")] {
        let folder = mine.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("message.rs.j2"), text).unwrap();
    }
    assert_eq!(mine.make(&["nudge"]).code, Some(0));
    assert_eq!(mine.read("src/nudge.rs"), "// ours: Nudge\n");
    assert!(mine.read("src/nudge/tests.rs").contains("use tidings_testkit::world;"), "what it lacks is Tidings' own");
    assert_eq!(mine.make(&["dare", "--templates", "others"]).code, Some(0));
    assert_eq!(mine.read("src/dare.rs"), "// others: Dare\n");
    fs::write(mine.path().join("others/message.rs.j2"), "{{ nmae }}").unwrap();
    let refused = mine.make(&["cheer", "--templates", "others"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("message.rs.j2"), "{}", refused.stderr);
    assert!(!mine.path().join("src/cheer.rs").exists());
}
