//! What `backup` has done.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::HumanCount;
use serde::Serialize;

use crate::figures::{decimal_bytes, duration, lines};

/// Prefixes that were not listed, as shown to a person.
const UNLISTED_SHOWN: usize = 5;

/// What `backup` has done; its answer.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Objects listed, or read from a failure list.
    pub listed: u64,
    /// Those of them that --include and --exclude leave out.
    pub filtered: u64,
    /// Those whose copies were at the destination already.
    pub unchanged: u64,
    /// Objects copied.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that were not copied and are in the failure list.
    pub failed: u64,
    /// The failures by type.
    pub errors: BTreeMap<String, Errors>,
    /// Prefixes that were not listed to their end.
    pub unlisted: Vec<String>,
    /// The failure list, if there are failures.
    pub failures_file: Option<PathBuf>,
    /// Whether they were read from a failure list.
    #[serde(skip)]
    pub retried: bool,
    /// Whether someone asked to stop.
    pub interrupted: bool,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// Failures of one type.
#[derive(Debug, Default, Serialize)]
pub struct Errors {
    /// How many.
    pub count: u64,
    /// What happened to the first.
    pub first: String,
}

impl Summary {
    /// Whether every object that was asked for is at the destination. Where there is none at all, something is wrong: with
    /// the days or the prefix, or with what should have come into the source.
    pub fn is_good(&self) -> bool {
        (self.listed > 0 || self.retried)
            && self.failed == 0
            && self.unlisted.is_empty()
            && !self.interrupted
    }

    /// Counts a failure.
    pub fn add_failure(&mut self, error_type: &str, error: &str) {
        self.failed += 1;
        let errors = self.errors.entry(error_type.to_owned()).or_default();
        errors.count += 1;
        if errors.first.is_empty() {
            error.clone_into(&mut errors.first);
        }
    }

    fn verdict(&self) -> &'static str {
        match self {
            _ if self.interrupted => "✘ stopped before the end",
            Summary {
                listed: 0,
                retried: false,
                ..
            } if self.unlisted.is_empty() => {
                "✘ nothing to back up: no key of the source begins so; correct the days, the --prefix or the \
                 --prefix-format"
            }
            _ if !self.is_good() => "✘ not everything is backed up",
            _ => "✔ everything is backed up",
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        let elapsed = Duration::from_millis(self.elapsed_ms);
        let rate = self.bytes as f64 / elapsed.as_secs_f64().max(0.001);
        let copied = match self.copied {
            0 => "0 objects".to_owned(),
            copied => format!(
                "{} objects, {} in {} ({}/s)",
                HumanCount(copied),
                decimal_bytes(self.bytes),
                duration(elapsed),
                decimal_bytes(rate as u64)
            ),
        };
        table.add_row(vec!["Copied".to_owned(), copied]);
        let counts = [
            ("There already", self.unchanged, true),
            ("Left out", self.filtered, false),
            ("Failed", self.failed, true),
        ];
        for (name, count, always) in counts {
            if always || count > 0 {
                table.add_row(vec![name.to_owned(), HumanCount(count).to_string()]);
            }
        }
        table
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n\n{}\n", self.verdict(), lines(&self.table()))?;
        for (error_type, Errors { count, first }) in &self.errors {
            writeln!(
                f,
                "  {} × {error_type}, such as: {first}",
                HumanCount(*count)
            )?;
        }
        for unlisted in self.unlisted.iter().take(UNLISTED_SHOWN) {
            writeln!(f, "  {unlisted}")?;
        }
        let more = self.unlisted.len().saturating_sub(UNLISTED_SHOWN);
        if more > 0 {
            writeln!(f, "  and {more} more prefixes")?;
        }
        if let Some(file) = &self.failures_file {
            let file = file.display();
            writeln!(
                f,
                "\nMend the reasons, then copy the {} that failed: the same command with --retry {file}\n\
                 in the place of the days or the prefix.",
                HumanCount(self.failed)
            )?;
        }
        if self.interrupted || !self.unlisted.is_empty() {
            writeln!(
                f,
                "\nNothing is half-done. The same command goes on: what is copied is not copied again."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_good_only_if_nothing_failed_and_nothing_is_left() {
        let good = Summary {
            listed: 1,
            ..Summary::default()
        };
        assert!(good.is_good());
        let nothing = Summary::default();
        let mut failed = Summary {
            listed: 1,
            ..Summary::default()
        };
        failed.add_failure("Archived", "it is");
        let unlisted = Summary {
            listed: 1,
            unlisted: vec!["denied".to_owned()],
            ..Summary::default()
        };
        let interrupted = Summary {
            listed: 1,
            interrupted: true,
            ..Summary::default()
        };
        for summary in [nothing, failed, unlisted, interrupted] {
            assert!(!summary.is_good());
            assert!(summary.to_string().contains('✘'));
        }
    }
}
