//! Ctrl-C and SIGTERM.

use std::io;
use std::process::ExitCode;

use anyhow::Result;

/// Ctrl-C, as shells report it.
const INTERRUPTED: u8 = 130;

/// Does work that leaves nothing behind when it is dropped, to its end or until someone asks to stop.
pub fn or_done(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
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
        eprintln!("interrupted: everything was on this machine, and nothing is left of it");
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
