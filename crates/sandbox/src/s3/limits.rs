//! Amazon S3's limits, each named once and linked to its documentation.

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Object keys are at most 1,024 bytes of UTF-8.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
pub const KEY_MAX_BYTES: usize = 1024;

/// An object is at most 10,000 parts of 5 GiB, the 50 TB of S3's documentation.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const OBJECT_MAX_BYTES: u64 = 10_000 * 5 * GIB;

/// A single PUT uploads at most 5 GB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
pub const PUT_MAX_BYTES: u64 = 5 * GIB;

/// CopyObject, and a part copied whole, take a source of at most 5 GB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub const COPY_SOURCE_MAX_BYTES: u64 = 5 * GIB;

/// All parts but the last are at least 5 MiB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const PART_MIN_BYTES: u64 = 5 * MIB;

/// A part is at most 5 GiB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const PART_MAX_BYTES: u64 = 5 * GIB;

/// Parts are numbered from 1 to 10,000.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const PART_NUMBER_MAX: i32 = 10_000;

/// A range is copied only from a source larger than 5 MB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html>
pub const RANGED_COPY_SOURCE_MIN_BYTES: u64 = 5 * MIB;

/// A list answers at most 1,000 keys, parts or uploads, and DeleteObjects takes as many.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub const PAGE_MAX: i32 = 1000;

/// An object has at most ten tags.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
pub const TAGS_MAX: usize = 10;

/// A tag's key is at most 128 Unicode characters.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
pub const TAG_KEY_MAX_CHARS: usize = 128;

/// A tag's value is at most 256 Unicode characters.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
pub const TAG_VALUE_MAX_CHARS: usize = 256;

/// An object version has at most 1,000 annotations.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/annotations-overview.html>
pub const ANNOTATIONS_MAX: usize = 1000;

/// An annotation's name is at most 512 bytes of UTF-8.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/annotations-overview.html>
pub const ANNOTATION_NAME_MAX_BYTES: usize = 512;

/// An annotation is at most 1 MiB of text.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/annotations-overview.html>
pub const ANNOTATION_MAX_BYTES: u64 = MIB;

/// User metadata is at most 2 KB, keys and values together.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
pub const METADATA_MAX_BYTES: usize = 2048;
