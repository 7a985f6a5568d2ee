//! Amazon SQS: standard queues, for what could not be done.

mod api;
mod error;
mod handle;
mod message;
mod queue;
mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::account::ACCOUNT_ID;

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
        self.create(name, None, None)
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

    /// Creates a queue; what is not given is SQS's default, or what the queue has.
    fn create(
        &self,
        name: &str,
        visibility_timeout: Option<Duration>,
        delay: Option<Duration>,
    ) -> Result<String, Error> {
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
            Some(queue) if visibility_timeout.is_some_and(|t| t != queue.visibility_timeout) => {
                return Err(Error::QueueNameExists("VisibilityTimeout"));
            }
            Some(queue) if delay.is_some_and(|delay| delay != queue.delay) => {
                return Err(Error::QueueNameExists("DelaySeconds"));
            }
            Some(_) => {}
            None => {
                let visibility_timeout = visibility_timeout.unwrap_or(VISIBILITY_TIMEOUT);
                let queue = Queue::new(name, visibility_timeout, delay.unwrap_or_default());
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
