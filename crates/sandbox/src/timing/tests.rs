//! The clock by itself, on Tokio's paused one: model time against model time.

use std::future::ready;

use futures::future::join_all;

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

/// How long a request to an operation waits, by Tokio's clock.
async fn wait(timing: &Timing, operation: Option<&str>) -> Duration {
    let arrival = timing.arrival();
    if let Some(operation) = operation {
        arrival.asks_for(operation);
    }
    arrival.hold(ready(())).await;
    arrival.at.elapsed()
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_as_long_as_its_operation_takes() {
    let timing = Timing::default();
    assert_eq!(wait(&timing, Some("CopyObject")).await, Duration::ZERO);
    let latency = Latency::of_all(20 * MILLISECOND);
    let latency = latency.except("CopyObject", 1_960 * MILLISECOND);
    timing.set(latency.except("HeadObject", Duration::ZERO));
    for (operation, milliseconds) in [
        (Some("CopyObject"), 1_960),
        (Some("PublishBatch"), 20),
        (Some("HeadObject"), 0),
        (None, 20),
    ] {
        let expected = milliseconds * MILLISECOND;
        assert_eq!(wait(&timing, operation).await, expected, "{operation:?}");
    }
    timing.set(Model::default());
    assert_eq!(wait(&timing, Some("CopyObject")).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_requests_wait_side_by_side() {
    let timing = Timing::default();
    timing.set(Latency::of_all(20 * MILLISECOND));
    let began = Instant::now();
    let waits = (0..10_000).map(|_| wait(&timing, Some("HeadObject")));
    join_all(waits).await;
    assert_eq!(began.elapsed(), 20 * MILLISECOND);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_an_answer_takes_by_itself_counts() {
    let timing = Timing::default();
    timing.set(Latency::of_all(20 * MILLISECOND));
    for (work, whole) in [(15, 20), (25, 25)] {
        let arrival = timing.arrival();
        arrival.hold(tokio::time::sleep(work * MILLISECOND)).await;
        assert_eq!(arrival.at.elapsed(), whole * MILLISECOND);
    }
}

#[test]
#[should_panic(expected = "the sandbox has no operation \"CopyObjects\"")]
fn an_operation_that_does_not_exist_has_no_latency() {
    let _ = Latency::default().except("CopyObjects", MILLISECOND);
}

fn timing(json: &str) -> Timing {
    let timing = Timing::default();
    timing.set(Model::parse(json).unwrap());
    timing
}

fn named(name: &str) -> Timing {
    let timing = Timing::default();
    timing.set(Model::named(name).unwrap());
    timing
}

/// How long an answer to a copy of so many bytes waits.
async fn copy(timing: &Timing, operation: &str, bytes: u64) -> Duration {
    let arrival = timing.arrival();
    arrival.asks_for(operation);
    arrival.copies(bytes);
    arrival.hold(ready(())).await;
    arrival.at.elapsed()
}

/// How long an upload takes whose parts are all copied at once.
async fn upload(timing: &Timing, bytes: u64, part_bytes: u64) -> Duration {
    let began = Instant::now();
    wait(timing, Some("CreateMultipartUpload")).await;
    let parts = (0..bytes / part_bytes).map(|_| copy(timing, "UploadPartCopy", part_bytes));
    join_all(parts).await;
    wait(timing, Some("CompleteMultipartUpload")).await;
    began.elapsed()
}

fn is_near(time: Duration, secs: f64, share: f64) -> bool {
    (time.as_secs_f64() / secs - 1.0).abs() <= share
}

#[tokio::test(start_paused = true)]
async fn copies_take_as_long_as_they_were_measured_to() {
    // awslabs/aws-c-s3 #288: a GiB, all parts at once.
    for (part_mib, secs) in [(64, 3.60), (128, 4.15), (256, 5.54), (1_024, 15.57)] {
        let time = upload(&named("s3-2023"), 1 << 30, part_mib << 20).await;
        assert!(is_near(time, secs, 0.15), "{part_mib} MiB: {time:?}");
    }
    // The article of 2016: 250 such objects, one after the other, in an hour and three quarters.
    let time = copy(&named("s3-2016"), "CopyObject", 700_000_000).await;
    assert!(is_near(time, 25.2, 0.05), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn all_copies_share_what_moves_together() {
    let timing = timing(r#"{"copy_mb_per_sec":10,"all_copies_mb_per_sec":20}"#);
    // Alone each takes a second; together they take 1.5 s: 0.5 s for each of the three, in their order.
    let times = join_all([(); 3].map(|()| copy(&timing, "CopyObject", 10_000_000))).await;
    assert_eq!(times, [1_000, 1_000, 1_500].map(|ms| ms * MILLISECOND));
    // What was not used is not saved up.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let times = join_all([(); 3].map(|()| copy(&timing, "CopyObject", 10_000_000))).await;
    assert_eq!(times, [1_000, 1_000, 1_500].map(|ms| ms * MILLISECOND));
}

#[tokio::test(start_paused = true)]
async fn jitter_is_the_same_again_and_stays_within_its_share() {
    let model = |seed| format!(r#"{{"seed":{seed},"jitter":0.2,"latency_ms":{{"usual":1000}}}}"#);
    let times = async |seed| {
        let timing = timing(&model(seed));
        let times = (0..200).map(|_| wait(&timing, Some("HeadObject")));
        join_all(times).await
    };
    let first = times(7).await;
    assert_eq!(times(7).await, first);
    assert_ne!(times(8).await, first);
    // Timers go by whole milliseconds.
    let range = 800 * MILLISECOND..=1_201 * MILLISECOND;
    assert!(first.iter().all(|time| range.contains(time)), "{first:?}");
    for (low, high) in [(800, 900), (900, 1_000), (1_000, 1_100), (1_100, 1_201)] {
        let quarter = low * MILLISECOND..high * MILLISECOND;
        let count = first.iter().filter(|time| quarter.contains(*time)).count();
        assert!((25..=75).contains(&count), "{low}: {count}");
    }
}

#[tokio::test(start_paused = true)]
async fn jitter_does_not_depend_on_other_operations_nor_stretch_what_bytes_take() {
    let json = r#"{"jitter":0.5,"latency_ms":{"usual":100},"copy_mb_per_sec":1}"#;
    let (alone, together) = (timing(json), timing(json));
    for _ in 0..20 {
        wait(&together, Some("HeadObject")).await;
        let time = copy(&alone, "CopyObject", 1_000_000).await;
        assert_eq!(copy(&together, "CopyObject", 1_000_000).await, time);
        assert!((1_050..=1_151).contains(&time.as_millis()), "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_waits_as_most_do_and_is_counted() {
    let timing = timing(
        r#"{"latency_ms":{"usual":20,"CopyObject":150},"rates":{"writes_per_sec":1,"reads_per_sec":1}}"#,
    );
    let write = || Demand {
        written: Some("b/".to_owned()),
        read: None,
    };
    for (is_admitted, waits) in [(true, 150), (false, 20), (false, 20)] {
        let arrival = timing.arrival();
        arrival.asks_for("CopyObject");
        assert_eq!(arrival.is_admitted(write), is_admitted);
        assert_eq!(arrival.due() - arrival.at, waits * MILLISECOND);
    }
    assert_eq!(timing.slow_downs(), 2);
    timing.set(Model::default());
    assert!(timing.arrival().is_admitted(write));
    assert_eq!(timing.slow_downs(), 2, "since the sandbox started");
}

#[tokio::test(start_paused = true)]
async fn environments_start_at_once_and_then_as_fast_as_a_function_scales() {
    let timing = timing(r#"{"lambda":{"environments_per_10_secs":100}}"#);
    let start = async |function| {
        let began = Instant::now();
        timing.environment(function).await;
        began.elapsed()
    };
    let times = join_all((0..130).map(|_| start("copier"))).await;
    assert!(times[..100].iter().all(Duration::is_zero), "{times:?}");
    assert_eq!(times[100..103], [100, 200, 300].map(|ms| ms * MILLISECOND));
    assert_eq!(times[129], 3_000 * MILLISECOND);
    assert_eq!(start("publisher").await, Duration::ZERO);
    assert_eq!(start("copier").await, 100 * MILLISECOND);
}

#[tokio::test(start_paused = true)]
async fn figures_that_are_out_of_all_proportion_make_long_waits_and_no_overflow() {
    let timing = timing(r#"{"copy_mb_per_sec":1e-300,"all_copies_mb_per_sec":1e-300}"#);
    for _ in 0..100 {
        let arrival = timing.arrival();
        arrival.asks_for("CopyObject");
        arrival.copies(u64::MAX);
        assert!(arrival.due() > arrival.at + Duration::from_secs(86_400));
    }
}
