//! Ends holds, and has the history note what the calls were told. Nothing waits for that.

use portreeve_abi::Verdict;
use portreeve_policy::{Knowledge, Object, Outcome};

use super::{Arrival, question::Question};
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
            object: noted(&arrival.object),
        }
    }
}

impl From<&Question> for Deed {
    fn from(question: &Question) -> Self {
        Self {
            uid: question.uid(),
            program: question.program.clone(),
            operation: question.operation,
            object: noted(&question.object),
        }
    }
}

/// What is noted of an object: not what else was known of it. That is in no row, and may be some
/// kilobytes, of which thousands can wait to be written.
fn noted(object: &Object) -> Object {
    Object {
        protocol: object.protocol,
        address: object.address,
        port: object.port,
        host: object.host.clone(),
        knowledge: Knowledge::default(),
    }
}

/// Ends a hold with a verdict that says this, on these grounds. `false` if a signal has ended it before:
/// then the call was told nothing.
pub(super) fn tell(
    history: &History,
    deed: Deed,
    held: Held,
    verdict: &Verdict,
    action: Outcome,
    grounds: Grounds,
) -> bool {
    let told = if held.is_forbidden() {
        Told {
            action: Outcome::DENY,
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

#[cfg(test)]
mod tests {
    use portreeve_policy::{NameSource, Protocol};

    use super::*;

    #[test]
    fn further_names_are_not_noted() {
        let object = Object {
            protocol: Protocol::TCP,
            address: "192.0.2.1".parse().unwrap(),
            port: 443,
            host: Some("a.example".into()),
            knowledge: Knowledge {
                source: Some(NameSource::Lookup),
                others: vec!["b.example".into(); 32].into(),
                name_server: true,
                vpn: Some(true),
            },
        };
        let noted = noted(&object);
        assert_eq!(noted, object, "what tells it from others is");
        assert_eq!(noted.knowledge.source, None);
        assert!(noted.knowledge.others.is_empty());
    }
}
