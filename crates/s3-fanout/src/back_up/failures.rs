//! The failure list: an object that was not copied a line, in JSON, to be read again by `--retry`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use backup::object::check_key;
use serde::{Deserialize, Serialize};

/// An object that was not copied.
#[derive(Debug, Serialize)]
pub struct Failure<'a> {
    /// The source bucket.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// The type of the error, as in the README's table.
    pub error_type: &'a str,
    /// What happened.
    pub error: &'a str,
}

/// Where failures are listed. The file is made with the first of them, and never one that is there already.
#[derive(Debug)]
pub struct List {
    path: PathBuf,
    file: Option<File>,
}

impl List {
    /// A list for this file, or for one of now.
    ///
    /// # Errors
    /// The file is there already, or cannot be made.
    pub fn new(path: Option<&Path>) -> Result<List> {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let path = path.map_or_else(
            || PathBuf::from(format!("s3-fanout-failures-{now}.jsonl")),
            Path::to_owned,
        );
        // Now, and not when the first failure is to be listed, hours from now.
        make(&path).and_then(|_| fs::remove_file(&path)).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => anyhow!(
                "{} is there already and is not written over; name another file with --failures",
                path.display()
            ),
            _ => anyhow!(
                "failures cannot be listed in {}: {error}; name another file with --failures",
                path.display()
            ),
        })?;
        Ok(List { path, file: None })
    }

    /// Lists a failure. It is in the file when this returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, failure: &Failure<'_>) -> Result<()> {
        let line = serde_json::to_string(failure)? + "\n";
        self.write(line.as_bytes()).with_context(|| {
            format!(
                "{:?} was not copied ({}), and that cannot be listed in {}",
                failure.key,
                failure.error,
                self.path.display()
            )
        })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let made = make(&self.path)?;
                self.file.insert(made)
            }
        };
        file.write_all(line)
    }

    /// The file, if there is anything in it.
    pub fn path(&self) -> Option<&Path> {
        self.file.is_some().then_some(&self.path)
    }
}

/// Makes a file, never one that is there already.
fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A line that is read: of a failure list, or of the differences that verify found.
#[derive(Deserialize)]
struct Line {
    bucket: Option<String>,
    key: String,
    /// What is different of it.
    kind: Option<String>,
}

/// The keys of a list, one after the other; an error is the last of them. All are of the source bucket.
///
/// # Errors
/// The list cannot be opened.
pub fn keys(path: &Path, source: &str) -> Result<impl Iterator<Item = Result<String>> + use<>> {
    let name = path.display().to_string();
    let reader: Box<dyn BufRead + Send> = match name.as_str() {
        "-" => Box::new(BufReader::new(io::stdin())),
        _ => {
            let file = File::open(path);
            Box::new(BufReader::new(file.with_context(|| {
                format!("cannot read the failure list {name}")
            })?))
        }
    };
    let source = source.to_owned();
    let numbered = (1..).zip(reader.lines());
    let lines = numbered.filter(|(_, line)| line.as_ref().map_or(true, |line| !line.is_empty()));
    Ok(lines.filter_map(move |(number, line)| {
        let key = line
            .map_err(anyhow::Error::from)
            .and_then(|line| key(&line, &source));
        let key = key.with_context(|| {
            format!("line {number} of {name} is not of a failure list of this bucket")
        });
        key.transpose()
    }))
}

/// The key of a line; a copy that has no source is nothing to copy.
fn key(line: &str, source: &str) -> Result<Option<String>> {
    let Line { bucket, key, kind } = serde_json::from_str(line)?;
    check_key(&key)?;
    match bucket {
        Some(bucket) if bucket != source => Err(anyhow!(
            "it is about the bucket {bucket:?}, and --source is {source:?}"
        )),
        _ => Ok(Some(key).filter(|_| kind.as_deref() != Some("extra"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<String, String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.jsonl");
        std::fs::write(&path, text).unwrap();
        let told = |error: anyhow::Error| format!("{error:#}");
        keys(&path, "b")
            .unwrap()
            .map(|key| key.map_err(told))
            .collect()
    }

    #[test]
    fn what_is_listed_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.jsonl");
        let mut list = List::new(Some(&path)).unwrap();
        assert_eq!(list.path(), None);
        assert!(!path.exists(), "without a failure there is no file");
        let all = ["a b", "quote\"\n", "ü"];
        for key in all {
            let failure = Failure {
                bucket: "b",
                key,
                error_type: "Archived",
                error: "it is",
            };
            list.add(&failure).unwrap();
        }
        assert_eq!(list.path(), Some(&*path));
        let read: Vec<_> = keys(&path, "b").unwrap().map(Result::unwrap).collect();
        assert_eq!(read, all);
        let again = List::new(Some(&path)).unwrap_err().to_string();
        assert!(again.contains("is there already"), "{again}");
    }

    #[test]
    fn a_list_that_cannot_be_made_is_refused_before_anything_is_copied() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("absent/list.jsonl");
        let refused = List::new(Some(&path)).unwrap_err().to_string();
        assert!(refused.contains("cannot be listed in"), "{refused}");
        assert!(
            refused.ends_with("name another file with --failures"),
            "{refused}"
        );
    }

    #[test]
    fn a_failure_that_cannot_be_listed_is_told_with_its_key_and_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.jsonl");
        let mut list = List::new(Some(&path)).unwrap();
        // Someone else made it meanwhile.
        std::fs::write(&path, "theirs").unwrap();
        let failure = Failure {
            bucket: "b",
            key: "k",
            error_type: "Archived",
            error: "it is archived",
        };
        let told = format!("{:#}", list.add(&failure).unwrap_err());
        assert!(
            told.starts_with("\"k\" was not copied (it is archived), and"),
            "{told}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs");
    }

    #[test]
    fn a_line_of_something_else_is_told_by_its_number() {
        let read = read(
            "{\"key\":\"a\",\"kind\":\"missing\"}\n{\"key\":\"e\",\"kind\":\"extra\"}\n\nkey\n{\"bucket\":\"c\",\"key\":\"a\"}\n{\"key\":\"\"}\n",
        );
        assert_eq!(read[0], Ok("a".to_owned()));
        let error = |n: usize| read[n].clone().unwrap_err();
        assert!(error(1).starts_with("line 4 of "), "{}", error(1));
        assert!(
            error(2).ends_with("it is about the bucket \"c\", and --source is \"b\""),
            "{}",
            error(2)
        );
        assert!(
            error(3).ends_with("the key is empty; a key has 1 to 1024 bytes"),
            "{}",
            error(3)
        );
    }
}
