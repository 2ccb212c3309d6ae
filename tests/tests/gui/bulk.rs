//! Something is done to several rules at once.

use portreeve_dbus::Rule;

use crate::{
    desk::Desk,
    rules::{built_in, desk, rule},
};

fn rules() -> Vec<Rule> {
    let off = Rule {
        enabled: false,
        ..rule(12, "/usr/bin/ssh")
    };
    vec![
        built_in(),
        rule(10, "/usr/bin/curl"),
        rule(11, "/usr/bin/rsync"),
        off,
    ]
}

fn ids(desk: &Desk) -> Vec<u64> {
    desk.broker.rules().iter().map(|rule| rule.id).collect()
}

/// Which rules are switched on.
fn enabled(desk: &Desk) -> Vec<u64> {
    let rules = desk.broker.rules();
    let on = rules.iter().filter(|rule| rule.enabled);
    on.map(|rule| rule.id).collect()
}

const CURL: &str = "curl: allow server.example, always";
const SSH: &str = "ssh: allow server.example, always";
const OTHERS: &str = "Any program: allow this computer, always";

#[test]
fn several_rules_are_deleted_and_put_back_at_once() {
    let desk = desk(rules());
    desk.see(OTHERS, "list item");
    desk.click("Select Rules", "button");
    desk.see("Select Rules", "label");
    // What is not the user's cannot be chosen.
    desk.see_no(OTHERS, "list item");
    desk.choose(CURL);
    desk.see("1 Selected", "label");
    desk.choose(SSH);
    desk.see("2 Selected", "label");
    desk.click("Delete", "button");
    desk.see("2 rules deleted", "label");
    desk.see_no(CURL, "list item");
    desk.see(OTHERS, "list item");
    assert_eq!(ids(&desk), [1, 11]);
    // It was one change, or this would put back one of them.
    desk.click("Undo", "button");
    desk.see(CURL, "list item");
    assert_eq!(ids(&desk), [1, 10, 11, 12]);
}

#[test]
fn all_rules_are_switched_with_the_keyboard() {
    let desk = desk(rules());
    desk.see(CURL, "list item");
    desk.focus("Portreeve");
    desk.press("ctrl+a", 1);
    desk.see("3 Selected", "label");
    desk.click("Disable", "button");
    desk.see("2 rules disabled", "label");
    assert_eq!(enabled(&desk), [1]);
    desk.press("ctrl+z", 1);
    desk.until("they are as before", |desk| enabled(desk) == [1, 10, 11]);
    // Escape leaves everything as it is, and Delete means what is chosen alone.
    desk.press("ctrl+a", 1);
    desk.see("3 Selected", "label");
    desk.press("Escape", 1);
    desk.see_no("3 Selected", "label");
    desk.see(OTHERS, "list item");
    desk.press("ctrl+a", 1);
    desk.see("3 Selected", "label");
    desk.press("Delete", 1);
    desk.see("3 rules deleted", "label");
    assert_eq!(ids(&desk), [1]);
}

#[test]
fn rules_are_kept_for_another_time() {
    let desk = desk(rules());
    desk.see(CURL, "list item");
    desk.focus("Portreeve");
    desk.press("ctrl+a", 1);
    desk.see("3 Selected", "label");
    desk.click("Duration", "toggle button");
    // GTK 4.18 gives items of menus no names.
    desk.see("Duration", "menu");
    desk.press("Down", 2);
    desk.press("Return", 1);
    desk.see("3 rules changed", "label");
    let added = desk.broker.added();
    assert_eq!(added.len(), 3);
    for (spec, enabled) in added.iter().zip([true, true, false]) {
        assert_eq!(spec.lifespan.as_deref(), Some("logout"));
        assert_eq!(spec.host.as_deref(), Some("server.example"));
        assert_eq!(spec.enabled, Some(enabled), "{}", spec.program);
    }
    assert_eq!(ids(&desk).len(), 4, "they have taken the places of others");
    desk.press("ctrl+z", 1);
    desk.until("they are as before", |desk| ids(desk) == [1, 10, 11, 12]);
}

#[test]
fn what_a_search_hides_is_not_chosen() {
    let desk = desk(rules());
    desk.see(CURL, "list item");
    desk.focus("Portreeve");
    desk.press("ctrl+a", 1);
    desk.see("3 Selected", "label");
    desk.press("ctrl+f", 1);
    desk.enter("Search", "ssh");
    desk.see("1 Selected", "label");
    desk.click("Delete", "button");
    desk.see("1 rule deleted", "label");
    assert_eq!(ids(&desk), [1, 10, 11]);
}

#[test]
fn rules_for_hosts_of_one_domain_become_one() {
    let of_host = |id, host: &str| Rule {
        host: Some(host.into()),
        ..rule(id, "/usr/bin/curl")
    };
    let desk = desk(vec![
        built_in(),
        of_host(10, "a.example.com"),
        of_host(11, "b.example.com"),
        of_host(12, "c.example.org"),
    ]);
    desk.see("curl: allow a.example.com, always", "list item");
    desk.focus("Portreeve");
    desk.press("ctrl+a", 1);
    desk.see("3 Selected", "label");
    let can_merge = |desk: &Desk| {
        let tree = desk.tree();
        let mut lines = tree.lines();
        let button = lines.find(|line| line.contains("Merge…"));
        button.is_some_and(|line| !line.contains("insensitive"))
    };
    assert!(!can_merge(&desk), "they have different owners");
    desk.choose("curl: allow c.example.org, always");
    desk.see("2 Selected", "label");
    desk.until("they can be merged", can_merge);
    // What comes of it is said first, and nothing does unless that is wanted.
    let one = "curl: allow example.com and its subdomains, always";
    desk.click("Merge…", "button");
    desk.see(&format!("/^{one}/"), "label");
    desk.press("Escape", 1);
    desk.see_no(&format!("/^{one}/"), "label");
    assert_eq!(ids(&desk), [1, 10, 11, 12]);
    desk.click("Merge…", "button");
    desk.click("Merge", "button");
    desk.see("2 rules merged", "label");
    desk.see(one, "list item");
    let added = desk.broker.added();
    let domains: Vec<_> = added.iter().map(|spec| spec.domain.as_deref()).collect();
    assert_eq!(domains, [Some("example.com")]);
    assert_eq!(ids(&desk), [1, 12, 1000]);
    desk.press("ctrl+z", 1);
    desk.until("they are as before", |desk| ids(desk) == [1, 10, 11, 12]);
}
