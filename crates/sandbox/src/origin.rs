//! Where a request comes from.

use crate::iam::Role;
use crate::trace::Trace;

/// The role that asks, where permissions are watched, and the trace that the request is part of, if it says one.
#[derive(Clone, Default)]
pub(crate) struct Origin {
    pub(crate) role: Option<Role>,
    pub(crate) trace: Option<Trace>,
}
