//! The history of changes in the window of the rules.

use portreeve_dbus::RuleChanges;

use crate::{
    desk::Desk,
    rules::{built_in, desk, rule},
};

const CURL: &str = "curl: allow server.example, always";

/// Opens the history.
fn open(desk: &Desk) {
    desk.focus("Portreeve");
    desk.press("ctrl+h", 1);
    desk.see("History of Changes", "label");
}

#[test]
fn the_history_of_changes_is_listed_and_undone() {
    let desk = desk(vec![
        built_in(),
        rule(10, "/usr/bin/curl"),
        rule(11, "/usr/bin/wget"),
    ]);
    desk.see(CURL, "list item");
    open(&desk);
    desk.see("No Changes Yet", "label");
    desk.press("Escape", 1);
    desk.see_no("History of Changes", "label");

    desk.click("Delete rule for curl to server.example", "button");
    desk.see_no(CURL, "list item");
    open(&desk);
    desk.see(
        "/^Rule deleted: curl: allow server.example, always · .* · In this window$/",
        "list item",
    );
    // It changes while it is looked at.
    desk.run(desk.broker.changes(RuleChanges::switch(11, false)));
    desk.see("/^Rule switched off: wget: .*/", "list item");

    // The older one of two, of which the broker says that nothing is left.
    desk.click(&format!("Undo “Rule deleted: {CURL}”"), "button");
    desk.see("This cannot be undone any more.", "label");
    let wget = "wget: allow server.example, always";
    desk.click(&format!("Undo “Rule switched off: {wget}”"), "button");
    desk.see("/^Rule switched off: wget: .* · Undone$/", "list item");
    desk.see(
        "/^Rule switched on: wget: .* · Undid an earlier change$/",
        "list item",
    );
    assert!(desk.broker.rule(11).is_some_and(|rule| rule.enabled));
    desk.click(&format!("Undo “Rule deleted: {CURL}”"), "button");
    desk.see(
        "/^Rule added: curl: .* · Undid an earlier change$/",
        "list item",
    );
    assert!(desk.broker.rule(10).is_some());
    desk.see_no(&format!("Undo “Rule deleted: {CURL}”"), "button");
    desk.press("Escape", 1);
    desk.see(CURL, "list item");
}

#[test]
fn the_history_is_opened_from_the_menu_and_waits_for_the_broker() {
    let desk = desk(vec![rule(10, "/usr/bin/curl")]);
    desk.see(CURL, "list item");
    // GTK 4.18 gives items of menus no names.
    desk.click("Main Menu", "toggle button");
    desk.see("Main Menu", "menu");
    desk.press("Return", 1);
    desk.see("No Changes Yet", "label");
    desk.run(desk.broker.leave());
    desk.see("The Portreeve service is not running", "label");
    desk.run(desk.broker.come_back());
    desk.see_no("The Portreeve service is not running", "label");
    desk.run(desk.broker.changes(RuleChanges::remove(10)));
    desk.see("/^Rule deleted: curl: .*/", "list item");
}
