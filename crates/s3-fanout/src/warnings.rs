//! What the libraries have to say while they work: on standard error, above the progress bar.

use std::io::{self, Write};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

use crate::progress;

/// Shows warnings and errors, or what `RUST_LOG` asks for.
pub fn show() {
    let asked = std::env::var("RUST_LOG").ok();
    let asked: Option<Targets> = asked.and_then(|level| level.to_lowercase().parse().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(tracing::Level::WARN));
    let lines = tracing_subscriber::fmt::layer()
        .compact()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(AboveTheBar);
    let subscriber = tracing_subscriber::registry().with(lines).with(filter);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("logging was set up before");
    }
}

/// Standard error, without a bar in the way.
#[derive(Debug, Clone, Copy)]
struct AboveTheBar;

impl Write for AboveTheBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::above(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for AboveTheBar {
    type Writer = AboveTheBar;

    fn make_writer(&self) -> AboveTheBar {
        AboveTheBar
    }
}
