//! What a loop begins with beside what the store had.

use std::sync::Arc;

use portreeve_policy::Rule;

use super::Decider;
use crate::{networks::Networks, store::history::History, subject::Ruled};

impl Decider {
    /// The same loop, which notes in a history what calls were told.
    #[must_use]
    pub fn recording_in(self, history: History) -> Self {
        Self { history, ..self }
    }

    /// The same loop, with administrators' rules from the beginning, and what is wrong with their files.
    #[must_use]
    pub fn under(mut self, rules: Vec<Rule>, problem: Option<String>) -> Self {
        self.rules.put_above(rules);
        self.rules.take_in();
        self.administrators_problem = problem;
        self
    }

    /// The same loop, where these networks are active from the beginning.
    #[must_use]
    pub fn within(mut self, networks: Networks) -> Self {
        if self.rules.enter(networks) {
            self.rules.take_in();
        }
        self
    }

    /// The same loop, which says of whom it has to be known what is in their programs' files.
    #[must_use]
    pub fn telling(mut self, ruled: Arc<Ruled>) -> Self {
        self.rules.tell(ruled);
        self
    }
}
