//! The operator's command: the sandbox, the demo, the benchmarks, and (hidden) the two functions themselves.

mod args;
mod bench;
mod cost;
mod demo;
mod deployment;
mod descriptors;
mod faults;
mod function;
mod interrupt;
mod log;
mod progress;
mod sandbox;
mod source;
mod summary;
mod verify;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;

/// Could not run at all; 1 is for a run that found failures, 2 for wrong usage.
const COULD_NOT_RUN: u8 = 3;

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Sandbox(args) => sandbox::run(args),
        Command::Bench(args) => bench::run(args.what),
        Command::Function(args) => function::run(args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("s3-fanout: {error:#}");
        ExitCode::from(COULD_NOT_RUN)
    })
}
