//! Every control has a name that a screen reader can say.

use crate::{
    activity::row,
    desk::Desk,
    prompts::{asked, prompt},
    rules::{built_in, rule},
};

/// What can be operated, by its role on the accessibility bus. (GTK 4.18 gives items of menus no names.)
const CONTROLS: [&str; 12] = [
    "button",
    "check box",
    "combo box",
    "editbox",
    "entry",
    "link",
    "page tab",
    "radio button",
    "slider",
    "switch",
    "text",
    "toggle button",
];

/// Controls on the screen without a name, each with all that is around it.
fn nameless(desk: &Desk) -> Vec<String> {
    let tree = desk.tree();
    let mut around: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in tree.lines() {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / 2;
        around.truncate(depth);
        around.push(text);
        let Some((role, rest)) = text.split_once(" “") else {
            continue;
        };
        let is_shown = rest.split_whitespace().any(|word| word == "showing");
        if is_shown && CONTROLS.contains(&role) && rest.starts_with('”') {
            found.push(around.join(" / "));
        }
    }
    found
}

fn check(desk: &Desk, screen: &str) {
    let nameless = nameless(desk);
    assert!(
        nameless.is_empty(),
        "without a name on {screen}:\n{}",
        nameless.join("\n")
    );
}

#[test]
fn every_control_of_a_prompt_has_a_name() {
    let desk = asked(&prompt(1));
    check(&desk, "the prompt");
    desk.focus("Allow “curl”");
    desk.choose("Details");
    desk.see("Attempts", "label");
    check(&desk, "its details");
    desk.click("More", "toggle button");
    desk.see("More", "menu");
    check(&desk, "its menu");
}

#[test]
fn every_control_of_the_window_has_a_name() {
    let mut desk = Desk::new();
    desk.broker
        .set_rules(vec![built_in(), rule(2, "/usr/bin/curl")]);
    desk.broker.history.set(vec![row(1, "curl")]);
    desk.start_program("portreeve");
    desk.see("Edit rule for curl to server.example", "button");
    check(&desk, "the rules");
    desk.click("Add Rule", "button");
    desk.see("Choose a program", "button");
    check(&desk, "the rule dialog");
    desk.focus("Portreeve");
    desk.press("Escape", 1);
    desk.see_no("Choose a program", "button");
    desk.press("alt+2", 1);
    desk.see("/^curl: denied server.example/", "list item");
    check(&desk, "what programs did");
}
