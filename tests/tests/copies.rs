//! The copier's library against the sandbox's S3: what a copy is, object by object.

#![allow(clippy::unwrap_used)]

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, StorageClass,
};
use backup::deadline::Deadline;
use copier::copy::Action;
use copier::policy::Overwrite;
use sandbox::s3::Attributes;
use tests::{DEST, MIB, ODD_KEYS, SOURCE, World, everything};

/// Small sizes for the copier, so that small objects are copied in parts.
const SMALL: [(&str, &str); 2] = [("PART_SIZE_MIB", "5"), ("MULTIPART_THRESHOLD_MIB", "12")];

#[tokio::test]
async fn a_copy_has_the_bytes_headers_metadata_and_tags_of_its_source() {
    let world = World::start().await;
    let copier = world.copier(SMALL);
    for (key, size, action) in [
        ("empty", 0, Action::CopiedAtOnce),
        ("small", 1_000, Action::CopiedAtOnce),
        (
            "just below the threshold",
            12 * MIB - 1,
            Action::CopiedAtOnce,
        ),
        (
            "at the threshold",
            12 * MIB,
            Action::CopiedInParts { parts: 2, found: 0 },
        ),
        (
            "large",
            700 * MIB,
            Action::CopiedInParts {
                parts: 140,
                found: 0,
            },
        ),
    ] {
        world.put(key, size, everything());
        let outcome = copier.copy(key).await.unwrap();
        assert_eq!(
            (outcome.action, outcome.size_bytes),
            (action, size),
            "{key}"
        );
        assert_eq!(outcome.verified_by(), "CRC64NVME", "{key}");
        let (source, copy) = (
            world.head(SOURCE, key).await.unwrap(),
            world.head(DEST, key).await.unwrap(),
        );
        assert_eq!(copy.content_length(), Some(size as i64));
        assert_eq!(copy.checksum_crc64_nvme(), source.checksum_crc64_nvme());
        assert!(copy.checksum_crc64_nvme().is_some());
        assert_eq!(copy.cache_control(), Some("max-age=60"));
        assert_eq!(
            copy.content_disposition(),
            Some("attachment; filename=\"a b.bin\"")
        );
        assert_eq!(copy.content_encoding(), Some("gzip"));
        assert_eq!(copy.content_language(), Some("de, en"));
        assert_eq!(
            copy.content_type(),
            Some("application/x-thing; charset=utf-8")
        );
        assert_eq!(copy.website_redirect_location(), Some("/elsewhere"));
        // S3 shows what is not ASCII in RFC 2047's encoding, and reads it so.
        assert_eq!(
            copy.metadata().unwrap()["umlaut"],
            "=?UTF-8?B?R3LDtsOfZQ==?="
        );
        assert_eq!(copy.metadata(), source.metadata());
        assert_eq!(world.tags(DEST, key).await, world.tags(SOURCE, key).await);
        assert_eq!(copy.tag_count(), Some(2));
    }
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
}

#[tokio::test]
async fn expires_and_storage_class_are_kept_unless_another_class_is_configured() {
    let world = World::start().await;
    for (key, size) in [("small", 10), ("large", 12 * MIB)] {
        let put = world
            .s3
            .put_object()
            .bucket(SOURCE)
            .key(key)
            .body(vec![7; size as usize].into());
        let expires = aws_sdk_s3::primitives::DateTime::from_secs(1_900_000_000);
        put.expires(expires)
            .storage_class(StorageClass::StandardIa)
            .send()
            .await
            .unwrap();
        world.copier(SMALL).copy(key).await.unwrap();
        let copy = world.head(DEST, key).await.unwrap();
        assert_eq!(
            copy.storage_class(),
            Some(&StorageClass::StandardIa),
            "{key}"
        );
        assert_eq!(
            copy.expires_string(),
            Some("Sun, 17 Mar 2030 17:46:40 GMT"),
            "{key}"
        );
        let other = [
            SMALL[0],
            SMALL[1],
            ("STORAGE_CLASS", "GLACIER_IR"),
            ("DEST_PREFIX", "ir/"),
        ];
        world.copier(other).copy(key).await.unwrap();
        let copy = world.head(DEST, &format!("ir/{key}")).await.unwrap();
        assert_eq!(
            copy.storage_class(),
            Some(&StorageClass::GlacierIr),
            "{key}"
        );
    }
}

#[tokio::test]
async fn a_kms_key_is_used_where_one_is_configured() {
    let world = World::start().await;
    let copier = world.copier([SMALL[0], SMALL[1], ("SSE_KMS_KEY_ID", "alias/backup")]);
    for (key, size) in [("small", 10), ("large", 12 * MIB)] {
        world.put(key, size, Attributes::default());
        copier.copy(key).await.unwrap();
        assert_eq!(
            world.head(DEST, key).await.unwrap().ssekms_key_id(),
            Some("alias/backup"),
            "{key}"
        );
    }
}

