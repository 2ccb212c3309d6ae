//! What rules that were taken make of calls, to compare that with what another firewall would.

use portreeve_policy::{
    Alteration, Ancestry, Contents, Decision, Destination, Knowledge, Lifespan, Object, Operation,
    Origin, Process, Program, Rule, RuleId, Ruleset, Subject,
};

use crate::Imported;

/// A call to connect.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    /// The program's key.
    pub(crate) key: &'static str,
    pub(crate) host: Option<&'static str>,
    pub(crate) ip: &'static str,
    pub(crate) port: u16,
    pub(crate) protocol: &'static str,
}

/// The rules that are taken.
pub(crate) fn taken(imported: Imported) -> Ruleset {
    let lists = imported.lists;
    let rules = (1..).zip(imported.rules).map(|(id, incoming)| {
        let mut checked = incoming.spec.check().unwrap();
        if let Destination::List(named) = &mut checked.object.destination {
            let list = lists.iter().find(|it| it.name == named.name()).unwrap();
            *named = named.with(Some(list.list.clone()));
        }
        Rule {
            id: RuleId(id),
            uid: Some(1000),
            subject: checked.subject,
            operations: checked.operations,
            object: checked.object,
            action: checked.action,
            lifespan: Lifespan::Always,
            enabled: checked.enabled,
            origin: Origin::Import,
            created: 0,
            note: None,
            network: None,
        }
    });
    Ruleset::new(rules)
}

/// Whether they allow the call.
pub(crate) fn allows(taken: &Ruleset, call: &Played) -> bool {
    let subject = Subject {
        uid: 1000,
        program: Program::of_key(call.key).unwrap(),
        contents: Contents::OfRoot,
        process: Process {
            pid: 1,
            began: 1,
            run: 1,
            alteration: Alteration::NONE,
        },
        ancestry: Ancestry::default(),
    };
    let object = Object {
        protocol: call.protocol.parse().unwrap(),
        address: call.ip.parse().unwrap(),
        port: call.port,
        host: call.host.map(Into::into),
        knowledge: Knowledge::default(),
    };
    let decision = taken.decide(&subject, Operation::Connect, &object);
    matches!(decision, Decision::Settled { action, .. } if action.as_str() == "allow")
}
