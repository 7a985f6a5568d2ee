//! Deployment packages: where the bootstraps are, and how large a package is as a zip.

use std::io::{Cursor, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::candidate::{Candidate, Kind, Language};

/// The program of a package (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html>).
const BOOTSTRAP: &str = "bootstrap";

/// Both functions as SAM has built them.
pub fn bootstraps(build: &Path) -> Result<Vec<Candidate>> {
    let candidates = Kind::ALL.map(|kind| bootstrap(build, kind));
    candidates.into_iter().collect()
}

fn bootstrap(build: &Path, kind: Kind) -> Result<Candidate> {
    let command = build.join(kind.logical_id()).join(BOOTSTRAP);
    ensure!(
        command.is_file(),
        "{} is missing: build both functions with `sam build --parameter-overrides Architecture={}`, or say with \
         --build where they are",
        command.display(),
        architecture()
    );
    let program =
        std::fs::read(&command).with_context(|| format!("cannot read {}", command.display()))?;
    Ok(Candidate {
        kind,
        language: Language::Rust,
        zip_bytes: zip_bytes(BOOTSTRAP, &program)?,
        command,
        args: Vec::new(),
        environment: Vec::new(),
    })
}

/// This machine's, as the template's parameter has it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

/// How large a package of one file is, deflated as SAM does.
pub fn zip_bytes(name: &str, content: &[u8]) -> Result<u64> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, options)?;
    zip.write_all(content)?;
    Ok(zip.finish()?.into_inner().len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_deflated() {
        let bytes = zip_bytes(BOOTSTRAP, &[7; 1_000_000]).unwrap();
        assert!((100..5_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_bootstrap_that_is_missing_is_told_with_what_builds_it() {
        let error = bootstraps(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(
            error.starts_with("/nowhere/PublisherFunction/bootstrap is missing: "),
            "{error}"
        );
        assert!(error.contains("sam build --parameter-overrides Architecture="));
        assert!(error.contains("--build"));
    }
}
