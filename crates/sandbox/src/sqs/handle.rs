//! Receipt handles: opaque to clients, and of one receipt of one message of one queue.

use data_encoding::BASE64;
use uuid::Uuid;

use super::Error;

/// Which message, and which receipt of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) id: Uuid,
    pub(super) receives: u32,
}

impl Handle {
    pub(super) fn write(self, queue: &str) -> String {
        BASE64.encode(format!("{queue} {} {}", self.id, self.receives).as_bytes())
    }

    /// Reads a handle of this queue.
    pub(super) fn parse(queue: &str, handle: &str) -> Result<Self, Error> {
        Self::read(queue, handle).ok_or_else(|| Error::ReceiptHandleIsInvalid(handle.to_owned()))
    }

    fn read(queue: &str, handle: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64.decode(handle.as_bytes()).ok()?).ok()?;
        let mut words = text.split(' ');
        let (name, id, receives) = (words.next()?, words.next()?, words.next()?);
        (name == queue && words.next().is_none()).then_some(())?;
        Some(Self {
            id: id.parse().ok()?,
            receives: receives.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_of_its_own_queue_only() {
        let handle = Handle {
            id: Uuid::new_v4(),
            receives: 3,
        };
        let written = handle.write("mine");
        assert_eq!(Handle::parse("mine", &written), Ok(handle));
        for (queue, handle) in [("other", written.as_str()), ("mine", "x"), ("mine", "")] {
            let refused = Handle::parse(queue, handle);
            assert_eq!(
                refused,
                Err(Error::ReceiptHandleIsInvalid(handle.to_owned()))
            );
        }
    }
}
