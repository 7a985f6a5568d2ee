//! A queue between a topic and a Lambda that do not know each other: moto's SNS starts no process.

use serde_json::{Value, json};
use tests::event;

use crate::api::Api;

/// The queue that the topic is subscribed to.
pub struct Queue {
    api: Api,
    url: String,
}

impl Queue {
    /// Makes the queue.
    pub async fn create(api: Api) -> Queue {
        let order = json!({"QueueName": "copier"});
        let answer = api.target("sqs", "AmazonSQS.CreateQueue", &order).await;
        let url = answer.body["QueueUrl"].as_str().unwrap().to_owned();
        Queue { api, url }
    }

    /// Takes every message, as Lambda would be given it; publishing has put them there already.
    pub async fn events(&self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let order =
                json!({"QueueUrl": self.url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 3600});
            let answer = self
                .api
                .target("sqs", "AmazonSQS.ReceiveMessage", &order)
                .await;
            let Some(messages) = answer.body["Messages"]
                .as_array()
                .filter(|some| !some.is_empty())
            else {
                return all;
            };
            let bodies = messages
                .iter()
                .map(|message| message["Body"].as_str().unwrap());
            all.extend(bodies.map(|body| sns_event(serde_json::from_str(body).unwrap())));
        }
    }
}

/// What Lambda would be given for a notification: SNS spells two fields otherwise there.
fn sns_event(mut notification: Value) -> Value {
    let fields = notification.as_object_mut().unwrap();
    for (elsewhere, here) in [
        ("SigningCertURL", "SigningCertUrl"),
        ("UnsubscribeURL", "UnsubscribeUrl"),
    ] {
        let value = fields.remove(elsewhere).unwrap();
        fields.insert(here.to_owned(), value);
    }
    let mut event = event("copier-bare-key");
    event["Records"][0]["Sns"] = notification;
    event
}
