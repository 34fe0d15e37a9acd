//! The channels on which notifications go out, as `[channels]`, `[push]` and `[webhooks]` have them.

use std::{path::Path, sync::Arc};

use tidings_notify::{Channel, DeliverySettings, Notify};
use tidings_push::{Outbound, OutboundError, OutboundOptions, Webhook, WebhookSecret};

use super::{failure::Failure, secret_file};
use crate::configuration::{ChannelsSection, Configuration, PushSection, WebhooksSection};

/// The channels that are configured.
#[derive(Clone, Default)]
pub(super) struct Channels {
    channels: Vec<Arc<dyn Channel>>,
    settings: DeliverySettings,
}

/// Whether a key that is not there yet is made and kept, or only looked at what would be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    Make,
    Look,
}

impl Channels {
    /// Reads keys and URLs. Nothing is sent.
    ///
    /// # Errors
    /// What is wrong with the first setting that can't be used: exit code 2.
    pub(super) fn open(configuration: &Configuration, keys: Keys) -> Result<Self, Failure> {
        let section = &configuration.channels;
        let ChannelsSection { delay, tries, first_pause, longest_pause, at_once, .. } = section.clone();
        let settings = DeliverySettings {
            delay: delay.0,
            tries,
            first_pause: first_pause.0,
            longest_pause: longest_pause.0,
            at_once,
        };
        let mut channels = Vec::new();
        if let Some(contact) = &configuration.push.contact {
            let folder = &configuration.server.data;
            channels.push(web_push(&configuration.push, section, contact, (folder, keys))?);
        }
        if let Some(url) = &configuration.webhooks.url {
            channels.push(webhook(&configuration.webhooks, section, url)?);
        }
        Ok(Self { channels, settings })
    }

    /// The pack with these channels.
    pub(super) fn add_to(&self, notify: Notify) -> Notify {
        let notify = notify.deliveries(self.settings);
        self.channels.iter().cloned().fold(notify, Notify::channel)
    }
}

fn outbound(section: &ChannelsSection, allow_private: bool) -> Result<Outbound, Failure> {
    let options = OutboundOptions { timeout: section.timeout.0, allow_private };
    Outbound::new(options).map_err(Failure::from)
}

fn webhook(webhooks: &WebhooksSection, section: &ChannelsSection, url: &str) -> Result<Arc<dyn Channel>, Failure> {
    let (setting, secret) = match (&webhooks.secret, &webhooks.secret_file) {
        (Some(secret), _) => ("webhooks.secret", secret.reveal().to_owned()),
        (None, Some(path)) => ("webhooks.secret_file", read("webhooks.secret_file", path)?),
        // The configuration was checked: there is one.
        (None, None) => ("webhooks.secret", String::new()),
    };
    let secret = WebhookSecret::read(&secret).map_err(|error| Failure::Usage(format!("`{setting}`: {error}")))?;
    let outbound = outbound(section, webhooks.allow_private)?;
    let webhook = Webhook::new(outbound, url, secret).map_err(|error| match error {
        OutboundError::Url(problem) => Failure::Usage(format!("`webhooks.url`: {problem}")),
        error => Failure::from(error),
    });
    Ok(Arc::new(webhook?))
}

fn read(setting: &str, path: &Path) -> Result<String, Failure> {
    secret_file::read(path).map_err(|error| Failure::Usage(format!("{setting}: {error:#}")))
}

#[cfg(not(feature = "web-push"))]
fn web_push(_: &PushSection, _: &ChannelsSection, _: &str, _: (&Path, Keys)) -> Result<Arc<dyn Channel>, Failure> {
    let what = "`push.contact` switches Web Push on, which this build lacks: build it with `--features web-push`";
    Err(Failure::Usage(what.to_owned()))
}

#[cfg(feature = "web-push")]
fn web_push(
    push: &PushSection,
    section: &ChannelsSection,
    contact: &str,
    (folder, keys): (&Path, Keys),
) -> Result<Arc<dyn Channel>, Failure> {
    use tidings_push::{VapidKey, WebPush, WebPushOptions};

    /// The file's name within the data folder.
    const NAME: &str = "vapid.key";

    let key = match (&push.key_file, keys) {
        (Some(path), _) => read("push.key_file", path)?,
        (None, Keys::Make) => secret_file::ensure_of(folder, NAME, VapidKey::random().private())?.secret,
        (None, Keys::Look) if folder.join(NAME).exists() => read("push.contact", &folder.join(NAME))?,
        (None, Keys::Look) => VapidKey::random().private().to_owned(),
    };
    let key = VapidKey::read(&key).map_err(|error| Failure::Usage(format!("`push.key_file`: {error}")))?;
    let options = WebPushOptions { contact: contact.to_owned(), ttl: push.ttl.0 };
    Ok(Arc::new(WebPush::new(outbound(section, push.allow_private)?, key, options)))
}
