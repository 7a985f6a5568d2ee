//! Both real binaries under every fault at once: nothing is lost, and nothing is ever wrong.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use sandbox::faults::{Injection, Plan};
use sandbox::lambda::Lambda;
use sandbox::s3::Attributes;
use serde_json::{Value, json};
use tests::{DEST, MIB, ODD_KEYS, SOURCE, World, everything};

/// Small parts, every property preserved, and no half minute of waiting for an answer that never comes.
const VARIABLES: [(&str, &str); 4] = [
    ("PART_SIZE_MIB", "5"),
    ("MULTIPART_THRESHOLD_MIB", "12"),
    ("PRESERVE", "metadata,tags,annotations"),
    ("ANSWER_TIMEOUT_SECS", "1"),
];

const OBJECTS: usize = 300;
const DAY: &str = "2016-06-30/";

/// Sizes from nothing to 2 GB, with those around a part's and the threshold.
const SIZES: [u64; 15] = [
    0,
    1,
    4_096,
    5 * MIB - 1,
    5 * MIB,
    5 * MIB + 1,
    12 * MIB - 1,
    12 * MIB,
    12 * MIB + 1,
    20 * MIB,
    33_333_333,
    64 * MIB,
    100_000_000,
    250_000_000,
    2_000_000_000,
];

fn plan(seed: u64) -> Plan {
    let before = |rate: f64| {
        json!({
            "slow_down": rate, "internal_error": rate, "reset_before": rate / 2.0, "reset_after": rate / 2.0,
            "access_denied": 0.002, "stall": 0.003,
        })
    };
    let with_200 = |rate: f64| {
        let mut rates = before(rate);
        rates["error_in_200"] = json!(rate);
        rates["empty_200"] = json!(rate / 4.0);
        rates["access_denied"] = json!(0.000_5);
        rates["stall"] = json!(0.001);
        rates
    };
    // What is denied is not asked again, and an upload whose abort is denied stays.
    let mut abort = before(0.06);
    abort["access_denied"] = json!(0.0);
    let plan = json!({
        "seed": seed,
        "s3": {
            "*": before(0.06),
            "CopyObject": with_200(0.05),
            "UploadPartCopy": with_200(0.04),
            "CompleteMultipartUpload": with_200(0.05),
            "AbortMultipartUpload": abort,
        },
        "sns": {
            "PublishBatch": {
                "internal_error": 0.1, "error_after": 0.1, "reset_before": 0.05, "reset_after": 0.05,
                "stall": 0.02, "entry_failed": 0.1,
            },
            "deliveries": { "duplicate": 0.15, "delay": 0.2 },
        },
        "lambda": {
            "publisher": { "kill": 0.2, "timeout": 0.1 },
            "copier": { "kill": 0.15, "timeout": 0.1 },
        },
        "source": { "bucket": SOURCE, "overwrite": 0.003, "delete": 0.000_5 },
    });
    Plan::parse(&plan.to_string()).unwrap()
}

/// Puts the day into the source bucket and returns its keys.
async fn fill(world: &World) -> Vec<String> {
    let mut keys = Vec::new();
    for number in 0..OBJECTS {
        let odd = ODD_KEYS[number % ODD_KEYS.len()];
        let key = format!("{DAY}{number:03} {odd}");
        let mut attributes = match number % 3 {
            0 => Attributes::default(),
            _ => everything(),
        };
        if number % 4 == 1 {
            attributes.storage_class = Some("STANDARD_IA".to_owned());
        }
        match number % 30 {
            // Real bytes with the checksum of an older or another writer.
            29 => put_with(world, &key, ChecksumAlgorithm::Sha256).await,
            14 => put_with(world, &key, ChecksumAlgorithm::Crc32C).await,
            _ => world.put(&key, SIZES[(number / 2) % SIZES.len()], attributes),
        }
        if number % 10 == 3 {
            let put = world.s3.put_object_annotation().bucket(SOURCE).key(&key);
            put.annotation_name("note")
                .annotation_payload(ByteStream::from_static(b"seen by station 7"))
                .send()
                .await
                .unwrap();
        }
        keys.push(key);
    }
    keys
}

async fn put_with(world: &World, key: &str, algorithm: ChecksumAlgorithm) {
    let put = world.s3.put_object().bucket(SOURCE).key(key);
    put.body(
        key.repeat(13 * MIB as usize / key.len())
            .into_bytes()
            .into(),
    )
    .checksum_algorithm(algorithm)
    .content_type("text/plain")
    .send()
    .await
    .unwrap();
}

