//! The demo's verification: every object of the day as `verify --deep` compares it, and the bytes of files.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use aws_sdk_s3::Client;
use backup::aws::Cause;
use backup::object::printable;
use copier::policy::Preserve;
use futures::stream::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use publisher::filter::{Filter, Wanted};
use publisher::list::{Bucket, KeyRange};
use publisher::listing::Copies;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::compared::{Compared, Options, Sides, Verdict};
use super::difference::Difference;
use crate::deployment::source::{DAY_PREFIX, File};
use crate::deployment::{DEST_BUCKET, SOURCE_BUCKET};

/// Files compared at the same time.
const FILES_IN_FLIGHT: usize = 16;

/// Everything that the demo's copies have of their sources.
const EVERYTHING: Options = Options {
    deep: true,
    preserve: Preserve {
        metadata: true,
        tags: true,
        annotations: false,
    },
    storage_class: true,
};

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

/// Compares everything of every object, and the bytes of those that came from a file. Objects that were deleted at the
/// source may have a copy. Calls `compared` after each.
pub async fn verify(
    s3: &Client,
    files: &[File],
    deleted: &BTreeSet<String>,
    compared: impl Fn(),
) -> Result<Verified> {
    let files: BTreeMap<_, _> = files.iter().map(|file| (file.key.as_str(), file)).collect();
    let filter = Filter::new(Wanted::default())?;
    let day = [(None, KeyRange::of(DAY_PREFIX.to_owned()))];
    let keys = sides(s3).compared(day.into_iter(), &filter, EVERYTHING);
    let keys = keys.map(async |key| {
        let key = key?;
        let difference = difference(s3, &key, &files).await?;
        if key.source.is_some() {
            compared();
        }
        anyhow::Ok((key, difference))
    });
    let mut keys = keys.buffer_unordered(FILES_IN_FLIGHT).boxed_local();
    let mut verified = Verified::default();
    let mut written: Option<(Timestamp, Timestamp)> = None;
    let mut extra = Vec::new();
    while let Some((key, difference)) = keys.try_next().await? {
        let copied = key.copy.as_ref();
        if let Some(moment) = copied.and_then(|copy| copy.last_modified) {
            let (oldest, newest) = written.unwrap_or((moment, moment));
            written = Some((oldest.min(moment), newest.max(moment)));
        }
        match key.source {
            Some(source) => {
                verified.sizes.push(source.object.size);
                verified.objects += u64::from(difference.is_none());
                verified.differences.extend(difference);
            }
            None if copied.is_some_and(|copy| deleted.contains(&copy.key)) => (),
            None => extra.extend(difference),
        }
    }
    verified.differences.append(&mut extra);
    verified.last_modified_span_ms = written.map_or(0, |(oldest, newest)| {
        newest.as_millisecond() - oldest.as_millisecond()
    });
    Ok(verified)
}

fn sides(s3: &Client) -> Sides<'_> {
    let bucket = |name| Bucket {
        client: s3,
        name,
        expected_owner: None,
        requester_pays: false,
    };
    Sides {
        source: bucket(SOURCE_BUCKET),
        copies: Copies {
            bucket: bucket(DEST_BUCKET),
            prefix: "",
        },
    }
}

/// How the copy differs from its source or its file, if it does.
async fn difference(
    s3: &Client,
    compared: &Compared,
    files: &BTreeMap<&str, &File>,
) -> Result<Option<String>> {
    if let Verdict::Unknown(reason) = &compared.verdict {
        bail!("{reason}");
    }
    if let Some(difference) = Difference::of(compared) {
        return Ok(Some(difference.line()));
    }
    let key = compared
        .source
        .as_ref()
        .map(|source| source.object.key.as_str());
    match key.and_then(|key| files.get(key)) {
        Some(file) if !same_bytes(s3, file).await? => Ok(Some(format!(
            "{}: its bytes differ from the file's",
            printable(&file.key)
        ))),
        _ => Ok(None),
    }
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
