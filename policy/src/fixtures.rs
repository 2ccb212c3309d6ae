//! What the tests of rules are made of.

use proptest::prelude::*;

use crate::{
    Action, Alteration, Ancestry, Contents, Destination, Executable, Knowledge, Lifespan, Object,
    ObjectPattern, Operation, Operations, Origin, Process, Program, Protocol, Rule, RuleId,
    Starter, Subject, SubjectPattern,
};

pub(crate) const PROCESS: Process = Process {
    pid: 7,
    began: 5,
    run: 9,
    alteration: Alteration::NONE,
};

pub(crate) fn program(path: &str) -> Program {
    Program::Path(path.into())
}

pub(crate) fn subject(path: &str) -> Subject {
    Subject {
        uid: 1000,
        program: program(path),
        contents: Contents::OfRoot,
        process: PROCESS,
        ancestry: Ancestry::default(),
    }
}

pub(crate) fn object(address: &str, port: u16, host: Option<&str>) -> Object {
    Object {
        protocol: Protocol::TCP,
        address: address.parse().unwrap(),
        port,
        host: host.map(Into::into),
        knowledge: Knowledge::default(),
    }
}

/// A name server of the computer's, asked by TCP.
pub(crate) fn name_server(address: &str) -> Object {
    let mut object = object(address, 53, None);
    object.knowledge.name_server = true;
    object
}

pub(crate) fn rule(id: u64, path: &str, destination: Destination, action: Action) -> Rule {
    Rule {
        id: RuleId(id),
        uid: Some(1000),
        subject: SubjectPattern::Program(program(path)),
        operations: Operations::only(Operation::Connect),
        object: ObjectPattern {
            destination,
            ports: None,
            protocol: None,
        },
        action,
        lifespan: Lifespan::Always,
        enabled: true,
        origin: Origin::Prompt,
        created: 0,
        note: None,
        network: None,
    }
}

/// The same rule for one network.
pub(crate) fn only_in(id: &str, rule: Rule) -> Rule {
    let id = id.parse().unwrap();
    Rule {
        network: Some(crate::Network { id, name: None }),
        ..rule
    }
}

pub(crate) const HOME: &str = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";
pub(crate) const CAFE: &str = "cafecafe-4c1a-4f6e-9d55-0123456789ab";

pub(crate) fn network(text: &str) -> Destination {
    Destination::Network(text.parse().unwrap())
}

/// Where a list of this text leads.
pub(crate) fn list(text: &str) -> Destination {
    let list = std::sync::Arc::new(crate::List::read(text).unwrap());
    Destination::List(crate::InList::named("list").unwrap().with(Some(list)))
}

/// The file of each program.
pub(crate) fn file(path: &str) -> Executable {
    Executable {
        device: 1,
        inode: path.bytes().map(u64::from).sum(),
        generation: None,
    }
}

/// A program by which a rule speaks of what that starts, known by its file.
pub(crate) fn starter(path: &str) -> Starter {
    let starter = Starter::at(path).unwrap();
    starter.known_by([file(path)].into())
}

/// From some of these programs.
pub(crate) fn any_ancestry(paths: &'static [&str]) -> impl Strategy<Value = Ancestry> {
    let files = move || {
        let path = prop::sample::select(paths).prop_map(file);
        prop::collection::vec(path, 0..3)
    };
    (files(), files(), prop::bool::weighted(0.2)).prop_map(|(executed, living, overflown)| {
        Ancestry {
            executed: executed.into(),
            living: living.into(),
            overflown,
        }
    })
}
