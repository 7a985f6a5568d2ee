//! Copies that are cut off and gone on with: deadlines, uploads left open, and whose they are.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};
use backup::deadline::Deadline;
use copier::copy::Action;
use sandbox::s3::{Attributes, Content};
use tests::{DEST, MIB, SOURCE, World, everything};
use tokio::time::{Instant, sleep};

const GIB: u64 = 1 << 30;
const MARGIN: Duration = Duration::from_secs(4);

/// Parts of 5 MiB, and every copy in parts can be gone on with.
const RESUME: [(&str, &str); 3] = [
    ("PART_SIZE_MIB", "5"),
    ("MULTIPART_THRESHOLD_MIB", "12"),
    ("RESUME_THRESHOLD_GIB", "0"),
];

/// A deadline whose margin begins after so many milliseconds.
fn stop_after(millis: u64) -> Deadline {
    Deadline::before(
        Instant::now() + MARGIN + Duration::from_millis(millis),
        MARGIN,
    )
}

/// An upload to a key as the copier creates it, with the first of the object's parts, all of 5 MiB, copied
/// from another key.
async fn left_open(world: &World, key: &str, from: &str, parts: u64) -> String {
    let create = world.s3.create_multipart_upload().bucket(DEST).key(key);
    let upload = create
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .checksum_type(ChecksumType::FullObject)
        .send()
        .await
        .unwrap();
    let id = upload.upload_id.unwrap();
    for part in 0..parts {
        let (first, last) = (part * 5 * MIB, (part + 1) * 5 * MIB - 1);
        let copy = world.s3.upload_part_copy().bucket(DEST).key(key);
        copy.upload_id(&id)
            .part_number(part as i32 + 1)
            .copy_source(format!("{SOURCE}/{from}"))
            .copy_source_range(format!("bytes={first}-{last}"))
            .send()
            .await
            .unwrap();
    }
    id
}

async fn assert_equal(world: &World, key: &str) {
    let (source, copy) = (
        world.head(SOURCE, key).await.unwrap(),
        world.head(DEST, key).await.unwrap(),
    );
    assert_eq!(copy.content_length(), source.content_length());
    assert_eq!(copy.checksum_crc64_nvme(), source.checksum_crc64_nvme());
    assert_eq!(copy.metadata(), source.metadata());
}

/// S3 keeps whole seconds: an upload of the second in which its source changed is none to go on with.
async fn next_second() {
    sleep(Duration::from_millis(1_100)).await;
}

#[tokio::test]
async fn a_large_copy_stops_at_its_deadline_and_the_next_copies_only_what_is_missing() {
    let world = World::start().await;
    world.put("k", 12 * GIB, everything());
    next_second().await;
    let copier = world.copier(RESUME);
    let mut stops = 0;
    let outcome = loop {
        match copier.copy_until("k", stop_after(400)).await {
            Ok(outcome) => break outcome,
            Err(error) => {
                assert_eq!(error.error_type(), "DeadlineNear", "{error:?}");
                assert!(world.sandbox.s3().open_uploads(DEST) <= 1);
                assert!(world.head(DEST, "k").await.is_none());
                stops += 1;
            }
        }
    };
    assert!(stops > 0, "it never stopped");
    let Action::CopiedInParts { parts, found } = outcome.action else {
        panic!("{outcome:?}");
    };
    assert_eq!(parts, 2_457);
    assert!(found > 0);
    assert_eq!(outcome.verified_by(), "CRC64NVME");
    // Those in flight were waited for, so none was copied twice.
    assert_eq!(world.sandbox.requests()["s3:UploadPartCopy"], 2_457);
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
    assert_equal(&world, "k").await;
}

#[tokio::test]
async fn a_copy_below_the_threshold_that_stops_at_its_deadline_leaves_nothing() {
    let world = World::start().await;
    world.put("k", 48 * GIB, everything());
    let copier = world.copier([RESUME[0], RESUME[1]]);
    let error = copier.copy_until("k", stop_after(400)).await.unwrap_err();
    assert_eq!(
        backup::aws::chain(&error),
        "the invocation's time was up before s3://backup/k was copied"
    );
    assert!(world.head(DEST, "k").await.is_none());
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
    assert_eq!(world.sandbox.requests()["s3:AbortMultipartUpload"], 1);
}

