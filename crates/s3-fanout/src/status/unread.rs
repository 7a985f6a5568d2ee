//! What could not be looked at, and which permission it may lack.

use backup::aws::Cause;
use serde::Serialize;

/// A part of the screen that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Which part.
    pub what: String,
    /// The permission that it needs.
    pub permission: &'static str,
    /// What the service said.
    pub error: String,
}

impl Unread {
    /// A part that a call did not give.
    pub fn new(what: impl Into<String>, permission: &'static str, cause: &Cause) -> Unread {
        Unread {
            what: what.into(),
            permission,
            error: cause.to_string(),
        }
    }

    /// In one line: what is missing, and what it takes.
    pub fn line(&self) -> String {
        let Unread {
            what,
            permission,
            error,
        } = self;
        format!("{what} could not be read, which needs {permission}: {error}")
    }
}

/// What was read; what was not is kept with the rest that was not.
pub fn kept<T>(read: Result<T, Unread>, unread: &mut Vec<Unread>) -> Option<T> {
    read.map_err(|missing| unread.push(missing)).ok()
}
