//! What a command has found, on standard output: text for a person, or one JSON object.

use std::fmt::Display;
use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

/// Prints an answer.
///
/// # Errors
/// Standard output is closed or full.
pub fn print(answer: &(impl Serialize + Display), json: bool) -> Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, answer)?;
        writeln!(out)?;
    } else {
        write!(out, "{answer}")?;
    }
    out.flush()?;
    Ok(())
}
