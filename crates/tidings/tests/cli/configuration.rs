//! What the program says of its configuration.

use crate::support::process::{command, run};

#[test]
fn an_unknown_key_in_the_file_ends_with_2_and_names_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidings.toml"), "[server]\nlsiten = \"127.0.0.1:1\"\n").unwrap();
    for arguments in [&["serve"][..], &["config", "check"], &["config", "show"], &["token", "new", "--user", "7"]] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        let expected = "tidings.toml:2: unknown key `server.lsiten`; the nearest known one is `server.listen`";
        assert!(output.stderr.contains(expected), "{}", output.stderr);
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn an_unknown_variable_ends_with_2_and_names_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path(), &["config", "check"]).env("TIDINGS_LIMITS__ENABLE", "false").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("TIDINGS_LIMITS__ENABLED"));
}

#[test]
fn check_says_ok_and_show_says_where_values_come_from() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), "[limits]\nconnections_per_user = 3\n").unwrap();
    assert_eq!(run(folder.path(), &["config", "check", "--config", "mine.toml"]).stdout, "OK\n");
    let output = command(folder.path(), &["config", "show", "--config", "mine.toml", "--data", "elsewhere"])
        .env("TIDINGS_AUTH__SECRET", "a-text-of-at-least-32-bytes-nobody-knows")
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("connections_per_user = 3  # mine.toml:2"), "{shown}");
    assert!(shown.contains("data = \"elsewhere\"  # --data"), "{shown}");
    assert!(shown.contains("secret = \"********\"  # TIDINGS_AUTH__SECRET"), "{shown}");
    assert!(shown.contains("store = \"sqlite\"  # default"), "{shown}");
    assert!(!shown.contains("nobody-knows"), "{shown}");
}

#[test]
fn dev_on_an_address_that_others_reach_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["serve", "--dev", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    assert!(output.stderr.contains("only loopback is listened on"), "{}", output.stderr);
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn a_configured_type_must_be_registered() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidings.toml"), "[types.brodcast]\nsenders = \"users\"\n").unwrap();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["config", "check"]] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert!(
            output.stderr.contains("[types.brodcast]") && output.stderr.contains("broadcast,"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn what_would_break_the_server_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, file, expected) in [
        (&["serve", "--data", ""][..], "", "--data: `server.data` is empty"),
        (&["config", "check"], "[engine]\naccept_within = \"0s\"\n", "length of time from 100ms"),
        (&["config", "check"], "[types.private]\nkeep = \"3s\"\n", "shorter than \"1m\""),
        (
            &["config", "check"],
            "[auth]\nalgorithm = \"RS256\"\npublic_key_file = \"gone.pem\"\n",
            "auth.public_key_file: read the public key in gone.pem",
        ),
        (&["config", "check"], "[auth]\nsecret_file = \"gone\"\n", "auth.secret_file: read the secret in gone"),
        (&["token", "new", "--user", "7", "--ttl", "0s"], "", "--ttl 0s: a token holds for at least 1s"),
    ] {
        std::fs::write(folder.path().join("tidings.toml"), file).unwrap();
        let output = run(folder.path(), arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{arguments:?} made something");
    }
}

#[test]
fn the_page_about_settings_comes_from_the_code() {
    let folder = tempfile::tempdir().unwrap();
    let page = run(folder.path(), &["config", "doc"]).stdout;
    assert_eq!(page, tidings::configuration::markdown());
    assert!(page.contains("| `TIDINGS_LIMITS__ENABLED` |"), "{page}");
}

#[test]
fn wrong_usage_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&["srve"][..], &["serve", "--frobnicate"], &["token", "new", "--user", "-3"], &["serve", "--store", "mysql"]]
    {
        let output = run(folder.path(), arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
    }
}
