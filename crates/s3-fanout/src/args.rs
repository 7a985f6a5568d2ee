//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::back_fill::BackFillArgs;
use crate::back_up::BackUpArgs;
use crate::bench::copier::CopierArgs;
use crate::bench::copier::processor::RequestsArgs;
use crate::bench::peers::PeersArgs;
use crate::bench::publisher;
use crate::bench::strategies::BenchStrategiesArgs;
use crate::bench::strategies::child::Child;
use crate::deployment::model::NamedModel;
use crate::manual::{CompletionsArgs, ManArgs};
use crate::plan::PlanArgs;
use crate::redrive::RedriveArgs;
use crate::status::StatusArgs;
use crate::verify::VerifyArgs;

/// Back up S3 objects server-side: one Lambda invocation per object.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell what a backup would copy, how long it would take, what it would cost, and with which settings
    ///
    /// Lists both buckets and writes nothing. What is copied already is not planned again. Times are reckoned from
    /// what others measured of S3 within a region, or as another --model has them. Exit status: 0 all of it can be
    /// copied, 1 some objects cannot be (archived, too large, or too long for Lambda), 2 wrong usage, 3 could not run.
    Plan(Box<PlanArgs>),
    /// Copy what is missing from here, without Lambda and SNS
    ///
    /// Lists both buckets, lets the store copy every object whose copy is missing, differs in size or is older,
    /// and lists those that fail in a file. For a laptop, a server, or a store that is not AWS: no byte passes
    /// through this machine. It may be run again at any time: what is copied is not copied again. Exit status: 0 all
    /// copied, 1 not all, 2 wrong usage, 3 could not run, 130 after Ctrl-C.
    Backup(Box<BackUpArgs>),
    /// Back up many days with the deployed functions, and watch until they are there
    ///
    /// Invokes the publisher until its run is complete, shows how the destination fills, month by month, and verifies
    /// every object at the end. It may be run again at any time: what is copied is not published again. Exit status:
    /// 0 every object has its copy, 1 not every one, 2 wrong usage, 3 could not run, 130 after Ctrl-C.
    Backfill(BackFillArgs),
    /// Tell whether every object has its copy
    ///
    /// Lists both buckets and compares sizes and times; where those prove nothing, and with --deep for every object, it
    /// looks at both. Changes nothing. Exit status: 0 every object has its copy, 1 differences were found, 2 wrong
    /// usage, 3 could not run.
    Verify(Box<VerifyArgs>),
    /// Show how a deployed stack is: its last run, what was published and copied, failures, and what to do next
    ///
    /// Asks CloudFormation for what the stack is made of, CloudWatch for what it has measured, SQS for what the
    /// failure queues hold and Lambda for the reserved concurrency; it changes nothing. Exit status: 0 all is well,
    /// 1 failures found, 2 wrong usage, 3 could not look, or not at everything.
    Status(StatusArgs),
    /// Show what is in a failure queue, and do it again
    ///
    /// Reads the queue of copies that failed, of messages that could not be delivered, or of days that were not
    /// published, and shows its messages by errorType, with examples and what to do. Nothing is changed without --yes;
    /// with it every message is published again as it was (and a day's event given to its function again), and deleted
    /// after that was accepted. Exit status: 0 done, or nothing there; 1 failures found or left; 2 wrong usage; 3 could
    /// not run; 130 interrupted.
    Redrive(RedriveArgs),
    /// Back up a day of 250 large objects on this machine and verify every one
    ///
    /// Starts S3, SNS and Lambda on a loopback port of their own, makes a source bucket, invokes the
    /// publisher once as the daily schedule does, waits for the copiers and compares every object. Nothing
    /// is left behind. Exit status: 0 all verified, 1 not all, 2 wrong usage, 3 could not run.
    Demo(DemoArgs),
    /// Serve S3, SNS, SQS and Lambda on this machine, with both functions deployed, until Ctrl-C
    Sandbox(SandboxArgs),
    /// Measure what the functions do in the sandbox, next to what they could do at best
    Bench(BenchArgs),
    /// Print what a shell needs to complete this command's words
    ///
    /// For bash: s3-fanout completions bash > ~/.local/share/bash-completion/completions/s3-fanout
    Completions(CompletionsArgs),
    /// Print the manual page, or write a page for every command
    ///
    /// To read it: s3-fanout man | man -l -. To install all pages: s3-fanout man --dir ~/.local/share/man/man1
    Man(ManArgs),
    /// Run one of the Lambda functions, as an execution environment of the sandbox does
    #[command(hide = true)]
    Function(FunctionArgs),
}

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// How many objects of 600-800 MB the day has
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub objects: u32,
    /// Use the files of this folder as the day's objects and compare their bytes at the end
    #[arg(long, value_name = "PATH", conflicts_with = "objects")]
    pub dir: Option<PathBuf>,
    /// How many copiers may run at the same time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub concurrency: u16,
    /// Let requests, deliveries, functions and source objects fail at the rates of this plan, such as
    /// tests/faults.json, then deliver again what was given up
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Let requests, copies and cold starts take the time of a model: s3-2016, s3-2023, lan, or a file of one's own
    #[arg(long, value_name = "NAME|FILE")]
    pub model: Option<NamedModel>,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct SandboxArgs {
    /// Where to listen; port 0 takes a free one. Anyone who reaches the address can use the sandbox
    #[arg(long, default_value = "127.0.0.1:4566")]
    pub address: SocketAddr,
    /// How many objects of 600-800 MB the source bucket holds under 2016-06-30/
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub objects: u32,
    /// How many copiers may run at the same time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub concurrency: u16,
    /// Let requests, deliveries, functions and source objects fail at the rates of this plan, such as
    /// tests/faults.json
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Let requests, copies and cold starts take the time of a model: s3-2016, s3-2023, lan, or a file of one's own
    #[arg(long, value_name = "NAME|FILE")]
    pub model: Option<NamedModel>,
}

