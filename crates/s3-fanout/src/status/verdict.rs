//! Whether all is well, and what to do where it is not.

use std::time::Duration;

use indicatif::HumanCount;
use serde::Serialize;

use super::report::{Depth, Figures, Report};
use super::stack::Stack;
use super::window::Window;
use crate::figures::duration;

/// When an event has waited so long, Lambda may soon give one up: it does after six hours, as in template.yaml.
const LONG_WAIT: Duration = Duration::from_secs(3 * 3_600);

/// Something that is not well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What.
    pub what: String,
    /// What to do next.
    pub next: String,
}

impl Failure {
    fn new(what: impl Into<String>, next: impl Into<String>) -> Failure {
        Failure {
            what: what.into(),
            next: next.into(),
        }
    }
}

/// Everything that is not well, what needs doing first at the top.
pub fn failures(report: &Report, stack: &Stack, window: &Window) -> Vec<Failure> {
    let mut all = Vec::new();
    all.extend(state(stack));
    all.extend(report.queues.iter().filter_map(queue));
    all.extend(missed_run(report, stack, window));
    let functions = [&report.publisher, &report.copier];
    for ((figures, name), logs) in functions
        .into_iter()
        .zip(["publisher", "copier"])
        .zip(&stack.logs)
    {
        let Some(figures) = figures else { continue };
        all.extend(errors(figures, name, logs.as_deref(), window));
        all.extend(dropped(figures, name, report));
    }
    all.extend(undelivered(report));
    all
}

/// What is good to know, and no failure.
pub fn notes(report: &Report, stack: &Stack, window: &Window) -> Vec<String> {
    let mut all = Vec::new();
    match stack.state.as_deref() {
        Some(state) if state.ends_with("IN_PROGRESS") && !state.starts_with("DELETE") => {
            all.push(format!("the stack is being changed ({state})"));
        }
        Some("UPDATE_ROLLBACK_COMPLETE") => {
            all.push("the stack's last update failed; it is as it was before".to_owned());
        }
        _ => {}
    }
    if stack.state.is_some() && stack.schedule.is_none() {
        all.push("no schedule is switched on: the publisher runs when it is invoked".to_owned());
    }
    for (figures, name) in [(&report.publisher, "publisher"), (&report.copier, "copier")] {
        let age = figures
            .as_ref()
            .and_then(|figures| figures.event_age_max_ms);
        let age = age.map(|ms| Duration::from_secs_f64(ms / 1_000.0));
        if let Some(age) = age.filter(|age| *age >= LONG_WAIT) {
            all.push(format!(
                "an event of the {name} waited for {}; after 6 h Lambda gives it up: raise the concurrency",
                duration(age)
            ));
        }
    }
    if let (Some(topic), Some(copier)) = (&report.topic, &report.copier) {
        let left = topic.published.saturating_sub(copier.ended_well());
        // A run of this very hour is likely to be under way, and CloudWatch some minutes behind.
        if left > 0 && report.failures.is_empty() {
            all.push(format!(
                "{} more published than copied so far: they wait, run, or are not measured yet",
                HumanCount(left)
            ));
        }
    }
    let has_missed_run = missed_run(report, stack, window).is_some();
    if report.publisher.is_some() && report.last_run_at.is_none() && !has_missed_run {
        all.push("the publisher has not run in this time".to_owned());
    }
    if report
        .last_run_at
        .is_some_and(|run| run.as_second() < window.since)
    {
        all.push("the publisher's last run was before the time of these figures".to_owned());
    }
    all
}

fn state(stack: &Stack) -> Option<Failure> {
    let events = format!(
        "aws cloudformation describe-stack-events --stack-name {}",
        stack.name
    );
    let state = stack.state.as_deref().unwrap_or_default();
    let is_bad =
        state.ends_with("FAILED") || state == "ROLLBACK_COMPLETE" || state.starts_with("DELETE");
    if is_bad {
        return Some(Failure::new(format!("the stack is in {state}"), events));
    }
    let broken = stack.broken.join(", ");
    (!broken.is_empty()).then(|| Failure::new(broken, events))
}

