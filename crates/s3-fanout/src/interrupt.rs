//! Ctrl-C and SIGTERM.

use std::io;
use std::process::ExitCode;

use anyhow::Result;

use crate::exit::INTERRUPTED;

/// What an interruption means to a command that works in the sandbox.
pub const ALL_WAS_HERE: &str = "everything was on this machine, and nothing is left of it";

/// Does work that leaves nothing behind when it is dropped, to its end or until someone asks to stop; then it says
/// what that means.
pub fn or_done(
    work: impl Future<Output = Result<ExitCode>>,
    interrupted_means: &str,
) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = work => Some(outcome),
            signal = interrupted() => signal.err().map(|error| Err(error.into())),
        }
    });
    // The work has been dropped by now, and with it the bar and every process.
    outcome.unwrap_or_else(|| {
        eprintln!("interrupted: {interrupted_means}");
        Ok(ExitCode::from(INTERRUPTED))
    })
}

/// Resolves when the user or the system asks to stop.
pub async fn interrupted() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
