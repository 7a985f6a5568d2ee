//! What the figures were measured on.

use std::fmt;
use std::process::Command;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

/// Where this program's sources were when it was built.
const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

/// Where figures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What was measured on.
    pub machine: String,
    /// When it had been, in UTC.
    pub date: String,
    /// The commit of this program's sources.
    pub commit: String,
}

impl Origin {
    /// This machine, now.
    pub fn here() -> Origin {
        Origin {
            machine: describe(),
            date: format!("{:.0}", jiff::Timestamp::now()),
            commit: commit(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.date.split('T').next().unwrap_or_default();
        write!(f, "{}; {day}, commit {}", self.machine, self.commit)
    }
}

/// The system, the processor and how much of it there is, in a line.
pub fn describe() -> String {
    let cpus = available_parallelism().map_or("an unknown number of".to_owned(), |n| n.to_string());
    let model = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|info| model(&info))
        .map_or(String::new(), |model| format!(", {model}"));
    let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{os} {architecture}, {cpus} CPUs{model}")
}

/// The commit of this program's sources, with `-dirty` if they differ from it; `unknown` where there are none.
fn commit() -> String {
    commit_of(SOURCES).unwrap_or_else(|| "unknown".to_owned())
}

fn commit_of(folder: &str) -> Option<String> {
    let git = |args: &[&str]| {
        let ran = Command::new("git").args(["-C", folder]).args(args).output();
        let ran = ran.ok().filter(|ran| ran.status.success())?;
        Some(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let dirty = match git(&["status", "--porcelain"])?.is_empty() {
        true => "",
        false => "-dirty",
    };
    Some(commit + dirty)
}

/// The processor's name as Linux tells it.
fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_history_has_no_commit() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(commit_of(folder.path().to_str().unwrap()), None);
        assert_eq!(commit_of("/no/such/folder"), None);
    }

    #[test]
    fn finds_the_processors_name() {
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nmodel name\t: Another\n";
        assert_eq!(model(info).as_deref(), Some("Some CPU @ 2.00GHz"));
        assert_eq!(model("processor\t: 0\n"), None);
    }
}
