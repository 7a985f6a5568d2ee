//! The benchmark beside other tools through the built command: ours alone, what it asks for and what it keeps.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::{Value, json};

fn ours(args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3-fanout"));
    command.args(["bench", "peers", "--peer", "s3-fanout", "--runs", "1"]);
    command.args(["--model", "lan", "--json"]).args(args);
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["model"], &report["runs"]),
        (&"lan".into(), &1.into())
    );
    report["workloads"].take()
}

#[test]
fn ours_copies_both_workloads_and_keeps_everything() {
    let workloads = ours(&["--objects", "3"]);
    let names: Vec<_> = workloads
        .as_array()
        .unwrap()
        .iter()
        .map(|w| &w["workload"])
        .collect();
    assert_eq!(names, ["day", "small"]);
    for workload in workloads.as_array().unwrap() {
        assert_eq!(workload["objects"], 3);
        let row = &workload["rows"][0];
        assert_eq!(
            [&row["metadata"], &row["tags"], &row["checksums"]],
            [&json!("yes"); 3],
            "{row}"
        );
        let by_operation = row["by_operation"].as_object().unwrap();
        let sum: u64 = by_operation.values().filter_map(Value::as_u64).sum();
        assert_eq!(row["requests"], sum);
    }
    let (day, small) = (&workloads[0], &workloads[1]);
    assert_eq!(small["bytes"], 1_000 + 1_001 + 1_002);
    assert_eq!(small["rows"][0]["by_operation"]["CopyObject"], 3);
    assert_eq!(day["rows"][0]["by_operation"]["CompleteMultipartUpload"], 3);
    assert!(day["bytes"].as_u64().unwrap() > 1_800_000_000);
}
