//! The demo and the sandbox under faults, through the built command.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The plan that has every kind of fault.
const EVERY_FAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/faults.json");

fn s3_fanout(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3-fanout"));
    command.args(args);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn summary(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder with a plan and the files of a day.
struct Folder(TempDir);

impl Folder {
    fn new(plan: &Value) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        fs::write(folder.plan(), plan.to_string()).unwrap();
        fs::create_dir(folder.day()).unwrap();
        for name in ["a", "b", "c"] {
            fs::write(Path::new(&folder.day()).join(name), name.repeat(1_000)).unwrap();
        }
        folder
    }

    fn plan(&self) -> String {
        self.0.path().join("plan.json").display().to_string()
    }

    fn day(&self) -> String {
        self.0.path().join("day").display().to_string()
    }

    /// The demo over the day's files under the plan.
    fn demo(&self) -> Value {
        let (day, plan) = (self.day(), self.plan());
        let output = s3_fanout(&["demo", "--dir", &day, "--faults", &plan, "--json"]).output();
        summary(&output.unwrap())
    }
}

#[test]
fn a_day_under_every_fault_is_verified_and_was_never_wrong() {
    let mut demo = s3_fanout(&["demo", "--objects", "40", "--faults", EVERY_FAULT, "--json"]);
    let summary = summary(&demo.output().unwrap());
    let faults = &summary["faults_injected"];
    let deleted = faults["source:delete"].as_u64().unwrap_or_default();
    assert_eq!(summary["objects"], 40 - deleted);
    assert_eq!(summary["verified"], summary["objects"]);
    assert_eq!(summary["wrong"], 0);
    assert_eq!(summary["redelivered"], summary["in_failure_queue"]);
    // What happens in hundreds of requests whatever the functions do.
    for kind in [
        "s3:slow_down",
        "s3:internal_error",
        "s3:reset_before",
        "s3:reset_after",
    ] {
        assert!(
            faults[kind].as_u64().unwrap_or_default() > 0,
            "{kind}: {faults}"
        );
    }
}

#[test]
fn what_lambda_gave_up_under_faults_is_delivered_again_without_them() {
    let plan = json!({ "seed": 1, "s3": { "HeadObject": { "access_denied": 1.0 } } });
    let summary = Folder::new(&plan).demo();
    assert_eq!(
        (&summary["objects"], &summary["verified"]),
        (&3.into(), &3.into())
    );
    assert_eq!(
        (&summary["in_failure_queue"], &summary["redelivered"]),
        (&3.into(), &3.into())
    );
    // Three attempts of each, and the one that succeeds.
    assert_eq!(summary["invocations"], 12);
    let denied = summary["faults_injected"]["s3:access_denied"]
        .as_u64()
        .unwrap();
    assert!((9..=18).contains(&denied), "{denied}");
}

#[test]
fn a_publisher_that_is_refused_is_invoked_again() {
    let plan = json!({ "seed": 1, "s3": { "ListObjectsV2": { "access_denied": 1.0 } } });
    let summary = Folder::new(&plan).demo();
    assert_eq!(summary["verified"], 3);
    assert_eq!(
        (&summary["in_failure_queue"], &summary["redelivered"]),
        (&1.into(), &1.into())
    );
    assert_eq!(summary["faults_injected"], json!({ "s3:access_denied": 3 }));
}

#[test]
fn a_file_that_was_overwritten_is_verified_as_what_it_became() {
    let plan = json!({ "seed": 1, "source": { "bucket": "source", "overwrite": 1.0 } });
    let summary = Folder::new(&plan).demo();
    assert_eq!(
        (&summary["objects"], &summary["verified"]),
        (&3.into(), &3.into())
    );
    assert_eq!(
        (&summary["wrong"], &summary["redelivered"]),
        (&0.into(), &3.into())
    );
}

#[test]
fn an_object_that_was_deleted_is_not_expected() {
    let plan = json!({ "seed": 1, "source": { "bucket": "source", "delete": 1.0 } });
    let summary = Folder::new(&plan).demo();
    assert_eq!(
        (&summary["objects"], &summary["verified"]),
        (&0.into(), &0.into())
    );
    assert_eq!(summary["faults_injected"], json!({ "source:delete": 3 }));
}

#[test]
fn the_summary_for_people_counts_the_faults() {
    let plan = json!({ "seed": 1, "sns": { "deliveries": { "duplicate": 1.0 } } });
    let folder = Folder::new(&plan);
    let (day, plan) = (folder.day(), folder.plan());
    let output = s3_fanout(&["demo", "--dir", &day, "--faults", &plan])
        .output()
        .unwrap();
    let summary = text(&output.stdout);
    for line in [
        "every object verified: 3 of 3",
        " Wrong at any time     0 copies\n",
        " Faults                      3  sns:duplicate\n",
        "0 failed messages (0 delivered again without faults;",
    ] {
        assert!(summary.contains(line), "{line:?} is not in {summary}");
    }
    assert!(
        summary.lines().all(|line| line == line.trim_end()),
        "{summary}"
    );
}

#[test]
fn says_what_is_wrong_with_a_plan() {
    let folder = Folder::new(&json!({ "seed": 1, "s3": { "HeadObjekt": { "stall": 0.5 } } }));
    for (file, problem) in [
        (
            folder.plan(),
            "s3.HeadObjekt: there is no such operation; accepted are *, ",
        ),
        (
            "/no/such/plan".to_owned(),
            "cannot read the fault plan /no/such/plan",
        ),
    ] {
        for command in ["demo", "sandbox"] {
            let output = s3_fanout(&[command, "--faults", &file]).output().unwrap();
            assert_eq!(output.status.code(), Some(3));
            let error = text(&output.stderr);
            assert!(error.contains(problem), "{error}");
        }
    }
}

#[tokio::test]
async fn the_sandbox_serves_faults_to_every_client() {
    let plan = json!({ "seed": 1, "s3": { "ListBuckets": { "access_denied": 1.0 } } });
    let folder = Folder::new(&plan);
    let plan = folder.plan();
    let args = [
        "sandbox",
        "--address",
        "127.0.0.1:0",
        "--objects",
        "1",
        "--faults",
        &plan,
    ];
    let mut sandbox = s3_fanout(&args)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(sandbox.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let exported = lines
        .find(|line| line.contains("export AWS_ENDPOINT_URL="))
        .unwrap();
    let endpoint = exported.split_once('=').unwrap().1.to_owned();
    assert!(lines.any(|line| line.contains(&plan)), "it says which plan");
    let config = aws_sdk_s3::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "test"))
        .endpoint_url(endpoint)
        .force_path_style(true);
    let client = aws_sdk_s3::Client::from_conf(config.build());
    let refused = client.list_buckets().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
    assert!(client.head_bucket().bucket("source").send().await.is_ok());
    kill_process(Pid::from_child(&sandbox), Signal::INT).unwrap();
    assert!(sandbox.wait().unwrap().success());
}
