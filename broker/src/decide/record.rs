//! Ends holds, and has the history note what the calls were told. Nothing waits for that.

use portreeve_abi::Verdict;
use portreeve_policy::Action;

use super::{Arrival, prompt::Question};
use crate::{
    failure::Reason,
    gate::Held,
    store::history::{Deed, Grounds, History, Told},
};

impl From<&Arrival> for Deed {
    fn from(arrival: &Arrival) -> Self {
        let subject = &arrival.caller.subject;
        Self {
            uid: subject.uid,
            program: subject.program.clone(),
            operation: arrival.operation,
            object: arrival.object.clone(),
        }
    }
}

impl From<&Question> for Deed {
    fn from(question: &Question) -> Self {
        Self {
            uid: question.uid(),
            program: question.program.clone(),
            operation: question.operation,
            object: question.object.clone(),
        }
    }
}

/// Ends a hold with a verdict that says this, on these grounds. `false` if a signal has ended it before:
/// then the call was told nothing.
pub(super) fn tell(
    history: &History,
    deed: Deed,
    held: Held,
    verdict: &Verdict,
    action: Action,
    grounds: Grounds,
) -> bool {
    let told = if held.is_forbidden() {
        Told {
            action: Action::DENY,
            grounds: Grounds::Failure(Reason::PeersUnlimited),
        }
    } else {
        Told { action, grounds }
    };
    let waited = held.release(verdict);
    if waited {
        history.note(deed, told);
    }
    waited
}
