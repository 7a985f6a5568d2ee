//! AWS CloudFormation: stacks that a program says it has deployed, to be described as CloudFormation does.

mod api;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

pub(crate) use api::respond;

/// A stack: what was given, and what there is for it.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// The stack's name.
    pub name: String,
    /// The template's parameters.
    pub parameters: Vec<(String, String)>,
    /// What was made.
    pub resources: Vec<Resource>,
    /// What the stack tells of itself.
    pub outputs: Vec<(String, String)>,
}

/// One resource of a stack.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in its own service.
    pub physical_id: String,
    /// What it is, such as `AWS::SQS::Queue`.
    pub kind: String,
}

/// The stacks of one sandbox. Nothing is deployed from here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stacks(Arc<Mutex<BTreeMap<String, Declared>>>);

#[derive(Debug, Clone)]
struct Declared {
    stack: Stack,
    at: Timestamp,
}

impl Stacks {
    /// Keeps a stack as made now, in place of one of that name.
    pub(crate) fn declare(&self, stack: Stack) {
        let at = Timestamp::now();
        self.lock()
            .insert(stack.name.clone(), Declared { stack, at });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Declared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
