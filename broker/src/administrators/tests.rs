//! What is read, what is refused and where, and that a slip opens nothing.

use std::os::unix::fs::PermissionsExt as _;

use portreeve_policy::{Program, Starter};

use super::*;

mod lists;

struct Place {
    dir: tempfile::TempDir,
    rules: Administrators,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rules = Administrators::new(dir.path().join("rules.d"));
        let place = Self { dir, rules };
        fs::create_dir(place.directory()).unwrap();
        place.let_write(0o755);
        place
    }

    fn directory(&self) -> PathBuf {
        self.dir.path().join("rules.d")
    }

    /// Sets who can write to the directory.
    fn let_write(&self, mode: u32) {
        fs::set_permissions(self.directory(), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// What the rules are about, and what is wrong.
    fn read(&mut self) -> (Vec<String>, String) {
        let (rules, problems) = self.rules.read();
        let rules = rules.iter().map(|rule| rule.object.to_string());
        (rules.collect(), in_words(&problems).unwrap_or_default())
    }
}

const GOOD: &str = r#"
[[rule]]
program = "any"
operations = ["connect"]
domain = "tracker.example"
action = "deny"
errno = "ECONNREFUSED"

[[rule]]
program = "/usr/bin/curl"
operations = ["connect", "listen"]
network = "192.0.2.0/24"
ports = 443
protocol = "tcp"
action = "allow"
users = ["root", 1000]
enabled = false
"#;

fn deny(host: &str) -> String {
    format!(
        "[[rule]]\nprogram = \"any\"\noperations = [\"connect\"]\nhost = \"{host}\"\naction = \"deny\"\n"
    )
}

#[test]
fn rules_may_be_for_a_network() {
    let mut place = Place::new();
    let id = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";
    let only_in = |id: &str| format!("{}only_in = \"{id}\"\n", deny("a.example"));
    place.write("10.toml", &only_in(id));
    let (rules, problems) = place.rules.read();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(rules[0].network_id(), id.parse().ok());
    place.write("10.toml", &only_in("Home"));
    let (_, problems) = place.read();
    assert!(
        problems.contains("10.toml:1: cannot use network “Home”"),
        "{problems}"
    );
}

#[test]
fn rules_are_read() {
    let mut place = Place::new();
    place.write("10.toml", GOOD);
    let (rules, problems) = place.rules.read();
    assert!(problems.is_empty(), "{problems:?}");
    let users: Vec<_> = rules.iter().map(|rule| rule.uid).collect();
    assert_eq!(users, [None, Some(0), Some(1000)]);
    assert_eq!(rules[0].subject, SubjectPattern::Any);
    assert_eq!(rules[0].action, Action::Deny(111));
    assert!(rules[0].enabled && !rules[1].enabled);
    assert_eq!(rules[1].object.to_string(), "192.0.2.0/24 port 443 (tcp)");
    assert!(
        rules
            .iter()
            .all(|rule| rule.origin == Origin::Administrator)
    );
}

#[test]
fn a_rule_can_be_about_an_application() {
    let mut place = Place::new();
    let of = |program: &str| deny("a.example").replace("any", program);
    place.write("10.toml", &of("flatpak:org.example.App"));
    let (rules, problems) = place.rules.read();
    assert!(problems.is_empty(), "{problems:?}");
    let program = Program::of_key("flatpak:org.example.App").unwrap();
    assert_eq!(rules[0].subject, SubjectPattern::Program(program));
    place.write("20.toml", &of("snap:Example"));
    let (rules, problems) = place.rules.read();
    assert_eq!((rules.len(), problems.len()), (1, 1));
    assert!(problems[0].to_string().contains("snap:Example"));
}

#[test]
fn a_rule_can_be_about_who_has_started_a_program() {
    let mut place = Place::new();
    let with = |program: &str, line: &str| {
        let rule = deny("a.example").replace("any", program);
        format!("{rule}{line}\n")
    };
    let git = Starter::at("/usr/bin/git").unwrap();
    let ssh = Program::of_key("/usr/bin/ssh").unwrap();
    let by_git = "started_by = \"/usr/bin/git\"";
    let and_started = "and_what_it_starts = true";
    place.write("10.toml", &with("/usr/bin/ssh", by_git));
    place.write("20.toml", &with("/usr/bin/git", and_started));
    let (rules, problems) = place.rules.read();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        rules[0].subject,
        SubjectPattern::StartedBy(ssh, git.clone())
    );
    assert_eq!(rules[1].subject, SubjectPattern::AndStarted(git));
    for (program, line, word) in [
        ("any", by_git, "any program"),
        ("any", and_started, "any program"),
        ("/usr/bin/python3", and_started, "whatever it is given"),
    ] {
        place.write("30.toml", &with(program, line));
        let (_, problems) = place.rules.read();
        assert!(problems[0].to_string().contains(word), "{problems:?}");
    }
}

