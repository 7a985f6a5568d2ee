//! One event on its way to a function.

use bytes::Bytes;
use uuid::Uuid;

use super::{Error, environment};
use crate::trace::Trace;

/// An event, under one request id however often it is retried.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) payload: Bytes,
    pub(super) trace: Trace,
}

impl Request {
    /// Checks a payload and gives it its request id. No payload is an empty object, and no trace the beginning of one.
    pub(super) fn new(
        payload: Bytes,
        invocation_type: &'static str,
        limit_bytes: usize,
        trace: Option<&Trace>,
    ) -> Result<Self, Error> {
        if payload.len() > limit_bytes {
            return Err(Error::TooLarge {
                invocation_type,
                actual_bytes: payload.len(),
                limit_bytes,
            });
        }
        let payload = if payload.is_empty() {
            environment::EMPTY_PAYLOAD
        } else {
            serde_json::from_slice::<serde::de::IgnoredAny>(&payload)
                .map_err(Error::InvalidPayload)?;
            payload
        };
        Ok(Self {
            id: Uuid::new_v4().to_string(),
            payload,
            trace: trace.cloned().unwrap_or_else(Trace::begin),
        })
    }

    /// The event as one invocation gets it: at a segment of its own.
    pub(super) fn attempt(&self) -> Self {
        Self {
            trace: self.trace.next(),
            ..self.clone()
        }
    }
}
