//! Compares every object of the day with its copy, by what S3 shows of both.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use backup::aws::Cause;
use backup::object::ObjectRef;
use futures::stream::{self, StreamExt, TryStreamExt};
use publisher::list::{self, Bucket, Listed};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::deployment::{DEST_BUCKET, SOURCE_BUCKET};
use crate::source::{DAY_PREFIX, File};

/// Objects compared at the same time.
const IN_FLIGHT: usize = 16;

/// What the comparison found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Objects whose copy is the same.
    pub objects: u64,
    /// The sizes of all source objects, in bytes.
    pub sizes: Vec<u64>,
    /// A line for every object whose copy is missing or different.
    pub differences: Vec<String>,
    /// The newest less the oldest change at the destination, in milliseconds; S3 keeps whole seconds.
    pub last_modified_span_ms: i64,
}

/// Compares size, full-object checksum, content headers, user metadata and tags of every object, and the
/// bytes of those that came from a file. Objects that were deleted at the source may have a copy. Calls `compared`
/// after each.
pub async fn verify(
    s3: &Client,
    files: &[File],
    deleted: &BTreeSet<String>,
    compared: impl Fn(),
) -> Result<Verified> {
    let source = list(s3, SOURCE_BUCKET).await?;
    let copies = list(s3, DEST_BUCKET).await?;
    let changes = || {
        copies
            .values()
            .filter_map(|object| Some(object.last_modified?.as_millisecond()))
    };
    let span = changes()
        .max()
        .zip(changes().min())
        .map_or(0, |(newest, oldest)| newest - oldest);
    let files: BTreeMap<_, _> = files.iter().map(|file| (file.key.as_str(), file)).collect();
    let differences: Vec<_> = stream::iter(source.keys())
        .map(async |key| {
            let difference = difference(s3, key, files.get(key.as_str()).copied()).await?;
            compared();
            anyhow::Ok(difference.map(|what| format!("{}: {what}", backup::object::printable(key))))
        })
        .buffer_unordered(IN_FLIGHT)
        .try_filter_map(async |difference| Ok(difference))
        .try_collect()
        .await?;
    let extra = copies
        .keys()
        .filter(|key| !source.contains_key(*key) && !deleted.contains(*key));
    let extra = extra.map(|key| format!("{}: not in the source", backup::object::printable(key)));
    Ok(Verified {
        objects: (source.len() - differences.len()) as u64,
        sizes: source.values().map(|object| object.size).collect(),
        differences: differences.into_iter().chain(extra).collect(),
        last_modified_span_ms: span,
    })
}

async fn list(s3: &Client, name: &str) -> Result<BTreeMap<String, ObjectRef>> {
    let bucket = Bucket {
        client: s3,
        name,
        expected_owner: None,
        requester_pays: false,
    };
    let pages = list::pages(bucket, DAY_PREFIX.to_owned(), String::new());
    let pages: Vec<Vec<Listed>> = pages.try_collect().await?;
    let objects = pages.into_iter().flatten();
    Ok(objects
        .map(|Listed { object, .. }| (object.key.clone(), object))
        .collect())
}

/// How the copy differs from its source, if it does.
async fn difference(s3: &Client, key: &str, file: Option<&File>) -> Result<Option<String>> {
    let (source, copy) =
        futures::try_join!(shown(s3, SOURCE_BUCKET, key), shown(s3, DEST_BUCKET, key))?;
    let source = source.with_context(|| format!("{key} has left the source"))?;
    let Some(copy) = copy else {
        return Ok(Some("not copied".to_owned()));
    };
    for ((what, ours), (_, theirs)) in source.into_iter().zip(copy) {
        if ours != theirs {
            return Ok(Some(format!("{what} is {theirs:?} and should be {ours:?}")));
        }
    }
    match file {
        Some(file) if !same_bytes(s3, file).await? => {
            Ok(Some("its bytes differ from the file's".to_owned()))
        }
        _ => Ok(None),
    }
}

/// All that a copy must preserve, by name.
async fn shown(
    s3: &Client,
    bucket: &str,
    key: &str,
) -> Result<Option<Vec<(&'static str, String)>>> {
    let head = s3
        .head_object()
        .bucket(bucket)
        .key(key)
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await;
    let head = match head.map_err(Cause::from) {
        Ok(head) => head,
        Err(cause) if cause.status == Some(404) => return Ok(None),
        Err(cause) => return Err(cause).with_context(|| format!("cannot look at {bucket}/{key}")),
    };
    let tags = s3
        .get_object_tagging()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .map_err(Cause::from);
    let tags = tags.with_context(|| format!("cannot read the tags of {bucket}/{key}"))?;
    let tags: BTreeMap<_, _> = tags
        .tag_set()
        .iter()
        .map(|tag| (tag.key(), tag.value()))
        .collect();
    let mut shown = headers(&head);
    shown.push(("tags", format!("{tags:?}")));
    Ok(Some(shown))
}

