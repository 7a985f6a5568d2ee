//! The copier's Lambda binary.

fn main() {}
