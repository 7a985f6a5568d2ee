//! `s3-fanout plan`, the built command, against the sandbox.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};
use std::time::Duration;

use sandbox::faults::Plan;
use sandbox::s3::Attributes;
use sandbox::timing::{Latency, Model};
use serde_json::{Value, json};
use tests::{DEST, MIB, SOURCE, World, operate, operator, told};

const DAY: [&str; 2] = ["--date", "2016-06-30"];

/// `plan` of the world's buckets, with further words.
fn plan(world: &World, words: &[&str]) -> Command {
    let buckets = ["plan", "--source", SOURCE, "--dest", DEST];
    let mut command = operator(world);
    command.args(buckets).args(words);
    command
}

/// The answer of `--json` and the exit status.
async fn answer(world: &World, words: &[&str]) -> (Value, Option<i32>) {
    let output = operate(plan(world, &[words, &["--json"]].concat())).await;
    (tests::answer(&output), output.status.code())
}

fn put(world: &World, key: &str, size_bytes: u64) {
    world.put(key, size_bytes, Attributes::default());
}

fn put_archived(world: &World, key: &str, size_bytes: u64) {
    let archived = Attributes {
        storage_class: Some("GLACIER".to_owned()),
        ..Attributes::default()
    };
    world.put(key, size_bytes, archived);
}

