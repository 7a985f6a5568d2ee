//! The benchmark of strategies through the built command, with few objects and a model that takes no time to speak of:
//! what each asks for and that every object arrives, not how long it takes.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

const OBJECTS: u64 = 12;

/// Of one object of 600-800 MB in parts of 64 MiB: two heads, the tags, the beginning, 9 to 12 parts, and the end.
const OURS: std::ops::RangeInclusive<u64> = 14..=17;

fn bench(args: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let model: PathBuf = dir.path().join("fast.json");
    let fast = r#"{"latency_ms":{"usual":1},"copy_mb_per_sec":10000}"#;
    std::fs::write(&model, fast).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3-fanout"));
    command.args(["bench", "strategies", "--json", "--model"]);
    // The logs of a run that misses a target are kept, and go with the folder.
    command.env("TMPDIR", dir.path());
    command.arg(&model).args(args).output().unwrap()
}

fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn count(row: &Value, operation: &str) -> u64 {
    row["by_operation"][operation].as_u64().unwrap_or_default()
}

#[test]
fn every_strategy_copies_every_object_with_the_requests_it_is_known_for() {
    let output = bench(&["--objects", "12", "--concurrency", "4"]);
    let report = report(&output);
    assert_eq!(report["workload"], "day");
    assert_eq!(
        (&report["concurrency"], &report["objects"]),
        (&4.into(), &12.into())
    );
    assert!(
        (600_000_000 * OBJECTS..800_000_000 * OBJECTS).contains(&report["bytes"].as_u64().unwrap())
    );
    assert!(report["limit_s"].as_f64().unwrap() > 0.01, "{report}");
    for field in ["machine", "date", "commit", "bound"] {
        assert!(!report[field].as_str().unwrap().is_empty(), "{field}");
    }
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["strategy"].as_str().unwrap())
        .collect();
    assert_eq!(
        names.join(" "),
        "serial threads threads-by-day one-function fan-out-2016 parallel async async-parallel async-parallel2 \
         backup fan-out"
    );
    for (row, name) in rows.iter().zip(names) {
        assert_eq!(row["extrapolated"], false, "{row}");
        assert!(row["seconds"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["usd"].as_f64().unwrap() > 0.000_06, "{row}");
        let functions = matches!(name, "one-function" | "fan-out-2016" | "fan-out");
        assert_eq!(row["starts_s"].is_f64(), functions, "{row}");
        let ours = matches!(name, "backup" | "fan-out");
        let lists = if name == "backup" { 2 } else { 1 };
        assert_eq!(count(row, "ListObjectsV2"), lists, "{row}");
        assert_eq!(
            count(row, "CopyObject"),
            if ours { 0 } else { OBJECTS },
            "{row}"
        );
        let published = match name {
            "fan-out-2016" => ("Publish", OBJECTS),
            // Batches of ten, where so many are there in time.
            "fan-out" => ("PublishBatch", 2),
            _ => ("Publish", 0),
        };
        assert!(count(row, published.0) >= published.1, "{row}");
        if ours {
            let copying = ["HeadObject", "GetObjectTagging", "CreateMultipartUpload"];
            let copying = copying.iter().map(|operation| count(row, operation));
            // A backup has listed what is not there, and does not look at it again.
            let each = if name == "backup" { 3 } else { 4 };
            assert_eq!(copying.sum::<u64>(), each * OBJECTS, "{row}");
            let requests = row["requests"].as_u64().unwrap();
            assert!(
                (OURS.start() * OBJECTS..=OURS.end() * OBJECTS + 15).contains(&requests),
                "{row}"
            );
        } else {
            let expected = OBJECTS + 1 + if name == "fan-out-2016" { OBJECTS } else { 0 };
            assert_eq!(row["requests"], expected, "{row}");
        }
        // A slow machine may miss a time; nothing else.
        let missed = row["missed"].as_array().unwrap();
        let is_time = |missed: &Value| missed.as_str().unwrap().contains("times its limit");
        assert!(missed.iter().all(is_time), "{row}");
        assert!(ours || missed.is_empty(), "{row}");
    }
    let met = rows
        .iter()
        .all(|row| row["missed"] == serde_json::json!([]));
    assert_eq!(output.status.code(), Some(if met { 0 } else { 1 }));
}

#[test]
fn small_calls_come_to_the_right_sum_at_every_size_of_memory() {
    let words = [
        "--workload",
        "sum-sizes",
        "--strategy",
        "processes",
        "--strategy",
        "async",
    ];
    let output = bench(&[&words[..], &["--objects", "5"]].concat());
    let report = report(&output);
    assert!(output.status.success(), "{report}");
    let rows = report["rows"].as_array().unwrap();
    let memory = |row: &Value| row["memory_mb"].as_u64().unwrap();
    let memories: Vec<_> = rows.iter().map(memory).collect();
    assert_eq!(memories, [[128, 512, 1_024, 2_048]; 2].concat());
    for row in rows {
        assert_eq!(
            (count(row, "HeadObject"), count(row, "ListObjectsV2")),
            (5, 1),
            "{row}"
        );
    }
}

#[test]
fn a_strategy_of_another_workload_is_wrong_usage_and_those_that_there_are_are_named() {
    let output = bench(&["--workload", "ping", "--strategy", "fan-out"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("accepted are sequential, threads, processes, async"),
        "{said}"
    );
}

#[test]
fn a_sweep_measures_every_point_and_the_page_shows_what_it_recommends() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.html");
    let html = ["--html", page.to_str().unwrap()];
    let words = ["--sweep", "--objects", "2", "--strategy", "serial"];
    let report = report(&bench(&[&words[..], &html].concat()));
    let sweep = &report["sweep"];
    assert_eq!(sweep["measured"].as_array().unwrap().len(), 24);
    assert_eq!(sweep["reckoned"].as_array().unwrap().len(), 30);
    let part_size_mib = sweep["recommended"]["part_size_mib"].as_u64().unwrap();
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("<figure").count(), 2);
    assert!(page.contains(&format!("Recommended: parts of {part_size_mib} MiB")));
}
