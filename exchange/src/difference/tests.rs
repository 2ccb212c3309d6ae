//! What is added, left, switched and removed.

use super::*;

fn rule(id: u64, host: &str) -> Rule {
    Rule {
        id,
        uid: Some(1000),
        program: Some("/usr/bin/curl".to_owned()),
        operations: vec!["connect".to_owned()],
        destination: "host".to_owned(),
        host: Some(host.to_owned()),
        action: "allow".to_owned(),
        lifespan: "always".to_owned(),
        enabled: true,
        origin: "prompt".to_owned(),
        ..Rule::default()
    }
}

fn incoming(host: &str) -> Incoming {
    Incoming {
        source: host.to_owned(),
        spec: RuleSpec {
            program: "/usr/bin/curl".to_owned(),
            operations: vec!["connect".to_owned()],
            host: Some(host.to_owned()),
            action: "allow".to_owned(),
            enabled: Some(true),
            ..RuleSpec::default()
        },
        off: None,
    }
}

fn off(mut incoming: Incoming) -> Incoming {
    incoming.spec.enabled = Some(false);
    incoming
}

fn ids(rules: &[Rule]) -> Vec<u64> {
    rules.iter().map(|rule| rule.id).collect()
}

#[test]
fn what_is_there_is_not_added_twice() {
    let there = [rule(1, "a.example"), rule(2, "b.example")];
    let wanted = [
        incoming("A.example."),
        incoming("c.example"),
        incoming("c.example"),
    ];
    let difference = Difference::new(&there, &wanted, false);
    let added: Vec<_> = difference.add.iter().map(|it| &*it.source).collect();
    assert_eq!(added, ["c.example"]);
    assert_eq!(difference.same[0].rule.id, 1);
    assert_eq!(difference.changes().remove, None);
    assert_eq!(difference.changes().imported, Some(true));
    difference.changes().check().unwrap();
    // Once they are there, there is nothing to do.
    let difference = Difference::new(
        &[rule(1, "a.example"), rule(3, "c.example")],
        &wanted,
        false,
    );
    assert!(difference.is_empty());
}

#[test]
fn who_adds_switches_nothing() {
    let difference = Difference::new(
        &[rule(1, "a.example")],
        &[off(incoming("a.example"))],
        false,
    );
    assert!(difference.is_empty() && difference.same.len() == 1);
    // Of two that say the same, the one that is in force counts.
    let wanted = [off(incoming("a.example")), incoming("a.example")];
    let difference = Difference::new(&[], &wanted, false);
    assert_eq!(difference.add, [incoming("a.example")]);
}

#[test]
fn what_the_file_denies_is_denied_though_it_was_switched_off() {
    let deny = || {
        let mut deny = incoming("a.example");
        deny.spec.action = "deny".to_owned();
        deny
    };
    let there = |id, enabled| Rule {
        action: "deny".to_owned(),
        errno: Some(1),
        enabled,
        ..rule(id, "a.example")
    };
    for replace in [false, true] {
        let asleep = [there(1, false)];
        let difference = Difference::new(&asleep, &[deny()], replace);
        assert!(difference.add.is_empty(), "{difference:?}");
        assert_eq!(ids(&difference.enable), [1]);
        assert_eq!(difference.changes().enable, Some(vec![1]));
        // One that is off in the file switches none on.
        let difference = Difference::new(&asleep, &[off(deny())], replace);
        assert!(difference.is_empty(), "{difference:?}");
        // If another one denies it already, nothing has to be switched.
        let both = [there(1, false), there(2, true)];
        let difference = Difference::new(&both, &[deny()], replace);
        assert!(difference.enable.is_empty(), "{difference:?}");
        assert_eq!(difference.same[0].rule.id, 2);
    }
    // What is allowed stays off.
    let mut asleep = rule(1, "a.example");
    asleep.enabled = false;
    assert!(Difference::new(&[asleep], &[incoming("a.example")], false).is_empty());
}

#[test]
fn who_replaces_has_the_file_and_nothing_else() {
    let mut asleep = rule(2, "b.example");
    asleep.enabled = false;
    let lives = |id, lifespan: &str| Rule {
        lifespan: lifespan.to_owned(),
        ..rule(id, "x.example")
    };
    let of = |id, origin: &str| Rule {
        origin: origin.to_owned(),
        ..rule(id, "x.example")
    };
    let mut noted = rule(4, "d.example");
    noted.note = Some("old".to_owned());
    let there = [
        rule(1, "a.example"),
        asleep,
        rule(3, "c.example"),
        noted,
        rule(5, "e.example"),
        rule(6, "e.example"),
        lives(7, "process"),
        lives(8, "logout"),
        of(9, "built-in"),
        of(10, "administrator"),
        of(11, "import"),
    ];
    let wanted = [
        off(incoming("a.example")),
        incoming("b.example"),
        incoming("d.example"),
        incoming("e.example"),
        incoming("f.example"),
    ];
    let difference = Difference::new(&there, &wanted, true);
    let added: Vec<_> = difference.add.iter().map(|it| &*it.source).collect();
    assert_eq!(added, ["d.example", "f.example"]);
    assert_eq!(ids(&difference.disable), [1]);
    assert_eq!(ids(&difference.enable), [2]);
    assert_eq!(ids(&difference.remove), [3, 4, 6, 11]);
    difference.changes().check().unwrap();
    let difference = Difference::new(&there, &[], true);
    assert_eq!(ids(&difference.remove), [1, 2, 3, 4, 5, 6, 11]);
}

