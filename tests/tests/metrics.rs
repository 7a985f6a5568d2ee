//! What CloudWatch would take for metrics, from the lines that the real functions write.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backup::telemetry::{DIMENSION, Metrics};
use sandbox::faults::Plan;
use sandbox::s3::Attributes;
use sandbox::timing::Latency;
use serde_json::{Value, json};
use tests::{DEST, MIB, SOURCE, World, event, function};

const STACK: (&str, &str) = ("STACK_NAME", "acme");

/// The embedded metric format takes so many values of a metric in one line
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
const MAX_VALUES: usize = 100;

/// The lines of metrics that a function has written, each checked for its form.
fn written(world: &World, function: &str) -> Vec<Value> {
    let schema: Value = serde_json::from_str(include_str!("../emf.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let log = world.log();
    let lines = log
        .iter()
        .filter_map(|line| line.strip_prefix(&format!("{function} ")));
    let lines: Vec<Value> = lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| !line["_aws"].is_null())
        .collect();
    for line in &lines {
        let problems: Vec<_> = schema.iter_errors(line).collect();
        assert!(problems.is_empty(), "{line}: {problems:?}");
    }
    lines
}

/// Every value that a line has of its metrics, by name, and whether each metric is as it is declared.
fn values(line: &Value, declared: Metrics) -> Vec<(String, f64)> {
    let [directive] = &line["_aws"]["CloudWatchMetrics"].as_array().unwrap()[..] else {
        panic!("{line} has not one directive");
    };
    assert_eq!(directive["Namespace"], declared.namespace);
    assert_eq!(directive["Dimensions"], json!([[DIMENSION]]));
    assert_eq!(line[DIMENSION], STACK.1);
    let mut values = Vec::new();
    for metric in directive["Metrics"].as_array().unwrap() {
        let name = metric["Name"].as_str().unwrap();
        let unit = declared.units.iter().find(|(known, _)| *known == name);
        let (_, unit) = unit.unwrap_or_else(|| panic!("{name} is not declared"));
        let unit = format!("{unit:?}").replace("PerSecond", "/Second");
        assert_eq!(metric["Unit"], unit, "{name}");
        let several = line[name].as_array().cloned();
        let several = several.unwrap_or_else(|| vec![line[name].clone()]);
        assert!(several.len() <= MAX_VALUES, "{line}");
        values.extend(
            several
                .iter()
                .map(|it| (name.to_owned(), it.as_f64().unwrap())),
        );
    }
    values
}

/// All that a function has measured, by name.
fn measured(world: &World, function: &str, declared: Metrics) -> BTreeMap<String, Vec<f64>> {
    let mut measured: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in written(world, function) {
        for (name, value) in values(&line, declared) {
            measured.entry(name).or_default().push(value);
        }
    }
    measured
}

fn of_publisher(world: &World) -> BTreeMap<String, Vec<f64>> {
    measured(world, "publisher", publisher::metrics::METRICS)
}

fn of_copier(world: &World) -> BTreeMap<String, Vec<f64>> {
    measured(world, "copier", copier::metrics::METRICS)
}

fn sum(measured: &BTreeMap<String, Vec<f64>>, name: &str) -> u64 {
    measured.get(name).into_iter().flatten().sum::<f64>() as u64
}

fn declared(metrics: Metrics) -> BTreeSet<String> {
    let names = metrics.units.iter().map(|(name, _)| (*name).to_owned());
    names.collect()
}

async fn invoke(world: &World, event: &Value) -> Value {
    let lambda = world.sandbox.lambda();
    let answer = lambda.invoke("publisher", event.to_string()).await.unwrap();
    lambda.idle().await;
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_measured_to_the_object_and_the_byte() {
    let world = World::start().await;
    let small = [
        ("PART_SIZE_MIB", "5"),
        ("MULTIPART_THRESHOLD_MIB", "12"),
        STACK,
    ];
    world.deploy(4, &small).await;
    for number in 0..20 {
        world.put(
            &format!("2016-06-30/{number}"),
            1_000,
            Attributes::default(),
        );
    }
    world.put("2016-06-30/large", 20 * MIB, Attributes::default());
    let glacier = Attributes {
        storage_class: Some("GLACIER".to_owned()),
        ..Attributes::default()
    };
    world.put("2016-06-30/archived", 5, glacier);
    let event = json!({"date": "2016-06-30"});
    let first = invoke(&world, &event).await;
    assert_eq!(first["published"], 21);
    let (published, copied) = (of_publisher(&world), of_copier(&world));
    let told = [
        "ObjectsListed",
        "ObjectsArchived",
        "MessagesPublished",
        "Complete",
    ];
    assert_eq!(told.map(|name| sum(&published, name)), [22, 1, 21, 1]);
    let told = ["ObjectsCopied", "BytesCopied", "PartsCopied"];
    assert_eq!(
        told.map(|name| sum(&copied, name)),
        [21, 20 * MIB + 20_000, 24]
    );
    assert_eq!(copied["CopyDuration"].len(), 21);
    let log = world.log();
    let of_copies = log.iter().filter_map(|line| line.strip_prefix("copier {"));
    let bytes: usize = of_copies.map(str::len).sum();
    assert!(
        bytes < 21 * 1_000,
        "the README says less than 1 KB a copy: {bytes} bytes"
    );
    assert!(!published.contains_key("PublishFailures") && !copied.contains_key("CopyFailures"));

    // Again: each object is counted as unchanged once, and nothing of the first run is written again.
    invoke(&world, &event).await;
    let (published, copied) = (of_publisher(&world), of_copier(&world));
    assert_eq!(sum(&published, "MessagesPublished"), 42);
    assert_eq!(published["Complete"], [1.0, 1.0]);
    let told = ["ObjectsCopied", "ObjectsUnchanged"];
    assert_eq!(told.map(|name| sum(&copied, name)), [21, 21]);
}

/// Has what is asked for from now on go wrong this often.
fn inject(world: &World, faults: &Value) {
    let plan = Plan::parse(&faults.to_string()).unwrap();
    world.sandbox.faults().inject(plan);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_throttled_cut_off_and_gone_on_with_is_measured_on_each_path() {
    let world = World::start().await;
    let mut copier = function(
        "copier",
        1,
        &[
            ("SOURCE_BUCKET", SOURCE),
            ("DEST_BUCKET", DEST),
            ("PART_SIZE_MIB", "5"),
            ("MULTIPART_THRESHOLD_MIB", "12"),
            ("RESUME_THRESHOLD_GIB", "0"),
            ("PARTS_IN_FLIGHT", "1"),
            ("DEADLINE_MARGIN_SECS", "1"),
            STACK,
        ],
    );
    // Three seconds of work, of four that the parts take.
    copier.timeout = Duration::from_secs(4);
    let lambda = world.sandbox.lambda();
    lambda.create_function(copier).unwrap();
    let slow = Latency::default().except("UploadPartCopy", Duration::from_millis(200));
    world.sandbox.timing().set(slow);
    inject(
        &world,
        &json!({"seed": 7, "s3": {"UploadPartCopy": {"slow_down": 0.1}}}),
    );
    let mut event = event("copier-bare-key");
    let key = event["Records"][0]["Sns"]["Message"].as_str().unwrap();
    world.put(key, 100 * MIB, Attributes::default());
    // An upload of the second in which its source was written is none to go on with.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    lambda.invoke_async("copier", event.to_string()).unwrap();
    lambda.idle().await;
    event["Records"][0]["Sns"]["Message"] = json!("absent");
    lambda.invoke_async("copier", event.to_string()).unwrap();
    lambda.invoke_async("copier", "{}").unwrap();
    lambda.idle().await;

    let lines = written(&world, "copier");
    let types = lines.iter().filter_map(|line| line["error_type"].as_str());
    let types: BTreeSet<_> = types.collect();
    assert_eq!(
        types,
        ["DeadlineNear", "InvalidEvent", "SourceMissing"].into()
    );
    for line in &lines {
        let failed = line["CopyFailures"].is_number();
        assert_eq!(line["error_type"].is_string(), failed, "{line}");
    }
    let copied = of_copier(&world);
    let stats = lambda.stats("copier").unwrap();
    assert_eq!(sum(&copied, "CopyFailures"), stats.errors);
    assert_eq!(
        (
            sum(&copied, "ObjectsCopied"),
            sum(&copied, "ResumedUploads")
        ),
        (1, 1)
    );
    let throttled = world.sandbox.faults().injected()["s3:slow_down"];
    assert!(throttled > 0);
    assert_eq!(sum(&copied, "Throttles"), throttled);
    // The one that is throttled as the time is up is not tried again.
    let retried = sum(&copied, "PartRetries");
    assert!(
        (1..=throttled).contains(&retried),
        "{retried} of {throttled}"
    );
    let parts = sum(&copied, "PartsCopied");
    assert!(
        (1..20).contains(&parts),
        "{parts} parts after those that were found"
    );
    let names = copied.into_keys().chain(["ObjectsUnchanged".to_owned()]);
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        declared(copier::metrics::METRICS)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_complete_once_it_is_and_not_before() {
    let world = World::start().await;
    world.deploy(4, &[STACK]).await;
    for number in 0..20 {
        world.put(&format!("2016-06-30/{number}"), 10, Attributes::default());
    }
    // A copy of the second in which its source was written is no proof of being the same.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let day = json!({"date": "2016-06-30"});
    invoke(&world, &json!({"date": "2016-06-30", "dry_run": true})).await;
    assert_eq!(sum(&of_publisher(&world), "ObjectsListed"), 20);
    assert_eq!(
        of_publisher(&world).get("Complete"),
        None,
        "nothing was to be published"
    );

    inject(
        &world,
        &json!({"seed": 7, "sns": {"PublishBatch": {"entry_failed": 1.0}}}),
    );
    assert_eq!(invoke(&world, &day).await["errorType"], "PublishFailed");
    let published = of_publisher(&world);
    assert_eq!(published["Complete"], [0.0]);
    assert_eq!(sum(&published, "PublishFailures"), 20);
    assert_eq!(published.get("MessagesPublished"), None);

    inject(
        &world,
        &json!({"seed": 7, "s3": {"ListObjectsV2": {"access_denied": 1.0}}}),
    );
    assert_eq!(invoke(&world, &day).await["errorType"], "AccessDenied");
    assert_eq!(of_publisher(&world)["Complete"], [0.0, 0.0]);
    assert_eq!(
        invoke(&world, &json!({"dat": "e"})).await["errorType"],
        "InvalidEvent"
    );
    assert_eq!(of_publisher(&world)["Complete"].len(), 2, "no run began");

    inject(&world, &json!({"seed": 7}));
    invoke(&world, &day).await;
    assert_eq!(of_publisher(&world)["Complete"], [0.0, 0.0, 1.0]);
    invoke(&world, &json!({"prefix": "2016-06-30/", "only": "changed"})).await;
    let published = of_publisher(&world);
    assert_eq!(sum(&published, "ObjectsUnchanged"), 20);
    let names = published.into_keys().chain(["ObjectsArchived".to_owned()]);
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        declared(publisher::metrics::METRICS)
    );
}
