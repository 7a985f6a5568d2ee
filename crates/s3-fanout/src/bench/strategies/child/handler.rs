//! The strategies of others that are Lambda functions.

use anyhow::{Context, Result};
use backup::aws::Cause;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

use super::calls::{self, Calling, Shape};
use super::s3::{Copies, sdk_config};
use super::threads;

/// Threads that publish.
const PUBLISHING_THREADS: usize = 10;

/// Copies the day with so many threads.
///
/// # Errors
/// The Runtime API does not answer.
pub async fn one_function(concurrency: usize) -> Result<()> {
    let copies = Copies::open().await;
    serve(|_| {
        let copies = copies.clone();
        async move {
            let copied = tokio::task::spawn_blocking(move || threads::pool(&copies, concurrency));
            copied.await.context("the copies have panicked")??;
            Ok(Value::Null)
        }
    })
    .await
}

/// Publishes each key of the day by one Publish, with ten threads.
///
/// # Errors
/// The Runtime API does not answer.
pub async fn publish_2016() -> Result<()> {
    let copies = Copies::open().await;
    let sns = aws_sdk_sns::Client::new(&sdk_config().await);
    let topic = std::env::var("TOPIC_ARN").context("TOPIC_ARN")?;
    serve(|_| {
        let (copies, sns, topic) = (copies.clone(), sns.clone(), topic.clone());
        async move {
            let keys = copies.keys().await?;
            let publish = move |key: String| {
                let request = sns.publish().topic_arn(&topic).message(key);
                let answer = copies.runtime.block_on(request.send());
                answer.map_err(Cause::from).context("cannot publish")?;
                Ok(())
            };
            let published = tokio::task::spawn_blocking(move || {
                threads::each(keys, PUBLISHING_THREADS, publish)
            });
            published.await.context("publishing has panicked")??;
            Ok(Value::Null)
        }
    })
    .await
}

/// Copies the key that is the message.
///
/// # Errors
/// The Runtime API does not answer.
pub async fn copy_2016() -> Result<()> {
    let copies = Copies::open().await;
    serve(|event: Value| {
        let copies = copies.clone();
        async move {
            let key = event["Records"][0]["Sns"]["Message"].as_str();
            copies.copy(key.context("an event without a key")?).await?;
            Ok(Value::Null)
        }
    })
    .await
}

/// Makes small calls, for the keys of the event or for those that it lists, and answers the sum.
///
/// # Errors
/// The Runtime API does not answer.
pub async fn call(how: Calling, shape: Shape) -> Result<()> {
    let copies = Copies::open().await;
    serve(|event: Value| {
        let copies = copies.clone();
        async move {
            let keys = match shape {
                Shape::Ping => serde_json::from_value(event)?,
                Shape::SumSizes => copies.keys().await?,
            };
            Ok(json!(calls::sum(copies, how, keys).await?))
        }
    })
    .await
}

async fn serve<F: Future<Output = Result<Value>>>(work: impl Fn(Value) -> F) -> Result<()> {
    let work = &work;
    let handle = |event: LambdaEvent<Value>| async move {
        let outcome = work(event.payload).await;
        outcome.map_err(|error| Error::from(format!("{error:#}")))
    };
    let served = lambda_runtime::run(service_fn(handle)).await;
    served.map_err(anyhow::Error::from_boxed)
}
