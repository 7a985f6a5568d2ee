//! One row of the answer, and what is expected of ours.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::found::Found;
use super::peer::Peer;
use super::stage::Sample;
use crate::bench::kept::{Kept, Share};
use crate::figures::{round, spread};

/// What is expected.
pub const TARGETS: [&str; 2] = [
    "for every other tool a row of ours that is both faster and lighter",
    "metadata, tags and checksums of every object",
];

/// A tool's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub peer: String,
    pub version: String,
    /// What was run; the destination bucket has another name in every run.
    pub command: String,
    /// None where it failed.
    #[serde(flatten)]
    pub figures: Option<Figures>,
    /// Why it has no figures: how it ended and the last that it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Medians of all runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub seconds: f64,
    pub seconds_min: f64,
    pub seconds_max: f64,
    /// Of the processor, by the tool and by the system for it; `null` where the system does not tell.
    pub cpu_secs: Option<f64>,
    /// The most memory, in MB (2^20 bytes); `null` where the system does not tell.
    pub peak_mb: Option<f64>,
    /// To S3; those of the last run.
    pub requests: u64,
    pub by_operation: BTreeMap<String, u64>,
    /// Whether these arrived with all objects of all runs.
    pub metadata: Share,
    pub tags: Share,
    pub checksums: Share,
}

impl Row {
    /// A tool's runs; one that failed leaves no figure.
    pub fn new(found: &Found, samples: Vec<Result<Sample, String>>) -> Row {
        let (figures, failure) = match samples.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(samples) => (Figures::of(&samples), None),
            Err(failure) => (None, Some(failure)),
        };
        Row {
            peer: found.peer.name().to_owned(),
            version: found.version.clone(),
            command: found.peer.shown(&found.version),
            figures,
            failure,
        }
    }

    fn is_ours(&self) -> bool {
        let is_this = |peer: &&Peer| peer.name() == self.peer;
        Peer::value_variants()
            .iter()
            .find(is_this)
            .is_some_and(|peer| peer.is_ours())
    }
}

impl Figures {
    /// Whether these are of a tool that is both faster and lighter.
    fn beat(&self, other: &Figures) -> bool {
        // None is less than any.
        let is_lighter = self.peak_mb.is_some() && self.peak_mb < other.peak_mb;
        is_lighter && self.seconds < other.seconds
    }

    /// None of no samples.
    fn of(samples: &[Sample]) -> Option<Figures> {
        let last = samples.last()?;
        let kept = samples.iter().map(|sample| sample.kept).reduce(Kept::and)?;
        let seconds = spread(samples.iter().map(|sample| sample.seconds))?;
        let [seconds_min, seconds, seconds_max] = seconds.map(|seconds| round(seconds, 2));
        let used = |figure: fn(&Sample) -> Option<f64>| {
            let known: Option<Vec<f64>> = samples.iter().map(figure).collect();
            spread(known?).map(|[_, median, _]| median)
        };
        let cpu_secs = used(|sample| Some(sample.usage?.user_secs + sample.usage?.system_secs));
        let peak_mb = used(|sample| Some(sample.usage?.peak_mb));
        Some(Figures {
            seconds,
            seconds_min,
            seconds_max,
            cpu_secs: cpu_secs.map(|secs| round(secs, 2)),
            peak_mb: peak_mb.map(|mb| round(mb, 1)),
            requests: last.requests.values().sum(),
            by_operation: last.requests.clone(),
            metadata: kept.metadata,
            tags: kept.tags,
            checksums: kept.checksums,
        })
    }
}