/// How a copy differs from its source, by all that S3 shows of them.
async fn difference(world: &World, key: &str) -> Option<String> {
    let source = world.head(SOURCE, key).await.unwrap();
    let Some(copy) = world.head(DEST, key).await else {
        return Some("not copied".to_owned());
    };
    let sum = |of: Option<&str>, its: Option<&str>| of.is_none() || of == its;
    let are_equal = [
        ("size", source.content_length() == copy.content_length()),
        (
            "CRC64NVME",
            sum(source.checksum_crc64_nvme(), copy.checksum_crc64_nvme()),
        ),
        (
            "CRC32C",
            sum(source.checksum_crc32_c(), copy.checksum_crc32_c()),
        ),
        (
            "Cache-Control",
            source.cache_control() == copy.cache_control(),
        ),
        (
            "Content-Disposition",
            source.content_disposition() == copy.content_disposition(),
        ),
        (
            "Content-Encoding",
            source.content_encoding() == copy.content_encoding(),
        ),
        (
            "Content-Language",
            source.content_language() == copy.content_language(),
        ),
        ("Content-Type", source.content_type() == copy.content_type()),
        (
            "redirect",
            source.website_redirect_location() == copy.website_redirect_location(),
        ),
        ("metadata", source.metadata() == copy.metadata()),
        (
            "storage class",
            source.storage_class() == copy.storage_class(),
        ),
        (
            "tags",
            world.tags(SOURCE, key).await == world.tags(DEST, key).await,
        ),
        (
            "annotations",
            annotations(world, SOURCE, key).await == annotations(world, DEST, key).await,
        ),
    ];
    let unequal = are_equal.into_iter().find(|(_, equal)| !equal);
    unequal.map(|(what, _)| format!("another {what}"))
}

async fn annotations(world: &World, bucket: &str, key: &str) -> Vec<(String, i64)> {
    let list = world.s3.list_object_annotations().bucket(bucket).key(key);
    let entries = list.send().await.unwrap().annotations.unwrap_or_default();
    entries
        .into_iter()
        .map(|entry| (entry.annotation_name, entry.size))
        .collect()
}

