//! The agent's windows.

use std::time::{Duration, Instant};

use portreeve_dbus::{Error, ModeSpec, Prompt};

use crate::{broker::Answer, desk::Desk};

pub(crate) const CURL: &str = "Allow “curl” to connect to server.example?";
pub(crate) const WGET: &str = "Allow “wget” to connect to server.example?";

pub(crate) fn prompt(id: u64) -> Prompt {
    Prompt {
        id,
        revision: 1,
        operation: "connect".into(),
        subject: "/usr/bin/curl".into(),
        name: "curl".into(),
        path: "/usr/bin/curl".into(),
        verified: true,
        pid: 4711,
        host: Some("server.example".into()),
        address: "203.0.113.10".into(),
        port: 443,
        protocol: "tcp".into(),
        held: 1,
        attempts: 1,
        scopes: ["host", "host-port", "any"].map(str::to_owned).into(),
        lifespans: ["once", "process", "always"].map(str::to_owned).into(),
        suggested_lifespan: "always".into(),
        ..Prompt::default()
    }
}

pub(crate) fn wget(id: u64) -> Prompt {
    Prompt {
        subject: "/usr/bin/wget".into(),
        name: "wget".into(),
        path: "/usr/bin/wget".into(),
        ..prompt(id)
    }
}

/// A desk with a running agent.
fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.start_agent();
    desk
}

/// A desk on which this prompt stands.
pub(crate) fn asked(prompt: &Prompt) -> Desk {
    let desk = desk();
    desk.run(desk.broker.show(prompt));
    let (id, revision) = (prompt.id, prompt.revision);
    desk.until("the prompt is shown", |desk| {
        desk.broker.was_shown(id, revision)
    });
    desk
}

pub(crate) fn answer(id: u64, revision: u32, action: &str, scope: &str, lifespan: &str) -> Answer {
    Answer {
        id,
        revision,
        action: action.into(),
        scope: scope.into(),
        lifespan: lifespan.into(),
    }
}

#[test]
fn mashing_keys_answers_nothing() {
    let desk = desk();
    // Where the window will come up, so that it gets the keys.
    desk.xdotool(["mousemove", "200", "60"]);
    desk.press("Return", 4);
    desk.run(desk.broker.show(&prompt(1)));
    desk.press("Return", 30);
    desk.press("space", 30);
    desk.focus("Allow “curl”");
    // Even with a button focused: from the question to the last button by one step back.
    desk.press("shift+Tab", 1);
    desk.press("Return", 40);
    desk.press("space", 40);
    desk.press("alt+a", 10);
    assert_eq!(desk.broker.answers(), []);
    assert!(desk.has_window("Allow “curl”"));
}

#[test]
fn a_button_that_is_focused_and_armed_takes_a_key() {
    let desk = asked(&prompt(1));
    desk.focus("Allow “curl”");
    desk.pause(Duration::from_millis(1500));
    desk.press("alt+d", 1);
    desk.until("the answer has come", |desk| {
        !desk.broker.answers().is_empty()
    });
    assert_eq!(
        desk.broker.answers(),
        [answer(1, 1, "deny", "host", "always")]
    );
}

/// As the packages of the system that the tests run in have it.
#[test]
fn a_packaged_application_is_called_by_its_title() {
    let desk = asked(&Prompt {
        name: "display-im7.q16".into(),
        path: "/usr/bin/display-im7.q16".into(),
        ..prompt(1)
    });
    let heading = "Allow “ImageMagick (color depth=q16)” to connect to server.example?";
    desk.see(heading, "alert");
    desk.run(desk.broker.show(&Prompt {
        subject: "/usr/local/bin/none".into(),
        name: "none".into(),
        path: "/usr/local/bin/none".into(),
        ..prompt(2)
    }));
    desk.run(desk.broker.withdraw(1));
    desk.see("/usr/local/bin/none, not from a package", "label");
}

#[test]
fn a_click_sends_one_answer() {
    let desk = asked(&prompt(7));
    desk.see(CURL, "alert");
    desk.click("Allow", "button");
    desk.until("the window is gone", |desk| {
        !desk.has_window("Allow “curl”")
    });
    assert_eq!(
        desk.broker.answers(),
        [answer(7, 1, "allow", "host", "always")]
    );
}

