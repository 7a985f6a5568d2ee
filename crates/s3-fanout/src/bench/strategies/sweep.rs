//! The day with other concurrencies, part sizes and parts in flight, and what that recommends.

use std::fmt;

use anyhow::{Result, bail};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use copier::plan::{Plan, Sizes, plan};
use sandbox::timing::Model;
use serde::{Deserialize, Serialize};

use super::args::BenchStrategiesArgs;
use super::fraction;
use super::ours::Ours;
use super::stage::{self, Run};
use super::strategy::Strategy;
use crate::bench::limit::limit;
use crate::deployment::log::Log;
use crate::figures::{lines, round};
use crate::progress::above;
use crate::speed::Speed;

const MIB: u64 = 1 << 20;

/// Objects at the same time.
pub const CONCURRENCY: [u16; 4] = [25, 50, 100, 250];

/// Sizes of parts in MiB; none copies objects whole.
pub const PART_SIZE_MIB: [Option<u64>; 6] =
    [Some(16), Some(32), Some(64), Some(128), Some(256), None];

/// Parts of one object at the same time.
const PARTS_IN_FLIGHT: [u32; 5] = [4, 8, 16, 32, 64];

/// A point whose least time is longer is measured on a fraction, in seconds.
const LONGEST_SECS: f64 = 60.0;

/// How many times as long as the fastest the recommended settings may take: what is faster asks far more of S3.
const NEAR: f64 = 1.25;

/// What was swept, with which strategy: `backup` is one process, and no start of another disturbs its time.
const SWEPT: Strategy = Strategy::Backup;

/// All points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// The strategy that was measured.
    pub strategy: Strategy,
    /// Measured, with the parts in flight of the run.
    pub measured: Vec<Point>,
    /// Reckoned by the model, with the concurrency of the run.
    pub reckoned: Vec<Reckoned>,
    /// Of those, the one with the fewest requests, then the fewest parts in flight, among those near the fastest.
    pub recommended: Reckoned,
    /// From which size on parts are faster than one request, to the nearest power of two, in MiB.
    pub threshold_mib: Option<u64>,
}

/// A time that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub concurrency: u16,
    /// `null` where objects are copied whole.
    pub part_size_mib: Option<u64>,
    pub seconds: f64,
    /// Whether a fraction was copied only.
    pub extrapolated: bool,
    /// The least time.
    pub limit_s: f64,
}

/// A time by the model alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reckoned {
    /// `null` where objects are copied whole.
    pub part_size_mib: Option<u64>,
    pub parts_in_flight: u32,
    /// The least time.
    pub seconds: f64,
    /// Of all copies.
    pub requests: u64,
}

/// Measures and reckons all points.
pub async fn sweep(args: &BenchStrategiesArgs, sizes: &[u64], log: &Log) -> Result<Sweep> {
    let mut measured = Vec::new();
    for part_size_mib in PART_SIZE_MIB {
        for concurrency in CONCURRENCY {
            let ours = Ours {
                part_size_mib,
                parts_in_flight: args.parts_in_flight,
            };
            measured.push(measure(args, ours, concurrency, sizes, log).await?);
        }
    }
    let reckoned = reckon(&args.model.model, args.concurrency, sizes)?;
    Ok(Sweep {
        strategy: SWEPT,
        measured,
        recommended: recommended(&reckoned),
        threshold_mib: threshold_mib(
            &args.model.model,
            args.part_size_mib.into(),
            args.parts_in_flight,
        ),
        reckoned,
    })
}

