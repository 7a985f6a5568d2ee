//! What of the source's objects arrived in a copy: everything besides the bytes that a backup must keep.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use anyhow::{Context, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::types::ChecksumMode;
use backup::aws::Cause;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::deployment::source::DAY_PREFIX;

/// Objects looked at at the same time.
const LOOKS_IN_FLIGHT: usize = 32;

/// Every object of a bucket, by its key.
pub type Objects = BTreeMap<String, Looked>;

/// An object, as HeadObject and GetObjectTagging show it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Looked {
    /// Its size.
    pub bytes: u64,
    /// Content headers and the storage class.
    headers: [Option<String>; 8],
    metadata: HashMap<String, String>,
    /// In the order of their names.
    tags: Vec<(String, String)>,
    /// Its CRC64NVME, in base64.
    checksum: Option<String>,
}

/// Of how many objects something arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Share {
    /// All.
    Yes,
    /// Not all.
    Some,
    /// None.
    No,
}

/// What arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Content headers, user metadata and storage class. More metadata than the source's does no harm.
    pub metadata: Share,
    /// The same tags.
    pub tags: Share,
    /// The CRC64NVME of the whole object, and the same.
    pub checksums: Share,
}

impl Kept {
    /// Compares the copies with their sources.
    ///
    /// # Errors
    /// Why they are not copies: one is missing, or has another size.
    pub fn compare(sources: &Objects, copies: &Objects) -> Result<Kept, String> {
        let pairs: Vec<_> = sources
            .iter()
            .filter_map(|(key, source)| Some((source, copies.get(key)?)))
            .filter(|(source, copy)| source.bytes == copy.bytes)
            .collect();
        if pairs.len() < sources.len() {
            let (copied, all) = (pairs.len(), sources.len());
            return Err(format!("{copied} of {all} objects were copied"));
        }
        let share = |arrived: fn(&Looked, &Looked) -> bool| {
            Share::of(
                pairs
                    .iter()
                    .filter(|(source, copy)| arrived(source, copy))
                    .count(),
                pairs.len(),
            )
        };
        Ok(Kept {
            metadata: share(Looked::has_metadata_of),
            tags: share(|source, copy| source.tags == copy.tags),
            checksums: share(|source, copy| {
                source.checksum.is_some() && source.checksum == copy.checksum
            }),
        })
    }

    /// The worse of two runs.
    pub fn and(self, other: Kept) -> Kept {
        Kept {
            metadata: self.metadata.and(other.metadata),
            tags: self.tags.and(other.tags),
            checksums: self.checksums.and(other.checksums),
        }
    }
}

impl Looked {
    /// Whether a copy has this source's headers and metadata.
    fn has_metadata_of(source: &Looked, copy: &Looked) -> bool {
        source.headers == copy.headers
            && source
                .metadata
                .iter()
                .all(|(name, value)| copy.metadata.get(name) == Some(value))
    }
}

impl Share {
    fn of(arrived: usize, all: usize) -> Share {
        match arrived {
            0 => Share::No,
            _ if arrived == all => Share::Yes,
            _ => Share::Some,
        }
    }

    fn and(self, other: Share) -> Share {
        match self == other {
            true => self,
            false => Share::Some,
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Share::Yes => "yes",
            Share::Some => "some",
            Share::No => "no",
        })
    }
}

/// Looks at every object of the day in a bucket.
///
/// # Errors
/// The sandbox does not answer.
pub async fn look_at_all(s3: &Client, bucket: &str) -> Result<Objects> {
    let pages = s3.list_objects_v2().bucket(bucket).prefix(DAY_PREFIX);
    let mut pages = pages.into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page
            .map_err(Cause::from)
            .with_context(|| format!("cannot list {bucket}"))?;
        keys.extend(
            page.contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(|object| object.key),
        );
    }
    stream::iter(keys)
        .map(async |key| Ok((key.clone(), look(s3, bucket, &key).await?)))
        .buffer_unordered(LOOKS_IN_FLIGHT)
        .try_collect()
        .await
}

