//! The day that is backed up: an object of every kind.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, StorageClass};
use backup::aws::Cause;
use tests::{MIB, ODD_KEYS, SOURCE};

use crate::findings::{Finding, Rule};

/// What the keys of the day start with.
pub const PREFIX: &str = "2016-06-30/";

/// From this size on the stage's copier copies in parts.
const THRESHOLD: u64 = 10 * MIB;

/// One object of the day.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its key without the day's prefix.
    pub name: String,
    size_bytes: u64,
    checksum: ChecksumAlgorithm,
    /// What it has beside its bytes.
    pub has: Has,
}

/// What an object has beside its bytes. One thing each, so that a server that refuses one of them is
/// still asked about the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Has {
    /// Nothing.
    Nothing,
    /// Content headers, user metadata and a website redirect.
    Attributes,
    /// Tags.
    Tags,
    /// Another storage class than STANDARD.
    StorageClass,
}

/// The day. Most objects have a checksum that no copy is compared by: where a server reckons
/// full-object checksums wrong, the rest can still be seen.
pub fn objects() -> Vec<Object> {
    let object = |name: &str, size_bytes, checksum, has| Object {
        name: name.to_owned(),
        size_bytes,
        checksum,
        has,
    };
    let plain =
        |name: &str, size_bytes| object(name, size_bytes, ChecksumAlgorithm::Sha256, Has::Nothing);
    let mut all = vec![
        plain("empty", 0),
        plain("below the threshold", THRESHOLD - 1),
        plain("at the threshold", THRESHOLD),
        plain("three parts", 16 * MIB + 345),
        plain("parts/a+b%41 //'\"&?=#ü漢🦀", THRESHOLD),
    ];
    all.extend(ODD_KEYS.map(|key| plain(key, 100)));
    for (folder, size_bytes) in [("small", 1_000), ("parts", THRESHOLD)] {
        for (name, has) in [
            ("attributes", Has::Attributes),
            ("tags", Has::Tags),
            ("storage class", Has::StorageClass),
        ] {
            let name = format!("{folder}/{name}");
            all.push(object(&name, size_bytes, ChecksumAlgorithm::Sha256, has));
        }
        for checksum in [
            ChecksumAlgorithm::Crc64Nvme,
            ChecksumAlgorithm::Crc32,
            ChecksumAlgorithm::Crc32C,
        ] {
            let name = format!("{folder}/{checksum}");
            all.push(object(&name, size_bytes, checksum, Has::Nothing));
        }
    }
    all
}

impl Object {
    /// Its key.
    pub fn key(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// How many parts it is copied in, and what its copy is compared by.
    pub fn copied_as(&self) -> (u64, &str) {
        let parts = if self.size_bytes < THRESHOLD {
            1
        } else {
            self.size_bytes / (5 * MIB)
        };
        match self.checksum {
            ChecksumAlgorithm::Sha256 => (parts, "size"),
            _ => (parts, self.checksum.as_str()),
        }
    }

    /// Puts it into the source bucket.
    pub async fn put(&self, s3: &Client) -> Option<Finding> {
        let mut refused = Cause::from(self.to_put(s3).send().await.err()?);
        // Who refuses before the body was read may close the connection before the answer was.
        for _ in 0..5 {
            if refused.status.is_some() {
                break;
            }
            refused = Cause::from(self.to_put(s3).send().await.err()?);
        }
        Some(self.finding(Rule::IsPut, refused))
    }

    fn to_put(&self, s3: &Client) -> PutObjectFluentBuilder {
        let put = s3.put_object().bucket(SOURCE).key(self.key());
        let put = put
            .checksum_algorithm(self.checksum.clone())
            .body(self.bytes().into());
        match self.has {
            Has::Nothing => put,
            Has::Attributes => put
                .cache_control("max-age=60")
                .content_disposition("attachment; filename=\"a b.bin\"")
                .content_encoding("gzip")
                .content_language("de, en")
                .content_type("application/x-thing; charset=utf-8")
                .expires(DateTime::from_secs(1_900_000_000))
                .website_redirect_location("/elsewhere")
                .metadata("origin", "station 7")
                .metadata("sum", "a+b%41=\"c\""),
            Has::Tags => put.tagging("class=a%2Fb%20%3D%20c%2Bd&%C3%BCnit=100%20%40%205"),
            Has::StorageClass => put.storage_class(StorageClass::StandardIa),
        }
    }

    /// What a bucket shows of it.
    pub async fn head(&self, s3: &Client, bucket: &str) -> Option<HeadObjectOutput> {
        let head = s3.head_object().bucket(bucket).key(self.key());
        head.checksum_mode(ChecksumMode::Enabled).send().await.ok()
    }

    /// That something does not hold of it.
    pub fn finding(&self, rule: Rule, found: impl ToString) -> Finding {
        Finding {
            rule,
            about: self.name.clone(),
            found: found.to_string(),
        }
    }

    /// No two blocks of it are the same, nor of two objects, so nothing can be in another's place.
    pub fn bytes(&self) -> Vec<u8> {
        let seed = self
            .name
            .bytes()
            .fold(7_u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
        let words = (0..self.size_bytes.div_ceil(8)).map(|number| number.wrapping_add(seed << 32));
        let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        bytes.truncate(self.size_bytes as usize);
        bytes
    }
}
