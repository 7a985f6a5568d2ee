//! The answer: a table for a person, or an object for a program.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;
use serde::{Deserialize, Serialize};

use super::args::BenchStrategiesArgs;
use super::row::Row;
use super::strategy::Strategy;
use super::sweep::{Sweep, shown};
use super::workload::Workload;
use crate::bench::limit::{Bound, Limit};
use crate::bench::machine::Origin;
use crate::cost::prices::{self, BATCH_JOB_USD, BATCH_OBJECT_USD};
use crate::figures::{decimal_bytes, dollars, lines, round};

/// Objects of the first backup, six months of days.
const BACKFILL_OBJECTS: u64 = 45_000;

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The model's name, or its file's.
    pub model: String,
    pub workload: Workload,
    /// Objects copied at the same time, where the strategy leaves that open.
    pub concurrency: u16,
    pub objects: u32,
    /// Of all objects.
    pub bytes: u64,
    /// For backup and fan-out.
    pub part_size_mib: u32,
    /// For backup and fan-out.
    pub parts_in_flight: u32,
}

impl Setting {
    /// What was asked for, over objects of these sizes.
    pub fn of(args: &BenchStrategiesArgs, sizes: &[u64]) -> Setting {
        Setting {
            model: args.model.name.clone(),
            workload: args.workload,
            concurrency: args.concurrency,
            objects: sizes.len() as u32,
            bytes: sizes.iter().sum(),
            part_size_mib: args.part_size_mib,
            parts_in_flight: args.parts_in_flight,
        }
    }
}

/// All strategies that were run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    #[serde(flatten)]
    pub setting: Setting,
    /// The least time that the model allows a fan-out with these settings.
    pub limit_s: f64,
    /// Why it is no less.
    pub bound: Bound,
    #[serde(flatten)]
    pub origin: Origin,
    /// A row for each.
    pub rows: Vec<Row>,
    /// Other settings, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
}

impl Report {
    /// The answer of now.
    pub fn new(setting: Setting, least: Limit, rows: Vec<Row>) -> Report {
        Report {
            setting,
            limit_s: round(least.seconds, 3),
            bound: least.bound,
            origin: Origin::here(),
            rows,
            sweep: None,
        }
    }

    /// Whether every object was correct and every target met.
    pub fn is_good(&self) -> bool {
        self.rows.iter().all(|row| row.missed.is_empty())
    }