#[test]
fn files_are_read_in_the_order_of_their_names() {
    let mut place = Place::new();
    place.write("20.toml", &deny("b.example"));
    place.write("10.toml", &deny("a.example"));
    for name in ["30.toml.bak", ".40.toml", "README"] {
        place.write(name, "no rules");
    }
    assert_eq!(
        place.read(),
        (vec!["a.example".into(), "b.example".into()], String::new())
    );
    fs::remove_dir_all(place.directory()).unwrap();
    assert_eq!(
        place.read(),
        (vec![], String::new()),
        "no directory, no rules"
    );
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let mut place = Place::new();
    let second = |line: &str| {
        deny("a.example") + "\n[[rule]]\nprogram = \"any\"\noperations = [\"connect\"]\n" + line
    };
    for (text, words) in [
        ("[[rule]\n".to_owned(), ":1:"),
        (
            second("action = \"maybe\"\n"),
            ":7: cannot read action “maybe”",
        ),
        (
            second("action = \"deny\"\nports = \"0\"\n"),
            ":7: cannot read ports “0”",
        ),
        (second("action = \"deny\"\nerrno = \"EINTR\"\n"), "“EINTR”"),
        (
            second("action = \"deny\"\nhots = \"a\"\n"),
            ":11: unknown field `hots`",
        ),
        (
            second("action = \"deny\"\nusers = [\"no such user\"]\n"),
            "“no such user”",
        ),
    ] {
        let path = place.write("10.toml", &text);
        let (rules, problems) = place.read();
        assert!(rules.is_empty());
        assert!(
            problems.contains(&*path.display().to_string()),
            "{problems}"
        );
        assert!(problems.contains(words), "{words}: {problems}");
    }
}

#[test]
fn a_slip_opens_nothing() {
    let mut place = Place::new();
    place.write("10.toml", &deny("a.example"));
    place.write("20.toml", &deny("b.example"));
    place.read();
    place.write("10.toml", "[[rule]");
    place.write("20.toml", &deny("c.example"));
    let (rules, problems) = place.read();
    assert_eq!(rules, ["a.example", "c.example"]);
    assert!(problems.contains("10.toml:1"), "{problems}");
    // A file that is taken away is meant to be.
    fs::remove_file(place.directory().join("10.toml")).unwrap();
    assert_eq!(place.read(), (vec!["c.example".into()], String::new()));
}

#[test]
fn what_others_can_write_is_not_trusted() {
    let mut place = Place::new();
    let path = place.write("10.toml", &deny("a.example"));
    for mode in [0o646, 0o664] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let (rules, problems) = place.read();
        assert!(rules.is_empty());
        assert!(problems.contains("cannot trust"), "{problems}");
    }
    let elsewhere = place.dir.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert!(place.read().1.contains("cannot read"), "a link");
}

#[test]
fn a_directory_that_others_can_write_to_is_not_trusted() {
    let mut place = Place::new();
    place.write("10.toml", &deny("a.example"));
    place.read();
    place.let_write(0o777);
    // Whoever takes the file away now may be anybody.
    fs::remove_file(place.directory().join("10.toml")).unwrap();
    let (rules, problems) = place.read();
    assert_eq!(rules, ["a.example"]);
    assert!(problems.contains("cannot trust"), "{problems}");
}

#[test]
fn a_list_that_is_too_long_takes_no_other_rules_away() {
    let mut place = Place::new();
    place.write("10.toml", &deny("a.example"));
    place.write("90.toml", &deny("z.example"));
    place.read();
    let line = "[[rule]]\nprogram = \"any\"\noperations = [\"connect\"]\naction = \"deny\"\n";
    place.write("10.toml", &line.repeat(MOST + 1));
    let (rules, problems) = place.read();
    assert_eq!(rules, ["a.example", "z.example"]);
    assert!(problems.contains("cannot keep the rules"), "{problems}");
    // Nor at the beginning.
    place.rules = Administrators::new(place.directory());
    assert_eq!(place.read().0, ["z.example"]);
}
