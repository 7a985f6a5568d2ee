//! The answer: a table for a person, or an object for a program.

use std::fmt;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::HumanCount;
use serde::Serialize;

use super::row::Row;
use crate::bench::machine;
use crate::figures::lines;

/// All cases that were run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What they were run on.
    pub machine: String,
    /// When they had ended, in UTC.
    pub date: String,
    /// A row for each.
    pub rows: Vec<Row>,
}

impl Report {
    /// The answer of now.
    pub fn new(rows: Vec<Row>) -> Report {
        Report {
            machine: machine::describe(),
            date: format!("{:.0}", jiff::Timestamp::now()),
            rows,
        }
    }

    /// Whether no key was lost and every target was met.
    pub fn is_good(&self) -> bool {
        self.rows.iter().all(|row| row.missed.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.is_good() {
            true => "✔ every key published and every target met",
            false => "✘ not everything is as it should be",
        };
        writeln!(f, "\n{verdict}; 20 ms per request, {}\n", self.machine)?;
        let mut table = Table::new();
        table.load_style(NOTHING).set_header([
            "Case",
            "Keys",
            "Seconds",
            "Bound",
            "by",
            "Ratio",
            "Peak MB",
            "Lists",
            "Publishes",
            "Targets",
        ]);
        for row in &self.rows {
            table.add_row(cells(row));
        }
        writeln!(f, "{}", lines(&table))?;
        writeln!(f)?;
        for row in &self.rows {
            for missed in &row.missed {
                writeln!(f, "  {}: {missed}", row.name)?;
            }
        }
        Ok(())
    }
}

fn cells(row: &Row) -> Vec<String> {
    let mark = if row.missed.is_empty() { "✔" } else { "✘" };
    let mut targets = row.targets.join("\n");
    if let (Some(window), Some(under_way)) = (row.window_ratio, row.under_way_ratio) {
        targets += &format!("\n(window {window:.2}, under way {under_way:.2})");
    }
    vec![
        row.name.to_owned(),
        HumanCount(row.keys).to_string(),
        format!("{:.2}", row.seconds),
        format!("{:.2}", row.bound_seconds),
        format!("{:?}", row.bound_by).to_lowercase(),
        format!("{:.2}", row.ratio),
        row.peak_mb
            .map_or("?".to_owned(), |peak| format!("{peak:.1}")),
        HumanCount(row.list_requests).to_string(),
        HumanCount(row.publish_requests).to_string(),
        format!("{mark} {targets}"),
    ]
}
