//! The publisher's Lambda binary.

fn main() {}
