//! Amazon S3: the store and the protocol over it.