/// Of leave and the wish to be asked the newer one counts, and what is added is newer than what is there.
#[test]
fn what_is_asked_after_leave_in_the_file_is_so_afterwards() {
    let ask = || {
        let mut ask = incoming("a.example");
        ask.spec.action = "ask".to_owned();
        ask
    };
    let there = |id, action: &str, enabled| Rule {
        action: action.to_owned(),
        enabled,
        ..rule(id, "a.example")
    };
    let file = [incoming("a.example"), ask()];
    let noted = |note: &str| Rule {
        note: Some(note.to_owned()),
        ..there(5, "ask", true)
    };
    for (rule, replace) in [
        (there(5, "ask", true), false),
        (there(5, "ask", true), true),
        (there(5, "ask", false), false),
        (noted("mine"), false),
    ] {
        let difference = Difference::new(std::slice::from_ref(&rule), &file, replace);
        let mut again = ask();
        again.spec.note = rule.note.clone();
        assert_eq!(difference.add, [incoming("a.example"), again]);
        assert_eq!(ids(&difference.remove), [5]);
        assert!(difference.same.is_empty() && difference.enable.is_empty());
        difference.changes().check().unwrap();
    }
    // Other leave is none before it.
    let mut other = incoming("a.example");
    other.spec.program = "/usr/bin/wget".to_owned();
    for file in [
        [ask(), incoming("a.example")],
        [off(incoming("a.example")), ask()],
        [other, ask()],
    ] {
        for replace in [false, true] {
            let difference = Difference::new(&[there(5, "ask", true)], &file, replace);
            assert_eq!((difference.add.len(), difference.remove.len()), (1, 0));
            assert_eq!(difference.same[0].rule.id, 5);
        }
    }
    // Who replaces has the file's order; who does not, his own.
    let both = [there(1, "ask", true), there(2, "allow", true)];
    let difference = Difference::new(&both, &file, true);
    assert_eq!(difference.add, [ask()]);
    assert_eq!(ids(&difference.remove), [1]);
    assert!(Difference::new(&both, &file, false).is_empty());
    // Of several the last that is in force says when.
    for first in [ask(), off(ask())] {
        let file = [first, incoming("a.example"), ask(), off(ask())];
        let difference = Difference::new(&[], &file, false);
        assert_eq!(difference.add, [incoming("a.example"), ask()]);
    }
}

/// A network is part of what a rule says, but not what it is called.
#[test]
fn what_is_for_another_network_is_another_rule() {
    const HOME: &str = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";
    let home = Rule {
        only_in: Some(HOME.to_owned()),
        only_in_name: Some("Home".to_owned()),
        away: Some(true),
        ..rule(1, "a.example")
    };
    let mut for_home = incoming("a.example");
    for_home.spec.only_in = Some(HOME.to_uppercase());
    let there = std::slice::from_ref(&home);
    let difference = Difference::new(there, &[incoming("a.example")], false);
    assert_eq!((difference.add.len(), difference.same.len()), (1, 0));
    let difference = Difference::new(there, std::slice::from_ref(&for_home), true);
    assert!(difference.is_empty(), "{difference:?}");
    let difference = Difference::new(&[rule(1, "a.example")], &[for_home], true);
    assert_eq!(
        (difference.add.len(), ids(&difference.remove)),
        (1, vec![1])
    );
}

/// Who is asked instead of denied may let it go on.
#[test]
fn what_asks_stays_off() {
    for action in ["ask", "deny-and-ask"] {
        let mut ask = incoming("a.example");
        ask.spec.action = action.to_owned();
        let asleep = Rule {
            action: action.to_owned(),
            errno: (action == "deny-and-ask").then_some(1),
            enabled: false,
            ..rule(1, "a.example")
        };
        let difference = Difference::new(&[asleep], &[ask], false);
        assert!(difference.is_empty(), "{difference:?}");
        assert_eq!(difference.same.len(), 1);
    }
}

#[test]
fn a_list_that_is_there_as_it_is_is_not_kept_again() {
    let there = BTreeMap::from([("ads".to_owned(), "a.example\n".to_owned())]);
    let with = |text: &str, there: &BTreeMap<String, String>| {
        let list = IncomingList {
            name: "ads".to_owned(),
            source: "a file".to_owned(),
            list: std::sync::Arc::new(portreeve_policy::List::read(text).unwrap()),
        };
        Difference::new(&[], &[], false).with_lists(&[list], there)
    };
    assert!(with("a.example\n", &there).is_empty());
    let other = with("b.example\n", &there);
    assert!(!other.is_empty() && other.replaced.contains("ads"));
    let new = with("b.example\n", &BTreeMap::new());
    assert_eq!((new.new_lists().unwrap().len(), new.replaced.len()), (1, 0));
}