    /// The verdict, behind its mark.
    pub fn verdict(&self) -> &'static str {
        match self.is_good() {
            true => "✔ every object correct and every target met",
            false => "✘ not everything is as it should be",
        }
    }

    /// What was run, in a line.
    pub fn what(&self) -> String {
        let setting = &self.setting;
        format!(
            "{}, {}: {} objects, {}; {} at once, parts of {} MiB, {} in flight",
            setting.model,
            setting.workload.name(),
            HumanCount(setting.objects.into()),
            decimal_bytes(setting.bytes),
            setting.concurrency,
            setting.part_size_mib,
            setting.parts_in_flight
        )
    }

    /// The seconds of the threads with as much memory, which all others are compared with.
    fn threads(&self, row: &Row) -> Option<f64> {
        let is_like =
            |other: &&Row| other.strategy == Strategy::Threads && other.memory_mb == row.memory_mb;
        self.rows.iter().find(is_like).map(|row| row.seconds)
    }

    /// The table's columns.
    pub fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["Strategy"];
        if !self.setting.workload.copies() {
            columns.push("Memory MB");
        }
        columns.extend([
            "Seconds",
            "Peak MB",
            "Requests",
            "Dollars",
            "By limit",
            "By threads",
        ]);
        columns
    }

    /// A row of the table.
    pub fn cells(&self, row: &Row) -> Vec<String> {
        let mut cells = vec![row.strategy.name()];
        cells.extend(row.memory_mb.map(|memory| memory.to_string()));
        let star = if row.extrapolated { "*" } else { "" };
        let threads = self.threads(row);
        cells.extend([
            self.seconds(row),
            row.peak_mb
                .map_or("?".to_owned(), |peak| format!("{peak:.1}")),
            format!("{}{star}", HumanCount(row.requests)),
            dollars(row.usd),
            format!("{:.2} x", row.ratio_to_limit),
            threads.map_or(String::new(), |threads| {
                format!("{:.1} x", threads / row.seconds)
            }),
        ]);
        cells
    }

    /// A row's seconds, marked where they are reckoned.
    pub fn seconds(&self, row: &Row) -> String {
        let star = if row.extrapolated { "*" } else { "" };
        shown(row.seconds) + star
    }

    /// What explains the table, a sentence a line.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            format!(
                "Limit {:.3} s: what the model's latencies, bandwidth and rates allow {}; bound by {}",
                self.limit_s,
                match self.setting.workload.copies() {
                    true => "a fan-out with these settings, a listed page and a published batch before it",
                    false => "the calls, and the listing before them",
                },
                self.bound
            ),
            "Seconds by limit; how many times as fast as threads. Peak: the process, or the largest of a strategy's \
             functions"
                .to_owned(),
            format!(
                "Dollars: requests and, for functions, what Lambda bills; {}, {}. No machine of one's own is in them",
                prices::REGION,
                prices::AS_OF
            ),
        ];
        notes.extend(self.fractions());
        notes.extend(self.starts());
        if self
            .rows
            .iter()
            .any(|row| row.strategy == Strategy::ThreadsByDay)
        {
            notes.push(
                "threads-by-day: a pool of 31 days, of which this workload has one".to_owned(),
            );
        }
        notes.extend(self.prices());
        notes
    }

    fn fractions(&self) -> Option<String> {
        let rows = self.rows.iter().filter(|row| row.extrapolated);
        let of = |row: &Row| format!("{} {:.1}%", row.strategy.name(), row.fraction * 100.0);
        let fractions: Vec<_> = rows.map(of).collect();
        (!fractions.is_empty()).then(|| {
            format!(
                "* reckoned from a share of the bytes: {}",
                fractions.join(", ")
            )
        })
    }

    fn starts(&self) -> Option<String> {
        let of = |row: &Row| {
            let starts = row.starts_s?;
            Some(format!("{} {starts:.1} s", row.strategy.name()))
        };
        let starts: Vec<_> = self.rows.iter().filter_map(of).collect();
        (!starts.is_empty()).then(|| {
            format!(
                "Processes of functions start, and those of fan-out make a first copy, before the clock does: {}",
                starts.join(", ")
            )
        })
    }

    /// The fan-out's price beside that of S3 Batch Operations, whose CopyObject takes objects up to 5 GB.
    fn prices(&self) -> Option<String> {
        let copies = self.setting.workload.copies();
        let row = self
            .rows
            .iter()
            .find(|row| row.strategy == Strategy::FanOut)?;
        let (objects, usd) = (u64::from(self.setting.objects), row.usd);
        let batch = |objects: u64| {
            let each = BATCH_OBJECT_USD + prices::request("s3:CopyObject");
            BATCH_JOB_USD + each * objects as f64
        };
        let backfill = usd * BACKFILL_OBJECTS as f64 / objects as f64;
        copies.then(|| {
            format!(
                "{} objects: fan-out {}, S3 Batch Operations {} (a job each time); {} objects: {} and {}",
                HumanCount(objects),
                dollars(usd),
                dollars(batch(objects)),
                HumanCount(BACKFILL_OBJECTS),
                dollars(backfill),
                dollars(batch(BACKFILL_OBJECTS))
            )
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n\n{}", self.verdict(), self.what())?;
        writeln!(f, "{}\n", self.origin)?;
        writeln!(f, "{}\n", lines(&table(self)))?;
        for note in self.notes() {
            writeln!(f, "  {note}")?;
        }
        for row in &self.rows {
            for missed in &row.missed {
                writeln!(f, "  ✘ {}: {missed}", row.strategy.name())?;
            }
        }
        match &self.sweep {
            Some(sweep) => write!(f, "{sweep}"),
            None => Ok(()),
        }
    }
}

fn table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(report.columns());
    for row in &report.rows {
        table.add_row(report.cells(row));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::row::Share;
    use super::super::stage::Measured;
    use super::*;

    fn row(strategy: Strategy, seconds: f64, copied: u64) -> Row {
        let requests = [("s3:CopyObject", copied), ("s3:ListObjectsV2", 1)];
        let measured = Measured {
            seconds,
            peak_mb: Some(25.0),
            requests: requests
                .map(|(name, count)| (name.to_owned(), count))
                .into(),
            ..Measured::default()
        };
        let share = Share {
            objects: 250,
            copied,
            times: 250.0 / copied as f64,
        };
        Row::new(strategy, measured, share, 10.0)
    }

    fn report() -> Report {
        let setting = Setting {
            model: "s3-2023".to_owned(),
            workload: Workload::Day,
            concurrency: 100,
            objects: 250,
            bytes: 175_000_000_000,
            part_size_mib: 64,
            parts_in_flight: 16,
        };
        let least = Limit {
            seconds: 10.0,
            bound: Bound::Slots,
        };
        let mut fan_out = row(Strategy::FanOut, 11.0, 250);
        fan_out.starts_s = Some(1.5);
        let rows = vec![
            row(Strategy::Serial, 43.0, 5),
            row(Strategy::Threads, 27.5, 250),
            fan_out,
        ];
        Report::new(setting, least, rows)
    }

    #[test]
    fn what_json_holds_is_what_is_shown() {
        let report = report();
        let json = serde_json::to_string(&report).unwrap();
        let read: Report = serde_json::from_str(&json).unwrap();
        assert_eq!(read, report);
        assert_eq!(read.to_string(), report.to_string());
    }

    #[test]
    fn a_fraction_is_marked_and_told() {
        let shown = report().to_string();
        for part in [
            "serial    2150.0*",
            "251*",
            "* reckoned from a share of the bytes: serial 2.0%",
            "before the clock does: fan-out 1.5 s",
            "2.5 x",
            "250 objects: fan-out $0.0013, S3 Batch Operations $0.25",
            "45,000 objects: $0.23 and $0.52",
        ] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
    }

    #[test]
    fn what_is_missed_is_told_with_its_strategy() {
        let mut report = report();
        assert!(report.is_good());
        report.rows[2].expect_ratio(1.05, 10.0);
        assert!(!report.is_good());
        let told = "✘ fan-out: 1.10 times its limit of 10.00 s, not <= 1.05";
        assert!(report.to_string().contains(told), "{report}");
    }
}
