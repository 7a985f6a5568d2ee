//! `s3-fanout status`: one screen of a deployed stack, and whether all is well with it.

#[cfg(test)]
mod example;
mod functions;
mod metrics;
mod queues;
mod report;
mod screen;
mod stack;
#[cfg(test)]
mod tests;
mod unread;
mod verdict;
mod window;

use std::process::ExitCode;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use jiff::Timestamp;

use crate::access::{Access, place};
use crate::exit::COULD_NOT_RUN;
use crate::{answer, exit, interrupt};
use report::{Facts, Report};
use stack::Stack;
use unread::Unread;
use window::Window;

/// Attempts of one call: who looks at a screen waits for seconds, not for minutes.
const ATTEMPTS: u32 = 3;

/// What to look at.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// The stack that was deployed from template.yaml
    #[arg(long, value_name = "NAME")]
    pub stack: String,
    /// How many hours to look back
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=2_160))]
    pub hours: u16,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub access: Access,
}

/// Shows the stack's state.
///
/// # Errors
/// There is no such stack, or nothing of it can be looked at.
pub fn run(args: StatusArgs) -> Result<ExitCode> {
    interrupt::or_done(
        status(args),
        "nothing was changed; the same command looks again",
    )
}

async fn status(args: StatusArgs) -> Result<ExitCode> {
    let sdk = args.access.sdk_config(None).await?;
    let few = RetryConfig::standard().with_max_attempts(ATTEMPTS);
    let sdk = sdk.into_builder().retry_config(few).build();
    let window = Window::until(Timestamp::now(), args.hours);
    let report = Report::of(facts(&sdk, &args.stack, window).await?);
    answer::print(&report, args.json)?;
    Ok(match report.well {
        Some(well) => exit::found(well),
        None => ExitCode::from(COULD_NOT_RUN),
    })
}

/// Asks every service, and goes on where one refuses.
async fn facts(sdk: &SdkConfig, name: &str, window: Window) -> Result<Facts> {
    let mut unread = Vec::new();
    let stack = Stack::find(sdk, name, &mut unread).await?;
    let (measured, publisher, copier, queues) = futures::join!(
        metrics::read(sdk, &stack, &window),
        functions::reserved_concurrency(sdk, stack.publisher.as_deref()),
        functions::reserved_concurrency(sdk, stack.copier.as_deref()),
        queues::depths(sdk, &stack),
    );
    Ok(Facts {
        place: place(sdk),
        measured: unread::kept(measured, &mut unread),
        reserved: [publisher, copier].map(|read| unread::kept(read, &mut unread).flatten()),
        depths: queues.map(|depth| unread::kept(depth, &mut unread).flatten()),
        unread,
        window,
        stack,
    })
}