#[tokio::test]
async fn any_key_that_s3_allows_is_copied() {
    let world = World::start().await;
    let copier = world.copier(SMALL);
    let longest = "ü".repeat(512);
    for key in ODD_KEYS.into_iter().chain([longest.as_str()]) {
        for size in [1, 13 * MIB] {
            world.put(key, size, Attributes::default());
            copier
                .copy(key)
                .await
                .unwrap_or_else(|error| panic!("{key:?}: {}", backup::aws::chain(&error)));
            let copy = world
                .head(DEST, key)
                .await
                .unwrap_or_else(|| panic!("{key:?} is not there"));
            let source = world.head(SOURCE, key).await.unwrap();
            assert_eq!(
                copy.checksum_crc64_nvme(),
                source.checksum_crc64_nvme(),
                "{key:?}"
            );
            assert_eq!(copy.content_length(), Some(size as i64), "{key:?}");
        }
    }
}

#[tokio::test]
async fn a_700_mb_object_takes_its_parts_and_four_requests_and_one_more_for_tags() {
    let world = World::start().await;
    let copier = world.copier([]);
    world.put("plain", 700_000_000, Attributes::default());
    world.put("tagged", 700_000_000, everything());
    for (key, tagging) in [("plain", None), ("tagged", Some(1))] {
        let before = world.sandbox.requests();
        let outcome = copier.copy(key).await.unwrap();
        assert_eq!(
            outcome.action,
            Action::CopiedInParts {
                parts: 11,
                found: 0
            }
        );
        let requests = world.requests_since(&before);
        assert_eq!(requests["s3:HeadObject"], 2);
        assert_eq!(requests["s3:CreateMultipartUpload"], 1);
        assert_eq!(requests["s3:UploadPartCopy"], 11);
        assert_eq!(requests["s3:CompleteMultipartUpload"], 1);
        assert_eq!(requests.get("s3:GetObjectTagging").copied(), tagging);
        assert_eq!(requests.values().sum::<u64>(), 15 + tagging.unwrap_or(0));
    }
}

#[tokio::test]
async fn an_object_that_is_there_already_costs_two_heads() {
    let world = World::start().await;
    let copier = world.copier(SMALL);
    for (key, size) in [("small", 10), ("large", 12 * MIB)] {
        world.put(key, size, everything());
        copier.copy(key).await.unwrap();
        let before = world.sandbox.requests();
        let outcome = copier.copy(key).await.unwrap();
        assert_eq!(outcome.action, Action::Unchanged);
        assert_eq!(outcome.verified_by(), "CRC64NVME");
        assert_eq!(
            world.requests_since(&before),
            [("s3:HeadObject".to_owned(), 2)].into()
        );
    }
}

#[tokio::test]
async fn a_destination_that_a_listing_has_shown_to_be_empty_is_not_looked_at() {
    let world = World::start().await;
    let copier = world.copier(SMALL);
    for (key, size, copying) in [("small", 10, 1), ("large", 12 * MIB, 2 + 2)] {
        world.put(key, size, Attributes::default());
        let before = world.sandbox.requests();
        let copied = copier.copy_missing_until(key, Deadline::NONE).await;
        assert_eq!(copied.unwrap().verified_by(), "CRC64NVME");
        let requests = world.requests_since(&before);
        assert_eq!(requests["s3:HeadObject"], 1, "{key}: of the source");
        assert_eq!(requests.values().sum::<u64>(), 1 + copying, "{key}");
        assert!(world.head(DEST, key).await.is_some());
    }
}

#[tokio::test]
async fn what_has_come_to_the_destination_since_it_was_listed_is_dealt_with_as_configured() {
    let world = World::start().await;
    let [threshold, part_size] = SMALL;
    let copiers = ["if-changed", "never", "always"]
        .map(|policy| world.copier([threshold, part_size, ("OVERWRITE", policy)]));
    for (key, size) in [("small", 10), ("large", 12 * MIB)] {
        world.put(key, size, Attributes::default());
        for copier in &copiers {
            copier.copy(key).await.unwrap();
            let same = copier.copy_missing_until(key, Deadline::NONE).await;
            assert_eq!(same.unwrap().action, Action::Unchanged, "{key}");

            let theirs = || world.s3.put_object().bucket(DEST).key(key);
            theirs().body(vec![9; 11].into()).send().await.unwrap();
            let other = copier.copy_missing_until(key, Deadline::NONE).await;
            let there = world.head(DEST, key).await.unwrap().content_length;
            if copier.config.overwrite == Overwrite::Never {
                let error = other.unwrap_err();
                assert_eq!(error.error_type(), "DestinationExists", "{error}");
                assert_eq!(there, Some(11), "it is kept");
                let delete = world.s3.delete_object().bucket(DEST).key(key);
                delete.send().await.unwrap();
            } else {
                assert_ne!(other.unwrap().action, Action::Unchanged);
                assert_eq!(there, Some(size as i64));
            }
        }
        assert_eq!(world.sandbox.s3().open_uploads(DEST), 0, "{key}");
    }
}

