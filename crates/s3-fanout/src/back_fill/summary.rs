//! What a back-fill has come to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::HumanCount;
use serde::Serialize;

use super::fill::DayFill;
use super::function::Published;
use crate::figures::{decimal_bytes, duration, lines};
use crate::progress::Amount;
use crate::verify::Findings;

/// Differences shown to a person.
const DIFFERENCES_SHOWN: usize = 10;

/// The back-fill's answer.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The publisher.
    pub function: String,
    /// How often it was invoked.
    pub invocations: u64,
    /// What it answered, all invocations together.
    pub publisher: Published,
    /// The destination by month, as it was seen last.
    pub months: BTreeMap<String, Month>,
    /// Messages that came into the failure queues meanwhile.
    pub failed_messages: u64,
    /// Whether nothing came any more, though something was missing.
    pub stalled: bool,
    /// What the verification at the end found.
    pub verified: Findings,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// A month of the destination.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Month {
    /// Objects that can be copied.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them whose copies are there.
    pub copied: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Objects without a copy that must be restored before they can have one.
    pub archived: u64,
}

/// The months of days, by name.
pub fn months(fills: &[DayFill]) -> BTreeMap<String, Month> {
    let mut months = BTreeMap::<String, Month>::new();
    for fill in fills {
        let month = months.entry(fill.month()).or_default();
        month.objects += fill.wanted.objects;
        month.bytes += fill.wanted.bytes;
        month.copied += fill.there.objects;
        month.copied_bytes += fill.there.bytes;
        month.archived += fill.archived;
    }
    months
}

impl Month {
    /// What is to be there.
    pub fn wanted(&self) -> Amount {
        Amount {
            objects: self.objects,
            bytes: self.bytes,
        }
    }

    /// What is there.
    pub fn there(&self) -> Amount {
        Amount {
            objects: self.copied,
            bytes: self.copied_bytes,
        }
    }
}

impl Summary {
    /// Whether there are objects and every one has its copy.
    pub fn is_good(&self) -> bool {
        self.verified.objects > 0 && self.verified.is_complete()
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["Month", "Objects", "Bytes", "Copied", "Archived"]);
        for (name, month) in &self.months {
            table.add_row(vec![
                name.clone(),
                HumanCount(month.objects).to_string(),
                decimal_bytes(month.bytes),
                HumanCount(month.copied).to_string(),
                HumanCount(month.archived).to_string(),
            ]);
        }
        table
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, publisher) = (&self.verified, &self.publisher);
        let objects = HumanCount(found.objects);
        let verdict = match self.is_good() {
            true => format!("✔ every object has its copy: {objects}"),
            false if found.objects == 0 => {
                "✘ nothing to back up: the source has no object of these days; correct --from and --to, or the \
                 publisher's PREFIX_FORMAT"
                    .to_owned()
            }
            false => format!(
                "✘ not every object has its copy: {} missing, {} different of {objects}",
                HumanCount(found.missing),
                HumanCount(found.different)
            ),
        };
        writeln!(f, "\n{verdict}\n\n{}\n", lines(&self.table()))?;
        let elapsed = duration(Duration::from_millis(self.elapsed_ms));
        writeln!(
            f,
            "{} was invoked {}: {} of {} objects published, {} were there; {elapsed} in all",
            self.function,
            times(self.invocations),
            HumanCount(publisher.published),
            HumanCount(publisher.listed),
            HumanCount(publisher.unchanged)
        )?;
        if self.is_good() || found.objects == 0 {
            return Ok(());
        }
        writeln!(f)?;
        for difference in found.examples.iter().take(DIFFERENCES_SHOWN) {
            writeln!(f, "  {:10} {}", difference.kind.as_str(), difference.line())?;
        }
        if self.stalled {
            writeln!(
                f,
                "\nNothing was copied any more, though something is missing."
            )?;
        }
        if self.failed_messages > 0 {
            writeln!(
                f,
                "\n{} messages came into the failure queues: s3-fanout redrive --queue URL shows why.",
                HumanCount(self.failed_messages)
            )?;
        }
        writeln!(
            f,
            "\nThe same command goes on: what is copied is not published again."
        )
    }
}

fn times(count: u64) -> String {
    match count {
        0 => "not at all".to_owned(),
        1 => "once".to_owned(),
        more => format!("{} times", HumanCount(more)),
    }
}