#[test]
fn what_the_answer_does_is_read_aloud_as_it_is_written() {
    // Nothing that puts the lines and the writing direction in order is in what is read.
    let desk = asked(&prompt(1));
    desk.see(
        "Your answer applies to server.example on any port, always.",
        "label",
    );
}

#[test]
fn a_port_of_udp_is_called_so() {
    let desk = asked(&Prompt {
        operation: "listen".into(),
        port: 5353,
        protocol: "udp".into(),
        scopes: vec!["host-port".into(), "any".into()],
        ..prompt(1)
    });
    desk.see("Let other devices send data to “curl”?", "alert");
    desk.see("Your answer applies to UDP port 5353, always.", "label");
}

#[test]
fn a_press_counts_only_after_the_pointer_has_moved() {
    let desk = desk();
    // Over the Allow button, to be.
    desk.run(desk.broker.show(&prompt(1)));
    desk.until("there is a window", |desk| desk.has_window("Allow “curl”"));
    let (x, y) = desk.allow_button("Allow “curl”");
    desk.run(desk.broker.withdraw(1));
    desk.until("the window is gone", |desk| {
        !desk.has_window("Allow “curl”")
    });
    desk.xdotool(["mousemove", &x.to_string(), &y.to_string()]);

    desk.run(desk.broker.show(&prompt(2)));
    desk.until("the prompt is shown", |desk| desk.broker.was_shown(2, 1));
    for _ in 0..10 {
        desk.xdotool(["click", "1"]);
    }
    desk.pause(Duration::from_millis(700));
    desk.xdotool(["click", "1"]);
    assert_eq!(desk.broker.answers(), []);

    desk.xdotool(["mousemove_relative", "--sync", "--", "-12", "-4"]);
    desk.xdotool(["click", "1"]);
    desk.until("the answer has come", |desk| {
        !desk.broker.answers().is_empty()
    });
    assert_eq!(
        desk.broker.answers(),
        [answer(2, 1, "allow", "host", "always")]
    );
}

#[test]
fn scope_and_lifespan_can_be_chosen_with_the_keyboard() {
    let desk = asked(&prompt(1));
    desk.focus("Allow “curl”");
    // The second of the scopes, then the second of the lifespans. GTK goes from the last choice,
    // which is the suggested lifespan, to the first.
    for key in [
        "Tab", "space", "Down", "Return", "Tab", "space", "Down", "Down", "Return",
    ] {
        desk.press(key, 1);
        desk.pause(Duration::from_millis(300));
    }
    desk.see("/server.example.* on port 443, until/", "label");
    desk.click("Deny", "button");
    desk.until("the answer has come", |desk| {
        !desk.broker.answers().is_empty()
    });
    assert_eq!(
        desk.broker.answers(),
        [answer(1, 1, "deny", "host-port", "process")]
    );
}

#[test]
fn an_answer_for_an_hour_can_be_chosen() {
    let offered = ["once", "process", "3600s", "logout", "always"];
    let desk = asked(&Prompt {
        lifespans: offered.map(str::to_owned).into(),
        ..prompt(1)
    });
    desk.focus("Allow “curl”");
    // From the last choice GTK goes to the first.
    for key in ["Tab", "Tab", "space", "Down", "Down", "Down", "Return"] {
        desk.press(key, 1);
        desk.pause(Duration::from_millis(300));
    }
    desk.see("/server.example.* on any port, for 1 hour/", "label");
    desk.click("Allow", "button");
    desk.until("the answer has come", |desk| {
        !desk.broker.answers().is_empty()
    });
    assert_eq!(
        desk.broker.answers(),
        [answer(1, 1, "allow", "host", "3600s")]
    );
}

#[test]
fn what_was_put_off_comes_back_when_the_agent_is_started_again() {
    let mut desk = Desk::new();
    desk.start_agent();
    desk.run(desk.broker.show(&prompt(1)));
    desk.focus("Allow “curl”");
    desk.press("Escape", 1);
    desk.see_no(CURL, "alert");
    desk.start_program("portreeve-agent");
    desk.see(CURL, "alert");
}

