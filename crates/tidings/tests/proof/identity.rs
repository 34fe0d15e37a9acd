//! Who is connecting, and who is not.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::world::{Client, Plan, Refusal};

#[test]
fn without_an_identity_the_upgrade_is_refused() {
    let plan = Plan::production();
    let server = plan.start();
    for (path, fields) in [
        ("/ws", &[][..]),
        ("/ws?user=7", &[]),
        ("/ws", &[("authorization", "Bearer")]),
        ("/ws", &[("authorization", "Bearer nonsense")]),
        ("/ws", &[("authorization", "Basic Nzo3")]),
        ("/ws", &[("cookie", "tidings_session=nonsense")]),
    ] {
        let refusal = Client::with(&server, path, fields).err().unwrap();
        assert_eq!((refusal.status, &refusal.problem["code"]), (401, &json!("unauthorized")), "{path} {fields:?}");
        assert!(refusal.head.contains("content-type: application/problem+json"), "{}", refusal.head);
    }
}

#[test]
fn a_good_token_is_taken_and_every_other_one_refused() {
    let plan = Plan::production().set("AUTH__LEEWAY", "0s").set("AUTH__AUDIENCE", "app").set("AUTH__ISSUER", "login");
    let server = plan.start();
    let secret = std::fs::read_to_string(plan.folder().join("data/secret.key")).unwrap().trim().to_owned();
    let good = json!({"sub": "7", "iat": now(), "exp": now() + 600, "aud": "app", "iss": "login"});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let signed = |claims: &Value| sign(Algorithm::HS256, secret.as_bytes(), claims);
    for claims in
        [good.clone(), with("sub", json!(7)), with("aud", json!(["other", "app"])), with("nbf", json!(now() - 5))]
    {
        let client = Client::token(&server, "7", &signed(&claims));
        assert!(client.is_ok(), "{claims}: {:?}", client.err());
    }
    let [head, _, signature] = signed(&good).split('.').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
    let others_claims = signed(&with("sub", json!("8"))).split('.').nth(1).unwrap().to_owned();
    let unsigned = signed(&good).replacen(&head, "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", 1);
    let bad = [
        ("over", signed(&with("exp", json!(now() - 1)))),
        ("without an end", signed(&without("exp"))),
        ("not begun", signed(&with("nbf", json!(now() + 600)))),
        ("another's audience", signed(&with("aud", json!("elsewhere")))),
        ("no audience", signed(&without("aud"))),
        ("another issuer", signed(&with("iss", json!("elsewhere")))),
        ("no user", signed(&without("sub"))),
        ("a user that is none", signed(&with("sub", json!("bob")))),
        ("another algorithm", sign(Algorithm::HS512, secret.as_bytes(), &good)),
        ("another secret", sign(Algorithm::HS256, &[b'x'; 32], &good)),
        ("no algorithm", unsigned.clone()),
        ("no algorithm, no signature", format!("{}.", unsigned.rsplit_once('.').unwrap().0)),
        ("claims of another", format!("{head}.{others_claims}.{signature}")),
    ];
    for (what, token) in bad {
        let refusal = Client::token(&server, "7", &token).err().unwrap_or_else(|| panic!("a token was taken: {what}"));
        assert_eq!((refusal.status, &refusal.problem["code"]), (401, &json!("unauthorized")), "{what}: {refusal:?}");
    }
}

#[test]
fn a_public_key_takes_what_its_owner_signed_and_not_what_was_signed_with_itself() {
    // The key pair of RFC 8037, appendix A.1 and A.2, as PKCS #8 (RFC 8410 §7) and as a PEM file.
    const PRIVATE: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20\
        \x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let plan = Plan::production().set("AUTH__ALGORITHM", "EdDSA").set("AUTH__PUBLIC_KEY_FILE", "key.pem");
    std::fs::write(plan.folder().join("key.pem"), PEM).unwrap();
    let server = plan.start();
    let claims = json!({"sub": 7, "iat": now(), "exp": now() + 600});
    let token = encode(&Header::new(Algorithm::EdDSA), &claims, &EncodingKey::from_ed_der(PRIVATE)).unwrap();
    assert!(Client::token(&server, "7", &token).is_ok());
    for secret in [PEM, PEM.trim()] {
        let forged = sign(Algorithm::HS256, secret.as_bytes(), &claims);
        assert_eq!(Client::token(&server, "7", &forged).err().unwrap().status, 401);
    }
}

#[test]
fn a_connection_ends_with_its_token() {
    let plan = Plan::production().set("AUTH__LEEWAY", "0s");
    let server = plan.start();
    let token = plan.says(&["token", "new", "--user", "7", "--ttl", "2s"]);
    let mut ann = Client::token(&server, "7", &token).unwrap();
    assert_eq!(ann.close_code(), 4402);
    assert_eq!(Client::token(&server, "7", &token).err().unwrap().status, 401);
}

#[test]
fn a_foreign_page_is_refused_with_the_name_of_the_setting() {
    let plan = Plan::dev().set("SERVER__ORIGINS", "https://app.example");
    let server = plan.start();
    let from = |origin: &str| Client::with(&server, "/ws?user=7", &[("origin", origin)]);
    for origin in [
        "https://evil.example",
        "http://app.example",
        "https://app.example:444",
        "null",
        "https://app.example.evil.example",
    ] {
        let Refusal { status, head, problem } = from(origin).err().unwrap();
        assert_eq!((status, &problem["code"]), (403, &json!("not_allowed")), "{origin}");
        assert!(problem["detail"].as_str().unwrap().contains("`origins`"), "{problem}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
    }
    for origin in ["https://app.example", &format!("http://{}", server.address)] {
        assert!(from(origin).is_ok(), "{origin}");
    }
    assert!(Client::with(&server, "/ws?user=7", &[]).is_ok(), "what is no page has no origin");
}

#[test]
fn a_client_of_v1_says_who_it_is_in_its_hello_and_hears_by_a_close_code_why_not() {
    let plan = Plan::production();
    let server = plan.start();
    let key = plan.key();
    for protocols in ["tidings.v1", "chat, tidings.v1"] {
        let fields = [("sec-websocket-protocol", protocols)];
        let mut known = Client::with(&server, "/ws", &fields).unwrap();
        known.say(&json!({"type": "hello", "token": plan.token("7")}));
        assert_eq!(known.hear()["user"], 7);
        for hello in [json!({"type": "hello"}), json!({"type": "hello", "token": key})] {
            let mut nobody = Client::with(&server, "/ws", &fields).unwrap();
            nobody.say(&hello);
            assert_eq!(nobody.close_code(), 4401, "{hello}");
        }
    }
}

fn sign(algorithm: Algorithm, secret: &[u8], claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
