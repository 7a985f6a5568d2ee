//! The report: one HTML page that needs nothing else, to read in a browser or to print.

use anyhow::Result;
use backup::object::{printable, s3_uri};
use indicatif::HumanCount;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::answer::Answer;
use super::chart::{self, Bar, SIZE};
use super::difference::Difference;
use super::histogram::{DAY, Histogram};
use crate::figures::decimal_bytes;

/// The page of an answer.
///
/// # Errors
/// A chart could not be drawn.
pub fn page(answer: &Answer<'_>, now: Timestamp) -> Result<String> {
    let verdict = answer.verdict();
    let (mark, verdict) = verdict.split_at(verdict.find(' ').unwrap_or_default());
    let tone = if answer.is_good() { "good" } else { "bad" };
    let dest = s3_uri(answer.dest, answer.dest_prefix);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Backup of " (answer.source) ":" (verdict) }
                style { (PreEscaped(include_str!("report.css"))) }
            }
            body {
                main {
                    h1 class=(tone) { span.mark aria-hidden="true" { (mark) } (verdict) }
                    p.soft {
                        code { (s3_uri(answer.source, "")) } " → " code { (dest) } br;
                        (answer.scope()) br;
                        "Verified at " (moment(now)) " by s3-fanout " (env!("CARGO_PKG_VERSION"))
                    }
                    (totals(answer))
                    (next(answer))
                    (days(answer)?)
                    (throughput(answer)?)
                    (differences(answer))
                }
            }
        }
    };
    Ok(page.into_string())
}

fn totals(answer: &Answer<'_>) -> Markup {
    html! {
        table {
            caption { "What was compared" }
            tbody {
                @for (name, value) in answer.rows() {
                    tr { th scope="row" { (name) } td.words { (value) } }
                }
            }
        }
    }
}

fn next(answer: &Answer<'_>) -> Markup {
    let advice = answer.advice();
    html! {
        @if !advice.is_empty() {
            h2 { "What to do next" }
            @for step in &advice {
                p { (step.words) }
                @if let Some(command) = &step.command { pre { code { (command) } } }
            }
        }
    }
}

fn days(answer: &Answer<'_>) -> Result<Markup> {
    let days = &answer.findings.days;
    let what = match days.width_secs() / DAY {
        1 => "Bytes per day".to_owned(),
        many => format!("Bytes per {many} days"),
    };
    let by = match answer.is_by_day() {
        true => "days as the keys name them",
        false => "days of the source's LastModified, UTC",
    };
    let bars: Vec<_> = days
        .steps()
        .map(|(second, step)| Bar {
            label: date(second),
            good: step.good.bytes as f64,
            bad: step.bad.bytes as f64,
        })
        .collect();
    let svg = chart::draw(&bars, bytes)?;
    Ok(html! {
        h2 { (what) }
        p.soft { "Of the source, by " (by) "." }
        @if bars.is_empty() { p { "No objects." } } @else {
            (figure(&what, &format!("{} bars from {} to {}", bars.len(), bars[0].label, bars[bars.len() - 1].label), &svg))
            p.legend {
                span.key-good { "copied and the same" }
                span.key-bad { "missing, different or unknown" }
            }
            (table(&what, days, date, "Not as they should be"))
        }
    })
}

fn throughput(answer: &Answer<'_>) -> Result<Markup> {
    let written = &answer.findings.written;
    let width = written.width_secs();
    let begin = written.steps().next().map_or(0, |(second, _)| second);
    let end = written.steps().last().map_or(0, |(second, _)| second);
    let is_one_day = begin.div_euclid(DAY) == end.div_euclid(DAY);
    let label = |second: i64| match (width < DAY, is_one_day) {
        (true, true) => strftime(second, "%H:%M:%S"),
        (true, false) => strftime(second, "%m-%d %H:%M"),
        (false, _) => date(second),
    };
    // A step of ten seconds shows what a minute at its rate would copy.
    let minutes = width as f64 / 60.0;
    let bars: Vec<_> = written
        .steps()
        .map(|(second, step)| Bar {
            label: label(second),
            good: step.good.bytes as f64 / minutes,
            bad: 0.0,
        })
        .collect();
    let svg = chart::draw(&bars, bytes)?;
    let from = if is_one_day {
        date(begin)
    } else {
        format!("{} to {}", date(begin), date(end))
    };
    Ok(html! {
        h2 { "Throughput" }
        @if bars.is_empty() { p { "No copies." } } @else {
            p.soft {
                "Bytes copied per minute, by the copies' LastModified (" (from) ", UTC), in steps of "
                (span(width)) "."
            }
            (figure("Bytes copied per minute", &format!("{} steps from {} to {}", bars.len(), bars[0].label, bars[bars.len() - 1].label), &svg))
            (table("Copies by time, UTC", written, |second| strftime(second, "%Y-%m-%d %H:%M:%S"), ""))
        }
    })
}

