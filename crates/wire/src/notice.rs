//! A notice: that something happened which somebody may want to find in their inbox.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{MessageId, Set, UserId};

/// Something happened: a notification for those whom it concerns, committed together with what it tells of.
///
/// What becomes of it (whether it is wanted, what it is joined with, where it goes) is decided by whoever keeps notifications; where
/// nobody does, a notice is dropped.
///
/// ```
/// use tidings_wire::{Notice, UserId};
///
/// let (owner, liker) = (UserId::new(2), UserId::new(7));
/// let liked = Notice::new("post_like").to(owner).by(liker).group("post:9").with("post_id", 9).with("liker_id", 7);
/// // The like is taken back: so is the liker's part in the notification.
/// let unliked = Notice::new("post_like").to(owner).by(liker).group("post:9").taken_back();
/// assert!(!liked.is_taken_back && unliked.is_taken_back);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The kind of notification.
    pub subtype: Cow<'static, str>,
    /// Whom it concerns; none: whoever hears the message that it goes with.
    pub to: Option<Set>,
    /// Who did it; none: the sender of the message that it goes with, if there is one.
    pub actor: Option<UserId>,
    /// What the app says of it: shown as `data`.
    pub data: Map<String, Value>,
    /// What it is joined with: notices of one subtype and one group become one row a recipient. None: never joined.
    pub group: Option<Cow<'static, str>>,
    /// The sentence, for subtypes without one of their own.
    pub text: Option<String>,
    /// It is over: the actor's part is taken out of the row again.
    pub is_taken_back: bool,
    /// Its id, by which is found what became of it; none: it is given one.
    pub id: Option<MessageId>,
}

impl Notice {
    /// A notice of this kind, to whoever hears the message that it goes with.
    pub fn new(subtype: impl Into<Cow<'static, str>>) -> Self {
        Self {
            subtype: subtype.into(),
            to: None,
            actor: None,
            data: Map::new(),
            group: None,
            text: None,
            is_taken_back: false,
            id: None,
        }
    }

    /// To one user.
    #[must_use]
    pub fn to(self, user: UserId) -> Self {
        self.to_set(Set::User(user))
    }

    /// To all of a set: users, a group, the followers of somebody.
    #[must_use]
    pub fn to_set(mut self, set: Set) -> Self {
        self.to = Some(set);
        self
    }

    /// Done by this user.
    #[must_use]
    pub fn by(mut self, actor: UserId) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Joined with the others of this name.
    #[must_use]
    pub fn group(mut self, group: impl Into<Cow<'static, str>>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// A field of its data.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.data.insert(field.into(), value.into());
        self
    }

    /// Its sentence, where the subtype has none of its own.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Found by this id later.
    #[must_use]
    pub fn known_as(mut self, id: MessageId) -> Self {
        self.id = Some(id);
        self
    }

    /// It is over: the actor's part is taken out again.
    #[must_use]
    pub fn taken_back(mut self) -> Self {
        self.is_taken_back = true;
        self
    }
}
