//! What one rule more would come to.

use super::*;

proptest! {
    /// Of a process that is as its program is, it is what becomes of the call when the rule is there.
    #[test]
    fn what_a_rule_would_let_go_on_is_let_go_on_with_it(
        mut rules in prop::collection::vec(any_rule(), 1..12),
        host in prop::option::of(prop::sample::select(vec!["a.example", "b.example"])),
        address in prop::sample::select(vec!["10.0.0.1", "127.0.0.1", "2001:db8::1"]),
        operation in prop::sample::select(vec![Operation::Connect, Operation::Listen]),
        protocol in prop::sample::select(vec![Protocol::TCP, Protocol::UDP]),
        several in any::<bool>(),
        ancestry in any_ancestry(&["/a", "/b", "/c"]),
    ) {
        for (id, rule) in (0..).zip(&mut rules) {
            rule.id = RuleId(id);
            // What is about who has started it is not about who may connect.
            let is_started = rule.subject.starter().is_some();
            if !is_started || rule.operations.contains(Operation::Listen) {
                rule.subject = SubjectPattern::Program(program("/a"));
            }
        }
        let mut object = object(address, 80, host);
        object.protocol = protocol;
        if several && host.is_some() {
            object.knowledge.source = Some(NameSource::Lookup);
            object.knowledge.others = ["a.example".into(), "c.example".into()].into();
        }
        let one = rules.swap_remove(0);
        let one = Rule { enabled: true, operations: Operations::only(operation), ..one };
        let subject = Subject { ancestry, ..subject("/a") };
        let would = Ruleset::new(rules.clone()).would_allow(&subject, operation, &object, one.clone());
        let with = Ruleset::new(rules.into_iter().chain([one]));
        let decision = with.decide(&subject, operation, &object);
        let allowed = matches!(decision, Decision::Settled { action: Outcome::Allow, .. });
        prop_assert_eq!(would, allowed);
    }
}
