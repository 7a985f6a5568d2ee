//! What the command found in a queue and did with it, as it is shown.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::Table;
use serde::Serialize;

use super::advice;
use super::letter::Letter;
use crate::figures;

/// Examples that are kept of each type.
const EXAMPLES: usize = 3;

/// What was found, and what became of it.
#[derive(Debug, Default, Serialize)]
pub struct Review {
    /// The queue's URL.
    pub queue: String,
    /// Messages of the types asked for.
    pub failures: u64,
    /// Messages of other types, which were left alone.
    pub filtered: u64,
    /// Messages that could not be seen: someone else has received them, or they are delayed.
    pub unseen: u64,
    /// Whether the queue was read to its end.
    pub complete: bool,
    /// What was done; nothing without `--yes`.
    pub redrive: Option<Redrive>,
    /// The messages of the types asked for, by type.
    pub types: BTreeMap<String, Kind>,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Redrive {
    /// Messages published again and events invoked with again, each deleted after it was accepted.
    pub redriven: u64,
    /// Messages that were not accepted, and are in the queue still.
    pub refused: u64,
    /// Messages that were accepted, but could not be deleted: they will be done once more.
    pub undeleted: u64,
    /// Messages of no known shape.
    pub not_understood: u64,
    /// Why the first of those was refused or not deleted.
    pub reason: Option<String>,
}

/// The failures of a type.
#[derive(Debug, Serialize)]
pub struct Kind {
    /// How many.
    pub messages: u64,
    /// What doing it again does without anything else being changed.
    pub a_retry: &'static str,
    /// What to do.
    pub what_to_do: &'static str,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// A failure.
#[derive(Debug, Serialize)]
pub struct Example {
    /// The key, or the event.
    pub about: String,
    /// What was said about the error.
    pub reason: String,
}

impl Review {
    /// Notes a message of a type that was asked for.
    pub fn note(&mut self, letter: &Letter) {
        self.failures += 1;
        let advice = advice::of(&letter.error_type);
        let kind = self.types.entry(letter.error_type.clone());
        let kind = kind.or_insert_with(|| Kind {
            messages: 0,
            a_retry: advice.a_retry,
            what_to_do: advice.what_to_do,
            examples: Vec::new(),
        });
        kind.messages += 1;
        if kind.examples.len() < EXAMPLES {
            kind.examples.push(Example {
                about: letter.about.clone(),
                reason: letter.reason.clone(),
            });
        }
    }

    /// Whether no failure is left that was asked for.
    pub fn is_settled(&self) -> bool {
        let left = match &self.redrive {
            Some(done) => done.refused + done.undeleted + done.not_understood,
            None => self.failures,
        };
        left == 0 && self.unseen == 0 && self.complete
    }

    fn show_types(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["errorType", "Messages", "A retry", "What to do"]);
        for (name, kind) in &self.types {
            let messages = kind.messages.to_string();
            table.add_row([name, &messages, kind.a_retry, kind.what_to_do]);
        }
        writeln!(f, "{}", figures::lines(&table))?;
        for (name, kind) in &self.types {
            writeln!(f, "\n{name}, such as")?;
            for Example { about, reason } in &kind.examples {
                writeln!(f, "  {about}\n    {reason}")?;
            }
        }
        Ok(())
    }

    fn show_done(&self, done: &Redrive, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} done again and deleted", done.redriven)?;
        let reason = done.reason.as_deref().unwrap_or_default();
        if done.refused > 0 {
            writeln!(f, "{} not accepted, and left: {reason}", done.refused)?;
        }
        if done.undeleted > 0 {
            let undeleted = done.undeleted;
            writeln!(
                f,
                "{undeleted} done again, but not deleted: {reason}; doing them once more does no harm"
            )?;
        }
        if done.not_understood > 0 {
            writeln!(f, "{} not understood, and left", done.not_understood)?;
        }
        Ok(())
    }
}

impl fmt::Display for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = if self.failures == 1 {
            "message"
        } else {
            "messages"
        };
        writeln!(f, "{} failed {some} in {}", self.failures, self.queue)?;
        if self.failures > 0 {
            writeln!(f)?;
            self.show_types(f)?;
            writeln!(f)?;
        }
        if let Some(done) = &self.redrive {
            self.show_done(done, f)?;
        }
        if self.filtered > 0 {
            writeln!(f, "{} of other types were left alone", self.filtered)?;
        }
        if self.unseen > 0 {
            let unseen = self.unseen;
            writeln!(
                f,
                "{unseen} could not be seen: someone has received them, and they come back when his time is over"
            )?;
        }
        if !self.complete {
            writeln!(f, "There may be more: run it again")?;
        }
        if self.redrive.is_none() && self.failures > 0 {
            writeln!(
                f,
                "Nothing was changed. To do all of this again: the same with --yes; for one type, with --filter type=NAME"
            )?;
        }
        Ok(())
    }
}