async fn measure(
    args: &BenchStrategiesArgs,
    ours: Ours,
    concurrency: u16,
    sizes: &[u64],
    log: &Log,
) -> Result<Point> {
    let model = &args.model.model;
    let least = limit(model, ours.limited(SWEPT, concurrency), sizes)?;
    let objects = objects(sizes.len() as u32, concurrency, least.seconds);
    let name = size_name(ours.part_size_mib);
    above(|| eprintln!("sweep: {concurrency} at once, parts {name}: {objects} objects"));
    let run = Run {
        strategy: SWEPT,
        workload: args.workload,
        model,
        concurrency,
        ours,
        objects,
    };
    let done = stage::measure(run, log).await?;
    if let Some(failure) = done.failures.first() {
        bail!("{concurrency} at once, parts {name}: {failure}");
    }
    Ok(Point {
        concurrency,
        part_size_mib: ours.part_size_mib,
        seconds: round(done.seconds * fraction::times(sizes, objects), 3),
        extrapolated: (objects as usize) < sizes.len(),
        limit_s: round(least.seconds, 3),
    })
}

/// All objects, or so many whole rounds as do not take too long.
fn objects(all: u32, concurrency: u16, least_secs: f64) -> u32 {
    if least_secs <= LONGEST_SECS {
        return all;
    }
    let concurrency = u32::from(concurrency);
    let few = (f64::from(all) * LONGEST_SECS / least_secs) as u32;
    all.min((few / concurrency).max(1) * concurrency)
}

/// Every size of parts with every number of them in flight.
fn reckon(model: &Model, concurrency: u16, sizes: &[u64]) -> Result<Vec<Reckoned>> {
    let mut points = Vec::new();
    for part_size_mib in PART_SIZE_MIB {
        for parts_in_flight in PARTS_IN_FLIGHT {
            let ours = Ours {
                part_size_mib,
                parts_in_flight,
            };
            points.push(Reckoned {
                part_size_mib,
                parts_in_flight,
                seconds: round(
                    limit(model, ours.limited(SWEPT, concurrency), sizes)?.seconds,
                    3,
                ),
                requests: ours.requests(Strategy::FanOut, sizes, true)?,
            });
        }
    }
    Ok(points)
}

fn recommended(points: &[Reckoned]) -> Reckoned {
    let seconds = points.iter().map(|point| point.seconds);
    let fastest = seconds.fold(f64::INFINITY, f64::min);
    let near = points
        .iter()
        .filter(|point| point.seconds <= NEAR * fastest);
    *near
        .min_by_key(|point| (point.requests, point.parts_in_flight))
        .expect("the fastest is near itself")
}

/// The size from which an upload of such parts is faster than one request.
fn threshold_mib(model: &Model, part_size_mib: u64, parts_in_flight: u32) -> Option<u64> {
    let speed = Speed::of(model);
    let in_parts = Sizes {
        part_bytes: part_size_mib * MIB,
        multipart_threshold_bytes: 0,
    };
    let is_faster = |mib: &u64| {
        let size = mib * MIB;
        // No object here is too large for an upload.
        let parts = plan(size, in_parts).ok();
        parts.is_some_and(|parts| {
            speed.copy_of(size, parts, parts_in_flight) < speed.copy_of(size, Plan::Single, 1)
        })
    };
    let mib = (6..=5 * 1_024).find(is_faster)?;
    Some(1 << (mib as f64).log2().round() as u32)
}

impl Sweep {
    /// The measured seconds of a part size, by concurrency.
    pub fn line(&self, part_size_mib: Option<u64>) -> Vec<&Point> {
        let points = self.measured.iter();
        points
            .filter(|point| point.part_size_mib == part_size_mib)
            .collect()
    }

