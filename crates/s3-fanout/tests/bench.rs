//! The benchmark of the publisher through the built command, with one of every hundred keys: its counts, not its times.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3-fanout"));
    command.args(["bench", "publisher"]).args(args);
    command.output().unwrap()
}

fn rows(output: &Output) -> Vec<Value> {
    let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!report["machine"].as_str().unwrap().is_empty());
    assert!(report["date"].as_str().unwrap().ends_with('Z'));
    let Value::Array(rows) = report["rows"].take() else {
        panic!("no rows")
    };
    rows
}

#[test]
fn every_key_of_the_backfill_is_published_and_every_prefix_listed_once() {
    let output = bench(&["--case", "backfill", "--scale", "100", "--json"]);
    let rows = rows(&output);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(
        (&row["name"], &row["keys"]),
        (&"backfill".into(), &450.into())
    );
    assert_eq!(row["list_requests"], 180);
    assert!(row["publish_requests"].as_u64().unwrap() >= 45, "{row}");
    assert_eq!(
        (&row["bound_seconds"], &row["bound_by"]),
        (&0.45.into(), &"listing".into())
    );
    // A slow machine may miss the ratio; nothing else.
    let missed = row["missed"].as_array().unwrap();
    assert!(
        missed.iter().all(|missed| missed == "not ratio <= 1.5"),
        "{row}"
    );
    assert_eq!(output.status.success(), missed.is_empty(), "{row}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_comparison_lists_each_page_once_and_publishes_nothing() {
    let output = bench(&["--case", "compare-1m", "--scale", "100", "--json"]);
    let row = &rows(&output)[0];
    assert_eq!(row["missed"], serde_json::json!([]), "{row}");
    assert_eq!(
        (&row["list_requests"], &row["publish_requests"]),
        (&20.into(), &0.into())
    );
    assert!(output.status.success());
}

#[test]
fn a_case_that_does_not_exist_is_wrong_usage_and_those_that_do_are_named() {
    let output = bench(&["--case", "backfil"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    for name in [
        "backfill",
        "one-prefix-100k",
        "one-prefix-1m",
        "compare-1m",
        "paced",
        "throttled",
    ] {
        assert!(error.contains(name), "{error}");
    }
}
