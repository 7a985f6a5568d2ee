//! The answer: a table for a person, or an object for a program.

use std::fmt;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::HumanCount;
use serde::{Deserialize, Serialize};

use super::processor::Processor;
use super::row::{RATIO, Row};
use crate::bench::machine::Origin;
use crate::figures::{decimal_bytes, lines};

/// All objects that were copied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What S3 took for everything.
    pub model: String,
    #[serde(flatten)]
    pub origin: Origin,
    pub rows: Vec<Row>,
    /// What the copier takes of the processor; `null` where it was not measured, or the system does not tell.
    pub processor: Option<Processor>,
}

impl Report {
    /// The answer of now.
    pub fn new(model: String, rows: Vec<Row>, processor: Option<Processor>) -> Report {
        Report {
            model,
            origin: Origin::here(),
            rows,
            processor,
        }
    }

    /// Whether every target was met.
    pub fn is_good(&self) -> bool {
        let processor = self.processor.as_ref().is_none_or(Processor::is_good);
        processor && self.rows.iter().all(|row| row.missed.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.is_good() {
            true => "✔ every target met",
            false => "✘ not everything is as it should be",
        };
        writeln!(f, "\n{verdict}; model {}, {}\n", self.model, self.origin)?;
        writeln!(f, "{}\n", lines(&table(&self.rows)))?;
        writeln!(
            f,
            "  * Measured on full rounds of its parts only, and reckoned for all of them by the ratio\n  \
             Requests: the parts measured and 4, 1 for the tags, and from 50 GiB 1 for uploads that were cut off; 3 for one\n  \
             CopyObject. Every copy was compared\n  \
             Target: ratio <= {RATIO}"
        )?;
        match &self.processor {
            Some(processor) => write!(f, "{processor}"),
            None => Ok(()),
        }
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header([
        "Object",
        "Parts",
        "In flight",
        "Seconds",
        "Limit",
        "Ratio",
        "Measured",
        "Requests",
        "Peak MB",
        "Targets",
    ]);
    for row in rows {
        let star = if row.extrapolated { "*" } else { "" };
        table.add_row([
            decimal_bytes(row.bytes),
            HumanCount(row.parts.into()).to_string(),
            row.parts_in_flight.to_string(),
            format!("{:.2}{star}", row.seconds),
            format!("{:.2}", row.limit_s),
            format!("{:.2}", row.ratio),
            HumanCount(row.parts_measured.into()).to_string(),
            HumanCount(row.requests).to_string(),
            row.peak_mb.map_or("?".to_owned(), |mb| mb.to_string()),
            match row.missed.is_empty() {
                true => "✔".to_owned(),
                false => format!("✘ {}", row.missed.join(", ")),
            },
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn a_report_is_read_again_as_it_was_written() {
        let rows = vec![row(700_000_000, 1.1, 0), row(1_000_000_000_000, 1.3, 0)];
        let processor = Processor::new(&[3.0], &[2.0]);
        let report = Report::new("s3-2023".to_owned(), rows, Some(processor));
        let json = serde_json::to_string(&report).unwrap();
        let read: Report = serde_json::from_str(&json).unwrap();
        assert_eq!((&read, read.to_string()), (&report, report.to_string()));
        assert!(!report.is_good());
        let text = report.to_string();
        assert!(text.contains("* "), "{text}");
        assert!(text.contains("✘ not ratio <= 1.25"), "{text}");
    }
}
