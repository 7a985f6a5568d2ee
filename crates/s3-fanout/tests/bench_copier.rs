//! The benchmark of the copier through the built command, over an S3 that takes no time: its requests, not its times.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

const CONFIGURED: [&str; 6] = [
    "bench",
    "copier",
    "--no-processor",
    "--json",
    "--parts-in-flight",
    "4",
];

fn bench(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.json");
    std::fs::write(&model, "{\"latency_ms\":{\"usual\":0.1}}").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3-fanout"));
    command.args(CONFIGURED).arg("--model").arg(model);
    command.args(args).output().unwrap()
}

#[test]
fn an_object_takes_its_parts_and_five_requests_and_one_that_is_copied_at_once_three() {
    let sizes = ["--size", "700000000", "--size", "67108864"];
    let output = bench(&sizes);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let figures = |row: &Value| {
        ["bytes", "parts", "parts_in_flight", "requests"].map(|name| row[name].as_u64().unwrap())
    };
    assert_eq!(figures(&rows[0]), [67_108_864, 1, 4, 3]);
    assert_eq!(figures(&rows[1]), [700_000_000, 11, 4, 16]);
    assert!(report["processor"].is_null());
    // What S3 takes here is less than what a debug build takes itself; nothing but the ratio may be missed.
    let mut missed = rows
        .iter()
        .flat_map(|row| row["missed"].as_array().unwrap());
    assert!(
        missed.all(|missed| missed == "not ratio <= 1.25"),
        "{report}"
    );
}
