//! Rules about lists.

use super::*;

#[test]
fn any_program_can_be_denied_what_is_in_a_list_and_nothing_else() {
    let of_list = |program: &str, action: &str| RuleSpec {
        program: program.into(),
        list: Some("ads".into()),
        action: action.into(),
        ..spec()
    };
    let checked = of_list("any", "deny").check().unwrap();
    assert_eq!(checked.subject, SubjectPattern::Any);
    assert_eq!(checked.object.to_string(), "in list “ads”");
    for action in ["allow", "ask", "deny"] {
        assert!(of_list("/usr/bin/curl", action).check().is_ok(), "{action}");
    }
    let anywhere = RuleSpec {
        program: "any".into(),
        action: "deny".into(),
        ..spec()
    };
    let started = RuleSpec {
        started_by: Some("/usr/bin/git".into()),
        ..of_list("any", "deny")
    };
    let listens = RuleSpec {
        operations: vec!["listen".into()],
        ..of_list("/usr/bin/curl", "deny")
    };
    let two = RuleSpec {
        host: Some("a.example".into()),
        ..of_list("any", "deny")
    };
    for (spec, word) in [
        (of_list("any", "allow"), "name a program"),
        (of_list("any", "ask"), "name a program"),
        (anywhere, "name a program"),
        (started, "name one"),
        (listens, "connecting"),
        (two, "more than one of"),
    ] {
        assert!(refused(&spec).contains(word), "{}", refused(&spec));
    }
    let path = RuleSpec {
        list: Some("/etc/passwd".into()),
        ..of_list("any", "deny")
    };
    assert!(refused(&path).contains("“/etc/passwd”"));
    // It goes there and back.
    let rule = PolicyRule {
        id: RuleId(7),
        uid: Some(1000),
        subject: checked.subject.clone(),
        operations: checked.operations,
        object: checked.object.clone(),
        action: checked.action,
        lifespan: Lifespan::Always,
        enabled: true,
        origin: portreeve_policy::Origin::Window,
        created: 1,
        note: None,
        network: None,
    };
    let listed = Rule::from(&rule);
    assert_eq!(
        (listed.program.as_deref(), listed.list.as_deref()),
        (None, Some("ads"))
    );
    let again = listed.spec(0).unwrap().check().unwrap();
    assert_eq!(
        (again.subject, again.object),
        (checked.subject, checked.object)
    );
    assert_eq!(listed.compared().unwrap(), rule);
}
