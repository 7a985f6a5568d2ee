//! Numbers as people read them.

use std::time::Duration;

use comfy_table::Table;
/// Bytes in powers of ten, as sizes of objects are priced and spoken of; small ones exactly.
pub fn decimal_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        1_000_000_000..10_000_000_000_000 => format!("{:.1} GB", bytes as f64 / 1e9),
        _ => format!("{:.1} TB", bytes as f64 / 1e12),
    }
}

/// Dollars with two digits that say something: a day costs cents, its messages far less.
pub fn dollars(amount: f64) -> String {
    let decimals = if amount > 0.0 {
        (1.0 - amount.log10().floor()).max(2.0) as usize
    } else {
        2
    };
    format!("${amount:.decimals$}")
}

/// A length of time in its two largest units; below a minute, tenths of a second.
pub fn duration(time: Duration) -> String {
    let secs = time.as_secs();
    match secs {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3_600 => format!("{} min {:02} s", secs / 60, secs % 60),
        3_600..86_400 => format!("{} h {:02} min", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{} d {:02} h", secs / 86_400, secs % 86_400 / 3_600),
    }
}

/// A figure with so many digits after the point.
pub fn round(figure: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (figure * scale).round() / scale
}

/// The least, the median and the most of some figures; none of no figures.
pub fn spread(figures: impl IntoIterator<Item = f64>) -> Option<[f64; 3]> {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let (least, most) = (*figures.first()?, *figures.last()?);
    let middle = figures.len() / 2;
    let median = match figures.len() % 2 {
        0 => f64::midpoint(figures[middle - 1], figures[middle]),
        _ => figures[middle],
    };
    Some([least, median, most])
}

/// A table's lines without the blanks that fill its columns.
pub fn lines(table: &Table) -> String {
    let table = table.to_string();
    let lines: Vec<_> = table.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_keep_two_digits_that_say_something() {
        for (amount, shown) in [
            (0.0, "$0.00"),
            (0.0178, "$0.018"),
            (0.000_012_5, "$0.000013"),
            (0.5, "$0.50"),
            (12.345, "$12.35"),
        ] {
            assert_eq!(dollars(amount), shown);
        }
    }

    #[test]
    fn sizes_are_in_powers_of_ten() {
        assert_eq!(decimal_bytes(999), "999 B");
        assert_eq!(decimal_bytes(1_500), "1.5 kB");
        assert_eq!(decimal_bytes(1_500_000), "1.5 MB");
        assert_eq!(decimal_bytes(176_707_864_016), "176.7 GB");
        assert_eq!(decimal_bytes(31_807_415_522_880), "31.8 TB");
    }

    #[test]
    fn a_spread_is_of_figures_in_any_order() {
        assert_eq!(spread([]), None);
        assert_eq!(spread([2.0]), Some([2.0; 3]));
        assert_eq!(spread([9.0, 1.0, 3.0]), Some([1.0, 3.0, 9.0]));
        assert_eq!(spread([9.0, 1.0, 3.0, 4.0]), Some([1.0, 3.5, 9.0]));
    }

    #[test]
    fn times_have_two_units() {
        for (secs, shown) in [
            (0.25, "0.2 s"),
            (59.0, "59.0 s"),
            (100.0, "1 min 40 s"),
            (6_300.0, "1 h 45 min"),
            (90_000.0, "1 d 01 h"),
        ] {
            assert_eq!(duration(Duration::from_secs_f64(secs)), shown);
        }
    }
}
