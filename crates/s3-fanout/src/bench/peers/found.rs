//! The tools that are installed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tokio::process::Command;

use super::peer::Peer;

/// Looked for in `PATH`, in this order.
const PYTHONS: [&str; 2] = ["python3.11", "python3"];

/// Tells the versions, or fails where boto3 is missing.
const PROBE: &str = "import boto3, platform; print('boto3', boto3.__version__, 'Python', platform.python_version())";

/// A tool that can be run.
#[derive(Debug, Clone)]
pub struct Found {
    pub peer: Peer,
    pub program: PathBuf,
    /// As it tells itself.
    pub version: String,
}

/// Those of these, or of all, that are installed; standard error tells of the others.
///
/// # Errors
/// This program cannot tell where it is, or the Python that is given has no boto3.
pub async fn all(asked: &[Peer], python: Option<&Path>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for &peer in Peer::value_variants() {
        if !asked.is_empty() && !asked.contains(&peer) {
            continue;
        }
        match find(peer, python).await? {
            Some(peer) => found.push(peer),
            None => eprintln!(
                "{} is skipped: it is not in PATH ({})",
                peer.name(),
                peer.install()
            ),
        }
    }
    Ok(found)
}

async fn find(peer: Peer, python: Option<&Path>) -> Result<Option<Found>> {
    let found = match (peer, python) {
        (Peer::S3Fanout | Peer::S3FanoutWide, _) => Some((
            std::env::current_exe().context("cannot tell which program this is")?,
            format!("s3-fanout {}", env!("CARGO_PKG_VERSION")),
        )),
        (Peer::Boto3, Some(python)) => match told(python, &["-c", PROBE]).await {
            Some(version) => Some((python.to_owned(), version)),
            None => bail!(
                "{} has no boto3, or is no Python; pip install boto3",
                python.display()
            ),
        },
        (Peer::Boto3, None) => first(&PYTHONS, &["-c", PROBE]).await,
        _ => first(&[peer.name()], &[peer.ask_version()]).await,
    };
    Ok(found.map(|(program, version)| Found {
        peer,
        program,
        version,
    }))
}

/// The first of these programs that tells a version.
async fn first(programs: &[&str], ask: &[&str]) -> Option<(PathBuf, String)> {
    for program in programs {
        if let Some(version) = told(Path::new(program), ask).await {
            return Some((PathBuf::from(program), version));
        }
    }
    None
}

/// The first line that a program writes, if it runs and succeeds.
async fn told(program: &Path, args: &[&str]) -> Option<String> {
    let ran = Command::new(program).args(args).output().await.ok()?;
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let line = text.lines().next().filter(|_| ran.status.success())?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_python_that_is_asked_for_must_have_boto3() {
        let found = find(Peer::Boto3, Some(Path::new("/bin/false"))).await;
        assert_eq!(
            found.unwrap_err().to_string(),
            "/bin/false has no boto3, or is no Python; pip install boto3"
        );
    }

    #[tokio::test]
    async fn a_program_is_found_if_it_tells_its_version() {
        let found = first(&["/no/such/program", "sh"], &["-c", "echo 1.2; echo more"]).await;
        assert_eq!(found, Some((PathBuf::from("sh"), "1.2".to_owned())));
        assert_eq!(first(&["false"], &[]).await, None);
    }
}
