//! Shapes that several answers share, as the OpenAPI document shows them: for the routes of packs too.

use std::collections::BTreeMap;

use serde::Serialize;
use tidings_wire::Code;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{Content, Ref, RefOr, Response},
};

/// An id of a user or group: an integer from 0 to 2^63 − 1 (above 2^53 − 1 as a string of digits) or a UUID.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Id {
    /// Below 2^53.
    #[schema(example = 7)]
    Integer(u64),
    /// Digits, or a UUID.
    Text(String),
}

/// Makes a set of refusals that routes name among their responses.
macro_rules! refusals {
    ($($(#[$doc:meta])+ $name:ident: $($code:ident),+;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(Code::$code),+].into_iter().map(refusal).collect()
            }
        }
    )+};
}

refusals! {
    /// What every route of `/v1` may answer.
    Refused: Unauthorized, NotAllowed, BadField, Unavailable;
    /// What sending adds.
    RefusedSend: BadJson, UnknownType, KeyReused, TooLarge, Limited, NotEnabled;
    /// What changing a message adds.
    RefusedChange: BadJson, NotFound, TooLarge, Limited, NotEnabled;
    /// What a body adds.
    RefusedBody: BadJson, TooLarge;
    /// What naming something adds that may not exist.
    RefusedUnknown: NotFound;
    /// What reading a stream adds.
    RefusedRead: NotFound, NotEnabled;
    /// What a feature adds that may be switched off.
    RefusedOff: NotEnabled;
}

fn refusal(code: Code) -> (String, RefOr<Response>) {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let mut response = Response::new(code.meaning());
    response.content.insert("application/problem+json".into(), content.into());
    (code.status().to_string(), response.into())
}