#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    pub what: Bench,
}

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// The publisher with up to a million keys, where every request takes 20 ms
    ///
    /// Each case runs in a sandbox of its own, and is compared with the least time that its requests, its pace
    /// or its quota allow. Exit status: 0 every key published and every target met, 1 not so, 2 wrong usage,
    /// 3 could not run.
    Publisher(BenchPublisherArgs),
    /// What a new execution environment costs, beside the same handlers written with boto3
    ///
    /// Starts the bootstraps that `sam build` has built, and the same in Python, in the sandbox: the time to the first
    /// request for an invocation, the first invocation, the memory and the deployment package. Python is skipped where
    /// it lacks boto3 or awslambdaric. Exit status: 0 every target met, 1 not so, 2 wrong usage, 3 could not run.
    ColdStart(BenchColdStartArgs),
    /// The copier with one object of 64 MiB to 5 TB, 1 to 64 of its parts at once
    ///
    /// Invokes the function in the sandbox and compares its time with the least that the model of S3 allows; what would
    /// take long is measured on a share of its parts. Then its processor time, beside the same requests made by the SDK
    /// alone. Exit status: 0 every target met, 1 not so, 2 wrong usage, 3 could not run.
    Copier(CopierArgs),
    /// The requests of a backup by the SDK alone, for bench copier
    #[command(hide = true)]
    Requests(RequestsArgs),
    /// Our backup beside the tools that one would take instead, on the same objects and the same S3
    ///
    /// Each tool of PATH copies a day of large objects and two thousand small ones from bucket to bucket in the sandbox,
    /// in turns; tells the time, the processor time, the memory, the requests, and whether metadata, tags and checksums
    /// arrived. A tool that is not installed is skipped. Exit status: 0 every target met, 1 not so, 2 wrong usage, 3
    /// could not run.
    Peers(PeersArgs),
    /// The strategies of those who did this before, and ours, on the same model of S3
    ///
    /// Each copies in a process of its own, or in Lambda functions, and is compared with the least time that the model
    /// allows. What would take too long copies a part of the objects, which is told. Exit status: 0 every object
    /// correct and every target met, 1 not so, 2 wrong usage, 3 could not run.
    Strategies(Box<BenchStrategiesArgs>),
    /// One of the strategies, for bench strategies
    #[command(hide = true)]
    Strategy(StrategyArgs),
}

#[derive(Debug, clap::Args)]
pub struct StrategyArgs {
    #[command(subcommand)]
    pub what: Child,
}

#[derive(Debug, clap::Args)]
pub struct BenchColdStartArgs {
    /// The folder that SAM has built the functions in, for this machine's architecture
    #[arg(long, value_name = "DIR", default_value = ".aws-sam/build")]
    pub build: PathBuf,
    /// How often each is started
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub starts: u32,
    /// The Python to compare with [default: python3.11 or python3, whichever has what the handlers need]
    #[arg(long, value_name = "PATH")]
    pub python: Option<PathBuf>,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct BenchPublisherArgs {
    /// Run only this case; may be given several times
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(publisher::names()))]
    pub case: Vec<String>,
    /// Take only one of so many keys of every case: a quick look, whose figures say little
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub scale: u64,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct FunctionArgs {
    pub name: Function,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Function {
    Publisher,
    Copier,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_demo_takes_a_folder_or_a_number_of_objects() {
        let parse = |words: &[&str]| Args::try_parse_from([&["s3-fanout", "demo"], words].concat());
        assert!(parse(&["--dir", "x"]).is_ok());
        assert!(parse(&["--objects", "25"]).is_ok());
        assert!(parse(&["--dir", "x", "--objects", "25"]).is_err());
        assert!(parse(&["--objects", "0"]).is_err());
        assert!(parse(&["--concurrency", "0"]).is_err());
    }
}
