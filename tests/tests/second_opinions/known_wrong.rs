//! What each server is known to get wrong: nothing else may differ, and nothing here may be right by now.

use crate::findings::{KnownWrong, Rule, Server};

/// The whole list, of ministack 1.5.33, moto 5.2.5 and s3s-fs 0.14.1.
pub const KNOWN_WRONG: &[KnownWrong] = &[
    // It reckons a composite CRC64NVME, CRC32 or CRC32C of an upload that was created with a full one, and
    // refuses the right one with it.
    KnownWrong {
        server: Server::Ministack,
        rule: Rule::IsCopied,
        about: &["parts/CRC64NVME", "parts/CRC32", "parts/CRC32C"],
        found: "failed with ChecksumMismatch",
    },
    KnownWrong {
        server: Server::Ministack,
        rule: Rule::Backup,
        about: &["parts/CRC64NVME", "parts/CRC32", "parts/CRC32C"],
        found: "ChecksumMismatch",
    },
    // Its CopyObject answers without a checksum. The copy has the right one.
    KnownWrong {
        server: Server::Ministack,
        rule: Rule::IsCopied,
        about: &["small/CRC64NVME", "small/CRC32", "small/CRC32C"],
        found: "copied, parts 1, verified size",
    },
    KnownWrong {
        server: Server::Ministack,
        rule: Rule::Tags,
        about: &["parts/tags"],
        found: "\"\", not",
    },
    // What the verification then rightly finds.
    KnownWrong {
        server: Server::Ministack,
        rule: Rule::IsVerified,
        about: &["parts/CRC64NVME", "parts/CRC32", "parts/CRC32C"],
        found: "missing: not copied",
    },
    KnownWrong {
        server: Server::Ministack,
        rule: Rule::IsVerified,
        about: &["parts/tags"],
        found: "deep: different: tags",
    },
    KnownWrong {
        server: Server::Ministack,
        rule: Rule::IsRefused,
        about: &[
            "a copy over an object that was not there",
            "a copy over an object that changed",
            "a first part of less than 5 MiB",
        ],
        found: "it was done",
    },
    // Its routes match one line.
    KnownWrong {
        server: Server::Moto,
        rule: Rule::IsPut,
        about: &["tab\tnewline\nreturn\r"],
        found: "status 404",
    },
    // It calls the CRC32 and CRC32C of an object of one part composite, so none is compared, and the
    // copier asks for a CRC64NVME.
    KnownWrong {
        server: Server::Moto,
        rule: Rule::IsCopied,
        about: &["small/CRC32", "small/CRC32C"],
        found: "copied, parts 1, verified size",
    },
    // Its CompleteMultipartUpload answers without a checksum, too. The copy has the right CRC64NVME.
    KnownWrong {
        server: Server::Moto,
        rule: Rule::IsCopied,
        about: &["parts/CRC64NVME", "parts/CRC32", "parts/CRC32C"],
        found: "copied, parts 2, verified size",
    },
    KnownWrong {
        server: Server::Moto,
        rule: Rule::Checksum,
        about: &["small/CRC32", "small/CRC32C", "parts/CRC32", "parts/CRC32C"],
        found: "algorithm: Crc64Nvme",
    },
    KnownWrong {
        server: Server::Moto,
        rule: Rule::IsRefused,
        about: &[
            "a part of a source that changed",
            "a copy of a source that changed",
            "a copy over an object that was not there",
            "a copy over an object that changed",
            "a completion over an object that changed",
            "a completion with another CRC64NVME",
            "a completion with another size",
            "an object with another CRC64NVME",
        ],
        found: "it was done",
    },
    // Keys are paths of files there.
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::IsPut,
        about: &["folder/"],
        found: "status 400",
    },
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::IsPut,
        about: &[".."],
        found: "status 500",
    },
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::IsPut,
        about: &["small/storage class", "parts/storage class"],
        found: "InvalidStorageClass",
    },
    // It lists keys as a URL would have them, and paths without what a file system leaves out.
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::IsListed,
        about: &[
            "plus+plus",
            "percent%41",
            "double//slash",
            "/leading",
            "../up/./and/../down",
            "parts/a+b%41 //'\"&?=#ü漢🦀",
        ],
        found: "",
    },
    // It answers no copy with a checksum, has none of an upload's object, and names no type of one.
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::IsCopied,
        about: &["small/CRC64NVME", "small/CRC32", "small/CRC32C"],
        found: "copied, parts 1, verified size",
    },
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::IsCopied,
        about: &["parts/CRC64NVME", "parts/CRC32", "parts/CRC32C"],
        found: "copied, parts 2, verified size",
    },
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::Checksum,
        about: &[
            "small/CRC32",
            "small/CRC32C",
            "parts/CRC64NVME",
            "parts/CRC32",
            "parts/CRC32C",
        ],
        found: "None, not",
    },
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::Tags,
        about: &["small/tags", "parts/tags"],
        found: "NotImplemented",
    },
    // An upload makes the bucket.
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::IsAnError,
        about: &["a copy in parts into no bucket"],
        found: "{\"records\":1}",
    },
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::NoOpenUploads,
        about: &["backup"],
        found: "NotImplemented",
    },
    KnownWrong {
        server: Server::S3sFs,
        rule: Rule::IsRefused,
        about: &[
            "a part of a source that changed",
            "a copy over an object that was not there",
            "a copy over an object that changed",
            "a completion with another CRC64NVME",
            "a completion with another size",
        ],
        found: "it was done",
    },
];
