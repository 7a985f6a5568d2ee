//! How many messages the failure queues hold, as SQS tells it.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use backup::aws::Cause;

use super::Unread;
use super::stack::{Queue, Stack};

const PERMISSION: &str = "sqs:GetQueueAttributes";

/// The three numbers that make up a queue's depth
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>).
const NUMBERS: [Name; 3] = [
    Name::ApproximateNumberOfMessages,
    Name::ApproximateNumberOfMessagesNotVisible,
    Name::ApproximateNumberOfMessagesDelayed,
];

/// The messages of each queue, those that someone has received and not deleted among them; none where the stack has
/// no such queue.
pub async fn depths(sdk: &SdkConfig, stack: &Stack) -> [Result<Option<u64>, Unread>; 3] {
    let client = Client::new(sdk);
    let [publisher, subscription, copier] =
        Queue::ALL.map(|queue| depth(&client, queue, stack.queue(queue)));
    futures::join!(publisher, subscription, copier).into()
}

async fn depth(client: &Client, queue: Queue, url: Option<&str>) -> Result<Option<u64>, Unread> {
    let Some(url) = url else { return Ok(None) };
    let asked = client
        .get_queue_attributes()
        .queue_url(url)
        .set_attribute_names(Some(NUMBERS.to_vec()));
    let unread = |cause: &Cause| {
        let what = format!("the {}'s failure queue", queue.name());
        Unread::new(what, PERMISSION, cause)
    };
    let answer = asked.send().await.map_err(Cause::from);
    let answer = answer.map_err(|cause| unread(&cause))?;
    let attributes = answer.attributes.unwrap_or_default();
    let number = |name| attributes.get(name)?.parse::<u64>().ok();
    let numbers: Option<Vec<u64>> = NUMBERS.iter().map(number).collect();
    match numbers {
        Some(numbers) => Ok(Some(numbers.iter().sum())),
        None => Err(unread(&Cause::unusable_answer(
            "the answer lacks the number of messages",
        ))),
    }
}
