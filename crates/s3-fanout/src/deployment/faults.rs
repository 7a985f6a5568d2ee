//! Faults during the demo: the plan's file, what the plan did to the source, and the events to deliver again.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sandbox::Sandbox;
use sandbox::faults::Plan;
use serde_json::Value;

use crate::deployment::{COPIER, PUBLISHER, SOURCE_BUCKET};

/// Reads a plan that fits what is deployed.
pub fn plan(file: &Path) -> Result<Plan> {
    let json = std::fs::read_to_string(file);
    let json = json.with_context(|| format!("cannot read the fault plan {}", file.display()))?;
    let plan = Plan::parse(&json)
        .map_err(anyhow::Error::from)
        .and_then(|plan| fitting(&plan).map(|()| plan));
    plan.with_context(|| format!("{} is not a fault plan", file.display()))
}

/// The sandbox takes any function and any bucket; here a name that is not deployed would never have a fault.
fn fitting(plan: &Plan) -> Result<()> {
    for name in plan.functions() {
        ensure!(
            [PUBLISHER, COPIER].contains(&name),
            "lambda.{name}: there is no such function; accepted are *, {PUBLISHER}, {COPIER}"
        );
    }
    let bucket = plan.source_bucket().unwrap_or(SOURCE_BUCKET);
    ensure!(
        bucket == SOURCE_BUCKET,
        "source.bucket is {bucket:?}; the bucket that is copied is {SOURCE_BUCKET:?}"
    );
    Ok(())
}

/// The keys of the source that a fault of this kind has changed.
pub fn changed(sandbox: &Sandbox, kind: &str) -> BTreeSet<String> {
    let bucket = format!("{SOURCE_BUCKET}/");
    let injections = sandbox.faults().injections().into_iter();
    injections
        .filter(|injection| injection.kind == kind)
        .filter_map(|injection| Some(injection.subject.strip_prefix(&bucket)?.to_owned()))
        .collect()
}

/// The events that Lambda has given up, with the functions they were for.
pub fn given_up(sandbox: &Sandbox) -> Result<Vec<(&'static str, Value)>> {
    let mut events = Vec::new();
    for function in [PUBLISHER, COPIER] {
        let records = sandbox.lambda().failures(function)?.into_iter();
        events.extend(records.map(|mut record| (function, record["requestPayload"].take())));
    }
    Ok(events)
}

/// Gives every one of the events to its function again and waits for the end.
pub async fn redeliver(sandbox: &Sandbox, events: &[(&str, Value)]) -> Result<()> {
    let lambda = sandbox.lambda();
    for (function, event) in events {
        lambda.invoke_async(function, event.to_string())?;
    }
    lambda.idle().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(json: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plan.json");
        std::fs::write(&file, json).unwrap();
        format!("{:#}", plan(&file).unwrap_err())
    }

    #[test]
    fn names_what_is_not_deployed() {
        let problem_of_function = problem(r#"{"seed":1,"lambda":{"copeir":{"kill":1}}}"#);
        assert!(
            problem_of_function.contains("plan.json is not a fault plan: lambda.copeir: "),
            "{problem_of_function}"
        );
        let problem_of_bucket = problem(r#"{"seed":1,"source":{"bucket":"backup","delete":1}}"#);
        assert!(
            problem_of_bucket.contains(r#"source.bucket is "backup""#),
            "{problem_of_bucket}"
        );
        assert!(problem("seed").contains("is not a fault plan: expected"));
    }
}
