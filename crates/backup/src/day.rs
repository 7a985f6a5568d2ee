//! Days, ranges of days, and the key prefix of a day.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

/// A calendar day, written `2016-06-30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

/// How much is shown of a text that is not a day: enough of any that was meant to be one.
const SHOWN_CHARS: usize = 100;

/// Why a text is not a day.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{given:?} is not a day of the calendar; days are written YYYY-MM-DD, such as 2016-06-30")]
pub struct DayError {
    given: String,
}

impl Day {
    /// Every day that a key is likely to name: from 1970, the first of Unix time, through 2099.
    pub fn plausible() -> impl Iterator<Item = Day> {
        let (first, last) = (
            jiff::civil::date(1970, 1, 1),
            jiff::civil::date(2099, 12, 31),
        );
        Days {
            from: Day(first),
            to: Day(last),
        }
        .iter()
    }

    /// The UTC day before a moment: what a schedule that fires after midnight is to back up.
    pub fn before(moment: Timestamp) -> Day {
        let today = moment.to_zoned(TimeZone::UTC).date();
        Day(today.saturating_sub(1.day()))
    }

    /// Its first second in UTC, counted from 1970's.
    pub fn first_second(self) -> i64 {
        let epoch = jiff::civil::date(1970, 1, 1);
        self.0.duration_since(epoch).as_secs()
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Day, DayError> {
        let date: Option<Date> = text.parse().ok();
        // The parser knows more of ISO 8601 than we accept: only what a day prints as is a day.
        date.map(Day)
            .filter(|day| day.to_string() == text)
            .ok_or_else(|| DayError {
                given: text.chars().take(SHOWN_CHARS).collect(),
            })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Every day from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    from: Day,
    to: Day,
}

impl Days {
    /// A range of days.
    ///
    /// # Errors
    /// The last day is before the first.
    pub fn new(from: Day, to: Day) -> Result<Days, ReversedError> {
        if to < from {
            return Err(ReversedError { from, to });
        }
        Ok(Days { from, to })
    }

    /// The first day.
    pub fn from(self) -> Day {
        self.from
    }

    /// The last day.
    pub fn to(self) -> Day {
        self.to
    }

    /// The days but so many of the first, if any are left.
    pub fn without_first(self, count: usize) -> Option<Days> {
        let count = i64::try_from(count).ok()?;
        let from = Day(self
            .from
            .0
            .checked_add(Span::new().try_days(count).ok()?)
            .ok()?);
        (from <= self.to).then_some(Days { from, ..self })
    }

    /// The days in order.
    pub fn iter(self) -> impl Iterator<Item = Day> {
        self.from
            .0
            .series(1.day())
            .take_while(move |date| *date <= self.to.0)
            .map(Day)
    }
}

impl From<Day> for Days {
    fn from(day: Day) -> Days {
        Days { from: day, to: day }
    }
}

/// A range that ends before it starts.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the range ends ({to}) before it starts ({from}); `from` is the earlier day, both are included"
)]
pub struct ReversedError {
    from: Day,
    to: Day,
}

/// How a day becomes a key prefix, in strftime's notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixFormat(String);

/// Why a text is no prefix format.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PrefixFormatError {
    /// strftime cannot print it for a day.
    #[error("{0}")]
    Unprintable(String),
    /// A range would list the same prefix for several days.
    #[error("it gives {first} and {second} the same prefix {prefix:?}")]
    Ambiguous {
        /// A day.
        first: Day,
        /// Another day.
        second: Day,
        /// The prefix of both.
        prefix: String,
    },
}

impl PrefixFormat {
    /// The prefix of a day's keys.
    pub fn prefix(&self, day: Day) -> String {
        strtime::format(&self.0, day.0).expect("checked for a day when the format was parsed")
    }
}

impl fmt::Display for PrefixFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PrefixFormat {
    type Err = PrefixFormatError;

