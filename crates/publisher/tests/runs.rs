//! Whole runs over services on Tokio's clock: what is asked for, what is published and when, and what is left when a
//! run is cut off.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use publisher::summary::Summary;
use serde_json::{Value, json};
use support::{Facts, LATENCY, World, invocation};
use tokio::time::Instant;

/// So many keys of a day, in three sub-prefixes and some odd ones between.
fn day(day: &str, count: u64) -> impl Iterator<Item = (String, Facts)> {
    (0..count).map(move |n| {
        let name = match n % 4 {
            0 => format!("a/{n:06}.bin"),
            1 => format!("a b+c%41/{n:06}"),
            2 => format!("ü/{n}"),
            _ => format!("{n:06}"),
        };
        (format!("{day}/{name}"), (n, 0))
    })
}

fn numbered(prefix: &str, count: u64) -> impl Iterator<Item = (String, Facts)> {
    (0..count).map(move |n| (format!("{prefix}object-{n:07}.bin"), (n, 0)))
}

async fn run(world: &World, variables: &[(&str, &str)], event: &Value) -> Summary {
    let publisher = world.publisher(variables);
    publisher
        .handle(event, invocation("r", None))
        .await
        .unwrap()
}

fn assert_once_each(world: &World) {
    let expected: BTreeMap<String, usize> =
        world.see(|state| state.source.keys().map(|key| (key.clone(), 1)).collect());
    assert!(world.published() == expected, "every key once");
}

