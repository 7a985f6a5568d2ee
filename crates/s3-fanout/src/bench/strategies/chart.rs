//! The charts of the page, as SVG in the colours that the style sheet of reports knows.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::sweep::{CONCURRENCY, PART_SIZE_MIB, Sweep, size_name};
use crate::verify::chart::{BAD, GOOD, GRID, INK, SIZE};

/// plotters gives letters 1/1.24 of the size it is asked for.
const FONT: (&str, i32) = ("sans-serif", 17);

/// Heights of a bar and the space to the next, in the SVG's own units.
const BAR: i32 = 26;

/// Where bars begin, and where they end at the latest: names stand before, seconds behind.
const BARS: (i32, i32) = (170, 840);

/// A bar: what it is of, its seconds, and how they are shown.
pub struct Bar {
    pub name: String,
    pub seconds: f64,
    pub shown: String,
}

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Bars of seconds on a logarithmic scale, and a line where the limit is; and how high that is.
///
/// # Errors
/// plotters could not draw.
pub fn bars(bars: &[Bar], limit_s: f64) -> Result<(String, u32)> {
    let height = BAR as u32 * (bars.len() as u32 + 1) + 8;
    let svg = draw((SIZE.0, height), |area| draw_bars(area, bars, limit_s))?;
    Ok((svg, height))
}

/// Seconds by concurrency, a line per part size.
///
/// # Errors
/// plotters could not draw.
pub fn curves(sweep: &Sweep, concurrency: u16) -> Result<String> {
    draw(SIZE, |area| draw_curves(area, sweep, concurrency))
}

fn draw(size: (u32, u32), work: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    let drawn = work(&area).and_then(|()| Ok(area.present()?));
    drawn.map_err(|error| anyhow!("the chart could not be drawn: {error}"))?;
    drop(area);
    Ok(svg)
}

fn draw_bars(area: &Area<'_>, bars: &[Bar], limit_s: f64) -> Drawn {
    let all = bars.iter().map(|bar| bar.seconds).chain([limit_s]);
    let (least, most) = all.fold((f64::INFINITY, 0.0_f64), |(least, most), seconds| {
        (least.min(seconds), most.max(seconds))
    });
    // The shortest bar can be seen, too.
    let (low, high) = ((least / 2.0).ln(), (most * 1.01).ln());
    let at = |seconds: f64| {
        let share = (seconds.ln() - low) / (high - low);
        BARS.0 + (share * f64::from(BARS.1 - BARS.0)) as i32
    };
    let font = FONT.into_font().color(&INK);
    let text = |text: &str, place, side| {
        let style = font.clone().pos(Pos::new(side, VPos::Center));
        area.draw(&Text::new(text.to_owned(), place, style))
    };
    for (number, bar) in (0..).zip(bars) {
        let (top, middle) = (BAR * number + 4, BAR * number + BAR / 2);
        let corners = [(BARS.0, top), (at(bar.seconds), top + BAR - 8)];
        area.draw(&Rectangle::new(corners, GOOD.filled()))?;
        text(&bar.name, (BARS.0 - 10, middle), HPos::Right)?;
        // Always behind where the longest bar may end, so that no line crosses it.
        text(&bar.shown, (BARS.1 + 14, middle), HPos::Left)?;
    }
    let bottom = BAR * bars.len() as i32 + 4;
    let limit = at(limit_s);
    let line = PathElement::new(vec![(limit, 0), (limit, bottom)], BAD.stroke_width(2));
    area.draw(&line)?;
    text(
        &format!("limit {limit_s:.2} s"),
        (limit + 6, bottom + BAR / 2 - 2),
        HPos::Left,
    )?;
    Ok(())
}

fn draw_curves(area: &Area<'_>, sweep: &Sweep, concurrency: u16) -> Drawn {
    let seconds = sweep.measured.iter().map(|point| point.seconds);
    let highest = seconds.fold(f64::MIN_POSITIVE, f64::max) * 1.05;
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(110)
        .x_label_area_size(30)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..(CONCURRENCY.len() - 1) as f64, 0.0..highest)?;
    let font = FONT.into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(CONCURRENCY.len())
        .x_label_formatter(&|place| CONCURRENCY[place.round() as usize].to_string())
        .y_labels(5)
        .y_label_formatter(&|seconds| format!("{seconds:.1} s"))
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(font.clone())
        .draw()?;
    let mut labels = Vec::new();
    for size in PART_SIZE_MIB {
        let is_best = size == sweep.recommended.part_size_mib;
        let line: Vec<_> = (0..)
            .zip(sweep.line(size))
            .map(|(place, point)| (f64::from(place), point.seconds))
            .collect();
        let style = if is_best {
            GOOD.stroke_width(3)
        } else {
            INK.stroke_width(1)
        };
        chart.draw_series([PathElement::new(line.clone(), style)])?;
        if let Some(last) = line.last() {
            labels.push((chart.backend_coord(last), size_name(size)));
        }
        let here = CONCURRENCY.iter().position(|known| *known == concurrency);
        if let (true, Some(place)) = (is_best, here) {
            chart.draw_series([Circle::new(line[place], 7, BAD.filled())])?;
        }
    }
    let beside = font.pos(Pos::new(HPos::Left, VPos::Center));
    for ((x, y), name) in apart(labels) {
        area.draw(&Text::new(name, (x + 10, y), beside.clone()))?;
    }
    Ok(())
}

/// Labels in their order, none nearer to the one above it than a line of text is high.
fn apart(mut labels: Vec<((i32, i32), String)>) -> Vec<((i32, i32), String)> {
    const LINE: i32 = 17;
    labels.sort_by_key(|((_, y), _)| *y);
    // Where they would end below the chart, they begin higher.
    let lowest = SIZE.1 as i32 - 40 - LINE * labels.len() as i32;
    let mut next = i32::MIN;
    for (number, ((_, y), _)) in (1..).zip(&mut labels) {
        *y = (*y).min(lowest + LINE * number).max(next);
        next = *y + LINE;
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_overlap_and_stay_in_the_chart() {
        for heights in [[10, 11, 12, 200], [230, 231, 232, 233], [10, 80, 81, 240]] {
            let labels = heights.map(|height| ((0, height), String::new()));
            let placed: Vec<_> = apart(labels.into())
                .into_iter()
                .map(|((_, y), _)| y)
                .collect();
            assert!(
                placed.windows(2).all(|two| two[1] - two[0] >= 17),
                "{placed:?}"
            );
            assert!(placed[0] >= 10 && placed[3] <= 240, "{placed:?}");
        }
    }

    #[test]
    fn there_is_a_bar_for_every_strategy_and_a_line_for_the_limit() {
        let bar = |seconds| Bar {
            name: "a & b".to_owned(),
            seconds,
            shown: format!("{seconds}"),
        };
        let (svg, height) = bars(&[bar(2_150.0), bar(11.0)], 10.0).unwrap();
        assert_eq!(svg.matches("fill=\"#1B7F5C\"").count(), 2);
        assert_eq!(svg.matches("stroke=\"#C2410C\"").count(), 1);
        assert!(svg.contains("a &amp; b") && height == 86, "{height} {svg}");
    }
}