/// A chart that scrolls where there is no room for it.
fn figure(title: &str, described: &str, svg: &str) -> Markup {
    // plotters' own first tag has neither title nor role.
    let drawn = svg.split_once('>').map_or("", |(_, drawn)| drawn);
    let (width, height) = SIZE;
    html! {
        figure.wide tabindex="0" role="region" aria-label=(title) {
            svg role="img" viewBox={ "0 0 " (width) " " (height) } xmlns="http://www.w3.org/2000/svg" {
                title { (title) }
                desc { (described) }
                (PreEscaped(drawn.trim_end().trim_end_matches("</svg>")))
            }
        }
    }
}

/// The chart's figures, for who cannot see it.
fn table(caption: &str, steps: &Histogram, label: impl Fn(i64) -> String, bad: &str) -> Markup {
    html! {
        details {
            summary { "The same as a table" }
            div.wide {
                table {
                    caption { (caption) }
                    thead {
                        tr {
                            th scope="col" { "From" }
                            th.number scope="col" { "Objects" }
                            th.number scope="col" { "Bytes" }
                            @if !bad.is_empty() { th.number scope="col" { (bad) } }
                        }
                    }
                    tbody {
                        @for (second, step) in steps.steps() {
                            tr {
                                th scope="row" { (label(second)) }
                                td.number { (HumanCount(step.good.objects + step.bad.objects)) }
                                td.number { (decimal_bytes(step.good.bytes + step.bad.bytes)) }
                                @if !bad.is_empty() { td.number { (HumanCount(step.bad.objects)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn differences(answer: &Answer<'_>) -> Markup {
    let (shown, all) = (&answer.findings.examples, answer.findings.differences());
    html! {
        h2 { "Differences" }
        @if shown.is_empty() { p { "None." } } @else {
            div.wide tabindex="0" role="region" aria-label="Differences" {
                table {
                    caption {
                        @if (shown.len() as u64) < all {
                            "The first " (HumanCount(shown.len() as u64)) " of " (HumanCount(all)) "; " (answer.where_the_rest_is())
                        } @else {
                            "All " (HumanCount(all)) ", in the order in which they were found"
                        }
                    }
                    thead {
                        tr {
                            th scope="col" { "Kind" }
                            th scope="col" { "Key" }
                            th scope="col" { "What" }
                            th.number scope="col" { "Source" }
                            th.number scope="col" { "Copy" }
                        }
                    }
                    tbody { @for difference in shown { (row(difference)) } }
                }
            }
        }
    }
}

fn row(difference: &Difference) -> Markup {
    let size = |bytes: Option<u64>| bytes.map_or("none".to_owned(), decimal_bytes);
    html! {
        tr {
            td.kind { (difference.kind.as_str()) }
            td.key { (printable(&difference.key)) }
            td.words { (difference.detail) }
            td.number { (size(difference.source_bytes)) }
            td.number { (size(difference.copy_bytes)) }
        }
    }
}

fn bytes(height: f64) -> String {
    if height < 0.5 {
        "0".to_owned()
    } else {
        decimal_bytes(height as u64)
    }
}

fn span(secs: i64) -> String {
    let (count, unit) = match secs {
        ..60 => (secs, "second"),
        60..3_600 => (secs / 60, "minute"),
        3_600..DAY => (secs / 3_600, "hour"),
        _ => (secs / DAY, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

fn date(second: i64) -> String {
    strftime(second, "%Y-%m-%d")
}

fn moment(moment: Timestamp) -> String {
    strftime(moment.as_second(), "%Y-%m-%d %H:%M:%S UTC")
}

fn strftime(second: i64, format: &str) -> String {
    let moment = Timestamp::from_second(second).unwrap_or_default();
    moment.to_zoned(TimeZone::UTC).strftime(format).to_string()
}