    fn from_str(text: &str) -> Result<PrefixFormat, PrefixFormatError> {
        let print = |day: Day| {
            strtime::format(text, day.0)
                .map_err(|error| PrefixFormatError::Unprintable(error.to_string()))
        };
        let [day, another_day, another_month, another_year] =
            [(2016, 6, 30), (2016, 6, 29), (2016, 5, 30), (2015, 6, 30)]
                .map(|(year, month, day)| Day(jiff::civil::date(year, month, day)));
        let prefix = print(day)?;
        for other in [another_day, another_month, another_year] {
            if print(other)? == prefix {
                return Err(PrefixFormatError::Ambiguous {
                    first: other,
                    second: day,
                    prefix,
                });
            }
        }
        Ok(PrefixFormat(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn parses_days_of_the_calendar_and_nothing_else() {
        assert_eq!(day("2016-02-29").to_string(), "2016-02-29");
        for text in [
            "2015-02-29",
            "2016-13-01",
            "2016-6-30",
            "20160630",
            "2016-06-30T00:00:00",
            "",
            "today",
        ] {
            let error = text.parse::<Day>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{text:?} is not a day")),
                "{error}"
            );
            assert!(error.contains("YYYY-MM-DD"), "{error}");
        }
    }

    #[test]
    fn the_first_days_can_be_taken_off_a_range() {
        let days = Days::new(day("2016-02-28"), day("2016-03-01")).unwrap();
        let left = |count| {
            days.without_first(count)
                .map(|left| left.from().to_string())
        };
        assert_eq!(left(0).as_deref(), Some("2016-02-28"));
        assert_eq!(left(2).as_deref(), Some("2016-03-01"));
        assert_eq!(left(3), None);
        assert_eq!(left(usize::MAX), None);
    }

    #[test]
    fn a_schedule_after_midnight_backs_up_the_day_before_in_utc() {
        for (moment, expected) in [
            ("2016-07-01T02:00:00Z", "2016-06-30"),
            ("2016-07-01T00:00:00Z", "2016-06-30"),
            ("2016-07-01T01:00:00+02:00", "2016-06-29"),
            ("2017-01-01T02:00:00Z", "2016-12-31"),
        ] {
            assert_eq!(
                Day::before(moment.parse().unwrap()),
                day(expected),
                "{moment}"
            );
        }
    }

    #[test]
    fn a_range_includes_both_ends() {
        let range: Vec<_> = Days::new(day("2016-02-28"), day("2016-03-01"))
            .unwrap()
            .iter()
            .collect();
        assert_eq!(
            range,
            [day("2016-02-28"), day("2016-02-29"), day("2016-03-01")]
        );
        assert_eq!(
            Days::new(day("2016-01-01"), day("2016-06-30"))
                .unwrap()
                .iter()
                .count(),
            182
        );
        assert_eq!(
            Days::new(day("2016-01-01"), day("2016-01-01"))
                .unwrap()
                .iter()
                .count(),
            1
        );
        assert_eq!(
            Days::new(day("9999-12-30"), day("9999-12-31"))
                .unwrap()
                .iter()
                .count(),
            2
        );
    }

    #[test]
    fn a_reversed_range_is_refused() {
        let error = Days::new(day("2016-06-30"), day("2016-01-01")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the range ends (2016-01-01) before it starts (2016-06-30); \
             `from` is the earlier day, both are included"
        );
    }

    #[test]
    fn a_prefix_format_prints_the_day() {
        let format: PrefixFormat = "%Y-%m-%d/".parse().unwrap();
        assert_eq!(format.prefix(day("2016-06-03")), "2016-06-03/");
        let format: PrefixFormat = "logs/year=%Y/month=%m/day=%d/".parse().unwrap();
        assert_eq!(
            format.prefix(day("2016-06-03")),
            "logs/year=2016/month=06/day=03/"
        );
    }

    #[test]
    fn a_prefix_format_that_cannot_tell_days_apart_is_refused() {
        for text in ["", "backup/", "%Y/%m/", "%m-%d/", "%d/"] {
            let error = text.parse::<PrefixFormat>().unwrap_err().to_string();
            assert!(error.contains("the same prefix"), "{text}: {error}");
        }
        assert!("%Y-%m-%d/%H".parse::<PrefixFormat>().is_err());
        assert!("%Q".parse::<PrefixFormat>().is_err());
    }
}
