//! Amazon SQS: standard queues, for what could not be done.

mod api;
mod error;
mod handle;
mod message;
mod queue;
mod receive;
mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::account::ACCOUNT_ID;
use crate::iam::Role;

pub(crate) use api::{refuse, respond};
pub use error::Error;
pub use message::{Attribute, Attributes};
pub use queue::Depth;

use message::Message;
use queue::Queue;

/// The longest name of a queue
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>).
const MAX_NAME_CHARS: usize = 80;

/// How long a received message stays out of sight where nobody says otherwise (same page).
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(30);

/// What a queue can be created with.
#[derive(Debug, Default)]
struct Settings {
    visibility_timeout: Option<Duration>,
    delay: Option<Duration>,
    kms_key_id: Option<String>,
}

impl Settings {
    /// Refuses to create a queue again with others than it has.
    fn check_same(&self, queue: &Queue) -> Result<(), Error> {
        let differs = |given: Option<Duration>, has| given.is_some_and(|given| given != has);
        let key = self.kms_key_id.as_ref();
        let other = if differs(self.visibility_timeout, queue.visibility_timeout) {
            "VisibilityTimeout"
        } else if differs(self.delay, queue.delay) {
            "DelaySeconds"
        } else if key.is_some() && key != queue.kms_key_id.as_ref() {
            "KmsMasterKeyId"
        } else {
            return Ok(());
        };
        Err(Error::QueueNameExists(other))
    }
}

/// The SQS of one sandbox. Clones are the same SQS.
#[derive(Debug, Clone)]
pub struct Sqs {
    region: String,
    endpoint_url: String,
    queues: Arc<Mutex<BTreeMap<String, Arc<Queue>>>>,
}

impl Sqs {
    /// An SQS without queues.
    pub(crate) fn new(region: &str, endpoint_url: &str) -> Self {
        Self {
            region: region.to_owned(),
            endpoint_url: endpoint_url.to_owned(),
            queues: Arc::default(),
        }
    }

    /// Creates a standard queue with SQS's defaults, or finds the one of that name, and returns its URL.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameterValue`] for a name that SQS would refuse, and for FIFO queues.
    pub fn create_queue(&self, name: &str) -> Result<String, Error> {
        self.create(name, Settings::default())
    }

    /// Creates a queue as [`Sqs::create_queue`] does, whose messages would be encrypted with a KMS key: whoever sends
    /// then needs the key, too. Nothing is encrypted.
    ///
    /// # Errors
    ///
    /// Those of [`Sqs::create_queue`], and [`Error::QueueNameExists`] for another key than the queue of that name has.
    pub fn create_queue_with(&self, name: &str, kms_key_id: Option<&str>) -> Result<String, Error> {
        let kms_key_id = kms_key_id.map(str::to_owned);
        let settings = Settings {
            kms_key_id,
            ..Settings::default()
        };
        self.create(name, settings)
    }

    /// The ARN of a queue, given by URL.
    ///
    /// # Errors
    ///
    /// [`Error::QueueDoesNotExist`].
    pub fn arn(&self, url: &str) -> Result<String, Error> {
        Ok(self.arn_of(&self.find(url)?.name))
    }

    /// Sends a message to a queue, given by URL or ARN, and returns its id.
    ///
    /// # Errors
    ///
    /// [`Error::QueueDoesNotExist`], and what SQS would refuse of the message.
    pub fn send(&self, queue: &str, body: &str, attributes: Attributes) -> Result<String, Error> {
        let body = body.to_owned();
        let message = Message { body, attributes };
        Ok(self.find(queue)?.send(message, None)?.to_string())
    }

    /// How many messages a queue, given by URL or ARN, has.
    ///
    /// # Errors
    ///
    /// [`Error::QueueDoesNotExist`].
    pub fn depth(&self, queue: &str) -> Result<Depth, Error> {
        Ok(self.find(queue)?.depth())
    }

    /// The bodies of all messages of a queue, given by URL or ARN, whether visible or not; they stay there.
    ///
    /// # Errors
    ///
    /// [`Error::QueueDoesNotExist`].
    pub fn bodies(&self, queue: &str) -> Result<Vec<String>, Error> {
        Ok(self.find(queue)?.bodies())
    }

    /// The names of all queues, in order.
    pub fn queues(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The URL of a queue, given by name.
    ///
    /// # Errors
    ///
    /// [`Error::QueueDoesNotExist`].
    pub fn url(&self, name: &str) -> Result<String, Error> {
        match self.lock().contains_key(name) {
            true => Ok(self.url_of(name)),
            false => Err(Error::QueueDoesNotExist),
        }
    }

    /// Whether there is a queue of this ARN.
    pub(crate) fn has(&self, arn: &str) -> bool {
        arn.starts_with("arn:") && self.find(arn).is_ok()
    }

    /// Says what sending to a queue, given by ARN, needs of the sender's role.
    pub(crate) fn ask(&self, arn: &str, role: &Role) {
        role.needs("sqs", "sqs:SendMessage", arn);
        let queue = self.find(arn).ok();
        if let Some(key) = queue.as_ref().and_then(|queue| queue.kms_key_id.as_ref()) {
            role.needs_key("sqs", key);
        }
    }

    /// Creates a queue; what is not given is SQS's default, or what the queue has.
    fn create(&self, name: &str, settings: Settings) -> Result<String, Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.ends_with(".fifo") {
            let problem = "the sandbox has no FIFO queues";
            return Err(Error::InvalidParameterValue(problem.to_owned()));
        }
        if !(1..=MAX_NAME_CHARS).contains(&name.len()) || !name.bytes().all(allowed) {
            let problem = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
            return Err(Error::InvalidParameterValue(problem.to_owned()));
        }
        let mut queues = self.lock();
        match queues.get(name) {
            Some(queue) => settings.check_same(queue)?,
            None => {
                let visibility_timeout = settings.visibility_timeout.unwrap_or(VISIBILITY_TIMEOUT);
                let delay = settings.delay.unwrap_or_default();
                let mut queue = Queue::new(name, visibility_timeout, delay);
                queue.kms_key_id = settings.kms_key_id;
                queues.insert(name.to_owned(), Arc::new(queue));
            }
        }
        Ok(self.url_of(name))
    }

    /// A queue by URL, whatever host that names, or by ARN.
    fn find(&self, given: &str) -> Result<Arc<Queue>, Error> {
        let arn = self.arn_of("");
        let name = given.strip_prefix(&arn).or_else(|| {
            let (rest, name) = given.rsplit_once('/')?;
            rest.ends_with(&format!("/{ACCOUNT_ID}")).then_some(name)
        });
        let queues = self.lock();
        let queue = name.and_then(|name| queues.get(name));
        queue.cloned().ok_or(Error::QueueDoesNotExist)
    }

    fn arn_of(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT_ID}:{name}", self.region)
    }

    fn url_of(&self, name: &str) -> String {
        format!("{}/{ACCOUNT_ID}/{name}", self.endpoint_url)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
