//! Ctrl-C and SIGTERM.

use std::io;
use std::process::ExitCode;

use anyhow::Result;
use backup::deadline::Call;
use tokio::runtime::Runtime;

use crate::exit::INTERRUPTED;
use crate::progress;

/// What an interruption means to a command that works in the sandbox.
pub const ALL_WAS_HERE: &str = "everything was on this machine, and nothing is left of it";

/// Does work that leaves nothing behind when it is dropped, to its end or until someone asks to stop; then it says
/// what that means.
pub fn or_done(
    work: impl Future<Output = Result<ExitCode>>,
    interrupted_means: &str,
) -> Result<ExitCode> {
    let outcome = runtime()?.block_on(async {
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

/// What every command of more than one thread runs on.
pub fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
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

/// Makes the call when someone asks to stop; whoever asks again ends the process.
///
/// # Errors
/// Signals cannot be waited for.
pub async fn stop_then_end(call: &Call) -> io::Result<()> {
    interrupted().await?;
    call.make();
    progress::above(|| {
        eprintln!(
            "stopping: what is under way ends in order; Ctrl-C again ends at once, and leaves open uploads to the \
             bucket's lifecycle rule"
        )
    });
    interrupted().await?;
    std::process::exit(INTERRUPTED.into())
}
