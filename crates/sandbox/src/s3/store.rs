//! The sandbox's buckets behind one lock, and what the demo puts into them without HTTP.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use s3s::{S3Error, S3Result, s3_error};

use super::annotation::Annotations;
use super::attributes::Attributes;
use super::bucket::Bucket;
use super::checksum::{Algorithm, Checksum};
use super::content::Content;
use super::crc::Crc;
use super::digest::{md5_hex, opaque_etag};
use super::error::no_such_bucket;
use super::limits::{KEY_MAX_BYTES, OBJECT_MAX_BYTES};
use super::object::{Object, now};
use super::spool::Spool;
use super::states::States;

/// S3's state: buckets and their objects, in memory and in one temporary file.
///
/// The file has no name and holds uploaded bodies; its space is given back when the store is dropped.
#[derive(Debug)]
pub struct Store {
    region: String,
    buckets: Mutex<BTreeMap<String, Bucket>>,
    pub(super) spool: Spool,
    ids: AtomicU64,
    pub(super) keeps_states: AtomicBool,
}

impl Store {
    /// An empty S3 in a region.
    ///
    /// # Errors
    ///
    /// When there is no room for a temporary file.
    pub fn new(region: &str) -> io::Result<Self> {
        Ok(Self {
            region: region.to_owned(),
            buckets: Mutex::default(),
            spool: Spool::new()?,
            ids: AtomicU64::new(0),
            keeps_states: AtomicBool::new(false),
        })
    }

    /// Creates a bucket.
    ///
    /// # Errors
    ///
    /// InvalidBucketName, or BucketAlreadyOwnedByYou.
    pub fn create_bucket(&self, name: &str) -> S3Result<()> {
        if !s3s::path::check_bucket_name(name) {
            return Err(s3_error!(
                InvalidBucketName,
                "The specified bucket is not valid."
            ));
        }
        let mut buckets = self.lock();
        if buckets.contains_key(name) {
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        let mut bucket = Bucket::new();
        bucket.states = self
            .keeps_states
            .load(Ordering::Relaxed)
            .then(States::default);
        buckets.insert(name.to_owned(), bucket);
        Ok(())
    }

    /// Puts an object without HTTP; it may be virtual and of any size.
    ///
    /// # Errors
    ///
    /// As PutObject: NoSuchBucket, KeyTooLongError, EntityTooLarge, or attributes beyond S3's limits.
    pub fn put(
        &self,
        bucket: &str,
        key: &str,
        content: Content,
        attributes: Attributes,
    ) -> S3Result<()> {
        if key.is_empty() || key.len() > KEY_MAX_BYTES {
            return Err(s3_error!(KeyTooLongError, "Your key is too long"));
        }
        if content.len() > OBJECT_MAX_BYTES {
            return Err(s3_error!(
                EntityTooLarge,
                "Your proposed upload exceeds the maximum allowed object size"
            ));
        }
        attributes.validate()?;
        let crc64 = content
            .crc(Crc::Crc64Nvme)
            .map_err(S3Error::internal_error)?;
        let object = Object {
            etag: opaque_etag(&content).map_err(S3Error::internal_error)?,
            checksum: Checksum::full_object(Algorithm::DEFAULT, Crc::Crc64Nvme.to_base64(crc64)),
            content,
            attributes,
            annotations: Annotations::default(),
            last_modified: now(),
        };
        let id = self.fresh_id();
        self.with_bucket(bucket, |bucket| {
            bucket.insert(key, object, id);
            Ok(())
        })
    }

    /// How many multipart uploads are neither completed nor aborted; none in a bucket that does not exist.
    pub fn open_uploads(&self, bucket: &str) -> usize {
        self.lock()
            .get(bucket)
            .map_or(0, |bucket| bucket.uploads.len())
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Works on one bucket under the lock: briefly, and never across an await.
    pub(super) fn with_bucket<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Bucket) -> S3Result<T>,
    ) -> S3Result<T> {
        work(self.lock().get_mut(name).ok_or_else(no_such_bucket)?)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id of a version or an upload: ascending, and as opaque as S3's.
    pub(super) fn fresh_id(&self) -> String {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        format!("{number:012x}{}", md5_hex(&number.to_be_bytes()))
    }
}
