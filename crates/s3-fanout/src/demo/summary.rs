//! What the demo found, for a person or as JSON.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::HumanCount;
use serde::Serialize;

use crate::cost::Cost;
use crate::figures::{decimal_bytes, lines};

/// The demo's answer.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Objects of the day.
    pub objects: u64,
    /// Objects whose copy is the same in everything compared.
    pub verified: u64,
    /// Bytes of the day.
    pub bytes: u64,
    /// From the publisher's invocation to the end of the last copier's, in milliseconds.
    pub wall_ms: u64,
    /// The newest less the oldest change at the destination, in milliseconds; S3 keeps whole seconds.
    pub last_modified_span_ms: i64,
    /// Uploads neither completed nor aborted.
    pub uploads_left_open: u64,
    /// Events that Lambda gave up.
    pub in_failure_queue: u64,
    /// Those of them that were delivered again when the faults had ended.
    pub redelivered: u64,
    /// States of objects at the destination that their sources were never in, at any time of the run.
    pub wrong: u64,
    /// Faults by service and kind: `s3:slow_down`.
    pub faults_injected: BTreeMap<String, u64>,
    /// Whether faults were asked for.
    #[serde(skip)]
    pub under_faults: bool,
    /// The model whose time requests, copies and cold starts took, if there was one.
    pub model: Option<String>,
    /// Invocations of the copier.
    pub invocations: u64,
    /// The most copiers that ran at the same time.
    pub concurrency_reached: u64,
    /// Requests of both functions, by operation: `UploadPartCopy`, `PublishBatch`.
    pub requests: BTreeMap<String, u64>,
    /// The largest resident set of one process of each function, in MB (2^20 bytes).
    pub peak_memory_mb: BTreeMap<&'static str, Option<f64>>,
    /// What the run costs on AWS.
    pub cost_usd: Cost,
    /// How objects differ from their source.
    pub differences: Vec<String>,
}

/// Differences shown to a person.
const DIFFERENCES_SHOWN: usize = 10;

impl Summary {
    /// Whether every object is at the destination, nothing there was ever wrong, and nothing is left over: what faults
    /// leave over is delivered again, or for a lifecycle rule to end.
    pub fn is_good(&self) -> bool {
        let nothing_left = self.uploads_left_open == 0 && self.in_failure_queue == 0;
        self.verified == self.objects
            && self.differences.is_empty()
            && self.wrong == 0
            && (self.under_faults || nothing_left)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_good() {
            "✔ every object verified"
        } else {
            "✘ not every object is backed up"
        };
        writeln!(
            f,
            "\n{verdict}: {} of {}\n",
            HumanCount(self.verified),
            HumanCount(self.objects)
        )?;
        writeln!(f, "{}\n", lines(&self.table()))?;
        for difference in self.differences.iter().take(DIFFERENCES_SHOWN) {
            writeln!(f, "  {difference}")?;
        }
        let more = self.differences.len().saturating_sub(DIFFERENCES_SHOWN);
        if more > 0 {
            writeln!(f, "  and {more} more")?;
        }
        Ok(())
    }
}

impl Summary {
    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        let memory = |function| match self.peak_memory_mb.get(function) {
            Some(Some(megabytes)) => format!("{megabytes:.1} MB"),
            _ => "not known on this system".to_owned(),
        };
        let cost = &self.cost_usd;
        let rows = [
            (
                "Objects",
                format!(
                    "{}, {}",
                    HumanCount(self.objects),
                    decimal_bytes(self.bytes)
                ),
            ),
            (
                "Wall time",
                format!("{} ({})", seconds(self.wall_ms), self.whose_time()),
            ),
            (
                "Newest - oldest copy",
                format!("{} s", self.last_modified_span_ms / 1_000),
            ),
            (
                "Copier",
                format!(
                    "{} invocations, up to {} at once",
                    HumanCount(self.invocations),
                    self.concurrency_reached
                ),
            ),
            (
                "Peak memory",
                format!(
                    "publisher {}, copier {}",
                    memory("publisher"),
                    memory("copier")
                ),
            ),
            (
                "Left over",
                format!(
                    "{} open uploads, {} failed messages{}",
                    self.uploads_left_open,
                    self.in_failure_queue,
                    self.whose_left_over()
                ),
            ),
            ("On AWS this costs", cost.to_string()),
        ];
        for (name, value) in rows {
            table.add_row(vec![name.to_owned(), value]);
        }
        if self.under_faults {
            table.add_row(vec![
                "Wrong at any time".to_owned(),
                format!("{} copies", HumanCount(self.wrong)),
            ]);
            add_counts(&mut table, "Faults", &self.faults_injected);
        }
        add_counts(&mut table, "Requests", &self.requests);
        table
    }

    /// What the time is that copies took.
    fn whose_time(&self) -> String {
        match &self.model {
            Some(model) => format!("by the model {model}"),
            None => "S3's copies take no time here".to_owned(),
        }
    }

    /// What becomes of what is left over where faults were asked for.
    fn whose_left_over(&self) -> String {
        if !self.under_faults {
            return String::new();
        }
        let redelivered = self.redelivered;
        format!(
            " ({redelivered} delivered again without faults;\nfunctions that are killed leave uploads for the \
             lifecycle rule)"
        )
    }
}

/// A line for each name, under one title.
fn add_counts(table: &mut Table, title: &str, counts: &BTreeMap<String, u64>) {
    for (index, (name, count)) in counts.iter().enumerate() {
        let title = if index == 0 { title } else { "" };
        table.add_row(vec![
            title.to_owned(),
            format!("{:>7}  {name}", HumanCount(*count).to_string()),
        ]);
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{:.1} s", milliseconds as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary {
            objects: 2,
            verified: 2,
            bytes: 2,
            wall_ms: 1,
            last_modified_span_ms: 0,
            uploads_left_open: 0,
            in_failure_queue: 0,
            redelivered: 0,
            wrong: 0,
            faults_injected: BTreeMap::new(),
            under_faults: false,
            model: None,
            invocations: 2,
            concurrency_reached: 1,
            requests: BTreeMap::new(),
            peak_memory_mb: BTreeMap::new(),
            cost_usd: Cost {
                s3: 0.0,
                lambda: 0.0,
                sns: 0.0,
                total: 0.0,
            },
            differences: Vec::new(),
        }
    }

    #[test]
    fn faults_excuse_what_is_left_over_and_nothing_else() {
        for under_faults in [false, true] {
            let changed = |change: fn(&mut Summary)| {
                let mut summary = Summary {
                    under_faults,
                    ..summary()
                };
                change(&mut summary);
                summary.is_good()
            };
            assert!(changed(|_| ()));
            assert!(!changed(|summary| summary.verified = 1));
            assert!(!changed(|summary| summary.wrong = 1));
            assert!(!changed(|summary| summary.differences.push("k".to_owned())));
            assert_eq!(
                changed(|summary| summary.uploads_left_open = 1),
                under_faults
            );
            assert_eq!(
                changed(|summary| summary.in_failure_queue = 1),
                under_faults
            );
        }
    }
}
