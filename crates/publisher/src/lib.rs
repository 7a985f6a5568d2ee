//! Lists date prefixes of a bucket and publishes one message per key.
