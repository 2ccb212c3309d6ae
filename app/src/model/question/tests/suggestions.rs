//! What questions suggest to whom wants shorter answers.

use super::*;

/// The lifespan that is suggested to who wants none longer than this, where the broker offers and suggests these.
fn suggested(offered: &[&str], by_broker: &str, longest: For) -> String {
    let mut question = question(&Prompt {
        lifespans: offered.iter().map(|&it| it.to_owned()).collect(),
        suggested_lifespan: by_broker.into(),
        ..prompt()
    });
    question.suggest_at_most(longest);
    let suggested = &question.lifespans[question.suggested_lifespan];
    suggested.value.to_string()
}

#[test]
fn nothing_longer_is_suggested_than_is_wanted() {
    let all = ["once", "process", "3600s", "logout", "always"];
    for (longest, expected) in For::ALL.into_iter().zip(all) {
        assert_eq!(suggested(&all, "always", longest), expected);
    }
    // Of what is not offered, the next shorter one; and if there is none, the shortest.
    let few = ["process", "always"];
    assert_eq!(suggested(&few, "always", For::Logout), "process");
    assert_eq!(suggested(&few, "always", For::Once), "process");
}

#[test]
fn nothing_longer_is_suggested_than_the_broker_does() {
    let all = ["once", "process", "3600s", "logout", "always"];
    for (place, by_broker) in all.iter().enumerate() {
        for longest in For::ALL {
            let suggested = suggested(&all, by_broker, longest);
            let suggested = all.iter().position(|it| *it == suggested);
            assert!(suggested <= Some(place), "{by_broker} {longest}");
        }
        assert_eq!(suggested(&all, by_broker, For::Always), *by_broker);
    }
}
