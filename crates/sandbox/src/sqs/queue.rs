//! A standard queue: messages become visible, are received, and come back unless they are deleted.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::Error;
use super::handle::Handle;
use super::message::Message;

/// How many messages a queue has, as its attributes tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Depth {
    /// Those that can be received now.
    pub visible: usize,
    /// Those that were received and may come back.
    pub in_flight: usize,
    /// Those whose delay is not over.
    pub delayed: usize,
}

/// A message that was received.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) id: Uuid,
    pub(super) handle: String,
    pub(super) message: Message,
    pub(super) sent: SystemTime,
    pub(super) first_received: SystemTime,
    pub(super) receives: u32,
}

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) visibility_timeout: Duration,
    pub(super) delay: Duration,
    /// The KMS key its messages are encrypted with, as given.
    pub(super) kms_key_id: Option<String>,
    state: Mutex<State>,
    /// Tells those who wait for messages that there may be some.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<Uuid, Held>,
    /// Messages in the order in which they become visible, or did.
    order: BTreeMap<(Instant, u64), Uuid>,
    next: u64,
}

#[derive(Debug)]
struct Held {
    message: Message,
    sent: SystemTime,
    first_received: Option<SystemTime>,
    receives: u32,
    place: (Instant, u64),
}

impl Queue {
    pub(super) fn new(name: &str, visibility_timeout: Duration, delay: Duration) -> Self {
        Self {
            name: name.to_owned(),
            visibility_timeout,
            delay,
            kms_key_id: None,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Takes a message and returns its id.
    pub(super) fn send(&self, message: Message, delay: Option<Duration>) -> Result<Uuid, Error> {
        message.check()?;
        let id = Uuid::new_v4();
        let mut state = self.lock();
        let place = state.place(id, Instant::now() + delay.unwrap_or(self.delay));
        let held = Held {
            message,
            sent: SystemTime::now(),
            first_received: None,
            receives: 0,
            place,
        };
        state.held.insert(id, held);
        drop(state);
        self.changed.notify_waiters();
        Ok(id)
    }

    /// Takes at most so many visible messages out of sight; waits for the first if there is none.
    pub(super) async fn receive(
        &self,
        most: usize,
        visibility_timeout: Duration,
        wait: Duration,
    ) -> Vec<Received> {
        let deadline = Instant::now() + wait;
        loop {
            // From here on no change is missed.
            let changed = self.changed.notified();
            let received = self.take(most, visibility_timeout);
            let now = Instant::now();
            if !received.is_empty() || now >= deadline {
                return received;
            }
            let next = self.lock().order.keys().next().map(|(at, _)| *at);
            tokio::select! {
                () = changed => {}
                () = sleep_until(next.map_or(deadline, |next| next.min(deadline))) => {}
            }
        }
    }

    fn take(&self, most: usize, visibility_timeout: Duration) -> Vec<Received> {
        let mut state = self.lock();
        let now = Instant::now();
        let visible = state.order.range(..=(now, u64::MAX));
        let ids: Vec<_> = visible.take(most).map(|(_, id)| *id).collect();
        let take = |id| state.receive(id, &self.name, now + visibility_timeout);
        ids.into_iter().filter_map(take).collect()
    }

    /// Deletes the message, if the handle is of its latest receipt. An older handle deletes nothing, and does not fail:
    /// "the request will succeed, but the message might not be deleted"
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>).
    pub(super) fn delete(&self, handle: &str) -> Result<(), Error> {
        let Handle { id, receives } = Handle::parse(&self.name, handle)?;
        let mut state = self.lock();
        if state.held.get(&id).is_some_and(|h| h.receives == receives) {
            state.remove(id);
        }
        Ok(())
    }

    /// Lets a message in flight come back after another time.
    pub(super) fn change_visibility(&self, handle: &str, timeout: Duration) -> Result<(), Error> {
        let Handle { id, receives } = Handle::parse(&self.name, handle)?;
        let mut state = self.lock();
        let now = Instant::now();
        let held = state.held.get(&id).filter(|held| held.receives == receives);
        let place = held.map(|held| held.place).filter(|(at, _)| *at > now);
        state.order.remove(&place.ok_or(Error::MessageNotInflight)?);
        let place = state.place(id, now + timeout);
        if let Some(held) = state.held.get_mut(&id) {
            held.place = place;
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    pub(super) fn depth(&self) -> Depth {
        let state = self.lock();
        let now = Instant::now();
        let mut depth = Depth::default();
        for held in state.held.values() {
            let count = match held.place.0 <= now {
                true => &mut depth.visible,
                false if held.receives == 0 => &mut depth.delayed,
                false => &mut depth.in_flight,
            };
            *count += 1;
        }
        depth
    }

    /// The bodies of all messages, in the order in which they become visible.
    pub(super) fn bodies(&self) -> Vec<String> {
        let state = self.lock();
        let bodies = state.order.values().filter_map(|id| state.held.get(id));
        bodies.map(|held| held.message.body.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives a message its place in the order.
    fn place(&mut self, id: Uuid, visible_at: Instant) -> (Instant, u64) {
        let place = (visible_at, self.next);
        self.next += 1;
        self.order.insert(place, id);
        place
    }

    fn receive(&mut self, id: Uuid, queue: &str, visible_at: Instant) -> Option<Received> {
        self.order.remove(&self.held.get(&id)?.place);
        let place = self.place(id, visible_at);
        let held = self.held.get_mut(&id)?;
        held.place = place;
        held.receives += 1;
        let first_received = *held.first_received.get_or_insert_with(SystemTime::now);
        let receives = held.receives;
        Some(Received {
            id,
            handle: Handle { id, receives }.write(queue),
            message: held.message.clone(),
            sent: held.sent,
            first_received,
            receives,
        })
    }

    fn remove(&mut self, id: Uuid) {
        if let Some(held) = self.held.remove(&id) {
            self.order.remove(&held.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn queue() -> Queue {
        Queue::new("q", 30 * SECOND, Duration::ZERO)
    }

    fn send(queue: &Queue, body: &str) {
        let message = Message {
            body: body.to_owned(),
            attributes: Default::default(),
        };
        queue.send(message, None).unwrap();
    }

    async fn receive(queue: &Queue) -> Vec<Received> {
        queue.receive(10, 30 * SECOND, Duration::ZERO).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_comes_back_unless_it_is_deleted() {
        let queue = queue();
        send(&queue, "x");
        let first = receive(&queue).await.remove(0);
        assert!(receive(&queue).await.is_empty(), "it is in flight");
        tokio::time::sleep(30 * SECOND).await;
        let second = receive(&queue).await.remove(0);
        assert_eq!((first.id, second.receives), (second.id, 2));
        assert_eq!(first.first_received, second.first_received);
        tokio::time::sleep(30 * SECOND).await;
        // Its time is over, but nobody has received it since.
        queue.delete(&second.handle).unwrap();
        assert_eq!(queue.depth(), Depth::default());
        assert_eq!(queue.delete(&second.handle), Ok(()), "deleted already");
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_handle_deletes_and_changes_nothing() {
        let queue = queue();
        send(&queue, "x");
        let first = receive(&queue).await.remove(0);
        queue
            .change_visibility(&first.handle, Duration::ZERO)
            .unwrap();
        let not_in_flight = queue.change_visibility(&first.handle, SECOND);
        assert_eq!(not_in_flight, Err(Error::MessageNotInflight));
        let second = receive(&queue).await.remove(0);
        assert_eq!(queue.delete(&first.handle), Ok(()));
        let stale = queue.change_visibility(&first.handle, Duration::ZERO);
        assert_eq!(stale, Err(Error::MessageNotInflight));
        assert_eq!(queue.depth().in_flight, 1);
        queue.delete(&second.handle).unwrap();
        assert_eq!(queue.depth(), Depth::default());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_a_message_as_soon_as_there_is_one() {
        let queue = queue();
        let began = Instant::now();
        let waiting = queue.receive(10, 30 * SECOND, 20 * SECOND);
        let sending = async {
            tokio::time::sleep(3 * SECOND).await;
            send(&queue, "x");
        };
        let (received, ()) = tokio::join!(waiting, sending);
        assert_eq!((received.len(), began.elapsed()), (1, 3 * SECOND));
        let again = queue.receive(10, 30 * SECOND, 60 * SECOND).await;
        assert_eq!((again.len(), began.elapsed()), (1, 33 * SECOND));
        let none = queue.receive(10, 30 * SECOND, 20 * SECOND).await;
        assert_eq!((none.len(), began.elapsed()), (0, 53 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn the_depth_tells_what_can_be_received() {
        let queue = Queue::new("q", 30 * SECOND, 5 * SECOND);
        send(&queue, "delayed");
        assert_eq!(queue.depth().delayed, 1);
        tokio::time::sleep(5 * SECOND).await;
        send(&queue, "later");
        let depth = |visible, in_flight, delayed| Depth {
            visible,
            in_flight,
            delayed,
        };
        assert_eq!(queue.depth(), depth(1, 0, 1));
        receive(&queue).await;
        assert_eq!(queue.depth(), depth(0, 1, 1));
        assert_eq!(queue.bodies(), ["later", "delayed"]);
    }
}