fn headers(head: &HeadObjectOutput) -> Vec<(&'static str, String)> {
    let text = |value: Option<&str>| value.unwrap_or("none").to_owned();
    let metadata: BTreeMap<_, _> = head.metadata().into_iter().flatten().collect();
    vec![
        ("size", head.content_length().unwrap_or(-1).to_string()),
        ("CRC64NVME", text(head.checksum_crc64_nvme())),
        ("Cache-Control", text(head.cache_control())),
        ("Content-Disposition", text(head.content_disposition())),
        ("Content-Encoding", text(head.content_encoding())),
        ("Content-Language", text(head.content_language())),
        ("Content-Type", text(head.content_type())),
        ("Expires", text(head.expires_string())),
        ("website redirect", text(head.website_redirect_location())),
        (
            "storage class",
            text(head.storage_class().map(|class| class.as_str())),
        ),
        ("user metadata", format!("{metadata:?}")),
    ]
}

async fn same_bytes(s3: &Client, file: &File) -> Result<bool> {
    let copy = s3
        .get_object()
        .bucket(DEST_BUCKET)
        .key(&file.key)
        .send()
        .await
        .map_err(Cause::from);
    let copy = copy.with_context(|| format!("cannot read the copy of {}", file.path.display()))?;
    let original = tokio::fs::File::open(&file.path).await;
    let original = original.with_context(|| format!("cannot read {}", file.path.display()))?;
    Ok(equal(original, copy.body.into_async_read()).await?)
}

async fn equal(
    mut left: impl AsyncRead + Unpin,
    mut right: impl AsyncRead + Unpin,
) -> std::io::Result<bool> {
    const BLOCK: u64 = 1 << 16;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    loop {
        ours.clear();
        theirs.clear();
        (&mut left).take(BLOCK).read_to_end(&mut ours).await?;
        (&mut right).take(BLOCK).read_to_end(&mut theirs).await?;
        if ours != theirs {
            return Ok(false);
        }
        if ours.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Deployment, Settings};
    use sandbox::lambda::Logs;
    use sandbox::s3::{Attributes, Content};

    #[tokio::test]
    async fn names_every_way_in_which_a_copy_is_not_its_source() {
        let settings = Settings {
            copiers: 1,
            ..Settings::default()
        };
        let deployment = Deployment::start(settings, Logs::default()).await.unwrap();
        let put = |bucket: &str, name: &str, bytes: &'static [u8], attributes: &Attributes| {
            let content = Content::bytes(bytes.into());
            let key = format!("{DAY_PREFIX}{name}");
            deployment
                .sandbox
                .s3()
                .put(bucket, &key, content, attributes.clone())
                .unwrap();
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let plain = Attributes::default();
        let typed = Attributes {
            content_type: Some("text/plain".to_owned()),
            ..plain.clone()
        };
        let described = Attributes {
            metadata: [pair("a", "1")].into(),
            ..plain.clone()
        };
        let tagged = Attributes {
            tags: vec![pair("a", "1")],
            ..plain.clone()
        };
        let cold = Attributes {
            storage_class: Some("STANDARD_IA".to_owned()),
            ..plain.clone()
        };
        for (name, copy, attributes) in [
            ("same", Some(&b"bytes"[..]), &plain),
            ("missing", None, &plain),
            ("longer", Some(b"bytes!"), &plain),
            ("other", Some(b"Bytes"), &plain),
            ("type", Some(b"bytes"), &typed),
            ("metadata", Some(b"bytes"), &described),
            ("tags", Some(b"bytes"), &tagged),
            ("class", Some(b"bytes"), &cold),
        ] {
            put(SOURCE_BUCKET, name, b"bytes", &plain);
            if let Some(copy) = copy {
                put(DEST_BUCKET, name, copy, attributes);
            }
        }
        put(DEST_BUCKET, "extra", b"bytes", &plain);
        put(DEST_BUCKET, "deleted", b"bytes", &plain);
        let deleted = [format!("{DAY_PREFIX}deleted")].into();
        let verified = verify(&deployment.s3, &[], &deleted, || ()).await.unwrap();
        assert_eq!(verified.objects, 1);
        let mut differences = verified.differences;
        differences.sort();
        let expected = [
            (
                "class",
                "storage class is \"STANDARD_IA\" and should be \"none\"",
            ),
            ("extra", "not in the source"),
            ("longer", "size is \"6\" and should be \"5\""),
            ("metadata", "user metadata is"),
            ("missing", "not copied"),
            ("other", "CRC64NVME is"),
            ("tags", "tags is"),
            ("type", "Content-Type is \"text/plain\""),
        ];
        assert_eq!(differences.len(), expected.len(), "{differences:?}");
        for (difference, (name, what)) in differences.iter().zip(expected) {
            assert!(
                difference.starts_with(&format!("2016-06-30/{name}: {what}")),
                "{difference}"
            );
        }
    }

    #[tokio::test]
    async fn bytes_are_equal_to_the_last_one() {
        let long = vec![7; 200_000];
        assert!(equal(&long[..], &long[..]).await.unwrap());
        assert!(!equal(&long[..], &long[1..]).await.unwrap());
        assert!(!equal(&long[1..], &long[..]).await.unwrap());
        let mut other = long.clone();
        other[199_999] = 8;
        assert!(!equal(&long[..], &other[..]).await.unwrap());
        assert!(equal(&b""[..], &b""[..]).await.unwrap());
    }
}
