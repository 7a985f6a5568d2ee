//! The operator's command against the server, without the functions: every object of the day into a bucket of its own.

use std::process::{Command, Output};

use serde_json::Value;
use tests::{SOURCE, binary, operate};

use crate::day::PREFIX;
use crate::findings::{Finding, Rule};
use crate::stage::Stage;

/// Where it copies to.
const THERE: &str = "there";

/// What the command says that it could not copy.
pub async fn findings(stage: &Stage) -> Vec<Finding> {
    stage.s3.create_bucket().bucket(THERE).send().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("failures.jsonl");
    let sizes = ["--part-size-mib", "5", "--multipart-threshold-mib", "10"];
    let mut backup = command(stage, "backup");
    backup.args(sizes).arg("--failures").arg(&list);
    let (output, answer) = run(backup).await;
    let failed: Vec<Value> = std::fs::read_to_string(&list)
        .unwrap_or_default()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = |name: &str| answer[name].as_u64().unwrap() as usize;
    assert_eq!(count("failed"), failed.len());
    assert_eq!(count("copied") + failed.len(), count("listed"), "{answer}");
    assert_eq!(output.status.code(), Some(i32::from(!failed.is_empty())));
    let finding = |failure: &Value| {
        let text = |name: &str| failure[name].as_str().unwrap();
        Finding {
            rule: Rule::Backup,
            about: text("key").strip_prefix(PREFIX).unwrap().to_owned(),
            found: format!("{}: {}", text("error_type"), text("error")),
        }
    };
    failed.iter().map(finding).collect()
}

/// A command about the day in both buckets.
fn command(stage: &Stage, name: &str) -> Command {
    let mut command = Command::new(binary("s3-fanout"));
    command
        .env_clear()
        .envs([
            ("AWS_ACCESS_KEY_ID", "sandbox"),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
        ])
        .args([name, "--json", "--endpoint-url", &stage.s3_url])
        .args(["--source", SOURCE, "--dest", THERE, "--prefix", PREFIX]);
    command
}

async fn run(command: Command) -> (Output, Value) {
    let output = operate(command).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let answer = serde_json::from_slice(&output.stdout);
    let answer = answer.unwrap_or_else(|error| panic!("{error}: {said}"));
    (output, answer)
}
