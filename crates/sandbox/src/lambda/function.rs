//! What a function is: its command, its limits, its name and ARN.

use std::path::PathBuf;
use std::time::Duration;

use super::Error;
use crate::account::ACCOUNT_ID;

/// The only version there is: nothing is published.
pub(crate) const VERSION: &str = "$LATEST";

/// The handler told to a custom runtime, which needs none: the name of its program in a package.
pub(crate) const HANDLER: &str = "bootstrap";

/// A function's name has at most 64 characters
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>).
const MAX_NAME_CHARS: usize = 64;

/// Fifteen minutes (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const MAX_TIMEOUT: Duration = Duration::from_secs(900);

/// From 128 MB to 10,240 MB (same page).
const MEMORY_MB: std::ops::RangeInclusive<u32> = 128..=10_240;

/// A function: the command that is its runtime, and how Lambda is to run it.
#[derive(Debug, Clone)]
pub struct Function {
    /// Up to 64 letters, digits, hyphens and underscores.
    pub name: String,
    /// The program of an execution environment; without a slash it is looked up in `PATH`.
    pub command: PathBuf,
    /// The program's arguments.
    pub args: Vec<String>,
    /// The function's own variables; they win over the sandbox's.
    pub environment: Vec<(String, String)>,
    /// Told to the function and reported, but not enforced; the processor that it stands for is, where a model says so.
    pub memory_mb: u32,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Reserved concurrency: the most environments there are at a time.
    pub concurrency: usize,
    /// The waits before each retry of a failed asynchronous event.
    pub retry_delays: Vec<Duration>,
    /// How old an asynchronous event may become before it is given up.
    pub max_event_age: Duration,
    /// The ARN of a queue that gets the record of every event given up, besides
    /// [`Lambda::failures`](super::Lambda::failures).
    pub on_failure: Option<String>,
}

impl Function {
    /// A function with Lambda's defaults: 128 MB, 3 s, the ten concurrent executions of a new
    /// account, two retries after one and two minutes, events kept for six hours
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>).
    pub fn new(name: impl Into<String>, command: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            command: command.into(),
            args: Vec::new(),
            environment: Vec::new(),
            memory_mb: 128,
            timeout: Duration::from_secs(3),
            concurrency: 10,
            retry_delays: vec![Duration::from_secs(60), Duration::from_secs(120)],
            max_event_age: Duration::from_secs(6 * 60 * 60),
            on_failure: None,
        }
    }

    /// Refuses what Lambda would refuse, and a concurrency of zero, which would never run.
    pub(super) fn check(&self) -> Result<(), Error> {
        let problem = if !is_name(&self.name) {
            "the name must be 1 to 64 letters, digits, hyphens and underscores"
        } else if !MEMORY_MB.contains(&self.memory_mb) {
            "the memory must be from 128 to 10240 MB"
        } else if self.timeout.is_zero() || self.timeout > MAX_TIMEOUT {
            "the timeout must be above zero and at most 900 seconds"
        } else if self.concurrency == 0 {
            "a reserved concurrency of zero is not supported"
        } else {
            return Ok(());
        };
        Err(Error::InvalidFunction(problem))
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_NAME_CHARS).contains(&name.len()) && name.bytes().all(allowed)
}

/// The ARN of a function, without a version.
pub(crate) fn arn(region: &str, name: &str) -> String {
    format!("arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{name}")
}

/// The name in what the API takes for a function: a name, an ARN or a partial ARN, each with an
/// optional `:$LATEST`. Another version, region or account names no function here.
pub(crate) fn name_of<'a>(region: &str, given: &'a str) -> Option<&'a str> {
    let given = given.strip_suffix(":$LATEST").unwrap_or(given);
    let full = format!("arn:aws:lambda:{region}:{ACCOUNT_ID}:function:");
    let partial = format!("{ACCOUNT_ID}:function:");
    let name = given
        .strip_prefix(full.as_str())
        .or_else(|| given.strip_prefix(partial.as_str()))
        .or_else(|| given.strip_prefix("function:"))
        .unwrap_or(given);
    is_name(name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_name_in_every_form_the_api_takes() {
        for given in [
            "copier",
            "copier:$LATEST",
            "function:copier",
            "000000000000:function:copier",
            "arn:aws:lambda:us-east-1:000000000000:function:copier",
            "arn:aws:lambda:us-east-1:000000000000:function:copier:$LATEST",
        ] {
            assert_eq!(name_of("us-east-1", given), Some("copier"), "{given}");
        }
    }

    #[test]
    fn knows_no_other_version_region_or_account() {
        for given in [
            "copier:7",
            "arn:aws:lambda:eu-west-1:000000000000:function:copier",
            "arn:aws:lambda:us-east-1:111111111111:function:copier",
            "",
        ] {
            assert_eq!(name_of("us-east-1", given), None, "{given}");
        }
    }

    #[test]
    fn refuses_what_lambda_would_refuse() {
        let function = Function::new("copier", "/bin/true");
        assert!(function.check().is_ok());
        for name in ["", "a.b", "a b", &"x".repeat(65)] {
            assert!(Function::new(name, "/bin/true").check().is_err(), "{name}");
        }
        let timeout = Duration::from_secs(901);
        assert!(
            Function {
                timeout,
                ..function.clone()
            }
            .check()
            .is_err()
        );
        assert!(
            Function {
                memory_mb: 127,
                ..function.clone()
            }
            .check()
            .is_err()
        );
        assert!(
            Function {
                concurrency: 0,
                ..function
            }
            .check()
            .is_err()
        );
    }
}
