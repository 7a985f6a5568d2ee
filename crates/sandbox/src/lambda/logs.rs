//! Where the functions' lines go, and the tasks that carry them from the processes.

use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::{mpsc, oneshot};

/// The caller's sink for log lines: what the processes write to stdout and stderr, and the START,
/// END and REPORT lines.
#[derive(Clone)]
pub struct Logs(Arc<Sink>);

/// Called with the function's name and one line.
type Sink = dyn Fn(&str, &str) + Send + Sync;

impl Logs {
    /// Gives every line to `sink(function, line)`, which must not block.
    pub fn to(sink: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    pub(super) fn line(&self, function: &str, line: &str) {
        (self.0)(function, line);
    }
}

impl Default for Logs {
    /// Discards every line.
    fn default() -> Self {
        Self::to(|_, _| {})
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logs")
    }
}

/// Carries one output stream of a process to the sink, until the stream ends.
pub(super) struct Pump(mpsc::UnboundedSender<oneshot::Sender<()>>);

impl Pump {
    /// Starts carrying; the task ends with the stream or with the sandbox.
    pub(super) fn start(
        stream: impl AsyncRead + Send + Unpin + 'static,
        logs: Logs,
        function: Arc<str>,
    ) -> Self {
        let (flush, flushes) = mpsc::unbounded_channel();
        tokio::spawn(carry(stream, logs, function, flushes));
        Self(flush)
    }

    /// Resolves once every line that has arrived is with the sink, so that a REPORT line comes
    /// after the function's own.
    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.0.send(done).is_ok() {
            // Once the stream has ended, all is with the sink. What is sent at that very moment may stay in
            // the channel as long as its sender lives, so its end has to be waited for as well.
            tokio::select! {
                _ = flushed => {}
                () = self.0.closed() => {}
            }
        }
    }
}

async fn carry(
    stream: impl AsyncRead + Unpin,
    logs: Logs,
    function: Arc<str>,
    mut flushes: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
) {
    let mut lines = BufReader::new(stream).split(b'\n');
    let mut environment_lives = true;
    loop {
        tokio::select! {
            biased;
            segment = lines.next_segment() => match segment {
                Ok(Some(line)) => {
                    let line = String::from_utf8_lossy(&line);
                    logs.line(&function, line.trim_end_matches('\r'));
                }
                Ok(None) | Err(_) => return,
            },
            flush = flushes.recv(), if environment_lives => match flush {
                Some(done) => { let _ = done.send(()); }
                // The process is being killed; what it has written is still read to its end.
                None => environment_lives = false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_flush_ends_also_when_the_stream_ends_in_the_middle_of_it() {
        for _ in 0..50_000 {
            let (process, stream) = tokio::io::duplex(16);
            let pump = Pump::start(stream, Logs::default(), "f".into());
            let ends = tokio::spawn(async move { drop(process) });
            let flush = tokio::time::timeout(Duration::from_secs(30), pump.flush());
            flush.await.expect("the flush hangs");
            ends.await.unwrap();
        }
    }
}
