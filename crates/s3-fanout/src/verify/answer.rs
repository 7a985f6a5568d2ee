//! The verification's answer, for a person or as JSON.

use std::fmt;
use std::time::Duration;

use backup::object::printable;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::HumanCount;
use serde::Serialize;

use super::args::VerifyArgs;
use super::findings::Findings;
use crate::figures::{decimal_bytes, duration, lines};

/// Differences shown to a person.
const DIFFERENCES_SHOWN: usize = 10;

/// The verification's answer.
#[derive(Debug, Serialize)]
pub struct Answer<'a> {
    /// Whether all is as it should be.
    pub verified: bool,
    /// The source bucket.
    pub source: &'a str,
    /// The destination bucket.
    pub dest: &'a str,
    /// What the copies' keys begin with, before their source's.
    pub dest_prefix: &'a str,
    /// Whether every object was looked at.
    pub deep: bool,
    /// What was found.
    #[serde(flatten)]
    pub findings: Findings,
    /// The time from the first copy to the last, in seconds.
    pub run_secs: i64,
    /// The copies' bytes by that time.
    pub bytes_per_sec: Option<u64>,
    /// How long the verification took.
    pub elapsed_ms: u64,
    /// What copies what is missing or different.
    pub next_command: Option<String>,
    #[serde(skip)]
    args: &'a VerifyArgs,
}

