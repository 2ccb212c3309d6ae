//! Several questions of one program, put as one.

use std::{ops::RangeInclusive, time::Duration};

use portreeve_dbus::Prompt;

use crate::{
    broker::Answer,
    desk::Desk,
    prompts::{asked, prompt},
};

fn to(id: u64) -> Prompt {
    Prompt {
        host: Some(format!("{id}.example")),
        ..prompt(id)
    }
}

/// A desk on which a program asks about something else, while these places wait.
fn waiting(places: &RangeInclusive<u64>) -> Desk {
    let first = Prompt {
        operation: "listen".into(),
        scopes: ["host-port", "any"].map(str::to_owned).into(),
        ..prompt(1)
    };
    let desk = asked(&first);
    for id in places.clone() {
        desk.run(desk.broker.show(&to(id)));
    }
    desk
}

/// The same, when the first question is answered.
fn places(ids: &RangeInclusive<u64>) -> Desk {
    let desk = waiting(ids);
    desk.click("Deny", "button");
    desk.until("all are shown", |desk| {
        ids.clone().all(|id| desk.broker.was_shown(id, 1))
    });
    desk
}

fn given(desk: &Desk) -> Vec<(u64, String, String)> {
    let answers: Vec<Answer> = desk.broker.answers();
    let words = |it: Answer| (it.id, it.action, it.scope);
    answers.into_iter().skip(1).map(words).collect()
}

fn words(id: u64, action: &str, scope: &str) -> (u64, String, String) {
    (id, action.into(), scope.into())
}

#[test]
fn one_answer_is_for_all_that_are_chosen() {
    let desk = places(&(2..=4));
    desk.see("Allow “curl” to connect to 3 places?", "alert");
    desk.see("Your answer applies to 3 places, always.", "label");
    desk.focus("Allow “curl”");
    desk.choose("3.example");
    desk.see("Your answer applies to 2 places, always.", "label");
    desk.click("Allow", "button");
    // What was left out is asked about by itself.
    desk.see("Allow “curl” to connect to 3.example?", "alert");
    let two = [words(2, "allow", "host"), words(4, "allow", "host")];
    assert_eq!(given(&desk), two);
    desk.click("Deny", "button");
    desk.until("the window is gone", |desk| !desk.has_window("curl"));
    assert_eq!(given(&desk).last(), Some(&words(3, "deny", "host")));
}

#[test]
fn nothing_chosen_is_nothing_to_answer() {
    let desk = places(&(2..=3));
    desk.focus("Allow “curl”");
    for name in ["2.example", "3.example"] {
        desk.choose(name);
    }
    desk.see("No place is chosen.", "label");
    desk.pause(Duration::from_millis(1500));
    desk.press("alt+a", 1);
    desk.pause(Duration::from_millis(300));
    assert_eq!(given(&desk), []);
    desk.choose("3.example");
    desk.click("Allow", "button");
    desk.see("Allow “curl” to connect to 2.example?", "alert");
    assert_eq!(given(&desk), [words(3, "allow", "host")]);
}

#[test]
fn what_comes_later_changes_nothing_under_the_hand() {
    let desk = asked(&to(2));
    desk.pause(Duration::from_millis(600));
    for id in 3..=5 {
        desk.run(desk.broker.show(&to(id)));
    }
    desk.see("3 more questions", "label");
    desk.see("Allow “curl” to connect to 2.example?", "alert");
}

#[test]
fn a_flood_can_be_answered_at_once() {
    let desk = places(&(2..=13));
    desk.see(
        "“curl” is contacting many computers. Allow it to connect anywhere?",
        "alert",
    );
    desk.see("12 places", "label");
    desk.click("Deny", "button");
    desk.until("it is answered", |desk| !given(desk).is_empty());
    assert_eq!(given(&desk), [words(2, "deny", "any")]);
}
