//! An audience in words, for the documentation of a type.

use serde_json::{Value, json};
use tidings_wire::{Audience, Me, Set, UserId};

/// Whom an example reaches: its fields are named where the audience took an id from them.
pub(super) fn words(audience: &Audience, example: &Value, sender: UserId, kept: bool) -> String {
    let teller = Teller { example, sender };
    let listed = |sets: &[Set]| sets.iter().map(|set| teller.set(set)).collect::<Vec<_>>().join(", and ");
    let mut text = if audience.to.is_empty() { "nobody".to_owned() } else { listed(&audience.to) };
    if !audience.only.is_empty() {
        text += &format!("; of these only {}", listed(&audience.only));
    }
    if !audience.less.is_empty() {
        text += &format!("; without {}", listed(&audience.less));
    }
    // Of a kept message the sender's other connections always hear.
    text += match audience.me {
        _ if kept => "; the sender's other connections too",
        Me::OtherConnections => "; the sender's other connections too",
        Me::EveryConnection => "; every connection of the sender too",
        Me::Nothing => "; not the sender",
    };
    text
}

struct Teller<'a> {
    example: &'a Value,
    sender: UserId,
}

impl Teller<'_> {
    fn set(&self, set: &Set) -> String {
        match set {
            Set::User(user) if *user == self.sender => "the sender".to_owned(),
            Set::User(user) => match self.field(&json!(user)) {
                Some(field) => format!("the user in `{field}`"),
                None => "one user".to_owned(),
            },
            Set::Users(users) => match self.field(&json!(&users[..])) {
                Some(field) => format!("the users in `{field}`"),
                None => "some users".to_owned(),
            },
            Set::Group(group) => match self.field(&json!(group)) {
                Some(field) => format!("the members of the group in `{field}`"),
                None => "the members of a group".to_owned(),
            },
            Set::Topic(topic) => match self.field(&json!(topic)) {
                Some(field) => format!("the watchers of the topic in `{field}`"),
                None => format!("the watchers of a topic, in the example `{}`", topic.as_str()),
            },
            Set::Everyone => "every connection".to_owned(),
            Set::Of(related) if related.to == self.sender.0 => format!("the sender's {}", related.relation),
            Set::Of(related) => match self.field(&json!(related.to)) {
                Some(field) => format!("the {} of `{field}`", related.relation),
                None => format!("somebody's {}", related.relation),
            },
            // Wire may bring a kind of set before there are words for it.
            _ => "others".to_owned(),
        }
    }

    /// The field of the example that has this value.
    fn field(&self, value: &Value) -> Option<&str> {
        let fields = self.example.as_object()?;
        fields.iter().find(|(_, found)| *found == value).map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use tidings_wire::GroupId;

    use super::*;

    #[test]
    fn fields_are_named_where_ids_come_from_them() {
        let user = UserId::new;
        let told = |audience: Audience, kept| {
            words(&audience, &json!({"to": 2, "group_id": 5, "topic": "score:4", "users": [3, 4]}), user(1), kept)
        };
        let cases = [
            (Audience::user(user(2)), "the user in `to`; not the sender"),
            (Audience::user(user(9)), "one user; not the sender"),
            (Audience::user(user(1)).me(Me::EveryConnection), "the sender; every connection of the sender too"),
            (Audience::users(vec![user(3), user(4)]), "the users in `users`; not the sender"),
            (
                Audience::group(GroupId::new(5)).less_user(user(2)),
                "the members of the group in `group_id`; without the user in `to`; not the sender",
            ),
            (Audience::topic("score:4".parse().unwrap()), "the watchers of the topic in `topic`; not the sender"),
            (
                Audience::topic("post:9".parse().unwrap()),
                "the watchers of a topic, in the example `post:9`; not the sender",
            ),
            (Audience::everyone().me(Me::OtherConnections), "every connection; the sender's other connections too"),
            (
                Audience::user(user(2)).and(Set::of("followers", user(1))),
                "the user in `to`, and the sender's followers; not the sender",
            ),
            (Audience::followers_of(user(2)), "the followers of `to`; not the sender"),
            (Audience::nobody(), "nobody; not the sender"),
        ];
        for (audience, expected) in cases {
            assert_eq!(told(audience, false), expected);
        }
        assert_eq!(told(Audience::user(user(2)), true), "the user in `to`; the sender's other connections too");
    }
}
