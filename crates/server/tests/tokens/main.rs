//! Each check of a token, by tokens that fail exactly this one. The keys beneath `keys/` were made for these tests.

#![expect(clippy::unwrap_used, reason = "a test that can not go on fails where it stands")]

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tidings_engine::clock::Now;
use tidings_server::auth::{
    Claims, NewToken, TokenAlgorithm, TokenError, TokenKeyError, TokenRules, check_token, new_token,
};
use tidings_wire::UserId;

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const NOW: i64 = 1_700_000_000;

fn at(unix: i64) -> Now {
    Now { mono: Duration::ZERO, unix_ms: unix * 1_000 }
}

fn rules() -> TokenRules {
    TokenRules::new(TokenAlgorithm::Hs256, SECRET).unwrap()
}

fn rules_with(change: impl FnOnce(&mut TokenRules)) -> TokenRules {
    let mut rules = rules();
    change(&mut rules);
    rules
}

fn signed(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, key).unwrap()
}

fn hs256(claims: &Value) -> String {
    signed(Algorithm::HS256, &EncodingKey::from_secret(SECRET), claims)
}

fn good() -> Value {
    json!({"sub": 7, "exp": NOW + 60, "iat": NOW})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn checked(claims: &Value) -> Result<Claims, TokenError> {
    check_token(&rules(), &hs256(claims), at(NOW))
}

#[test]
fn a_good_token_names_its_user_by_number_or_text() {
    let uuid = "0192f0c1-2b3c-7def-8abc-0123456789ab";
    for (sub, user) in [(json!(7), "7"), (json!("7"), "7"), (json!(uuid), uuid)] {
        assert_eq!(checked(&with("sub", sub)).unwrap().user, user.parse().unwrap());
    }
    let claims = Claims { user: UserId::new(7), expires_at: NOW + 60, not_before: None, issued_at: NOW };
    assert_eq!(checked(&good()), Ok(claims));
}

#[test]
fn the_claim_that_names_the_user_is_configurable() {
    let rules = rules_with(|rules| rules.user_claim = "account".into());
    let token = hs256(&json!({"sub": "auth0|abc", "account": 9, "exp": NOW + 60}));
    assert_eq!(check_token(&rules, &token, at(NOW)).unwrap().user, UserId::new(9));
}

#[test]
fn a_token_holds_until_its_end_and_from_its_beginning_give_or_take_the_leeway() {
    let token = hs256(&json!({"sub": 7, "exp": NOW + 60, "nbf": NOW}));
    let check = |unix| check_token(&rules(), &token, at(unix)).map(|claims| claims.user);
    assert!(check(NOW + 60 + 29).is_ok());
    assert_eq!(check(NOW + 60 + 30), Err(TokenError::Expired { ago: 30 }));
    assert!(check(NOW - 30).is_ok());
    assert_eq!(check(NOW - 31), Err(TokenError::NotYetValid { wait: 31 }));
}

#[test]
fn a_token_without_an_end_is_refused() {
    assert_eq!(checked(&json!({"sub": 7})), Err(TokenError::NoExpiry));
}

#[test]
fn a_time_that_is_no_number_is_refused_and_one_of_issue_in_the_future_too() {
    for claim in ["exp", "nbf", "iat"] {
        for value in [json!("soon"), json!("1700000000")] {
            assert_eq!(checked(&with(claim, value)), Err(TokenError::NoNumber { claim }));
        }
    }
    assert!(checked(&with("iat", json!(NOW + 30))).is_ok());
    assert_eq!(checked(&with("iat", json!(NOW + 31))), Err(TokenError::IssuedLater { wait: 31 }));
}

#[test]
fn a_token_without_a_time_of_issue_counts_as_issued_at_0() {
    assert_eq!(checked(&json!({"sub": 7, "exp": NOW + 60})).unwrap().issued_at, 0);
}

#[test]
fn a_claim_that_is_no_id_says_why() {
    for sub in [json!(-7), json!(true), json!("seven"), json!("00000000-0000-0000-0000-000000000000"), json!(null)] {
        assert!(matches!(checked(&with("sub", sub)), Err(TokenError::NoUser { .. })));
    }
    let Err(TokenError::NoUser { claim, problem }) = checked(&json!({"exp": NOW + 60})) else { panic!() };
    assert_eq!((&*claim, &*problem), ("sub", "it is missing"));
}

#[test]
fn another_issuer_is_refused_where_one_is_configured() {
    let rules = rules_with(|rules| rules.issuer = Some("https://id.example".into()));
    let check = |claims: &Value| check_token(&rules, &hs256(claims), at(NOW));
    assert!(check(&with("iss", json!("https://id.example"))).is_ok());
    assert!(matches!(check(&with("iss", json!("https://other.example"))), Err(TokenError::WrongIssuer { .. })));
    assert!(matches!(check(&good()), Err(TokenError::WrongIssuer { .. })));
}

#[test]
fn another_audience_is_refused_and_an_unexpected_one_too() {
    let configured = rules_with(|rules| rules.audience = Some("chat".into()));
    let check = |rules: &TokenRules, claims: &Value| check_token(rules, &hs256(claims), at(NOW));
    for aud in [json!("chat"), json!(["shop", "chat"])] {
        assert!(check(&configured, &with("aud", aud)).is_ok());
    }
    for claims in [with("aud", json!("shop")), with("aud", json!(["shop"])), with("aud", json!(5)), good()] {
        assert!(matches!(check(&configured, &claims), Err(TokenError::WrongAudience { .. })), "{claims}");
    }
    assert!(matches!(check(&rules(), &with("aud", json!("shop"))), Err(TokenError::WrongAudience { .. })));
}

#[test]
fn each_algorithm_checks_its_own_signatures_and_no_others() {
    type Keys = (TokenAlgorithm, Algorithm, EncodingKey, &'static [u8]);
    let keys: [Keys; 4] = [
        (TokenAlgorithm::Hs256, Algorithm::HS256, EncodingKey::from_secret(SECRET), SECRET),
        (
            TokenAlgorithm::Rs256,
            Algorithm::RS256,
            EncodingKey::from_rsa_pem(include_bytes!("keys/rs256.private.pem")).unwrap(),
            include_bytes!("keys/rs256.public.pem"),
        ),
        (
            TokenAlgorithm::Es256,
            Algorithm::ES256,
            EncodingKey::from_ec_pem(include_bytes!("keys/es256.private.pem")).unwrap(),
            include_bytes!("keys/es256.public.pem"),
        ),
        (
            TokenAlgorithm::EdDsa,
            Algorithm::EdDSA,
            EncodingKey::from_ed_pem(include_bytes!("keys/eddsa.private.pem")).unwrap(),
            include_bytes!("keys/eddsa.public.pem"),
        ),
    ];
    for (algorithm, _, _, public) in &keys {
        let rules = TokenRules::new(*algorithm, public).unwrap();
        for (other, library, private, _) in &keys {
            let token = signed(*library, private, &good());
            let found = check_token(&rules, &token, at(NOW)).map(|claims| claims.user);
            if algorithm == other {
                assert_eq!(found, Ok(UserId::new(7)), "{algorithm}");
                let (head, signature) = token.rsplit_once('.').unwrap();
                let (header, claims) = head.split_once('.').unwrap();
                let changed = format!("{header}.{}.{signature}", claims.replacen('e', "f", 1));
                assert!(check_token(&rules, &changed, at(NOW)).is_err(), "{algorithm}: changed claims");
            } else {
                let expected = TokenError::WrongAlgorithm { found: other.to_string(), expected: *algorithm };
                assert_eq!(found, Err(expected));
            }
        }
    }
}

#[test]
fn a_public_key_used_as_an_hmac_secret_opens_nothing() {
    // The classic confusion of algorithms: the attacker signs by HS256 with the public key, which everybody knows.
    let public = include_bytes!("keys/rs256.public.pem");
    let token = signed(Algorithm::HS256, &EncodingKey::from_secret(public), &good());
    let rules = TokenRules::new(TokenAlgorithm::Rs256, public).unwrap();
    let expected = TokenError::WrongAlgorithm { found: "HS256".into(), expected: TokenAlgorithm::Rs256 };
    assert_eq!(check_token(&rules, &token, at(NOW)), Err(expected));
}

#[test]
fn an_unsigned_token_and_garbage_are_refused() {
    // {"alg":"none"} . {"sub":7,"exp":9999999999} .
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOjcsImV4cCI6OTk5OTk5OTk5OX0.";
    let check = |token: &str| check_token(&rules(), token, at(NOW));
    assert!(matches!(check(unsigned), Err(TokenError::WrongAlgorithm { .. })));
    for garbage in ["", "a", "a.b", "a.b.c", "....", "ey.ey.ey", &format!("{}x", hs256(&good()).replace('.', "-"))] {
        assert!(matches!(check(garbage), Err(TokenError::Malformed(_))), "{garbage}");
    }
    let other = signed(Algorithm::HS256, &EncodingKey::from_secret(&[1; 32]), &good());
    assert_eq!(check(&other), Err(TokenError::BadSignature));
    let array = signed(Algorithm::HS256, &EncodingKey::from_secret(SECRET), &json!([1]));
    assert!(matches!(check(&array), Err(TokenError::Malformed(_))));
}

#[test]
fn keys_that_can_not_be_used_say_why() {
    let error = |algorithm, key: &[u8]| TokenRules::new(algorithm, key).unwrap_err();
    assert!(matches!(error(TokenAlgorithm::Hs256, b"short"), TokenKeyError::ShortSecret(5)));
    let private = include_bytes!("keys/rs256.private.pem");
    assert!(matches!(error(TokenAlgorithm::Rs256, private), TokenKeyError::Private));
    assert!(matches!(error(TokenAlgorithm::Es256, b"no pem"), TokenKeyError::Pem { .. }));
    let ec = include_bytes!("keys/es256.public.pem");
    assert!(matches!(error(TokenAlgorithm::Rs256, ec), TokenKeyError::Pem { .. }));
    assert!("HS512".parse::<TokenAlgorithm>().unwrap_err().to_string().contains("HS256, RS256, ES256, EdDSA"));
}

#[test]
fn a_new_token_passes_its_own_rules() {
    let token = NewToken {
        user: UserId::new(7),
        ttl: Duration::from_secs(60),
        issuer: Some("tidings"),
        audience: Some("chat"),
        user_claim: "account",
    };
    let token = new_token(SECRET, &token, at(NOW)).unwrap();
    let rules = rules_with(|rules| {
        rules.issuer = Some("tidings".into());
        rules.audience = Some("chat".into());
        rules.user_claim = "account".into();
    });
    let claims = Claims { user: UserId::new(7), expires_at: NOW + 60, not_before: None, issued_at: NOW };
    assert_eq!(check_token(&rules, &token, at(NOW)), Ok(claims));
}

#[test]
fn a_secret_is_never_shown() {
    let shown = format!("{:?}", rules());
    assert!(shown.contains("Hs256") && !shown.contains("secret of"), "{shown}");
}
