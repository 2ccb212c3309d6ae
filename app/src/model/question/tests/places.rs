//! Tests of the words of a question about several places.

use super::*;

fn to(id: u64, host: &str) -> Prompt {
    Prompt {
        id,
        host: Some(host.into()),
        ..prompt()
    }
}

fn about(prompts: &[Prompt]) -> Question {
    Question::of(prompts, &Program::default()).expect("there is something to ask")
}

#[test]
fn one_is_asked_about_as_ever() {
    assert_eq!(about(&[prompt()]), question(&prompt()));
    assert!(Question::of(&[], &Program::default()).is_none());
}

#[test]
fn several_are_named_one_by_one() {
    let by_domain = Prompt {
        domain: Some("example.org".into()),
        scopes: ["domain", "host", "any"].map(str::to_owned).into(),
        ..to(3, "www.example.org")
    };
    let narrow = Prompt {
        scopes: ["host-port", "any"].map(str::to_owned).into(),
        ..to(2, "b.example")
    };
    let question = about(&[to(1, "a.example"), narrow, by_domain]);
    assert_eq!(
        plain(&question.heading),
        "Allow “curl” to connect to 3 places?"
    );
    let places: Vec<_> = question
        .places
        .iter()
        .map(|it| (it.id, plain(&it.name), plain(&it.reach), it.scope))
        .collect();
    assert_eq!(
        places,
        [
            (1, "a.example".into(), "Any port".into(), Scope::Host),
            (
                2,
                "b.example".into(),
                "Port 443 (TCP) only".into(),
                Scope::HostPort
            ),
            (
                3,
                "www.example.org".into(),
                "example.org and its subdomains".into(),
                Scope::Domain
            ),
        ]
    );
    let extents: Vec<_> = question.scopes.iter().map(|it| it.value).collect();
    assert_eq!(extents, [Extent::Places, Extent::Scope(Scope::Any)]);
    // What is particular to one of them would be wrong of the others.
    assert!(
        question
            .details
            .iter()
            .all(|it| it.title != "Address" && it.title != "Port")
    );
}

#[test]
fn what_an_answer_does_counts_the_chosen_ones() {
    let question = about(&[to(1, "a.example"), to(2, "b.example")]);
    let consequence = |count, lifespan| plain(&question.consequence_for_places(count, lifespan));
    assert_eq!(
        consequence(2, For::Always),
        "Your answer applies to 2 places, always."
    );
    assert_eq!(
        consequence(1, For::Process),
        "Your answer applies to 1 place, until “curl” quits."
    );
    assert_eq!(consequence(0, For::Always), "No place is chosen.");
}

#[test]
fn a_flood_suggests_anywhere_if_that_is_offered() {
    let many = |scopes: &[&str]| {
        let prompts: Vec<Prompt> = (0..9)
            .map(|id| Prompt {
                scopes: scopes.iter().map(|it| (*it).to_owned()).collect(),
                ..to(id, "a.example")
            })
            .collect();
        about(&prompts)
    };
    let flood = many(&["host", "any"]);
    assert_eq!(
        plain(&flood.heading),
        "“curl” is contacting many computers. Allow it to connect anywhere?"
    );
    assert_eq!(flood.scopes[0].value, Extent::Scope(Scope::Any));
    let narrow = many(&["host"]);
    assert_eq!(
        plain(&narrow.heading),
        "Allow “curl” to connect to 9 places?"
    );
    assert_eq!(narrow.scopes.len(), 1);
}

#[test]
fn a_look_alike_among_them_is_warned_of() {
    let question = about(&[to(1, "a.example"), to(2, "www.xn--80ak6aa92e.example")]);
    assert!(
        question
            .warning
            .is_some_and(|it| it.contains("can be taken for another"))
    );
    let nameless = Prompt {
        host: None,
        ..prompt()
    };
    assert_eq!(about(&[nameless, to(2, "b.example")]).warning, None);
}

#[test]
fn it_is_stopped_only_if_none_is_held() {
    let stopped = |id| Prompt {
        held: 0,
        ..to(id, "a.example")
    };
    assert!(about(&[stopped(1), stopped(2)]).stopped.is_some());
    let held = Prompt {
        waits: Some(7),
        ..to(2, "b.example")
    };
    let question = about(&[stopped(1), held]);
    assert_eq!((question.stopped, question.process), (None, Some(7)));
}

#[test]
fn only_places_of_the_same_caller_go_together() {
    let one = Prompt {
        uid: 1000,
        ..to(1, "a.example")
    };
    let other = Prompt {
        uid: 1000,
        ..to(2, "b.example")
    };
    assert!(go_together(&one, &other));
    let changed = |prompt: &Prompt| Prompt {
        alterations: vec!["changed".into()],
        ..prompt.clone()
    };
    assert!(!go_together(&changed(&one), &changed(&other)));
    for other in [
        Prompt {
            operation: "listen".into(),
            ..to(2, "b.example")
        },
        Prompt {
            name_server: Some(true),
            ..to(2, "b.example")
        },
        Prompt {
            alterations: vec!["foreign-code".into()],
            ..to(2, "b.example")
        },
        Prompt {
            verified: false,
            ..to(2, "b.example")
        },
        Prompt {
            uid: 0,
            ..to(2, "b.example")
        },
        Prompt {
            lifespans: vec!["once".into()],
            ..to(2, "b.example")
        },
        Prompt {
            scopes: vec!["any".into()],
            ..to(2, "b.example")
        },
    ] {
        assert!(!go_together(&one, &other), "{other:?}");
    }
}

#[test]
fn a_question_that_grows_to_a_flood_is_not_for_anywhere_by_itself() {
    let flood: Vec<_> = (0..9).map(|id| to(id, "a.example")).collect();
    let flood = about(&flood);
    let chosen = |before| flood.scopes[flood.extent_after(before)].value;
    let anywhere = Extent::Scope(Scope::Any);
    assert_eq!(chosen(None), anywhere);
    for before in [Extent::Scope(Scope::Host), Extent::Places] {
        assert_eq!(chosen(Some(before)), Extent::Places);
    }
    assert_eq!(chosen(Some(anywhere)), anywhere);
}
