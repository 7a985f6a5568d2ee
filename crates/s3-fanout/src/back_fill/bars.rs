//! The destination as it fills: a bar for each month on a terminal, and one for all.

use std::collections::BTreeMap;

use super::summary::Month;
use crate::progress::{Amount, Gauge, Meter};

/// The bars.
#[derive(Debug)]
pub struct Bars {
    months: BTreeMap<String, Gauge>,
    all: Meter,
}

impl Bars {
    /// Begins with what is there.
    pub fn begin(months: &BTreeMap<String, Month>) -> Bars {
        let gauges = months.keys().map(|name| (name.clone(), Gauge::begin(name)));
        let bars = Bars {
            months: gauges.collect(),
            all: Meter::begin_with("copied", there(months)),
        };
        bars.show(months, 0);
        bars
    }

    /// Shows what is there now, and how many messages came into the failure queues.
    pub fn show(&self, months: &BTreeMap<String, Month>, failed: u64) {
        let mut wanted = Amount::default();
        for (name, month) in months {
            wanted += month.wanted();
            if let Some(gauge) = self.months.get(name) {
                gauge.show(month.copied, month.objects);
            }
        }
        let note = match failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        self.all.reached(there(months), wanted, note);
    }
}

fn there(months: &BTreeMap<String, Month>) -> Amount {
    let mut there = Amount::default();
    for month in months.values() {
        there += month.there();
    }
    there
}