#[tokio::test]
async fn a_copy_that_begins_too_late_asks_for_nothing() {
    let world = World::start().await;
    world.put("k", 12 * MIB, everything());
    let before = world.sandbox.requests();
    let copier = world.copier(RESUME);
    let error = copier.copy_until("k", stop_after(0)).await.unwrap_err();
    assert_eq!(error.error_type(), "DeadlineNear");
    assert!(world.requests_since(&before).is_empty());
}

#[tokio::test]
async fn goes_on_with_the_upload_that_has_most_parts_and_leaves_the_others() {
    let world = World::start().await;
    world.put("k", 50 * MIB, Attributes::default());
    world.put("k2", 50 * MIB, Attributes::default());
    next_second().await;
    left_open(&world, "k", "k", 3).await;
    let most = left_open(&world, "k", "k", 6).await;
    left_open(&world, "k", "k", 0).await;
    // The first nine parts of another key's copy are none of this one's.
    left_open(&world, "k2", "k2", 9).await;
    let before = world.sandbox.requests();
    let outcome = world.copier(RESUME).copy("k").await.unwrap();
    assert_eq!(
        outcome.action,
        Action::CopiedInParts {
            parts: 10,
            found: 6
        }
    );
    assert_eq!(world.requests_since(&before)["s3:UploadPartCopy"], 4);
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 3);
    let gone = world.s3.list_parts().bucket(DEST).key("k").upload_id(most);
    assert!(gone.send().await.is_err(), "it was completed");
    assert_equal(&world, "k").await;
}

#[tokio::test]
async fn an_upload_with_a_part_of_another_size_or_of_another_checksum_is_left_alone() {
    let world = World::start().await;
    world.put("k", 48 * MIB, Attributes::default());
    world.put("other", 50 * MIB, Attributes::default());
    next_second().await;
    // 48 MiB come in ten parts of 4.8 MiB rounded up to nine of 5.33 MiB, not of 5 MiB.
    left_open(&world, "k", "k", 9).await;
    let crc32 = world.s3.create_multipart_upload().bucket(DEST).key("k");
    let crc32 = crc32
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .checksum_type(ChecksumType::FullObject);
    crc32.send().await.unwrap();
    let outcome = world.copier(RESUME).copy("k").await.unwrap();
    assert_eq!(outcome.action, Action::CopiedInParts { parts: 9, found: 0 });
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 2);
    assert_equal(&world, "k").await;
}

#[tokio::test]
async fn an_upload_older_than_the_sources_last_change_is_left_alone() {
    let world = World::start().await;
    world.put("k", 50 * MIB, Attributes::default());
    left_open(&world, "k", "k", 9).await;
    next_second().await;
    world.put("k", 50 * MIB, everything());
    let outcome = world.copier(RESUME).copy("k").await.unwrap();
    assert_eq!(
        outcome.action,
        Action::CopiedInParts {
            parts: 10,
            found: 0
        }
    );
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 1);
    assert_equal(&world, "k").await;
}

#[tokio::test]
async fn an_upload_left_open_with_other_metadata_does_not_make_a_copy_without_it() {
    let world = World::start().await;
    world.put("k", 50 * MIB, everything());
    next_second().await;
    left_open(&world, "k", "k", 9).await;
    let outcome = world.copier(RESUME).copy("k").await.unwrap();
    assert_eq!(
        outcome.action,
        Action::CopiedInParts {
            parts: 10,
            found: 0
        }
    );
    assert_equal(&world, "k").await;
    assert_eq!(world.tags(DEST, "k").await, world.tags(SOURCE, "k").await);
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
}

#[tokio::test]
async fn parts_that_prove_to_be_of_other_bytes_are_given_back_and_the_copy_is_made_afresh() {
    let world = World::start().await;
    world.put("k", 50 * MIB, everything());
    world.put("other", 50 * MIB, Attributes::default());
    next_second().await;
    left_open(&world, "k", "other", 9).await;
    let outcome = world.copier(RESUME).copy("k").await.unwrap();
    assert_eq!(
        outcome.action,
        Action::CopiedInParts {
            parts: 10,
            found: 0
        }
    );
    assert_eq!(world.sandbox.requests()["s3:CompleteMultipartUpload"], 2);
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
    assert_equal(&world, "k").await;
}

