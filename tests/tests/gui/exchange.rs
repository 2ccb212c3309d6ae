//! Rules that the window takes from files, and writes to one.

use std::{fs, path::Path};

use portreeve_dbus::{ANY, Rule};
use tempfile::TempDir;

use crate::{
    desk::Desk,
    rules::{built_in, desk, rule},
};

const CURL: &str = "curl: allow server.example, always";
const ENV: &str = "env: allow a.example, always";
const OWN: &str = r#"{
  "portreeve-rules": 1,
  "rules": [
    {"program": "/usr/bin/env", "operations": ["connect"], "host": "a.example", "action": "allow"},
    {"program": "/usr/bin/env", "operations": ["connect"], "host": "b.example", "action": "deny",
     "enabled": false}
  ]
}"#;

/// A folder with this file in it.
fn folder(name: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("cannot make a folder");
    fs::write(folder.path().join(name), text).expect("cannot write a file");
    folder
}

/// Gives a path to the file chooser of this title, and presses this button of it.
fn give(desk: &Desk, title: &str, path: &Path, button: &str) {
    desk.focus(title);
    if button != "Save" {
        // Else it takes only what can be clicked on.
        desk.press("ctrl+l", 1);
    }
    desk.enter("/^(Name:)?$/", path.to_str().expect("it is text"));
    desk.click(button, "button");
    desk.until("the file chooser is gone", |desk| !desk.has_window(title));
}

/// Chooses the file of this path to be imported.
fn import(desk: &Desk, path: &Path) {
    desk.focus("Portreeve");
    desk.press("ctrl+o", 1);
    give(desk, "Import Rules", path, "Open");
}

fn own(desk: &Desk) -> Vec<String> {
    let own = |rule: &Rule| rule.origin != "built-in";
    let rules = desk.broker.rules();
    let rules = rules.iter().filter(|rule| own(rule));
    rules.filter_map(|rule| rule.program.clone()).collect()
}

#[test]
fn rules_are_looked_at_taken_and_taken_back() {
    let desk = desk(vec![built_in(), rule(10, "/usr/bin/curl")]);
    desk.see(CURL, "list item");
    let folder = folder("rules.json", OWN);
    import(&desk, &folder.path().join("rules.json"));
    desk.see("Rules of Portreeve", "label");
    desk.see("To be added", "list item");
    desk.see("To be added, switched off", "list item");
    desk.see_no("To be deleted", "list item");
    // Every rule can be seen.
    // The keyboard is where is chosen what becomes of those that are there, and that is next.
    desk.focus("Portreeve");
    desk.press("Tab", 1);
    desk.press("Return", 1);
    desk.see("/^env: allow a.example, always · .*/", "list item");
    desk.press("Escape", 1);
    desk.click("Import", "button");
    desk.see("2 rules added", "label");
    desk.see(ENV, "list item");
    desk.see(CURL, "list item");
    desk.click("Undo", "button");
    desk.see_no(ENV, "list item");
    assert_eq!(own(&desk), ["/usr/bin/curl"]);
}

#[test]
fn rules_are_replaced_and_put_back() {
    let desk = desk(vec![built_in(), rule(10, "/usr/bin/curl")]);
    desk.see(CURL, "list item");
    let folder = folder("rules.json", OWN);
    import(&desk, &folder.path().join("rules.json"));
    desk.see("To be added", "list item");
    // The keyboard is where that is chosen.
    desk.focus("Portreeve");
    desk.press("space", 1);
    desk.see("Replace", "label");
    desk.press("Down", 1);
    desk.press("Return", 1);
    desk.see("To be deleted", "list item");
    desk.click("Import", "button");
    desk.see("2 rules added, 1 rule deleted", "label");
    desk.see_no(CURL, "list item");
    assert_eq!(own(&desk), ["/usr/bin/env", "/usr/bin/env"]);
    desk.click("Undo", "button");
    desk.see(CURL, "list item");
    assert_eq!(own(&desk), ["/usr/bin/curl"]);
}

