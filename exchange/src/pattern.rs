//! Whether two rules can be about the same call, and which of them decides here.

use ipnet::IpNet;
use portreeve_policy::{
    Action, Destination, Lifespan, List, ObjectPattern, Operation, Operations, Origin, Program,
    Rule, RuleId, SubjectPattern, is_within,
};

/// Whether some call may be about both. Says so as well where that cannot be told.
pub(crate) fn overlap(a: &ObjectPattern, b: &ObjectPattern) -> bool {
    let ports = match (&a.ports, &b.ports) {
        (Some(a), Some(b)) => a.overlaps(b),
        _ => true,
    };
    let protocol = match (a.protocol, b.protocol) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    ports && protocol && meet(&a.destination, &b.destination)
}

fn meet(a: &Destination, b: &Destination) -> bool {
    match (a, b) {
        (Destination::Host(a), Destination::Host(b)) => a == b,
        (Destination::Domain(domain), Destination::Host(host))
        | (Destination::Host(host), Destination::Domain(domain)) => is_within(host, domain),
        (Destination::Domain(a), Destination::Domain(b)) => is_within(a, b) || is_within(b, a),
        (Destination::List(list), other) | (other, Destination::List(list)) => {
            list.list().is_none_or(|list| meets(list, other))
        }
        // What is made of networks meets what shares an address; all else may.
        _ => match (&a.networks()[..], &b.networks()[..]) {
            ([], _) | (_, []) => true,
            (a, b) => a.iter().any(|a| b.iter().any(|b| share(a, b))),
        },
    }
}

/// Whether a list may have something of that. What is known by a name may have any address.
fn meets(list: &List, other: &Destination) -> bool {
    match other {
        Destination::Host(name) => list.has_networks() || list.has_name(name),
        Destination::Domain(name) => {
            list.has_networks() || list.has_name(name) || list.has_below(name)
        }
        _ => true,
    }
}

fn share(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// Whether, of two rules for the same program that are about a call, the first decides here.
pub(crate) fn outranks(
    (pattern, action): (&ObjectPattern, Action),
    (other, others): (&ObjectPattern, Action),
) -> bool {
    let rule = |object: &ObjectPattern, action| Rule {
        id: RuleId(0),
        uid: None,
        subject: SubjectPattern::Program(Program::Path("/".into())),
        operations: Operations::only(Operation::Connect),
        object: object.clone(),
        action,
        lifespan: Lifespan::Always,
        enabled: true,
        origin: Origin::Import,
        created: 0,
        note: None,
        network: None,
    };
    rule(pattern, action).outranks(&rule(other, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(destination: Destination, ports: Option<&str>, protocol: &str) -> ObjectPattern {
        ObjectPattern {
            destination,
            ports: ports.map(|ports| ports.parse().unwrap()),
            protocol: protocol.parse().ok(),
        }
    }

    fn host(name: &str) -> Destination {
        Destination::Host(name.into())
    }

    fn domain(name: &str) -> Destination {
        Destination::Domain(name.into())
    }

    fn list(text: &str) -> Destination {
        let list = std::sync::Arc::new(List::read(text).unwrap());
        Destination::List(
            portreeve_policy::InList::named("list")
                .unwrap()
                .with(Some(list)),
        )
    }

    fn network(text: &str) -> Destination {
        Destination::Network(text.parse().unwrap())
    }

    #[test]
    fn rules_overlap_unless_they_surely_do_not() {
        use Destination::{Anywhere, Internet, LocalNetwork, Multicast, ThisComputer, Vpn};
        for (a, b, both) in [
            (Anywhere, host("a.example"), true),
            (host("a.example"), host("a.example"), true),
            (host("a.example"), host("b.example"), false),
            (host("a.example"), domain("example"), true),
            (host("notexample"), domain("example"), false),
            (domain("a.example"), domain("example"), true),
            (domain("a.example"), domain("b.example"), false),
            (host("a.example"), network("192.0.2.0/24"), true),
            (network("192.0.2.0/24"), network("192.0.2.7/32"), true),
            (network("192.0.2.0/24"), network("198.51.100.0/24"), false),
            (network("0.0.0.0/0"), network("::/0"), false),
            (network("10.1.0.0/16"), LocalNetwork, true),
            (network("192.0.2.0/24"), LocalNetwork, false),
            (network("192.0.2.0/24"), Internet, true),
            (ThisComputer, Multicast, false),
            (Vpn, Internet, true),
            (list("a.example\n=b.test"), host("x.a.example"), true),
            (list("a.example\n=b.test"), host("x.b.test"), false),
            (list("a.example\n=b.test"), domain("example"), true),
            (list("a.example\n=b.test"), domain("test"), true),
            (list("a.example\n=b.test"), domain("est"), false),
            (list("a.example\n=b.test"), domain("b.example"), false),
            (list("a.example\n192.0.2.1"), host("b.example"), true),
            (list("a.example"), network("192.0.2.0/24"), true),
            (Vpn, network("10.1.0.0/16"), true),
        ] {
            let (a, b) = (pattern(a, None, ""), pattern(b, None, ""));
            assert_eq!(overlap(&a, &b), both, "{a} {b}");
            assert_eq!(overlap(&b, &a), both, "{b} {a}");
        }
        let with = |ports, protocol| pattern(Anywhere, ports, protocol);
        assert!(!overlap(
            &with(Some("80"), "tcp"),
            &with(Some("81-90"), "tcp")
        ));
        assert!(!overlap(&with(Some("80"), "tcp"), &with(None, "udp")));
        assert!(overlap(&with(Some("80"), ""), &with(None, "udp")));
    }

    #[test]
    fn the_more_exact_rule_decides_and_at_equals_the_one_against() {
        let (any, one) = (
            pattern(Destination::Anywhere, None, ""),
            pattern(host("a.example"), None, ""),
        );
        assert!(outranks((&one, Action::Allow), (&any, Action::DENY)));
        assert!(!outranks((&any, Action::Allow), (&one, Action::DENY)));
        assert!(!outranks((&one, Action::Allow), (&one, Action::DENY)));
        assert!(outranks((&one, Action::DENY), (&one, Action::Allow)));
    }
}
