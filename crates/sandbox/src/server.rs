//! One listener for the three services, told apart by the SigV4 credential scope.

/// Where the sandbox listens and whose signatures it accepts.
#[derive(Debug, Clone)]
pub struct Options {}

/// A running sandbox.
#[derive(Debug)]
pub struct Sandbox {}
