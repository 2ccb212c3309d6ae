//! The window of the rules.

use std::time::Duration;

use portreeve_dbus::{ActiveNetwork, Error, Rule, RuleSpec, Status};

use crate::{desk::Desk, health::sound};

pub(crate) fn rule(id: u64, program: &str) -> Rule {
    Rule {
        id,
        uid: Some(1000),
        program: Some(program.into()),
        operations: vec!["connect".into()],
        destination: "host".into(),
        host: Some("server.example".into()),
        action: "allow".into(),
        lifespan: "always".into(),
        enabled: true,
        origin: "prompt".into(),
        ..Rule::default()
    }
}

pub(crate) fn built_in() -> Rule {
    Rule {
        id: 1,
        destination: "this-computer".into(),
        action: "allow".into(),
        lifespan: "always".into(),
        enabled: true,
        built_in: Some("this-computer".into()),
        origin: "built-in".into(),
        ..Rule::default()
    }
}

fn name_lookups() -> Rule {
    Rule {
        id: 2,
        operations: vec!["connect".into()],
        destination: "name-servers".into(),
        built_in: Some("name-lookups".into()),
        ..built_in()
    }
}

/// A desk on which the window shows these rules.
pub(crate) fn desk(rules: Vec<Rule>) -> Desk {
    let mut desk = Desk::new();
    desk.broker.set_rules(rules);
    desk.start_program("portreeve");
    desk.see("Rules", "label");
    desk
}

#[test]
fn a_rule_is_deleted_and_put_back() {
    let desk = desk(vec![
        built_in(),
        rule(10, "/usr/bin/curl"),
        rule(11, "/usr/bin/wget"),
    ]);
    desk.see("curl: allow server.example, always", "list item");
    desk.see("Any program: allow this computer, always", "list item");
    desk.click("Delete rule for curl to server.example", "button");
    desk.see_no("curl: allow server.example, always", "list item");
    assert_eq!(desk.broker.rule(10), None);
    desk.click("Undo", "button");
    desk.see("curl: allow server.example, always", "list item");
    assert!(desk.broker.rule(10).is_some() && desk.broker.rule(11).is_some());
}

#[test]
fn a_rule_is_changed_and_put_back() {
    let listening = Rule {
        operations: vec!["listen".into()],
        destination: "local-network".into(),
        host: None,
        note: Some("why".into()),
        ..rule(11, "/usr/bin/syncthing")
    };
    let desk = desk(vec![built_in(), rule(10, "/usr/bin/curl"), listening]);
    let before = "curl: allow server.example, always";
    desk.click("Edit rule for curl to server.example", "button");
    desk.see("Edit Rule", "label");
    desk.enter("Ports (empty for any)", "443");
    desk.click("Save", "button");
    desk.see("curl: allow server.example, port 443, always", "list item");
    desk.see_no(before, "list item");
    assert_eq!(desk.broker.rule(10), None, "another has its place");
    desk.click("Undo", "button");
    desk.see(before, "list item");
    // What the dialog does not show stays as it was.
    desk.click("/^Edit rule for syncthing/", "button");
    desk.see("Edit Rule", "label");
    desk.enter("Ports (empty for any)", "22000");
    desk.click("Save", "button");
    desk.until("it was saved", |desk| desk.broker.added().len() == 2);
    let added = desk.broker.added();
    let added = added.last().expect("a rule was added");
    assert_eq!(added.operations, ["listen"]);
    assert_eq!(added.place.as_deref(), Some("local-network"));
    assert_eq!(added.note.as_deref(), Some("why"));
}

#[test]
fn a_rule_is_deleted_with_the_keyboard() {
    let desk = desk(vec![rule(10, "/usr/bin/curl")]);
    desk.see("curl: allow server.example, always", "list item");
    desk.focus("Portreeve");
    for _ in 0..15 {
        desk.press("Tab", 1);
        desk.press("Delete", 1);
        if desk.broker.rule(10).is_none() {
            break;
        }
    }
    desk.see("No Rules Yet", "label");
    desk.press("ctrl+z", 1);
    desk.see("curl: allow server.example, always", "list item");
}

#[test]
fn a_rule_is_switched() {
    let desk = desk(vec![rule(10, "/usr/bin/curl")]);
    for enabled in [false, true] {
        desk.click("Rule for curl to server.example enabled", "check box");
        desk.until("the rule is switched", |desk| {
            desk.broker
                .rule(10)
                .is_some_and(|rule| rule.enabled == enabled)
        });
    }
}

