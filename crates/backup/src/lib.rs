//! The vocabulary both functions share: objects, days, the wire message and how a function is set up.

pub mod aws;
pub mod day;
pub mod deadline;
pub mod env;
pub mod message;
pub mod object;
pub mod telemetry;
