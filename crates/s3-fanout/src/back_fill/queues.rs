//! The failure queues while a back-fill runs.

use anyhow::{Result, anyhow};
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use backup::aws::Cause;

/// The failure queues.
#[derive(Debug)]
pub struct Queues {
    client: Client,
    urls: Vec<String>,
    before: u64,
}

impl Queues {
    /// The queues of these URLs, and how many messages they have by now.
    ///
    /// # Errors
    /// One of them cannot be looked at.
    pub async fn open(sdk: &SdkConfig, urls: &[String]) -> Result<Queues> {
        let mut queues = Queues {
            client: Client::new(sdk),
            urls: urls.to_vec(),
            before: 0,
        };
        queues.before = queues.depth().await?;
        Ok(queues)
    }

    /// Messages that came since.
    ///
    /// # Errors
    /// A queue cannot be looked at.
    pub async fn added(&self) -> Result<u64> {
        Ok(self.depth().await?.saturating_sub(self.before))
    }

    async fn depth(&self) -> Result<u64> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let mut depth = 0;
        for url in &self.urls {
            let look = self.client.get_queue_attributes().queue_url(url);
            let look = look.set_attribute_names(Some(names.to_vec())).send().await;
            let answer = look.map_err(|error| {
                let cause = Cause::from(error);
                anyhow!(
                    "the queue {url} cannot be looked at: {cause}; --queue takes the stack's output \
                     CopierFailureQueueUrl, and needs sqs:GetQueueAttributes"
                )
            })?;
            let count = |name| answer.attributes()?.get(name)?.parse::<u64>().ok();
            depth += names.iter().filter_map(count).sum::<u64>();
        }
        Ok(depth)
    }
}
