//! One row of the answer: what was measured, next to what could be and what should be.

use std::time::Duration;

use serde::Serialize;

use super::bound::{BoundBy, Limit};
use super::case::{Case, Target};
use super::stage::Measured;
use crate::figures::round;

/// A case's figures.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The case.
    pub name: &'static str,
    /// Keys in the source bucket.
    pub keys: u64,
    /// How long the invocation took.
    pub seconds: f64,
    /// How long it takes at least.
    pub bound_seconds: f64,
    /// What keeps it from taking less.
    pub bound_by: BoundBy,
    /// The one by the other.
    pub ratio: f64,
    /// The most memory of the publisher's process, in MB (2^20 bytes); `null` where the system does not tell.
    pub peak_mb: Option<f64>,
    /// Pages asked for.
    pub list_requests: u64,
    /// Batches offered.
    pub publish_requests: u64,
    /// The most messages in a window of one copy's time, by those that the pace allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_ratio: Option<f64>,
    /// The most copies queued and running at once, by those that may be in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under_way_ratio: Option<f64>,
    /// What was expected.
    pub targets: Vec<String>,
    /// What was expected and is not so.
    pub missed: Vec<String>,
}

/// Judges what a case came to, some of it by the cases before it.
pub fn row(case: &Case, measured: Measured, before: &[Row]) -> Row {
    let (bound_seconds, bound_by) = case.bound();
    let (window_ratio, under_way_ratio) = match case.limit {
        Limit::Pace { copies, copy_secs } => {
            let window = Duration::from_secs_f64(copy_secs);
            let most = measured.messages.most_within(window) as f64;
            (
                Some(most / copies),
                measured.under_way.map(|most| most as f64 / copies),
            )
        }
        _ => (None, None),
    };
    let mut missed = failures(case, &measured);
    let mut row = Row {
        name: case.name,
        keys: case.keys,
        seconds: round(measured.seconds, 3),
        bound_seconds: round(bound_seconds, 3),
        bound_by,
        ratio: round(measured.seconds / bound_seconds, 3),
        peak_mb: measured.peak_mb.map(|peak| round(peak, 1)),
        list_requests: measured.list_requests,
        publish_requests: measured.publish_requests,
        window_ratio,
        under_way_ratio,
        targets: case.targets.iter().map(Target::to_string).collect(),
        missed: Vec::new(),
    };
    let unmet = case
        .targets
        .iter()
        .filter(|target| !is_met(target, &row, before));
    missed.extend(unmet.map(|target| format!("not {target}")));
    row.missed = missed;
    row
}

/// What must never be, whatever the case.
fn failures(case: &Case, measured: &Measured) -> Vec<String> {
    let mut failures = Vec::new();
    if let Some(failure) = &measured.failure {
        failures.push(format!("the publisher failed: {failure}"));
    }
    let lost = measured.messages.lost(case);
    if lost > 0 {
        failures.push(format!("{lost} of {} keys not published", case.wanted()));
    }
    let unwanted = measured.messages.unwanted(case);
    if unwanted > 0 {
        failures.push(format!("{unwanted} messages that nobody wants"));
    }
    failures
}