#[tokio::test]
async fn a_source_that_was_archived_after_it_was_backed_up_is_unchanged() {
    let world = World::start().await;
    let copier = world.copier(SMALL);
    for (key, size) in [("small", 10), ("large", 12 * MIB)] {
        world.put(key, size, everything());
        copier.copy(key).await.unwrap();
        let archived = Attributes {
            storage_class: Some("GLACIER".to_owned()),
            ..everything()
        };
        world.put(key, size, archived);
        let outcome = copier.copy(key).await.unwrap();
        assert_eq!(outcome.action, Action::Unchanged, "{key}");
    }
}

#[tokio::test]
async fn a_changed_source_is_copied_again_over_the_old_copy() {
    let world = World::start().await;
    let copier = world.copier(SMALL);
    for (key, size) in [("small", 10), ("large", 12 * MIB)] {
        world.put(key, size, Attributes::default());
        copier.copy(key).await.unwrap();
        // The same size and another content, then the same content and another header.
        let put = world
            .s3
            .put_object()
            .bucket(SOURCE)
            .key(key)
            .body(vec![9; size as usize].into());
        put.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .send()
            .await
            .unwrap();
        assert_ne!(
            copier.copy(key).await.unwrap().action,
            Action::Unchanged,
            "{key}"
        );
        let put = world
            .s3
            .put_object()
            .bucket(SOURCE)
            .key(key)
            .body(vec![9; size as usize].into());
        let put = put
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .content_type("text/plain");
        put.send().await.unwrap();
        assert_ne!(
            copier.copy(key).await.unwrap().action,
            Action::Unchanged,
            "{key}"
        );
        let (source, copy) = (
            world.head(SOURCE, key).await.unwrap(),
            world.head(DEST, key).await.unwrap(),
        );
        assert_eq!(copy.checksum_crc64_nvme(), source.checksum_crc64_nvme());
        assert_eq!(copy.content_type(), Some("text/plain"));
    }
}

#[tokio::test]
async fn the_checksum_a_source_has_is_the_one_the_copy_is_compared_by() {
    let world = World::start().await;
    let copier = world.copier(SMALL);
    for (algorithm, verified) in [
        (ChecksumAlgorithm::Crc32, "CRC32"),
        (ChecksumAlgorithm::Crc32C, "CRC32C"),
        (ChecksumAlgorithm::Crc64Nvme, "CRC64NVME"),
        (ChecksumAlgorithm::Sha256, "size"),
    ] {
        for (size, name) in [(10, "small"), (12 * MIB, "large")] {
            let key = format!("{name}-{}", algorithm.as_str());
            let put = world.s3.put_object().bucket(SOURCE).key(&key);
            let put = put
                .body(ByteStream::from(vec![7; size as usize]))
                .checksum_algorithm(algorithm.clone());
            put.send().await.unwrap();
            assert_eq!(
                copier.copy(&key).await.unwrap().verified_by(),
                verified,
                "{key}"
            );
        }
    }
}

