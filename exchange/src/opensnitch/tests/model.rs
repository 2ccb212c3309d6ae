//! No call is allowed by what was taken that OpenSnitch would have denied: its way of deciding, played.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use super::{SCRIPT, read_for, rule};
use crate::{
    Directory, TextFile,
    played::{self, Played, taken},
};

/// A call, as OpenSnitch sees it, and whose it is here.
#[derive(Debug, Clone)]
struct Call {
    /// The program's path there, which is not its key here if that is an application's or a script's.
    path: &'static str,
    command: &'static str,
    here: Played,
}

impl Call {
    /// What the daemon compares with.
    fn value(&self, operand: &str) -> String {
        match operand {
            "process.path" => self.path.to_owned(),
            "process.command" => self.command.to_owned(),
            "dest.host" => self.here.host.unwrap_or_default().to_owned(),
            "dest.ip" => self.here.ip.to_owned(),
            "dest.port" => self.here.port.to_string(),
            _ if self.here.ip.contains(':') => format!("{}6", self.here.protocol),
            _ => self.here.protocol.to_owned(),
        }
    }
}

/// Whether a condition is met.
fn is_met(condition: &Value, call: &Call) -> bool {
    let text = |key: &str| condition[key].as_str().unwrap();
    let (operand, data) = (text("operand"), text("data"));
    match text("type") {
        "simple" => call.value(operand).eq_ignore_ascii_case(data),
        "regexp" => regex::bytes::RegexBuilder::new(&data.to_lowercase())
            .unicode(false)
            .build()
            .unwrap()
            .is_match(call.value(operand).to_lowercase().as_bytes()),
        "range" => {
            let (first, last) = data.split_once('-').unwrap();
            (first.parse().unwrap()..=last.parse().unwrap()).contains(&call.here.port)
        }
        "network" => {
            let network: ipnet::IpNet = data.parse().unwrap();
            network.contains(&call.here.ip.parse::<IpAddr>().unwrap())
        }
        "lists" => is_listed(operand, data, call),
        other => panic!("{other}"),
    }
}

/// Lists that rules can name.
pub(super) fn lists() -> Directory {
    let file = |text: &str| TextFile {
        name: "list.txt".to_owned(),
        text: text.to_owned(),
    };
    let files = [
        ("hosts", "0.0.0.0 a.example\n0.0.0.0 x.example\n"),
        ("addresses", "10.0.0.1\n2001:db8::1\n"),
        ("networks", "10.0.0.0/8\n2001:db8::/32\n"),
    ];
    Directory {
        path: "/lists".into(),
        files: files
            .map(|(name, text)| (name.into(), vec![file(text)]))
            .into(),
    }
}

/// Whether what the daemon compares is in the files of a directory of lists.
fn is_listed(operand: &str, data: &str, call: &Call) -> bool {
    let directory = lists();
    let below = std::path::Path::new(data).strip_prefix("/lists").unwrap();
    let mut lines = directory.files[below].iter().flat_map(|it| it.text.lines());
    let here = &call.here;
    match operand {
        "lists.domains" => here
            .host
            .is_some_and(|host| lines.any(|line| line.strip_prefix("0.0.0.0 ") == Some(host))),
        "lists.ips" => lines.any(|line| line == here.ip),
        "lists.nets" => lines.any(|line| {
            let network: ipnet::IpNet = line.parse().unwrap();
            network.contains(&here.ip.parse::<IpAddr>().unwrap())
        }),
        other => panic!("{other}"),
    }
}

/// All that the daemon may have of these rules: one of those that have the same name.
fn loaded(rules: &[Value]) -> Vec<Vec<Value>> {
    let mut sets: Vec<Vec<Value>> = vec![Vec::new()];
    let names: BTreeSet<&str> = rules.iter().map(name).collect();
    for one in names {
        let same = rules.iter().filter(|rule| name(rule) == one);
        let with = |rule: &Value| {
            let add = |set: &Vec<Value>| [set.as_slice(), std::slice::from_ref(rule)].concat();
            sets.iter().map(add).collect::<Vec<_>>()
        };
        sets = same.flat_map(with).collect();
    }
    sets
}

fn name(rule: &Value) -> &str {
    rule["name"].as_str().unwrap()
}

/// Whether the daemon allows the call, whichever rules of one name it has.
fn surely_allows(rules: &[Value], call: &Call) -> bool {
    let sets = loaded(rules);
    sets.iter().all(|rules| allows(rules, call) == Some(true))
}

/// Whether the daemon allows the call: `None` if no rule says.
fn allows(rules: &[Value], call: &Call) -> Option<bool> {
    let mut rules: Vec<&Value> = rules
        .iter()
        .filter(|rule| rule["enabled"] == json!(true))
        .collect();
    rules.sort_by_key(|rule| name(rule));
    let mut allowed = None;
    for rule in rules {
        let conditions = rule["operator"]["list"].as_array().unwrap();
        if !conditions.iter().all(|condition| is_met(condition, call)) {
            continue;
        }
        let allow = rule["action"] == json!("allow");
        let denies = ["deny", "reject"]
            .iter()
            .any(|it| rule["action"] == json!(it));
        if denies || rule["precedence"] == json!(true) {
            return Some(allow);
        }
        // Whatever it does not know lets nothing through either, unless a later rule does.
        allowed = Some(allow);
    }
    allowed
}

