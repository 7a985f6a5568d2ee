//! What `s3-fanout verify` finds of the day and its copies at a server.

use serde_json::Value;
use tests::{DEST, SOURCE, binary};

use crate::day::PREFIX;
use crate::findings::{Finding, Rule, Server};
use crate::stage::Stage;

/// Verifies by listing, and by looking at every object.
pub async fn findings(stage: &Stage) -> Vec<Finding> {
    // It has no tags to look at, and lists keys under other names than it has them.
    if stage.server == Server::S3sFs {
        return Vec::new();
    }
    let mut findings = verify(stage, "by listing", &[]).await;
    findings.extend(verify(stage, "deep", &["--deep"]).await);
    findings
}

/// Every difference is a finding.
async fn verify(stage: &Stage, how: &str, more: &[&str]) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("differences.jsonl");
    let mut command = assert_cmd::Command::new(binary("s3-fanout"));
    command
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "sandbox")
        .env("AWS_SECRET_ACCESS_KEY", "sandbox")
        .args(["verify", "--source", SOURCE, "--dest", DEST])
        .args(["--date", PREFIX.trim_end_matches('/')])
        .args(["--endpoint-url", &stage.s3_url, "--json", "--jsonl"])
        .arg(&file)
        .args(more);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let lines = std::fs::read_to_string(file).unwrap_or_else(|_| panic!("{output:?}"));
    let status = i32::from(!lines.is_empty());
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines
        .map(|line: Value| {
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            Finding {
                rule: Rule::IsVerified,
                about: text("key").replacen(PREFIX, "", 1),
                found: format!("{how}: {}: {}", text("kind"), text("detail")),
            }
        })
        .collect()
}
