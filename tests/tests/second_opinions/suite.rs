//! The suite: a day backed up twice, what cannot be backed up, and what S3 must refuse.

use std::time::Duration;

use aws_sdk_s3::Client;
use backup::object::printable;
use futures::StreamExt;
use publisher::list::Bucket;
use serde_json::{Value, json};
use tests::{DEST, SOURCE, event};

use crate::day::{self, Object, PREFIX};
use crate::findings::{Finding, Rule, Server};
use crate::stage::Stage;
use crate::{comparison, operator, rules, verification};

/// All that does not hold of a server.
pub async fn findings(stage: &Stage) -> Vec<Finding> {
    let mut findings = back_up_twice(stage).await;
    findings.extend(verification::findings(stage).await);
    findings.extend(errors(stage).await);
    findings.extend(open_uploads(stage).await);
    // The command needs nothing that s3s-fs has and the others lack, and that lists other keys than it has.
    if stage.server != Server::S3sFs {
        findings.extend(operator::findings(stage).await);
    }
    findings.extend(rules::findings(&stage.s3).await);
    findings
}

async fn back_up_twice(stage: &Stage) -> Vec<Finding> {
    let (objects, mut findings) = put_and_list(&stage.s3).await;
    let log = run(stage, &mut findings).await;
    let mut copied = Vec::new();
    for object in &objects {
        let is = outcome(&log, object);
        let (parts, verified) = object.copied_as();
        if is != format!("copied, parts {parts}, verified {verified}") {
            findings.push(object.finding(Rule::IsCopied, &is));
        }
        if !is.starts_with("failed") {
            findings.extend(comparison::findings(&stage.s3, object).await);
            copied.push((object, etag_and_date(stage, object).await));
        }
    }
    let log = run(stage, &mut findings).await;
    for (object, before) in copied {
        let (is, after) = (outcome(&log, object), etag_and_date(stage, object).await);
        if !is.starts_with("unchanged") || after != before {
            let found = format!("{is}; {before} became {after}");
            findings.push(object.finding(Rule::IsUnchanged, found));
        }
    }
    findings
}

/// Puts the day, and returns the objects that can be backed up, since the server has and lists them.
async fn put_and_list(s3: &Client) -> (Vec<Object>, Vec<Finding>) {
    let (mut objects, mut findings) = (Vec::new(), Vec::new());
    for object in day::objects() {
        match object.put(s3).await {
            Some(refused) => findings.push(refused),
            None => objects.push(object),
        }
    }
    // A copy of the second in which its source was written is no proof of being the same.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let bucket = Bucket {
        client: s3,
        name: SOURCE,
        expected_owner: None,
        requester_pays: false,
    };
    let pages = publisher::list::pages(bucket, PREFIX.to_owned(), String::new());
    let listed: Vec<String> = pages
        .flat_map(|page| futures::stream::iter(page.unwrap()))
        .map(|listed| listed.object.key)
        .collect()
        .await;
    let (objects, unlisted): (_, Vec<_>) = objects
        .into_iter()
        .partition(|object: &Object| listed.contains(&object.key()));
    let unlisted = unlisted
        .iter()
        .map(|object| object.finding(Rule::IsListed, format!("{listed:?}")));
    findings.extend(unlisted);
    (objects, findings)
}

/// Backs up the day and returns what the copiers wrote.
async fn run(stage: &Stage, findings: &mut Vec<Finding>) -> Vec<Value> {
    let before = stage.lambda.copier_log().await.len();
    let answer = stage.back_up().await;
    let listed = stage.s3.list_objects_v2().bucket(SOURCE).prefix(PREFIX);
    let listed = json!(listed.send().await.unwrap().key_count());
    if [&answer["listed"], &answer["published"]] != [&listed; 2] || answer["complete"] != true {
        let (about, found) = (PREFIX.to_owned(), format!("{answer}, not {listed}"));
        findings.push(Finding {
            rule: Rule::IsListed,
            about,
            found,
        });
    }
    stage.lambda.copier_log().await.split_off(before)
}

/// What the copier says became of an object.
fn outcome(log: &[Value], object: &Object) -> String {
    let key = json!(printable(&object.key()));
    let last = log
        .iter()
        .rfind(|line| line["span"]["key"] == key && !line["outcome"].is_null());
    let Some(line) = last else {
        return "no copier says".to_owned();
    };
    let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
    match line["outcome"].as_str() {
        Some("failed") => format!("failed with {}: {}", text("error_type"), text("message")),
        _ => format!(
            "{}, parts {}, verified {}",
            text("outcome"),
            line["parts"],
            text("verified")
        ),
    }
}

async fn etag_and_date(stage: &Stage, object: &Object) -> String {
    let head = object.head(&stage.s3, DEST).await;
    head.map_or_else(
        || "gone".to_owned(),
        |head| format!("{:?} {:?}", head.e_tag, head.last_modified),
    )
}

/// What cannot be done must be a function error that says why.
async fn errors(stage: &Stage) -> Vec<Finding> {
    let copy = |key: &str| {
        let mut event = event("copier-bare-key");
        event["Records"][0]["Sns"]["Message"] = json!(key);
        event
    };
    let mut findings = Vec::new();
    for (about, function, event, error_type, text) in [
        (
            "a publisher of no bucket",
            "publisher-nowhere",
            event("date"),
            "ListFailed",
            "NoSuchBucket",
        ),
        (
            "a copy of no object",
            "copier",
            copy("absent"),
            "SourceMissing",
            "s3://source/absent does not exist",
        ),
        (
            "a copy into no bucket",
            "copier-nowhere",
            copy("2016-06-30/with space"),
            "Refused",
            "NoSuchBucket",
        ),
        (
            "a copy in parts into no bucket",
            "copier-nowhere",
            copy("2016-06-30/three parts"),
            "Refused",
            "NoSuchBucket",
        ),
    ] {
        let answer = stage.lambda.invoke(function, &event).await;
        let message = answer.payload["errorMessage"].as_str().unwrap_or_default();
        if !answer.failed || answer.payload["errorType"] != error_type || !message.contains(text) {
            let found = answer.payload.to_string();
            findings.push(Finding {
                rule: Rule::IsAnError,
                about: about.to_owned(),
                found,
            });
        }
    }
    findings
}

async fn open_uploads(stage: &Stage) -> Option<Finding> {
    let uploads = stage.s3.list_multipart_uploads().bucket(DEST).send().await;
    let found = match uploads {
        Ok(uploads) if uploads.uploads().is_empty() => return None,
        Ok(uploads) => format!("{:?}", uploads.uploads()),
        Err(error) => backup::aws::Cause::from(error).to_string(),
    };
    Some(Finding {
        rule: Rule::NoOpenUploads,
        about: DEST.to_owned(),
        found,
    })
}
