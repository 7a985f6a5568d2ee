//! The requests that the strategies of others make, with one client.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_s3::Client;
use backup::aws::{self, Cause, SdkConfig};
use backup::object::copy_source;
use tokio::runtime::Handle;

use crate::deployment::source::DAY_PREFIX;
use crate::deployment::{DEST_BUCKET, SOURCE_BUCKET};

/// Longer than a CopyObject of a day's largest object takes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// The configuration of every client here.
pub async fn sdk_config() -> SdkConfig {
    aws::sdk_config(None, ANSWER_TIMEOUT).await
}

/// A client, and the runtime that drives its connections.
#[derive(Debug, Clone)]
pub struct Copies {
    client: Client,
    /// Where threads block.
    pub runtime: Handle,
}

impl Copies {
    /// A client from the environment, in a runtime.
    pub async fn open() -> Copies {
        let sdk = sdk_config().await;
        let config = aws_sdk_s3::config::Builder::from(&sdk)
            .force_path_style(aws::force_path_style(&sdk))
            .build();
        Copies {
            client: Client::from_conf(config),
            runtime: Handle::current(),
        }
    }

    /// A page of the day's keys, of so many, and where the next begins.
    ///
    /// # Errors
    /// S3 does not list.
    pub async fn page(
        &self,
        keys: Option<i32>,
        after: Option<String>,
    ) -> Result<(Vec<String>, Option<String>)> {
        let request = self.client.list_objects_v2().bucket(SOURCE_BUCKET);
        let request = request.prefix(DAY_PREFIX).set_max_keys(keys);
        let answer = request.set_continuation_token(after).send().await;
        let answer = answer.map_err(Cause::from).context("cannot list")?;
        let keys = answer.contents.unwrap_or_default().into_iter();
        Ok((
            keys.filter_map(|object| object.key).collect(),
            answer.next_continuation_token,
        ))
    }

    /// All keys of the day.
    ///
    /// # Errors
    /// S3 does not list.
    pub async fn keys(&self) -> Result<Vec<String>> {
        let (mut keys, mut next) = self.page(None, None).await?;
        while next.is_some() {
            let (more, after) = self.page(None, next).await?;
            keys.extend(more);
            next = after;
        }
        Ok(keys)
    }

    /// Copies an object by one CopyObject.
    ///
    /// # Errors
    /// S3 does not copy.
    pub async fn copy(&self, key: &str) -> Result<()> {
        let source = copy_source(SOURCE_BUCKET, key, None);
        let request = self.client.copy_object().copy_source(source);
        let answer = request.bucket(DEST_BUCKET).key(key).send().await;
        answer
            .map_err(Cause::from)
            .with_context(|| format!("cannot copy {key}"))?;
        Ok(())
    }

    /// An object's size in bytes.
    ///
    /// # Errors
    /// S3 does not tell.
    pub async fn size(&self, key: &str) -> Result<u64> {
        let request = self.client.head_object().bucket(SOURCE_BUCKET).key(key);
        let answer = request.send().await.map_err(Cause::from);
        let answer = answer.with_context(|| format!("cannot look at {key}"))?;
        let size = answer.content_length.context("an object without a size")?;
        Ok(u64::try_from(size)?)
    }
}
