//! The page of the programs that were seen, and those of each.

use portreeve_dbus::{Activity, Destination, Rule, SeenProgram};

use crate::{activity::row, desk::Desk, rules::rule};

const TOOL: &str = "/opt/example/tool";
const FLATPAK: &str = "flatpak:org.example.App";

fn seen(key: &str) -> SeenProgram {
    SeenProgram {
        subject: key.into(),
        name: key.rsplit(['/', ':']).next().unwrap_or_default().into(),
        path: key.into(),
        verified: true,
        first: 1_600_000_000_000_000,
        last: 1_700_000_000_000_000,
        allowed: 30,
        denied: 4,
        destinations: Some(3),
        listens: Some(0),
    }
}

fn to(host: &str, action: &str) -> Destination {
    Destination {
        operation: "connect".into(),
        host: Some(host.into()),
        address: "192.0.2.7".into(),
        port: 443,
        protocol: "tcp".into(),
        action: action.into(),
        last: 1_700_000_000_000_000,
        ..Destination::default()
    }
}

fn listening(port: u16) -> Destination {
    Destination {
        operation: "listen".into(),
        host: None,
        port,
        ..to("", "deny")
    }
}

fn destinations() -> Vec<Destination> {
    vec![
        to("server.example", "allow"),
        to("a.example.org", "deny"),
        to("b.example.org", "allow"),
        listening(8000),
    ]
}

/// A desk on which the window shows the page of these programs.
fn desk(programs: Vec<SeenProgram>, rules: Vec<Rule>) -> Desk {
    let mut desk = Desk::new();
    desk.broker.history.see(programs, destinations());
    desk.broker.set_rules(rules);
    open(&mut desk);
    desk
}

fn open(desk: &mut Desk) {
    desk.start_program("portreeve");
    desk.see("Rules", "label");
    desk.focus("Portreeve");
    desk.press("alt+3", 1);
}

/// Opens the page of the program whose row begins like this, by keys alone.
fn open_program(desk: &Desk, name: &str) {
    desk.see(&format!("/^{name}: /"), "list item");
    desk.tab_to("list item", name);
    desk.press("Return", 1);
    desk.see("Recorded Calls", "label");
}

#[test]
fn programs_are_listed_with_what_rules_say_of_them() {
    let everywhere = Rule {
        destination: "anywhere".into(),
        host: None,
        action: "deny".into(),
        ..rule(11, FLATPAK)
    };
    let other = SeenProgram {
        destinations: Some(1),
        listens: Some(2),
        ..seen("/opt/example/other")
    };
    let desk = desk(
        vec![seen(TOOL), seen(FLATPAK), other],
        vec![rule(10, TOOL), everywhere],
    );
    desk.see("/^tool: 1 rule, .*3 destinations · /", "list item");
    desk.see(
        "/^org.example.App: Denied, Flatpak · 3 destinations · /",
        "list item",
    );
    desk.see(
        "/^other: No rules, .*1 destination · Listens · /",
        "list item",
    );
    // What rules say changes with them, and so does whether the file is another one.
    desk.run(desk.broker.pauses(10, true));
    desk.see("/^tool: 1 rule, Changed · /", "list item");
    desk.press("ctrl+f", 1);
    desk.enter("Search", "flatpak denied");
    desk.see_no("/^tool: /", "list item");
    desk.see("/^org.example.App: /", "list item");
    desk.enter("Search", "nothing-like-it");
    desk.see("No Results Found", "label");
}

#[test]
fn a_filter_shows_some() {
    let desk = desk(vec![seen(TOOL), seen(FLATPAK)], vec![rule(10, TOOL)]);
    desk.see("/^org.example.App: No rules, /", "list item");
    let choose = |keys: &[&str]| {
        desk.click("Which applications are shown", "toggle button");
        // What is named is in the list of choices alone.
        desk.see("Listening", "label");
        for key in keys.iter().chain(&["Return"]) {
            desk.press(key, 1);
        }
    };
    choose(&["Home", "Down"]);
    desk.see_no("/^org.example.App: /", "list item");
    desk.see("/^tool: 1 rule, /", "list item");
    choose(&["End", "Up"]);
    // No file has changed.
    desk.see("No Such Applications", "label");
    desk.click("Show All", "button");
    desk.see("/^org.example.App: /", "list item");
}

#[test]
fn a_program_has_a_page() {
    let desk = desk(vec![seen(TOOL), seen(FLATPAK)], vec![rule(10, TOOL)]);
    open_program(&desk, "tool");
    desk.see("tool", "heading");
    desk.see("/.opt.example.tool/", "label");
    desk.see("30 allowed, 4 denied", "label");
    desk.see("tool: allow server.example, always", "list item");
    desk.see("server.example", "label");
    desk.see("2 hosts", "label");
    desk.see("Port 8000 (TCP)", "label");
    // The way back, and to another.
    desk.press("Escape", 1);
    desk.see_no("Recorded Calls", "label");
    open_program(&desk, "org.example.App");
    desk.see("No connections are recorded.", "label");
    desk.see_no("Port 8000 (TCP)", "label");
    desk.press("alt+1", 1);
    desk.see_no("Recorded Calls", "label");
    desk.see("Your Rules", "label");
}

