//! Many rules cost no more than few: each call looks at those of its program and of its host's name.

use std::time::{Duration, Instant};

use super::*;

/// For the median, on a host that may do other things at the same time, and not in a release build.
const LIMIT: Duration = Duration::from_micros(20);

/// Ten thousand for networks, and as many for single addresses, of one program.
fn many_of_one() -> Ruleset {
    let networks = (0..10_000_u64).map(|id| {
        let network = network(&format!("10.{}.{}.0/24", id / 256, id % 256));
        rule(id, "/usr/bin/500", network, Action::DENY)
    });
    let addresses = (10_000..20_000_u64).map(|id| {
        let address = network(&format!("2001:db8::{id:x}/128"));
        rule(id, "/usr/bin/500", address, Action::DENY)
    });
    Ruleset::new(networks.chain(addresses))
}

/// Ten rules for each of a thousand programs, and ten thousand against domains for any.
fn many() -> Ruleset {
    let of_programs = (0..10_000_u64).map(|id| {
        let network = network(&format!("10.{}.0.0/16", id % 10));
        rule(id, &format!("/usr/bin/{}", id / 10), network, Action::Allow)
    });
    let against = (10_000..20_000_u64).map(|id| Rule {
        subject: SubjectPattern::Any,
        ..rule(
            id,
            "/any",
            Destination::Domain(format!("tracker-{id}.example").into()),
            Action::DENY,
        )
    });
    Ruleset::new(of_programs.chain(against))
}

#[test]
fn ten_thousand_rules_are_decided_on_in_no_time() {
    let (many, of_one) = (many(), many_of_one());
    let subject = subject("/usr/bin/500");
    let cases = [
        (
            &of_one,
            object("10.0.0.1", 443, Some("www.example.org")),
            Some((Action::DENY, 0)),
        ),
        (
            &of_one,
            object("2001:db8::2710", 443, None),
            Some((Action::DENY, 10_000)),
        ),
        (&of_one, object("192.0.2.1", 443, None), None),
        (
            &many,
            object("10.7.0.1", 443, Some("www.example.org")),
            Some((Action::Allow, 5007)),
        ),
        (
            &many,
            object("192.0.2.1", 443, Some("a.b.tracker-15000.example")),
            Some((Action::DENY, 15_000)),
        ),
        (&many, object("192.0.2.1", 443, None), None),
    ];
    for (rules, object, expected) in cases {
        let mut times: Vec<Duration> = (0..1_001)
            .map(|_| {
                let begun = Instant::now();
                let decided = rules.decide(&subject, Operation::Connect, &object);
                rules.depends_on_names(&subject, Operation::Connect, &object);
                let time = begun.elapsed();
                let expected =
                    expected.map_or(Decision::Ask, |(action, id)| (action, RuleId(id)).into());
                assert_eq!(decided, expected);
                time
            })
            .collect();
        times.sort_unstable();
        let median = times[times.len() / 2];
        assert!(median < LIMIT, "{median:?}");
    }
}