    /// What it recommends, in a sentence.
    pub fn advice(&self) -> String {
        let best = &self.recommended;
        let threshold = match self.threshold_mib {
            Some(mib) => format!("from some {mib} MiB on"),
            None => "at no size".to_owned(),
        };
        format!(
            "Recommended: parts of {}, {} in flight: the fewest requests, then the fewest parts in flight, of what \
             takes at most {NEAR} times the fastest, as the model reckons. Parts are faster than one request \
             {threshold}",
            size_name(best.part_size_mib),
            best.parts_in_flight
        )
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.strategy.name();
        writeln!(
            f,
            "\n  Seconds of {name}, and the least, by part size and copies at once\n"
        )?;
        let heads = CONCURRENCY.map(|concurrency| format!("{concurrency} at once"));
        let rows = PART_SIZE_MIB.map(|size| {
            let cell = |point: &&Point| {
                let star = if point.extrapolated { "*" } else { "" };
                format!("{}{star} ({})", shown(point.seconds), shown(point.limit_s))
            };
            (size, self.line(size).iter().map(cell).collect())
        });
        writeln!(f, "{}", lines(&table(heads.to_vec(), rows)))?;
        writeln!(
            f,
            "\n  Seconds by the model, by part size and parts in flight\n"
        )?;
        let heads = PARTS_IN_FLIGHT.map(|parts| format!("{parts} in flight"));
        let rows = PART_SIZE_MIB.map(|size| {
            let points = self.reckoned.iter();
            let points = points.filter(|point| point.part_size_mib == size);
            let cell = |point: &Reckoned| {
                let mark = if *point == self.recommended { "<" } else { "" };
                format!("{}{mark}", shown(point.seconds))
            };
            (size, points.map(cell).collect())
        });
        writeln!(f, "{}\n", lines(&table(heads.to_vec(), rows)))?;
        writeln!(f, "  {}", self.advice())
    }
}

fn table<const N: usize>(heads: Vec<String>, rows: [(Option<u64>, Vec<String>); N]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([vec!["Parts".to_owned()], heads].concat());
    for (size, cells) in rows {
        table.add_row([vec![size_name(size)], cells].concat());
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Seconds with three digits or so.
pub fn shown(seconds: f64) -> String {
    let digits = if seconds < 1.0 { 3 } else { 1 };
    format!("{seconds:.digits$}")
}

/// Of parts, as it is shown.
pub fn size_name(part_size_mib: Option<u64>) -> String {
    part_size_mib.map_or("whole".to_owned(), |mib| format!("{mib} MiB"))
}

#[cfg(test)]
mod tests {
    use super::super::workload::Workload;
    use super::*;

    #[test]
    fn the_defaults_are_what_is_recommended_for_s3_as_it_was_last_measured() {
        let model = Model::named("s3-2023").unwrap();
        let sizes = Workload::Day.sizes(250);
        let points = reckon(&model, 100, &sizes).unwrap();
        assert_eq!(points.len(), 30);
        let best = recommended(&points);
        assert_eq!((best.part_size_mib, best.parts_in_flight), (Some(64), 16));
        assert_eq!(threshold_mib(&model, 64, 16), Some(256));
    }

    #[test]
    fn fewer_requests_come_before_fewer_parts_in_flight_and_both_after_the_time() {
        let point = |seconds, requests, parts_in_flight| Reckoned {
            part_size_mib: None,
            parts_in_flight,
            seconds,
            requests,
        };
        let slow = point(12.6, 1, 1);
        let few_requests = point(12.5, 5, 32);
        let best = point(12.0, 5, 16);
        let fastest = point(10.0, 9, 4);
        assert_eq!(recommended(&[slow, few_requests, best, fastest]), best);
    }

    #[test]
    fn where_an_upload_costs_nothing_two_parts_are_faster_and_where_bytes_do_not_none_are() {
        let threshold = |json: &str| threshold_mib(&Model::parse(json).unwrap(), 64, 16);
        assert_eq!(threshold("{\"latency_ms\":{\"usual\":5}}"), None);
        // Up to 64 MiB there is one part.
        assert_eq!(threshold("{\"copy_mb_per_sec\":1}"), Some(64));
    }

    #[test]
    fn a_long_point_copies_whole_rounds() {
        assert_eq!(objects(250, 25, 60.0), 250);
        assert_eq!(objects(250, 25, 90.0), 150);
        assert_eq!(objects(250, 25, 9_000.0), 25);
        assert_eq!(objects(12, 25, 9_000.0), 12);
    }
}
