//! What a channel does not do, whatever it is told.

use std::time::Duration;

use serde_json::json;
use tidings_notify::{Channel, ChannelError, Delivery};
use tidings_push::{Outbound, OutboundOptions, Webhook, WebhookSecret};
use tidings_wire::server_frames::Notification;

use crate::{
    endpoint::{Answer, Endpoint},
    world::{ANN, SECRET},
};

fn webhook(options: OutboundOptions, url: &str) -> Result<Webhook, String> {
    let outbound = Outbound::new(options).expect("a client");
    Webhook::new(outbound, url, WebhookSecret::read(SECRET).expect("a secret")).map_err(|error| error.to_string())
}

fn delivery() -> Delivery {
    let notification: Notification = serde_json::from_value(json!({
        "seq": 1, "id": "7", "subtype": "post_like", "message": "Bob liked your post", "count": 1, "events": 1,
        "timestamp": 1_750_000_000, "state": "unseen",
    }))
    .expect("a notification");
    Delivery::new("7", ANN, notification)
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_inside_the_network() {
    for host in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:192.168.0.1]"] {
        let error = webhook(OutboundOptions::default(), &format!("https://{host}/hook")).expect_err(host);
        assert!(error.contains("no address on the public internet"), "{error}");
    }
    let error = webhook(OutboundOptions::default(), "http://app.example/hook").expect_err("it is not encrypted");
    assert!(error.contains("https://"), "{error}");
}

#[tokio::test]
async fn nothing_is_sent_where_a_name_leads_inside_the_network() {
    let mut backend = Endpoint::start().await;
    let url = format!("https://localhost:{}/hook", backend.port);
    let webhook = webhook(OutboundOptions::default(), &url).expect("a name");
    match webhook.send(delivery()).await {
        Err(ChannelError::Refused(why)) => {
            assert!(why.contains("localhost is no address on the public internet"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    assert!(backend.rest().is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut backend = Endpoint::start().await;
    let location = Some(backend.url("/inside"));
    backend.answers([Answer { status: 307, location, ..Answer::default() }]);
    let options = OutboundOptions { allow_private: true, ..OutboundOptions::default() };
    let webhook = webhook(options, &backend.url("/hook")).expect("a URL");
    assert!(matches!(webhook.send(delivery()).await, Err(ChannelError::Retry { .. })));
    let paths: Vec<_> = backend.rest().into_iter().map(|came| came.path).collect();
    assert_eq!(paths, ["/hook"]);
}

#[tokio::test]
async fn who_does_not_answer_is_given_up() {
    let backend = Endpoint::start().await;
    backend.holds();
    let options = OutboundOptions { allow_private: true, timeout: Duration::from_millis(200) };
    let webhook = webhook(options, &backend.url("/hook")).expect("a URL");
    match webhook.send(delivery()).await {
        Err(ChannelError::Retry { source, .. }) => assert_eq!(source.to_string(), "no answer in time"),
        other => panic!("{other:?}"),
    }
}