fn any_condition() -> impl Strategy<Value = Value> {
    let conditions = [
        ("simple", "dest.host", "a.example"),
        ("simple", "dest.host", "www.a.example"),
        ("regexp", "dest.host", r"^(|.*\.)a\.example$"),
        ("regexp", "dest.host", "example"),
        ("simple", "dest.ip", "10.0.0.1"),
        ("network", "dest.network", "10.0.0.0/8"),
        ("network", "dest.network", "2001:db8::/32"),
        ("network", "dest.network", "0.0.0.0/0"),
        ("regexp", "dest.ip", r"0\..*"),
        ("simple", "dest.port", "80"),
        ("regexp", "dest.port", "^(80|443)$"),
        ("range", "dest.port", "80-100"),
        ("simple", "protocol", "tcp"),
        ("simple", "protocol", "tcp6"),
        ("regexp", "protocol", "^(udp|tcp6)$"),
        ("simple", "process.command", "a -x"),
        ("lists", "lists.domains", "/lists/hosts"),
        ("lists", "lists.ips", "/lists/addresses"),
        ("lists", "lists.nets", "/lists/networks"),
    ];
    prop::sample::select(conditions.to_vec())
        .prop_map(|(kind, operand, data)| json!({"type": kind, "operand": operand, "data": data}))
}

fn any_path() -> impl Strategy<Value = Option<Value>> {
    let paths = [
        None,
        Some(("simple", "/bin/a")),
        Some(("simple", "/bin/a")),
        Some(("simple", "/bin/A")),
        Some(("simple", "/bin/b")),
        Some(("regexp", "^(/bin/a|/bin/b)$")),
        Some(("regexp", "^/bin/.*")),
        Some(("regexp", "b$")),
    ];
    prop::sample::select(paths.to_vec()).prop_map(|path| {
        let (kind, data) = path?;
        Some(json!({"type": kind, "operand": "process.path", "data": data}))
    })
}

prop_compose! {
    fn any_rule()(
        path in any_path(),
        mut conditions in prop::collection::vec(any_condition(), 0..3),
        action in prop::sample::select(vec![
            "allow", "allow", "allow", "allow", "deny", "deny", "reject", "made-up",
        ]),
        name in 0..12_u8,
        duration in prop::sample::select(vec![
            "always", "always", "always", "always", "always", "always", "once", "12h", "1d", "",
        ]),
        precedence in prop::bool::weighted(0.2),
        enabled in prop::bool::weighted(0.9),
    ) -> Value {
        conditions.extend(path);
        if conditions.is_empty() {
            conditions.push(json!({"type": "simple", "operand": "dest.port", "data": "443"}));
        }
        let mut rule = rule(&name.to_string(), action, &conditions);
        rule["duration"] = json!(duration);
        rule["precedence"] = json!(precedence);
        rule["enabled"] = json!(enabled);
        rule
    }
}

/// The path of programs there, and their keys here.
const PROGRAMS: [(&str, &str); 5] = [
    ("/bin/a", "/bin/a"),
    ("/bin/b", "/bin/b"),
    ("/bin/A", "/bin/A"),
    ("/bin/b", "snap:bb"),
    ("/bin/a", SCRIPT),
];

prop_compose! {
    fn any_call()(
        (path, key) in prop::sample::select(PROGRAMS.to_vec()),
        command in prop::sample::select(vec!["a -x", "a"]),
        host in prop::sample::select(vec![None, Some("a.example"), Some("www.a.example"), Some("b.example")]),
        ip in prop::sample::select(vec!["10.0.0.1", "192.0.2.1", "2001:db8::1"]),
        port in prop::sample::select(vec![80, 90, 443]),
        protocol in prop::sample::select(vec!["tcp", "udp"]),
    ) -> Call {
        Call { path, command, here: Played { key, host, ip, port, protocol } }
    }
}

/// Rules, calls to try them with, and the program that is named for those that name none.
fn any_import() -> impl Strategy<Value = (Vec<Value>, Vec<Call>, Option<&'static str>)> {
    let apps = [
        None,
        None,
        Some("/bin/a"),
        Some("/bin/c"),
        Some("snap:bb"),
        Some(SCRIPT),
    ];
    (
        prop::collection::vec(any_rule(), 1..6),
        prop::collection::vec(any_call(), 8),
        prop::sample::select(apps.to_vec()),
    )
}

/// What was taken does allow something, of each kind of program: or it would be easy to allow nothing that was not.
#[test]
fn some_of_what_was_allowed_still_is() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for _ in 0..3000 {
        let (rules, calls, app) = any_import().new_tree(&mut runner).unwrap().current();
        let taken = taken(read_for(&rules, app));
        for call in calls {
            let (there, here) = counts.entry(call.here.key).or_default();
            *there += usize::from(surely_allows(&rules, &call));
            *here += usize::from(played::allows(&taken, &call.here));
        }
    }
    assert!(counts.values().all(|(_, here)| *here > 0), "{counts:?}");
    // Of programs whose paths are theirs here too, not a few.
    let (there, here) = counts["/bin/a"];
    assert!(here * 10 > there, "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_is_allowed_that_was_not((rules, calls, app) in any_import()) {
        let taken = taken(read_for(&rules, app));
        for call in calls {
            if played::allows(&taken, &call.here) {
                prop_assert!(surely_allows(&rules, &call), "{:?} {:?}", app, call);
            }
        }
    }

    #[test]
    fn a_rule_for_a_program_is_taken_as_it_was(
        port in prop::sample::select(vec!["80", "443"]),
        action in prop::sample::select(vec!["allow", "deny"]),
        call in any_call(),
    ) {
        let conditions = [
            json!({"type": "simple", "operand": "process.path", "data": "/bin/a"}),
            json!({"type": "simple", "operand": "dest.port", "data": port}),
        ];
        let rules = [rule("0", action, &conditions)];
        if call.here.key == "/bin/a" {
            prop_assert_eq!(played::allows(&taken(read_for(&rules, None)), &call.here), allows(&rules, &call) == Some(true));
        }
    }
}
