//! Whether the copy of an object is as it was put.

use std::fmt::Debug;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::StorageClass;
use backup::aws::Cause;
use copier::checksum::FullObjectChecksum;
use tests::{DEST, SOURCE};

use crate::day::{Has, Object};
use crate::findings::{Finding, Rule};

/// What a head shows of content headers, website redirect and user metadata.
type Attributes<'a> = [Option<&'a str>; 9];

/// What of the copy of an object is not as it is.
pub async fn findings(s3: &Client, object: &Object) -> Vec<Finding> {
    let (Some(source), Some(copy)) = (object.head(s3, SOURCE).await, object.head(s3, DEST).await)
    else {
        return vec![object.finding(Rule::IsCopied, "source or copy is not there")];
    };
    let class = (object.has == Has::StorageClass).then_some(StorageClass::StandardIa);
    let [attributes, expected] = [
        attributes(&copy, object.has),
        expected_attributes(object.has),
    ];
    [
        differs(
            object,
            Rule::Bytes,
            bytes(s3, object).await == object.bytes(),
            true,
        ),
        differs(object, Rule::Attributes, attributes, expected),
        differs(
            object,
            Rule::Tags,
            tags(s3, object).await.as_str(),
            expected_tags(object.has),
        ),
        differs(
            object,
            Rule::StorageClass,
            copy.storage_class(),
            class.as_ref(),
        ),
        checksum(object, &source, &copy),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn differs<T: PartialEq + Debug>(
    object: &Object,
    rule: Rule,
    found: T,
    expected: T,
) -> Option<Finding> {
    (found != expected).then(|| object.finding(rule, format!("{found:?}, not {expected:?}")))
}

async fn bytes(s3: &Client, object: &Object) -> Vec<u8> {
    let answer = s3
        .get_object()
        .bucket(DEST)
        .key(object.key())
        .send()
        .await
        .unwrap();
    answer.body.collect().await.unwrap().to_vec()
}

fn attributes(head: &HeadObjectOutput, has: Has) -> Attributes<'_> {
    let metadata = |name| head.metadata()?.get(name).map(String::as_str);
    [
        head.cache_control(),
        head.content_disposition(),
        head.content_encoding(),
        head.content_language(),
        // An object that was put without a type is given one by the SDK, and by S3.
        head.content_type().filter(|_| has == Has::Attributes),
        head.expires_string(),
        head.website_redirect_location(),
        metadata("origin"),
        metadata("sum"),
    ]
}

fn expected_attributes(has: Has) -> Attributes<'static> {
    if has != Has::Attributes {
        return [None; 9];
    }
    [
        "max-age=60",
        "attachment; filename=\"a b.bin\"",
        "gzip",
        "de, en",
        "application/x-thing; charset=utf-8",
        "Sun, 17 Mar 2030 17:46:40 GMT",
        "/elsewhere",
        "station 7",
        "a+b%41=\"c\"",
    ]
    .map(Some)
}

/// The tags of the copy of an object that has some: not every server knows what tags are.
async fn tags(s3: &Client, object: &Object) -> String {
    if object.has != Has::Tags {
        return String::new();
    }
    let answer = s3
        .get_object_tagging()
        .bucket(DEST)
        .key(object.key())
        .send()
        .await;
    let tags = match answer {
        Ok(answer) => answer.tag_set,
        Err(refused) => return Cause::from(refused).to_string(),
    };
    let mut tags: Vec<_> = tags
        .iter()
        .map(|tag| format!("{}={}", tag.key, tag.value))
        .collect();
    tags.sort();
    tags.join(", ")
}

fn expected_tags(has: Has) -> &'static str {
    match has {
        Has::Tags => "class=a/b = c+d, ünit=100 @ 5",
        _ => "",
    }
}

/// The full-object checksum of an object that was put with one that is comparable.
fn checksum(
    object: &Object,
    source: &HeadObjectOutput,
    copy: &HeadObjectOutput,
) -> Option<Finding> {
    if object.copied_as().1 == "size" {
        return None;
    }
    let (source, copy) = (source.full_object_checksum(), copy.full_object_checksum());
    let same = source.is_some() && source == copy;
    (!same).then(|| object.finding(Rule::Checksum, format!("{copy:?}, not {source:?}")))
}
