//! What the plan tells a person of Lambda's queue and limits.

use std::time::Duration;

use comfy_table::Table;
use indicatif::HumanCount;

use super::answer::Planned;
use super::queue::{MOST_WAIT_SECS, Queue};
use super::screen::{milliseconds, table};
use crate::figures::duration;

/// Concurrency that an account cannot reserve.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
const UNRESERVED: u64 = 100;

impl Planned {
    /// How copies and events go through Lambda.
    pub fn lambda_table(&self) -> Table {
        let (queue, mut table) = (&self.queue, table());
        let mut row = |name: &str, value: String| {
            table.add_row([name, &value]);
        };
        let copies = HumanCount(queue.copies_at_once);
        row(
            "Little's law",
            format!(
                "N = X R: {copies} at once, of {:.1} s each, are {:.1} copies a second",
                queue.mean_copy_secs, queue.copies_per_sec
            ),
        );
        row(
            "",
            format!(
                "and ask S3 for {} writes a second; a prefix takes {}",
                HumanCount(self.write_requests_per_sec.round() as u64),
                self.prefix_writes()
            ),
        );
        for (name, value) in ["Longest wait", ""].iter().zip(queue.waits()) {
            row(name, value);
        }
        let longest = milliseconds(self.longest_copy_ms);
        row(
            "Longest copy",
            format!("{longest}; an invocation has 15 min"),
        );
        row("Publisher", queue.publisher());
        row("Quota", self.quota());
        table
    }

    /// Writes a second that a prefix takes.
    pub fn prefix_writes(&self) -> String {
        let rate = self.prefix_writes_per_sec;
        rate.map_or("any number".to_owned(), |rate| {
            HumanCount(rate as u64).to_string()
        })
    }

    fn quota(&self) -> String {
        let ((concurrency, _), _) = self.chosen();
        format!(
            "{} concurrent invocations of the account: {} reserved, {UNRESERVED} that stay free",
            HumanCount(concurrency + UNRESERVED),
            HumanCount(concurrency)
        )
    }
}

impl Queue {
    /// How long events wait, with and without a pace.
    fn waits(&self) -> Vec<String> {
        let paced = seconds(self.longest_wait_secs);
        let unpaced = seconds(self.longest_wait_unpaced_secs);
        let most = seconds(MOST_WAIT_SECS);
        match self.given_up_unpaced {
            0 if paced == unpaced => vec![format!(
                "{paced} in Lambda's queue, paced or not; events are given up after {most}"
            )],
            0 => vec![
                format!("{paced} in Lambda's queue, at the publisher's pace"),
                format!("{unpaced} without a pace; events are given up after {most}"),
            ],
            lost => vec![
                format!("{paced} in Lambda's queue, at the publisher's pace"),
                format!(
                    "{unpaced} without a pace: {} events would be given up after {most}",
                    HumanCount(lost)
                ),
            ],
        }
    }

    fn publisher(&self) -> String {
        let works = seconds(self.publisher_secs);
        match self.publisher_invocations {
            1 => format!("{works}, in one invocation"),
            invocations => format!("{works}, in {} invocations", HumanCount(invocations)),
        }
    }
}

fn seconds(secs: f64) -> String {
    duration(Duration::from_secs_f64(secs))
}
