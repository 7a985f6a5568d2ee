//! A program that is measured: how long it runs, what it takes of the processor, and its memory.

use std::fs;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::{MissedTickBehavior, interval};

/// How often the system is asked. What a program takes after the last time is not seen.
const LOOK: Duration = Duration::from_millis(10);

/// What a program came to.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// From its start to its end.
    pub seconds: f64,
    /// What it took, where the system tells.
    pub usage: Option<Usage>,
    /// What it wrote to standard output.
    pub output: Vec<u8>,
}

/// What a process takes of the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Of the processor, for itself.
    pub user_secs: f64,
    /// Of the processor, by the system for it.
    pub system_secs: f64,
    /// The most memory, in MB (2^20 bytes).
    pub peak_mb: f64,
}

/// Runs a program to its end. It is killed when the future is dropped.
///
/// # Errors
/// It cannot be started.
pub async fn run(mut command: Command) -> Result<Ran> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.kill_on_drop(true);
    let began = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {:?}", command.as_std().get_program()))?;
    let pid = child.id();
    let mut stdout = child.stdout.take();
    let mut output = Vec::new();
    let mut usage = None;
    let reading = async {
        if let Some(stdout) = &mut stdout {
            stdout.read_to_end(&mut output).await?;
        }
        child.wait().await
    };
    let looking = async {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let now = pid.and_then(Usage::of_all);
            usage = now
                .map(|now| usage.map_or(now, |before| now.at_least(before)))
                .or(usage);
        }
    };
    let status = tokio::select! {
        status = reading => status.context("cannot read what it writes")?,
        never = looking => never,
    };
    Ok(Ran {
        status,
        seconds: began.elapsed().as_secs_f64(),
        usage,
        output,
    })
}

impl Usage {
    /// Of a process and of those that it has started and that still run: a tool may be a script that starts another
    /// program.
    fn of_all(pid: u32) -> Option<Usage> {
        let own = Usage::of(pid)?;
        Some(
            children(pid)
                .filter_map(Usage::of_all)
                .fold(own, Usage::with),
        )
    }

    /// Both together.
    fn with(self, other: Usage) -> Usage {
        Usage {
            user_secs: self.user_secs + other.user_secs,
            system_secs: self.system_secs + other.system_secs,
            peak_mb: self.peak_mb + other.peak_mb,
        }
    }

    /// No less than was seen before: what a process that has ended took counts, too.
    fn at_least(self, before: Usage) -> Usage {
        Usage {
            user_secs: self.user_secs.max(before.user_secs),
            system_secs: self.system_secs.max(before.system_secs),
            peak_mb: self.peak_mb.max(before.peak_mb),
        }
    }

    /// Of a process until now; none where the system does not tell, or when it has ended.
    fn of(pid: u32) -> Option<Usage> {
        let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        let ticks_per_sec = rustix::param::clock_ticks_per_second();
        Usage::parse(&read("stat")?, &read("status")?, ticks_per_sec)
    }

    /// From <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html> and
    /// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>.
    fn parse(stat: &str, status: &str, ticks_per_sec: u64) -> Option<Usage> {
        // The name may hold blanks and brackets; fields are counted from behind it, where the third is.
        let (_, fields) = stat.rsplit_once(')')?;
        let secs = |field: usize| -> Option<f64> {
            let ticks: u64 = fields.split_whitespace().nth(field - 3)?.parse().ok()?;
            Some(ticks as f64 / ticks_per_sec as f64)
        };
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: f64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(Usage {
            user_secs: secs(14)?,
            system_secs: secs(15)?,
            peak_mb: kibibytes / 1_024.0,
        })
    }
}

/// The processes that one has started and that still run.
fn children(pid: u32) -> impl Iterator<Item = u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| {
        let pids = list
            .split_whitespace()
            .map(str::parse)
            .filter_map(Result::ok);
        pids.collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_tells_of_a_process() {
        let stat = "4242 (a (b) c) S 1 4242 4242 0 -1 4194560 120 0 0 0 250 31 7 8 20 0 1 0";
        let status = "Name:\ta\nVmPeak:\t 99999 kB\nVmHWM:\t   20480 kB\n";
        let expected = Usage {
            user_secs: 2.5,
            system_secs: 0.31,
            peak_mb: 20.0,
        };
        assert_eq!(Usage::parse(stat, status, 100), Some(expected));
        assert_eq!(Usage::parse(stat, "Name:\tzombie\n", 100), None);
    }

    #[tokio::test]
    async fn a_program_is_run_to_its_end() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; sleep 0.1; exit 7"]);
        let ran = run(command).await.unwrap();
        assert_eq!(
            (ran.status.code(), ran.output.as_slice()),
            (Some(7), &b"out\n"[..])
        );
        assert!(ran.seconds >= 0.1, "{ran:?}");
        assert!(
            ran.usage.is_some_and(|usage| usage.peak_mb > 0.1),
            "{ran:?}"
        );
        let missing = run(Command::new("/no/such/program")).await.unwrap_err();
        assert_eq!(missing.to_string(), "cannot start \"/no/such/program\"");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_program_that_a_script_has_started_counts() {
        let mut command = Command::new("sh");
        // Thirty megabytes are in the child alone; the script only waits for it.
        command.args([
            "-c",
            "sh -c 'a=$(head -c 30000000 /dev/zero | tr \\\\0 x); sleep 0.1'; exit 0",
        ]);
        let ran = run(command).await.unwrap();
        assert!(
            ran.usage.is_some_and(|usage| usage.peak_mb > 25.0),
            "{ran:?}"
        );
    }
}
