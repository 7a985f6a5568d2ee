//! An object and its copy side by side, by what S3 shows of each beyond a listing.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{ChecksumMode, RequestPayer};
use backup::aws::Cause;
use backup::object::{s3_uri, written_after};
use copier::checksum::{Checksum, FullObjectChecksum};
use publisher::list::Bucket;

use super::compared::{Options, Proof, Sides, Verdict};

/// A way in which a copy is not as its source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aspect {
    /// Its name for programs.
    pub name: &'static str,
    /// The same for people.
    pub text: String,
}

impl Aspect {
    /// The copy shows something else than its source. Debug's notation keeps control characters from a terminal.
    pub fn new(
        name: &'static str,
        what: &str,
        ours: impl ToString,
        theirs: impl ToString,
    ) -> Aspect {
        Aspect {
            name,
            text: format!(
                "{what} is {:?} and should be {:?}",
                theirs.to_string(),
                ours.to_string()
            ),
        }
    }
}

/// What an object shows.
struct Shown {
    head: HeadObjectOutput,
    tags: Option<String>,
}

/// Looks at both and compares them.
pub async fn look(sides: Sides<'_>, key: &str, options: Options) -> Verdict {
    let with_tags = options.deep && options.preserve.tags;
    let copy_key = format!("{}{key}", sides.copies.prefix);
    let both = futures::try_join!(
        shown(sides.source, key, with_tags),
        shown(sides.copies.bucket, &copy_key, with_tags)
    );
    match both {
        Err(reason) => Verdict::Unknown(reason),
        Ok((None, _)) => Verdict::Unknown("was deleted at the source meanwhile".to_owned()),
        Ok((_, None)) => Verdict::Missing,
        Ok((Some(source), Some(copy))) => compare(&source, &copy, options),
    }
}

fn compare(source: &Shown, copy: &Shown, options: Options) -> Verdict {
    let (mut aspects, proof) = contents(&source.head, &copy.head);
    let pairs = |head: &HeadObjectOutput| {
        let mut all = Vec::new();
        if options.preserve.metadata {
            all.extend(headers(head));
        }
        if options.storage_class {
            let class = head.storage_class().map(|class| class.as_str());
            all.push(("storage_class", "storage class", text(class)));
        }
        all
    };
    let described = pairs(&source.head).into_iter().zip(pairs(&copy.head));
    for ((name, what, ours), (_, _, theirs)) in described {
        if ours != theirs {
            aspects.push(Aspect::new(name, what, ours, theirs));
        }
    }
    if source.tags != copy.tags {
        let tags = |shown: &Shown| shown.tags.clone().unwrap_or_default();
        aspects.push(Aspect::new("tags", "tags", tags(source), tags(copy)));
    }
    match proof {
        Some(proof) if aspects.is_empty() => Verdict::Same(proof),
        _ => Verdict::Different(aspects),
    }
}

/// Whether the bytes are the same, by the copier's rule: checksums decide where they can be compared, else times do.
fn contents(source: &HeadObjectOutput, copy: &HeadObjectOutput) -> (Vec<Aspect>, Option<Proof>) {
    let size = |head: &HeadObjectOutput| head.content_length().unwrap_or(-1);
    if size(source) != size(copy) {
        let aspect = Aspect::new("size", "size", size(source), size(copy));
        return (vec![aspect], None);
    }
    let checksums = (source.full_object_checksum(), copy.full_object_checksum());
    if let (Some(ours), Some(theirs)) = &checksums
        && ours.algorithm == theirs.algorithm
    {
        if ours == theirs {
            return (Vec::new(), Some(Proof::Checksum));
        }
        let algorithm = ours.algorithm.as_str();
        let aspect = Aspect::new("checksum", algorithm, &ours.value, &theirs.value);
        return (vec![aspect], None);
    }
    let secs = |head: &HeadObjectOutput| head.last_modified().map(DateTime::secs);
    if written_after(secs(copy), secs(source)) {
        return (Vec::new(), Some(Proof::Time));
    }
    let of = |checksum: Option<Checksum>| {
        checksum.map_or("none".to_owned(), |it| it.algorithm.as_str().to_owned())
    };
    let time = |head: &HeadObjectOutput| {
        let written = head.last_modified();
        let written = written.and_then(|at| at.fmt(DateTimeFormat::DateTime).ok());
        written.unwrap_or_else(|| "an unknown time".to_owned())
    };
    let text = format!(
        "was written at {}, not after its source's last change at {}, and no checksum that both have shows it is the \
         same (source: {}, copy: {})",
        time(copy),
        time(source),
        of(checksums.0),
        of(checksums.1)
    );
    let aspect = Aspect { name: "age", text };
    (vec![aspect], None)
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or("none").to_owned()
}

/// What its owner said of it: names for programs and for people, and values.
fn headers(head: &HeadObjectOutput) -> [(&'static str, &'static str, String); 8] {
    let metadata: BTreeMap<_, _> = head.metadata().into_iter().flatten().collect();
    [
        ("cache_control", "Cache-Control", text(head.cache_control())),
        (
            "content_disposition",
            "Content-Disposition",
            text(head.content_disposition()),
        ),
        (
            "content_encoding",
            "Content-Encoding",
            text(head.content_encoding()),
        ),
        (
            "content_language",
            "Content-Language",
            text(head.content_language()),
        ),
        ("content_type", "Content-Type", text(head.content_type())),
        ("expires", "Expires", expires(head)),
        (
            "website_redirect",
            "website redirect",
            text(head.website_redirect_location()),
        ),
        ("metadata", "user metadata", format!("{metadata:?}")),
    ]
}

/// A date in one notation: the copier writes it in its own.
fn expires(head: &HeadObjectOutput) -> String {
    let given = head.expires_string();
    let date = given.and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok());
    let date = date.and_then(|date| date.fmt(DateTimeFormat::HttpDate).ok());
    date.unwrap_or_else(|| text(given))
}

/// What S3 shows of an object, or why it does not; nothing if there is none.
async fn shown(bucket: Bucket<'_>, key: &str, with_tags: bool) -> Result<Option<Shown>, String> {
    let payer = bucket.requester_pays.then_some(RequestPayer::Requester);
    let owner = bucket.expected_owner.map(str::to_owned);
    let head = bucket.client.head_object().bucket(bucket.name).key(key);
    let head = head
        .checksum_mode(ChecksumMode::Enabled)
        .set_expected_bucket_owner(owner.clone())
        .set_request_payer(payer.clone())
        .send()
        .await
        .map_err(Cause::from);
    let head = match head {
        Ok(head) => head,
        Err(cause) if cause.status == Some(404) => return Ok(None),
        Err(cause) => return Err(refused("HeadObject", bucket, key, &cause)),
    };
    if !with_tags {
        return Ok(Some(Shown { head, tags: None }));
    }
    let tags = bucket.client.get_object_tagging().bucket(bucket.name);
    let tags = tags
        .key(key)
        .set_expected_bucket_owner(owner)
        .set_request_payer(payer)
        .send()
        .await
        .map_err(Cause::from);
    let tags = tags.map_err(|cause| refused("GetObjectTagging", bucket, key, &cause))?;
    let tags: BTreeMap<_, _> = tags
        .tag_set()
        .iter()
        .map(|tag| (tag.key(), tag.value()))
        .collect();
    let tags = Some(format!("{tags:?}"));
    Ok(Some(Shown { head, tags }))
}

fn refused(call: &str, bucket: Bucket<'_>, key: &str, cause: &Cause) -> String {
    format!("{call} of {} failed: {cause}", s3_uri(bucket.name, key))
}