/// A figure that is not known meets nothing.
fn is_met(target: &Target, row: &Row, before: &[Row]) -> bool {
    let at_most = |figure: Option<f64>, most: f64| figure.is_some_and(|figure| figure <= most);
    match *target {
        Target::Ratio(most) => row.ratio <= most,
        Target::PeakMb(most) => at_most(row.peak_mb, most),
        Target::PeakLike(name, share) => match before.iter().find(|other| other.name == name) {
            // It was not asked for, so there is nothing to compare with.
            None => true,
            Some(other) => match (row.peak_mb, other.peak_mb) {
                (Some(peak), Some(other)) => (peak - other).abs() <= share * other,
                _ => false,
            },
        },
        Target::Lists(pages) => row.list_requests == pages,
        Target::Window(most) => at_most(row.window_ratio, most),
        Target::UnderWay(most) => at_most(row.under_way_ratio, most),
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ratio(most) => write!(f, "ratio <= {most}"),
            Self::PeakMb(most) => write!(f, "peak <= {most} MB"),
            Self::PeakLike(name, share) => write!(f, "peak of {name} +-{}%", share * 100.0),
            Self::Lists(pages) => write!(f, "{pages} lists"),
            Self::Window(most) => write!(f, "window <= {most}"),
            Self::UnderWay(most) => write!(f, "under way <= {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::case;
    use super::super::seen::Messages;
    use super::*;

    fn case(name: &str) -> Case {
        case::chosen(&[name.to_owned()], 100).remove(0)
    }

    /// A run of a case that is in order.
    fn measured(case: &Case) -> Measured {
        let keys = if case.is_copied { 0 } else { case.keys };
        Measured {
            seconds: case.bound().0,
            peak_mb: Some(20.0),
            list_requests: 20,
            publish_requests: keys.div_ceil(10),
            messages: Messages::of(case.each_key().take(keys as usize)),
            under_way: Some(125),
            failure: None,
        }
    }

    fn missed(name: &str, change: impl FnOnce(&mut Measured), before: &[Row]) -> Vec<String> {
        let case = case(name);
        let mut measured = measured(&case);
        change(&mut measured);
        row(&case, measured, before).missed
    }

    #[test]
    fn a_run_in_order_misses_nothing() {
        for name in case::names() {
            // All of them at one moment are no pace.
            if name != "paced" {
                assert_eq!(missed(name, |_| (), &[]), [""; 0], "{name}");
            }
        }
    }

    #[test]
    fn a_key_that_is_lost_or_that_nobody_wants_is_a_failure() {
        let lost = missed("backfill", |run| run.messages.forget_one(), &[]);
        assert_eq!(lost, ["1 of 450 keys not published"]);
        let stranger = |run: &mut Measured| run.messages = Messages::of(["stranger".to_owned()]);
        let unwanted = missed("compare-1m", stranger, &[]);
        assert_eq!(unwanted, ["1 messages that nobody wants"]);
        let failure = |run: &mut Measured| run.failure = Some("{}".to_owned());
        assert_eq!(
            missed("backfill", failure, &[]),
            ["the publisher failed: {}"]
        );
    }

    #[test]
    fn every_target_can_be_missed() {
        let slow = |run: &mut Measured| run.seconds *= 1.6;
        assert_eq!(missed("backfill", slow, &[]), ["not ratio <= 1.5"]);
        let fat = |run: &mut Measured| run.peak_mb = Some(64.5);
        assert_eq!(missed("one-prefix-100k", fat, &[]), ["not peak <= 64 MB"]);
        let unknown = |run: &mut Measured| run.peak_mb = None;
        assert_eq!(
            missed("one-prefix-100k", unknown, &[]),
            ["not peak <= 64 MB"]
        );
        let again = |run: &mut Measured| run.list_requests += 1;
        assert_eq!(missed("compare-1m", again, &[]), ["not 20 lists"]);
        let crowd = |run: &mut Measured| run.under_way = Some(126);
        assert!(missed("paced", crowd, &[]).contains(&"not under way <= 1.25".to_owned()));
    }

    #[test]
    fn a_peak_is_compared_with_the_case_before_in_both_directions() {
        let small = case("one-prefix-100k");
        let before = [row(&small, measured(&small), &[])];
        for (peak, is_like) in [(18.0, true), (17.9, false), (22.0, true), (22.1, false)] {
            let missed = missed("one-prefix-1m", |run| run.peak_mb = Some(peak), &before);
            assert_eq!(missed.is_empty(), is_like, "{peak}");
        }
    }

    #[test]
    fn messages_at_one_moment_are_over_the_pace() {
        let paced = case::chosen(&["paced".to_owned()], 10).remove(0);
        let row = row(&paced, measured(&paced), &[]);
        assert_eq!(
            (row.window_ratio, row.under_way_ratio),
            (Some(1.5), Some(1.25))
        );
        assert_eq!(row.missed, ["not window <= 1.1"]);
    }
}