/// Looks at the destination as any reader would, until it is dropped; faults hit readers, too.
async fn read_on(world: &World, keys: &[String], seen: &mut BTreeSet<(String, String)>) {
    for key in keys.iter().cycle() {
        // The reader's own requests are stalled, too.
        let head = tokio::time::timeout(Duration::from_millis(500), world.head(DEST, key));
        if let Ok(Some(copy)) = head.await {
            let sum = copy.checksum_crc64_nvme().unwrap_or_default().to_owned();
            seen.insert((key.clone(), format!("{:?} {sum}", copy.content_length())));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The key that an event of the copier asks for.
fn key_of(event: &Value) -> String {
    let message = event["Records"][0]["Sns"]["Message"].as_str().unwrap();
    let message: Value = serde_json::from_str(message).unwrap();
    assert_eq!(
        (&message["v"], &message["bucket"]),
        (&json!(1), &json!(SOURCE))
    );
    message["key"].as_str().unwrap().to_owned()
}

/// What happened to each key: the kinds of the faults in whose subjects it stands.
struct Happened(Vec<Injection>);

impl Happened {
    fn count(&self, key: &str, kinds: &[&str]) -> usize {
        let places = [format!("{SOURCE}/{key}"), format!("{DEST}/{key}")];
        self.0
            .iter()
            .filter(|injection| kinds.contains(&injection.kind.as_str()))
            .filter(|injection| match injection.kind.starts_with("lambda:") {
                true => {
                    injection.operation == "copier"
                        && key_of(&serde_json::from_str(&injection.subject).unwrap()) == key
                }
                false => places.contains(&injection.subject),
            })
            .count()
    }

    /// Whether the reason an event was given up for is what really happened.
    fn explains(&self, key: &str, error_type: &str) -> bool {
        let kinds: &[&str] = match error_type {
            "Runtime.ExitError" => &["lambda:kill"],
            "Sandbox.Timedout" => &["lambda:timeout"],
            "AccessDenied" => &["s3:access_denied"],
            "SourceMissing" => &["source:delete"],
            "SourceChanged" => &["source:overwrite", "source:delete"],
            "DestinationChanged" => &[
                "sns:duplicate",
                "s3:reset_after",
                "lambda:kill",
                "lambda:timeout",
            ],
            "Throttled" => &["s3:slow_down"],
            "Unavailable" => &[
                "s3:internal_error",
                "s3:reset_before",
                "s3:reset_after",
                "s3:stall",
                "s3:error_in_200",
                "s3:empty_200",
            ],
            _ => return false,
        };
        error_type == "DestinationChanged" || self.count(key, kinds) > 0
    }
}

async fn survives(seed: u64) {
    let world = World::start().await;
    world.sandbox.s3().keep_states();
    let keys = fill(&world).await;
    world.deploy(24, &VARIABLES).await;
    let (lambda, faults) = (world.sandbox.lambda(), world.sandbox.faults());
    let mut seen = BTreeSet::new();

    faults.inject(plan(seed));
    let daily = json!({ "scheduled_time": "2016-07-01T02:00:00Z" });
    lambda.invoke_async("publisher", daily.to_string()).unwrap();
    tokio::select! {
        () = idle(lambda) => {}
        () = read_on(&world, &keys, &mut seen) => {}
    }
    faults.stop();

    let injected = faults.injected();
    println!("seed {seed}: {injected:?}");
    let total: u64 = injected.values().sum();
    assert!(total >= 1_500, "only {total} faults");
    let wrong = world.sandbox.s3().wrong(SOURCE, DEST).unwrap();
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    assert!(!seen.is_empty(), "the reader saw nothing");
    let happened = Happened(faults.injections());
    assert_all_accounted_for(&world, &keys, &happened).await;
    assert_uploads_accounted_for(&world, &happened).await;

    // The operator redrives what failed.
    for function in ["publisher", "copier"] {
        for record in lambda.failures(function).unwrap() {
            let event = record["requestPayload"].to_string();
            lambda.invoke_async(function, event).unwrap();
        }
    }
    idle(lambda).await;
    for key in &keys {
        if world.head(SOURCE, key).await.is_some() {
            assert_eq!(difference(&world, key).await, None, "seed {seed}: {key:?}");
        }
    }
    let wrong = world.sandbox.s3().wrong(SOURCE, DEST).unwrap();
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
}

/// Waits for the end of every event; a run that hangs is a failure, not a long wait.
async fn idle(lambda: &Lambda) {
    let ends = tokio::time::timeout(Duration::from_secs(900), lambda.idle());
    ends.await.expect("an event never ended");
}

/// Every source is equal at the destination, or a failure queue holds its message and the true reason.
async fn assert_all_accounted_for(world: &World, keys: &[String], happened: &Happened) {
    let lambda = world.sandbox.lambda();
    let mut failed = BTreeMap::new();
    for record in lambda.failures("copier").unwrap() {
        let key = key_of(&record["requestPayload"]);
        let error_type = record["responsePayload"]["errorType"].as_str().unwrap();
        assert!(
            happened.explains(&key, error_type),
            "{key:?} failed with {error_type}, which nothing explains: {record}"
        );
        failed.insert(key, error_type.to_owned());
    }
    let is_all_published = lambda.failures("publisher").unwrap().is_empty();
    for key in keys {
        if world.head(SOURCE, key).await.is_none() {
            assert!(
                happened.count(key, &["source:delete"]) > 0,
                "{key:?} is lost"
            );
            continue;
        }
        let difference = difference(world, key).await;
        let is_accounted_for =
            difference.is_none() || failed.contains_key(key) || !is_all_published;
        assert!(is_accounted_for, "{key:?}: {difference:?}");
    }
}

/// An upload that is open is that of a copier that was killed, or one whose creation S3 never confirmed.
async fn assert_uploads_accounted_for(world: &World, happened: &Happened) {
    let list = world.s3.list_multipart_uploads().bucket(DEST);
    let open = list.encoding_type("url".into()).send().await.unwrap();
    assert_ne!(open.is_truncated(), Some(true));
    let mut of_key = BTreeMap::<_, usize>::new();
    for upload in open.uploads() {
        let key = backup::object::decode_listed_key(upload.key().unwrap()).unwrap();
        *of_key.entry(key).or_default() += 1;
    }
    for (key, uploads) in of_key {
        let killed = happened.count(&key, &["lambda:kill", "lambda:timeout"]);
        let unconfirmed = happened.0.iter().filter(|injection| {
            injection.operation == "CreateMultipartUpload"
                && injection.kind == "s3:reset_after"
                && injection.subject == format!("{DEST}/{key}")
        });
        let explained = killed + unconfirmed.count();
        assert!(
            uploads <= explained,
            "{uploads} uploads of {key:?} are open, {killed} copiers of it were killed"
        );
    }
}

/// One test per seed, so that they run side by side and a failure names its own.
macro_rules! seeds {
    ($($name:ident: $seed:literal),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            survives($seed).await;
        }
    )*};
}

seeds! {
    seed_1_loses_nothing_and_makes_nothing_wrong: 1,
    seed_2_loses_nothing_and_makes_nothing_wrong: 2,
    seed_3_loses_nothing_and_makes_nothing_wrong: 3,
    seed_4_loses_nothing_and_makes_nothing_wrong: 4,
    seed_5_loses_nothing_and_makes_nothing_wrong: 5,
    seed_6_loses_nothing_and_makes_nothing_wrong: 6,
    seed_7_loses_nothing_and_makes_nothing_wrong: 7,
    seed_8_loses_nothing_and_makes_nothing_wrong: 8,
    seed_9_loses_nothing_and_makes_nothing_wrong: 9,
    seed_10_loses_nothing_and_makes_nothing_wrong: 10,
}