#[test]
fn what_a_built_in_rule_says_is_chosen() {
    let desk = desk(vec![built_in(), name_lookups()]);
    let says = |action: &str| format!("Any program: {action} this computer’s name servers, always");
    // Goes to a choice from the first one, or the last. What is named is in the list of choices alone.
    let choose = |keys: &[&str], other: &str| {
        desk.click(
            "What the rule for this computer’s name servers says",
            "toggle button",
        );
        desk.see(other, "label");
        for key in keys.iter().chain(&["Return"]) {
            desk.press(key, 1);
        }
    };
    desk.see(&says("allow"), "list item");
    choose(&["Home", "Down"], "Deny");
    desk.see(&says("ask about"), "list item");
    choose(&["End"], "Deny");
    desk.see(&says("deny"), "list item");
    let action = |desk: &Desk| desk.broker.rule(2).map(|rule| rule.action);
    assert_eq!(action(&desk).as_deref(), Some("deny"));
    // What the broker refuses is not shown.
    desk.broker.refuse(Error::AccessDenied("no".into()));
    choose(&["Home"], "Ask");
    desk.see("You may not do this.", "label");
    desk.see(&says("deny"), "list item");
    choose(&["Home", "Down"], "Ask");
    desk.see(&says("ask about"), "list item");
    assert_eq!(action(&desk).as_deref(), Some("ask"));
    desk.see("Any program: allow this computer, always", "list item");
}

#[test]
fn a_rule_is_added() {
    let desk = desk(vec![built_in()]);
    desk.see("No Rules Yet", "label");
    desk.click("Add Rule", "button");
    desk.enter("Program", "curl");
    desk.click("Add", "button");
    desk.see(
        "Enter the full path of a program, such as /usr/bin/curl, or an application, such as flatpak:org.mozilla.firefox.",
        "label",
    );
    desk.enter("Program", "/usr/bin/no-such-program");
    desk.click("Add", "button");
    desk.see(
        "This cannot be used: cannot use program “/usr/bin/no-such-program”: \
         No such file or directory (os error 2)",
        "label",
    );
    assert!(desk.broker.added().is_empty());

    // The rule names the file that the link leads to.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().canonicalize().unwrap().join("fetch");
    let link = folder.path().join("link");
    std::fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    desk.enter("Program", link.to_str().unwrap());
    desk.enter("Ports (empty for any)", "443");
    desk.click("Add", "button");
    desk.see("fetch: allow anywhere, port 443, always", "list item");
    let added = desk.broker.added();
    assert_eq!(added.len(), 1);
    assert_eq!(
        (added[0].program.as_str(), added[0].ports.as_deref()),
        (file.to_str().unwrap(), Some("443"))
    );
}

#[test]
fn rules_say_when_they_end() {
    let until = |id, lifespan: &str, ends| Rule {
        lifespan: lifespan.into(),
        ends,
        ..rule(id, "/usr/bin/curl")
    };
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let soon = (now.tv_sec.unsigned_abs() + 5) * 1_000_000;
    let desk = desk(vec![
        until(10, "logout", None),
        until(11, "until", Some(soon)),
    ]);
    desk.see("curl: allow server.example, until you log out", "list item");
    desk.see(
        "/curl: allow server.example, until .*:[0-9][0-9]$/",
        "list item",
    );
}

/// The rule that is added for a program, where these keys are pressed in the last row of its dialog.
fn added_by_keys(desk: &Desk, keys: &[&str]) -> RuleSpec {
    desk.enter("Program", "/usr/bin/env");
    desk.focus("Portreeve");
    // Backwards from the first row, over the buttons above, to the last.
    for key in ["shift+Tab"; 3].iter().chain(keys) {
        desk.press(key, 1);
        desk.pause(Duration::from_millis(300));
    }
    desk.click("Add", "button");
    desk.until("the rule is added", |desk| !desk.broker.added().is_empty());
    desk.broker.added().remove(0)
}

#[test]
fn a_rule_is_added_that_ends() {
    let desk = desk(vec![built_in()]);
    desk.click("Add Rule", "button");
    let added = added_by_keys(&desk, &["space", "Down", "Down", "Return"]);
    assert_eq!(added.lifespan.as_deref(), Some("logout"));
}

