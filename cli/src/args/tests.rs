//! Tests of the command line: what is taken, and what is named when it is not.

use clap::CommandFactory as _;

use super::*;

fn refused(arguments: &[&str]) -> String {
    let arguments = std::iter::once("portreevectl").chain(arguments.iter().copied());
    refusal_text(&Args::try_parse_from(arguments).unwrap_err())
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn flags_may_stand_after_the_command() {
    let args = Args::try_parse_from([
        "portreevectl",
        "decide",
        "7",
        "allow",
        "--for",
        "always",
        "--user",
        "alice",
        "--json",
    ])
    .unwrap();
    assert!(args.json);
    assert_eq!(args.user.as_deref(), Some("alice"));
    let Command::Decide(decide) = args.command else {
        panic!("not decide: {:?}", args.command);
    };
    assert_eq!(decide.action, Outcome::Allow);
    assert_eq!(decide.lifespan, For::Always);
    assert_eq!(decide.scope, None);
    assert_eq!(decide.revision, None);
}

#[test]
fn what_cannot_be_used_is_named() {
    assert!(refused(&["decide", "7", "maybe"]).contains("'maybe'"));
    assert!(refused(&["decide", "seven", "allow"]).contains("'seven'"));
    let rule = ["rules", "add", "--app", "/usr/bin/curl", "--action", "deny"];
    assert!(refused(&rule).contains("--op"));
    let with = |more: &[&str]| refused(&[&rule[..], &["--op", "connect"], more].concat());
    for port in ["0", "65536", "65616", "4294967376", "90-80", "80,", "http"] {
        assert!(with(&["--port", port]).contains("--port"), "{port}");
    }
    assert!(with(&["--protocol", "tpc"]).contains("tcp, udp"));
    assert!(with(&["--host", "a.example", "--addr", "192.0.2.1"]).contains("--addr"));
    assert!(with(&["--domain", "a.example", "--place", "internet"]).contains("--place"));
    assert!(with(&["--errno", "EINTR"]).contains("ECONNREFUSED"));
    for time in ["soon", "1", "1x", "", "1h30", "0s", "1500ms", "367days"] {
        let text = with(&["--for", time]);
        assert!(text.contains(&format!("“{time}”")), "{text}");
        let text = refused(&["decide", "7", "allow", "--for", time]);
        assert!(text.contains(&format!("“{time}”")), "{text}");
        assert!(text.contains("logout"), "{text}");
    }
    for lifespan in ["logout", "once", "always"] {
        assert!(with(&["--for", lifespan]).contains(lifespan), "no time");
    }
    assert!(with(&["--for", "1h", "--until-logout"]).contains("--until-logout"));
    for time in ["soon", "", "2026-13-01", "14:30"] {
        let text = refused(&["log", "--since", time]);
        assert!(text.contains(&format!("“{time}”")), "{text}");
    }
    assert!(refused(&["log", "--clear", "--denied"]).contains("--clear"));
    assert!(refused(&["mode", "on"]).contains("lockdown"));
    assert!(refused(&["mode", "--for", "1h"]).contains("MODE"));
    assert!(refused(&["snooze", "lockdown"]).contains("allow, deny, off"));
}

#[test]
fn a_rule_may_end() {
    let lifespan = |more: &[&str]| {
        let rule = "portreevectl rules add --app /a --op connect --action deny";
        let words = rule.split(' ').chain(more.iter().copied());
        match Args::try_parse_from(words).unwrap().command {
            Command::Rules(Rules::Add(rule)) => rule.parts.lifespan(),
            other => panic!("not rules add: {other:?}"),
        }
    };
    assert_eq!(lifespan(&[]), None);
    assert_eq!(lifespan(&["--until-logout"]), Some(For::Logout));
    for (time, seconds) in [
        ("1s", 1),
        ("90s", 90),
        ("1h", 3600),
        ("2h 30m", 9000),
        ("7d", 604_800),
    ] {
        let lifespan = lifespan(&["--for", time]).unwrap();
        assert_eq!(lifespan.to_string(), format!("{seconds}s"));
    }
}

#[test]
fn help_tells_what_is_taken() {
    let help = |path: &[&str]| {
        let mut command = Args::command();
        let command = path.iter().fold(&mut command, |command, name| {
            command.find_subcommand_mut(name).unwrap()
        });
        let text = command.render_help().to_string();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for command in ["add", "edit", "import"] {
        let help = help(&["rules", command]);
        assert!(help.contains("flatpak:ID, snap:NAME"), "{help}");
    }
    assert!(help(&["mode"]).contains("up to 30days"));
    assert!(help(&["rules", "undo"]).contains("if nothing is left of that"));
}