/// What the settings are set to, in the order in which they are told.
fn settings(answer: &Value) -> Vec<(String, u64)> {
    let settings = answer["estimate"]["settings"].as_array().unwrap();
    let setting = |setting: &Value| {
        let parameter = setting["parameter"].as_str().unwrap().to_owned();
        (parameter, setting["value"].as_u64().unwrap())
    };
    settings.iter().map(setting).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_is_what_a_backup_then_asks_for() {
    let world = World::start().await;
    for (n, mib) in [0, 1, 255, 256, 700, 2_000].into_iter().enumerate() {
        put(&world, &format!("2016-06-30/{n}"), mib * MIB);
    }
    put(&world, "2016-07-01/another day", 1);
    // A copy of the second in which its source was written is no proof of being the same.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let words = [&DAY[..], &["--part-size-mib", "64"]].concat();
    let before = world.sandbox.requests();
    let (planned, status) = answer(&world, &words).await;
    assert_eq!(status, Some(0), "{planned}");
    assert_eq!(
        planned["to_copy"],
        json!({"objects": 6, "bytes": 3_212 * MIB})
    );
    let asked = world.requests_since(&before);
    let kinds: Vec<_> = asked.keys().map(String::as_str).collect();
    assert_eq!(
        kinds,
        ["s3:HeadBucket", "s3:ListObjectsV2"],
        "it only looks"
    );

    let before = world.sandbox.requests();
    let mut backup = operator(&world);
    backup
        .args(["backup", "--source", SOURCE, "--dest", DEST])
        .args(DAY);
    let output = operate(backup).await;
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
    let made = world.requests_since(&before);
    let requests = planned["estimate"]["requests"].as_object().unwrap();
    // The functions look at both sides of every object; here the listings have shown that there are no copies.
    assert_eq!(
        (requests["HeadObject"].as_u64(), made["s3:HeadObject"]),
        (Some(12), 6)
    );
    let operations = [
        "CopyObject",
        "CreateMultipartUpload",
        "UploadPartCopy",
        "CompleteMultipartUpload",
        "ListObjectsV2",
    ];
    for operation in operations {
        assert_eq!(
            requests[operation].as_u64(),
            made.get(&format!("s3:{operation}")).copied(),
            "{operation}: {planned}"
        );
    }
    // The objects have no tags; that they might have, a listing does not show.
    assert_eq!(requests["GetObjectTagging"], 3);
    assert_eq!(requests["PublishBatch"], 1);

    let (again, status) = answer(&world, &words).await;
    assert_eq!((status, &again["estimate"]), (Some(0), &Value::Null));
    assert_eq!(again["already_copied"], planned["to_copy"]);
    assert_eq!(again["to_copy"]["objects"], 0);
    let (all, _) = answer(&world, &[&words[..], &["--all"]].concat()).await;
    assert_eq!(
        all["to_copy"], planned["to_copy"],
        "all, as if nothing were copied"
    );
    assert_eq!(all["already_copied"], planned["to_copy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_250_objects_is_copied_with_what_the_template_has() {
    let world = World::start().await;
    for n in 0..250 {
        put(&world, &format!("2016-06-30/{n:03}"), 700_000_000);
    }
    let (planned, status) = answer(&world, &DAY).await;
    assert_eq!(status, Some(0));
    let chosen = settings(&planned);
    let chosen: Vec<_> = chosen
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    assert_eq!(
        &chosen[..4],
        [
            ("CopierReservedConcurrency", 100),
            ("PartSizeMib", 64),
            ("PartsInFlight", 16),
            ("MaxCopiesInFlight", 0)
        ]
    );
    assert_eq!(chosen[4].0, "CopyMibPerSec");
    let estimate = &planned["estimate"];
    assert_eq!(estimate["parts"], 250 * 11);
    assert_eq!(
        (
            &estimate["smallest_bytes"],
            &estimate["median_bytes"],
            &estimate["largest_bytes"]
        ),
        (
            &json!(700_000_000),
            &json!(700_000_000),
            &json!(700_000_000)
        )
    );
    assert_eq!(planned["model"], "s3-2023");
    // 250 copies of 3.25 s, 100 at once, are three turns.
    let elapsed_ms = estimate["elapsed_ms"].as_u64().unwrap();
    assert!((9_500..10_500).contains(&elapsed_ms), "{elapsed_ms}");
    let arm = estimate["cost_usd"]["arm64"]["total"].as_f64().unwrap();
    let x86 = estimate["cost_usd"]["x86_64"]["total"].as_f64().unwrap();
    assert!(0.017 < arm && arm < x86 && x86 < 0.02, "{arm} {x86}");
    assert_eq!(estimate["total_usd"].as_f64(), Some(arm));
    assert_eq!(estimate["times"].as_array().unwrap().len(), 6 * 5);

    let words = [
        &DAY[..],
        &["--concurrency", "10", "--architecture", "x86_64"],
    ]
    .concat();
    let (slower, _) = answer(&world, &words).await;
    assert_eq!(settings(&slower)[0].1, 10);
    assert!(slower["estimate"]["elapsed_ms"].as_u64().unwrap() > elapsed_ms);
    assert_eq!(slower["estimate"]["bound"], "concurrency");
    assert_eq!(slower["estimate"]["architecture"], "x86_64");
    assert!(slower["estimate"]["total_usd"].as_f64().unwrap() > arm);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_makes_another_plan_and_is_named() {
    let world = World::start().await;
    for n in 0..50 {
        put(&world, &format!("2016-06-30/{n:03}"), 700_000_000);
    }
    let of = async |model: &str| {
        let settings = ["--concurrency", "10", "--model", model];
        answer(&world, &[&DAY[..], &settings].concat()).await.0
    };
    let secs = |planned: &Value| planned["estimate"]["elapsed_ms"].as_f64().unwrap() / 1_000.0;
    let (in_2016, in_2023, near) = (of("s3-2016").await, of("s3-2023").await, of("lan").await);
    assert_eq!(in_2016["model"], "s3-2016");
    // Five turns: bytes were slower, and beginning and completing an upload was faster.
    let in_turns = |planned: &Value, turn: std::ops::Range<f64>| {
        assert!(turn.contains(&(secs(planned) / 5.0)), "{planned}");
    };
    in_turns(&in_2016, 1.0..1.5);
    in_turns(&in_2023, 2.6..3.4);
    assert!(secs(&near) < 0.1, "nothing but latency: {near}");
    assert_eq!(in_2023["estimate"]["prefix_writes_per_sec"], 3_500.0);
    assert_eq!(near["estimate"]["prefix_writes_per_sec"], Value::Null);

    let output = operate(plan(&world, &[&DAY[..], &["--model", "s3-1999"]].concat())).await;
    let (said, status) = told(&output);
    assert_eq!(status, Some(2), "{said}");
    assert!(
        said.contains("neither a model (s3-2016, s3-2023, lan)"),
        "{said}"
    );
}

/// The model is so slow that a fifth of the time is most of a second, which is more than a busy machine takes for 84
/// requests: what is compared is the arithmetic of turns and rounds, not the machine.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_planned_is_within_a_fifth_of_what_a_backup_takes() {
    let world = World::start().await;
    for n in 0..12 {
        put(
            &world,
            &format!("2016-06-30/{n:02}"),
            600_000_000 + n * 10_000_000,
        );
    }
    let json = json!({ "latency_ms": {
        "usual": 10,
        "ListObjectsV2": 100,
        "HeadObject": 50,
        "CreateMultipartUpload": 100,
        "UploadPartCopy": 400,
        "CompleteMultipartUpload": 300,
    } })
    .to_string();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("slow.json");
    std::fs::write(&file, &json).unwrap();
    // Three turns of four objects, each of them two rounds of two parts and one.
    let settings = [
        "--concurrency",
        "4",
        "--part-size-mib",
        "256",
        "--parts-in-flight",
        "2",
    ];
    let model = ["--all", "--model", file.to_str().unwrap()];
    let (planned, _) = answer(&world, &[&DAY[..], &settings, &model].concat()).await;
    assert_eq!(planned["model"], file.to_str().unwrap());

    world.sandbox.timing().set(Model::parse(&json).unwrap());
    let mut backup = operator(&world);
    backup
        .args(["backup", "--json", "--source", SOURCE, "--dest", DEST])
        .args(DAY)
        .args(settings);
    let run = tests::answer(&operate(backup).await);
    assert_eq!(run["copied"], 12, "{run}");
    let planned_ms = planned["estimate"]["elapsed_ms"].as_f64().unwrap();
    let taken_ms = run["elapsed_ms"].as_f64().unwrap();
    assert!(planned_ms > 3_000.0, "{planned_ms}");
    let apart = (planned_ms - taken_ms) / taken_ms;
    assert!(
        apart.abs() <= 0.2,
        "{planned_ms} ms planned, {taken_ms} ms taken"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_is_told_and_is_the_exit_status() {
    let world = World::start().await;
    put(&world, "2016-06-30/a.csv", 10 * MIB);
    put(&world, "2016-06-30/b.tmp", 20 * MIB);
    put_archived(&world, "2016-06-30/c.csv", 30 * MIB);
    let words = [&DAY[..], &["--exclude", "*.tmp"]].concat();
    let (planned, status) = answer(&world, &words).await;
    assert_eq!(status, Some(1));
    assert_eq!(planned["listed"], 3);
    assert_eq!(planned["filtered"], 1);
    assert_eq!(
        planned["archived"],
        json!({"objects": 1, "bytes": 30 * MIB})
    );
    assert_eq!(planned["to_copy"], json!({"objects": 1, "bytes": 10 * MIB}));
    let note = planned["notes"][0].as_str().unwrap();
    assert!(note.contains("1 archived: restore them"), "{note}");
    let words = [
        &DAY[..],
        &[
            "--exclude",
            "*.tmp",
            "--exclude",
            "c.*",
            "--exclude",
            "*/c*",
        ],
    ]
    .concat();
    let (_, status) = answer(&world, &words).await;
    assert_eq!(status, Some(0), "who leaves it out knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_too_long_for_an_invocation_is_told_with_settings_that_forbid_it() {
    let world = World::start().await;
    put(&world, "2016-06-30/large", 2_000_000_000_000);
    let one = [&DAY[..], &["--parts-in-flight", "1"]].concat();
    let (planned, status) = answer(&world, &one).await;
    assert_eq!(status, Some(1), "{planned}");
    assert_eq!(planned["estimate"]["too_long"], 1);
    let (planned, status) = answer(&world, &DAY).await;
    assert_eq!(status, Some(0), "{planned}");
    assert_eq!(planned["estimate"]["bound"], "largest_object");
    assert!(planned["estimate"]["longest_copy_ms"].as_u64().unwrap() < 880_000);
    assert!(
        settings(&planned)[2].1 >= 64,
        "more parts at once: {planned}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_reads_how_much_how_long_and_what_it_costs_first() {
    let world = World::start().await;
    for day in 1..=3 {
        for n in 0..20 {
            put(
                &world,
                &format!("2016-06-{day:02}/{n}"),
                1_000_000 * 10_u64.pow(n % 4),
            );
        }
    }
    let range = ["--from", "2016-06-01", "--to", "2016-06-03"];
    let output = operate(plan(&world, &range)).await;
    let (said, status) = told(&output);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("listing\n"), "{said}");
    assert!(said.contains("60 objects"), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let first = text.trim_start().lines().next().unwrap();
    assert!(
        first.starts_with("60 objects, 16.7 GB from source to backup: about "),
        "{first}"
    );
    assert!(first.contains(", $0.00"), "{first}");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line:?} is too wide");
        assert_eq!(line, line.trim_end());
    }
    for expected in [
        "CopierReservedConcurrency",
        "900",
        "November 2026",
        "Little's law",
        "UploadPartCopy",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_mistypes_is_told_what_to_correct() {
    let world = World::start().await;
    put(&world, "2016-06-30/a", 1);
    let (planned, status) = answer(&world, &["--date", "2016-06-29"]).await;
    assert_eq!((status, &planned["listed"]), (Some(0), &json!(0)));
    let output = operate(plan(&world, &["--date", "2016-06-29"])).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("no key of source begins so; correct the days"),
        "{text}"
    );

    let wrong = [
        (
            &["--date", "2016-06-31"][..],
            2,
            "days are written YYYY-MM-DD",
        ),
        (
            &["--from", "2016-06-30", "--to", "2016-06-01"],
            2,
            "--from 2016-06-30 and --to 2016-06-01",
        ),
        (
            &["--prefix", "", "--part-size-mib", "4"],
            2,
            "4 is not in 5..=5120",
        ),
        (
            &["--prefix", "", "--concurrency", "0"],
            2,
            "0 is not in 1..=10000",
        ),
        (
            &["--prefix", "", "--dest", "nowhere"],
            2,
            "cannot be used multiple times",
        ),
        (&[], 2, "--date"),
    ];
    for (words, expected, says) in wrong {
        let (said, status) = told(&operate(plan(&world, words)).await);
        assert_eq!(status, Some(expected), "{words:?}: {said}");
        assert!(said.contains(says), "{words:?}: {said}");
    }
    let mut elsewhere = operator(&world);
    elsewhere
        .args(["plan", "--source", SOURCE, "--dest", "nowhere"])
        .args(DAY);
    let (said, status) = told(&operate(elsewhere).await);
    assert_eq!(status, Some(3), "{said}");
    assert!(
        said.contains("there is no bucket \"nowhere\"") && said.contains("--dest"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_year_is_bound_by_requests_and_waits_too_long_only_where_few_copy_it_unpaced() {
    let world = World::start().await;
    for month in 1..=6 {
        for day in 1..=30 {
            for n in 0..25 {
                let size = 600_000_000 + 8_000_000 * n;
                put(&world, &format!("2016/{month:02}-{day:02}/{n:03}"), size);
            }
        }
    }
    let half = ["--prefix", "2016/"];
    let (planned, status) = answer(&world, &half).await;
    assert_eq!(status, Some(0), "{planned}");
    assert_eq!(planned["to_copy"]["objects"], 4_500);
    let estimate = &planned["estimate"];
    let times = estimate["times"].as_array().unwrap();
    let bound = |copies: u64, part_size_mib: u64| {
        let found = times.iter().find(|time| {
            time["copier_reserved_concurrency"] == copies && time["part_size_mib"] == part_size_mib
        });
        found.unwrap()["bound"].clone()
    };
    assert_eq!(bound(900, 16), "requests");
    assert_eq!(bound(100, 64), "concurrency");
    assert_eq!(estimate["queue"]["given_up_unpaced"], 0);

    let slow = [
        "--concurrency",
        "1",
        "--part-size-mib",
        "256",
        "--parts-in-flight",
        "1",
    ];
    let (slow, _) = answer(&world, &[&half[..], &slow].concat()).await;
    let queue = &slow["estimate"]["queue"];
    let lost = queue["given_up_unpaced"].as_u64().unwrap();
    assert!((2_000..3_500).contains(&lost), "{queue}");
    let waits = queue["longest_wait_secs"].as_f64().unwrap();
    assert!((3_000.0..2.0 * 3_600.0).contains(&waits), "paced, {queue}");
    let note = slow["notes"][0].as_str().unwrap();
    assert!(note.contains("goes on by itself 12 times"), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_at_once_and_prints_no_half_plan() {
    let world = World::start().await;
    let timing = world.sandbox.timing();
    timing.set(Latency::of_all(Duration::from_millis(50)));
    // 3,653 days of two listings, 8 at once: no machine is done before it is interrupted.
    let mut command = plan(&world, &["--from", "2010-01-01", "--to", "2019-12-31"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let listed = || world.sandbox.requests().get("s3:ListObjectsV2").copied();
    while listed() < Some(5) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let wait = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    let output = wait.await.unwrap();
    let (said, status) = told(&output);
    assert_eq!(status, Some(130), "{said}");
    assert!(
        said.contains("a plan writes nothing; run it again"),
        "{said}"
    );
    assert_eq!(output.stdout, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_fails_ends_the_plan_and_names_what_could_not_be_listed() {
    let world = World::start().await;
    put(&world, "2016-06-30/a", 1);
    let faults = json!({"seed": 1, "s3": {"ListObjectsV2": {"access_denied": 1.0}}});
    world
        .sandbox
        .faults()
        .inject(Plan::parse(&faults.to_string()).unwrap());
    let output = operate(plan(&world, &DAY)).await;
    let (said, status) = told(&output);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("a plan of a part would mislead"), "{said}");
    assert_eq!(output.stdout, b"");
}
