//! The same handlers with boto3, on Python and AWS's own runtime interface client.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::candidate::{Candidate, Kind, Language};
use super::package::zip_bytes;

/// Looked for in `PATH`, in this order.
const PROGRAMS: [&str; 2] = ["python3.11", "python3"];

/// What installs what the handlers need.
const INSTALL: &str = "pip install boto3 awslambdaric";

/// What is said where there is no Python to compare with.
pub const SKIPPED: &str = "Python is skipped: no python3.11 or python3 in PATH has boto3 and awslambdaric \
                           (pip install boto3 awslambdaric)";

/// Fails where a package is missing that the handlers need, else tells the versions.
const PROBE: &str = "
import boto3, awslambdaric, platform
from importlib.metadata import version
print('Python', platform.python_version() + ',', 'boto3', boto3.__version__ + ',', 'awslambdaric', version('awslambdaric'))
";

/// A Python that can run the handlers, and the handlers in a folder of their own.
pub struct Python {
    program: PathBuf,
    versions: String,
    folder: TempDir,
}

impl Python {
    /// The one that is given, or the first in `PATH` that has what the handlers need; there may be none.
    ///
    /// # Errors
    /// The one that is given lacks something, or the handlers cannot be written.
    pub fn find(given: Option<&Path>) -> Result<Option<Python>> {
        if let Some(program) = given {
            let versions = probe(program)?;
            return Python::new(program, versions).map(Some);
        }
        let mut programs = PROGRAMS.iter().map(Path::new);
        let found = programs.find_map(|program| Some((program, probe(program).ok()?)));
        found
            .map(|(program, versions)| Python::new(program, versions))
            .transpose()
    }

    fn new(program: &Path, versions: String) -> Result<Python> {
        let folder = tempfile::Builder::new()
            .prefix("s3-fanout-python-")
            .tempdir()?;
        for kind in Kind::ALL {
            std::fs::write(folder.path().join(file(kind)), handler(kind))?;
        }
        Ok(Python {
            program: program.to_owned(),
            versions,
            folder,
        })
    }

    /// Both functions.
    pub fn candidates(&self) -> Result<Vec<Candidate>> {
        Kind::ALL
            .into_iter()
            .map(|kind| self.candidate(kind))
            .collect()
    }

    /// The versions of all that runs a handler.
    pub fn into_versions(self) -> String {
        self.versions
    }

    fn candidate(&self, kind: Kind) -> Result<Candidate> {
        let handler_name = format!("{}.handler", kind.name());
        let folder = self.folder.path().display().to_string();
        Ok(Candidate {
            kind,
            language: Language::Python,
            command: self.program.clone(),
            args: vec!["-m".to_owned(), "awslambdaric".to_owned(), handler_name],
            // In Lambda there is no configuration of a user's that boto3 could find.
            environment: ["PYTHONPATH", "HOME"]
                .map(|name| (name.to_owned(), folder.clone()))
                .into(),
            zip_bytes: zip_bytes(&file(kind), handler(kind).as_bytes())?,
        })
    }
}

fn file(kind: Kind) -> String {
    format!("{}.py", kind.name())
}

fn handler(kind: Kind) -> &'static str {
    match kind {
        Kind::Publisher => include_str!("python/publisher.py"),
        Kind::Copier => include_str!("python/copier.py"),
    }
}

/// The versions of a Python that has what the handlers need, with the variables that functions get: none but `PATH`.
fn probe(program: &Path) -> Result<String> {
    let probed = Command::new(program)
        .args(["-c", PROBE])
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !probed.status.success() {
        let told = String::from_utf8_lossy(&probed.stderr);
        let reason = told.lines().last().unwrap_or_default();
        bail!(
            "{} cannot run the handlers: {reason}; {INSTALL}",
            program.display()
        );
    }
    Ok(String::from_utf8_lossy(&probed.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_that_is_asked_for_must_be_there() {
        let error = Python::find(Some(Path::new("/nowhere/python"))).err();
        assert_eq!(
            error.map(|error| error.to_string()).as_deref(),
            Some("cannot run /nowhere/python")
        );
    }

    #[test]
    fn a_python_that_is_asked_for_must_have_what_the_handlers_need() {
        let error = Python::find(Some(Path::new("/bin/false"))).err();
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with("/bin/false cannot run the handlers: "));
        assert!(error.ends_with(INSTALL), "{error}");
    }
}
