//! The two buckets of a command, looked at before anything is done with them.

use anyhow::{Result, anyhow};
use aws_config::retry::RetryConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_bucket::HeadBucketError;
use backup::aws::{self, Cause};
use publisher::list;
use publisher::listing::Copies;

use crate::access;

/// Attempts at the first look: who mistyped an address should not wait for a minute to hear it.
const ATTEMPTS: u32 = 3;

/// Which buckets.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Buckets")]
pub struct BucketArgs {
    /// The bucket that is backed up
    #[arg(long, value_name = "BUCKET")]
    pub source: String,
    /// The bucket it is backed up to
    #[arg(long, value_name = "BUCKET")]
    pub dest: String,
    /// What the copies' keys begin with, before their source's
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    pub dest_prefix: String,
    /// The account that must own the source bucket
    #[arg(long, value_name = "ACCOUNT")]
    pub source_bucket_owner: Option<String>,
    /// The account that must own the destination bucket
    #[arg(long, value_name = "ACCOUNT")]
    pub dest_bucket_owner: Option<String>,
    /// Pay for the requests to a source bucket whose owner does not
    #[arg(long)]
    pub requester_pays: bool,
}

/// A bucket that is there.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// How it is reached: in its own region.
    pub sdk: SdkConfig,
    /// The same as a client.
    pub client: Client,
    owner: Option<String>,
    requester_pays: bool,
}

/// Both buckets.
#[derive(Debug, Clone)]
pub struct Buckets {
    /// What is backed up.
    pub source: Bucket,
    /// What it is backed up to.
    pub dest: Bucket,
    /// What the copies' keys begin with.
    pub dest_prefix: String,
}

impl Buckets {
    /// Looks at both, with the credentials of a configuration and each in its own region.
    ///
    /// # Errors
    /// One of them is not there, or not for us.
    pub async fn open(args: &BucketArgs, sdk: &SdkConfig) -> Result<Buckets> {
        let source = Bucket {
            owner: args.source_bucket_owner.clone(),
            requester_pays: args.requester_pays,
            ..Bucket::of(&args.source, sdk.clone())
        };
        let dest = Bucket {
            owner: args.dest_bucket_owner.clone(),
            ..Bucket::of(&args.dest, sdk.clone())
        };
        let (source, dest) = futures::join!(source.found("--source"), dest.found("--dest"));
        Ok(Buckets {
            // What is wrong with the first is often wrong with both, and told once.
            source: source?,
            dest: dest?,
            dest_prefix: args.dest_prefix.clone(),
        })
    }

    /// Where the copies are, for a listing that compares.
    pub fn copies(&self) -> Copies<'_> {
        Copies {
            bucket: self.dest.listed(),
            prefix: &self.dest_prefix,
        }
    }
}

impl Bucket {
    fn of(name: &str, sdk: SdkConfig) -> Bucket {
        Bucket {
            name: name.to_owned(),
            client: client(&sdk),
            sdk,
            owner: None,
            requester_pays: false,
        }
    }

    /// The bucket, in its own region, if it is there and for us.
    async fn found(self, flag: &str) -> Result<Bucket> {
        let Err(error) = self.look().await else {
            return Ok(self);
        };
        let Some(region) = region(&error) else {
            return Err(self.problem(flag, error));
        };
        let sdk = self.sdk.to_builder().region(Region::new(region)).build();
        let there = Bucket {
            client: client(&sdk),
            sdk,
            ..self
        };
        match there.look().await {
            Ok(()) => Ok(there),
            Err(error) => Err(there.problem(flag, error)),
        }
    }

    async fn look(&self) -> Result<(), SdkError<HeadBucketError>> {
        let few = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let requester_pays = self.requester_pays;
        let look = self.client.head_bucket().bucket(&self.name);
        look.set_expected_bucket_owner(self.owner.clone())
            .customize()
            .config_override(Builder::new().retry_config(few))
            .mutate_request(move |request| {
                if requester_pays {
                    // The operation has no parameter for it, and S3 refuses it without.
                    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/ObjectsinRequesterPaysBuckets.html
                    let headers = request.headers_mut();
                    headers.insert("x-amz-request-payer", "requester");
                }
            })
            .send()
            .await?;
        Ok(())
    }

    /// What is wrong with it, and what may help.
    fn problem(&self, flag: &str, error: SdkError<HeadBucketError>) -> anyhow::Error {
        let cause = Cause::from(error);
        let (name, at) = (&self.name, access::place(&self.sdk));
        match cause.status {
            Some(404) => anyhow!(
                "there is no bucket {name:?} {at}: correct {flag}, or the --endpoint-url, --profile and --region"
            ),
            Some(403) => anyhow!(
                "these credentials may not list the bucket {name:?} {at}, or another account owns it than should: \
                 {flag} needs s3:ListBucket; another --profile may have it ({cause})"
            ),
            Some(_) => anyhow!("the bucket {name:?} {at} cannot be used: {cause}; correct {flag}"),
            None => {
                anyhow!("{at} does not answer: {cause}; correct the --endpoint-url or the --region")
            }
        }
    }

    /// The bucket as it is listed.
    pub fn listed(&self) -> list::Bucket<'_> {
        list::Bucket {
            client: &self.client,
            name: &self.name,
            expected_owner: self.owner.as_deref(),
            requester_pays: self.requester_pays,
        }
    }
}

fn client(sdk: &SdkConfig) -> Client {
    let config = Builder::from(sdk).force_path_style(aws::force_path_style(sdk));
    Client::from_conf(config.build())
}

/// The region that S3 says the bucket is in, where it refuses the call for being in another.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
fn region(error: &SdkError<HeadBucketError>) -> Option<String> {
    let response = error.raw_response()?;
    let is_elsewhere = matches!(response.status().as_u16(), 301 | 307 | 400);
    let region = response.headers().get("x-amz-bucket-region")?;
    is_elsewhere.then(|| region.to_owned())
}
