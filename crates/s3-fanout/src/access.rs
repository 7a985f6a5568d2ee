//! Which services, with whose credentials: AWS, or whatever speaks like it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use backup::aws;

/// How long an attempt of a call waits for its answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The region of a store that has none: signatures need one.
const ANY_REGION: &str = "us-east-1";

/// Whom a command asks.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Access")]
pub struct Access {
    /// Where the services are if not at AWS, such as http://127.0.0.1:9000 [default: AWS_ENDPOINT_URL]
    #[arg(long, value_name = "URL", value_parser = endpoint_url)]
    pub endpoint_url: Option<String>,
    /// The region [default: AWS_REGION, or the profile's]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile of ~/.aws/config whose credentials to use [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

impl Access {
    /// The SDK's configuration, for another region than one's own if one is named.
    ///
    /// # Errors
    /// There are no credentials, or no region is known.
    pub async fn sdk_config(&self, region: Option<&str>) -> Result<SdkConfig> {
        let mut loader = aws::loader(ANSWER_TIMEOUT);
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region.or(self.region.as_deref()) {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let sdk = loader.load().await;
        let sdk = match (sdk.region(), aws::force_path_style(&sdk)) {
            (Some(_), _) => sdk,
            (None, true) => sdk.into_builder().region(Region::new(ANY_REGION)).build(),
            (None, false) => bail!(
                "no region is known; give --region, such as --region eu-west-1, or set AWS_REGION"
            ),
        };
        let credentials = sdk.credentials_provider();
        let credentials = credentials.context("the SDK was built without credentials")?;
        let found = credentials.provide_credentials().await;
        found.map_err(|error| {
            anyhow::anyhow!(
                "no credentials were found ({}); set AWS_PROFILE or --profile, AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or run `aws sso login`",
                aws::chain(&error)
            )
        })?;
        Ok(sdk)
    }
}

/// Who is asked, in words: `in eu-west-1`, or `at http://127.0.0.1:9000`.
pub fn place(sdk: &SdkConfig) -> String {
    match (sdk.endpoint_url(), sdk.region()) {
        (Some(url), _) => format!("at {url}"),
        (None, Some(region)) => format!("in {region}"),
        (None, None) => "at AWS".to_owned(),
    }
}

/// A URL that requests can be sent to.
fn endpoint_url(text: &str) -> Result<String, String> {
    let uri: Option<http::Uri> = text.parse().ok();
    let is_url = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
    });
    match is_url {
        true => Ok(text.to_owned()),
        false => Err("a URL is needed, such as http://127.0.0.1:9000".to_owned()),
    }
}
