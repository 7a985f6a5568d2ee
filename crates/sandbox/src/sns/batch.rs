//! A batch of messages: the rules for all of it, and what is wrong with single entries.

use std::collections::BTreeSet;

use super::Error;
use super::form::Form;
use super::message::{MAX_MESSAGE_BYTES, Message};

/// A batch has at most ten entries
/// (<https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>).
const MAX_ENTRIES: usize = 10;

/// The longest id of an entry
/// (<https://docs.aws.amazon.com/sns/latest/api/API_PublishBatchRequestEntry.html>).
const MAX_ID_CHARS: usize = 80;

/// The entries of a batch in their order, by id; an entry on its own can be wrong.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) entries: Vec<(String, Result<Message, Error>)>,
}

impl Batch {
    /// Reads the entries, and refuses a batch that breaks a rule for the whole.
    pub(super) fn take(entries: Vec<Form>) -> Result<Self, Error> {
        if entries.is_empty() {
            return Err(Error::EmptyBatch);
        }
        if entries.len() > MAX_ENTRIES {
            return Err(Error::TooManyEntries);
        }
        let entries: Vec<_> = entries.into_iter().map(entry).collect();
        let mut ids = BTreeSet::new();
        for (id, _) in &entries {
            if !is_id(id) {
                return Err(Error::InvalidEntryId);
            }
            if !ids.insert(id) {
                return Err(Error::IdsNotDistinct);
            }
        }
        let messages = entries
            .iter()
            .filter_map(|(_, message)| message.as_ref().ok());
        if messages.map(Message::size_bytes).sum::<usize>() > MAX_MESSAGE_BYTES {
            return Err(Error::BatchTooLong);
        }
        Ok(Self { entries })
    }
}

fn entry(mut form: Form) -> (String, Result<Message, Error>) {
    let id = form.take("Id").unwrap_or_default();
    let message = Message::take(&mut form);
    (
        id,
        message.and_then(|message| form.finish().map(|()| message)),
    )
}

fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_ID_CHARS).contains(&id.len()) && id.bytes().all(allowed)
}
