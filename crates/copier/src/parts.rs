//! Bounded execution of parts over a closure: after the first failure none is started, and those in
//! flight are waited for, so that an abort finds nothing still running.

use std::future::Future;

use futures::stream::{FuturesUnordered, StreamExt};

/// Runs every part with at most `in_flight` at the same time. The results are in no order.
///
/// # Errors
/// The first error, once every part that was in flight has ended.
pub async fn run_all<P, T, E, F>(
    parts: impl IntoIterator<Item = P>,
    in_flight: usize,
    copy: impl Fn(P) -> F,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = parts.into_iter();
    let mut running = FuturesUnordered::new();
    let mut done = Vec::new();
    let mut first_error = None;
    loop {
        while first_error.is_none() && running.len() < in_flight {
            let Some(part) = waiting.next() else { break };
            running.push(copy(part));
        }
        match running.next().await {
            Some(Ok(result)) => done.push(result),
            Some(Err(error)) => {
                first_error.get_or_insert(error);
            }
            None => break,
        }
    }
    first_error.map_or(Ok(done), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Counts what runs while parts take turns.
    #[derive(Default)]
    struct Counter {
        started: Cell<usize>,
        running: Cell<usize>,
        peak: Cell<usize>,
    }

    impl Counter {
        async fn part(&self, number: u32, result: Result<u32, u32>) -> Result<u32, u32> {
            self.started.set(self.started.get() + 1);
            self.running.set(self.running.get() + 1);
            self.peak.set(self.peak.get().max(self.running.get()));
            // Later parts take longer, so that those before the failing one end after it.
            for _ in 0..number % 7 {
                tokio::task::yield_now().await;
            }
            self.running.set(self.running.get() - 1);
            result
        }
    }

    #[tokio::test]
    async fn runs_every_part_and_never_more_than_the_limit_at_once() {
        let counter = Counter::default();
        let mut done = run_all(1..=100, 8, |number| counter.part(number, Ok(number)))
            .await
            .unwrap();
        done.sort_unstable();
        assert_eq!(done, (1..=100).collect::<Vec<_>>());
        assert_eq!(counter.peak.get(), 8);
    }

    #[tokio::test]
    async fn stops_starting_parts_after_the_first_failure() {
        let counter = Counter::default();
        let fail_from_20 =
            |number| counter.part(number, if number < 20 { Ok(number) } else { Err(number) });
        let error = run_all(1..=100, 8, fail_from_20).await.unwrap_err();
        assert!(
            (20..28).contains(&error),
            "one of those in flight failed first, not {error}"
        );
        assert!(
            counter.started.get() < 36,
            "{} parts were started",
            counter.started.get()
        );
    }

    #[tokio::test]
    async fn waits_for_the_parts_in_flight_before_it_reports_the_first_failure() {
        let counter = Counter::default();
        let result = run_all([7, 1, 6], 3, |number| {
            counter.part(number, if number == 6 { Ok(number) } else { Err(number) })
        });
        assert_eq!(
            result.await,
            Err(7),
            "part 7 takes no turn, so it fails first"
        );
        assert_eq!(counter.started.get(), 3);
        assert_eq!(counter.running.get(), 0, "nothing runs on");
    }

    #[tokio::test]
    async fn no_parts_are_no_work() {
        let none: Vec<u32> = Vec::new();
        assert_eq!(
            run_all(none, 8, async |_| Err::<(), _>(())).await,
            Ok(vec![])
        );
    }
}
