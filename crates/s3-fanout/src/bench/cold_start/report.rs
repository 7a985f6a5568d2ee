//! The answer: a table for a person, or an object for a program.

use std::fmt;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

use super::python::SKIPPED;
use super::row::{Ratios, Row, missed, ratios, targets};
use super::stage::OBJECTS;
use crate::bench::machine;
use crate::figures::lines;

/// All candidates that were started.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What they were started on.
    pub machine: String,
    /// When they had been, in UTC.
    pub date: String,
    /// How often each was.
    pub starts: u32,
    /// The versions of Python and its packages; `null` where there is none to compare with.
    pub python: Option<String>,
    /// A row for each.
    pub rows: Vec<Row>,
    /// How the two languages of a function compare.
    pub ratios: Vec<Ratios>,
    /// What was expected.
    pub targets: Vec<String>,
    /// What was expected and is not so.
    pub missed: Vec<String>,
}

impl Report {
    /// The answer of now.
    pub fn new(rows: Vec<Row>, starts: u32, python: Option<String>) -> Report {
        let ratios = ratios(&rows);
        Report {
            machine: machine::describe(),
            date: format!("{:.0}", jiff::Timestamp::now()),
            starts,
            python,
            targets: targets(&ratios),
            missed: missed(&rows, &ratios),
            rows,
            ratios,
        }
    }

    /// Whether every target was met.
    pub fn is_good(&self) -> bool {
        self.missed.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.is_good() {
            true => "✔ every target met",
            false => "✘ not everything is as it should be",
        };
        let (starts, machine) = (self.starts, &self.machine);
        writeln!(f, "\n{verdict}; medians of {starts} starts, {machine}\n")?;
        writeln!(f, "{}\n", lines(&figures(&self.rows)))?;
        match &self.python {
            Some(versions) => {
                writeln!(f, "{}\n", lines(&compared(&self.ratios)))?;
                writeln!(
                    f,
                    "  {versions}; its zip is the handler alone: boto3 is in Lambda's runtime"
                )?;
            }
            None => writeln!(f, "  {SKIPPED}")?,
        }
        writeln!(
            f,
            "  Init: from process start to the first request for an invocation. First copy: the copier's first\n  \
             object; the publisher's first day, {OBJECTS} keys. Over plain HTTP, and S3 and SNS take no time\n"
        )?;
        writeln!(f, "  Targets: {}", self.targets.join(", "))?;
        for missed in &self.missed {
            writeln!(f, "  ✘ {missed}")?;
        }
        Ok(())
    }
}

fn figures(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header([
        "Function",
        "Language",
        "Init ms",
        "min-max",
        "First copy ms",
        "min-max",
        "Peak MB",
        "Zip MB",
    ]);
    for row in rows {
        table.add_row([
            row.function.name().to_owned(),
            row.language.to_string(),
            format!("{:.1}", row.init_ms),
            format!("{:.1}-{:.1}", row.init_ms_min, row.init_ms_max),
            format!("{:.1}", row.first_copy_ms),
            format!("{:.1}-{:.1}", row.first_copy_ms_min, row.first_copy_ms_max),
            row.peak_mb
                .map_or("?".to_owned(), |peak| format!("{peak:.1}")),
            format!("{:.3}", row.zip_mb),
        ]);
    }
    table
}

fn compared(ratios: &[Ratios]) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["Rust beside Python", "Init", "First copy", "Memory"]);
    for ratios in ratios {
        table.add_row([
            ratios.function.name().to_owned(),
            format!("{:.1} times as fast", ratios.init),
            format!("{:.1} times as fast", ratios.first_copy),
            ratios
                .memory
                .map_or("?".to_owned(), |memory| format!("{memory:.2} of it")),
        ]);
    }
    table
}
