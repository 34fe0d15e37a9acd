//! The subtypes of Tidings' own packs.

use crate::kind::{IN_APP, Kind};

/// Name, title, and sentences by language and form.
type Declared = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

/// Where they go by themselves: those of them that the server has.
const CHANNELS: [&str; 3] = [IN_APP, "web_push", "webhook"];

const KINDS: &[Declared] = &[
    (
        "post_like",
        "Likes of your posts",
        &[
            ("en", "single", "{{ actor }} liked your post"),
            ("en", "one", "{{ actor }} and {{ others }} other liked your post"),
            ("en", "other", "{{ actor }} and {{ others }} others liked your post"),
            ("de", "single", "{{ actor }} gefällt dein Beitrag"),
            ("de", "one", "{{ actor }} und einer weiteren Person gefällt dein Beitrag"),
            ("de", "other", "{{ actor }} und {{ others }} weiteren Personen gefällt dein Beitrag"),
        ],
    ),
    (
        "post_comment",
        "Comments on your posts",
        &[
            ("en", "single", "{{ actor }} commented on your post"),
            ("en", "one", "{{ actor }} and {{ others }} other commented on your post"),
            ("en", "other", "{{ actor }} and {{ others }} others commented on your post"),
            ("de", "single", "{{ actor }} hat deinen Beitrag kommentiert"),
            ("de", "one", "{{ actor }} und eine weitere Person haben deinen Beitrag kommentiert"),
            ("de", "other", "{{ actor }} und {{ others }} weitere Personen haben deinen Beitrag kommentiert"),
        ],
    ),
    (
        "post_share",
        "Shares of your posts",
        &[
            ("en", "single", "{{ actor }} shared your post"),
            ("en", "one", "{{ actor }} and {{ others }} other shared your post"),
            ("en", "other", "{{ actor }} and {{ others }} others shared your post"),
            ("de", "single", "{{ actor }} hat deinen Beitrag geteilt"),
            ("de", "one", "{{ actor }} und eine weitere Person haben deinen Beitrag geteilt"),
            ("de", "other", "{{ actor }} und {{ others }} weitere Personen haben deinen Beitrag geteilt"),
        ],
    ),
    (
        "follow_request",
        "Requests to follow you",
        &[
            ("en", "single", "{{ actor }} wants to follow you"),
            ("en", "one", "{{ actor }} and {{ others }} other want to follow you"),
            ("en", "other", "{{ actor }} and {{ others }} others want to follow you"),
            ("de", "single", "{{ actor }} möchte dir folgen"),
            ("de", "one", "{{ actor }} und eine weitere Person möchten dir folgen"),
            ("de", "other", "{{ actor }} und {{ others }} weitere Personen möchten dir folgen"),
        ],
    ),
    (
        "new_follower",
        "New followers",
        &[
            ("en", "single", "{{ actor }} follows you"),
            ("en", "one", "{{ actor }} and {{ others }} other follow you"),
            ("en", "other", "{{ actor }} and {{ others }} others follow you"),
            ("de", "single", "{{ actor }} folgt dir"),
            ("de", "one", "{{ actor }} und eine weitere Person folgen dir"),
            ("de", "other", "{{ actor }} und {{ others }} weitere Personen folgen dir"),
        ],
    ),
    (
        "mention",
        "Mentions of you",
        &[
            ("en", "single", "{{ actor }} mentioned you"),
            ("en", "one", "{{ actor }} and {{ others }} other mentioned you"),
            ("en", "other", "{{ actor }} and {{ others }} others mentioned you"),
            ("de", "single", "{{ actor }} hat dich erwähnt"),
            ("de", "one", "{{ actor }} und eine weitere Person haben dich erwähnt"),
            ("de", "other", "{{ actor }} und {{ others }} weitere Personen haben dich erwähnt"),
        ],
    ),
];

/// The subtypes that the social pack's acts carry: `post_like`, `post_comment`, `post_share`, `follow_request`, `new_follower`,
/// `mention`; in English and German.
///
/// # Panics
/// Never: a test says each of them.
pub fn standard() -> Vec<Kind> {
    let kind = |(subtype, title, texts): &Declared| {
        let kind = Kind { channels: CHANNELS.map(str::to_owned).to_vec(), ..Kind::new(*subtype, *title) };
        texts.iter().fold(kind, |kind, (language, form, template)| {
            kind.text(language, form, template).expect("a test reads each of them")
        })
    };
    KINDS.iter().map(kind).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::texts::Said;

    #[test]
    fn each_subtype_has_a_sentence_for_one_for_two_and_for_many() {
        for kind in standard() {
            for language in ["en", "de"] {
                let mut said: Vec<_> = [1, 2, 13]
                    .into_iter()
                    .map(|count| {
                        let said = Said { actors: &["Ann".to_owned()], count, events: count, data: &Map::new() };
                        kind.texts.say(Some(language), &said).expect("a sentence")
                    })
                    .collect();
                assert!(said.iter().all(|text| text.starts_with("Ann")), "{said:?}");
                assert!(said[2].contains("12"), "{said:?}");
                said.dedup();
                assert_eq!(said.len(), 3, "{said:?}");
            }
        }
    }
}