fn queue(depth: &Depth) -> Option<Failure> {
    let messages = depth.messages.filter(|messages| *messages > 0)?;
    let age = match depth.oldest_secs {
        Some(secs) => format!(", for {}", duration(Duration::from_secs_f64(secs))),
        None => String::new(),
    };
    let what = match depth.queue {
        "publisher" => "not listed or published",
        "subscription" => "not handed to the copier",
        _ => "not copied",
    };
    Some(Failure::new(
        format!(
            "{} in the {}'s failure queue, {what}{age}",
            counted(messages, "message"),
            depth.queue
        ),
        format!("s3-fanout redrive --queue {}", depth.url.as_deref()?),
    ))
}

/// A daily schedule without a run of the last day.
fn missed_run(report: &Report, stack: &Stack, window: &Window) -> Option<Failure> {
    let schedule = stack
        .schedule
        .as_deref()
        .filter(|schedule| is_daily(schedule))?;
    report.publisher.as_ref()?;
    (report.last_run_at.is_none() && window.shows_a_daily_run_since(stack.changed)).then(|| {
        Failure::new(
            format!("the publisher has not run for a day, though its schedule is {schedule}"),
            format!("aws scheduler get-schedule --name {}-daily", stack.name),
        )
    })
}

fn errors(figures: &Figures, name: &str, logs: Option<&str>, window: &Window) -> Option<Failure> {
    let Figures {
        errors,
        invocations,
        events_dropped,
        ..
    } = figures;
    if *errors == 0 {
        return None;
    }
    let mut what = format!(
        "{} of the {name} failed, of {}",
        counted(*errors, "attempt"),
        HumanCount(*invocations)
    );
    if *events_dropped == 0 {
        what += "; none has been given up so far";
    }
    let hours = (window.until - window.since) / 3_600;
    let group = logs.map_or_else(
        || format!("/aws/lambda/{}", figures.function),
        str::to_owned,
    );
    let next = format!("aws logs tail {group} --since {hours}h --filter-pattern ERROR");
    Some(Failure::new(what, next))
}

/// Events given up. Where their queue still has messages it has been said.
fn dropped(figures: &Figures, name: &str, report: &Report) -> Option<Failure> {
    let compare = "s3-fanout verify --source BUCKET --dest BUCKET --date DAY";
    if figures.events_lost > 0 {
        return Some(Failure::new(
            format!(
                "{} of the {name} given up, which its failure queue could not take",
                counted(figures.events_lost, "event")
            ),
            compare,
        ));
    }
    let depth = report.queues.iter().find(|depth| depth.queue == name);
    let is_said = depth.is_some_and(|depth| depth.messages > Some(0));
    (figures.events_dropped > 0 && !is_said).then(|| {
        Failure::new(
            format!(
                "{} of the {name} given up; its failure queue has none of them any more",
                counted(figures.events_dropped, "event")
            ),
            compare,
        )
    })
}

fn undelivered(report: &Report) -> Option<Failure> {
    let topic = report.topic.as_ref().filter(|topic| topic.failed > 0)?;
    let queue = report
        .queues
        .iter()
        .find(|depth| depth.queue == "subscription");
    let is_said = queue.is_some_and(|depth| depth.messages > Some(0));
    (!is_said).then(|| {
        Failure::new(
            format!(
                "SNS could not hand {} to the copier",
                counted(topic.failed, "message")
            ),
            format!(
                "aws sns list-subscriptions-by-topic --topic-arn {}",
                topic.arn
            ),
        )
    })
}

/// Whether a schedule fires at least once a day
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>).
fn is_daily(schedule: &str) -> bool {
    let inside = |kind: &str| schedule.strip_prefix(kind)?.strip_suffix(')');
    if let Some(rate) = inside("rate(") {
        return rate == "1 day" || rate.contains("hour") || rate.contains("minute");
    }
    let fields: Vec<_> = inside("cron(").unwrap_or_default().split(' ').collect();
    let any = |field: &str| matches!(field, "*" | "?");
    matches!(fields.as_slice(), [_, _, day, month, weekday, year]
        if any(day) && any(month) && any(weekday) && any(year))
}

fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", HumanCount(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_daily_schedule_from_one_that_is_not() {
        for schedule in [
            "cron(0 2 * * ? *)",
            "rate(1 day)",
            "rate(12 hours)",
            "cron(0 2 ? * * *)",
        ] {
            assert!(is_daily(schedule), "{schedule}");
        }
        for schedule in [
            "cron(0 2 ? * MON *)",
            "cron(0 2 1 * ? *)",
            "rate(7 days)",
            "at(2026-11-21T02:00:00)",
        ] {
            assert!(!is_daily(schedule), "{schedule}");
        }
    }
}
