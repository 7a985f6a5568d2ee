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
    let flag = format!("--concurrency {concurrency} needs");
    raise(&flag, each * u64::from(concurrency), |most| {
        format!("a --concurrency of at most {} will do", most / each)
    })
}

/// The same for copies in one process: a connection for each, and one for each request that copies bytes.
///
/// # Errors
/// The hard limit is too low for so many.
pub fn reserve_for(concurrency: u16, requests_in_flight: u16) -> Result<()> {
    let both = u64::from(concurrency) + u64::from(requests_in_flight);
    let flags =
        format!("--concurrency {concurrency} and --requests-in-flight {requests_in_flight} need");
    raise(&flags, both, |most| {
        format!("at most {most} of both together will do")
    })
}

/// Raises the limit for so many files besides our own. `advice` is given how many there can be.
fn raise(who_needs: &str, files: u64, advice: impl Fn(u64) -> String) -> Result<()> {
    let needed = OWN + files;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let most = limit.maximum.unwrap_or(u64::MAX);
    ensure!(
        needed <= most,
        "{who_needs} {needed} open files and this shell allows {most} (ulimit -Hn): {}",
        advice(most.saturating_sub(OWN))
    );
    let raised = Rlimit {
        current: Some(needed),
        ..limit
    };
    setrlimit(Resource::Nofile, raised)
        .with_context(|| format!("cannot raise the limit on open files to {needed}"))
}
