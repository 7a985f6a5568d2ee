//! The demo and the sandbox through the built command, as a newcomer runs them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn s3_fanout(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3-fanout"));
    command.args(args);
    command
}

fn run(args: &[&str]) -> Output {
    s3_fanout(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_demo_verifies_every_object_and_leaves_nothing_over() {
    let output = run(&["demo", "--objects", "25", "--concurrency", "8", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&summary["objects"], &summary["verified"]),
        (&25.into(), &25.into())
    );
    let bytes = summary["bytes"].as_u64().unwrap();
    assert!(
        (25 * 600_000_000..=25 * 800_000_000).contains(&bytes),
        "{bytes}"
    );
    assert_eq!(
        (&summary["uploads_left_open"], &summary["in_failure_queue"]),
        (&0.into(), &0.into())
    );
    assert_eq!(
        (&summary["wrong"], &summary["redelivered"]),
        (&0.into(), &0.into())
    );
    assert_eq!(summary["faults_injected"], serde_json::json!({}));
    assert_eq!(summary["invocations"], 25);
    assert!(summary["concurrency_reached"].as_u64().unwrap() <= 8);
    let requests = &summary["requests"];
    assert_eq!(requests["CreateMultipartUpload"], 25);
    assert_eq!(requests["CompleteMultipartUpload"], 25);
    assert!(requests["UploadPartCopy"].as_u64().unwrap() >= 25 * 9);
    assert_eq!(requests["CopyObject"], Value::Null);
    assert_eq!(requests["PublishBatch"], 3);
    assert!(summary["cost_usd"]["total"].as_f64().unwrap() > 0.0);
    for name in ["wall_ms", "last_modified_span_ms"] {
        assert!(summary[name].is_u64(), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_copier_stays_under_32_mb_and_a_publisher_under_64_mb() {
    let output = run(&["demo", "--objects", "10", "--json"]);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let peak = |function: &str| summary["peak_memory_mb"][function].as_f64().unwrap();
    assert!(peak("copier") < 32.0, "{}", summary["peak_memory_mb"]);
    assert!(peak("publisher") < 64.0, "{}", summary["peak_memory_mb"]);
}

#[test]
fn the_summary_for_people_stands_alone_on_standard_output() {
    let output = run(&["demo", "--objects", "3"]);
    assert!(output.status.success());
    let summary = text(&output.stdout);
    assert!(
        summary.contains("every object verified: 3 of 3"),
        "{summary}"
    );
    assert!(summary.contains("On AWS this costs     $0."), "{summary}");
    assert!(
        summary.lines().all(|line| line == line.trim_end()),
        "{summary}"
    );
    assert_eq!(
        text(&output.stderr),
        "copying: 3 objects\nverifying: 3 objects\n"
    );
}

#[test]
fn a_demo_by_a_model_says_so_and_costs_what_its_copiers_took() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("own.json");
    fs::write(&file, r#"{"lambda":{"cold_start_ms":1000}}"#).unwrap();
    let file = file.to_str().unwrap();
    let demo = ["demo", "--objects", "2", "--concurrency", "1"];
    let output = run(&[&demo[..], &["--model", file, "--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["model"], file);
    // The publisher and the one copier each waited once for their environment.
    assert!(summary["wall_ms"].as_u64().unwrap() >= 2_000, "{summary}");
    // A copier's second of 128 MB; both copies by the default reckoning would be five seconds.
    let gb_second = 0.000_013_333_4;
    let lambda = summary["cost_usd"]["lambda"].as_f64().unwrap();
    assert!(lambda >= gb_second / 8.0, "{summary}");
    let for_people = run(&[&demo[..], &["--model", "lan"]].concat());
    let summary = text(&for_people.stdout);
    assert!(summary.contains("(by the model lan)"), "{summary}");
    assert!(!summary.contains("no time here"), "{summary}");
    let unknown = run(&[&demo[..], &["--model", "s3-1999"]].concat());
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn a_folder_with_awkward_names_is_backed_up_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let names = [
        "a b.txt",
        "plus+plus",
        "percent%41%",
        "ümlaut-漢字-🦀",
        "sub/dir/file",
        "sub/..file",
        "#?&=;,'\"",
        "tab\tline\n",
        "back\\slash",
    ];
    for (number, name) in names.iter().enumerate() {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name.repeat(1 + number * 50_000)).unwrap();
    }
    fs::write(dir.path().join("empty"), "").unwrap();
    let path = dir.path().to_str().unwrap();
    let output = run(&["demo", "--dir", path, "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&summary["objects"], &summary["verified"]),
        (&10.into(), &10.into())
    );
    assert_eq!(
        summary["requests"]["PutObject"],
        Value::Null,
        "only what the functions asked counts"
    );
}

#[test]
fn the_shells_own_aws_and_proxy_settings_are_none_of_the_demos() {
    let mut demo = s3_fanout(&["demo", "--objects", "3"]);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_ENDPOINT_URL"] {
        demo.env(name, "http://127.0.0.1:9");
    }
    let output = demo.env("AWS_PROFILE", "production").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn says_what_is_wrong_with_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let missing = format!("{path}/missing");
    for (given, problem) in [(path, "has no files"), (&missing, "is not a folder")] {
        let output = run(&["demo", "--dir", given]);
        assert_eq!(output.status.code(), Some(3));
        let error = text(&output.stderr);
        assert!(error.contains(given) && error.contains(problem), "{error}");
        assert!(
            error.contains("--dir takes the folder whose files are the objects"),
            "{error}"
        );
    }
}

#[test]
fn a_shell_with_few_open_files_is_enough_or_says_how_many_copiers_are() {
    let demo = |limit: &str| {
        let script = format!("{limit}; exec \"$0\" demo --objects 120 --concurrency 60");
        Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_s3-fanout")])
            .output()
            .unwrap()
    };
    let raised = demo("ulimit -S -n 256");
    assert!(raised.status.success(), "{}", text(&raised.stderr));
    let short = demo("ulimit -n 256");
    assert_eq!(short.status.code(), Some(3));
    let error = text(&short.stderr);
    assert!(
        error.contains("--concurrency 60 needs 1568 open files and this shell allows 256"),
        "{error}"
    );
    assert!(
        error.contains("a --concurrency of at most 5 will do"),
        "{error}"
    );
}

#[test]
fn wrong_usage_is_status_2() {
    for args in [
        &["demo", "--objects", "0"][..],
        &["demo", "--dir", "x", "--objects", "5"],
        &["dmeo"],
        &[],
    ] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn the_sandbox_prints_what_to_export_answers_and_ends_when_it_is_told_to() {
    let mut sandbox = s3_fanout(&["sandbox", "--address", "127.0.0.1:0", "--objects", "3"]);
    let mut sandbox = sandbox
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(sandbox.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let exported = lines
        .find(|line| line.contains("export AWS_ENDPOINT_URL="))
        .unwrap();
    let address = exported.split("http://").nth(1).unwrap().to_owned();
    let mut connection = TcpStream::connect(&address).unwrap();
    write!(
        connection,
        "GET /_sandbox HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut page = String::new();
    connection.read_to_string(&mut page).unwrap();
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("\"publisher\""),
        "{page}"
    );
    // A second one on the same port says so.
    let second = run(&["sandbox", "--address", &address]);
    assert_eq!(second.status.code(), Some(3));
    assert!(
        text(&second.stderr).contains("choose another --address"),
        "{}",
        text(&second.stderr)
    );
    let pid = Pid::from_child(&sandbox);
    kill_process(pid, Signal::INT).unwrap();
    assert!(sandbox.wait().unwrap().success());
    assert!(
        TcpStream::connect(&address).is_err(),
        "the port is free again"
    );
}
