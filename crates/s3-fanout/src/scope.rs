//! Which keys a command is about.

use backup::day::{Day, Days, PrefixFormat};
use clap::ArgGroup;
use publisher::filter::{Filter, Wanted};
use publisher::list::KeyRange;
use publisher::scope::Scope;

use crate::exit::UsageError;

/// Which keys: a day's, those of a range of days, or those with a prefix.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Objects")]
#[group(skip)]
#[command(group = ArgGroup::new("which").args(["date", "from", "to", "prefix"]).required(true).multiple(true))]
pub struct ScopeArgs {
    /// One day
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["from", "to", "prefix"])]
    pub date: Option<Day>,
    /// The first of several days
    #[arg(
        long,
        value_name = "YYYY-MM-DD",
        requires = "to",
        conflicts_with = "prefix"
    )]
    pub from: Option<Day>,
    /// The last of them
    #[arg(
        long,
        value_name = "YYYY-MM-DD",
        requires = "from",
        conflicts_with = "prefix"
    )]
    pub to: Option<Day>,
    /// Every key that starts so; all keys with an empty one
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// How the keys of a day begin, in strftime's notation
    #[arg(long, value_name = "FORMAT", default_value = "%Y-%m-%d/")]
    pub prefix_format: PrefixFormat,
    /// Leave out keys that match none of these globs, such as '*.csv' (* also matches /)
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// Leave out keys that match one of these globs
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
}

impl ScopeArgs {
    /// The same as the publisher understands it.
    ///
    /// # Errors
    /// The range ends before it starts.
    pub fn scope(&self) -> Result<Scope, UsageError> {
        let days = match (self.date, self.from, self.to) {
            (Some(day), _, _) => Some(day.into()),
            (None, Some(from), Some(to)) => Some(
                Days::new(from, to)
                    .map_err(|error| UsageError(format!("--from {from} and --to {to}: {error}")))?,
            ),
            _ => None,
        };
        let prefix = self.prefix.iter().cloned().map(KeyRange::of);
        Ok(Scope {
            ranges: prefix.collect(),
            days,
        })
    }

    /// Which of the keys are wanted.
    ///
    /// # Errors
    /// A glob is none.
    pub fn filter(&self) -> Result<Filter, UsageError> {
        Filter::new(Wanted {
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            ..Wanted::default()
        })
        .map_err(|error| UsageError(error.to_string()))
    }
}
