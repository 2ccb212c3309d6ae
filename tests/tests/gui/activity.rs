//! The page of what programs did.

use std::time::{SystemTime, UNIX_EPOCH};

use portreeve_dbus::Activity;

use crate::desk::Desk;

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_micros()).unwrap()
}

pub(crate) fn row(id: u64, name: &str) -> Activity {
    Activity {
        id,
        changed: id,
        subject: format!("/usr/bin/{name}"),
        name: name.into(),
        path: format!("/usr/bin/{name}"),
        verified: true,
        operation: "connect".into(),
        host: Some("server.example".into()),
        address: "192.0.2.7".into(),
        port: 443,
        protocol: "tcp".into(),
        action: "deny".into(),
        reason: "rule".into(),
        last: now() - (1_000 - id.cast_signed()) * 1_000,
        first: now() - 1_000_000,
        count: 1,
        ..Activity::default()
    }
}

/// The words of a row.
fn denied(name: &str) -> String {
    format!("/^{name}: denied server.example, port 443 .TCP., .*by a rule$/")
}

/// A desk on which the window shows the page.
fn desk(rows: Vec<Activity>) -> Desk {
    let mut desk = Desk::new();
    desk.broker.history.set(rows);
    open(&mut desk);
    desk
}

fn open(desk: &mut Desk) {
    desk.start_program("portreeve");
    desk.see("Rules", "label");
    desk.focus("Portreeve");
    // Nobody looks at the list.
    desk.xdotool(["mousemove", "1279", "1023"]);
    desk.press("alt+2", 1);
}

#[test]
fn what_programs_did_is_shown_as_it_happens() {
    let desk = desk(vec![row(2, "wget"), row(1, "curl")]);
    desk.see(&denied("curl"), "list item");
    desk.see(&denied("wget"), "list item");
    desk.happens(row(3, "ping"));
    desk.see(&denied("ping"), "list item");
    // What happens again is the same row.
    desk.happens(Activity {
        changed: 4,
        count: 7,
        ..row(1, "curl")
    });
    desk.see("/^curl: denied .* · 7 times$/", "list item");
    desk.see_no(&denied("curl"), "list item");
}

#[test]
fn nothing_has_happened_yet() {
    let desk = desk(Vec::new());
    desk.see("No Connections Yet", "label");
    desk.happens(row(1, "curl"));
    desk.see(&denied("curl"), "list item");
}

#[test]
fn the_broker_searches() {
    const RARE: [u64; 3] = [300, 170, 20];
    let rows = (0..=449).rev().map(|id| {
        let kind = if RARE.contains(&id) {
            "rare"
        } else {
            "program"
        };
        row(id + 1, &format!("{kind}-{id}"))
    });
    let desk = desk(rows.collect());
    desk.see(&denied("program-449"), "list item");
    let read = desk.broker.history.pages_read();
    assert_eq!(read, 1, "no more than is shown");
    desk.press("ctrl+f", 1);
    desk.enter("Search", "app:program-142 is:denied");
    desk.see(&denied("program-142"), "list item");
    desk.see_no(&denied("program-449"), "list item");
    let filter = desk.broker.history.last_filter();
    assert_eq!(filter.app.as_deref(), Some("program-142"));
    assert_eq!(filter.verdict.as_deref(), Some("denied"));
    // What is found fills no screen, and is not found at once.
    desk.enter("Search", "rare");
    for id in RARE {
        desk.see(&denied(&format!("rare-{id}")), "list item");
    }
    desk.enter("Search", "colour:red");
    desk.see("/^“colour:” is not known. Use app:.*$/", "label");
    // What was shown before stays.
    desk.see("/^program-/", "list item");
    desk.enter("Search", "program-7x");
    desk.see("Nothing Matches", "label");
    desk.click("Clear Filters", "button");
    desk.see(&denied("program-449"), "list item");
    assert_eq!(desk.broker.history.last_filter().since, None, "all time");
}

#[test]
fn a_time_is_chosen_by_keyboard() {
    let mut rows = vec![row(2, "wget"), row(1, "curl")];
    // Four hours ago.
    rows[1].last -= 4 * 3_600 * 1_000_000;
    let desk = desk(rows);
    desk.see(&denied("curl"), "list item");
    // The bars tell their numbers to who does not see them.
    desk.see("Calls over time", "slider");
    desk.tab_to("slider", "");
    // The last two: a new one may have begun since.
    desk.press("End", 1);
    desk.press("shift+Left", 1);
    desk.press("Return", 1);
    desk.see_no(&denied("curl"), "list item");
    desk.see(&denied("wget"), "list item");
    desk.click("/^Remove filter: Only .*$/", "button");
    desk.see(&denied("curl"), "list item");
    desk.click("Show as Table", "button");
    desk.see("/: 2 denied. Most of them /", "label");
    desk.press("Escape", 1);
}

#[test]
fn all_of_a_row_is_shown_beside_it() {
    let unanswered = Activity {
        reason: "deadline".into(),
        ..row(1, "curl")
    };
    let desk = desk(vec![unanswered]);
    let spoken = "/^curl: denied server.example, port 443 .TCP., .*in time$/";
    desk.see(spoken, "list item");
    desk.tab_to("list item", "");
    desk.press("Return", 1);
    desk.see("You were asked, and did not answer in time.", "label");
    desk.see("Address", "list item");
    desk.see("/192.0.2.7/", "label");
    desk.click("Allow…", "button");
    desk.see("Add Rule", "dialog");
    desk.press("Escape", 1);
    desk.see_no("Add Rule", "dialog");
    desk.press("Escape", 1);
    desk.see_no("You were asked, and did not answer in time.", "label");
}

#[test]
fn what_is_looked_at_stays() {
    let desk = desk(vec![row(1, "curl")]);
    desk.see(&denied("curl"), "list item");
    let (x, y) = desk.middle("Portreeve");
    desk.xdotool(["mousemove", &x, &y]);
    desk.happens(row(2, "wget"));
    desk.see("Show New Activity", "button");
    desk.see_no(&denied("wget"), "list item");
    desk.click("Show New Activity", "button");
    desk.see(&denied("wget"), "list item");
    desk.happens(row(3, "ping"));
    desk.see("Show New Activity", "button");
    desk.xdotool(["mousemove", "1279", "1023"]);
    desk.see(&denied("ping"), "list item");
}

#[test]
fn the_window_says_that_nothing_is_recorded() {
    let mut desk = Desk::new();
    desk.broker.history.switch_off();
    open(&mut desk);
    desk.see("Nothing Is Recorded", "label");
    // The rules are not concerned.
    desk.press("alt+1", 1);
    desk.see("No Rules Yet", "label");
}
