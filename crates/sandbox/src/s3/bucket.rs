//! A bucket: its keys with their versions, and its uploads.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use s3s::dto::Timestamp;
use s3s::{S3Error, S3Result, s3_error};

use super::error::no_such_key;
use super::object::{Object, Version, now};
use super::states::{self, States};
use super::upload::{Completed, Upload};

/// The id of a version written while versioning was not enabled.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>
pub(super) const NULL_VERSION: &str = "null";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versioning {
    Never,
    Enabled,
    Suspended,
}

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) created: Timestamp,
    pub(super) versioning: Versioning,
    pub(super) requester_pays: bool,
    /// Keys in UTF-8 binary order; versions oldest first, never none.
    pub(super) keys: BTreeMap<String, Vec<Version>>,
    /// By key and upload id; ids ascend with initiation.
    pub(super) uploads: BTreeMap<(String, String), Upload>,
    /// By upload id: what a repeated completion is answered.
    pub(super) completed: HashMap<String, Completed>,
    /// Every object a key ever had, where that is kept.
    pub(super) states: Option<States>,
}

/// What a delete did.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    /// Whether a delete marker was written or removed.
    pub(super) delete_marker: bool,
    pub(super) version_id: Option<String>,
}

impl Bucket {
    pub(super) fn new() -> Self {
        Self {
            created: now(),
            versioning: Versioning::Never,
            requester_pays: false,
            keys: BTreeMap::new(),
            uploads: BTreeMap::new(),
            completed: HashMap::new(),
            states: None,
        }
    }

    /// The current object, if there is one and it is not deleted.
    pub(super) fn current(&self, key: &str) -> Option<&Arc<Object>> {
        self.keys.get(key)?.last()?.object.as_ref()
    }

    /// The version asked for, or the current one; a delete marker is an error that says so.
    ///
    /// # Errors
    ///
    /// NoSuchKey, NoSuchVersion, or MethodNotAllowed for a delete marker asked for by its id.
    pub(super) fn find(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> S3Result<(Arc<Object>, Option<String>)> {
        let version = self.version(key, version_id)?;
        match &version.object {
            Some(object) => Ok((Arc::clone(object), self.reported(&version.id))),
            None if version_id.is_some() => Err(marker_error(
                s3_error!(
                    MethodNotAllowed,
                    "The specified method is not allowed against this resource."
                ),
                version,
            )),
            None => Err(marker_error(no_such_key(), version)),
        }
    }

    fn version(&self, key: &str, version_id: Option<&str>) -> S3Result<&Version> {
        let versions = self.keys.get(key);
        match version_id {
            None => versions
                .and_then(|versions| versions.last())
                .ok_or_else(no_such_key),
            Some(id) => versions
                .and_then(|versions| versions.iter().find(|version| version.id == id))
                .ok_or_else(|| s3_error!(NoSuchVersion, "The specified version does not exist.")),
        }
    }

    /// Replaces the object of a version, as tagging does.
    pub(super) fn update(
        &mut self,
        key: &str,
        version_id: Option<&str>,
        change: impl FnOnce(&mut Object),
    ) -> S3Result<Option<String>> {
        self.find(key, version_id)?;
        let id = self.version(key, version_id)?.id.clone();
        let mut versions = self.keys.get_mut(key).into_iter().flatten();
        let found = versions.find(|version| version.id == id);
        if let Some(object) = found.and_then(|version| version.object.as_mut()) {
            change(Arc::make_mut(object));
            states::keep(&mut self.states, key, object);
        }
        Ok(self.reported(&id))
    }

    /// Writes a new current version and answers the id to report, which an unversioned bucket has none of.
    pub(super) fn insert(&mut self, key: &str, object: Object, fresh_id: String) -> Option<String> {
        let last_modified = object.last_modified.clone();
        let object = Arc::new(object);
        states::keep(&mut self.states, key, &object);
        self.push(key, Some(object), last_modified, fresh_id)
    }

    fn push(
        &mut self,
        key: &str,
        object: Option<Arc<Object>>,
        last_modified: Timestamp,
        fresh_id: String,
    ) -> Option<String> {
        let versions = self.keys.entry(key.to_owned()).or_default();
        let id = if self.versioning == Versioning::Enabled {
            fresh_id
        } else {
            versions.retain(|version| version.id != NULL_VERSION);
            NULL_VERSION.to_owned()
        };
        versions.push(Version {
            id: id.clone(),
            last_modified,
            object,
        });
        self.reported(&id)
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html>
    pub(super) fn delete(
        &mut self,
        key: &str,
        version_id: Option<&str>,
        fresh_id: String,
    ) -> Deleted {
        if let Some(id) = version_id {
            return self.delete_version(key, id);
        }
        if self.versioning == Versioning::Never {
            self.keys.remove(key);
            return Deleted::default();
        }
        Deleted {
            version_id: self.push(key, None, now(), fresh_id),
            delete_marker: true,
        }
    }

    fn delete_version(&mut self, key: &str, id: &str) -> Deleted {
        let mut deleted = Deleted {
            delete_marker: false,
            version_id: Some(id.to_owned()),
        };
        if let Some(versions) = self.keys.get_mut(key) {
            let found = versions.iter().position(|version| version.id == id);
            if let Some(version) = found.map(|index| versions.remove(index)) {
                deleted.delete_marker = version.object.is_none();
            }
            if versions.is_empty() {
                self.keys.remove(key);
            }
        }
        deleted
    }

    /// A bucket that never had versioning reports no version ids.
    fn reported(&self, id: &str) -> Option<String> {
        (self.versioning != Versioning::Never).then(|| id.to_owned())
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html>
fn marker_error(mut error: S3Error, marker: &Version) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::from_str(&marker.id) {
        headers.insert("x-amz-version-id", id);
    }
    error.set_headers(headers);
    error
}
