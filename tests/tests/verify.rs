//! `s3-fanout verify` through the built command.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use aws_sdk_s3::types::Tag;
use bytes::Bytes;
use sandbox::s3::{Attributes, Content};
use serde_json::{Value, json};
use tests::{DEST, ODD_KEYS, SOURCE, World, answer, operate, operator};

const DAY: &str = "2016-06-30/";

/// `verify` of the world's buckets, with further words.
async fn run(world: &World, words: &[&str]) -> Output {
    let mut command = operator(world);
    command
        .args(["verify", "--source", SOURCE, "--dest", DEST])
        .args(words);
    operate(command).await
}

fn status(output: &Output) -> Option<i32> {
    output.status.code()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Each difference's kind and what differs, by key.
fn differences(lines: &str) -> BTreeMap<String, (String, Value)> {
    let parsed = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    parsed
        .map(|line: Value| {
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            (text("key"), (text("kind"), line["what"].clone()))
        })
        .collect()
}

fn put(world: &World, bucket: &str, key: &str, bytes: &str, attributes: &Attributes) {
    let content = Content::bytes(Bytes::from(bytes.to_owned()));
    world
        .sandbox
        .s3()
        .put(bucket, key, content, attributes.clone())
        .unwrap();
}

/// A copy of the second in which its source was written is no proof of being the same.
async fn next_second() {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_the_same_when_its_listing_says_so_and_nothing_is_looked_at() {
    let world = World::start().await;
    let plain = Attributes::default();
    for number in 0..2_500 {
        put(
            &world,
            SOURCE,
            &format!("{DAY}{number:04}"),
            "bytes",
            &plain,
        );
    }
    next_second().await;
    for number in 0..2_500 {
        put(
            &world,
            DEST,
            &format!("copies of/{DAY}{number:04}"),
            "bytes",
            &plain,
        );
    }
    let before = world.sandbox.requests();
    let output = run(
        &world,
        &[
            "--date",
            "2016-06-30",
            "--dest-prefix",
            "copies of/",
            "--json",
        ],
    )
    .await;
    assert_eq!(status(&output), Some(0), "{output:?}");
    let answer = answer(&output);
    assert_eq!(answer["verified"], true);
    assert_eq!(
        (&answer["objects"], &answer["same"]),
        (&json!(2_500), &json!(2_500))
    );
    assert_eq!(answer["same_bytes"], 12_500);
    let requests = world.requests_since(&before);
    let expected = [
        ("s3:HeadBucket".to_owned(), 2),
        ("s3:ListObjectsV2".to_owned(), 6),
    ];
    assert_eq!(requests, expected.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_copied_within_its_second_is_the_same_by_its_checksums() {
    let world = World::start().await;
    let plain = Attributes::default();
    // The copies first, so that none of them is newer than its source.
    for bucket in [DEST, SOURCE] {
        for number in 0..100 {
            put(
                &world,
                bucket,
                &format!("{DAY}{number:04}"),
                "bytes",
                &plain,
            );
        }
    }
    put(&world, DEST, &format!("{DAY}stale"), "before", &plain);
    put(&world, SOURCE, &format!("{DAY}stale"), "after!", &plain);
    let output = run(&world, &["--date", "2016-06-30", "--json"]).await;
    assert_eq!(status(&output), Some(1), "{output:?}");
    let answer = answer(&output);
    assert_eq!(
        (&answer["same"], &answer["same_by_checksum"]),
        (&json!(100), &json!(100))
    );
    assert_eq!(
        (&answer["different"], &answer["missing"]),
        (&json!(1), &json!(0))
    );
    let first = &answer["first_differences"][0];
    assert_eq!(
        (&first["key"], &first["what"]),
        (&json!("2016-06-30/stale"), &json!(["checksum"]))
    );
}

/// What becomes of a source and a copy that differ in one thing each; the copy is the newer.
async fn one_of_every_difference(world: &World) {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let plain = Attributes::default();
    let typed = Attributes {
        content_type: Some("text/plain".to_owned()),
        ..plain.clone()
    };
    let described = Attributes {
        metadata: [pair("a", "1")].into(),
        ..plain.clone()
    };
    let tagged = Attributes {
        tags: vec![pair("a", "1")],
        ..plain.clone()
    };
    let cold = Attributes {
        storage_class: Some("STANDARD_IA".to_owned()),
        ..plain.clone()
    };
    let archived = Attributes {
        storage_class: Some("GLACIER".to_owned()),
        ..plain.clone()
    };
    let pairs = [
        ("same", Some("bytes"), &plain),
        ("missing", None, &plain),
        ("longer", Some("bytes!"), &plain),
        ("bytes", Some("Bytes"), &plain),
        ("type", Some("bytes"), &typed),
        ("metadata", Some("bytes"), &described),
        ("tags", Some("bytes"), &tagged),
        ("class", Some("bytes"), &cold),
    ];
    for (name, _, _) in pairs {
        put(world, SOURCE, &format!("{DAY}{name}"), "bytes", &plain);
    }
    put(world, SOURCE, &format!("{DAY}archived"), "bytes", &archived);
    next_second().await;
    for (name, copy, attributes) in pairs {
        if let Some(copy) = copy {
            put(world, DEST, &format!("{DAY}{name}"), copy, attributes);
        }
    }
    put(world, DEST, &format!("{DAY}extra"), "bytes", &plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_shows_sizes_and_a_look_shows_the_rest() {
    let world = World::start().await;
    one_of_every_difference(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("found.jsonl");
    let file = file.to_str().unwrap();
    let found = async |more: &[&str]| {
        let words = [&["--date", "2016-06-30", "--jsonl", file], more].concat();
        let output = run(&world, &words).await;
        assert_eq!(status(&output), Some(1), "{output:?}");
        let found = differences(&std::fs::read_to_string(file).unwrap());
        let found: Vec<_> = found
            .into_iter()
            .map(|(key, (kind, what))| format!("{} {kind} {what}", key.strip_prefix(DAY).unwrap()))
            .collect();
        found
    };
    let listed = [
        "archived missing [\"archived\"]",
        "extra extra []",
        "longer different [\"size\"]",
        "missing missing []",
    ];
    assert_eq!(found(&[]).await, listed);
    let deep = [
        "archived missing [\"archived\"]",
        "bytes different [\"checksum\"]",
        "extra extra []",
        "longer different [\"size\"]",
        "metadata different [\"metadata\"]",
        "missing missing []",
        "tags different [\"tags\"]",
        "type different [\"content_type\"]",
    ];
    assert_eq!(found(&["--deep"]).await, deep);
    let bytes_only: Vec<_> = deep
        .into_iter()
        .filter(|line| {
            !["metadata", "tags", "type"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .collect();
    assert_eq!(found(&["--deep", "--preserve", "none"]).await, bytes_only);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_told_what_differs_and_what_to_do() {
    let world = World::start().await;
    one_of_every_difference(&world).await;
    let output = run(&world, &["--date", "2016-06-30"]).await;
    let told = text(&output.stdout);
    for line in [
        "✘ not every object has its copy: 2 missing, 1 different of 9; 1 extra at the destination",
        "  missing    2016-06-30/missing: not copied",
        "  missing    2016-06-30/archived: archived at the source: restore it before it can be copied",
        "  different  2016-06-30/longer: size is \"6\" and should be \"5\"",
        "  extra      2016-06-30/extra: not in the source",
        "  s3-fanout backup --source source --dest backup --date 2016-06-30",
    ] {
        assert!(told.lines().any(|told| told == line), "{line:?} in\n{told}");
    }
    assert!(told.lines().all(|line| line == line.trim_end()), "{told}");
    let diagnostics = text(&output.stderr);
    assert!(diagnostics.starts_with("verifying\n"), "{diagnostics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_copies_fail_unless_they_are_allowed() {
    let world = World::start().await;
    let plain = Attributes::default();
    put(&world, SOURCE, "a/same", "bytes", &plain);
    next_second().await;
    for key in ["a/extra", "a/same", "a/zzz", "other/extra"] {
        put(&world, DEST, key, "bytes", &plain);
    }
    let output = run(&world, &["--prefix", "a/", "--json"]).await;
    assert_eq!(
        (status(&output), &answer(&output)["extra"]),
        (Some(1), &json!(2))
    );
    let output = run(&world, &["--prefix", "a/", "--allow-extra"]).await;
    assert_eq!(status(&output), Some(0), "{output:?}");
    let told = text(&output.stdout);
    assert!(
        told.contains("✔ every object has its copy: 1; 2 extra"),
        "{told}"
    );
    let output = run(
        &world,
        &["--prefix", "a/", "--exclude", "*/e*", "--exclude", "*z"],
    )
    .await;
    assert_eq!(status(&output), Some(0), "{output:?}");
}

/// What the files say of every key, however odd.
async fn keys_in(world: &World, folder: &Path) -> [BTreeSet<String>; 2] {
    let (jsonl, csv) = (folder.join("found.jsonl"), folder.join("found.csv"));
    let output = run(
        world,
        &[
            "--prefix",
            "",
            "--jsonl",
            jsonl.to_str().unwrap(),
            "--csv",
            csv.to_str().unwrap(),
            "--report",
            folder.join("report.html").to_str().unwrap(),
        ],
    )
    .await;
    assert_eq!(status(&output), Some(1), "{output:?}");
    let lines = std::fs::read_to_string(jsonl).unwrap();
    let mut rows = csv::Reader::from_path(csv).unwrap();
    assert_eq!(&rows.headers().unwrap()[1], "key");
    let rows = rows.records().map(|row| row.unwrap()[1].to_owned());
    [differences(&lines).into_keys().collect(), rows.collect()]
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_keys_reach_every_file_as_they_are_and_a_page_cannot_be_told_what_to_do() {
    let world = World::start().await;
    let script = "<script>alert(1)</script>";
    let comma = "a,\"b\"\r\nc,=1+1";
    let keys: BTreeSet<_> = ODD_KEYS
        .into_iter()
        .chain([script, comma])
        .map(str::to_owned)
        .collect();
    for key in &keys {
        put(&world, SOURCE, key, "bytes", &Attributes::default());
    }
    let folder = tempfile::tempdir().unwrap();
    let [lines, rows] = keys_in(&world, folder.path()).await;
    assert_eq!(lines, keys);
    assert_eq!(rows, keys);
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(!page.contains(script));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 3, "nothing else is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_needs_nothing_else_and_shows_what_the_answer_says() {
    let world = World::start().await;
    one_of_every_difference(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, "an old one").unwrap();
    let words = [
        "--from",
        "2016-06-29",
        "--to",
        "2016-07-01",
        "--report",
        file.to_str().unwrap(),
    ];
    run(&world, &words).await;
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(
        page.starts_with("<!DOCTYPE html><html lang=\"en\">"),
        "{page}"
    );
    for outside in ["src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let addresses = page.matches("://").count() - page.matches("s3://").count();
    assert_eq!(
        addresses,
        page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count()
    );
    for shown in [
        "not every object has its copy",
        "2016-06-30/longer",
        "Every day from 2016-06-29 to 2016-07-01",
        "s3-fanout backup --source source --dest backup --from 2016-06-29 --to 2016-07-01",
        "Bytes per day",
        "days as the keys name them",
        "All 4, in the order",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(page.contains("fill=\"#1B7F5C\"") && page.contains("[fill=\"#1B7F5C\"]"));
    assert!(page.contains("fill=\"#C2410C\"") && page.contains("[fill=\"#C2410C\"]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_told_before_anything_is_listed() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let before = world.sandbox.requests();
    let none = folder.path().join("none/report.html");
    for flag in ["--report", "--jsonl", "--csv"] {
        for place in [none.as_path(), folder.path()] {
            let output = run(&world, &["--prefix", "", flag, place.to_str().unwrap()]).await;
            assert_eq!(status(&output), Some(3), "{output:?}");
            let told = text(&output.stderr);
            assert!(
                told.contains(&format!("cannot write {}", place.display())),
                "{told}"
            );
        }
    }
    let same = folder.path().join("same");
    let same = same.to_str().unwrap();
    let output = run(&world, &["--prefix", "", "--csv", same, "--jsonl", same]).await;
    assert_eq!(status(&output), Some(2), "{output:?}");
    assert_eq!(world.requests_since(&before), BTreeMap::new());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_listed_is_no_verdict_and_no_file() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("found.csv");
    let mut command = operator(&world);
    command.args([
        "verify", "--source", SOURCE, "--dest", "nowhere", "--prefix", "",
    ]);
    command.args(["--csv", file.to_str().unwrap()]);
    let output = operate(command).await;
    assert_eq!(status(&output), Some(3), "{output:?}");
    assert_eq!(text(&output.stdout), "");
    let told = text(&output.stderr);
    assert!(told.contains("there is no bucket \"nowhere\""), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_read_of_both_sides() {
    let world = World::start().await;
    put(&world, SOURCE, "key", "bytes", &Attributes::default());
    next_second().await;
    put(&world, DEST, "key", "bytes", &Attributes::default());
    let before = world.sandbox.requests();
    let output = run(&world, &["--prefix", "", "--deep", "--json"]).await;
    assert_eq!(status(&output), Some(0), "{output:?}");
    assert_eq!(answer(&output)["same_by_checksum"], 1);
    let requests = world.requests_since(&before);
    assert_eq!(
        (requests["s3:HeadObject"], requests["s3:GetObjectTagging"]),
        (2, 2)
    );
    let tag = Tag::builder().key("a").value("1").build().unwrap();
    let tags = aws_sdk_s3::types::Tagging::builder()
        .tag_set(tag)
        .build()
        .unwrap();
    let tagging = world.s3.put_object_tagging().bucket(SOURCE).key("key");
    tagging.tagging(tags).send().await.unwrap();
    let output = run(&world, &["--prefix", "", "--deep"]).await;
    assert_eq!(status(&output), Some(1), "{output:?}");
}

/// The most memory that one process needed, in bytes.
#[cfg(target_os = "linux")]
async fn peak_memory(world: &World, words: &[&str]) -> (Value, u64) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = operator(world);
    command
        .args(words)
        .args(["--source", SOURCE, "--dest", DEST, "--json"])
        // No pipe: nobody would read it before the end, and the answer has more than a pipe holds.
        .stdout(std::fs::File::create(file.path()).unwrap())
        .stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let id = child.id();
    let mut peak = 0;
    loop {
        // VmHWM is the most so far: the last look before the end misses little of it.
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or_default() << 10);
        if child.try_wait().unwrap().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let out = std::fs::read_to_string(file.path()).unwrap();
    (serde_json::from_str(&out).unwrap(), peak)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_million_keys_take_no_more_memory_than_a_hundred_thousand() {
    let world = World::start().await;
    let put = |bucket: &str, key: &str| {
        let empty = Content::bytes(Bytes::new());
        world
            .sandbox
            .s3()
            .put(bucket, key, empty, Attributes::default())
            .unwrap();
    };
    let all = [("a/", 100_000), ("b/", 1_000_000)];
    let key = |prefix: &str, number: u64| format!("{prefix}{number:07}");
    for (prefix, keys) in all {
        (0..keys).for_each(|number| put(SOURCE, &key(prefix, number)));
    }
    next_second().await;
    for (prefix, keys) in all {
        for number in (0..keys).filter(|number| number % 10 > 0) {
            put(DEST, &key(prefix, number));
        }
    }
    let mut peaks = Vec::new();
    for (prefix, keys) in all {
        let (answer, peak) = peak_memory(&world, &["verify", "--prefix", prefix]).await;
        let found = (&answer["objects"], &answer["missing"]);
        // Every tenth has no copy.
        assert_eq!(found, (&json!(keys), &json!(keys / 10)));
        peaks.push(peak);
    }
    let (few, many) = (peaks[0], peaks[1]);
    assert!(many <= 64 << 20, "{many} bytes");
    assert!(many * 100 <= few * 125, "{few} and {many} bytes");

    let words = ["backup", "--prefix", "b/", "--exclude", "*0"];
    let (answer, peak) = peak_memory(&world, &words).await;
    assert_eq!(answer["unchanged"], json!(900_000), "{answer}");
    assert!(peak <= 64 << 20, "{peak} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_an_object_is_not_complete() {
    let world = World::start().await;
    let output = run(&world, &["--date", "2016-06-30"]).await;
    assert_eq!(status(&output), Some(1), "{output:?}");
    assert!(text(&output.stdout).contains("✘ nothing to verify: no key of the source begins so"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_look_shows_is_mended_by_the_command_that_it_names() {
    let world = World::start().await;
    let tagged = Attributes {
        tags: vec![("class".to_owned(), "a".to_owned())],
        ..Attributes::default()
    };
    for key in ["2016-06-30/same", "2016-06-30/other tags"] {
        put(&world, SOURCE, key, "bytes", &tagged);
        put(&world, DEST, key, "bytes", &tagged);
    }
    put(
        &world,
        DEST,
        "2016-06-30/other tags",
        "bytes",
        &Attributes::default(),
    );
    put(
        &world,
        DEST,
        "2016-06-30/extra",
        "bytes",
        &Attributes::default(),
    );
    let deep = ["--date", "2016-06-30", "--deep", "--json"];
    let named = |output: &Output| answer(output)["next_command"].as_str().unwrap().to_owned();
    let output = run(&world, &deep).await;
    assert_eq!(
        (status(&output), &answer(&output)["different"]),
        (Some(1), &json!(1))
    );
    assert!(named(&output).ends_with(" --all"), "{}", named(&output));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("differences.jsonl");
    let list = [&deep[..], &["--jsonl", file.to_str().unwrap()]].concat();
    let backup = named(&run(&world, &list).await);
    let mut command = operator(&world);
    command.args(backup.split(' ').skip(1));
    let output = operate(command).await;
    assert_eq!(status(&output), Some(0), "{backup}: {output:?}");
    let again = [&deep[..], &["--allow-extra"]].concat();
    let output = run(&world, &again).await;
    assert_eq!(status(&output), Some(0), "{output:?}");
}