/// Looks at an object.
///
/// # Errors
/// It is missing, or the sandbox does not answer.
pub async fn look(s3: &Client, bucket: &str, key: &str) -> Result<Looked> {
    let head = s3.head_object().bucket(bucket).key(key);
    let head = head.checksum_mode(ChecksumMode::Enabled).send();
    let tags = s3.get_object_tagging().bucket(bucket).key(key).send();
    let (head, tags) = tokio::join!(head, tags);
    let told = || format!("cannot look at {bucket}/{key}");
    let head = head.map_err(Cause::from).with_context(told)?;
    let tags = tags.map_err(Cause::from).with_context(told)?;
    let mut tags: Vec<_> = tags
        .tag_set
        .into_iter()
        .map(|tag| (tag.key, tag.value))
        .collect();
    tags.sort();
    Ok(Looked {
        bytes: head
            .content_length
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or_default(),
        headers: [
            head.cache_control,
            head.content_disposition,
            head.content_encoding,
            head.content_language,
            head.content_type,
            head.expires_string,
            head.website_redirect_location,
            head.storage_class.map(|class| class.to_string()),
        ],
        metadata: head.metadata.unwrap_or_default(),
        tags,
        checksum: head.checksum_crc64_nvme,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Looked {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Looked {
            bytes: 1_000,
            headers: std::array::from_fn(|n| (n == 0).then(|| "max-age=1".to_owned())),
            metadata: [pair("sensor", "7")].into(),
            tags: vec![pair("day", "2016-06-30")],
            checksum: Some("AAAA".to_owned()),
        }
    }

    fn compared(copies: &[Looked]) -> Result<(Share, Share, Share), String> {
        let keyed = |objects: &[Looked]| -> Objects {
            (0..)
                .map(|n: u32| n.to_string())
                .zip(objects.iter().cloned())
                .collect()
        };
        let kept = Kept::compare(&keyed(&[object(), object()]), &keyed(copies))?;
        Ok((kept.metadata, kept.tags, kept.checksums))
    }

    #[test]
    fn what_arrives_with_every_object_arrives() {
        let mut more = object();
        more.metadata.insert("mtime".to_owned(), "1".to_owned());
        assert_eq!(
            compared(&[object(), more]),
            Ok((Share::Yes, Share::Yes, Share::Yes))
        );
    }

    #[test]
    fn what_is_lost_is_told() {
        let lost = |lose: fn(&mut Looked)| {
            let mut copy = object();
            lose(&mut copy);
            copy
        };
        let no_header = lost(|copy| copy.headers[0] = None);
        assert_eq!(
            compared(&[no_header.clone(), no_header]),
            Ok((Share::No, Share::Yes, Share::Yes))
        );
        let no_metadata = lost(|copy| copy.metadata.clear());
        assert_eq!(
            compared(&[no_metadata, object()]),
            Ok((Share::Some, Share::Yes, Share::Yes))
        );
        let no_tags = lost(|copy| copy.tags.clear());
        assert_eq!(
            compared(&[object(), no_tags]),
            Ok((Share::Yes, Share::Some, Share::Yes))
        );
        let other_checksum = lost(|copy| copy.checksum = Some("BBBB".to_owned()));
        assert_eq!(
            compared(&[other_checksum.clone(), other_checksum]),
            Ok((Share::Yes, Share::Yes, Share::No))
        );
    }

    #[test]
    fn what_is_not_copied_is_no_backup() {
        let mut cut = object();
        cut.bytes = 999;
        let expected = Err("1 of 2 objects were copied".to_owned());
        assert_eq!(compared(&[object()]), expected);
        assert_eq!(compared(&[object(), cut]), expected);
    }

    #[test]
    fn runs_that_differ_kept_something_of_some() {
        assert_eq!(Share::Yes.and(Share::Yes), Share::Yes);
        assert_eq!(Share::Yes.and(Share::No), Share::Some);
    }
}
