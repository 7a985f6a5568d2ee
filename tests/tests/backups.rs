//! `s3-fanout backup`, the built command, against the sandbox.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};
use std::time::Duration;

use sandbox::s3::Attributes;
use sandbox::timing::{Latency, Model};
use serde_json::{Value, json};
use tests::{DEST, MIB, ODD_KEYS, SOURCE, World, answer, everything, operate, operator, told};

const DAY: [&str; 2] = ["--date", "2016-06-30"];

/// `backup` of the world's buckets, with further words.
fn backup(world: &World, words: &[&str]) -> Command {
    let buckets = ["backup", "--source", SOURCE, "--dest", DEST];
    let mut command = operator(world);
    command.args(buckets).args(words);
    command
}

/// A day of awkward keys, of both kinds of copies, with everything that a copy preserves.
fn put_day(world: &World) -> Vec<String> {
    let keys: Vec<_> = ODD_KEYS
        .iter()
        .map(|key| format!("2016-06-30/{key}"))
        .collect();
    for (n, key) in (0..).zip(&keys) {
        world.put(key, n * 50 * MIB, everything());
    }
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_copied_once() {
    let world = World::start().await;
    let keys = put_day(&world);
    world.put("2016-07-01/another day", 1, Attributes::default());
    // A copy of the second in which its source was written is no proof of being the same.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let words = [&DAY[..], &["--dest-prefix", "copies/", "--json"]].concat();
    let before = world.sandbox.requests();
    let output = operate(backup(&world, &words)).await;
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
    let first = answer(&output);
    let copied = keys.len();
    let looked = |before| world.requests_since(before)["s3:HeadObject"] as usize;
    assert_eq!(looked(&before), copied, "at the sources alone");
    assert_eq!(first["copied"], json!(copied));
    assert_eq!(
        (&first["failed"], &first["failures_file"]),
        (&json!(0), &Value::Null)
    );
    for key in &keys {
        let source = world.head(SOURCE, key).await.unwrap();
        let there = format!("copies/{key}");
        let copy = world.head(DEST, &there).await.unwrap();
        assert_eq!(copy.content_length, source.content_length, "{key}");
        assert_eq!(
            copy.checksum_crc64_nvme, source.checksum_crc64_nvme,
            "{key}"
        );
        assert_eq!(copy.metadata, source.metadata, "{key}");
        assert_eq!(
            world.tags(DEST, &there).await,
            world.tags(SOURCE, key).await
        );
    }
    assert!(
        world
            .head(DEST, "copies/2016-07-01/another day")
            .await
            .is_none()
    );

    let before = world.sandbox.requests();
    let output = operate(backup(&world, &words)).await;
    let second = answer(&output);
    assert_eq!(
        (
            &second["copied"],
            &second["unchanged"],
            output.status.code()
        ),
        (&json!(0), &json!(copied), Some(0))
    );
    let requests = world.requests_since(&before);
    let expected = [("s3:HeadBucket", 2), ("s3:ListObjectsV2", 2)];
    assert_eq!(
        requests,
        expected
            .map(|(name, count)| (name.to_owned(), count))
            .into()
    );

    let before = world.sandbox.requests();
    let all = operate(backup(&world, &[&words[..], &["--all"]].concat())).await;
    assert_eq!(answer(&all)["unchanged"], json!(copied));
    assert_eq!(looked(&before), 2 * copied, "at both sides of all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_takes_fewer_requests_than_are_made_at_once_costs_no_more_than_twice_as_many()
{
    let world = World::start().await;
    for n in 0..12 {
        world.put(
            &format!("2016-06-30/{n}"),
            700_000_000,
            Attributes::default(),
        );
    }
    let model = json!({
        "latency_ms": { "usual": 0, "UploadPartCopy": 100 },
        "rates": { "writes_per_sec": 300, "reads_per_sec": 10_000 },
    });
    let model = Model::parse(&model.to_string()).unwrap();
    world.sandbox.timing().set(model);
    let before = world.sandbox.requests();
    // 192 parts at once ask for 1,920 a second.
    let settings = ["--concurrency", "12", "--part-size-mib", "16", "--json"];
    let output = operate(backup(&world, &[&DAY[..], &settings].concat())).await;
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
    assert_eq!(answer(&output)["copied"], json!(12));
    let made = world.requests_since(&before);
    let parts = made["s3:UploadPartCopy"];
    assert!(parts > 12 * 42, "S3 never asked to slow down: {made:?}");
    assert!(parts <= 2 * 12 * 42, "{made:?}");
    for n in 0..12 {
        let key = format!("2016-06-30/{n}");
        let [source, copy] = [SOURCE, DEST].map(|bucket| world.head(bucket, &key));
        let (source, copy) = (source.await.unwrap(), copy.await.unwrap());
        assert!(source.checksum_crc64_nvme.is_some());
        assert_eq!(copy.checksum_crc64_nvme, source.checksum_crc64_nvme);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_objects_together_have_no_more_requests_that_copy_bytes_in_flight_than_they_may() {
    let world = World::start().await;
    for n in 0..6 {
        let large = if n < 3 { 700 * MIB } else { 1 };
        world.put(&format!("2016-06-30/{n}"), large, Attributes::default());
    }
    let slow = json!({
        "latency_ms": { "usual": 0, "UploadPartCopy": 3_600_000, "CopyObject": 3_600_000 }
    });
    world
        .sandbox
        .timing()
        .set(Model::parse(&slow.to_string()).unwrap());
    let words = [&DAY[..], &["--requests-in-flight", "5"]].concat();
    let dir = tempfile::tempdir().unwrap();
    let mut child = tokio::process::Command::from(backup(&world, &words))
        .current_dir(&dir)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let made = |operations: &[&str]| -> u64 {
        let requests = world.sandbox.requests();
        let of = |name: &&str| requests.get(&format!("s3:{name}")).copied();
        operations.iter().filter_map(of).sum()
    };
    while made(&["CreateMultipartUpload"]) < 3 || made(&["UploadPartCopy", "CopyObject"]) < 5 {
        assert!(child.try_wait().unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // What is one too many would be here by now: 33 parts and three objects are ready to be copied.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(made(&["UploadPartCopy", "CopyObject"]), 5);
    child.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_listed_and_copied_again_from_the_list() {
    let world = World::start().await;
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("failures.jsonl");
    let list = list.to_str().unwrap();
    let archived = || Attributes {
        storage_class: Some("GLACIER".to_owned()),
        ..Attributes::default()
    };
    for n in 0..5 {
        world.put(&format!("2016-06-30/{n}"), 1, Attributes::default());
    }
    world.put("2016-06-30/cold \"\n", 1, archived());
    let words = [&DAY[..], &["--failures", list]].concat();
    let output = operate(backup(&world, &words)).await;
    assert_eq!(output.status.code(), Some(1), "{:?}", told(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("✘ not everything is backed up"), "{said}");
    assert!(
        said.contains("1 × Archived, such as: s3://source/2016-06-30/cold"),
        "{said}"
    );
    assert!(said.contains(&format!("--retry {list}")), "{said}");
    let line: Value = serde_json::from_slice(&std::fs::read(list).unwrap()).unwrap();
    assert_eq!(line["key"], "2016-06-30/cold \"\n");
    assert_eq!(line["error_type"], "Archived");

    let before = std::fs::read(list).unwrap();
    let (again, status) = told(&operate(backup(&world, &words)).await);
    assert!(
        again.contains("is there already and is not written over"),
        "{again}"
    );
    assert_eq!((status, std::fs::read(list).unwrap()), (Some(3), before));

    world.put("2016-06-30/cold \"\n", 1, Attributes::default());
    let output = operate(backup(&world, &["--retry", list, "--json"])).await;
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
    assert_eq!(answer(&output)["copied"], json!(1));
    assert!(world.head(DEST, "2016-06-30/cold \"\n").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_nothing_half_done_and_the_same_command_goes_on() {
    stopped_and_started_again("350").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_nothing_half_done_where_several_threads_copy() {
    stopped_and_started_again("4000").await;
}

async fn stopped_and_started_again(requests_in_flight: &str) {
    let world = World::start().await;
    for n in 0..40 {
        world.put(
            &format!("2016-06-30/{n:02}"),
            700 * MIB,
            Attributes::default(),
        );
    }
    // At two parts at a time it takes 320 answers one after the other, and the others a few dozen.
    let large = "2016-06-30/00 large";
    world.put(large, 40 << 30, Attributes::default());
    // Pages of objects that are not reached.
    for n in 0..20_000 {
        world.put(
            &format!("2016-06-30/later/{n:05}"),
            0,
            Attributes::default(),
        );
    }
    let timing = world.sandbox.timing();
    timing.set(Latency::of_all(Duration::from_millis(20)));
    let words = [
        &DAY[..],
        &["--concurrency", "4", "--parts-in-flight", "2", "--json"],
        &["--requests-in-flight", requests_in_flight],
    ]
    .concat();
    let mut command = backup(&world, &words);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let copied = || {
        world
            .sandbox
            .requests()
            .get("s3:CompleteMultipartUpload")
            .copied()
    };
    while copied() < Some(5) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let wait = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    let output = wait.await.unwrap();
    let (said, status) = told(&output);
    assert_eq!(status, Some(130), "{said}");
    assert!(
        said.contains("stopping: what is under way ends in order"),
        "{said}"
    );
    let first = answer(&output);
    assert_eq!(
        (&first["interrupted"], &first["failed"]),
        (&json!(true), &json!(0))
    );
    let copied = first["copied"].as_u64().unwrap();
    assert!((5..41).contains(&copied), "{copied}");
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
    assert!(
        world.head(DEST, large).await.is_none(),
        "parts are not begun any more"
    );
    let lists = world.sandbox.requests()["s3:ListObjectsV2"];
    assert!(lists < 15, "{lists} of 22 pages were asked for");

    timing.set(Latency::of_all(Duration::ZERO));
    let rest = [&words[..], &["--exclude", "*/later/*"]].concat();
    let output = operate(backup(&world, &rest)).await;
    let second = answer(&output);
    assert_eq!(output.status.code(), Some(0), "{second}");
    let there = second["copied"].as_u64().unwrap() + second["unchanged"].as_u64().unwrap();
    assert_eq!((there, &second["filtered"]), (41, &json!(20_000)));
    assert!(world.head(DEST, large).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_told_with_what_to_do() {
    let world = World::start().await;
    let run = async |words: &[&str], without: &[&str]| {
        let mut command = operator(&world);
        command.arg("backup").args(words);
        for name in without {
            command.env_remove(name);
        }
        told(&operate(command).await)
    };
    let good = ["--source", SOURCE, "--dest", DEST];
    for (words, status, part) in [
        (
            &["--source", "sauce", "--dest", DEST, "--date", "2016-06-30"][..],
            3,
            "there is no bucket \"sauce\" at http://",
        ),
        (
            &["--source", SOURCE, "--dest", "back", "--date", "2016-06-30"],
            3,
            "correct --dest",
        ),
        (
            &[&good[..], &["--date", "2016-02-30"]].concat(),
            2,
            "2016-02-30\" is not a day of the calendar",
        ),
        (
            &[&good[..], &["--from", "2016-07-01", "--to", "2016-06-30"]].concat(),
            2,
            "ends (2016-06-30) before it starts",
        ),
        (&good, 2, "--date"),
        (
            &[&good[..], &DAY, &["--part-size-mib", "1"]].concat(),
            2,
            "--part-size-mib is \"1\"",
        ),
        (
            &[&good[..], &DAY, &["--include", "a["]].concat(),
            2,
            "is not a glob",
        ),
        (
            &[&good[..], &DAY, &["--endpoint-url", "here"]].concat(),
            2,
            "a URL is needed",
        ),
        (
            &[&good[..], &DAY, &["--endpoint-url", "http://127.0.0.1:1"]].concat(),
            3,
            "http://127.0.0.1:1 does not answer",
        ),
        (
            &["--source", SOURCE, "--dest", SOURCE, "--date", "2016-06-30"],
            2,
            "--dest-prefix is empty",
        ),
        (
            &[&good[..], &["--retry", "/nowhere.jsonl"]].concat(),
            3,
            "cannot read the failure list /nowhere.jsonl",
        ),
    ] {
        let (said, found) = run(words, &[]).await;
        assert_eq!(found, Some(status), "{words:?}: {said}");
        assert!(said.contains(part), "{words:?}: {said}");
    }
    let day = [&good[..], &DAY].concat();
    let output = operate(backup(&world, &DAY)).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "an empty day is not a good one"
    );
    assert!(
        said.contains("✘ nothing to back up: no key of the source begins so"),
        "{said}"
    );
    let (said, status) = run(&day, &["AWS_ACCESS_KEY_ID"]).await;
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("no credentials were found"), "{said}");
    assert!(said.contains("aws sso login"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_with_few_open_files_says_how_many_requests_it_allows() {
    let world = World::start().await;
    world.put("2016-06-30/k", 1, Attributes::default());
    let run = |limit: &'static str| {
        let command = backup(&world, &DAY);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{limit}; exec \"$0\" \"$@\"")]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env_clear();
        shell.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        operate(shell)
    };
    let raised = run("ulimit -S -n 256").await;
    assert_eq!(raised.status.code(), Some(0), "{:?}", told(&raised));
    let (said, status) = told(&run("ulimit -n 256").await);
    assert_eq!(status, Some(3), "{said}");
    let needed = "--concurrency 125 and --requests-in-flight 350 need 603 open files and this shell allows 256";
    assert!(said.contains(needed), "{said}");
    assert!(
        said.contains("at most 128 of both together will do"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_readers_pay_is_copied_by_who_says_so() {
    let world = World::start().await;
    world.put("2016-06-30/k", 1, Attributes::default());
    world.charge_readers().await;
    let (said, status) = told(&operate(backup(&world, &DAY)).await);
    assert_eq!(status, Some(3), "{said}");
    assert!(
        said.contains("may not list the bucket \"source\""),
        "{said}"
    );
    let pays = [&DAY[..], &["--requester-pays", "--json"]].concat();
    let output = operate(backup(&world, &pays)).await;
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
    assert_eq!(answer(&output)["copied"], json!(1));
}
