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
    let text = match json {
        true => serde_json::to_string(answer)? + "\n",
        false => answer.to_string(),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