#[tokio::test]
async fn without_a_checksum_to_compare_nothing_is_gone_on_with() {
    let world = World::start().await;
    let put = world.s3.put_object().bucket(SOURCE).key("k");
    put.body(vec![7; 50 * MIB as usize].into())
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await
        .unwrap();
    next_second().await;
    left_open(&world, "k", "k", 9).await;
    let outcome = world.copier(RESUME).copy("k").await.unwrap();
    assert_eq!(
        outcome.action,
        Action::CopiedInParts {
            parts: 10,
            found: 0
        }
    );
    assert_eq!(outcome.verified_by(), "size");
    assert!(
        !world
            .sandbox
            .requests()
            .contains_key("s3:ListMultipartUploads")
    );
}

#[tokio::test]
async fn any_number_of_copies_that_share_an_upload_leave_one_correct_object() {
    let world = World::start().await;
    world.put("k", 500 * MIB, everything());
    next_second().await;
    left_open(&world, "k", "k", 50).await;
    let copier = world.copier(RESUME);
    let outcomes = futures::future::join_all((0..8).map(|_| copier.copy("k"))).await;
    for outcome in outcomes {
        assert_eq!(outcome.unwrap().verified_by(), "CRC64NVME");
    }
    assert_equal(&world, "k").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_2_tb_that_is_killed_three_times_copies_next_to_nothing_twice() {
    const PARTS: u64 = 10_000;
    const PARTS_IN_FLIGHT: u64 = 16;
    let world = World::start().await;
    world.put("2016-06-30/2tb", 2_000_000_000_000, everything());
    next_second().await;
    let topic = world.deploy(1, &[]).await;
    let (lambda, before) = (world.sandbox.lambda(), world.sandbox.requests());
    let parts = || {
        let requests = world.sandbox.requests();
        requests.get("s3:UploadPartCopy").copied().unwrap_or(0)
    };
    let publish = world.sns.publish().topic_arn(&topic);
    publish.message("2016-06-30/2tb").send().await.unwrap();
    for kill in 1..=3 {
        while parts() < kill * PARTS / 4 {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(tests::kill("copier"), 1);
    }
    lambda.idle().await;
    assert!(world.head(DEST, "2016-06-30/2tb").await.is_none());
    let failures = lambda.failures("copier").unwrap();
    let [record] = &failures[..] else {
        panic!("{failures:?}");
    };
    assert_eq!(record["responsePayload"]["errorType"], "Runtime.ExitError");

    let redriven = lambda.invoke("copier", record["requestPayload"].to_string());
    assert_eq!(redriven.await.unwrap().function_error, None);
    let requests = world.requests_since(&before);
    let of_s3 = requests.iter().filter(|(name, _)| name.starts_with("s3:"));
    let total: u64 = of_s3.map(|(_, count)| count).sum();
    println!("{total} requests: {requests:?}");
    assert!(
        total <= PARTS + 3 * PARTS_IN_FLIGHT + 20,
        "{total} requests: {requests:?}"
    );
    assert_equal(&world, "2016-06-30/2tb").await;
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
}

#[tokio::test]
async fn sizes_at_every_threshold_are_copied() {
    let world = World::start().await;
    let copier = world.copier([]);
    let largest_parts = world.copier([
        ("PART_SIZE_MIB", "5120"),
        ("MULTIPART_THRESHOLD_MIB", "5120"),
    ]);
    let block = Content::repeat(vec![3; 1 << 16].into(), 48 << 40);
    let in_parts = |parts| Action::CopiedInParts { parts, found: 0 };
    for (copier, size, action) in [
        (&copier, 256 * MIB - 1, Action::CopiedAtOnce),
        (&copier, 256 * MIB, in_parts(4)),
        (&copier, 256 * MIB + 1, in_parts(5)),
        (&copier, 50 * GIB, in_parts(800)),
        (&largest_parts, 5 * GIB - 1, Action::CopiedAtOnce),
        (&largest_parts, 5 * GIB, in_parts(1)),
        (&largest_parts, 5 * GIB + 1, in_parts(2)),
        (&largest_parts, 500 * GIB, in_parts(100)),
        (&copier, 48 << 40, in_parts(10_000)),
    ] {
        let key = size.to_string();
        let content = block.slice(0..size);
        world
            .sandbox
            .s3()
            .put(SOURCE, &key, content, everything())
            .unwrap();
        let outcome = copier.copy(&key).await.unwrap();
        assert_eq!((outcome.action, outcome.size_bytes), (action, size));
        assert_eq!(outcome.verified_by(), "CRC64NVME");
        assert_equal(&world, &key).await;
    }
}
