//! Whether doing it again helps, and what to do before: README's table of errors, and what else ends in a queue.

use super::letter::{NOT_DELIVERED, NOT_UNDERSTOOD};

/// What there is to say of a type of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// What doing it again does without anything else being changed: `helps`, `may help` or `fails`.
    pub a_retry: &'static str,
    /// What to do.
    pub what_to_do: &'static str,
}

/// The copier's errors, as README has them, then the publisher's, then Lambda's and those of who hands over.
const KNOWN: [(&str, &str, &str); 28] = [
    ("AccessDenied", "fails", "grant it, then redrive"),
    ("Archived", "fails", "restore it, then redrive"),
    (
        "ChecksumMismatch",
        "may help",
        "redrive; if it stays, look at the source",
    ),
    (
        "DeadlineNear",
        "helps",
        "redrive; more `PARTS_IN_FLIGHT`, if it stays",
    ),
    (
        "DestinationChanged",
        "helps",
        "redrive; find the other writer",
    ),
    (
        "DestinationExists",
        "fails",
        "move it, or allow it to be replaced, then redrive",
    ),
    ("DestinationKey", "fails", "shorten `DEST_PREFIX`"),
    ("ForeignBucket", "fails", "make publisher and copier agree"),
    ("InvalidEvent", "fails", "correct who invoked the copier"),
    ("InvalidMessage", "fails", "correct who published it"),
    ("Refused", "fails", "read the reason"),
    ("SourceChanged", "helps", "redrive: the new state is copied"),
    ("SourceIsCopy", "fails", "publish other prefixes"),
    (
        "SourceMissing",
        "fails",
        "nothing, if it was deleted on purpose",
    ),
    (
        "Throttled",
        "helps",
        "redrive; lower the reserved concurrency",
    ),
    ("TooLarge", "fails", "nothing copies it"),
    ("Unavailable", "helps", "redrive"),
    ("Unsupported", "fails", "copy it by hand, with the key"),
    ("ListFailed", "may help", "read the reason, then redrive"),
    ("PublishFailed", "helps", "redrive"),
    (
        "Unfinished",
        "may help",
        "invoke with the event that the reason holds",
    ),
    (
        "ContinueFailed",
        "fails",
        "invoke with the event that the reason holds",
    ),
    (
        "EventAgeExceeded",
        "helps",
        "redrive; more concurrency, or a slower publisher, if it stays",
    ),
    ("RetriesExhausted", "may help", "read the reason"),
    (
        "Runtime.ExitError",
        "may help",
        "redrive; look into the function's log, if it stays",
    ),
    (
        "Sandbox.Timedout",
        "may help",
        "redrive; look into the function's log, if it stays",
    ),
    (
        NOT_DELIVERED,
        "may help",
        "see that the function exists and may be invoked, then redrive",
    ),
    (
        NOT_UNDERSTOOD,
        "fails",
        "look at it in the queue; it is left there",
    ),
];

/// What there is to say of a type of error.
pub fn of(error_type: &str) -> Advice {
    let known = KNOWN.iter().find(|(name, ..)| *name == error_type);
    let (_, a_retry, what_to_do) = known.unwrap_or(&("", "may help", "read the reason"));
    Advice {
        a_retry,
        what_to_do,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advises_as_the_readme_does() {
        let readme = include_str!("../../../../README.md");
        let (_, table) = readme.split_once("| errorType |").unwrap();
        let rows = table.lines().skip(2).map_while(|row| {
            let mut cells = row.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
            let name = cells.next()?.trim_matches('`');
            let (_meaning, a_retry) = (cells.next()?, cells.next()?);
            Some((name, a_retry, cells.next()?))
        });
        let rows: Vec<_> = rows.collect();
        assert_eq!(rows, KNOWN[..rows.len()]);
        assert_eq!(rows.len(), 18);
    }

    #[test]
    fn sends_to_the_reason_for_what_it_does_not_know() {
        assert_eq!(of("Runtime.Unknown").what_to_do, "read the reason");
    }
}
