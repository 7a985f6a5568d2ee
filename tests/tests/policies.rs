//! What an operator decides of every copy: what it may replace, what it preserves, who pays.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use aws_sdk_s3::primitives::ByteStream;
use copier::copy::Action;
use sandbox::s3::{Attributes, Encryption};
use tests::{DEST, MIB, SOURCE, World, everything};

/// Small sizes for the copier, so that small objects are copied in parts.
const SMALL: [(&str, &str); 2] = [("PART_SIZE_MIB", "5"), ("MULTIPART_THRESHOLD_MIB", "12")];

/// A key copied at once and one copied in parts.
const KEYS: [(&str, u64); 2] = [("small", 10), ("large", 12 * MIB)];

async fn annotate(world: &World, bucket: &str, key: &str, name: &str, text: &str) {
    let put = world.s3.put_object_annotation().bucket(bucket).key(key);
    put.annotation_name(name)
        .annotation_payload(ByteStream::from(text.as_bytes().to_vec()))
        .send()
        .await
        .unwrap();
}

async fn annotations(world: &World, bucket: &str, key: &str) -> BTreeMap<String, Vec<u8>> {
    let list = world.s3.list_object_annotations().bucket(bucket).key(key);
    let mut found = BTreeMap::new();
    for entry in list.send().await.unwrap().annotations() {
        let name = entry.annotation_name();
        let get = world.s3.get_object_annotation().bucket(bucket).key(key);
        let answer = get.annotation_name(name).send().await.unwrap();
        let payload = answer.annotation_payload.collect().await.unwrap();
        found.insert(name.to_owned(), payload.to_vec());
    }
    found
}

#[tokio::test]
async fn never_keeps_another_object_that_is_there_and_always_replaces_even_the_same() {
    let world = World::start().await;
    let with = |overwrite| world.copier([SMALL[0], SMALL[1], ("OVERWRITE", overwrite)]);
    let (never, always) = (with("never"), with("always"));
    for (key, size) in KEYS {
        world.put(key, size, Attributes::default());
        let first = never.copy(key).await.unwrap();
        assert_ne!(first.action, Action::Unchanged, "nothing was there");
        let again = never.copy(key).await.unwrap();
        assert_eq!(again.action, Action::Unchanged, "the same is there");
        world.put(key, size, everything());
        let before = world.sandbox.requests();
        let error = never.copy(key).await.unwrap_err();
        assert_eq!(
            backup::aws::chain(&error),
            format!(
                "s3://backup/{key} is there already and is not what its source is, and OVERWRITE is never"
            )
        );
        assert_eq!(error.error_type(), "DestinationExists");
        assert_eq!(
            world.requests_since(&before),
            [("s3:HeadObject".to_owned(), 2)].into()
        );
        assert_eq!(world.head(DEST, key).await.unwrap().cache_control(), None);
        for _ in 0..2 {
            assert_ne!(always.copy(key).await.unwrap().action, Action::Unchanged);
            let copy = world.head(DEST, key).await.unwrap();
            assert_eq!(copy.cache_control(), Some("max-age=60"));
        }
    }
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
}

#[tokio::test]
async fn deliveries_at_the_same_time_leave_one_correct_object_under_every_policy() {
    let world = World::start().await;
    for overwrite in ["never", "always"] {
        let copier = world.copier([SMALL[0], SMALL[1], ("OVERWRITE", overwrite)]);
        for (key, size) in KEYS {
            let key = &format!("{overwrite}/{key}");
            world.put(key, size, everything());
            let outcomes = futures::future::join_all((0..10).map(|_| copier.copy(key))).await;
            for outcome in outcomes {
                assert_eq!(outcome.unwrap().verified_by(), "CRC64NVME", "{key}");
            }
            let (source, copy) = (
                world.head(SOURCE, key).await.unwrap(),
                world.head(DEST, key).await.unwrap(),
            );
            assert_eq!(copy.checksum_crc64_nvme(), source.checksum_crc64_nvme());
        }
    }
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
}

