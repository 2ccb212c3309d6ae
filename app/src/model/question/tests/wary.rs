//! What there is to be wary of.

use super::*;

#[test]
fn a_program_with_other_code_inside_is_told_from_itself() {
    let warning = |alterations: &[&str]| {
        let prompt = Prompt {
            alterations: alterations.iter().map(|word| (*word).into()).collect(),
            verified: false,
            ..prompt()
        };
        question(&prompt).warning
    };
    let foreign = Some("Code that is not part of this program runs inside it.");
    let controlled = Some("Another program (a debugger, for example) controls it.");
    assert_eq!(warning(&["foreign-code"]).as_deref(), foreign);
    assert_eq!(warning(&["controlled"]).as_deref(), controlled);
    assert_eq!(warning(&["foreign-code", "controlled"]).as_deref(), foreign);
    assert_eq!(warning(&["controlled", "changed"]).as_deref(), controlled);
}

#[test]
fn a_changed_program_can_be_trusted_anew() {
    let prompt = Prompt {
        alterations: vec!["changed".into()],
        sha256: Some("0f".repeat(32)),
        lifespans: ["once", "process", "always"].map(str::to_owned).into(),
        ..prompt()
    };
    let question = question(&prompt);
    assert_eq!(
        question.warning.as_deref(),
        Some("Its file has changed since you allowed it, so your rules that allow it are paused.")
    );
    let labels: Vec<_> = question
        .lifespans
        .iter()
        .map(|it| plain(&it.label))
        .collect();
    let expected = [
        "Just this time",
        "Until curl quits",
        "Always, and trust the changed file",
    ];
    assert_eq!(labels, expected);
    let mut details = question.details.iter();
    let digest = details.find(|detail| detail.title == "SHA-256 of its file");
    assert_eq!(digest.map(|it| plain(&it.value)), Some("0f".repeat(32)));
}

#[test]
fn a_name_that_can_be_taken_for_another_is_told_in_letters() {
    let asked = |host: &str| {
        question(&Prompt {
            host: Some(host.into()),
            ..prompt()
        })
    };
    let alike = asked("xn--80ak6aa92e.example");
    assert!(plain(&alike.heading).contains("xn--80ak6aa92e.example"));
    let warning = alike.warning.as_deref().map(plain);
    let expected = "This name can be taken for another. In letters, it is аррӏе.example.";
    assert_eq!(warning.as_deref(), Some(expected));
    let honest = asked("xn--mnchen-3ya.example");
    assert_eq!(honest.warning, None);
    let mut details = honest.details.iter();
    let detail = details.find(|detail| detail.title == "Name in letters");
    assert_eq!(
        detail.map(|it| plain(&it.value)).as_deref(),
        Some("münchen.example")
    );
}
