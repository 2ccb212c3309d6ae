//! `portreevectl agent` on a terminal of its own: keys are typed, and the broker hears of it or not.

mod desk;

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use portreeve_dbus::{Error, Prompt, withdrawn};

use self::desk::{Desk, eventually};
use crate::{
    NOWHERE, json_of, portreevectl, prompt, run,
    scripted::{Bus, Script},
    status, text_of,
};

/// Between two keys of somebody who types something else.
const MASHING: Duration = Duration::from_millis(50);
/// A pause that would be one, if a busy computer made it.
const STALLED: Duration = Duration::from_millis(350);

fn script() -> Script {
    Script {
        prompts: vec![prompt()],
        ..Script::default()
    }
}

fn answers(bus: &Bus) -> Vec<String> {
    let calls = bus.calls().into_iter();
    calls.filter(|call| call.starts_with("Answer")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_answers() {
    let bus = Bus::start(script()).await;
    let mut desk = Desk::start(&bus, &[]).await;
    let agent = bus.agent().await;
    agent.show(&prompt()).await.unwrap();
    desk.until("Allow “curl” to connect to example.org?").await;
    desk.until("Other side: example.org (192.0.2.7), port 443")
        .await;
    desk.until("Press a key.").await;
    assert!(!desk.is_usual(), "nothing that is typed is to be seen");
    desk.type_keys("a");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
    let calls = bus.calls();
    let expected = [
        "RegisterAgent",
        "PromptShown 7 3",
        "Answer 7 3 allow host once",
    ];
    assert_eq!(calls, expected);
    desk.until("Allowed “curl”: example.org, any port, just this time.")
        .await;
    agent.withdraw(7, withdrawn::ANSWERED).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    desk.type_keys("q");
    assert_eq!(desk.end().await, 0);
    assert!(desk.is_usual());
}

#[tokio::test(flavor = "multi_thread")]
async fn scope_and_lifespan_are_typed_too() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    bus.agent().await.show(&prompt()).await.unwrap();
    for (seen, key) in [
        ("Press a key.", "s"),
        ("2 example.org, port 443 only", "2"),
        ("example.org, port 443 only, just this time", "l"),
        ("2 until it quits", "2"),
        (
            "makes a rule for “curl”: example.org, port 443 only, until it quits.",
            "d",
        ),
    ] {
        desk.until(seen).await;
        desk.until("Press a key.").await;
        desk.type_keys(key);
    }
    eventually("it is answered", || !answers(&bus).is_empty()).await;
    assert_eq!(answers(&bus), ["Answer 7 3 deny host-port process"]);
    desk.until("This is rule 12 now.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_before_answers_nothing() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    desk.type_keys("aaaa\n\nd\n");
    bus.agent().await.show(&prompt()).await.unwrap();
    desk.until("Allow “curl”").await;
    // As of somebody who was typing, and of a paste.
    desk.type_keys("a");
    desk.type_keys("allow\n");
    desk.until("Press a key.").await;
    desk.type_keys("\n");
    tokio::time::sleep(Duration::from_millis(600)).await;
    desk.type_keys("aa");
    tokio::time::sleep(Duration::from_millis(600)).await;
    desk.type_keys("\u{1b}[Aa");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(answers(&bus), Vec::<String>::new());
    desk.type_keys("d");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
    assert_eq!(answers(&bus), ["Answer 7 3 deny host once"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_before_it_could_be_seen_answers_nothing() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    // Ctrl-S is a key like any other.
    desk.type_keys("\u{13}");
    let agent = bus.agent().await;
    agent.show(&prompt()).await.unwrap();
    desk.until("Press a key.").await;
    // What holds it up is something else.
    desk.hold_up(true);
    let other = Prompt {
        revision: 4,
        host: None,
        ..prompt()
    };
    bus.set_quietly(vec![other.clone()]);
    agent.update(&other).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    desk.type_keys("a");
    tokio::time::sleep(Duration::from_millis(500)).await;
    desk.hold_up(false);
    desk.until("The question has changed.").await;
    desk.type_keys("d");
    desk.until("Press a key.").await;
    assert_eq!(answers(&bus), Vec::<String>::new());
    desk.type_keys("a");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
    assert_eq!(answers(&bus), ["Answer 7 4 allow host once"]);
}

/// Types for three seconds from when a prompt comes; `false` if the computer stalled meanwhile.
async fn mash(bus: &Bus, desk: &Desk) -> bool {
    desk.type_keys("x");
    bus.agent().await.show(&prompt()).await.unwrap();
    let mut last = Instant::now();
    let end = last + Duration::from_secs(3);
    for key in "adslinad12".chars().cycle() {
        desk.type_keys(&key.to_string());
        if last.elapsed() > STALLED {
            return false;
        }
        last = Instant::now();
        if last > end {
            break;
        }
        tokio::time::sleep(MASHING).await;
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn mashing_answers_nothing() {
    for _ in 0..5 {
        let bus = Bus::start(script()).await;
        let desk = Desk::start(&bus, &[]).await;
        if mash(&bus, &desk).await {
            assert_eq!(answers(&bus), Vec::<String>::new());
            desk.until("Allow “curl”").await;
            desk.until("Press a key.").await;
            desk.type_keys("d");
            eventually("it is answered", || !answers(&bus).is_empty()).await;
            return;
        }
    }
    panic!("this computer stalls too much to tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_changes_under_the_finger_is_not_answered() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    let agent = bus.agent().await;
    agent.show(&prompt()).await.unwrap();
    desk.until("Press a key.").await;
    let changed = |revision| Prompt {
        revision,
        host: None,
        address: format!("192.0.2.{revision}"),
        ..prompt()
    };
    bus.set_quietly(vec![changed(4)]);
    agent.update(&changed(4)).await.unwrap();
    desk.until("The question has changed.").await;
    desk.type_keys("a");
    desk.until("connect to 192.0.2.4?").await;
    desk.until("Warning: No name is known for this address.")
        .await;
    desk.until("Press a key.").await;
    assert_eq!(answers(&bus), Vec::<String>::new());
    assert!(bus.calls().contains(&"PromptShown 7 4".to_owned()));
    // It changes again, and the answer is on its way before the agent hears of that.
    bus.set_quietly(vec![changed(5)]);
    desk.type_keys("a");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
    desk.until("connect to 192.0.2.5?").await;
    desk.until("Press a key.").await;
    desk.type_keys("d");
    eventually("it is answered again", || answers(&bus).len() == 2).await;
    assert_eq!(
        answers(&bus),
        ["Answer 7 4 allow host once", "Answer 7 5 deny host once"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_question_is_cleared() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    let agent = bus.agent().await;
    agent.show(&prompt()).await.unwrap();
    let other = Prompt {
        id: 8,
        name: "w\u{1b}]0;x\u{7}get".into(),
        ..prompt()
    };
    agent.show(&other).await.unwrap();
    desk.until("1 more waiting").await;
    agent.withdraw(7, withdrawn::ENDED).await.unwrap();
    desk.until("“curl” has ended and needs no answer.").await;
    desk.until("Allow “w\\u{1b}]0;x\\u{7}get” to connect").await;
    agent.withdraw(8, withdrawn::ANSWERED).await.unwrap();
    desk.until("No questions.").await;
    desk.until_not("to connect").await;
    assert_eq!(answers(&bus), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_terminal_shows_all_and_one_too_small_takes_no_answer() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    desk.resize(20, 40);
    bus.agent().await.show(&prompt()).await.unwrap();
    desk.until("Allow “curl” to").await;
    desk.until("Press a key.").await;
    for line in desk.screen().lines() {
        assert!(line.chars().count() <= 20, "{line}");
    }
    desk.resize(20, 6);
    desk.until("Make this window").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    desk.type_keys("a");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(answers(&bus), Vec::<String>::new());
    desk.resize(20, 40);
    desk.until("Press a key.").await;
    desk.type_keys("a");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_leave_the_terminal_as_it_was() {
    let bus = Bus::start(script()).await;
    for (name, status) in [("TERM", 143), ("INT", 130), ("HUP", 129), ("QUIT", 131)] {
        let mut desk = Desk::start(&bus, &[]).await;
        assert!(!desk.is_usual());
        desk.signal(name);
        assert_eq!(desk.end().await, status, "{name}");
        assert!(desk.is_usual(), "{name}");
        bus.set_other_agent(false);
    }
    let mut desk = Desk::start(&bus, &[]).await;
    desk.type_keys("\u{3}");
    assert_eq!(desk.end().await, 130, "Ctrl-C");
    assert!(desk.is_usual());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_the_terminal_back_and_going_on_takes_it() {
    let bus = Bus::start(script()).await;
    let script = "\"$@\"; echo IT STOPS; read -r line; echo THE SHELL HAS $line; fg";
    let desk = Desk::start_by_a_shell(&bus, script).await;
    bus.agent().await.show(&prompt()).await.unwrap();
    desk.until("Press a key.").await;
    desk.type_keys("\u{1a}");
    desk.until_written("IT STOPS").await;
    assert!(desk.is_usual());
    desk.forget();
    // For the shell, not for the question.
    desk.type_keys("a\n");
    desk.until_written("THE SHELL HAS a").await;
    eventually("it has the terminal again", || !desk.is_usual()).await;
    desk.until("Allow “curl”").await;
    desk.until("Press a key.").await;
    assert_eq!(answers(&bus), Vec::<String>::new());
    desk.type_keys("a");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_while_it_was_stopped_answers_nothing() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    bus.agent().await.show(&prompt()).await.unwrap();
    for _ in 0..8 {
        desk.until("Press a key.").await;
        desk.signal("STOP");
        desk.type_keys("a");
        desk.forget();
        desk.signal("CONT");
        desk.until("One moment: keys do not count yet.").await;
    }
    assert_eq!(answers(&bus), Vec::<String>::new());
}

/// As on a terminal that no shell has: nobody would let it go on.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_shell_nothing_stops() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    bus.agent().await.show(&prompt()).await.unwrap();
    for _ in 0..2 {
        desk.until("Press a key.").await;
        desk.forget();
        desk.type_keys("\u{1a}");
        // The page is left, and begun again.
        desk.until_written("\u{1b}[?1049h").await;
    }
    desk.until("Press a key.").await;
    desk.type_keys("a");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_the_background_asks_once_it_is_in_front() {
    let bus = Bus::start(script()).await;
    let script = "\"$@\" & read -r line; fg";
    let desk = Desk::start_by_a_shell(&bus, script).await;
    bus.agent().await.show(&prompt()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(desk.is_usual() && !desk.written().contains("curl"));
    assert_eq!(bus.calls(), ["RegisterAgent"]);
    desk.type_keys("a\n");
    desk.until("Press a key.").await;
    assert!(!desk.is_usual());
    assert_eq!(answers(&bus), Vec::<String>::new());
    desk.type_keys("a");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agent_is_told_of_or_waited_for() {
    let bus = Bus::start(script()).await;
    bus.set_other_agent(true);
    let mut desk = Desk::start_unregistered(&bus, &[]);
    assert_eq!(desk.end().await, 6);
    assert!(desk.is_usual());
    desk.until_written("portreevectl: cannot register: there is one")
        .await;
    let desk = Desk::start_unregistered(&bus, &["--wait"]);
    desk.until("Another agent asks you; waiting until it ends…")
        .await;
    bus.set_other_agent(false);
    desk.until("No questions.").await;
    bus.agent().await.show(&prompt()).await.unwrap();
    desk.until("Allow “curl”").await;
    // A window takes its place.
    let agent = bus.agent().await;
    bus.set_other_agent(true);
    agent.dropped().await.unwrap();
    desk.until("Another agent asks you").await;
    desk.until_not("Allow “curl”").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_is_waited_for() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    bus.agent().await.show(&prompt()).await.unwrap();
    desk.until("Allow “curl”").await;
    bus.end_broker().await;
    desk.until("The broker is not running; waiting for it…")
        .await;
    desk.until_not("Allow “curl”").await;
    bus.begin_broker().await;
    desk.until("No questions.").await;
    bus.agent().await.show(&prompt()).await.unwrap();
    desk.until("Press a key.").await;
    desk.type_keys("a");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
    let shown = bus.calls().into_iter().filter(|it| it == "PromptShown 7 3");
    assert_eq!(shown.count(), 2, "the new broker is told too");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_broker_is_listened_to() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start(&bus, &[]).await;
    let stranger = zbus::connection::Builder::address(bus.address());
    let stranger = stranger.build().await.unwrap();
    let agent = portreeve_dbus::AgentProxy::builder(&stranger)
        .destination(bus.agent().await.inner().destination().to_owned())
        .build()
        .await
        .unwrap();
    agent.show(&prompt()).await.unwrap();
    let reply = agent.inner().call_method("Show", &(prompt(),)).await;
    assert!(reply.is_err(), "{reply:?}");
    let own = Prompt {
        id: 9,
        name: "wget".into(),
        ..prompt()
    };
    bus.agent().await.show(&own).await.unwrap();
    desk.until("Allow “wget”").await;
    assert!(!desk.written().contains("“curl”"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_cannot_be_painted_over_gets_lines() {
    let bus = Bus::start(script()).await;
    let desk = Desk::start_with(&bus, |command| {
        command.env("TERM", "dumb");
    })
    .await;
    let asked = Prompt {
        // Hours ahead, and counting down all the time.
        deadline: 1 << 50,
        ..prompt()
    };
    bus.agent().await.show(&asked).await.unwrap();
    eventually("it is written", || {
        desk.written().contains("q quit\r\n\r\n")
    })
    .await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let written = desk.written();
    assert_eq!(written.matches("Allow “curl”").count(), 1, "{written}");
    assert!(written.contains("Keys count after a second."), "{written}");
    assert!(!written.contains("keys do not count"), "{written}");
    assert!(!written.contains('\u{1b}'), "{written:?}");
    // It is shown again after whatever a shell has written meanwhile.
    desk.forget();
    desk.signal("STOP");
    desk.signal("CONT");
    desk.until_written("Allow “curl”").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    desk.type_keys("a");
    eventually("it is answered", || !answers(&bus).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_a_person_on_a_terminal_and_nobody_else() {
    let bus = Bus::start(script()).await;
    let output = run(bus.address(), &["agent"]);
    assert_eq!(status(&output), 2);
    assert!(
        text_of(&output.stderr).contains("portreevectl decide"),
        "{output:?}"
    );
    let mut piped = portreevectl(bus.address(), &["agent"]);
    let piped = piped.stdin(Stdio::piped()).stdout(Stdio::piped());
    assert_eq!(status(&piped.output().unwrap()), 2);
    for more in [&["--json"][..], &["--user", "0"]] {
        let output = run(bus.address(), &[&["agent"], more].concat());
        assert_eq!(status(&output), 2, "{more:?}");
        assert!(text_of(&output.stderr).contains(more[0]), "{output:?}");
    }
    let output = run(bus.address(), &["--json", "agent"]);
    assert_eq!(
        json_of(&output.stderr)["error"]["name"],
        "io.github.portreeve.Error.Usage"
    );
    assert_eq!(bus.calls(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_says_why() {
    let bus = Bus::start(Script {
        refusal: Some(|| Error::AccessDenied("cannot take this: it is traced".into())),
        ..Script::default()
    })
    .await;
    let mut desk = Desk::start_unregistered(&bus, &[]);
    assert_eq!(desk.end().await, 3);
    desk.until_written("it is traced").await;
    assert!(desk.is_usual());
    let mut desk = Desk::start_at(NOWHERE, |_| ());
    assert_eq!(desk.end().await, 69);
}