#[tokio::test]
async fn a_composite_checksum_is_not_compared_and_not_called_verified() {
    let world = World::start().await;
    let create = world.s3.create_multipart_upload().bucket(SOURCE).key("k");
    let upload = create.checksum_algorithm(ChecksumAlgorithm::Crc32);
    let id = upload.send().await.unwrap().upload_id.unwrap();
    let mut parts = CompletedMultipartUpload::builder();
    for number in 1..=2 {
        let part = world.s3.upload_part().bucket(SOURCE).key("k");
        let part = part
            .upload_id(&id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(vec![7; 10 * MIB as usize].into());
        let answer = part.send().await.unwrap();
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .set_checksum_crc32(answer.checksum_crc32);
        parts = parts.parts(part.build());
    }
    let complete = world.s3.complete_multipart_upload().bucket(SOURCE);
    let complete = complete.key("k").upload_id(id);
    complete
        .multipart_upload(parts.build())
        .send()
        .await
        .unwrap();
    let source = world.head(SOURCE, "k").await.unwrap();
    assert!(source.checksum_crc32().unwrap().ends_with("-2"));
    let outcome = world.copier(SMALL).copy("k").await.unwrap();
    assert_eq!(outcome.verified_by(), "size");
    let copy = world.head(DEST, "k").await.unwrap();
    assert_eq!(copy.checksum_type(), Some(&ChecksumType::FullObject));
    assert!(
        copy.checksum_crc64_nvme().is_some(),
        "it gets one of its own"
    );
}

#[tokio::test]
async fn any_number_of_copies_at_the_same_time_leave_one_correct_object() {
    let world = World::start().await;
    for (key, size) in [("small", 10), ("large", 60 * MIB)] {
        world.put(key, size, everything());
        let copier = world.copier(SMALL);
        let outcomes = futures::future::join_all((0..20).map(|_| copier.copy(key))).await;
        for outcome in outcomes {
            assert_eq!(outcome.unwrap().verified_by(), "CRC64NVME", "{key}");
        }
        let (source, copy) = (
            world.head(SOURCE, key).await.unwrap(),
            world.head(DEST, key).await.unwrap(),
        );
        assert_eq!(copy.checksum_crc64_nvme(), source.checksum_crc64_nvme());
        assert_eq!(copy.metadata(), source.metadata());
    }
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
}

#[tokio::test]
async fn a_source_that_is_overwritten_once_under_its_copy_is_copied_as_it_is_then() {
    let world = World::start().await;
    world.put("k", 500 * MIB, Attributes::default());
    let copier = world.copier([SMALL[0], SMALL[1], ("PARTS_IN_FLIGHT", "1")]);
    let overwrite = async {
        while !world.sandbox.requests().contains_key("s3:UploadPartCopy") {
            tokio::task::yield_now().await;
        }
        world.put("k", 400 * MIB, everything());
    };
    let (outcome, ()) = futures::join!(copier.copy("k"), overwrite);
    assert_eq!(outcome.unwrap().size_bytes, 400 * MIB);
    let (source, copy) = (
        world.head(SOURCE, "k").await.unwrap(),
        world.head(DEST, "k").await.unwrap(),
    );
    assert_eq!(copy.checksum_crc64_nvme(), source.checksum_crc64_nvme());
    assert_eq!(copy.metadata(), source.metadata());
    assert_eq!(world.sandbox.requests()["s3:AbortMultipartUpload"], 1);
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
}

#[tokio::test]
async fn a_version_of_the_source_is_named_in_every_read() {
    let world = World::start().await;
    world.keep_versions(SOURCE).await;
    let copier = world.copier(SMALL);
    world.put("k", 12 * MIB, everything());
    copier.copy("k").await.unwrap();
    let (source, copy) = (
        world.head(SOURCE, "k").await.unwrap(),
        world.head(DEST, "k").await.unwrap(),
    );
    assert!(source.version_id().is_some());
    assert_eq!(copy.checksum_crc64_nvme(), source.checksum_crc64_nvme());
    assert_eq!(world.tags(DEST, "k").await.len(), 2);
}

#[tokio::test]
async fn says_what_is_wrong_with_an_object_and_leaves_nothing_behind() {
    let world = World::start().await;
    world.put("small", 10, Attributes::default());
    world.put("large", 12 * MIB, Attributes::default());
    let glacier = Attributes {
        storage_class: Some("GLACIER".to_owned()),
        ..Attributes::default()
    };
    world.put("archived", 12 * MIB, glacier);
    let with = |variable| world.copier([SMALL[0], SMALL[1], variable]);
    let long_prefix = "p".repeat(1_020);
    for (copier, key, error_type, text) in [
        (
            world.copier(SMALL),
            "gone",
            "SourceMissing",
            "s3://source/gone does not exist",
        ),
        (
            world.copier(SMALL),
            "archived",
            "Archived",
            "s3://source/archived is archived and cannot be copied",
        ),
        (
            with(("DEST_BUCKET", "nowhere")),
            "small",
            "Refused",
            "CopyObject of s3://nowhere/small was refused: NoSuchBucket",
        ),
        (
            with(("DEST_BUCKET", "nowhere")),
            "large",
            "Refused",
            "CreateMultipartUpload of s3://nowhere/large was refused: NoSuchBucket",
        ),
        (
            with(("SOURCE_BUCKET_OWNER", "111111111111")),
            "large",
            "AccessDenied",
            "HeadObject of s3://source/large was denied",
        ),
        (
            with(("DEST_BUCKET_OWNER", "111111111111")),
            "large",
            "AccessDenied",
            "HeadObject of s3://backup/large was denied",
        ),
        // The SDK sends no key of white space alone.
        (world.copier(SMALL), " ", "Refused", "key was missing"),
        (
            with(("DEST_PREFIX", &long_prefix)),
            "large",
            "DestinationKey",
            "the key has 1025 bytes",
        ),
    ] {
        let error = copier.copy(key).await.unwrap_err();
        let chain = backup::aws::chain(&error);
        assert_eq!(error.error_type(), error_type, "{chain}");
        assert!(chain.contains(text), "{chain:?} should contain {text:?}");
    }
    assert!(world.head(DEST, "large").await.is_none());
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
}