#[test]
fn escape_puts_off_until_the_next_attempt() {
    let desk = asked(&prompt(1));
    desk.focus("Allow “curl”");
    desk.press("Escape", 1);
    desk.until("the window is gone", |desk| {
        !desk.has_window("Allow “curl”")
    });

    let expired = Prompt {
        held: 0,
        ..prompt(1)
    };
    desk.run(desk.broker.update(&expired));
    desk.pause(Duration::from_millis(500));
    assert!(
        !desk.has_window("Allow “curl”"),
        "the end of the hold is no new attempt"
    );

    desk.run(desk.broker.update(&Prompt {
        attempts: 2,
        ..prompt(1)
    }));
    desk.until("the window is back", |desk| desk.has_window("Allow “curl”"));
    assert_eq!(desk.broker.answers(), []);
}

#[test]
fn a_withdrawn_prompt_is_gone_at_once() {
    let desk = asked(&prompt(1));
    desk.until("there is a window", |desk| desk.has_window("Allow “curl”"));
    let start = Instant::now();
    desk.run(desk.broker.withdraw(1));
    desk.until("the window is gone", |desk| {
        !desk.has_window("Allow “curl”")
    });
    let time = start.elapsed();
    assert!(time <= Duration::from_millis(200), "it took {time:?}");
}

#[test]
fn what_was_not_seen_is_not_answered() {
    let desk = asked(&prompt(1));
    let changed = Prompt {
        revision: 2,
        host: Some("other.example".into()),
        ..prompt(1)
    };
    desk.broker.change_silently(&changed);
    desk.broker
        .refuse(Error::StaleRevision("look again".into()));
    desk.click("Allow", "button");
    desk.see("Allow “curl” to connect to other.example?", "alert");
    desk.click("Deny", "button");
    desk.until("the window is gone", |desk| {
        !desk.has_window("Allow “curl”")
    });
    assert_eq!(
        desk.broker.answers(),
        [
            answer(1, 1, "allow", "host", "always"),
            answer(1, 2, "deny", "host", "always")
        ]
    );
}

#[test]
fn a_prompt_that_ended_meanwhile_makes_room_for_the_next() {
    let desk = asked(&prompt(1));
    let next = Prompt {
        operation: "listen".into(),
        scopes: ["host-port", "any"].map(str::to_owned).into(),
        ..prompt(2)
    };
    desk.run(desk.broker.show(&next));
    desk.see("1 more question", "label");
    desk.broker.refuse(Error::NoSuchPrompt("1".into()));
    desk.click("Allow", "button");
    desk.see("Let other devices connect to “curl”?", "alert");
    desk.click("Allow", "button");
    desk.until("the window is gone", |desk| {
        !desk.has_window("Let other devices")
    });
    assert_eq!(
        desk.broker.answers().last(),
        Some(&answer(2, 1, "allow", "host-port", "always"))
    );
}

#[test]
fn one_program_after_the_other_has_its_turn() {
    let desk = asked(&prompt(1));
    desk.see(CURL, "alert");
    desk.see_no("1 more program", "toggle button");
    desk.run(desk.broker.show(&wget(2)));
    desk.see("1 more program", "toggle button");
    desk.see_no(WGET, "alert");
    assert!(!desk.broker.was_shown(2, 1));
    desk.focus("Allow “curl”");
    desk.pause(Duration::from_millis(1500));
    // What is meant for the one is no answer for the other, which has come meanwhile.
    desk.press("alt+a", 5);
    desk.see(WGET, "alert");
    desk.see_no("1 more program", "toggle button");
    desk.until("that is told", |desk| desk.broker.was_shown(2, 1));
    desk.pause(Duration::from_millis(300));
    let first = answer(1, 1, "allow", "host", "always");
    assert_eq!(desk.broker.answers(), [first]);
    desk.run(desk.broker.withdraw(2));
    desk.until("nothing is left", |desk| !desk.has_window("Allow “"));
}

