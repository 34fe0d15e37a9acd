//! Who is calling: tokens, sessions, service keys, and what the four ways of `Who is connecting` make of them.

mod identity;
mod key;
mod key_set;
mod renewal;
mod revocation;
mod service_key;
mod session;
mod token;

pub use identity::{Caller, Credential, Identity};
pub use key::{TokenAlgorithm, TokenKeyError};
pub use key_set::KeySet;
pub use service_key::{NewKey, generate_key, hash_key};
pub use token::{Claims, NewToken, TokenError, TokenRules, check_token, new_token};

pub(crate) use identity::{Authenticator, Denied, KnownUser};
pub(crate) use renewal::Renewals;
