//! The answer as one HTML page that needs nothing else.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{self, Bar};
use super::report::Report;
use super::row::Row;
use crate::verify::chart::SIZE;

/// The page.
///
/// # Errors
/// A chart could not be drawn.
pub fn page(report: &Report) -> Result<String> {
    let (mark, verdict) = report.verdict().split_once(' ').unwrap_or_default();
    let tone = if report.is_good() { "good" } else { "bad" };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Strategies: " (report.what()) }
                style { (PreEscaped(include_str!("../../verify/report.css"))) (PreEscaped(LINES)) }
            }
            body {
                main {
                    h1 class=(tone) { span.mark aria-hidden="true" { (mark) } " " (verdict) }
                    p.soft { (report.what()) br; (report.origin.to_string()) }
                    (seconds(report)?)
                    (settings(report)?)
                    h2 { "Figures" }
                    (figures(report))
                    @for note in report.notes() { p.soft { (note) } }
                    @for row in &report.rows {
                        @for missed in &row.missed { p { "✘ " (row.strategy.name()) ": " (missed) } }
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

/// What the style sheet of reports does not know: lines of the colours that it has for areas.
const LINES: &str = "svg [stroke=\"#C2410C\"] { stroke: var(--bad); } svg [stroke=\"#1B7F5C\"] { stroke: var(--good); }";

fn seconds(report: &Report) -> Result<Markup> {
    let bars = report.rows.iter().map(|row| Bar {
        name: name(row),
        seconds: row.seconds,
        shown: format!("{} s", report.seconds(row)),
    });
    let (svg, height) = chart::bars(&bars.collect::<Vec<_>>(), report.limit_s)?;
    Ok(html! {
        h2 { "Seconds by strategy" }
        p.soft { "On a logarithmic scale; the line is the limit: " (report.bound.to_string()) "." }
        (figure("Seconds by strategy", &svg, height))
    })
}

fn name(row: &Row) -> String {
    let memory = row.memory_mb.map(|memory| format!(" {memory} MB"));
    row.strategy.name() + &memory.unwrap_or_default()
}

fn settings(report: &Report) -> Result<Markup> {
    let Some(sweep) = &report.sweep else {
        return Ok(html! {});
    };
    let svg = chart::curves(sweep, report.setting.concurrency)?;
    Ok(html! {
        h2 { "Seconds by copies at once" }
        p.soft { "Of " (sweep.strategy.name()) ", a line per part size; the dot is what is recommended." }
        (figure("Seconds by copies at once", &svg, SIZE.1))
        p { (sweep.advice()) "." }
        details { summary { "The same as a table" } div.wide { pre { (sweep.to_string()) } } }
    })
}

/// A chart that scrolls where there is no room for it.
fn figure(title: &str, svg: &str, height: u32) -> Markup {
    // plotters' own first tag has neither title nor role.
    let drawn = svg.split_once('>').map_or("", |(_, drawn)| drawn);
    html! {
        figure.wide tabindex="0" role="region" aria-label=(title) {
            svg role="img" viewBox={ "0 0 " (SIZE.0) " " (height) } xmlns="http://www.w3.org/2000/svg" {
                title { (title) }
                (PreEscaped(drawn.trim_end().trim_end_matches("</svg>")))
            }
        }
    }
}

fn figures(report: &Report) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Figures" {
            table {
                thead { tr {
                    @for (number, column) in report.columns().iter().enumerate() {
                        th.number[number > 0] scope="col" { (column) }
                    }
                } }
                tbody {
                    @for row in &report.rows {
                        tr {
                            @for (number, cell) in report.cells(row).iter().enumerate() {
                                @if number == 0 { th scope="row" { (cell) } } @else { td.number { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
