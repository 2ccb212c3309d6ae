//! The decision engine: who may reach what, and which rule says so.
//!
//! Pure: no I/O, no clock, nothing of ours below it. The same rules and the same request give the
//! same decision, so everything here is tested without a kernel, a bus or a display.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod action;
mod ancestry;
mod answer;
mod application;
mod built_in;
mod conflict;
mod contents;
mod destination;
mod explain;
#[cfg(test)]
mod fixtures;
mod hindsight;
mod interpreter;
mod lifespan;
mod list;
mod mode;
mod names;
mod network;
mod object;
mod operation;
mod ports;
mod precedence;
mod reach;
mod rule;
mod ruleset;
mod standing;
mod subject;

pub use action::{Action, Outcome};
pub use ancestry::{Ancestry, Executable, Starter};
pub use answer::{Answer, Registered, Scope, registered_domain, registered_domain_of};
pub use application::{Application, Packaging};
pub use built_in::BuiltIn;
pub use conflict::{Conflict, Finding, conflicts};
pub use contents::{Contents, Digest, OfContents};
pub use destination::{Destination, is_within};
pub use explain::{Criterion, Ranked};
pub use hindsight::{Hindsight, Untold};
pub use interpreter::is_interpreter;
pub use lifespan::{Deadline, For, Lifespan, Span};
pub use list::{Entry, InList, List, Mistake, TooLong, entries_of};
pub use mode::{Course, Mode};
pub use names::{Knowledge, NameSource, host_name};
pub use network::{Network, NetworkId, NetworkName};
pub use object::{Object, ObjectPattern, Protocol};
pub use operation::{Operation, Operations};
pub use ports::Ports;
pub use reach::Reach;
pub use rule::{Note, Origin, Rule, RuleId};
pub use ruleset::{Decision, Ruleset};
pub use standing::{Leave, ModeChange, Standing, Timed};
pub use subject::{Alteration, Process, Program, Subject, SubjectPattern};

/// A word that names none of the values of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {kind} “{word}”: expected {expected}")]
pub struct ParseError {
    /// What was to be read, such as "operation".
    pub kind: &'static str,
    /// The word as given.
    pub word: String,
    /// The words that would do.
    pub expected: &'static str,
}

impl ParseError {
    /// The one of `values` whose word this is.
    fn find<T: Copy>(
        kind: &'static str,
        values: impl IntoIterator<Item = T>,
        as_str: impl Fn(T) -> &'static str,
        word: &str,
        expected: &'static str,
    ) -> Result<T, Self> {
        let mut values = values.into_iter();
        values
            .find(|value| as_str(*value) == word)
            .ok_or_else(|| Self {
                kind,
                word: word.to_owned(),
                expected,
            })
    }
}
