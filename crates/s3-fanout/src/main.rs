//! The operator's command: backups planned, made, watched and checked; the sandbox, the demo and the benchmarks; and
//! (hidden) the two functions themselves.

#[allow(dead_code, reason = "for the commands to come")]
mod access;
mod answer;
mod args;
mod bench;
#[allow(dead_code, reason = "for the commands to come")]
mod buckets;
mod cost;
mod demo;
mod deployment;
mod descriptors;
#[allow(dead_code, reason = "for the commands to come")]
mod exit;
mod faults;
#[allow(dead_code, reason = "for the commands to come")]
mod figures;
mod function;
mod interrupt;
mod log;
#[allow(dead_code, reason = "for the commands to come")]
mod progress;
mod sandbox;
#[allow(dead_code, reason = "for the commands to come")]
mod scope;
mod source;
mod summary;
mod verify;
#[allow(dead_code, reason = "for the commands to come")]
mod warnings;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Sandbox(args) => sandbox::run(args),
        Command::Bench(args) => bench::run(args.what),
        Command::Function(args) => function::run(args),
    };
    outcome.unwrap_or_else(|error| exit::failed(&error))
}
