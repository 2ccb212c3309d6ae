//! `portreevectl mode` and `portreevectl snooze`.

use portreeve_dbus::{Error, ModeState, OWN_UID};
use serde_json::json;

use crate::{
    json_of, run,
    scripted::{Bus, Script},
    status, text_of,
};

fn snoozing() -> ModeState {
    ModeState {
        mode: "allow".into(),
        ends: Some(u64::MAX),
        before: Some("deny".into()),
        undecided: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_is_shown() {
    let bus = Bus::start(Script {
        mode: snoozing(),
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["mode"]);
    assert_eq!(status(&output), 0);
    let text = text_of(&output.stdout);
    assert!(
        text.starts_with("allow (snooze: ") && text.ends_with(" left, then deny)\n"),
        "{text}"
    );
    let output = run(bus.address(), &["--json", "mode"]);
    let expected = json!({"mode": "allow", "ends": u64::MAX, "before": "deny", "undecided": false});
    assert_eq!(json_of(&output.stdout), expected);
    assert!(bus.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_is_set() {
    let bus = Bus::start(Script {
        mode: snoozing(),
        ..Script::default()
    })
    .await;
    for words in [
        &["mode", "lockdown"][..],
        &["mode", "learn", "--for", "14days"],
        &["mode", "off", "--for", "15m"],
        &["snooze", "allow"],
        &["snooze", "deny", "--for", "15m"],
        &["snooze", "off"],
    ] {
        let output = run(bus.address(), words);
        assert_eq!(status(&output), 0, "{words:?}");
        assert!(
            text_of(&output.stdout).starts_with("allow"),
            "what there is now"
        );
    }
    let set = |rest: &str| format!("SetMode {OWN_UID} {rest}");
    let expected = [
        set("Some(\"lockdown\") None None"),
        set("Some(\"learn\") Some(1209600) None"),
        set("Some(\"off\") Some(900) None"),
        set("Some(\"allow\") Some(3600) Some(true)"),
        set("Some(\"deny\") Some(900) Some(true)"),
        set("None None Some(false)"),
    ];
    assert_eq!(bus.calls(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_without_the_broker() {
    let bus = Bus::start(Script::default()).await;
    for (words, part) in [
        (
            &["mode", "lockdown", "--for", "1h"][..],
            "lockdown for a time",
        ),
        (&["mode", "learn", "--for", "31days"], "2592000"),
        (&["snooze", "allow", "--for", "2days"], "86400"),
        (&["snooze", "off", "--for", "1h"], "--for"),
    ] {
        let output = run(bus.address(), words);
        assert_eq!(status(&output), 2, "{words:?}");
        assert!(text_of(&output.stderr).contains(part), "{words:?}");
    }
    assert!(bus.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn for_want_of_leave_nothing_is_set() {
    let bus = Bus::start(Script {
        refusal: Some(|| Error::AccessDenied("cannot do this".into())),
        ..Script::default()
    })
    .await;
    let output = run(bus.address(), &["mode", "allow"]);
    assert_eq!(status(&output), 3);
    assert!(output.stdout.is_empty());
}
