//! `token new`, `token check`, and the server's opinion of the same tokens.

use std::os::unix::fs::PermissionsExt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    client::Client,
    support::process::{Server, command, run},
};

fn new_token(folder: &std::path::Path, more: &[&str]) -> String {
    let output = run(folder, &[&["token", "new", "--user", "7"], more].concat());
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(output.stdout.lines().count(), 1, "the token alone stands on standard output");
    output.stdout.trim().to_owned()
}

#[test]
fn a_new_token_is_good_and_opens_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let token = new_token(folder.path(), &[]);
    let checked = run(folder.path(), &["token", "check", &token]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(checked.stdout.starts_with("good: user 7, for another "), "{}", checked.stdout);
    assert!(Client::with_token(server.address, &token).is_ok(), "the server takes the token");
    assert_eq!(Client::with_token(server.address, &format!("{token}x")).err(), Some(401));
}

/// Signed as `token new` signs, for a time that is over.
fn expired_token(folder: &std::path::Path) -> String {
    let secret = std::fs::read_to_string(folder.join("data/secret.key")).unwrap();
    let key = jsonwebtoken::EncodingKey::from_secret(secret.trim().as_bytes());
    let claims = serde_json::json!({"sub": "7", "iat": 1_000_000_000, "exp": 1_000_003_600});
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

#[test]
fn each_failing_check_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let token = new_token(folder.path(), &[]);
    let [_, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let expired = expired_token(folder.path());
    let strict = "[auth]\nissuer = \"app\"\naudience = \"tidings\"\nleeway = \"0s\"\n";
    let no_audience = "[auth]\nissuer = \"app\"\nleeway = \"0s\"\n";
    let write = |text: &str| std::fs::write(folder.path().join("tidings.toml"), text).unwrap();
    let said = |token: &str| {
        let output = run(folder.path(), &["token", "check", token]);
        assert_eq!(output.code, Some(1), "{}{}", output.stdout, output.stderr);
        output.stdout
    };
    assert!(said("nonsense").contains("malformed"));
    assert!(said(&format!("{none}.{claims}.")).contains("algorithm is \"none\", only HS256 is accepted"));
    let other = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
    assert!(said(&format!("{other}.{claims}.{signature}")).contains("algorithm is \"HS512\""));
    let changed = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"8","exp":9999999999}"#);
    let header = token.split('.').next().unwrap();
    assert!(said(&format!("{header}.{changed}.{signature}")).contains("signature does not match"));
    write("[auth]\nleeway = \"0s\"\n");
    assert!(said(&expired).contains("expired"));
    write(strict);
    assert!(said(&token).contains("issuer is missing, expected \"app\""));
    let named = new_token(folder.path(), &[]);
    assert_eq!(run(folder.path(), &["token", "check", &named]).code, Some(0));
    write(no_audience);
    assert!(said(&named).contains("audience is \"tidings\""));
    write("[auth]\nuser_claim = \"uid\"\n");
    assert!(said(&token).contains("claim \"uid\" names no user"));
}

#[test]
fn the_first_start_writes_its_secret_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mode = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data"), 0o700);
    for file in ["data/secret.key", "data/tidings.db", "data/tidings.lock"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    assert!(
        server.banner.contains("First start") && server.banner.contains("tidings token new --user 7"),
        "{}",
        server.banner
    );
    let secret = std::fs::read_to_string(folder.path().join("data/secret.key")).unwrap();
    assert!(!server.banner.contains(secret.trim()));
    drop(server);
    let second = Server::start(folder.path(), &[]);
    assert!(!second.banner.contains("First start"), "{}", second.banner);
    assert_eq!(std::fs::read_to_string(folder.path().join("data/secret.key")).unwrap(), secret);
}

#[test]
fn a_public_key_checks_and_does_not_sign() {
    let folder = tempfile::tempdir().unwrap();
    // The Ed25519 public key of RFC 8037, appendix A.2.
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &public_key()].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::prelude::BASE64_STANDARD.encode(der)
    );
    std::fs::write(folder.path().join("key.pem"), pem).unwrap();
    let with = |arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        command.env("TIDINGS_AUTH__ALGORITHM", "EdDSA").env("TIDINGS_AUTH__PUBLIC_KEY_FILE", "key.pem");
        command.output().unwrap()
    };
    let signed = with(&["token", "new", "--user", "7"]);
    assert_eq!(signed.status.code(), Some(2));
    assert!(String::from_utf8(signed.stderr).unwrap().contains("whoever has the private key signs them"));
    let token = new_token(folder.path(), &[]);
    let checked = with(&["token", "check", &token]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(String::from_utf8(checked.stdout).unwrap().contains("only EdDSA is accepted"));
    let mut server = Server::spawn(
        command(folder.path(), &["serve", "--listen", "127.0.0.1:0"])
            .env("TIDINGS_AUTH__ALGORITHM", "EdDSA")
            .env("TIDINGS_AUTH__PUBLIC_KEY_FILE", "key.pem"),
    );
    assert_eq!(Client::with_token(server.address, &token).err(), Some(401));
    assert!(!server.banner.contains("token new"), "{}", server.banner);
    drop(server.stdout());
}

fn public_key() -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap()
}
