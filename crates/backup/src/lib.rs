//! The vocabulary both functions share.