#[test]
fn a_list_is_taken_as_one_rule_for_any_program() {
    let desk = desk(vec![built_in()]);
    let folder = folder("hosts", "0.0.0.0 tracker.example\n0.0.0.0 ads.example\n");
    import(&desk, &folder.path().join("hosts"));
    desk.see("List of what is to be denied", "label");
    desk.see("To be added", "list item");
    desk.click("Import", "button");
    desk.until("the rule is added", |desk| !desk.broker.added().is_empty());
    let added = desk.broker.added();
    let [rule] = &added[..] else {
        panic!("more than one: {added:?}");
    };
    assert_eq!((rule.program.as_str(), rule.action.as_str()), (ANY, "deny"));
    assert_eq!(rule.list.as_deref(), Some("hosts"));
}

#[test]
fn a_folder_of_opensnitch_is_taken() {
    let desk = desk(vec![built_in()]);
    let rule = r#"{"name": "allow-env", "enabled": true, "action": "allow", "duration": "always",
        "operator": {"type": "simple", "operand": "process.path", "data": "/usr/bin/env"}}"#;
    let folder = folder("allow-env.json", rule);
    desk.see("No Rules Yet", "label");
    // The third item; GTK 4.18 gives items of menus no names.
    desk.focus("Portreeve");
    desk.click("Main Menu", "toggle button");
    desk.see("Main Menu", "menu");
    desk.press("Down", 2);
    desk.press("Return", 1);
    give(&desk, "Import Rules", folder.path(), "Open");
    desk.see("Rules of OpenSnitch", "label");
    desk.click("Import", "button");
    desk.until("it was imported", |desk| own(desk) == ["/usr/bin/env"]);
}

#[test]
fn what_cannot_be_taken_is_said() {
    let desk = desk(vec![built_in()]);
    desk.see("No Rules Yet", "label");
    let folder = folder("rules.json", "{\"portreeve-rules\": 1, \"rules\": [{}]}");
    import(&desk, &folder.path().join("rules.json"));
    desk.see("No Rules Can Be Taken", "label");
    desk.see("/^There is a mistake in .*, line 1, column/", "label");
    desk.click("Cancel", "button");
    desk.see_no("No Rules Can Be Taken", "label");
}

#[test]
fn rules_are_written_to_a_file() {
    let ends = Rule {
        lifespan: "logout".into(),
        ..rule(11, "/usr/bin/wget")
    };
    let desk = desk(vec![built_in(), rule(10, "/usr/bin/curl"), ends]);
    desk.see(CURL, "list item");
    let folder = tempfile::tempdir().expect("cannot make a folder");
    let file = folder.path().join("mine.json");
    desk.focus("Portreeve");
    desk.press("ctrl+e", 1);
    give(&desk, "Export Rules", &file, "Save");
    desk.see(
        "1 rule exported; 1 that ends by itself is not in the file",
        "label",
    );
    let text = fs::read_to_string(&file).expect("it is there");
    assert!(
        text.contains("portreeve-rules") && text.contains("/usr/bin/curl"),
        "{text}"
    );
    assert!(!text.contains("wget"), "{text}");
}

#[test]
fn the_chosen_rules_are_written_to_a_file() {
    let desk = desk(vec![
        built_in(),
        rule(10, "/usr/bin/curl"),
        rule(11, "/usr/bin/wget"),
    ]);
    desk.see(CURL, "list item");
    let folder = tempfile::tempdir().expect("cannot make a folder");
    let file = folder.path().join("some.json");
    desk.focus("Portreeve");
    desk.click("Select Rules", "button");
    desk.choose(CURL);
    desk.see("1 Selected", "label");
    desk.click("Export…", "button");
    give(&desk, "Export Rules", &file, "Save");
    desk.see("1 rule exported", "label");
    let text = fs::read_to_string(&file).expect("it is there");
    assert!(text.contains("/usr/bin/curl"), "{text}");
    assert!(!text.contains("wget"), "{text}");
}
