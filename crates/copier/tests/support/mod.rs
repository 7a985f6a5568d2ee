//! A copier over an SDK client whose answers are made up, and the answers of a copy that succeeds.

#![allow(clippy::unwrap_used, dead_code)]

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadOutput;
use aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::upload_part_copy::UploadPartCopyOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ChecksumType, CopyPartResult};
use aws_sdk_s3::{Client, Config};
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, create_mock_http_client, mock};
use backup::env::Environment;
use copier::copy::Copier;
use tokio::sync::Semaphore;

pub const MIB: u64 = 1 << 20;

pub fn copier(rules: &[&Rule]) -> Copier {
    let mut mocked = MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny);
    for rule in rules {
        mocked = mocked.with_rule(rule);
    }
    let client = Client::from_conf(
        Config::builder()
            .behavior_version_latest()
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("a", "s", None, None, "test"))
            .http_client(create_mock_http_client())
            .interceptor(mocked)
            .build(),
    );
    let environment = Environment::from([
        ("SOURCE_BUCKET", "source"),
        ("DEST_BUCKET", "backup"),
        ("PARTS_IN_FLIGHT", "4"),
    ]);
    let config = copier::config::Config::from_env(&environment).unwrap();
    Copier {
        source: client.clone(),
        destination: client,
        config,
        permits: Semaphore::new(4),
    }
}

/// The source's head, of 20 parts; nothing at the destination.
pub fn heads() -> (Rule, Rule) {
    let source = mock!(Client::head_object)
        .match_requests(|head| head.bucket() == Some("source"))
        .then_output(|| {
            HeadObjectOutput::builder()
                .content_length((20 * 64 * MIB) as i64)
                .e_tag("\"source-etag\"")
                .last_modified(DateTime::from_secs(1_467_284_523))
                .checksum_crc64_nvme("c291cmNlY3Jj")
                .checksum_type(ChecksumType::FullObject)
                .build()
        });
    let destination = mock!(Client::head_object)
        .match_requests(|head| head.bucket() == Some("backup"))
        .then_http_response(|| error(404, ""));
    (source, destination)
}

pub fn create() -> Rule {
    mock!(Client::create_multipart_upload).then_output(|| {
        CreateMultipartUploadOutput::builder()
            .upload_id("upload-1")
            .build()
    })
}

pub fn part() -> UploadPartCopyOutput {
    UploadPartCopyOutput::builder()
        .copy_part_result(CopyPartResult::builder().e_tag("\"p\"").build())
        .build()
}

pub fn abort() -> Rule {
    mock!(Client::abort_multipart_upload)
        .match_requests(|abort| abort.upload_id() == Some("upload-1"))
        .then_output(|| AbortMultipartUploadOutput::builder().build())
}

pub fn error(status: u16, code: &str) -> HttpResponse {
    let body = format!("<Error><Code>{code}</Code><Message>made up</Message></Error>");
    HttpResponse::new(
        status.try_into().unwrap(),
        if code.is_empty() { String::new() } else { body }.into(),
    )
}
