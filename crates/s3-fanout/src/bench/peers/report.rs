//! The answer: a table for a person, or an object for a program.

use std::fmt;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::HumanCount;
use serde::{Deserialize, Serialize};

use super::row::{Row, TARGETS, missed};
use crate::bench::machine::Origin;
use crate::figures::{decimal_bytes, lines};

/// All tools on all objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What S3 took for everything.
    pub model: String,
    #[serde(flatten)]
    pub origin: Origin,
    /// How often each ran.
    pub runs: u32,
    pub workloads: Vec<Results>,
}

/// All tools on the same objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub workload: String,
    pub objects: u64,
    pub bytes: u64,
    pub rows: Vec<Row>,
}

impl Report {
    /// The answer of now.
    pub fn new(model: String, runs: u32, workloads: Vec<Results>) -> Report {
        Report {
            model,
            origin: Origin::here(),
            runs,
            workloads,
        }
    }

    /// Whether every target was met.
    pub fn is_good(&self) -> bool {
        self.missed().is_empty()
    }

    /// Whether any tool but one came to figures.
    fn is_compared(&self) -> bool {
        let figures = |results: &Results| {
            results
                .rows
                .iter()
                .filter(|row| row.figures.is_some())
                .count()
        };
        self.workloads.iter().any(|results| figures(results) > 1)
    }

    fn missed(&self) -> Vec<String> {
        let of = |results: &Results| {
            let missed = missed(&results.rows).into_iter();
            let said = missed.map(|missed| format!("{}: {missed}", results.workload));
            said.collect::<Vec<_>>()
        };
        self.workloads.iter().flat_map(of).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.is_good() {
            true if !self.is_compared() => "no other tool ran: nothing to compare with",
            true => "✔ every target met",
            false => "✘ not everything is as it should be",
        };
        let (runs, model, origin) = (self.runs, &self.model, &self.origin);
        writeln!(
            f,
            "\n{verdict}; medians of {runs} runs, model {model}, {origin}\n"
        )?;
        for results in &self.workloads {
            let (objects, bytes) = (HumanCount(results.objects), decimal_bytes(results.bytes));
            writeln!(f, "{}: {objects} objects, {bytes}\n", results.workload)?;
            writeln!(f, "{}\n", lines(&table(&results.rows)))?;
            for row in &results.rows {
                writeln!(f, "  {}: {} ({})", row.peer, row.command, row.version)?;
                if let Some(failure) = &row.failure {
                    writeln!(f, "  ✘ {} failed: {failure}", row.peer)?;
                }
            }
            writeln!(f)?;
        }
        writeln!(f, "  Targets: {}", TARGETS.join(", "))?;
        for missed in self.missed() {
            writeln!(f, "  ✘ {missed}")?;
        }
        Ok(())
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header([
        "Tool",
        "Seconds",
        "min-max",
        "CPU s",
        "Peak MB",
        "Requests",
        "Metadata",
        "Tags",
        "Checksums",
    ]);
    let or_unknown =
        |figure: Option<f64>| figure.map_or("?".to_owned(), |figure| figure.to_string());
    for row in rows {
        let Some(figures) = &row.figures else {
            table.add_row([row.peer.as_str(), "failed"]);
            continue;
        };
        table.add_row([
            row.peer.clone(),
            format!("{:.2}", figures.seconds),
            format!("{:.2}-{:.2}", figures.seconds_min, figures.seconds_max),
            or_unknown(figures.cpu_secs),
            or_unknown(figures.peak_mb),
            HumanCount(figures.requests).to_string(),
            figures.metadata.to_string(),
            figures.tags.to_string(),
            figures.checksums.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::{failed, ours};
    use super::*;

    #[test]
    fn a_report_is_read_again_as_it_was_written() {
        let results = Results {
            workload: "day".to_owned(),
            objects: 250,
            bytes: 176_707_864_016,
            rows: vec![ours(), failed()],
        };
        let report = Report::new("s3-2023".to_owned(), 5, vec![results]);
        let json = serde_json::to_string(&report).unwrap();
        let read: Report = serde_json::from_str(&json).unwrap();
        assert_eq!((&read, read.to_string()), (&report, report.to_string()));
        assert!(report.is_good());
        let text = report.to_string();
        for expected in [
            "no other tool ran",
            "day: 250 objects, 176.7 GB",
            "s3-fanout  4.00",
            "aws        failed",
            "✘ aws failed: exit status: 1: no",
            "s3-fanout: s3-fanout backup --source source",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
