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
        // Where the computer is slow, keys repeat.
        desk.see("/^a+$/", "label");
        desk.run(desk.broker.show(&prompt(1)));
        desk.press_all(&["a", "alt+a", "Return", "space", "alt+d"], 8);
        desk.see(CURL, "alert");
        // With a button that has the focus, too, once they act: from the question to the last one by one step back.
        desk.receive_prompt();
        desk.pause(READY);
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
        desk.see("/^b+$/", "label");
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
        desk.see("/^b+$/", "label");
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
        assert_eq!(desk.broker.answers(), std::slice::from_ref(&first));
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

/// The layer that is above all windows, and the corner, as the protocol has them.
const OVERLAY: &str = "nil, 3, \"portreeve-prompt\"";
const TOP_RIGHT: u32 = 1 | 8;

#[test]
fn where_there_are_layers_it_stands_above_all_windows() {
    let mut desk = Desk::under(Compositor::Sway, (1280, 800));
    desk.tap_agent();
    desk.open_letter();
    show(&desk, &prompt(1));
    desk.see(CURL, "alert");
    let wire = desk.wire();
    for part in [
        "zwlr_layer_shell_v1".to_owned(),
        OVERLAY.to_owned(),
        format!(".set_anchor({TOP_RIGHT})"),
        ".set_margin(12, 12, 0, 0)".to_owned(),
        // On demand.
        ".set_keyboard_interactivity(2)".to_owned(),
    ] {
        assert!(wire.contains(&part), "{part} is not in {wire}");
    }
    assert!(!wire.contains("get_toplevel"), "{wire}");
    let windows = desk.wayland().swaymsg(&["-t", "get_tree"]);
    let windows = String::from_utf8_lossy(&windows.stdout).into_owned();
    assert!(windows.contains("Letter") && !windows.contains(CURL));
}

#[test]
fn where_there_are_no_layers_it_is_a_window() {
    let mut desk = Desk::under(Compositor::Mutter, (1280, 800));
    desk.tap_agent();
    show(&desk, &prompt(1));
    desk.see(CURL, "alert");
    let wire = desk.wire();
    assert!(
        wire.contains("get_toplevel") && !wire.contains(OVERLAY),
        "{wire}"
    );
}

/// All sizes that a prompt has had, by what was said to the compositor.
fn sizes(wire: &str) -> Vec<(u32, u32)> {
    let size = |line: &str| {
        let layer = line.split_once(".set_size(");
        let window = || line.split_once(".set_window_geometry(");
        let numbers = layer.or_else(window)?.1.split_once(')')?.0;
        let mut numbers = numbers.rsplit(", ").map(str::parse);
        let height = numbers.next()?.ok()?;
        Some((numbers.next()?.ok()?, height))
    };
    wire.lines().filter_map(size).collect()
}

#[test]
fn on_a_small_screen_all_of_it_is_seen() {
    const SCREEN: (u32, u32) = (800, 440);
    for compositor in [Compositor::Mutter, Compositor::Sway] {
        let mut desk = Desk::under(compositor, SCREEN);
        desk.tap_agent();
        let long = Prompt {
            verified: false,
            host: Some(format!("{}.example", ["server"; 20].join("."))),
            ..prompt(1)
        };
        show(&desk, &long);
        desk.see("Its file was deleted or never existed.", "label");
        let sizes = sizes(&desk.wire());
        let (width, height) = *sizes.last().expect("it has a size");
        assert!(width <= SCREEN.0, "{compositor:?}: {sizes:?}");
        // It hangs from the upper edge, and the same is left below.
        let room = SCREEN.1
            - if compositor == Compositor::Sway {
                24
            } else {
                0
            };
        assert!(height <= room, "{compositor:?}: {sizes:?}");
        desk.click("Deny", "button");
        desk.until("the answer has come", |desk| {
            !desk.broker.answers().is_empty()
        });
        assert_eq!(desk.broker.answers()[0].action, "deny");
    }
}
