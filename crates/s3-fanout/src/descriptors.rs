//! File descriptors: every connection of every copier takes one of the sandbox's process.

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Of one execution environment: sixteen parts in flight, the Runtime API's listener and connection, the
/// process's output streams, and some to spare.
const PER_ENVIRONMENT: u64 = 24;

/// Of everything else: the services, the spool, the comparison at the end.
const OWN: u64 = 128;

/// Raises the limit on open files as far as so many copiers need: a usual soft limit is 1,024, on macOS
/// 256, and a sandbox out of descriptors accepts no connection and waits for ever.
///
/// # Errors
/// The hard limit is too low for so many copiers.
pub fn reserve(concurrency: u16) -> Result<()> {
    reserve_each(concurrency, PER_ENVIRONMENT)
}

/// The same where each of them needs so many.
///
/// # Errors
/// The hard limit is too low for so many.
pub fn reserve_each(concurrency: u16, each: u64) -> Result<()> {
    let needed = OWN + each * u64::from(concurrency);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let most = limit.maximum.unwrap_or(u64::MAX);
    ensure!(
        needed <= most,
        "--concurrency {concurrency} needs {needed} open files and this shell allows {most} (ulimit -Hn): \
         a --concurrency of at most {} will do",
        most.saturating_sub(OWN) / each
    );
    let raised = Rlimit {
        current: Some(needed),
        ..limit
    };
    setrlimit(Resource::Nofile, raised)
        .with_context(|| format!("cannot raise the limit on open files to {needed}"))
}
