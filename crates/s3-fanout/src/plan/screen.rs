//! The plan for a person: how much, how long and for how much money first; then with which settings, and why.

use std::fmt;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;

use super::answer::{Answer, Planned, Time};
use super::sizes::Class;
use super::time::Bound;
use crate::figures::{decimal_bytes, dollars, duration, lines};
use crate::progress::Amount;

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n", self.headline())?;
        writeln!(f, "{}", lines(&self.amounts()))?;
        if let Some(planned) = &self.estimate {
            planned.sections(f)?;
        }
        for note in &self.notes {
            writeln!(f, "\n! {note}")?;
        }
        writeln!(f)
    }
}

impl Answer {
    fn headline(&self) -> String {
        let (listed, source) = (objects(self.listed), &self.source);
        match &self.estimate {
            Some(planned) => format!(
                "{} from {source} to {}: about {}, {}, with the settings below",
                count(self.to_copy),
                self.dest,
                milliseconds(planned.elapsed_ms),
                dollars(planned.total_usd)
            ),
            None if self.listed == 0 => format!(
                "Nothing to copy: no key of {source} begins so; correct the days, the --prefix or the --prefix-format"
            ),
            None => format!("Nothing to copy of {listed} listed in {source}"),
        }
    }

    fn amounts(&self) -> Table {
        let mut table = table();
        let mut row = |name: &str, value: String| {
            table.add_row([name, &value]);
        };
        let listed = format!(
            "{} under {}",
            objects(self.listed),
            match self.prefixes {
                1 => "one prefix".to_owned(),
                prefixes => format!("{} prefixes", HumanCount(prefixes)),
            }
        );
        row("Listed", listed);
        row("Copied already", count(self.already_copied));
        for (name, left_out) in [("Archived", self.archived), ("Too large", self.too_large)] {
            if left_out.objects > 0 {
                row(name, format!("{}, cannot be copied", count(left_out)));
            }
        }
        if self.filtered > 0 {
            row("Not wanted", objects(self.filtered));
        }
        row("To copy", count(self.to_copy));
        if let Some(planned) = &self.estimate {
            row(
                "S3",
                format!("taken to be as fast as the model {} has it", self.model),
            );
            row("Sizes", planned.sizes());
            for class in planned.sizes.iter().filter(|_| planned.sizes.len() > 1) {
                row("", class_of(class));
            }
            let [arm64, x86_64] =
                [planned.cost_usd.arm64, planned.cost_usd.x86_64].map(|cost| cost.to_string());
            row("Cost on arm64", arm64);
            row("on x86_64", x86_64);
            let prices = &planned.prices;
            row(
                "",
                format!(
                    "prices of {}, {}; requests and Lambda, no storage",
                    prices.as_of, prices.region
                ),
            );
        }
        table
    }
}

impl Planned {
    fn sections(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nSettings of template.yaml\n{}",
            lines(&self.settings_table())
        )?;
        let (_, parts) = self.chosen();
        writeln!(
            f,
            "\nTime by copies at once and part size, {parts} parts of an object at once"
        )?;
        writeln!(f, "{}", lines(&self.times_table()))?;
        writeln!(
            f,
            " c copies at once, s S3's {} requests a second, l largest object, p publishing; * recommended",
            self.prefix_writes()
        )?;
        writeln!(f, "\nLambda\n{}", lines(&self.lambda_table()))?;
        writeln!(f, "\nRequests\n{}", lines(&self.requests_table()))
    }

    /// Copies at once with the part size in MiB, and parts at once, that are recommended.
    pub fn chosen(&self) -> ((u64, u64), u64) {
        let value = |parameter| {
            let mut settings = self.settings.iter();
            let found = settings.find(|setting| setting.parameter == parameter);
            found.map_or(0, |setting| setting.value)
        };
        let cell = (value("CopierReservedConcurrency"), value("PartSizeMib"));
        (cell, value("PartsInFlight"))
    }

    fn sizes(&self) -> String {
        format!(
            "{} to {}, median about {}",
            decimal_bytes(self.smallest_bytes),
            decimal_bytes(self.largest_bytes),
            decimal_bytes(self.median_bytes)
        )
    }

    fn settings_table(&self) -> Table {
        let mut table = table();
        for setting in &self.settings {
            table.add_row([setting.parameter, &setting.value.to_string(), &setting.why]);
        }
        right(&mut table, [1]);
        table
    }

    /// A row for each number of copies at once, a column for each part size.
    fn times_table(&self) -> Table {
        let ((concurrency, part_size), _) = self.chosen();
        let mut table = table();
        let rows: Vec<_> = self
            .times
            .chunk_by(|a, b| a.copier_reserved_concurrency == b.copier_reserved_concurrency)
            .collect();
        let sizes = rows.first().copied().unwrap_or_default().iter();
        let sizes = sizes.map(|time| format!("{} MiB  ", time.part_size_mib));
        table.add_row(std::iter::once(String::new()).chain(sizes));
        let cell = |time: &Time| {
            let here = (time.copier_reserved_concurrency.into(), time.part_size_mib);
            let mark = if here == (concurrency, part_size) {
                "*"
            } else {
                " "
            };
            format!(
                "{} {}{mark}",
                milliseconds(time.elapsed_ms),
                letter(time.bound)
            )
        };
        for row in &rows {
            let copies = row[0].copier_reserved_concurrency.to_string();
            table.add_row(std::iter::once(copies).chain(row.iter().map(cell)));
        }
        right(&mut table, 0..=rows.first().map_or(0, |row| row.len()));
        table
    }

    fn requests_table(&self) -> Table {
        let mut table = table();
        for (operation, count) in &self.requests {
            let (at_most, note) = match operation.as_str() {
                "GetObjectTagging" => (
                    "<= ",
                    "  of objects that have tags: a listing does not show it",
                ),
                _ => ("", ""),
            };
            table.add_row([
                format!("{at_most}{}", HumanCount(*count)),
                format!("{operation}{note}"),
            ]);
        }
        right(&mut table, [0]);
        table
    }
}

/// An empty table without lines.
pub fn table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

fn right(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn count(count: Amount) -> String {
    match count.objects {
        0 => "none".to_owned(),
        _ => format!("{}, {}", objects(count.objects), decimal_bytes(count.bytes)),
    }
}

fn objects(count: u64) -> String {
    match count {
        1 => "1 object".to_owned(),
        _ => format!("{} objects", HumanCount(count)),
    }
}

fn class_of(class: &Class) -> String {
    let (from, objects) = (decimal_bytes(class.from_bytes), count(class.count));
    match class.below_bytes {
        Some(below) if class.from_bytes == 0 => {
            format!("below {}: {objects}", decimal_bytes(below))
        }
        Some(below) => format!("{from} to {}: {objects}", decimal_bytes(below)),
        None => format!("from {from}: {objects}"),
    }
}

fn letter(bound: Bound) -> char {
    match bound {
        Bound::Concurrency => 'c',
        Bound::Requests => 's',
        Bound::LargestObject => 'l',
        Bound::Publishing => 'p',
    }
}

/// A length of time given in milliseconds.
pub fn milliseconds(milliseconds: u64) -> String {
    duration(Duration::from_millis(milliseconds))
}
