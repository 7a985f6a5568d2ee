//! One row of the answer, how two of them compare, and what is expected of both.

use serde::Serialize;

use super::candidate::{Candidate, Kind, Language};
use super::stage::Sample;
use crate::figures::{round, spread};

/// So many times faster than Python is the function to its first request for an invocation, at least.
const INIT_TIMES: f64 = 8.0;
/// The most memory, by Python's.
const MEMORY_SHARE: f64 = 1.0 / 3.0;
/// The largest deployment package, in MB (10^6 bytes): Lambda fetches it before it starts an environment.
const ZIP_MB: f64 = 4.5;

/// A candidate's figures.
#[derive(Debug, Serialize)]
pub struct Row {
    pub function: Kind,
    pub language: Language,
    /// From the start of the process to its first request for an invocation: the median of all starts.
    pub init_ms: f64,
    pub init_ms_min: f64,
    pub init_ms_max: f64,
    /// The first invocation: an object copied, or a day published. The median.
    pub first_copy_ms: f64,
    pub first_copy_ms_min: f64,
    pub first_copy_ms_max: f64,
    /// The most memory of any of the processes, in MB (2^20 bytes); `null` where the system does not tell.
    pub peak_mb: Option<f64>,
    /// The deployment package, in MB (10^6 bytes).
    pub zip_mb: f64,
}

/// A function beside the same in Python.
#[derive(Debug, Serialize)]
pub struct Ratios {
    pub function: Kind,
    /// Python's `init_ms` by ours.
    pub init: f64,
    /// Python's `first_copy_ms` by ours.
    pub first_copy: f64,
    /// Our `peak_mb` by Python's; `null` where the system does not tell.
    pub memory: Option<f64>,
}

impl Row {
    /// The figures of all starts of a candidate.
    pub fn new(candidate: &Candidate, samples: &[Sample]) -> Row {
        let [init_ms_min, init_ms, init_ms_max] = spread_of(samples, |sample| sample.init_ms);
        let [first_copy_ms_min, first_copy_ms, first_copy_ms_max] =
            spread_of(samples, |sample| sample.first_copy_ms);
        let peaks = samples.iter().map(|sample| sample.peak_mb);
        let peak_mb = peaks.max_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        Row {
            function: candidate.kind,
            language: candidate.language,
            init_ms,
            init_ms_min,
            init_ms_max,
            first_copy_ms,
            first_copy_ms_min,
            first_copy_ms_max,
            peak_mb: peak_mb.flatten().map(|peak| round(peak, 1)),
            zip_mb: round(candidate.zip_bytes as f64 / 1e6, 3),
        }
    }
}

/// The least, the median and the most of a figure; there is a sample at least.
fn spread_of(samples: &[Sample], figure: impl Fn(&Sample) -> f64) -> [f64; 3] {
    let figures = spread(samples.iter().map(figure));
    figures.unwrap_or_default().map(|figure| round(figure, 2))
}

/// Every function that was started in both languages, compared.
pub fn ratios(rows: &[Row]) -> Vec<Ratios> {
    let of = |kind, language| {
        rows.iter()
            .find(|row| row.function == kind && row.language == language)
    };
    let compared = Kind::ALL.into_iter().filter_map(|kind| {
        let (ours, pythons) = (of(kind, Language::Rust)?, of(kind, Language::Python)?);
        Some(Ratios {
            function: kind,
            init: round(pythons.init_ms / ours.init_ms, 2),
            first_copy: round(pythons.first_copy_ms / ours.first_copy_ms, 2),
            memory: ours
                .peak_mb
                .zip(pythons.peak_mb)
                .map(|(ours, pythons)| round(ours / pythons, 3)),
        })
    });
    compared.collect()
}

/// What is expected; of Python's part only if there is one.
pub fn targets(ratios: &[Ratios]) -> Vec<String> {
    let mut targets = vec![format!("zip <= {ZIP_MB} MB")];
    if !ratios.is_empty() {
        targets.push(format!("init >= {INIT_TIMES} times as fast as Python's"));
        targets.push("memory <= 1/3 of Python's".to_owned());
    }
    targets
}

