//! Amazon SNS: topics and their Lambda subscriptions.

pub(crate) mod actions;
mod api;
mod batch;
mod envelope;
mod error;
mod faulty;
mod form;
mod message;
mod quota;
mod topic;
mod watch;
mod xml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use uuid::Uuid;

use crate::account::ACCOUNT_ID;
use crate::cloudwatch::Metrics;
use crate::faults::Faults;
use crate::lambda::{self, Lambda};
use crate::origin::Origin;
use crate::sqs::{Attribute, Attributes, Sqs};
use crate::trace::Trace;

pub(crate) use api::respond;
pub use error::Error;
pub(crate) use form::Form;
pub use watch::Accepted;
pub(crate) use xml::refuse;

use message::Message;
use quota::Quota;
use topic::{Subscription, Topic};
use watch::Watcher;

/// The longest name of a topic
/// (<https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>).
const MAX_NAME_CHARS: usize = 256;

/// The SNS of one sandbox. Clones are the same SNS.
#[derive(Debug, Clone)]
pub struct Sns {
    region: String,
    endpoint_url: String,
    lambda: Lambda,
    sqs: Sqs,
    faults: Arc<Faults>,
    metrics: Arc<Metrics>,
    topics: Arc<Mutex<BTreeMap<String, Topic>>>,
    quota: Arc<Mutex<Option<Quota>>>,
    watcher: Arc<RwLock<Option<Watcher>>>,
}

