//! How the command ends, as its exit status says.

use std::io;
use std::process::ExitCode;

/// The command line asks for nothing that can be done.
pub const USAGE: u8 = 2;

/// The command could not do its work, or not all of it.
pub const COULD_NOT_RUN: u8 = 3;

/// Ctrl-C, as shells report it.
pub const INTERRUPTED: u8 = 130;

/// What the command line asks for makes no sense, though each of its words does.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// The status of a command that has done its work: whether all is as it should be.
pub fn found(good: bool) -> ExitCode {
    match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Tells why the command did not do its work.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    // Who reads no more, as `head` does, needs no word of it.
    if !error.root_cause().downcast_ref().is_some_and(broken_pipe) {
        eprintln!("s3-fanout: {error:#}");
    }
    ExitCode::from(match error.is::<UsageError>() {
        true => USAGE,
        false => COULD_NOT_RUN,
    })
}