impl<'a> Answer<'a> {
    /// What the findings mean.
    pub fn new(args: &'a VerifyArgs, findings: Findings, elapsed: Duration) -> Answer<'a> {
        let run_secs = findings.run_secs();
        let copied: u64 = findings
            .written
            .steps()
            .map(|(_, step)| step.good.bytes)
            .sum();
        // Where there is no object at all, the days or the prefix are wrong, or the source got nothing.
        let is_good = findings.objects > 0
            && findings.is_complete()
            && (args.allow_extra || findings.extra == 0);
        let to_copy = findings.missing + findings.different;
        Answer {
            verified: is_good,
            source: &args.buckets.source,
            dest: &args.buckets.dest,
            dest_prefix: &args.buckets.dest_prefix,
            deep: args.deep,
            run_secs,
            bytes_per_sec: u64::try_from(run_secs)
                .ok()
                .filter(|secs| *secs > 0)
                .map(|secs| copied / secs),
            elapsed_ms: elapsed.as_millis() as u64,
            next_command: (to_copy > findings.missing_archived).then(|| args.backup_command()),
            findings,
            args,
        }
    }

    /// Whether all is as it should be.
    pub fn is_good(&self) -> bool {
        self.verified
    }

    /// The verdict, in one line.
    pub fn verdict(&self) -> String {
        let found = &self.findings;
        let objects = HumanCount(found.objects);
        let lacking: Vec<_> = [
            (found.missing, "missing"),
            (found.different, "different"),
            (found.unknown, "unknown"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", HumanCount(count)))
        .collect();
        let lacking = lacking.join(", ");
        let extra = match found.extra {
            0 => String::new(),
            extra => format!("; {} extra at the destination", HumanCount(extra)),
        };
        match (found.is_complete(), self.verified) {
            (true, _) if found.objects == 0 => format!(
                "✘ nothing to verify: no key of the source begins so{extra}; correct the days, the --prefix or the \
                 --prefix-format"
            ),
            (true, true) => format!("✔ every object has its copy: {objects}{extra}"),
            (true, false) => {
                format!("✘ every object has its copy, and there are others: {objects}{extra}")
            }
            (false, _) => format!("✘ not every object has its copy: {lacking} of {objects}{extra}"),
        }
    }

    /// What there is, by name.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let found = &self.findings;
        let amount = |count, bytes| format!("{}, {}", HumanCount(count), decimal_bytes(bytes));
        let mut rows = vec![
            ("Objects", amount(found.objects, found.bytes)),
            ("Same", amount(found.same, found.same_bytes)),
            ("Missing", amount(found.missing, found.missing_bytes)),
            ("Different", amount(found.different, found.different_bytes)),
            ("Extra", amount(found.extra, found.extra_bytes)),
        ];
        if found.unknown > 0 {
            rows.push(("Unknown", HumanCount(found.unknown).to_string()));
        }
        rows.push(("Compared", self.compared_by()));
        rows.push(("Newest - oldest copy", self.run()));
        rows
    }

    fn compared_by(&self) -> String {
        let found = &self.findings;
        let looked = found.same_by_checksum + found.same_by_time;
        let mut text = match (self.deep, looked) {
            (true, _) => "by looking at both".to_owned(),
            (false, 0) => "by listing both: sizes and times".to_owned(),
            (false, _) => {
                "by listing both; where times proved nothing, by looking at both".to_owned()
            }
        };
        if looked > 0 {
            text += &format!(
                ":\n{} by checksum, {} by size and time",
                HumanCount(found.same_by_checksum),
                HumanCount(found.same_by_time)
            );
        }
        text
    }

    fn run(&self) -> String {
        match (self.findings.newest_copy, self.bytes_per_sec) {
            (None, _) => "no copies".to_owned(),
            (Some(_), None) => "less than a second".to_owned(),
            (Some(_), Some(rate)) => {
                let run = Duration::from_secs(self.run_secs.unsigned_abs());
                format!("{}, {}/s", duration(run), decimal_bytes(rate))
            }
        }
    }
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(NOTHING);
        for (name, value) in self.rows() {
            table.add_row(vec![name.to_owned(), value]);
        }
        writeln!(f, "\n{}\n\n{}\n", self.verdict(), lines(&table))?;
        let examples = &self.findings.examples;
        for difference in examples.iter().take(DIFFERENCES_SHOWN) {
            writeln!(f, "  {:10} {}", difference.kind.as_str(), difference.line())?;
        }
        let more = self
            .findings
            .differences()
            .saturating_sub(DIFFERENCES_SHOWN as u64);
        if more > 0 {
            writeln!(
                f,
                "  and {} more: {}",
                HumanCount(more),
                self.where_the_rest_is()
            )?;
        }
        if !examples.is_empty() {
            writeln!(f)?;
        }
        for step in self.advice() {
            match step.command {
                Some(command) => writeln!(f, "{}:\n  {command}", step.words)?,
                None => writeln!(f, "{}", step.words)?,
            }
        }
        Ok(())
    }
}

/// Something to do.
#[derive(Debug)]
pub struct Advice {
    /// In words.
    pub words: String,
    /// What does it.
    pub command: Option<String>,
}

impl Answer<'_> {
    /// What to do next.
    pub fn advice(&self) -> Vec<Advice> {
        let found = &self.findings;
        let mut advice = Vec::new();
        let mut tell = |words: &str, command: Option<String>| {
            advice.push(Advice {
                words: words.to_owned(),
                command,
            });
        };
        if let Some(command) = &self.next_command {
            tell(
                "To copy what is missing or different",
                Some(command.clone()),
            );
            if self.deep && self.args.jsonl.is_none() {
                tell(
                    "That does not look at tags, as --deep did; with --jsonl FILE this tells what does.",
                    None,
                );
            }
            tell(
                "If the Lambda functions copy: what failed waits in the failure queues",
                Some("s3-fanout redrive --queue URL".to_owned()),
            );
        }
        if found.missing_archived > 0 {
            let words = format!(
                "{} of the missing are archived: restore them, then copy them.",
                HumanCount(found.missing_archived)
            );
            tell(&words, None);
        }
        if found.unknown > 0 {
            tell(
                "What is unknown could not be looked at: see why it could not, then verify again.",
                None,
            );
        }
        if found.extra > 0 && !self.args.allow_extra {
            tell(
                "Copies outlive objects that are deleted at the source: --allow-extra does not count them.",
                None,
            );
        }
        advice
    }

    /// Where the differences are that are not shown.
    pub fn where_the_rest_is(&self) -> String {
        let files = [&self.args.jsonl, &self.args.csv].into_iter().flatten();
        let files: Vec<_> = files.map(|path| path.display().to_string()).collect();
        match files.is_empty() {
            true => "--jsonl FILE or --csv FILE writes all of them".to_owned(),
            false => format!("all of them are in {}", files.join(" and ")),
        }
    }

    /// Whether it is about days, and not a prefix.
    pub fn is_by_day(&self) -> bool {
        self.args.scope.prefix.is_none()
    }

    /// What was verified, in words.
    pub fn scope(&self) -> String {
        let scope = &self.args.scope;
        let mut words = match (scope.date, scope.from, scope.to, &scope.prefix) {
            (Some(day), ..) => format!("The day {day}"),
            (_, Some(from), Some(to), _) => format!("Every day from {from} to {to}"),
            (.., Some(prefix)) if !prefix.is_empty() => {
                format!("Every key that starts with {}", printable(prefix))
            }
            _ => "Every key".to_owned(),
        };
        for (what, globs) in [("only", &scope.include), ("without", &scope.exclude)] {
            if !globs.is_empty() {
                words += &format!(", {what} {}", printable(&globs.join(" ")));
            }
        }
        words
    }
}
