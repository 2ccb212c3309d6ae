//! Tests of the words about applications of Flatpak and Snap.

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