#[test]
fn who_waits_can_be_chosen_or_all_be_put_off() {
    let desk = asked(&prompt(1));
    desk.see(CURL, "alert");
    desk.run(desk.broker.show(&wget(2)));
    desk.click("1 more program", "toggle button");
    desk.click("/wget/", "button");
    desk.see(WGET, "alert");
    desk.click("1 more program", "toggle button");
    desk.click("Decide All Later", "button");
    desk.until("nothing is shown", |desk| !desk.has_window("Allow “"));
    assert_eq!(desk.broker.answers(), []);
    // The next attempt of one brings only that back.
    desk.run(desk.broker.update(&Prompt {
        attempts: 2,
        ..prompt(1)
    }));
    desk.see(CURL, "alert");
    desk.see_no("1 more program", "toggle button");
}

#[test]
fn who_is_asked_too_much_has_a_quarter_of_an_hour_without_questions() {
    let desk = asked(&prompt(1));
    desk.run(desk.broker.show(&wget(2)));
    desk.click("1 more program", "toggle button");
    desk.click("Deny Without Questions for 15 Minutes", "button");
    let snooze = ModeSpec {
        mode: Some("deny".into()),
        seconds: Some(900),
        snooze: Some(true),
    };
    desk.until("that is wanted", |desk| {
        desk.broker.modes.wanted() == [snooze.clone()]
    });
    assert_eq!(desk.broker.answers(), []);
}

#[test]
fn a_program_without_a_file_gets_no_lasting_rule() {
    let fileless = Prompt {
        verified: false,
        lifespans: vec!["once".into(), "process".into()],
        suggested_lifespan: "process".into(),
        ..prompt(1)
    };
    let desk = asked(&fileless);
    desk.see("/^Allow a program without a file/", "alert");
    desk.see("Its file was deleted or never existed.", "label");
    assert!(!desk.tree().contains("“Always”"), "{}", desk.tree());
    desk.click("Deny", "button");
    desk.until("the answer has come", |desk| {
        !desk.broker.answers().is_empty()
    });
    assert_eq!(
        desk.broker.answers(),
        [answer(1, 1, "deny", "host", "process")]
    );
}

#[test]
fn the_broker_takes_its_prompts_along_and_finds_the_agent_again() {
    let desk = asked(&prompt(1));
    desk.until("there is a window", |desk| desk.has_window("Allow “curl”"));
    desk.run(desk.broker.leave());
    desk.until("the window is gone", |desk| {
        !desk.has_window("Allow “curl”")
    });
    desk.run(desk.broker.come_back());
    desk.until("the agent has registered again", |desk| {
        desk.broker.has_agent()
    });
    desk.run(desk.broker.show(&prompt(2)));
    desk.until("there is a window", |desk| desk.has_window("Allow “curl”"));
}

#[test]
fn an_agent_that_the_broker_has_given_up_on_registers_again() {
    let desk = asked(&prompt(1));
    desk.until("there is a window", |desk| desk.has_window("Allow “curl”"));
    desk.run(desk.broker.drop_agent());
    desk.until("the window is gone", |desk| {
        !desk.has_window("Allow “curl”")
    });
    desk.until("the agent has registered again", |desk| {
        desk.broker.has_agent()
    });
    desk.run(desk.broker.show(&prompt(2)));
    desk.until("there is a window", |desk| desk.has_window("Allow “curl”"));
}

#[test]
fn a_new_broker_is_not_waited_for_as_long_as_one_that_refused_the_agent() {
    let desk = asked(&prompt(1));
    let refused = |count| {
        desk.until(&format!("{count} times it was refused"), |desk| {
            desk.broker.agents_refused() >= count
        });
    };
    desk.broker.want_agents(false);
    desk.run(desk.broker.drop_agent());
    refused(4);
    desk.run(desk.broker.leave());
    desk.run(desk.broker.come_back());
    refused(5);
    desk.broker.want_agents(true);
    let begin = Instant::now();
    desk.until("the agent has registered again", |desk| {
        desk.broker.has_agent()
    });
    // The next pause of the same broker's would be of 8 s.
    let passed = begin.elapsed();
    assert!(passed < Duration::from_secs(4), "{passed:?}");
}
