//! The day that is backed up: virtual objects of a real day's sizes, or the files of a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use sandbox::s3::{Attributes, Content, Store};
use walkdir::WalkDir;

use crate::deployment::SOURCE_BUCKET;

/// The prefix of the day that the daily event asks for.
pub const DAY_PREFIX: &str = "2016-06-30/";

/// Fixed, so that every run copies the same bytes.
const SEED: u64 = 20_160_630;

/// The sizes of the job this project was made for, in bytes.
const SIZES: std::ops::RangeInclusive<u64> = 600_000_000..=800_000_000;

/// The size of a small object, in bytes.
const SMALL_BYTES: u64 = 1_000;

/// The shared bytes of virtual objects repeat a block of this many.
const BLOCK_BYTES: usize = 1 << 16;

/// The largest body of a PutObject, in bytes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
const MAX_PUT_BYTES: u64 = 5 << 30;

/// Files uploaded at the same time.
const UPLOADS_IN_FLIGHT: usize = 4;

/// A file that stands for an object.
#[derive(Debug, Clone)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// The object's key.
    pub key: String,
}

/// Puts a day of virtual objects into the source bucket. They hold 600-800 MB each and cost no memory: an
/// object is its own key and then a range of bytes that all of them share.
pub fn put_virtual_day(store: &Store, objects: u32) -> Result<()> {
    let (block, sizes) = virtual_day();
    let shared = Content::repeat(block, *SIZES.end());
    for (number, size) in (0..objects).zip(sizes) {
        let key = format!("{DAY_PREFIX}object-{number:03}.bin");
        let own = Content::bytes(Bytes::from(key.clone()));
        let rest = shared.slice(own.len()..size);
        store.put(
            SOURCE_BUCKET,
            &key,
            Content::concatenate([&own, &rest]),
            attributes(number),
        )?;
    }
    Ok(())
}

/// Puts small objects into the source bucket: the same day, with a kilobyte each.
pub fn put_small(store: &Store, objects: u32) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(SEED);
    for number in 0..objects {
        let mut bytes = vec![0; small_bytes(number) as usize];
        random.fill(&mut bytes);
        let content = Content::bytes(Bytes::from(bytes));
        store.put(
            SOURCE_BUCKET,
            &small_key(number),
            content,
            attributes(number),
        )?;
    }
    Ok(())
}

/// The key of a small object.
pub fn small_key(number: u32) -> String {
    format!("{DAY_PREFIX}small-{number:06}.bin")
}

/// The size of a small object in bytes. They differ, so that a sum that comes out right has counted each once.
pub fn small_bytes(number: u32) -> u64 {
    SMALL_BYTES + u64::from(number % 50)
}

/// The sizes of a day's virtual objects in bytes, one after another without an end.
pub fn virtual_sizes() -> impl Iterator<Item = u64> {
    virtual_day().1
}

/// The block that a day's virtual objects share, and their sizes.
fn virtual_day() -> (Bytes, impl Iterator<Item = u64>) {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut block = vec![0; BLOCK_BYTES];
    random.fill(&mut block);
    let sizes = std::iter::repeat_with(move || random.u64(SIZES));
    (Bytes::from(block), sizes)
}

/// Everything that a multipart copy loses unless it takes care.
fn attributes(number: u32) -> Attributes {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    Attributes {
        cache_control: Some("max-age=86400".to_owned()),
        content_disposition: Some(format!("attachment; filename=\"object-{number:03}.bin\"")),
        content_language: Some("en".to_owned()),
        content_type: Some("application/octet-stream".to_owned()),
        metadata: [
            pair("sensor", format!("station-{}", number % 7)),
            pair("sequence", number.to_string()),
        ]
        .into(),
        tags: vec![
            pair("day", "2016-06-30".to_owned()),
            pair("shift", format!("early = {} + late", number % 3)),
        ],
        ..Attributes::default()
    }
}

/// The files below a folder, as objects of the day.
pub fn files(dir: &Path) -> Result<Vec<File>> {
    ensure!(
        dir.is_dir(),
        "{} is not a folder; --dir takes the folder whose files are the objects",
        dir.display()
    );
    let mut files = Vec::new();
    for entry in WalkDir::new(dir).follow_links(true).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot read all of {}", dir.display()))?;
        if entry.file_type().is_file() {
            files.push(file(dir, entry.into_path())?);
        }
    }
    ensure!(
        !files.is_empty(),
        "{} has no files; --dir takes the folder whose files are the objects",
        dir.display()
    );
    Ok(files)
}

fn file(dir: &Path, path: PathBuf) -> Result<File> {
    let name = path.strip_prefix(dir).unwrap_or(&path).to_str();
    let name = name.with_context(|| {
        format!(
            "the name of {} is not UTF-8, as a key of S3 must be; rename it or move it away",
            path.display()
        )
    })?;
    let key = format!("{DAY_PREFIX}{name}");
    backup::object::check_key(&key)
        .with_context(|| format!("{} cannot be an object", path.display()))?;
    let bytes = path
        .metadata()
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    ensure!(
        bytes <= MAX_PUT_BYTES,
        "{} has {bytes} bytes; the demo puts files of at most {MAX_PUT_BYTES} bytes (5 GiB): move it away",
        path.display()
    );
    Ok(File { path, key })
}

/// Puts the files into the source bucket, over HTTP as any client would.
pub async fn put_files(s3: &Client, files: &[File], put: impl Fn()) -> Result<()> {
    stream::iter(files)
        .map(Ok)
        .try_for_each_concurrent(UPLOADS_IN_FLIGHT, async |file| {
            let body = ByteStream::from_path(&file.path).await;
            let body = body.with_context(|| format!("cannot read {}", file.path.display()))?;
            let answer = s3
                .put_object()
                .bucket(SOURCE_BUCKET)
                .key(&file.key)
                .body(body)
                .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
                .metadata("origin", "a file of a folder")
                .tagging("origin=folder")
                .send()
                .await;
            answer
                .map_err(backup::aws::Cause::from)
                .with_context(|| format!("cannot put {}", file.path.display()))?;
            put();
            anyhow::Ok(())
        })
        .await
}
