//! Which version of the source the figures are of.

use std::path::Path;
use std::process::Command;

/// The commit of the source folder, with `-dirty` where it holds more than that; `unknown` where there is none.
pub fn describe() -> String {
    of(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|| "unknown".to_owned())
}

fn of(folder: &Path) -> Option<String> {
    let git = |words: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(words)
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&["status", "--porcelain"])?;
    let dirty = if changes.is_empty() { "" } else { "-dirty" };
    Some(format!("{}{dirty}", commit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_no_repository_has_no_commit() {
        assert_eq!(of(Path::new("/")), None);
    }
}
