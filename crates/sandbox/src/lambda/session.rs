//! The state of one environment's Runtime API: which call is allowed when, and what it means.

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::mpsc;

use super::outcome::{MAX_SYNC_PAYLOAD_BYTES, Outcome};

/// What the process has told, in order.
#[derive(Debug)]
pub(super) enum Message {
    /// It asks for the next invocation: initialisation or the invocation before is over.
    Ready,
    /// It has answered the invocation, or failed it.
    Done(Outcome),
    /// It cannot be initialised.
    InitFailed(Bytes),
}

/// A call that was not allowed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("Invalid request ID")]
    InvalidRequestId,
    #[error("State transition is not allowed")]
    InvalidStateTransition,
    #[error("Exceeded maximum allowed payload size ({MAX_SYNC_PAYLOAD_BYTES} bytes).")]
    TooLarge,
    #[error("The request body could not be read")]
    Unreadable,
    #[error("No such call of the Runtime API 2018-06-01")]
    NoSuchCall,
}

impl Refusal {
    /// The status code and the error type of the answer.
    pub(super) fn answer(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidRequestId => (StatusCode::BAD_REQUEST, "InvalidRequestID"),
            Self::InvalidStateTransition => (StatusCode::FORBIDDEN, "InvalidStateTransition"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge"),
            Self::Unreadable => (StatusCode::BAD_REQUEST, "InvalidRequest"),
            Self::NoSuchCall => (StatusCode::NOT_FOUND, "NotFound"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Init,
    Ready,
    Running(String),
    Answered,
    Failed,
}

/// The calls of one process so far.
#[derive(Debug)]
pub(super) struct Session {
    phase: Phase,
    messages: mpsc::UnboundedSender<Message>,
}

impl Session {
    pub(super) fn new(messages: mpsc::UnboundedSender<Message>) -> Self {
        Self {
            phase: Phase::Init,
            messages,
        }
    }

    /// The process asks for the next invocation.
    pub(super) fn ready(&mut self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Init | Phase::Answered => {
                self.phase = Phase::Ready;
                self.tell(Message::Ready);
                Ok(())
            }
            // It lost the connection of its long poll and asks again.
            Phase::Ready => Ok(()),
            Phase::Running(_) | Phase::Failed => Err(Refusal::InvalidStateTransition),
        }
    }

    /// The process has been given an invocation.
    pub(super) fn begin(&mut self, request_id: &str) {
        self.phase = Phase::Running(request_id.to_owned());
    }

    pub(super) fn respond(&mut self, request_id: &str, body: Bytes) -> Result<(), Refusal> {
        self.finish(request_id, Outcome::answered(body))
    }

    pub(super) fn fail(&mut self, request_id: &str, body: Bytes) -> Result<(), Refusal> {
        self.finish(request_id, Outcome::failed(body))
    }

    /// An answer over the limit fails the invocation, and the process is told.
    pub(super) fn fail_too_large(&mut self, request_id: &str) -> Result<(), Refusal> {
        self.finish(request_id, Outcome::too_large())?;
        Err(Refusal::TooLarge)
    }

    pub(super) fn fail_init(&mut self, body: Bytes) -> Result<(), Refusal> {
        if self.phase != Phase::Init {
            return Err(Refusal::InvalidStateTransition);
        }
        self.phase = Phase::Failed;
        self.tell(Message::InitFailed(body));
        Ok(())
    }

    fn finish(&mut self, request_id: &str, outcome: Outcome) -> Result<(), Refusal> {
        match &self.phase {
            Phase::Running(id) if id == request_id => {
                self.phase = Phase::Answered;
                self.tell(Message::Done(outcome));
                Ok(())
            }
            Phase::Running(_) => Err(Refusal::InvalidRequestId),
            _ => Err(Refusal::InvalidStateTransition),
        }
    }

    fn tell(&self, message: Message) {
        // Nobody listens once the environment is being dropped.
        let _ = self.messages.send(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> (Session, mpsc::UnboundedReceiver<Message>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Session::new(sender), receiver)
    }

    #[test]
    fn takes_one_answer_for_the_invocation_at_hand() {
        let (mut session, mut messages) = session();
        session.ready().unwrap();
        session.begin("a");
        assert_eq!(
            session.respond("b", Bytes::new()),
            Err(Refusal::InvalidRequestId)
        );
        session.respond("a", Bytes::new()).unwrap();
        assert_eq!(
            session.fail("a", Bytes::new()),
            Err(Refusal::InvalidStateTransition)
        );
        assert!(matches!(messages.try_recv(), Ok(Message::Ready)));
        assert!(matches!(messages.try_recv(), Ok(Message::Done(_))));
        assert!(messages.try_recv().is_err());
    }

    #[test]
    fn gives_no_second_invocation_before_the_first_is_answered() {
        let (mut session, _messages) = session();
        session.ready().unwrap();
        session.begin("a");
        assert_eq!(session.ready(), Err(Refusal::InvalidStateTransition));
    }

    #[test]
    fn takes_an_init_error_only_before_the_first_poll() {
        let (mut session, _messages) = session();
        session.ready().unwrap();
        assert_eq!(
            session.fail_init(Bytes::new()),
            Err(Refusal::InvalidStateTransition)
        );
    }

    #[test]
    fn fails_the_invocation_whose_answer_is_too_large() {
        let (mut session, mut messages) = session();
        session.ready().unwrap();
        session.begin("a");
        assert_eq!(session.fail_too_large("a"), Err(Refusal::TooLarge));
        assert!(matches!(messages.try_recv(), Ok(Message::Ready)));
        let Ok(Message::Done(outcome)) = messages.try_recv() else {
            panic!("the invocation has not ended");
        };
        assert!(outcome.failure.is_some());
    }
}
