//! `s3-fanout bench cold-start`, the built command, with bootstraps that are this build's binaries.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use tests::{answer, binary, told};

/// What SAM leaves behind when it has built these programs.
fn built(publisher: &Path, copier: &Path) -> TempDir {
    let build = tempfile::tempdir().unwrap();
    for (function, program) in [("PublisherFunction", publisher), ("CopierFunction", copier)] {
        let folder = build.path().join(function);
        std::fs::create_dir(&folder).unwrap();
        symlink(program, folder.join("bootstrap")).unwrap();
    }
    build
}

fn write_program(path: &Path, script: &str) {
    std::fs::write(path, script).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// Where no Python is in `PATH`.
fn bench(build: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(binary("s3-fanout"));
    command.env_clear().args(["bench", "cold-start", "--build"]);
    command.arg(build).args(words).output().unwrap()
}

/// Which function and language each row is of, once its figures are found to be some.
fn rows(answer: &Value) -> Vec<(&str, &str)> {
    let rows = answer["rows"].as_array().unwrap().iter();
    let check = |row: &Value| {
        let figure = |name: &str| {
            row[name]
                .as_f64()
                .unwrap_or_else(|| panic!("{name}: {row}"))
        };
        for figures in ["init_ms", "first_copy_ms"] {
            let (least, most) = (format!("{figures}_min"), format!("{figures}_max"));
            assert!(0.0 < figure(&least), "{row}");
            assert!(figure(&least) <= figure(figures), "{row}");
            assert!(figure(figures) <= figure(&most), "{row}");
        }
        assert!(figure("peak_mb") > 1.0 && figure("zip_mb") > 0.0, "{row}");
    };
    rows.inspect(|row| check(row))
        .map(|row| {
            let word = |name: &str| row[name].as_str().unwrap();
            (word("function"), word("language"))
        })
        .collect()
}

#[test]
fn both_functions_are_measured_and_python_is_skipped_where_there_is_none() {
    let build = built(&binary("publisher"), &binary("copier"));
    let output = bench(build.path(), &["--starts", "2", "--json"]);
    let answer = answer(&output);
    assert_eq!(
        rows(&answer),
        [("publisher", "rust"), ("copier", "rust")],
        "{answer}"
    );
    assert_eq!(answer["starts"], 2);
    assert!(answer["machine"].as_str().unwrap().contains(" CPUs"));
    assert!(answer["date"].is_string() && answer["python"].is_null());
    assert!(told(&output).0.contains("Python is skipped: "));
    assert_eq!(answer["ratios"].as_array().unwrap().len(), 0);
    // These are not optimised for size: the packages are all there is to miss.
    let missed = answer["missed"].as_array().unwrap();
    let is_of_zip = |missed: &Value| missed.as_str().unwrap().contains(": zip of ");
    assert!(missed.iter().all(is_of_zip), "{answer}");
    assert_eq!(output.status.code(), Some(i32::from(!missed.is_empty())));
}

#[test]
fn a_function_that_is_no_better_than_the_one_it_is_compared_with_misses_the_targets() {
    let build = built(&binary("publisher"), &binary("copier"));
    let python = build.path().join("python");
    // It takes itself for Python, and has the same binaries for handlers.
    let script = r#"#!/bin/sh
        case $1 in
            -c) echo "Python 3.11.0" ;;
            -m) case $3 in
                    publisher.handler) exec "${0%/*}/PublisherFunction/bootstrap" ;;
                    copier.handler) exec "${0%/*}/CopierFunction/bootstrap" ;;
                esac ;;
        esac"#;
    write_program(&python, script);
    let words = [
        "--starts",
        "1",
        "--json",
        "--python",
        python.to_str().unwrap(),
    ];
    let output = bench(build.path(), &words);
    let answer = answer(&output);
    let both = |function| [(function, "rust"), (function, "python")];
    let expected = [both("publisher"), both("copier")].concat();
    assert_eq!(rows(&answer), expected, "{answer}");
    assert_eq!(answer["python"], "Python 3.11.0");
    let missed = answer["missed"].to_string();
    // Of a single start, the time may be anything.
    for function in ["publisher", "copier"] {
        assert!(missed.contains(&format!("{function}: memory ")), "{answer}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn bootstraps_that_are_not_there_are_told_with_what_builds_them() {
    let nothing = tempfile::tempdir().unwrap();
    let output = bench(nothing.path(), &[]);
    let (told, _) = told(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(
        told.contains(
            "PublisherFunction/bootstrap is missing: build both functions with `sam build"
        )
    );
}

#[test]
fn a_function_that_does_not_do_what_it_is_for_is_not_measured() {
    let (publisher, copier) = (binary("publisher"), binary("copier"));
    let scripts = tempfile::tempdir().unwrap();
    let with = |variable: &str, program: &Path| {
        let path = scripts.path().join(variable);
        write_program(
            &path,
            &format!("#!/bin/sh\n{variable} exec {}", program.display()),
        );
        path
    };
    let of_another_day = with("PREFIX_FORMAT=no-%F", &publisher);
    let elsewhere = with("DEST_PREFIX=elsewhere-", &copier);
    for (publisher, copier, expected) in [
        (
            &of_another_day,
            &copier,
            "publisher-Rust-0 published 0 messages for 250 objects",
        ),
        (&publisher, &elsewhere, "copier-Rust-0 made no copy"),
        (&publisher, &publisher, "copier-Rust-0 failed: "),
        (
            &publisher,
            &"/bin/false".into(),
            "Runtime exited with error",
        ),
    ] {
        let build = built(publisher, copier);
        let output = bench(build.path(), &["--starts", "1", "--json"]);
        let (told, _) = told(&output);
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains(expected), "{told}");
        assert!(output.stdout.is_empty());
    }
}