/// What was expected of our rows and is not so: all must keep everything, and for each other tool one must be both
/// faster and lighter. A figure that is not known meets nothing.
pub fn missed(rows: &[Row]) -> Vec<String> {
    let (ours, theirs): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.is_ours());
    let mut missed = Vec::new();
    for row in &ours {
        let name = &row.peer;
        let Some(figures) = &row.figures else {
            missed.push(format!("{name} failed"));
            continue;
        };
        for (what, share) in [
            ("metadata", figures.metadata),
            ("tags", figures.tags),
            ("checksums", figures.checksums),
        ] {
            if share != Share::Yes {
                missed.push(format!("{what} of {share} objects arrived with {name}"));
            }
        }
    }
    let ours: Vec<_> = ours.iter().filter_map(|row| row.figures.as_ref()).collect();
    for row in theirs.iter().filter(|_| !ours.is_empty()) {
        let Some(theirs) = &row.figures else { continue };
        if !ours.iter().any(|ours| ours.beat(theirs)) {
            let memory = theirs.peak_mb.map_or("?".to_owned(), |mb| mb.to_string());
            missed.push(format!(
                "none of ours is both faster than {}'s {} s and below its {memory} MB",
                row.peer, theirs.seconds
            ));
        }
    }
    missed
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::process::Usage;

    const ALL: Kept = Kept {
        metadata: Share::Yes,
        tags: Share::Yes,
        checksums: Share::Yes,
    };

    fn sample(seconds: f64, peak_mb: f64, kept: Kept) -> Result<Sample, String> {
        Ok(Sample {
            seconds,
            usage: Some(Usage {
                user_secs: seconds / 2.0,
                system_secs: seconds / 4.0,
                peak_mb,
            }),
            requests: [
                ("CopyObject".to_owned(), 250),
                ("ListObjectsV2".to_owned(), 1),
            ]
            .into(),
            kept,
        })
    }

    pub fn row(peer: Peer, samples: Vec<Result<Sample, String>>) -> Row {
        let found = Found {
            peer,
            program: "program".into(),
            version: "1.0".to_owned(),
        };
        Row::new(&found, samples)
    }

    pub fn ours() -> Row {
        row(Peer::S3Fanout, vec![sample(4.0, 30.0, ALL)])
    }

    pub fn failed() -> Row {
        row(
            Peer::Aws,
            vec![sample(9.0, 90.0, ALL), Err("exit status: 1: no".to_owned())],
        )
    }

    fn rclone(seconds: f64, peak_mb: f64) -> Row {
        row(Peer::Rclone, vec![sample(seconds, peak_mb, ALL)])
    }

    #[test]
    fn a_row_has_medians_and_the_spread() {
        let samples = vec![
            sample(8.0, 90.0, ALL),
            sample(
                4.0,
                70.0,
                Kept {
                    tags: Share::No,
                    ..ALL
                },
            ),
            sample(6.0, 80.0, ALL),
        ];
        let figures = row(Peer::Boto3, samples).figures.unwrap();
        assert_eq!(
            (figures.seconds_min, figures.seconds, figures.seconds_max),
            (4.0, 6.0, 8.0)
        );
        assert_eq!((figures.cpu_secs, figures.peak_mb), (Some(4.5), Some(80.0)));
        assert_eq!((figures.requests, figures.by_operation.len()), (251, 2));
        assert_eq!((figures.metadata, figures.tags), (Share::Yes, Share::Some));
        let even = vec![sample(2.0, 1.0, ALL), sample(4.0, 1.0, ALL)];
        assert_eq!(row(Peer::Boto3, even).figures.unwrap().seconds, 3.0);
    }

    #[test]
    fn a_tool_that_failed_once_has_no_figures_and_misses_nothing_of_ours() {
        assert_eq!(failed().figures, None);
        assert_eq!(failed().failure.as_deref(), Some("exit status: 1: no"));
        assert_eq!(missed(&[ours(), failed()]), [""; 0]);
    }

    #[test]
    fn every_target_can_be_missed() {
        assert_eq!(missed(&[ours(), rclone(4.1, 30.1)]), [""; 0]);
        let slower = ["none of ours is both faster than rclone's 4 s and below its 31 MB"];
        assert_eq!(missed(&[ours(), rclone(4.0, 31.0)]), slower);
        let heavier = ["none of ours is both faster than rclone's 5 s and below its 30 MB"];
        assert_eq!(missed(&[ours(), rclone(5.0, 30.0)]), heavier);
        let lossy = Kept {
            tags: Share::No,
            ..ALL
        };
        assert_eq!(
            missed(&[row(Peer::S3Fanout, vec![sample(4.0, 30.0, lossy)])]),
            ["tags of no objects arrived with s3-fanout"]
        );
        let failed = row(Peer::S3Fanout, vec![Err("exit status: 1: no".to_owned())]);
        assert_eq!(missed(&[failed]), ["s3-fanout failed"]);
    }

    #[test]
    fn another_tool_is_beaten_by_one_of_ours_in_both_and_not_by_each_in_one() {
        let wide = || row(Peer::S3FanoutWide, vec![sample(2.0, 90.0, ALL)]);
        assert_eq!(missed(&[ours(), wide(), rclone(3.0, 100.0)]), [""; 0]);
        assert_eq!(missed(&[ours(), wide(), rclone(5.0, 31.0)]), [""; 0]);
        let between = ["none of ours is both faster than rclone's 3 s and below its 50 MB"];
        assert_eq!(missed(&[ours(), wide(), rclone(3.0, 50.0)]), between);
    }

    #[test]
    fn memory_that_is_not_known_meets_nothing() {
        let unknown = |mut row: Row| {
            if let Some(figures) = &mut row.figures {
                figures.peak_mb = None;
            }
            row
        };
        assert_eq!(
            missed(&[ours(), unknown(rclone(5.0, 31.0))]),
            ["none of ours is both faster than rclone's 5 s and below its ? MB"]
        );
        let missed = missed(&[unknown(ours()), rclone(5.0, 31.0)]);
        assert_eq!(missed.len(), 1, "{missed:?}");
    }
}
