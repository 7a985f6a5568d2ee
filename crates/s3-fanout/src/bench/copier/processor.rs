//! What the copier takes of the processor for an object, beside the same requests made by the SDK alone.

use std::fmt;
use std::io::{Read, Seek};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
};
use backup::object::copy_source;
use copier::plan::{Plan, plan};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::access::Access;
use crate::bench::process;
use crate::deployment::log::Log;
use crate::deployment::source::DAY_PREFIX;
use crate::deployment::{DEST_BUCKET, Deployment, SOURCE_BUCKET, Settings, source};
use crate::figures::{round, spread};
use crate::progress::Step;
use crate::speed::DEFAULT_SIZES;
use crate::{descriptors, interrupt};

/// Objects that each copies.
const OBJECTS: u32 = 100;
/// How often each does.
const RUNS: usize = 5;
/// What the copier may take beyond the requests, in milliseconds an object.
const MOST_MS: f64 = 2.0;

/// User time per object, in milliseconds: medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Processor {
    /// Of `s3-fanout backup --concurrency 1`.
    pub copier_ms: f64,
    /// Of the same requests through the SDK, with nothing decided between them.
    pub requests_ms: f64,
    /// How much more the copier takes.
    pub beyond_ms: f64,
}

impl Processor {
    /// Of the user milliseconds per object of all runs.
    pub fn new(copier: &[f64], requests: &[f64]) -> Processor {
        let median = |figures: &[f64]| {
            let spread = spread(figures.iter().copied());
            spread.map_or(f64::NAN, |[_, median, _]| median)
        };
        let (copier, requests) = (median(copier), median(requests));
        Processor {
            copier_ms: round(copier, 2),
            requests_ms: round(requests, 2),
            beyond_ms: round(copier - requests, 2),
        }
    }

    /// Whether the target was met.
    pub fn is_good(&self) -> bool {
        self.beyond_ms <= MOST_MS
    }
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_good() { "✔" } else { "✘" };
        let (copier, requests, beyond) = (self.copier_ms, self.requests_ms, self.beyond_ms);
        writeln!(
            f,
            "  {mark} User time per object of 600-800 MB: {copier:.2} ms, the same requests through the SDK alone \
             {requests:.2} ms;\n  {beyond:.2} ms beyond them. Target: <= {MOST_MS} ms"
        )
    }
}

/// Lets the copier and the SDK alone copy the same objects in turns, each in a process of its own, over an S3 that
/// takes no time.
///
/// # Errors
/// One of them fails, or the system does not tell what it takes.
pub async fn measure(log: &Log) -> Result<Processor> {
    descriptors::reserve_each(1, 256)?;
    let deployment = Deployment::start(Settings::default(), log.sink()).await?;
    source::put_virtual_day(deployment.sandbox.s3(), OBJECTS)?;
    let step = Step::of("processor", 2 * RUNS as u64, "runs");
    let (mut copier, mut requests) = (Vec::new(), Vec::new());
    for number in 0..RUNS {
        for (what, all) in [("backup", &mut copier), ("requests", &mut requests)] {
            let dest = format!("{DEST_BUCKET}-{what}-{number}");
            deployment.sandbox.s3().create_bucket(&dest)?;
            all.push(user_ms(&deployment, what, &dest).await?);
            step.one_more();
        }
    }
    drop(step);
    deployment.sandbox.shutdown().await;
    Ok(Processor::new(&copier, &requests))
}

/// The user time per object of one run, in milliseconds.
async fn user_ms(deployment: &Deployment, what: &str, dest: &str) -> Result<f64> {
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let mut command = Command::new(program);
    match what {
        "backup" => command.args(["backup", "--concurrency", "1", "--prefix", DAY_PREFIX]),
        _ => command.args(["bench", "requests"]),
    };
    command.args(["--source", SOURCE_BUCKET, "--dest", dest]);
    // No settings of the user's matter.
    command.env_clear().envs(deployment.sandbox.environment());
    let mut stderr = tempfile::tempfile()?;
    command.stderr(stderr.try_clone()?);
    let ran = process::run(command).await?;
    if !ran.status.success() {
        let mut said = String::new();
        stderr.rewind()?;
        stderr.read_to_string(&mut said)?;
        bail!("{what} failed: {}: {said}", ran.status);
    }
    let copies = deployment.s3.list_objects_v2().bucket(dest).send().await?;
    let copied = copies.key_count.unwrap_or_default();
    ensure!(
        copied == OBJECTS as i32,
        "{what} copied {copied} of {OBJECTS} objects"
    );
    let usage = ran
        .usage
        .context("this system does not tell a process's user time")?;
    Ok(usage.user_secs * 1_000.0 / f64::from(OBJECTS))
}

