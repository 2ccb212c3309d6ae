//! What one decision costs, by how many rules there are: `cargo bench -p portreeve-policy`.

use std::{hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use portreeve_policy::{
    Action, Alteration, Ancestry, Contents, Destination, Entry, InList, Knowledge, Lifespan, List,
    Object, ObjectPattern, Operation, Operations, Origin, Process, Program, Protocol, Rule, RuleId,
    Ruleset, Subject, SubjectPattern,
};

const UID: u32 = 1000;
const CALLER: &str = "/usr/bin/caller";

fn rule(id: u64, subject: SubjectPattern, destination: Destination, action: Action) -> Rule {
    Rule {
        id: RuleId(id),
        uid: Some(UID),
        subject,
        operations: Operations::only(Operation::Connect),
        object: ObjectPattern {
            destination,
            ports: None,
            protocol: None,
        },
        action,
        lifespan: Lifespan::Always,
        enabled: true,
        origin: Origin::Window,
        created: 0,
        note: None,
        network: None,
    }
}

fn of(program: &str) -> SubjectPattern {
    SubjectPattern::Program(Program::Path(program.into()))
}

/// Networks of 256 addresses, another for each number below 65,536.
fn network(number: u64) -> Destination {
    let network = format!("10.{}.{}.0/24", number / 256 % 256, number % 256);
    Destination::Network(network.parse().expect("a network"))
}

/// So many rules of other programs, ten for each.
fn of_others(count: u64) -> impl Iterator<Item = Rule> {
    (0..count).map(|id| {
        let program = of(&format!("/usr/bin/{}", id / 10));
        rule(id, program, network(id), Action::Allow)
    })
}

/// So many rules of the program that calls.
fn of_the_caller(count: u64) -> impl Iterator<Item = Rule> {
    (0..count).map(|id| rule(id, of(CALLER), network(id), Action::Allow))
}

/// So many rules against domains, for any program, as a list of trackers makes them.
fn against_domains(count: u64) -> impl Iterator<Item = Rule> {
    (0..count).map(|id| {
        let domain = Destination::Domain(format!("tracker-{id}.example").into());
        rule(id, SubjectPattern::Any, domain, Action::DENY)
    })
}

/// A rule against what is in a list of so many domains, for any program, and one network.
fn against_list(count: u64) -> impl Iterator<Item = Rule> {
    let names = (0..count).map(|id| format!("tracker-{id}.example"));
    let entries = names.map(|name| Entry::Domain(name.into()));
    let network = Entry::Network("192.0.2.0/24".parse().expect("a network"));
    let list = List::of(entries.chain([network])).expect("a list that is not too long");
    let list = InList::named("trackers")
        .expect("a name")
        .with(Some(Arc::new(list)));
    [rule(
        0,
        SubjectPattern::Any,
        Destination::List(list),
        Action::DENY,
    )]
    .into_iter()
}

/// A call to the network of the oldest rule, by a name that no rule is about.
fn object() -> Object {
    Object {
        protocol: Protocol::TCP,
        address: "10.0.0.1".parse().expect("an address"),
        port: 443,
        host: Some("www.example.org".into()),
        knowledge: Knowledge::default(),
    }
}

fn subject() -> Subject {
    Subject {
        uid: UID,
        program: Program::Path(CALLER.into()),
        contents: Contents::OfRoot,
        ancestry: Ancestry::default(),
        process: Process {
            pid: 1,
            began: 1,
            run: 1,
            alteration: Alteration::NONE,
        },
    }
}

fn decide(criterion: &mut Criterion) {
    let subject = subject();
    let object = object();
    let mut group = criterion.benchmark_group("decide");
    let mut measure = |name: &str, count: u64, rules: Ruleset| {
        group.bench_function(BenchmarkId::new(name, count), |bencher| {
            bencher
                .iter(|| rules.decide(black_box(&subject), Operation::Connect, black_box(&object)));
        });
    };
    for count in [10, 1_000, 10_000] {
        let own = of_the_caller(10);
        measure(
            "rules of other programs",
            count,
            Ruleset::new(own.chain(of_others(count))),
        );
        measure(
            "rules against domains",
            count,
            Ruleset::new(against_domains(count)),
        );
        measure(
            "rules of the program itself",
            count,
            Ruleset::new(of_the_caller(count)),
        );
    }
}

/// The same with one rule about a list, of so many entries.
fn decide_by_list(criterion: &mut Criterion) {
    let subject = subject();
    let object = object();
    let mut group = criterion.benchmark_group("decide");
    for count in [1_000, 100_000, 200_000] {
        let rules = Ruleset::new(of_the_caller(10).chain(against_list(count)));
        group.bench_function(BenchmarkId::new("a list of domains", count), |bencher| {
            bencher
                .iter(|| rules.decide(black_box(&subject), Operation::Connect, black_box(&object)));
        });
    }
}

criterion_group!(benches, decide, decide_by_list);
criterion_main!(benches);