impl Sns {
    /// An SNS without topics that delivers to the functions of `lambda`.
    pub(crate) fn new(
        region: &str,
        lambda: Lambda,
        sqs: Sqs,
        endpoint_url: &str,
        faults: Arc<Faults>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            region: region.to_owned(),
            endpoint_url: endpoint_url.to_owned(),
            lambda,
            sqs,
            faults,
            metrics,
            topics: Arc::default(),
            quota: Arc::default(),
            watcher: Arc::default(),
        }
    }

    /// Creates a standard topic, or finds the one of that name, and returns its ARN.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a name that SNS would refuse, and for FIFO topics.
    pub fn create_topic(&self, name: &str) -> Result<String, Error> {
        self.create_topic_with(name, None)
    }

    /// Creates a topic as [`Sns::create_topic`] does, whose messages would be encrypted with a KMS key: a publisher's
    /// role then needs the key, too. Nothing is encrypted.
    ///
    /// # Errors
    ///
    /// Those of [`Sns::create_topic`], and [`Error::InvalidParameter`] for another key than the topic of that name has.
    pub fn create_topic_with(&self, name: &str, kms_key_id: Option<&str>) -> Result<String, Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.ends_with(".fifo") {
            let problem = "Topic Name Reason: the sandbox has no FIFO topics";
            return Err(Error::InvalidParameter(problem.to_owned()));
        }
        if !(1..=MAX_NAME_CHARS).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(Error::InvalidParameter("Topic Name".to_owned()));
        }
        let arn = format!("arn:aws:sns:{}:{ACCOUNT_ID}:{name}", self.region);
        let mut topics = self.lock();
        let topic = topics.entry(arn.clone());
        let topic = topic.or_insert_with(|| Topic::encrypted(kms_key_id));
        topic.check_same(kms_key_id)?;
        Ok(arn)
    }

    /// Subscribes a function to a topic, once, and returns the ARN of the subscription.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for the topic, [`Error::InvalidParameter`] for the function's ARN.
    pub fn subscribe(&self, topic_arn: &str, function_arn: &str) -> Result<String, Error> {
        self.subscribe_with(topic_arn, function_arn, None)
    }

    /// Subscribes a function to a topic, with a queue, by its ARN, that gets what the function cannot be handed: what
    /// is published after the function was deleted.
    ///
    /// # Errors
    ///
    /// Those of [`Sns::subscribe`], and [`Error::InvalidParameter`] for the queue's ARN, or for another queue than the
    /// subscription has.
    pub fn subscribe_with(
        &self,
        topic_arn: &str,
        function_arn: &str,
        dead_letters: Option<&str>,
    ) -> Result<String, Error> {
        if let Some(queue) = dead_letters.filter(|queue| !self.sqs.has(queue)) {
            let problem = format!("RedrivePolicy Reason: no queue {queue}");
            return Err(Error::InvalidParameter(problem));
        }
        let mut topics = self.lock();
        let topic = topics.get_mut(topic_arn).ok_or(Error::NotFound)?;
        let subscriptions = &mut topic.subscriptions;
        if !function_arn.starts_with("arn:") || self.lambda.arn_of(function_arn).is_none() {
            let problem = format!("Lambda endpoint Reason: no function {function_arn}");
            return Err(Error::InvalidParameter(problem));
        }
        if let Some(known) = subscriptions.iter().find(|s| s.endpoint == function_arn) {
            if known.dead_letters.as_deref() != dead_letters {
                let problem =
                    "Attributes Reason: Subscription already exists with different attributes";
                return Err(Error::InvalidParameter(problem.to_owned()));
            }
            return Ok(known.arn.clone());
        }
        let arn = format!("{topic_arn}:{}", Uuid::new_v4());
        subscriptions.push(Subscription {
            arn: arn.clone(),
            endpoint: function_arn.to_owned(),
            dead_letters: dead_letters.map(str::to_owned),
        });
        Ok(arn)
    }

    /// Takes so many messages a second from now on, in batches or not, as the quota of a region does; `None`, as at
    /// first, takes any number. A batch that does not fit is refused as a whole, and one of more messages than the
    /// quota never fits.
    pub fn set_quota(&self, messages_per_second: Option<u32>) {
        let quota = messages_per_second.map(|messages| Quota::new(messages, Instant::now()));
        *self.quota() = quota;
    }

    /// Tells of every message that is accepted from now on, as it is accepted and before it is delivered. Nothing of
    /// them is kept here. `tell` must not block.
    pub fn watch(&self, tell: impl Fn(Accepted<'_>) + Send + Sync + 'static) {
        let mut watcher = self.watcher.write().unwrap_or_else(PoisonError::into_inner);
        *watcher = Some(Watcher::new(tell));
    }

    /// Publishes a message without subject and attributes, and returns its id.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for the topic, [`Error::InvalidParameter`] for the message, [`Error::Throttled`] over the
    /// quota.
    pub fn publish(&self, topic_arn: &str, message: &str) -> Result<String, Error> {
        let text = message.to_owned();
        let message = Message {
            text,
            ..Message::default()
        };
        self.admit(1)?;
        self.publish_message(topic_arn, &message, None)
    }

    /// Invokes every subscribed function asynchronously with the message, within the trace of its publisher, as SNS
    /// does even where its own tracing is off (<https://docs.aws.amazon.com/sns/latest/dg/sns-active-tracing.html>).
    fn publish_message(
        &self,
        topic_arn: &str,
        message: &Message,
        trace: Option<&Trace>,
    ) -> Result<String, Error> {
        let subscriptions = self.topic(topic_arn)?.subscriptions;
        message.check()?;
        if let Some(watcher) = self.watcher() {
            watcher.tell(topic_arn, &message.text);
        }
        self.measure("NumberOfMessagesPublished", topic_arn);
        let id = Uuid::new_v4().to_string();
        for subscription in subscriptions {
            let (endpoint_url, arn) = (&self.endpoint_url, &subscription.arn);
            let event = envelope::event(endpoint_url, topic_arn, arn, &id, message);
            for delay in faulty::deliveries(&self.faults, &message.text) {
                let endpoint = &subscription.endpoint;
                let handed = self
                    .lambda
                    .invoke_later(endpoint, event.clone(), delay, trace);
                self.measure(
                    match handed {
                        Ok(_) => "NumberOfNotificationsDelivered",
                        Err(_) => "NumberOfNotificationsFailed",
                    },
                    topic_arn,
                );
                // The largest message fits an event even with every character escaped, and a sandbox that is stopping
                // keeps nothing.
                if let Err(error @ lambda::Error::NotFound(_)) = handed {
                    let letter = envelope::letter(endpoint_url, topic_arn, arn, &id, message);
                    self.bury(&subscription, &letter, &error);
                }
            }
        }
        Ok(id)
    }

    /// Sends what a function cannot be handed to the subscription's queue; without one it is lost, as with SNS.
    fn bury(&self, subscription: &Subscription, letter: &str, error: &lambda::Error) {
        let Some(queue) = &subscription.dead_letters else {
            return;
        };
        let attributes: Attributes = [
            ("RequestID", Uuid::new_v4().to_string()),
            ("ErrorCode", error.status().as_u16().to_string()),
            ("ErrorMessage", error.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), Attribute::text(value)))
        .into();
        self.sqs.send(queue, letter, attributes).expect(
            "queues are never deleted, and hold what SNS carries with room for its envelope",
        );
    }

    /// Counts one more for CloudWatch
    /// (<https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html>).
    fn measure(&self, name: &'static str, topic_arn: &str) {
        let topic = topic_arn.rsplit(':').next().unwrap_or_default();
        self.metrics.add("AWS/SNS", name, topic, 1.0);
    }

    /// Says what publishing needs of the publisher's role.
    fn ask(&self, topic_arn: &str, origin: &Origin) -> Result<(), Error> {
        let topic = self.topic(topic_arn)?;
        if let Some(role) = &origin.role {
            role.needs("sns", "sns:Publish", topic_arn);
            if let Some(key) = &topic.kms_key_id {
                role.needs_key("sns", key);
            }
        }
        Ok(())
    }

    /// Takes room for the messages of one request in the quota, if there is one.
    fn admit(&self, messages: usize) -> Result<(), Error> {
        match &mut *self.quota() {
            Some(quota) => quota.take(messages, Instant::now()),
            None => Ok(()),
        }
    }

    fn watcher(&self) -> Option<Watcher> {
        let watcher = self.watcher.read();
        watcher.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn quota(&self) -> MutexGuard<'_, Option<Quota>> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn topics(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn topic(&self, topic_arn: &str) -> Result<Topic, Error> {
        self.lock().get(topic_arn).cloned().ok_or(Error::NotFound)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
