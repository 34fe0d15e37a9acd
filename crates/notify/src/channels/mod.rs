//! When nobody looks: what of the inbox goes out on other channels.
//!
//! | file | holds |
//! |---|---|
//! | `channel` | the port [`Channel`] |
//! | `deliveries` | what a notice writes beside its row; what the worker knows without asking the store |
//! | `worker` | what is due is decided about, sent, repeated, or laid aside |
//! | `letters` | what could not be sent: the list, and sending it once more |
//! | `subscriptions` | where a user's devices are reached; what goes with an erasure |
//! | `sql` | every statement |

mod channel;
mod deliveries;
mod letters;
pub(crate) mod sql;
pub(crate) mod subscriptions;
mod worker;

pub use channel::{
    Addressed, Channel, ChannelError, Delivery, DeliverySettings, Sent, Subscription, SubscriptionKeys,
    SubscriptionKind,
};
pub(crate) use deliveries::{Channels, deliver};
pub(crate) use letters::{Letter, letters, replay};
pub(crate) use subscriptions::{subscribe, unsubscribe};
pub(crate) use worker::run;