#[test]
fn a_page_shows_when_its_program_did_something() {
    let desk = desk(vec![seen(TOOL), seen(FLATPAK)], Vec::new());
    for (id, subject, count) in [(1, TOOL, 3), (2, TOOL, 2), (3, "/usr/bin/other", 50)] {
        desk.happens(Activity {
            subject: subject.into(),
            count,
            ..row(id, "tool")
        });
    }
    open_program(&desk, "tool");
    desk.see("Calls in the last week", "slider");
    desk.click("Show as Table", "button");
    desk.see("Calls Over Time", "dialog");
    desk.see("/: 5 denied. Most of them .*: 5 denied.$/", "label");
    desk.press("Escape", 1);
    desk.see_no("Calls Over Time", "dialog");
    // Of who did nothing, nothing is shown.
    desk.press("Escape", 1);
    open_program(&desk, "org.example.App");
    desk.see_no("Calls in the last week", "slider");
}

#[test]
fn a_rule_begins_at_a_destination() {
    let desk = desk(vec![seen(TOOL)], Vec::new());
    open_program(&desk, "tool");
    // It was allowed the last time: the other is offered.
    desk.click("Add rule for example.org", "button");
    desk.enter("Program", "/usr/bin/env");
    desk.click("Add", "button");
    desk.until("the rule is added", |desk| !desk.broker.added().is_empty());
    let added = desk.broker.added().remove(0);
    assert_eq!(added.domain.as_deref(), Some("example.org"));
    assert_eq!((added.action.as_str(), added.ports), ("allow", None));
}

#[test]
fn all_connections_are_denied_by_one_choice_and_that_is_undone() {
    let everywhere = Rule {
        destination: "anywhere".into(),
        host: None,
        ..rule(11, TOOL)
    };
    let desk = desk(vec![seen(TOOL)], vec![rule(10, TOOL), everywhere]);
    desk.see("/^tool: Allowed, /", "list item");
    open_program(&desk, "tool");
    desk.tab_to("combo box", "Connections");
    desk.press("space", 1);
    // What is named is in the list of choices alone, and the last of them.
    desk.see("Ask", "label");
    for key in ["End", "Up", "Return"] {
        desk.press(key, 1);
    }
    desk.until("the rule is added", |desk| !desk.broker.added().is_empty());
    let added = desk.broker.added().remove(0);
    assert_eq!(
        (added.program.as_str(), added.action.as_str()),
        (TOOL, "deny")
    );
    assert_eq!((added.host, added.place, added.ports), (None, None, None));
    let ids = |desk: &Desk| -> Vec<u64> {
        let rules = desk.broker.rules();
        rules.iter().map(|rule| rule.id).collect()
    };
    assert_eq!(ids(&desk), [10, 1000], "it takes the other's place");
    desk.see("tool: deny anywhere, always", "list item");
    desk.click("Undo", "button");
    desk.until("it is undone", |desk| ids(desk) == [10, 11]);
    desk.see("tool: allow anywhere, always", "list item");
}

#[test]
fn no_rule_is_offered_for_what_no_path_leads_to() {
    let claimed = SeenProgram {
        subject: "file:5:7".into(),
        name: "tool".into(),
        path: "/tmp/tool".into(),
        verified: false,
        ..seen(TOOL)
    };
    let desk = desk(vec![claimed], Vec::new());
    open_program(&desk, "tool");
    desk.see("/.tmp.tool.*, not verified$/", "label");
    desk.see("/^No path of the computer leads/", "label");
    desk.see_no("Connections", "combo box");
    desk.see_no("/^Add rule for /", "button");
}

#[test]
fn many_destinations_are_read_on() {
    let mut desk = Desk::new();
    let many = (0..150).map(|n| to(&format!("host-{n}.github.io"), "allow"));
    desk.broker.history.see(vec![seen(TOOL)], many.collect());
    open(&mut desk);
    open_program(&desk, "tool");
    desk.click("Show More", "button");
    desk.see_no("Show More", "button");
    desk.see("Add rule for host-149.github.io", "button");
}

#[test]
fn the_page_says_why_it_is_empty() {
    let desk = desk(Vec::new(), Vec::new());
    desk.see("No Applications Yet", "label");
    desk.run(desk.broker.leave());
    desk.see("The Portreeve service is not running", "label");
    desk.broker.history.see(vec![seen(TOOL)], Vec::new());
    desk.run(desk.broker.come_back());
    desk.see("/^tool: /", "list item");
    desk.broker.history.switch_off();
    desk.run(desk.broker.leave());
    desk.see("The Portreeve service is not running", "label");
    desk.run(desk.broker.come_back());
    desk.see("Nothing Is Recorded", "label");
}

#[test]
fn the_last_day_of_all_programs_is_counted_at_once() {
    let curl = "/usr/bin/curl";
    let mut desk = Desk::new();
    let programs = vec![seen(curl), seen(FLATPAK)];
    desk.broker.history.see(programs, Vec::new());
    desk.broker.history.set(vec![row(1, "curl")]);
    open(&mut desk);
    desk.see("Calls in the last day", "image");
    assert_eq!(desk.broker.history.counted(), [[curl, FLATPAK]]);
}
