//! From what was read to the screen and the verdict.

use aws_sdk_cloudwatch::types::{MetricDataResult, StatusCode};

use super::example::{NOW, URL, add, good, series};
use super::metrics::Measured;
use super::report::Report;
use super::stack::Stack;
use super::unread::Unread;
use super::window::Window;

#[test]
fn a_good_night_is_one_screen_that_says_so() {
    let report = Report::of(good());
    assert_eq!(report.well, Some(true), "{report}");
    let screen = report.to_string();
    for line in [
        "backup in eu-west-1: CREATE_COMPLETE since 2026-11-18 09:12 UTC",
        "From 2026-11-20 19:00 UTC to 2026-11-21 19:31 UTC, 1 d 00 h",
        "Last run      2026-11-21 02:00 UTC to 02:05, at most 17 h 31 min ago",
        "Published     250 messages; SNS delivered 250, failed to deliver 0",
        "Copied        250 attempts ended well; one delivered twice counts twice",
        "Given up      0 by Lambda, 0 of them lost; longest wait 9.4 s of 6 h",
        "At most       1,250 listed/s, 240 published/s, 80 copies reckoned in flight",
        "By the hour   ·······█················· at most 250",
        "✔ all is well",
    ] {
        assert!(screen.lines().any(|one| one == line), "{line}\n{screen}");
    }
    assert!(screen.contains("87 of 100"), "{screen}");
    assert!(screen.lines().count() <= 24, "{screen}");
    let widest = screen.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{screen}");
}

#[test]
fn the_mean_is_that_of_all_attempts_whatever_their_periods() {
    let mut facts = good();
    let times = ["2026-11-21T03:00:00Z", "2026-11-21T04:00:00Z"];
    add(&mut facts, "publisher_duration_sum", &[(times[0], 900.0)]);
    add(&mut facts, "publisher_duration_count", &[(times[0], 9.0)]);
    add(&mut facts, "publisher_duration_max", &[(times[1], 2_300.0)]);
    let publisher = Report::of(facts).publisher.unwrap();
    assert_eq!(publisher.duration_mean_ms, Some(300.0));
    assert_eq!(publisher.duration_max_ms, Some(2_300.0));
}

#[test]
fn a_message_in_a_failure_queue_is_a_failure_with_the_command_for_it() {
    for (index, end, what) in [
        (
            0,
            "-p",
            "publisher's failure queue, not listed or published",
        ),
        (
            1,
            "-s",
            "subscription's failure queue, not handed to the copier",
        ),
        (2, "-c", "copier's failure queue, not copied"),
    ] {
        let mut facts = good();
        facts.depths[index] = Some(1);
        let report = Report::of(facts);
        assert_eq!(report.well, Some(false));
        assert_eq!(report.failures.len(), 1);
        assert_eq!(report.failures[0].what, format!("1 message in the {what}"));
        let next = format!("s3-fanout redrive --queue {URL}{end}");
        assert_eq!(report.failures[0].next, next);
    }
}

#[test]
fn the_age_of_the_oldest_message_is_that_last_measured_while_there_is_one() {
    let mut facts = good();
    let ages = [
        ("2026-11-21T19:20:00Z", 100.0),
        ("2026-11-21T19:25:00Z", 7_800.0),
    ];
    add(&mut facts, "queue_copier", &ages);
    let empty = Report::of(facts.clone());
    assert_eq!(empty.queues[2].oldest_secs, None);
    facts.depths[2] = Some(3);
    let report = Report::of(facts);
    assert_eq!(report.queues[2].oldest_secs, Some(7_800.0));
    assert!(
        report.failures[0]
            .what
            .ends_with("not copied, for 2 h 10 min")
    );
}

#[test]
fn attempts_that_failed_are_told_apart_from_events_given_up() {
    let mut facts = good();
    let run = "2026-11-21T02:00:00Z";
    add(&mut facts, "copier_errors", &[(run, 6.0)]);
    let report = Report::of(facts.clone());
    assert_eq!(report.well, Some(false));
    assert_eq!(
        report.failures[0].what,
        "6 attempts of the copier failed, of 250; none has been given up so far"
    );
    assert_eq!(
        report.failures[0].next,
        "aws logs tail /aws/lambda/backup-copier --since 25h --filter-pattern ERROR"
    );
    assert_eq!(report.copier.as_ref().unwrap().ended_well(), 244);
    add(&mut facts, "copier_dropped", &[(run, 2.0)]);
    let report = Report::of(facts.clone());
    assert_eq!(
        report.failures[0].what,
        "6 attempts of the copier failed, of 250"
    );
    let gone = "2 events of the copier given up; its failure queue has none of them any more";
    assert_eq!(report.failures[1].what, gone);
    facts.depths[2] = Some(2);
    let report = Report::of(facts.clone());
    let said: Vec<_> = report.failures.iter().map(|one| &one.what).collect();
    assert!(
        said[0].starts_with("2 messages in the copier's"),
        "{said:?}"
    );
    assert_eq!(said.len(), 2, "{said:?}");
    add(&mut facts, "copier_lost", &[(run, 1.0)]);
    let report = Report::of(facts);
    let lost = "1 event of the copier given up, which its failure queue could not take";
    assert!(report.failures.iter().any(|one| one.what == lost));
}

