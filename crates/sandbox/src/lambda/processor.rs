//! The share of a processor that a function's memory stands for: its processes are stopped and continued to hold them
//! to it.

use std::convert::Infallible;
use std::time::Duration;

/// A function of so many MB has one whole processor
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const MEMORY_OF_ONE_PROCESSOR_MB: f64 = 1_769.0;

/// Lambda hands out processor time in periods of so long: what was not used in one is lost.
const PERIOD: Duration = Duration::from_millis(20);

/// How often a process that runs is looked at. What it takes too much until then it waits for afterwards.
const LOOK: Duration = Duration::from_millis(1);

/// The share of a processor of a function of so much memory; above one, of several.
pub(super) fn share_of(memory_mb: u32) -> f64 {
    f64::from(memory_mb) / MEMORY_OF_ONE_PROCESSOR_MB
}

/// How much a process may still take, in seconds of one processor; what it owes is below zero.
#[derive(Debug)]
struct Allowance {
    share: f64,
    left_secs: f64,
}

impl Allowance {
    fn new(share: f64) -> Self {
        Self {
            share,
            left_secs: share * PERIOD.as_secs_f64(),
        }
    }

    /// Counts a time in which the process used so much, and tells how long it has to stand still for it.
    fn after(&mut self, time: Duration, used: Duration) -> Option<Duration> {
        let most = self.share * PERIOD.as_secs_f64();
        let came = self.share * time.as_secs_f64();
        self.left_secs = (self.left_secs + came - used.as_secs_f64()).min(most);
        (self.left_secs < 0.0).then(|| Duration::from_secs_f64(-self.left_secs / self.share))
    }
}

/// Holds a process with its group to a share until this is dropped, which lets it go on; never resolves.
#[cfg(target_os = "linux")]
pub(super) async fn hold(pid: u32, share: f64) -> Infallible {
    use tokio::time::{Instant, sleep};

    let (mut allowance, mut usage) = (Allowance::new(share), linux::Usage::of(pid));
    let mut looked = Instant::now();
    loop {
        sleep(LOOK).await;
        let now = Instant::now();
        let wait = allowance.after(now - looked, usage.since());
        looked = now;
        if let Some(wait) = wait {
            let stopped = linux::Stopped::stop(pid);
            sleep(wait).await;
            drop(stopped);
        }
    }
}

/// Other systems do not tell what a thread has used: a function gets all it takes.
#[cfg(not(target_os = "linux"))]
pub(super) async fn hold(_pid: u32, _share: f64) -> Infallible {
    std::future::pending().await
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::ffi::OsString;
    use std::fs;
    use std::time::Duration;

    use rustix::process::{Pid, Signal, kill_process_group};

    /// A process group that stands still; dropping this lets it go on.
    pub(super) struct Stopped(Option<Pid>);

    impl Stopped {
        pub(super) fn stop(pid: u32) -> Self {
            let group = Pid::from_raw(pid.cast_signed());
            signal(group, Signal::STOP);
            Self(group)
        }
    }

    impl Drop for Stopped {
        fn drop(&mut self) {
            signal(self.0, Signal::CONT);
        }
    }

    fn signal(group: Option<Pid>, signal: Signal) {
        if let Some(group) = group {
            // A group that has ended needs neither.
            let _ = kill_process_group(group, signal);
        }
    }

    /// What the threads of a process, and of those that it has started, have used so far. What a process uses between
    /// the last look and its end is not seen.
    pub(super) struct Usage {
        pid: String,
        nanos: HashMap<OsString, u64>,
    }

    impl Usage {
        pub(super) fn of(pid: u32) -> Self {
            let mut usage = Self {
                pid: pid.to_string(),
                nanos: HashMap::new(),
            };
            usage.since();
            usage
        }

        /// What they have used since the last look; nothing if the process has ended.
        pub(super) fn since(&mut self) -> Duration {
            let mut nanos = HashMap::new();
            look(&self.pid, &mut nanos);
            let more = nanos.iter().map(|(task, now)| {
                let before = self.nanos.get(task).copied().unwrap_or(0);
                now.saturating_sub(before)
            });
            let used = more.sum();
            self.nanos = nanos;
            Duration::from_nanos(used)
        }
    }

    /// Reads what each thread of a process and its children has used, by the thread's id.
    fn look(pid: &str, nanos: &mut HashMap<OsString, u64>) {
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
            return;
        };
        for task in tasks.flatten() {
            let read = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
            if let Some(now) = on_processor(&read("schedstat")) {
                nanos.insert(task.file_name(), now);
            }
            for child in read("children").split_whitespace() {
                look(child, nanos);
            }
        }
    }

    /// The first figure of a schedstat: nanoseconds on a processor
    /// (<https://docs.kernel.org/scheduler/sched-stats.html>).
    fn on_processor(schedstat: &str) -> Option<u64> {
        schedstat.split(' ').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_1769_mb_has_one_processor() {
        assert_eq!(share_of(1_769), 1.0);
        assert!((share_of(128) - 0.0724).abs() < 1e-4);
    }

    /// How long a process that is always busy runs and stands still.
    fn busy(share: f64, time: Duration) -> (Duration, Duration) {
        let (mut runs, mut stands) = (Duration::ZERO, Duration::ZERO);
        let (mut allowance, mut stood) = (Allowance::new(share), Duration::ZERO);
        while runs + stands < time {
            runs += LOOK;
            stood = allowance.after(stood + LOOK, LOOK).unwrap_or_default();
            stands += stood;
        }
        (runs, stands)
    }

    #[test]
    fn a_busy_process_gets_its_share_and_one_with_a_processor_never_stands_still() {
        let minute = Duration::from_secs(60);
        for memory_mb in [128, 512, 1_024, 1_536] {
            let (runs, stands) = busy(share_of(memory_mb), minute);
            let share = runs.as_secs_f64() / (runs + stands).as_secs_f64();
            let apart = share / share_of(memory_mb) - 1.0;
            assert!(apart.abs() < 0.01, "{memory_mb} MB: {share}");
        }
        assert_eq!(busy(share_of(2_048), minute).1, Duration::ZERO);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_process_has_started_counts() {
        use std::process::Command;
        use std::thread::sleep;

        let mut parent = Command::new("sh")
            .args(["-c", "(while :; do :; done) & echo $!; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = String::new();
        let mut said = std::io::BufReader::new(parent.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut said, &mut child).unwrap();
        let mut usage = linux::Usage::of(parent.id());
        let mut used = Duration::ZERO;
        for _ in 0..1_000 {
            sleep(Duration::from_millis(10));
            used += usage.since();
            if used > Duration::from_millis(50) {
                break;
            }
        }
        parent.kill().unwrap();
        parent.wait().unwrap();
        Command::new("kill").arg(child.trim()).status().unwrap();
        assert!(used > Duration::from_millis(50), "{used:?}");
    }

    #[test]
    fn what_was_not_used_in_a_period_is_lost() {
        let mut allowance = Allowance::new(0.5);
        let idle = allowance.after(Duration::from_secs(60), Duration::ZERO);
        assert_eq!(idle, None);
        // Ten milliseconds are there, ten more have come, and thirty are used.
        let used = Duration::from_millis(30);
        let stands = allowance.after(PERIOD, used).unwrap();
        assert_eq!(stands.as_micros(), 20_000);
    }
}
