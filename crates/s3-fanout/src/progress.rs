//! A progress bar on a terminal, a plain line per step elsewhere; on standard error, out of the way of the
//! answer.

use std::io::{self, IsTerminal};
use std::ops::AddAssign;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::figures::{decimal_bytes, duration};

/// The bar's width follows the terminal; the numbers stand where the eye finds them again.
const BAR: &str = "{msg:10} {wide_bar:.cyan/blue} {pos:>6}/{len} {prefix} {elapsed:>4}";

/// One step of the work.
#[derive(Debug)]
pub struct Step {
    bar: ProgressBar,
}

impl Step {
    /// Begins a step over so many objects.
    pub fn begin(name: &'static str, objects: u64) -> Step {
        Step::of(name, objects, "objects")
    }

    /// Begins a step over so many of something else.
    pub fn of(name: &'static str, many: u64, what: &'static str) -> Step {
        let bar = ProgressBar::new(many);
        bar.set_style(
            ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(name);
        bar.set_prefix(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        if !io::stderr().is_terminal() {
            eprintln!("{name}: {many} {what}");
        }
        Step { bar }
    }

    /// Shows how many objects are done.
    pub fn reached(&self, objects: u64) {
        self.bar.set_position(objects);
    }

    /// Shows that one more object is done.
    pub fn one_more(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// All bars, so that a line of text can be written above them.
static SCREEN: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Does what writes to standard error without a bar in the way.
pub fn above<T>(write: impl FnOnce() -> T) -> T {
    SCREEN.suspend(write)
}

/// Objects and their bytes: how much there is of a long work, and how much of it is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Amount {
    /// One object.
    pub fn of(bytes: u64) -> Amount {
        Amount { objects: 1, bytes }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}

/// A work over objects of which it is not known before how many there are: a bar on a terminal; elsewhere a line at
/// the beginning, one every ten seconds, and one at the end.
#[derive(Debug)]
pub struct Meter {
    name: String,
    bar: ProgressBar,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    expected: Amount,
    /// Whether no more will be expected.
    all_known: bool,
    /// What was done before.
    before: Amount,
    done: Amount,
    /// What else there is to say.
    note: String,
    line_after: Duration,
}

impl Meter {
    /// Begins a work.
    pub fn begin(name: impl Into<String>) -> Meter {
        Meter::begin_with(name, Amount::default())
    }

    /// Begins a work of which so much was done before.
    pub fn begin_with(name: impl Into<String>, before: Amount) -> Meter {
        let name = name.into();
        let bar = SCREEN.add(ProgressBar::no_length());
        let style = ProgressStyle::with_template("{prefix:10} {wide_bar:.cyan/blue} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.clone());
        bar.enable_steady_tick(Duration::from_millis(100));
        if !io::stderr().is_terminal() {
            eprintln!("{name}");
        }
        Meter {
            name,
            bar,
            began: Instant::now(),
            state: Mutex::new(State {
                before,
                done: before,
                line_after: LINE_EVERY,
                ..State::default()
            }),
        }
    }

    /// There is more to do.
    pub fn expect(&self, more: Amount) {
        let mut state = self.state();
        state.expected += more;
        self.show(&mut state);
    }

    /// There is no more to do than was told.
    pub fn all_known(&self) {
        self.state().all_known = true;
    }

    /// More is done.
    pub fn done(&self, more: Amount) {
        let mut state = self.state();
        state.done += more;
        self.show(&mut state);
    }

    /// So much is done by now of so much, and there is something else to say.
    pub fn reached(&self, done: Amount, expected: Amount, note: String) {
        let mut state = self.state();
        (state.done, state.expected, state.note) = (done, expected, note);
        state.all_known = true;
        self.show(&mut state);
    }

    fn show(&self, state: &mut State) {
        let elapsed = self.began.elapsed();
        if io::stderr().is_terminal() {
            self.bar.set_length(state.expected.objects);
            self.bar.set_position(state.done.objects);
            self.bar.set_message(state.describe(elapsed));
        } else if elapsed >= state.line_after {
            state.line_after = elapsed + LINE_EVERY;
            eprintln!("{}: {}", self.name, state.describe(elapsed));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Objects, bytes, bytes a second and the time left.
    fn describe(&self, elapsed: Duration) -> String {
        let (done, expected) = (self.done, self.expected);
        let mut text = format!("{} objects", HumanCount(done.objects));
        if expected.objects > 0 {
            let more = if self.all_known { "" } else { "+" };
            text = format!(
                "{} of {}{more} objects",
                HumanCount(done.objects),
                HumanCount(expected.objects)
            );
        }
        if done.bytes > 0 {
            let since = done.bytes.saturating_sub(self.before.bytes);
            let rate = since as f64 / elapsed.as_secs_f64().max(0.001);
            text += &format!(
                ", {}, {}/s",
                decimal_bytes(done.bytes),
                decimal_bytes(rate as u64)
            );
            let left = expected.bytes.saturating_sub(done.bytes) as f64 / rate;
            if self.all_known && left > 0.0 && rate > 0.0 {
                text += &format!(", {} left", duration(Duration::from_secs_f64(left)));
            }
        }
        text + &self.note
    }
}

/// A bar that only a terminal shows: a part of a work of which a meter tells the whole.
#[derive(Debug)]
pub struct Gauge(ProgressBar);

impl Gauge {
    /// An empty one.
    pub fn begin(name: &str) -> Gauge {
        let bar = SCREEN.add(ProgressBar::new(0));
        let style =
            ProgressStyle::with_template("{prefix:10} {wide_bar} {human_pos} of {human_len}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_owned());
        Gauge(bar)
    }

    /// So many objects are done of so many.
    pub fn show(&self, done: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(done);
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        let elapsed = self.began.elapsed();
        if !io::stderr().is_terminal() {
            let told = self.state().describe(elapsed);
            eprintln!("{}: {told} in {}", self.name, duration(elapsed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_time_left_once_all_is_known() {
        let mut state = State {
            done: Amount {
                objects: 1_000,
                bytes: 1_000_000_000,
            },
            ..State::default()
        };
        let told = |state: &State| state.describe(Duration::from_secs(10));
        assert_eq!(told(&state), "1,000 objects, 1.0 GB, 100.0 MB/s");
        state.expected = Amount {
            objects: 4_000,
            bytes: 13_000_000_000,
        };
        assert_eq!(told(&state), "1,000 of 4,000+ objects, 1.0 GB, 100.0 MB/s");
        state.all_known = true;
        assert_eq!(
            told(&state),
            "1,000 of 4,000 objects, 1.0 GB, 100.0 MB/s, 2 min 00 s left"
        );
    }
}
