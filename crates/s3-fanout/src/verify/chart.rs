//! Bars over time as SVG, in colours that a page's style sheet can change.

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What is as it should be. A style sheet finds the colours by these values, which plotters writes as `#rrggbb`.
pub const GOOD: RGBColor = RGBColor(0x1b, 0x7f, 0x5c);

/// What is not.
pub const BAD: RGBColor = RGBColor(0xc2, 0x41, 0x0c);

/// Lines behind the bars.
pub const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xd8);

/// Axes and letters.
pub const INK: RGBColor = RGBColor(0x44, 0x44, 0x40);

/// Width and height, in the SVG's own units.
pub const SIZE: (u32, u32) = (960, 280);

/// Most labels along the time: a date is some 70 units wide.
const MOST_LABELS: usize = 8;

/// plotters gives letters 1/1.24 of the size it is asked for.
const FONT: (&str, i32) = ("sans-serif", 18);

/// A step of time.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What stands below it, where there is room.
    pub label: String,
    /// How high it is.
    pub good: f64,
    /// What stands on top of it.
    pub bad: f64,
}

/// Draws bars, with labels for heights.
///
/// # Errors
/// plotters could not draw.
pub fn draw(bars: &[Bar], height_label: impl Fn(f64) -> String) -> Result<String> {
    let mut svg = String::new();
    let backend = SVGBackend::with_string(&mut svg, SIZE);
    draw_on(&backend.into_drawing_area(), bars, &height_label)
        .map_err(|error| anyhow!("the chart could not be drawn: {error}"))?;
    Ok(svg)
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_on(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    bars: &[Bar],
    height_label: &dyn Fn(f64) -> String,
) -> Drawn {
    let highest = bars
        .iter()
        .map(|bar| bar.good + bar.bad)
        .fold(0.0, f64::max);
    let highest = if highest > 0.0 { highest * 1.05 } else { 1.0 };
    let mut chart = ChartBuilder::on(root)
        .margin(6)
        .margin_right(48)
        .x_label_area_size(30)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..bars.len().max(1) as f64, 0.0..highest)?;
    let font = FONT.into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .y_labels(5)
        .y_label_formatter(&|height| height_label(*height))
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(font.clone())
        .draw()?;
    for (place, bar) in bars.iter().enumerate() {
        let across = (place as f64 + 0.08, place as f64 + 0.92);
        let top = bar.good + bar.bad;
        for (from, to, colour) in [(0.0, bar.good, GOOD), (bar.good, top, BAD)] {
            if to > from {
                let corners = [(across.0, from), (across.1, to)];
                chart.draw_series([Rectangle::new(corners, colour.filled())])?;
            }
        }
    }
    let below = font.pos(Pos::new(HPos::Center, VPos::Top));
    for place in (0..bars.len()).step_by(bars.len().div_ceil(MOST_LABELS).max(1)) {
        let (x, y) = chart.backend_coord(&(place as f64 + 0.5, 0.0));
        root.draw(&Text::new(
            bars[place].label.as_str(),
            (x, y + 8),
            below.clone(),
        ))?;
    }
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_a_bar_for_every_step_and_no_more_labels_than_have_room() {
        for count in [0, 1, 7, 8, 9, 30, 200] {
            let bars: Vec<_> = (0..count)
                .map(|number| Bar {
                    label: format!("<{number}>"),
                    good: 2e9,
                    bad: f64::from(number % 2),
                })
                .collect();
            let svg = draw(&bars, |height| format!("{height}")).unwrap();
            let good = svg.matches("fill=\"#1B7F5C\"").count();
            let bad = svg.matches("fill=\"#C2410C\"").count();
            assert_eq!((good, bad), (count as usize, count as usize / 2));
            let labels = svg.matches("&lt;").count();
            assert!(
                labels <= MOST_LABELS && (labels > 0) == (count > 0),
                "{count}"
            );
        }
    }
}
