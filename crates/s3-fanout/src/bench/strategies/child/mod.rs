//! `s3-fanout strategy`: one of the strategies of others, in a process or a Lambda function of its own.

mod calls;
mod handler;
mod loops;
mod s3;
mod threads;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use tokio::runtime::Builder;

use super::strategy::pool_threads;
use crate::interrupt;
pub use calls::{Calling, Shape};
pub use loops::PAGE_OF_50;
use s3::Copies;

/// What the process is.
#[derive(Debug, Subcommand)]
pub enum Child {
    /// Copies in this process
    Copy {
        how: Copying,
        #[arg(long)]
        concurrency: usize,
    },
    /// Is a Lambda function that copies with threads
    OneFunction {
        #[arg(long)]
        concurrency: usize,
    },
    /// Is a Lambda function that publishes every key with ten threads
    Publish2016,
    /// Is a Lambda function that copies the key of a message
    Copy2016,
    /// Is a Lambda function that makes small calls
    Call { how: Calling, shape: Shape },
    /// Makes one small call
    Look { key: String },
}

/// How a process copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Copying {
    Serial,
    Threads,
    ThreadsByDay,
    Parallel,
    Async,
    AsyncParallel,
    #[value(name = "async-parallel2")]
    AsyncParallel2,
}

impl Copying {
    /// Its name, as on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Does what the process is for.
///
/// # Errors
/// A request failed.
pub fn run(child: Child) -> Result<ExitCode> {
    match child {
        Child::Copy { how, concurrency } => copy(how, concurrency)?,
        Child::OneFunction { concurrency } => {
            interrupt::runtime()?.block_on(handler::one_function(concurrency))?
        }
        Child::Publish2016 => interrupt::runtime()?.block_on(handler::publish_2016())?,
        Child::Copy2016 => interrupt::runtime()?.block_on(handler::copy_2016())?,
        Child::Call { how, shape } => interrupt::runtime()?.block_on(handler::call(how, shape))?,
        Child::Look { key } => one_loop()?.block_on(calls::print_size(&key))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn copy(how: Copying, concurrency: usize) -> Result<()> {
    match how {
        Copying::Serial => one_loop()?.block_on(loops::serial()),
        Copying::Async => one_loop()?.block_on(loops::task_per_object()),
        Copying::AsyncParallel => Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(pool_threads())
            .build()?
            .block_on(loops::blocking_calls()),
        Copying::AsyncParallel2 => loops::loop_per_page(pool_threads()),
        Copying::Threads => on_threads(|copies| threads::pool(copies, concurrency)),
        Copying::Parallel => on_threads(|copies| threads::pool(copies, pool_threads())),
        Copying::ThreadsByDay => on_threads(|copies| threads::pool_per_day(copies, concurrency)),
    }
}

/// Threads that block on a request each; the runtime's own threads drive the connections of all.
fn on_threads(work: impl FnOnce(&Copies) -> Result<()>) -> Result<()> {
    let runtime = interrupt::runtime()?;
    let copies = runtime.block_on(Copies::open());
    work(&copies)
}

fn one_loop() -> std::io::Result<tokio::runtime::Runtime> {
    Builder::new_current_thread().enable_all().build()
}
