//! One process of a function: started with Lambda's variables, killed when its handle is dropped.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio_util::task::TaskTracker;

use super::Function;
use super::logs::{Logs, Pump};

/// A running process; dropping it kills the process and what it has started.
pub(super) struct Process {
    pid: Option<u32>,
    exit: watch::Receiver<Option<Option<ExitStatus>>>,
    kill: Option<oneshot::Sender<()>>,
    output: [Pump; 2],
}

impl Process {
    /// Starts the function's command with exactly these variables and `PATH`.
    pub(super) fn start(
        function: &Function,
        variables: &[(String, String)],
        logs: &Logs,
        tasks: &TaskTracker,
    ) -> io::Result<Self> {
        let mut child = command(function, variables)?.spawn()?;
        let name: Arc<str> = function.name.as_str().into();
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let stderr = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let output = [
            Pump::start(stdout, logs.clone(), name.clone()),
            Pump::start(stderr, logs.clone(), name),
        ];
        let pid = child.id();
        let (exited, exit) = watch::channel(None);
        let (kill, killed) = oneshot::channel();
        tasks.spawn(keep(Group(child), killed, exited));
        Ok(Self {
            pid,
            exit,
            kill: Some(kill),
            output,
        })
    }

    /// Resolves when the process has ended; the status is `None` if it could not be learnt.
    pub(super) async fn exited(&mut self) -> Option<ExitStatus> {
        match self.exit.wait_for(Option::is_some).await {
            Ok(status) => (*status).flatten(),
            Err(_) => None,
        }
    }

    /// Whether the process has ended already.
    pub(super) fn has_exited(&self) -> bool {
        self.exit.borrow().is_some()
    }

    /// Its id, which is its group's, too; `None` when it has ended.
    pub(super) fn id(&self) -> Option<u32> {
        self.pid.filter(|_| !self.has_exited())
    }

    /// Kills the process and waits for its end.
    pub(super) async fn kill(&mut self) {
        self.kill = None;
        self.exited().await;
    }

    /// Waits until the lines written so far are with the log sink.
    pub(super) async fn flush_logs(&self) {
        for pump in &self.output {
            pump.flush().await;
        }
    }

    /// The largest resident set the process has had so far. Linux tells; elsewhere it is unknown.
    /// (The `ru_maxrss` of a waited child would start at the size of the process that forked it.)
    pub(super) fn peak_memory_bytes(&self) -> Option<u64> {
        if self.has_exited() {
            return None;
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid?)).ok()?;
        peak_in(&status)
    }
}

/// The directory Lambda would call `LAMBDA_TASK_ROOT`: where the command lies.
pub(super) fn task_root(function: &Function) -> io::Result<PathBuf> {
    let program = program(function)?;
    match program.parent() {
        Some(directory) if directory != Path::new("") => Ok(directory.to_owned()),
        _ => std::env::current_dir(),
    }
}

/// The command as an absolute path, unless it is a bare name for `PATH` to find.
fn program(function: &Function) -> io::Result<PathBuf> {
    if function.command.components().count() > 1 {
        std::path::absolute(&function.command)
    } else {
        Ok(function.command.clone())
    }
}

fn command(function: &Function, variables: &[(String, String)]) -> io::Result<Command> {
    let mut command = Command::new(program(function)?);
    command
        .args(&function.args)
        .current_dir(task_root(function)?)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Its own group, so that a function that is a shell script leaves no child behind.
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

/// Waits for the process, and kills it when its handle is dropped.
async fn keep(
    mut group: Group,
    mut killed: oneshot::Receiver<()>,
    exited: watch::Sender<Option<Option<ExitStatus>>>,
) {
    let status = tokio::select! {
        status = group.0.wait() => status.ok(),
        _ = &mut killed => {
            group.kill();
            group.0.wait().await.ok()
        }
    };
    exited.send_replace(Some(status));
}

/// A child with its process group.
struct Group(Child);

impl Group {
    /// Kills the whole group, unless the child has been waited for: its id may then be another's.
    fn kill(&mut self) {
        let Some(pid) = self.0.id() else { return };
        #[cfg(unix)]
        if let Some(pid) = rustix::process::Pid::from_raw(pid.cast_signed()) {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
        let _ = self.0.start_kill();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `VmHWM` in the text of `/proc/PID/status`, which counts in units of 1,024 bytes
/// (<https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>).
fn peak_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_peak_resident_set() {
        let status = "Name:\techo\nVmPeak:\t  9999 kB\nVmHWM:\t    4321 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(peak_in(status), Some(4321 * 1024));
        assert_eq!(peak_in("Name:\tzombie\n"), None);
    }
}