const HOME: &str = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";

#[test]
fn a_rule_for_a_network_says_so_and_when_it_is_not_in_force() {
    let home = Rule {
        only_in: Some(HOME.into()),
        only_in_name: Some("Home".into()),
        ..rule(10, "/usr/bin/curl")
    };
    let desk = desk(vec![home]);
    let row = "curl: allow server.example, while in Home";
    let away = "Not in force now: the computer is not in this network.";
    desk.see(row, "list item");
    desk.see_no(away, "label");
    desk.run(desk.broker.leaves(10, true));
    desk.see(away, "label");
    desk.see(&format!("{row}, not in force now"), "list item");
    // Whoever changes something else leaves that as it is.
    desk.click("Edit rule for curl to server.example", "button");
    desk.see("Only in this network", "label");
    desk.enter("Ports (empty for any)", "443");
    desk.click("Save", "button");
    desk.until("it was saved", |desk| desk.broker.added().len() == 1);
    let added = desk.broker.added();
    assert_eq!(added[0].only_in.as_deref(), Some(HOME));
    assert_eq!(added[0].only_in_name.as_deref(), Some("Home"));
}

#[test]
fn a_rule_is_added_for_a_network_that_is_active() {
    let desk = desk(vec![built_in()]);
    let home = ActiveNetwork {
        uuid: HOME.into(),
        name: "Home".into(),
        kind: "802-11-wireless".into(),
        primary: true,
    };
    desk.broker.set_status(Status {
        networks: Some(vec![home]),
        ..sound()
    });
    desk.click("Add Rule", "button");
    desk.see("Only in this network", "label");
    // From the last row to the one before.
    let added = added_by_keys(&desk, &["Up", "space", "Down", "Return"]);
    assert_eq!(added.only_in.as_deref(), Some(HOME));
    assert_eq!(added.lifespan, None);
}

#[test]
fn any_program_is_denied_what_is_in_a_list() {
    let desk = desk(vec![rule(10, "/usr/bin/curl")]);
    desk.click("Add Rule", "button");
    desk.see("Program", "label");
    desk.see_no("Any program", "label");
    desk.press("Escape", 1);
    desk.broker.set_lists(&["ads", "trackers"]);
    desk.click("Add Rule", "button");
    desk.see("Any program", "label");
    desk.focus("Portreeve");
    desk.choose("Any program");
    desk.see_no("Processes", "label");
    // What else such a rule says is chosen with it.
    desk.see("List", "label");
    desk.choose("List");
    desk.see("/trackers/", "label");
    for key in ["Down", "Return"] {
        desk.press(key, 1);
    }
    desk.click("Add", "button");
    desk.until("the rule is added", |desk| !desk.broker.added().is_empty());
    let added = desk.broker.added().remove(0);
    assert_eq!(
        (added.program.as_str(), &*added.action),
        (portreeve_dbus::ANY, "deny")
    );
    assert_eq!(added.list.as_deref(), Some("trackers"));
}

#[test]
fn the_window_says_when_the_broker_is_away() {
    let desk = desk(vec![rule(10, "/usr/bin/curl")]);
    desk.see("curl: allow server.example, always", "list item");
    desk.run(desk.broker.leave());
    desk.see("The Portreeve service is not running", "label");
    desk.broker.set_rules(vec![rule(12, "/usr/bin/wget")]);
    desk.run(desk.broker.come_back());
    desk.see("wget: allow server.example, always", "list item");
    desk.see_no("The Portreeve service is not running", "label");
}

#[test]
fn a_paused_rule_says_so_while_it_is() {
    let desk = desk(vec![
        rule(10, "/home/alice/bin/tool"),
        rule(11, "/usr/bin/curl"),
    ]);
    let (row, why) = (
        "tool: allow server.example, always",
        "Paused: the program’s file has changed since you allowed it.",
    );
    desk.see(row, "list item");
    desk.see_no(why, "label");
    desk.run(desk.broker.pauses(10, true));
    desk.see(why, "label");
    desk.see(&format!("{row}, paused"), "list item");
    desk.see("curl: allow server.example, always", "list item");
    desk.run(desk.broker.pauses(10, false));
    desk.see_no(why, "label");
    desk.see(row, "list item");
}
