//! The operator's command: backups planned, made, watched and checked; sandbox, demo, benchmarks; (hidden) the functions.

mod access;
mod answer;
mod args;
mod back_fill;
mod back_up;
mod bench;
mod buckets;
mod cost;
mod demo;
mod deployment;
mod descriptors;
mod exit;
mod figures;
mod function;
mod interrupt;
mod manual;
mod plan;
mod progress;
mod redrive;
mod sandbox;
mod scope;
mod speed;
mod status;
mod verify;
mod warnings;

use std::process::ExitCode;

use args::{Args, Command};
use clap::{CommandFactory, Parser};

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Plan(args) => plan::run(&args),
        Command::Backup(args) => back_up::run(&args),
        Command::Backfill(args) => back_fill::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Status(args) => status::run(args),
        Command::Redrive(args) => redrive::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Sandbox(args) => sandbox::run(args),
        Command::Bench(args) => bench::run(args.what),
        Command::Completions(args) => manual::completions(&args, &Args::command()),
        Command::Man(args) => manual::man(&args, &Args::command()),
        Command::Function(args) => function::run(args),
    };
    outcome.unwrap_or_else(|error| exit::failed(&error))
}
