//! Bounded execution of parts over a closure: after the first failure none is started, and those in
//! flight are waited for, so that an abort finds nothing still running.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::stream::{FuturesUnordered, StreamExt};

/// How many parts may be in flight: half as many when S3 asks to slow down, one more after every success,
/// never more than the limit and never none.
#[derive(Debug)]
pub struct Window {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    size: usize,
    cuts: u64,
}

impl Window {
    /// A window as wide as its limit.
    pub fn new(limit: usize) -> Window {
        let state = Mutex::new(State {
            size: limit,
            cuts: 0,
        });
        Window { limit, state }
    }

    /// How many parts may be in flight now.
    pub fn size(&self) -> usize {
        self.state().size
    }

    /// How often it was cut. An attempt notes this when it starts.
    pub fn cuts(&self) -> u64 {
        self.state().cuts
    }

    /// S3 asked an attempt to slow down that started after so many cuts. One that started before the last
    /// cut says nothing of the window since: a burst refused as a whole cuts it once.
    pub fn throttled(&self, cuts_at_start: u64) {
        let mut state = self.state();
        if state.cuts == cuts_at_start {
            state.size = (state.size / 2).max(1);
            state.cuts += 1;
        }
    }

    /// A part was copied.
    pub fn succeeded(&self) {
        let mut state = self.state();
        state.size = (state.size + 1).min(self.limit);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs every part with at most as many at the same time as the window allows. The results are in no order.
///
/// # Errors
/// The first error, once every part that was in flight has ended.
pub async fn run_all<P, T, E, F>(
    parts: impl IntoIterator<Item = P>,
    window: &Window,
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
        while first_error.is_none() && running.len() < window.size() {
            let Some(part) = waiting.next() else { break };
            running.push(copy(part));
        }
        match running.next().await {
            Some(Ok(result)) => {
                window.succeeded();
                done.push(result);
            }
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
        let mut done = run_all(1..=100, &Window::new(8), |number| {
            counter.part(number, Ok(number))
        })
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
        let error = run_all(1..=100, &Window::new(8), fail_from_20)
            .await
            .unwrap_err();
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
        let window = Window::new(3);
        let result = run_all([7, 1, 6], &window, |number| {
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
        let window = Window::new(8);
        let result = run_all(none, &window, async |_| Err::<(), _>(()));
        assert_eq!(result.await, Ok(vec![]));
    }

    #[tokio::test]
    async fn a_window_that_is_cut_lets_fewer_parts_run_and_more_again_after_successes() {
        let counter = Counter::default();
        let window = Window::new(16);
        window.throttled(0);
        window.throttled(1);
        window.throttled(2);
        let first = run_all(1..=2, &window, |number| counter.part(number, Ok(number)));
        assert_eq!(first.await.unwrap().len(), 2);
        assert_eq!((counter.peak.get(), window.size()), (2, 4));
        let rest = run_all(3..=100, &window, |number| counter.part(number, Ok(number)));
        assert_eq!(rest.await.unwrap().len(), 98);
        assert_eq!((counter.peak.get(), window.size()), (16, 16));
    }

    #[test]
    fn a_window_is_halved_once_for_a_burst_and_never_empty() {
        let window = Window::new(100);
        let mut sizes = Vec::new();
        for _ in 0..9 {
            let cuts = window.cuts();
            // All that were in flight were refused.
            (0..window.size()).for_each(|_| window.throttled(cuts));
            sizes.push(window.size());
        }
        assert_eq!(sizes, [50, 25, 12, 6, 3, 1, 1, 1, 1]);
        for size in 2..=100 {
            window.succeeded();
            assert_eq!(window.size(), size);
        }
        window.succeeded();
        assert_eq!(window.size(), 100, "never more than the limit");
    }
}