#[tokio::test(start_paused = true)]
async fn lists_and_publishes_a_backfill_within_one_and_a_half_of_the_bound() {
    let days: Vec<String> = (0..180)
        .map(|n| format!("2016-{:02}-{:02}", 1 + n / 28, 1 + n % 28))
        .collect();
    let world = World::with(days.iter().flat_map(|name| day(name, 25)));
    let event = json!({"from": days[0], "to": days[179], "only": "all"});
    let summary = run(&world, &[], &event).await;
    assert_eq!(summary.published, 180 * 25);
    assert_once_each(&world);
    let (lists, batches) = (world.requests("list"), world.requests("publish"));
    assert_eq!(lists as u64, summary.prefixes);
    assert!(batches <= 450 + 45, "{batches} batches for 4,500 messages");
    let bound = (lists.div_ceil(8)).max(batches.div_ceil(16)) as u64 * LATENCY.as_millis() as u64;
    assert!(
        summary.elapsed_ms <= bound * 3 / 2,
        "{} ms of requests, at least {bound}",
        summary.elapsed_ms
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_prefix_is_cut_and_its_pieces_listed_side_by_side() {
    for world in [
        World::with(numbered("x/", 60_000)),
        World::with(day("x", 60_000)),
    ] {
        world.set(|state| state.page = 200);
        let event = json!({"prefix": "x/", "dry_run": true});
        let summary = run(&world, &[], &event).await;
        assert_eq!(summary.listed, 60_000);
        assert_eq!(summary.bytes, (0..60_000).sum::<u64>(), "every key once");
        let lists = world.requests("list");
        assert!(lists <= 300 + 90, "{lists} requests for 300 pages");
        let in_turn = 300 * LATENCY.as_millis() as u64;
        assert!(
            summary.elapsed_ms < in_turn * 2 / 5,
            "{} ms of requests, {in_turn} one after the other",
            summary.elapsed_ms
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_prefix_that_is_not_long_is_listed_page_by_page() {
    let world = World::with(numbered("x/", 8_000));
    let summary = run(&world, &[], &json!({"prefix": "x/"})).await;
    assert_eq!(summary.published, 8_000);
    assert_eq!(world.requests("list"), 8);
    assert_once_each(&world);
}

#[tokio::test(start_paused = true)]
async fn a_long_prefix_in_which_keys_branch_off_nowhere_shallow_is_still_listed_once() {
    // Every key is the beginning of the next: there is always one branch only.
    let nested = (0..900_u64).map(|n| (format!("x/{}", "a".repeat(n as usize + 1)), (n, 0)));
    let world = World::with(nested);
    world.set(|state| state.page = 20);
    let summary = run(&world, &[], &json!({"prefix": "x/"})).await;
    assert_eq!(summary.published, 900);
    assert_once_each(&world);
    // It is tried again only whenever the listing has become twice as long.
    let lists = world.requests("list");
    assert!(lists <= 45 + 4 * 11, "{lists} requests");
}

#[tokio::test(start_paused = true)]
async fn compares_by_listing_both_sides_once_and_publishes_what_is_missing_or_differs() {
    let world = World::with(numbered("x/", 20_000));
    world.set(|state| {
        state.copies = state
            .source
            .iter()
            .map(|(key, (size, _))| (format!("backup/{key}"), (*size, 10)))
            .collect();
        // Missing, of another size, as old as the source, and extra at the destination.
        state.copies.remove("backup/x/object-0000007.bin");
        state
            .copies
            .insert("backup/x/object-0001000.bin".to_owned(), (5, 10));
        state
            .copies
            .insert("backup/x/object-0002000.bin".to_owned(), (2_000, 0));
        state.copies.insert("backup/x/extra".to_owned(), (1, 10));
    });
    let variables = [("DEST_PREFIX", "backup/")];
    let event = json!({"prefix": "x/", "only": "changed"});
    let summary = run(&world, &variables, &event).await;
    assert_eq!((summary.listed, summary.unchanged), (20_000, 19_997));
    let differing = [7, 1_000, 2_000].map(|n| (format!("x/object-{n:07}.bin"), 1));
    assert_eq!(world.published(), differing.into());
    assert_eq!(world.requests("list source x/"), 20);
    assert_eq!(world.requests("list copies backup/x/"), 20);
    let in_turn = 20 * LATENCY.as_millis() as u64;
    assert!(
        summary.elapsed_ms <= in_turn + 4 * LATENCY.as_millis() as u64,
        "{} ms: both sides are listed at the same time",
        summary.elapsed_ms
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_run_of_a_finished_backup_publishes_nothing_and_a_range_is_compared_by_itself() {
    let world = World::with(day("2016-06-29", 50).chain(day("2016-06-30", 50)));
    let event = json!({"from": "2016-06-29", "to": "2016-06-30"});
    assert_eq!(run(&world, &[], &event).await.published, 100);
    world.set(|state| {
        let copied = state.source.iter();
        state.copies = copied
            .map(|(key, (size, _))| (key.clone(), (*size, 10)))
            .collect();
    });
    let summary = run(&world, &[], &event).await;
    assert_eq!((summary.published, summary.unchanged), (0, 100));
    let all = run(&world, &[("BACKFILL_ONLY", "all")], &event).await;
    assert_eq!((all.published, all.unchanged), (100, 0));
    let one_day = run(&world, &[], &json!({"date": "2016-06-30"})).await;
    assert_eq!(one_day.published, 50, "a single day is published whole");
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_copy_is_there_is_unchanged_though_it_was_filtered_out_before_that() {
    let world = World::with(numbered("x/", 30));
    world.set(|state| {
        state.copies = state
            .source
            .keys()
            .map(|key| (key.clone(), (0, 10)))
            .collect();
    });
    let event = json!({"prefix": "x/", "only": "changed", "max_size": 9});
    let summary = run(&world, &[], &event).await;
    let counts = (summary.filtered, summary.unchanged, summary.published);
    assert_eq!(counts, (20, 1, 9));
}

#[tokio::test(start_paused = true)]
async fn publishes_no_faster_than_copiers_drain() {
    let of_18_mib = (0..600).map(|n| (format!("x/{n}"), (18 << 20, 0)));
    let world = World::with(of_18_mib);
    let variables = [
        ("MAX_COPIES_IN_FLIGHT", "100"),
        ("COPY_MIB_PER_SEC", "10"),
        ("QUEUE_AHEAD_SECS", "0"),
    ];
    run(&world, &variables, &json!({"prefix": "x/"})).await;
    assert_once_each(&world);
    // A copy takes 0.2 s and 18 MiB at 10 MiB/s: 2 s.
    assert_windows(&world, Duration::from_secs(2), 95, 110);
    assert_windows(&world, Duration::from_secs(10), 480, 530);
    let batches = world.requests("publish");
    assert!(batches <= 300, "{batches} batches for 600 messages");
}

#[tokio::test(start_paused = true)]
async fn lists_no_further_ahead_than_a_few_pages_of_what_is_published() {
    let days: Vec<_> = (1..=30).map(|n| format!("2016-06-{n:02}")).collect();
    let world = World::with(days.iter().flat_map(|name| day(name, 1_000)));
    let publisher = world.publisher(&[("PUBLISH_RATE", "100")]);
    let event = json!({"from": "2016-06-01", "to": "2016-06-30", "only": "all"});
    let time = Some(Duration::from_secs(5));
    publisher
        .handle(&event, invocation("r", time))
        .await
        .unwrap();
    // A page of each of the eight that are listed at the same time.
    let lists = world.requests("list");
    assert!(lists <= 8 + 2, "{lists} pages for 500 messages");
}

#[tokio::test(start_paused = true)]
async fn keeps_to_a_rate_of_messages_where_one_is_set() {
    let world = World::with(numbered("x/", 500));
    run(&world, &[("PUBLISH_RATE", "30")], &json!({"prefix": "x/"})).await;
    assert_once_each(&world);
    assert_windows(&world, Duration::from_secs(2), 58, 66);
}

/// Every window but the first and the last has so many messages.
fn assert_windows(world: &World, window: Duration, least: usize, most: usize) {
    let moments: Vec<Instant> =
        world.see(|state| state.published.iter().map(|(_, at)| *at).collect());
    let end = *moments.last().unwrap();
    for (first, from) in moments.iter().enumerate() {
        let within = moments[first..]
            .iter()
            .take_while(|at| **at < *from + window);
        let count = within.count();
        assert!(count <= most, "{count} messages in {window:?}");
        assert!(
            count >= least || *from + window > end,
            "{count} messages in {window:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_hours_work_may_wait_in_front_of_the_copiers_so_a_day_is_not_paced() {
    let large = |count| (0..count).map(|n| (format!("x/{n}"), (700 << 20, 0)));
    let variables = [("MAX_COPIES_IN_FLIGHT", "10")];
    let world = World::with(large(250));
    let summary = run(&world, &variables, &json!({"prefix": "x/"})).await;
    assert!(summary.elapsed_ms < 1_000, "{} ms", summary.elapsed_ms);
    // Ten copies at once of 3.7 s each drain 9,730 in an hour; the others wait for their time.
    let world = World::with(large(10_000));
    let summary = run(&world, &variables, &json!({"prefix": "x/"})).await;
    assert!(summary.elapsed_ms > 90_000, "{} ms", summary.elapsed_ms);
    // A run that is gone on with has that queue already.
    let event = json!({"run": "r", "ranges": [{"prefix": "x/", "after": "x/98"}]});
    let summary = run(&world, &variables, &event).await;
    let expected = summary.published * 370;
    assert!(
        (expected * 9 / 10..=expected * 11 / 10).contains(&summary.elapsed_ms),
        "{} ms for {}",
        summary.elapsed_ms,
        summary.published
    );
}

#[tokio::test(start_paused = true)]
async fn where_sns_takes_300_messages_a_second_none_is_lost_and_little_time() {
    // The SDK tries the one again by itself, and leaves the other to us.
    for throttle in [(400, "Throttling"), (429, "Throttled")] {
        let world = World::with(numbered("x/", 6_000));
        world.set(|state| (state.sns_quota, state.throttle) = (300, throttle));
        let summary = run(&world, &[], &json!({"prefix": "x/"})).await;
        assert_eq!((summary.published, summary.failed), (6_000, 0));
        assert_once_each(&world);
        assert!(world.requests("throttled") > 0);
        println!(
            "{throttle:?} {} {}",
            summary.elapsed_ms,
            world.requests("throttled")
        );
        let bound = 20_000;
        assert!(
            summary.elapsed_ms <= bound * 6 / 5,
            "{} ms",
            summary.elapsed_ms
        );
    }
}

/// Two days and a flat prefix of 2,000 keys in all.
fn two_thousand() -> World {
    let keys = day("2016-06-29", 700).chain(day("2016-06-30", 1_300));
    let world = World::with(keys);
    world.set(|state| state.page = 100);
    world
}

const TWO_DAYS: &str = r#"{"from":"2016-06-29","to":"2016-06-30","only":"all"}"#;

#[tokio::test(start_paused = true)]
async fn killed_at_any_request_and_invoked_again_with_the_same_event_it_skips_nothing() {
    let event: Value = serde_json::from_str(TWO_DAYS).unwrap();
    let world = two_thousand();
    run(&world, &[], &event).await;
    let requests = world.see(|state| state.requests.len());
    assert!(requests >= 220, "{requests}");
    for dies_at in 0..requests {
        let world = two_thousand();
        world.set(|state| state.dies_at = dies_at);
        let publisher = world.publisher(&[]);
        let killed = publisher.handle(&event, invocation("r", None));
        // What it does after its last request has no effect.
        let _ = tokio::time::timeout(LATENCY * requests as u32, killed).await;
        world.set(|state| state.dies_at = usize::MAX);
        let summary = run(&world, &[], &event).await;
        assert!(summary.complete);
        assert_eq!(
            world.published().len(),
            2_000,
            "killed at request {dies_at}"
        );
        assert_eq!(world.see(|state| state.runs.clone()), ["r"]);
    }
}

#[tokio::test(start_paused = true)]
async fn stopped_at_any_moment_it_resumes_exactly_after_what_was_published() {
    // One request after the other, so that every moment between two of them is tried; then many at once.
    let one = [("LIST_CONCURRENCY", "1"), ("PUBLISH_CONCURRENCY", "1")];
    let many = Duration::from_millis(3);
    for (only, variables, every) in [("all", &one[..], LATENCY), ("changed", &[], many)] {
        let mut event: Value = serde_json::from_str(TWO_DAYS).unwrap();
        event["only"] = json!(only);
        let whole = run(&two_thousand(), variables, &event).await.elapsed_ms;
        let mut time = every / 2;
        while time < Duration::from_millis(whole) {
            stop_and_resume(&event, variables, time).await;
            time += every;
        }
    }
}

async fn stop_and_resume(event: &Value, variables: &[(&str, &str)], time: Duration) {
    let world = two_thousand();
    let publisher = world.publisher(variables);
    let first = publisher.handle(event, invocation("r", Some(time))).await;
    let first = first.unwrap();
    if let Some(resume) = first.resume {
        assert!(!first.complete);
        let rest = publisher
            .handle(&resume, invocation("s", None))
            .await
            .unwrap();
        assert!(rest.complete && rest.resume.is_none());
        assert_eq!(first.published + rest.published, 2_000, "after {time:?}");
    }
    assert_once_each(&world);
    assert_eq!(
        world.see(|state| state.runs.clone()),
        ["r"],
        "one run all along"
    );
}

#[tokio::test(start_paused = true)]
async fn a_split_prefix_is_resumed_too() {
    let split = || {
        let world = World::with(numbered("x/", 5_000));
        world.set(|state| state.page = 50);
        world
    };
    let whole = run(&split(), &[], &json!({"prefix": "x/"}))
        .await
        .elapsed_ms;
    for millis in (100..whole).step_by(47) {
        let world = split();
        let publisher = world.publisher(&[]);
        let time = Duration::from_millis(millis);
        let mut event = json!({"prefix": "x/"});
        let mut invocations = 0;
        loop {
            let answer = publisher.handle(&event, invocation("r", Some(time))).await;
            invocations += 1;
            match answer.unwrap().resume {
                Some(resume) => event = resume,
                None => break,
            }
        }
        assert!(invocations > 1);
        assert_once_each(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedules_run_invokes_the_function_itself_to_go_on_and_others_only_if_told() {
    let world = two_thousand();
    let publisher = world.publisher(&[]);
    let time = Some(Duration::from_millis(150));
    let schedule = json!({"scheduled_time": "2016-07-01T02:00:00Z"});
    let answer = publisher
        .handle(&schedule, invocation("r", time))
        .await
        .unwrap();
    assert!(answer.continued && !answer.complete);
    let invoked = world.see(|state| state.invoked.clone());
    assert_eq!(Some(&invoked[0]), answer.resume.as_ref());
    assert_eq!(invoked[0]["run"], "2016-07-01T02:00:00Z");
    assert_eq!(invoked[0]["continuation"], 1);
    let rest = publisher
        .handle(&invoked[0], invocation("s", None))
        .await
        .unwrap();
    assert_eq!(answer.published + rest.published, 1_300);
    assert!(rest.complete && !rest.continued);

    let by_hand = json!({"date": "2016-06-30"});
    let answer = publisher
        .handle(&by_hand, invocation("r", time))
        .await
        .unwrap();
    assert!(answer.resume.is_some() && !answer.continued);
    let by_hand = json!({"date": "2016-06-30", "continue": true});
    let answer = publisher
        .handle(&by_hand, invocation("r", time))
        .await
        .unwrap();
    assert!(answer.continued);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_may_not_invoke_itself_fails_with_the_event_to_go_on() {
    let world = two_thousand();
    world.set(|state| state.may_not_invoke = true);
    let publisher = world.publisher(&[]);
    let event = json!({"date": "2016-06-30", "continue": true});
    let time = Some(Duration::from_millis(150));
    let error = publisher.handle(&event, invocation("r", time)).await;
    let error = error.unwrap_err();
    assert_eq!(error.error_type(), "ContinueFailed");
    let text = error.to_string();
    for part in [
        ":function:publisher could not be invoked",
        "AccessDenied",
        "lambda:InvokeFunction",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let (_, resume) = text.split_once("invoke it with the event ").unwrap();
    let resume = serde_json::from_str(resume).unwrap();
    let rest = publisher
        .handle(&resume, invocation("s", None))
        .await
        .unwrap();
    assert!(rest.complete);
    assert_eq!(world.published().len(), 1_300);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_not_complete_after_all_its_continuations_fails_with_the_event_to_go_on() {
    let world = two_thousand();
    let publisher = world.publisher(&[("MAX_CONTINUATIONS", "2")]);
    let time = Some(Duration::from_millis(60));
    let mut event = json!({"scheduled_time": "2016-07-01T02:00:00Z"});
    for _ in 0..2 {
        let answer = publisher
            .handle(&event, invocation("r", time))
            .await
            .unwrap();
        event = answer.resume.unwrap();
    }
    let error = publisher
        .handle(&event, invocation("r", time))
        .await
        .unwrap_err();
    assert_eq!(error.error_type(), "Unfinished");
    assert_eq!(world.see(|state| state.invoked.len()), 2);
    let text = error.to_string();
    assert!(
        text.starts_with(
            "the run is not complete after 2 continuations, the most that MAX_CONTINUATIONS allows"
        ),
        "{text}"
    );
    let (_, resume) = text.split_once("invoke again with the event ").unwrap();
    let resume: Value = serde_json::from_str(resume).unwrap();
    assert_eq!(resume["continuation"], 0, "it may go on by itself again");
    publisher
        .handle(&resume, invocation("r", None))
        .await
        .unwrap();
    let day = world.see(|state| state.source.range("2016-06-30".to_owned()..).count());
    assert_eq!(world.published().len(), day);
}

#[tokio::test(start_paused = true)]
async fn a_message_sns_has_not_accepted_when_the_time_is_up_is_left_for_the_next_invocation() {
    let world = World::with(numbered("x/", 100));
    world.set(|state| state.sns_quota = 0);
    let publisher = world.publisher(&[]);
    let time = Some(Duration::from_secs(1));
    let answer = publisher
        .handle(&json!({"prefix": "x/"}), invocation("r", time))
        .await
        .unwrap();
    assert_eq!((answer.published, answer.failed), (0, 0));
    let resume = answer.resume.unwrap();
    assert_eq!(resume["ranges"], json!([{"prefix": "x/"}]));
    world.set(|state| state.sns_quota = usize::MAX);
    publisher
        .handle(&resume, invocation("r", None))
        .await
        .unwrap();
    assert_once_each(&world);
}

#[tokio::test(start_paused = true)]
async fn reads_every_event_file() {
    let world = World::with(day("2016-03-05", 25));
    let publisher = world.publisher(&[]);
    let read = |name: &str| {
        let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    for (name, prefixes, listed) in [
        ("daily-rule", 1, 0),
        ("daily-scheduler", 1, 0),
        ("date", 1, 0),
        ("prefix", 1, 0),
        ("backfill", 182, 25),
        ("backfill-unattended", 182, 25),
        ("dry-run", 1, 0),
        ("filtered", 182, 25),
        ("changed", 1, 0),
        ("resume", 119, 25),
    ] {
        let summary = publisher
            .handle(&read(name), invocation("r", None))
            .await
            .unwrap();
        let counts = (summary.prefixes, summary.listed);
        assert_eq!(counts, (prefixes, listed), "{name}");
    }
    let malformed = publisher
        .handle(&read("malformed"), invocation("r", None))
        .await;
    assert_eq!(malformed.unwrap_err().error_type(), "InvalidEvent");
}
