//! The page of what programs did.

use portreeve_dbus::Activity;

use crate::desk::Desk;

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
        last: 1_700_000_000_000_000,
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
    desk.see("No Activity Yet", "label");
    desk.happens(row(1, "curl"));
    desk.see(&denied("curl"), "list item");
}

#[test]
fn a_search_reads_on_until_it_has_found_something() {
    let rows = (0..=449).rev().map(|id| row(id, &format!("program-{id}")));
    let desk = desk(rows.collect());
    desk.see(&denied("program-449"), "list item");
    assert_eq!(desk.broker.history.pages_read(), 1, "no more than is shown");
    desk.press("ctrl+f", 1);
    desk.enter("Search", "program-142 denied");
    desk.see(&denied("program-142"), "list item");
    desk.enter("Search", "program-7x");
    desk.see("No Results Found", "label");
    assert_eq!(desk.broker.history.pages_read(), 5, "each page once");
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