#[test]
fn a_daily_schedule_without_a_run_is_a_failure_once_the_stack_is_old_enough() {
    let mut facts = good();
    facts.measured = Some(Measured::default());
    let report = Report::of(facts.clone());
    assert_eq!(report.well, Some(false));
    let next = "aws scheduler get-schedule --name backup-daily";
    assert_eq!(report.failures[0].next, next);
    for change in [
        |stack: &mut Stack| stack.changed = NOW.parse().ok(),
        |stack: &mut Stack| stack.schedule = None,
        |stack: &mut Stack| stack.schedule = Some("rate(7 days)".to_owned()),
    ] {
        let mut facts = facts.clone();
        change(&mut facts.stack);
        let report = Report::of(facts);
        assert_eq!(report.well, Some(true));
        let note = "the publisher has not run in this time";
        assert!(report.notes.iter().any(|one| one == note), "{report}");
    }
}

#[test]
fn a_run_of_yesterday_is_found_though_its_figures_do_not_count() {
    let mut facts = good();
    facts.measured = Some(Measured::default());
    facts.window = Window::until(NOW.parse().unwrap(), 2);
    let results = vec![series(
        "publisher_invocations",
        &[("2026-11-21T02:00:00Z", 1.0)],
    )];
    facts.measured = Some(Measured::of(results, facts.window.since));
    let report = Report::of(facts);
    assert_eq!(report.well, Some(true));
    assert_eq!(
        report.last_run_at,
        Some("2026-11-21T02:00:00Z".parse().unwrap())
    );
    assert_eq!(report.publisher.as_ref().unwrap().invocations, 0);
    assert!(
        report.notes[0].contains("before the time"),
        "{:?}",
        report.notes
    );
}

#[test]
fn what_was_not_read_is_no_good_news() {
    let mut facts = good();
    facts.measured = None;
    facts.depths[1] = None;
    facts.unread = vec![Unread {
        what: "what CloudWatch has measured".to_owned(),
        permission: "cloudwatch:GetMetricData",
        error: "AccessDenied: no".to_owned(),
    }];
    let report = Report::of(facts.clone());
    assert_eq!(report.well, None);
    let screen = report.to_string();
    assert!(
        screen.contains("needs cloudwatch:GetMetricData"),
        "{screen}"
    );
    assert!(!screen.contains("✔"), "{screen}");
    facts.depths[2] = Some(1);
    assert_eq!(Report::of(facts).well, Some(false));
}

#[test]
fn a_metric_that_cloudwatch_gave_in_part_is_not_taken_for_all() {
    let partial = MetricDataResult::builder()
        .id("copier_errors")
        .status_code(StatusCode::PartialData);
    let whole = series("copier_errors", &[("2026-11-21T02:00:00Z", 0.0)]);
    let mut facts = good();
    facts.measured = Some(Measured::of(
        vec![partial.clone().build(), whole.clone()],
        0,
    ));
    assert!(facts.measured.as_ref().unwrap().incomplete.is_empty());
    facts.measured = Some(Measured::of(vec![whole, partial.build()], 0));
    let report = Report::of(facts);
    assert_eq!(report.unread[0].what, "all of copier_errors");
    assert_ne!(report.well, Some(true));
}

#[test]
fn a_stack_that_failed_is_a_failure_and_one_that_changes_is_none() {
    for (state, well) in [
        ("UPDATE_COMPLETE", true),
        ("UPDATE_IN_PROGRESS", true),
        ("UPDATE_ROLLBACK_COMPLETE", true),
        ("UPDATE_ROLLBACK_FAILED", false),
        ("ROLLBACK_COMPLETE", false),
        ("DELETE_IN_PROGRESS", false),
    ] {
        let mut facts = good();
        facts.stack.state = Some(state.to_owned());
        let report = Report::of(facts);
        assert_eq!(report.well, Some(well), "{state}");
        let notes = usize::from(well && state != "UPDATE_COMPLETE");
        assert_eq!(report.notes.len(), notes, "{state}: {:?}", report.notes);
    }
}
