//! The prompt under compositors of Wayland, which decide by themselves who has the keyboard: GNOME's, and one that
//! has a layer above all windows.

use std::time::Duration;

use portreeve_dbus::Prompt;

use crate::{
    costs::first_frame,
    desk::{Compositor, Desk},
    prompts::{CURL, WGET, answer, prompt, wget},
};

/// Longer than it takes until a key counts: a second with the keyboard, and a pause in typing.
const READY: Duration = Duration::from_millis(1500);

/// What is done under each of them.
fn each(check: impl Fn(Desk)) {
    for compositor in [Compositor::Mutter, Compositor::Sway] {
        let mut desk = Desk::under(compositor, (1280, 800));
        desk.tap_agent();
        check(desk);
    }
}

/// A prompt comes onto the screen.
fn show(desk: &Desk, prompt: &Prompt) {
    let before = desk.wire().len();
    desk.run(desk.broker.show(prompt));
    desk.until("the prompt is shown", |desk| {
        let wire = desk.wire();
        let drawn = first_frame(wire.get(before..).unwrap_or_default()).is_some();
        drawn && desk.broker.was_shown(prompt.id, prompt.revision)
    });
}

/// The prompt has the keyboard, for long enough.
fn get_ready(desk: &Desk) {
    desk.until("it has the keyboard", |desk| desk.is_active(CURL));
    desk.pause(READY);
}

#[test]
fn what_is_typed_while_it_comes_up_answers_nothing() {
    each(|mut desk| {
        desk.open_letter();
        desk.press("a", 4);
        desk.see("aaaa", "label");
        desk.run(desk.broker.show(&prompt(1)));
        desk.press_all(&["a", "alt+a", "Return", "space", "alt+d"], 8);
        desk.see(CURL, "alert");
        // With a button that has the focus, too: from the question to the last one by one step back.
        let mut keys = vec!["shift+Tab"];
        keys.extend(["Return", "space"].repeat(20));
        desk.press_all(&keys, 1);
        desk.see(CURL, "alert");
        assert_eq!(desk.broker.answers(), []);
    });
}

#[test]
fn keys_count_a_second_after_it_has_got_the_keyboard() {
    each(|mut desk| {
        desk.open_letter();
        show(&desk, &prompt(1));
        desk.receive_prompt();
        desk.press("alt+d", 1);
        get_ready(&desk);
        assert_eq!(desk.broker.answers(), []);
        desk.press("alt+d", 1);
        desk.until("the answer has come", |desk| {
            !desk.broker.answers().is_empty()
        });
        let deny = answer(1, 1, "deny", "host", "always");
        assert_eq!(desk.broker.answers(), [deny]);
        // Whoever wrote goes on.
        desk.until("the letter has the keyboard", |desk| {
            desk.is_active("Letter")
        });
        desk.press("b", 2);
        desk.see("bb", "label");
    });
}

#[test]
fn a_prompt_that_gets_the_keyboard_back_waits_a_second_again() {
    each(|mut desk| {
        desk.open_letter();
        show(&desk, &prompt(1));
        desk.receive_prompt();
        get_ready(&desk);
        desk.turn_to_letter();
        desk.press_all(&["b", "b"], 1);
        desk.see("bb", "label");
        desk.until("it has the keyboard", |desk| {
            desk.is_active(CURL) || {
                desk.turn_to_prompt();
                desk.press("alt+a", 4);
                false
            }
        });
        desk.pause(READY);
        assert_eq!(desk.broker.answers(), []);
        desk.press("alt+a", 1);
        desk.until("the answer has come", |desk| {
            !desk.broker.answers().is_empty()
        });
        let allow = answer(1, 1, "allow", "host", "always");
        assert_eq!(desk.broker.answers(), [allow]);
    });
}

#[test]
fn the_next_question_waits_again() {
    each(|desk| {
        show(&desk, &prompt(1));
        desk.receive_prompt();
        desk.run(desk.broker.show(&wget(2)));
        desk.see("1 more program", "toggle button");
        get_ready(&desk);
        desk.press("alt+a", 8);
        desk.see(WGET, "alert");
        desk.until("that is told", |desk| desk.broker.was_shown(2, 1));
        let first = answer(1, 1, "allow", "host", "always");
        assert_eq!(desk.broker.answers(), [first.clone()]);
        desk.pause(READY);
        desk.press("alt+d", 1);
        let second = answer(2, 1, "deny", "host", "always");
        desk.until("the answer has come", |desk| {
            desk.broker.answers() == [first.clone(), second.clone()]
        });
    });
}

#[test]
fn escape_puts_off() {
    each(|desk| {
        show(&desk, &prompt(1));
        desk.receive_prompt();
        desk.until("it has the keyboard", |desk| desk.is_active(CURL));
        desk.press("Escape", 1);
        desk.see_no(CURL, "alert");
        assert_eq!(desk.broker.answers(), []);
        desk.run(desk.broker.update(&Prompt {
            attempts: 2,
            ..prompt(1)
        }));
        desk.see(CURL, "alert");
    });
}
