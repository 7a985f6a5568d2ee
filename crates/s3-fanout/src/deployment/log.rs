//! What the functions wrote: thrown away, unless something failed.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use sandbox::lambda::Logs;
use tempfile::NamedTempFile;

/// A file for the lines of the functions.
pub struct Log(Arc<Mutex<NamedTempFile>>);

impl Log {
    /// Makes the file, with the command in its name.
    pub fn create(command: &str) -> Result<Log> {
        let file = tempfile::Builder::new()
            .prefix(&format!("s3-fanout-{command}-"))
            .suffix(".log")
            .tempfile();
        Ok(Log(Arc::new(Mutex::new(
            file.context("cannot make a file for the functions' logs")?,
        ))))
    }

    /// Where a sandbox is to write.
    pub fn sink(&self) -> Logs {
        let file = Arc::clone(&self.0);
        Logs::to(move |function, line| {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // A full disk must not fail the run; the summary tells what the run came to.
            let _ = writeln!(file, "{function} {line}");
        })
    }

    /// Keeps the file and says where it is.
    pub fn keep(&self) -> Result<String> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush()?;
        file.disable_cleanup(true);
        Ok(format!(
            "the functions' logs are in {}",
            file.path().display()
        ))
    }
}