#[tokio::test]
async fn a_copy_has_what_is_to_be_preserved_and_nothing_else() {
    let world = World::start().await;
    for (key, size) in KEYS {
        world.put(key, size, everything());
        annotate(&world, SOURCE, key, "note", "seen by station 7").await;
        annotate(&world, SOURCE, key, "größe", "ü").await;
        for (preserve, metadata, tags, notes) in [
            ("", true, true, false),
            ("metadata", true, false, false),
            ("tags", false, true, false),
            ("annotations", false, false, true),
            ("metadata,tags,annotations", true, true, true),
            ("none", false, false, false),
        ] {
            let prefix = format!("{}/", preserve.replace(',', "-"));
            let copier = world.copier([
                SMALL[0],
                SMALL[1],
                ("PRESERVE", preserve),
                ("DEST_PREFIX", &prefix),
            ]);
            let outcome = copier.copy(key).await.unwrap();
            assert_ne!(outcome.action, Action::Unchanged, "{preserve}");
            let at = format!("{prefix}{key}");
            let copy = world.head(DEST, &at).await.unwrap();
            let shown = |it: Option<&str>| it.is_some();
            assert_eq!(shown(copy.cache_control()), metadata, "{preserve}");
            assert_eq!(
                shown(copy.website_redirect_location()),
                metadata,
                "{preserve}"
            );
            assert_eq!(copy.metadata().unwrap().is_empty(), !metadata, "{preserve}");
            assert_eq!(
                world.tags(DEST, &at).await.len(),
                2 * usize::from(tags),
                "{preserve}"
            );
            let expected = match notes {
                true => annotations(&world, SOURCE, key).await,
                false => BTreeMap::new(),
            };
            assert_eq!(annotations(&world, DEST, &at).await, expected, "{preserve}");
            let again = copier.copy(key).await.unwrap();
            assert_eq!(again.action, Action::Unchanged, "{preserve}");
        }
    }
}

#[tokio::test]
async fn annotations_that_a_copy_lacks_are_put_to_it_by_the_next_delivery() {
    let world = World::start().await;
    world.put("k", 12 * MIB, everything());
    for number in 0..40 {
        annotate(&world, SOURCE, "k", &format!("note-{number}"), "text").await;
    }
    world.copier(SMALL).copy("k").await.unwrap();
    annotate(&world, DEST, "k", "note-7", "text").await;
    annotate(&world, DEST, "k", "note-8", "another text").await;
    let before = world.sandbox.requests();
    let copier = world.copier([
        SMALL[0],
        SMALL[1],
        ("PRESERVE", "metadata,tags,annotations"),
    ]);
    assert_eq!(copier.copy("k").await.unwrap().action, Action::Unchanged);
    assert_eq!(
        annotations(&world, DEST, "k").await,
        annotations(&world, SOURCE, "k").await
    );
    assert_eq!(world.requests_since(&before)["s3:PutObjectAnnotation"], 39);
}

#[tokio::test]
async fn within_one_bucket_a_copy_is_never_copied() {
    let world = World::start().await;
    let within = [
        SMALL[0],
        SMALL[1],
        ("DEST_BUCKET", SOURCE),
        ("DEST_PREFIX", "backup/"),
    ];
    let copier = world.copier(within);
    world.put("2016-06-30/k", 10, everything());
    copier.copy("2016-06-30/k").await.unwrap();
    let before = world.sandbox.requests();
    let error = copier.copy("backup/2016-06-30/k").await.unwrap_err();
    assert_eq!(error.error_type(), "SourceIsCopy");
    assert!(world.requests_since(&before).is_empty());
}

#[tokio::test]
async fn a_source_whose_readers_pay_is_copied_where_that_is_configured() {
    let world = World::start().await;
    for (key, size) in KEYS {
        world.put(key, size, everything());
        annotate(&world, SOURCE, key, "note", "text").await;
    }
    world.charge_readers().await;
    let preserve = ("PRESERVE", "metadata,tags,annotations");
    let pays = world.copier([SMALL[0], SMALL[1], preserve, ("REQUEST_PAYER", "requester")]);
    let pays_not = world.copier([SMALL[0], SMALL[1], preserve]);
    for (key, _) in KEYS {
        let error = pays_not.copy(key).await.unwrap_err();
        assert_eq!(error.error_type(), "AccessDenied");
        assert!(world.head(DEST, key).await.is_none());
        pays.copy(key).await.unwrap();
        assert_eq!(world.tags(DEST, key).await.len(), 2);
        assert_eq!(annotations(&world, DEST, key).await.len(), 1);
    }
}

#[tokio::test]
async fn a_source_with_a_customers_own_key_is_unsupported_and_says_so() {
    let world = World::start().await;
    for (key, size) in KEYS {
        let encrypted = Attributes {
            encryption: Encryption::Customer,
            ..everything()
        };
        world.put(key, size, encrypted);
        let error = world.copier(SMALL).copy(key).await.unwrap_err();
        let chain = backup::aws::chain(&error);
        assert_eq!(error.error_type(), "Unsupported", "{chain}");
        assert!(
            chain.starts_with(&format!(
                "s3://source/{key} is encrypted with a customer-provided key (SSE-C), \
                 and the copier has none to send: InvalidRequest: "
            )),
            "{chain}"
        );
        assert!(world.head(DEST, key).await.is_none());
    }
}
