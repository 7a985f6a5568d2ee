//! Copies one object server-side.
