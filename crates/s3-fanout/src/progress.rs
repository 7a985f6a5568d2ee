//! A progress bar on a terminal, a plain line per step elsewhere; on standard error, out of the way of the
//! answer.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The bar's width follows the terminal; the numbers stand where the eye finds them again.
const BAR: &str = "{msg:10} {wide_bar:.cyan/blue} {pos:>6}/{len} objects {elapsed:>4}";

/// One step of the work.
#[derive(Debug)]
pub struct Step {
    bar: ProgressBar,
}

impl Step {
    /// Begins a step over so many objects.
    pub fn begin(name: &'static str, objects: u64) -> Step {
        let bar = ProgressBar::new(objects);
        bar.set_style(
            ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(name);
        bar.enable_steady_tick(Duration::from_millis(100));
        if !std::io::stderr().is_terminal() {
            eprintln!("{name}: {objects} objects");
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