/// Which buckets the SDK alone copies between.
#[derive(Debug, clap::Args)]
pub struct RequestsArgs {
    #[arg(long)]
    source: String,
    #[arg(long)]
    dest: String,
    #[command(flatten)]
    access: Access,
}

/// Makes the requests of a backup, object after object, and decides nothing between them.
///
/// # Errors
/// One of them fails.
pub fn run(args: &RequestsArgs) -> Result<()> {
    interrupt::runtime()?.block_on(async {
        let s3 = aws_sdk_s3::config::Builder::from(&args.access.sdk_config(None).await?);
        let s3 = Client::from_conf(s3.force_path_style(true).build());
        let listed = s3.list_objects_v2().bucket(&args.source).send().await?;
        for object in listed.contents() {
            let key = object.key().context("an object without a key")?;
            let size = u64::try_from(object.size().unwrap_or_default())?;
            copy(&s3, args, key, size).await?;
        }
        Ok(())
    })
}

async fn copy(s3: &Client, args: &RequestsArgs, key: &str, size: u64) -> Result<()> {
    let (source, dest) = (&args.source, &args.dest);
    let look = |bucket: &str| {
        let head = s3.head_object().bucket(bucket).key(key);
        head.checksum_mode(ChecksumMode::Enabled).send()
    };
    // There is nothing at the destination yet.
    let (head, _) = tokio::join!(look(source), look(dest));
    let head = head?;
    let tags = s3
        .get_object_tagging()
        .bucket(source)
        .key(key)
        .send()
        .await?;
    let tags = tags.tag_set().iter().map(|tag| {
        let encoded = |text: &str| {
            text.replace(' ', "%20")
                .replace('=', "%3D")
                .replace('+', "%2B")
        };
        format!("{}={}", encoded(tag.key()), encoded(tag.value()))
    });
    let created = s3.create_multipart_upload().bucket(dest).key(key);
    let created = created
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .checksum_type(ChecksumType::FullObject)
        .set_content_type(head.content_type)
        .set_cache_control(head.cache_control)
        .set_content_disposition(head.content_disposition)
        .set_content_language(head.content_language)
        .set_metadata(head.metadata)
        .tagging(tags.collect::<Vec<_>>().join("&"));
    let upload = created.send().await?.upload_id.context("no upload id")?;
    let Plan::Multipart(parts) = plan(size, DEFAULT_SIZES)? else {
        bail!("{key} is too small for parts");
    };
    let copies = parts.iter().map(async |part| {
        let (first, last) = (part.range.start(), part.range.end());
        let copied = s3
            .upload_part_copy()
            .bucket(dest)
            .key(key)
            .upload_id(&upload);
        let copied = copied
            .part_number(part.number as i32)
            .copy_source(copy_source(source, key, None))
            .copy_source_range(format!("bytes={first}-{last}"))
            .set_copy_source_if_match(head.e_tag.clone());
        let copied = copied.send().await?.copy_part_result.context("no result")?;
        let completed = CompletedPart::builder()
            .part_number(part.number as i32)
            .set_e_tag(copied.e_tag)
            .set_checksum_crc64_nvme(copied.checksum_crc64_nvme);
        anyhow::Ok(completed.build())
    });
    let completed = CompletedMultipartUpload::builder();
    let completed = completed
        .set_parts(Some(try_join_all(copies).await?))
        .build();
    let complete = s3.complete_multipart_upload().bucket(dest).key(key);
    let complete = complete.upload_id(upload).multipart_upload(completed);
    complete
        .checksum_type(ChecksumType::FullObject)
        .set_checksum_crc64_nvme(head.checksum_crc64_nvme)
        .mpu_object_size(size as i64)
        .send()
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_copier_takes_beyond_the_requests_is_judged() {
        let good = Processor::new(&[9.0, 4.0, 5.0], &[1.0, 3.0, 8.0]);
        assert_eq!(
            (good.copier_ms, good.requests_ms, good.beyond_ms),
            (5.0, 3.0, 2.0)
        );
        assert!(good.is_good());
        assert!(!Processor::new(&[5.01], &[3.0]).is_good());
    }
}