/// What was expected and is not so. A figure that is not known meets nothing.
pub fn missed(rows: &[Row], ratios: &[Ratios]) -> Vec<String> {
    let ours = rows.iter().filter(|row| row.language == Language::Rust);
    let mut missed: Vec<_> = ours
        .filter(|row| row.zip_mb > ZIP_MB)
        .map(|row| {
            let name = row.function.name();
            format!("{name}: zip of {} MB, not <= {ZIP_MB}", row.zip_mb)
        })
        .collect();
    for ratios in ratios {
        let name = ratios.function.name();
        if ratios.init < INIT_TIMES {
            let init = ratios.init;
            missed.push(format!(
                "{name}: init {init} times as fast as Python's, not >= {INIT_TIMES}"
            ));
        }
        match ratios.memory {
            Some(memory) if memory <= MEMORY_SHARE => {}
            Some(memory) => missed.push(format!(
                "{name}: memory {memory} of Python's, not <= {MEMORY_SHARE:.3}"
            )),
            None => missed.push(format!("{name}: memory not known")),
        }
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(language: Language, zip_bytes: u64, samples: &[(f64, f64, Option<f64>)]) -> Row {
        let candidate = Candidate {
            kind: Kind::Copier,
            language,
            command: "bootstrap".into(),
            args: Vec::new(),
            environment: Vec::new(),
            zip_bytes,
        };
        let sample = |&(init_ms, first_copy_ms, peak_mb): &_| Sample {
            init_ms,
            first_copy_ms,
            peak_mb,
        };
        let samples: Vec<_> = samples.iter().map(sample).collect();
        Row::new(&candidate, &samples)
    }

    fn rust(init_ms: f64, peak_mb: Option<f64>, zip_bytes: u64) -> Row {
        row(Language::Rust, zip_bytes, &[(init_ms, 20.0, peak_mb)])
    }

    fn python() -> Row {
        row(Language::Python, 9_000_000, &[(320.0, 50.0, Some(60.0))])
    }

    fn missed_of(rows: &[Row]) -> Vec<String> {
        missed(rows, &ratios(rows))
    }

    #[test]
    fn a_row_has_medians_and_the_highest_peak() {
        let samples = [
            (9.0, 30.0, Some(11.0)),
            (7.0, 10.0, Some(12.34)),
            (8.0, 20.0, None),
            (100.0, 40.0, Some(10.0)),
        ];
        let even = row(Language::Rust, 3_950_628, &samples);
        assert_eq!(
            (even.init_ms_min, even.init_ms, even.init_ms_max),
            (7.0, 8.5, 100.0)
        );
        assert_eq!((even.first_copy_ms_min, even.first_copy_ms), (10.0, 25.0));
        assert_eq!((even.peak_mb, even.zip_mb), (Some(12.3), 3.951));
        let odd = row(Language::Rust, 0, &samples[..3]);
        assert_eq!((odd.init_ms, odd.first_copy_ms), (8.0, 20.0));
    }

    #[test]
    fn what_is_just_good_enough_misses_nothing() {
        let rows = [rust(40.0, Some(20.0), 4_500_000), python()];
        assert_eq!(missed_of(&rows), [""; 0]);
        let ratios = ratios(&rows);
        assert_eq!(ratios.len(), 1);
        assert_eq!((ratios[0].init, ratios[0].first_copy), (8.0, 2.5));
        assert_eq!(ratios[0].memory, Some(0.333));
    }

    #[test]
    fn every_target_can_be_missed() {
        for (row, expected) in [
            (
                rust(41.0, Some(20.0), 1),
                "copier: init 7.8 times as fast as Python's, not >= 8",
            ),
            (
                rust(40.0, Some(20.1), 1),
                "copier: memory 0.335 of Python's, not <= 0.333",
            ),
            (rust(40.0, None, 1), "copier: memory not known"),
            (
                rust(40.0, Some(20.0), 4_501_000),
                "copier: zip of 4.501 MB, not <= 4.5",
            ),
        ] {
            assert_eq!(missed_of(&[row, python()]), [expected]);
        }
    }

    #[test]
    fn without_python_only_the_package_is_judged() {
        let alone = |zip_bytes| missed_of(&[rust(500.0, None, zip_bytes)]);
        assert_eq!(alone(4_500_000), [""; 0]);
        assert_eq!(alone(4_600_000), ["copier: zip of 4.6 MB, not <= 4.5"]);
        assert_eq!(targets(&[]), ["zip <= 4.5 MB"]);
    }
}
