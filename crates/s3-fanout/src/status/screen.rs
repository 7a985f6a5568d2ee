//! The answer as one screen of a terminal.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;
use jiff::Timestamp;

use super::report::{Depth, Figures, Report};
use crate::figures::{duration, lines};

/// The bars of the hours; an hour without any has a dot.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The most bars there is room for.
const MAX_BARS: usize = 48;

const UNKNOWN: &str = "?";

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        writeln!(f, "\n{}\n", lines(&self.functions()))?;
        self.flow(f)?;
        writeln!(f, "\n{}\n", lines(&self.depths()))?;
        self.verdict(f)
    }
}

impl Report {
    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = self.state.as_deref().unwrap_or("state unknown");
        write!(f, "{} {}: {state}", self.stack, self.place)?;
        if let Some(changed) = self.changed_at {
            write!(f, " since {}", minute(changed))?;
        }
        let span = between(self.since, self.at);
        let (since, until) = (minute(self.since), minute(self.at));
        writeln!(f, "\nFrom {since} to {until}, {}", duration(span))
    }

    fn functions(&self) -> Table {
        let head = [
            "",
            "attempts",
            "errors",
            "throttled",
            "at once",
            "mean",
            "longest",
        ];
        let mut table = right_aligned(&head, head.len());
        for (name, figures) in [("publisher", &self.publisher), ("copier", &self.copier)] {
            let mut row = vec![name.to_owned()];
            match figures {
                Some(figures) => row.extend(cells(figures)),
                None => row.extend(vec![UNKNOWN.to_owned(); head.len() - 1]),
            }
            table.add_row(row);
        }
        table
    }

    fn flow(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Last run      {}", self.last_run())?;
        if let Some(topic) = &self.topic {
            let (published, failed) = (HumanCount(topic.published), HumanCount(topic.failed));
            let delivered = HumanCount(topic.delivered);
            writeln!(
                f,
                "Published     {published} messages; SNS delivered {delivered}, failed to deliver {failed}"
            )?;
        }
        let Some(copier) = &self.copier else {
            return Ok(());
        };
        writeln!(
            f,
            "Copied        {} attempts ended well; one delivered twice counts twice",
            HumanCount(copier.ended_well())
        )?;
        let waited = match copier.event_age_max_ms {
            Some(age) => format!("longest wait {} of 6 h", millis(age)),
            None => "no wait measured".to_owned(),
        };
        let (dropped, lost) = (
            HumanCount(copier.events_dropped),
            HumanCount(copier.events_lost),
        );
        writeln!(
            f,
            "Given up      {dropped} by Lambda, {lost} of them lost; {waited}"
        )?;
        if let Some(pace) = &self.pace {
            let most = |figure: Option<f64>| match figure {
                Some(most) => HumanCount(most as u64).to_string(),
                None => UNKNOWN.to_owned(),
            };
            writeln!(
                f,
                "At most       {} listed/s, {} published/s, {} copies reckoned in flight",
                most(pace.listed_per_sec_max),
                most(pace.published_per_sec_max),
                most(pace.copies_in_flight_max)
            )?;
        }
        let (bars, hours, most) = sparkline(&copier.invocations_by_hour);
        let each = if hours == 1 {
            "hour".to_owned()
        } else {
            format!("{hours} h")
        };
        writeln!(f, "By the {each:<7}{bars} at most {}", HumanCount(most))
    }

    fn last_run(&self) -> String {
        match (self.last_run_at, &self.publisher) {
            (Some(run), _) => {
                let ended = run.as_second() + self.period_secs;
                let until = Timestamp::from_second(ended).unwrap_or(run);
                let ago = between(run, self.at);
                let until = until.strftime("%H:%M");
                format!("{} to {until}, at most {} ago", minute(run), duration(ago))
            }
            (None, Some(_)) => "none in this time".to_owned(),
            (None, None) => UNKNOWN.to_owned(),
        }
    }

    fn depths(&self) -> Table {
        let mut table = right_aligned(&["failure queue", "messages", "oldest"], 3);
        for depth in &self.queues {
            let Depth {
                queue,
                messages,
                oldest_secs,
                ..
            } = depth;
            let messages =
                messages.map_or(UNKNOWN.to_owned(), |count| HumanCount(count).to_string());
            let oldest = oldest_secs.map_or(String::new(), |secs| millis(secs * 1_000.0));
            table.add_row([(*queue).to_owned(), messages, oldest]);
        }
        table
    }

    fn verdict(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "- {note}")?;
        }
        for unread in &self.unread {
            writeln!(f, "? {}", unread.line())?;
        }
        for failure in &self.failures {
            writeln!(f, "✘ {}\n    {}", failure.what, failure.next)?;
        }
        match self.well {
            Some(true) => writeln!(f, "✔ all is well"),
            Some(false) => Ok(()),
            None => writeln!(
                f,
                "? nothing bad was found, but not everything could be looked at"
            ),
        }
    }
}

fn cells(figures: &Figures) -> [String; 6] {
    let most = figures.concurrency_max.map(|most| most.to_string());
    let most = most.unwrap_or_default();
    let time = |ms: Option<f64>| ms.map_or(String::new(), millis);
    [
        HumanCount(figures.invocations).to_string(),
        HumanCount(figures.errors).to_string(),
        HumanCount(figures.throttles).to_string(),
        match figures.concurrency_reserved {
            Some(reserved) => format!("{most} of {reserved}"),
            None => most,
        },
        time(figures.duration_mean_ms),
        time(figures.duration_max_ms),
    ]
}

fn right_aligned(head: &[&str], columns: usize) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(head);
    for column in table.column_iter_mut().skip(1).take(columns) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The hours as bars, the tallest for the most: the bars, how many hours each stands for, and the most.
fn sparkline(by_hour: &[u64]) -> (String, usize, u64) {
    let hours = by_hour.len().div_ceil(MAX_BARS).max(1);
    let sums: Vec<u64> = by_hour
        .chunks(hours)
        .map(|some| some.iter().sum())
        .collect();
    let most = sums.iter().copied().max().unwrap_or_default();
    let bar = |sum: &u64| match sum {
        0 => '·',
        _ => BARS[((sum * BARS.len() as u64).div_ceil(most) - 1) as usize],
    };
    (sums.iter().map(bar).collect(), hours, most)
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn between(from: Timestamp, until: Timestamp) -> Duration {
    until.duration_since(from).try_into().unwrap_or_default()
}

fn millis(ms: f64) -> String {
    duration(Duration::from_secs_f64(ms.max(0.0) / 1_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_tall_as_the_hours_are_busy() {
        let (bars, hours, most) = sparkline(&[0, 1, 125, 250, 0]);
        assert_eq!((bars.as_str(), hours, most), ("·▁▄█·", 1, 250));
        assert_eq!(sparkline(&[0; 3]), ("···".to_owned(), 1, 0));
        assert_eq!(sparkline(&[]), (String::new(), 1, 0));
    }

    #[test]
    fn many_hours_share_their_bars() {
        let (bars, hours, most) = sparkline(&[1; 145]);
        assert_eq!((bars.chars().count(), hours, most), (37, 4, 4));
        assert!(bars.ends_with("█▂"), "{bars}");
    }
}
