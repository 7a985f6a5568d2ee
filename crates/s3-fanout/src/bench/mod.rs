//! `s3-fanout bench`: figures in the sandbox, next to what they could be at best.

pub mod cold_start;
pub mod copier;
mod kept;
mod limit;
mod machine;
pub mod peers;
mod process;
pub mod publisher;
pub mod strategies;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Bench;

/// Runs a benchmark to its end or to Ctrl-C.
pub fn run(bench: Bench) -> Result<ExitCode> {
    if cfg!(debug_assertions) {
        eprintln!("warning: this is a debug build; its figures say little, build with --release");
    }
    match bench {
        Bench::ColdStart(args) => cold_start::run(&args),
        Bench::Copier(args) => copier::run(&args),
        Bench::Requests(args) => copier::processor::run(&args).map(|()| ExitCode::SUCCESS),
        Bench::Peers(args) => peers::run(&args),
        Bench::Publisher(args) => publisher::run(&args.case, args.scale, args.json),
        Bench::Strategies(args) => strategies::run(&args),
    }
}
