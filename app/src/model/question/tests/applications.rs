//! Tests of the words about applications of Flatpak and Snap, and of programs known by what is in their files.

use super::*;

#[test]
fn an_application_is_shown_by_its_id() {
    let program = Program {
        title: Some("Browser".into()),
        ..Program::default()
    };
    for (key, id, identity) in [
        (
            "flatpak:org.example.Web",
            "org.example.Web",
            "Flatpak org.example.Web",
        ),
        ("snap:web", "web", "Snap web"),
    ] {
        let prompt = Prompt {
            name: id.into(),
            path: "/var/lib/somewhere/web".into(),
            application: Some(key.into()),
            ..prompt()
        };
        let question = Question::new(&prompt, &program);
        assert_eq!(plain(&question.identity), identity);
        assert!(question.heading.contains("Browser"), "{}", question.heading);
        assert_eq!(plain(&question.details[0].value), "/var/lib/somewhere/web");
        let unknown = heading_of(&prompt);
        assert!(unknown.contains(id), "{unknown}");
        let claimed = Prompt {
            verified: false,
            ..prompt
        };
        let question = Question::new(&claimed, &program);
        assert!(
            !question.identity.contains(identity),
            "{}",
            question.identity
        );
    }
}

#[test]
fn what_is_known_by_its_contents_is_said_to_call_itself_something() {
    let prompt = Prompt {
        verified: false,
        by_contents: Some(true),
        sha256: Some("0123".into()),
        ..prompt()
    };
    let program = Program {
        title: Some("Curl".into()),
        icon: Some("curl".into()),
        ..Program::default()
    };
    let question = Question::new(&prompt, &program);
    assert_eq!(
        plain(&question.heading),
        "Allow a program in a container or similar (“curl”) to connect to server.example?"
    );
    assert_eq!(plain(&question.identity), "Calls itself /usr/bin/curl");
    assert_eq!(
        (question.warning.as_ref(), question.icon.as_ref()),
        (None, None)
    );
    let always = question.consequence(Scope::Host, For::Always);
    assert!(always.contains("what is in its file"), "{always}");
    let once = question.consequence(Scope::Host, For::Once);
    assert!(!once.contains("what is in its file"), "{once}");
    // Nor is it what a newer broker says of a file that is where it seems.
    let other = Prompt {
        verified: true,
        ..prompt
    };
    let heading = heading_of(&other);
    assert!(!heading.contains("container"), "{heading}");
}
