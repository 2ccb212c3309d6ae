//! No call is allowed by what was taken that Little Snitch may have denied: its way of deciding, as far as its help
//! tells of it, played.

use portreeve_policy::is_within;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use super::*;
use crate::played::{self, Played, taken};

/// The program that stands for the one of macOS.
const APP: &str = "/usr/bin/app";
const OF_MACOS: &str = "/Applications/A.app/A";

/// A call, and what Little Snitch sees of it beside.
#[derive(Debug, Clone)]
struct Call {
    here: Played,
    /// Whether another program has started it, for which some rules are.
    is_via: bool,
}

/// What a rule says of the other side: its kind, the more exact the higher, and whether it has it.
fn remote(rule: &Value, call: &Played) -> (u8, bool) {
    let text = |key: &str| rule.get(key).map(|it| it.as_str().unwrap());
    let any_of = |words: &str, is_it: &dyn Fn(&str) -> bool| words.split(", ").any(is_it);
    let is_in = |network: &str| {
        let network: IpNet = network.parse().unwrap();
        network.contains(&call.ip.parse::<IpAddr>().unwrap())
    };
    let host = call.host.unwrap_or_default();
    if let Some(words) = text("remote-addresses") {
        (7, any_of(words, &is_in))
    } else if let Some(words) = text("remote-hosts") {
        (6, any_of(words, &|it| it == host))
    } else if let Some(words) = text("remote-domains") {
        (5, any_of(words, &|it| is_within(host, it)))
    } else {
        match text("remote") {
            Some("multicast") => (3, is_in("224.0.0.0/4") || is_in("ff00::/8")),
            Some("bonjour") => (2, is_in("224.0.0.251/32")),
            Some("local-net") => (1, is_in("10.0.0.0/8")),
            _ => (0, true),
        }
    }
}

/// The priority and kind of a rule, if it is about the call.
fn place(rule: &Value, call: &Call) -> Option<(bool, u8)> {
    let process = if call.here.key == APP {
        OF_MACOS
    } else {
        call.here.key
    };
    let is_text = |key: &str, expected: &str| {
        let text = rule.get(key).map(|it| it.as_str().unwrap());
        text.is_none_or(|text| text == "any" || text == expected)
    };
    let (kind, has_it) = remote(rule, &call.here);
    let is_about = rule.get("disabled").is_none()
        && is_text("process", process)
        && is_text("ports", &call.here.port.to_string())
        && is_text("protocol", call.here.protocol)
        && (rule.get("via").is_none() || call.is_via)
        && has_it;
    is_about.then(|| (rule.get("priority").is_some(), kind))
}

/// Whether Little Snitch allows the call, whatever it goes by where priority and kind are the same.
fn surely_allows(rules: &[Value], call: &Call) -> bool {
    let about = || {
        rules
            .iter()
            .filter_map(|rule| Some((place(rule, call)?, rule)))
    };
    let first = about().map(|(place, _)| place).max();
    let mut deciding = about().filter(|(place, _)| Some(*place) == first);
    first.is_some() && deciding.all(|(_, rule)| rule["action"] == json!("allow"))
}

/// One of these words for a part of a rule, or, for a dash, none.
fn part(
    key: &'static str,
    words: &[&'static str],
) -> impl Strategy<Value = Option<(&'static str, &'static str)>> + use<> {
    let parts: Vec<_> = words
        .iter()
        .map(|word| (*word != "-").then_some((key, *word)))
        .collect();
    prop::sample::select(parts)
}

fn any_remote() -> impl Strategy<Value = Option<(&'static str, &'static str)>> {
    let remotes = [
        None,
        Some(("remote", "any")),
        Some(("remote", "multicast")),
        Some(("remote", "bonjour")),
        Some(("remote", "local-net")),
        Some(("remote-hosts", "a.example")),
        Some(("remote-hosts", "www.a.example")),
        Some(("remote-hosts", "a.example, www.a.example")),
        Some(("remote-domains", "example")),
        Some(("remote-domains", "a.example")),
        Some(("remote-addresses", "10.0.0.1/32")),
        Some(("remote-addresses", "10.0.0.0/8")),
        Some(("remote-addresses", "10.0.0.1/32, 192.0.2.1/32")),
        Some(("remote-addresses", "224.0.0.0/3")),
    ];
    prop::sample::select(remotes.to_vec())
}

fn any_rule() -> impl Strategy<Value = Value> {
    (
        part(
            "action",
            &["allow", "allow", "allow", "deny", "deny", "ask", "made-up"],
        ),
        part(
            "process",
            &[
                "-",
                "any",
                "/usr/bin/curl",
                "/usr/bin/curl",
                "/usr/bin/wget",
                OF_MACOS,
            ],
        ),
        any_remote(),
        part("ports", &["-", "-", "-", "any", "80", "443"]),
        part("protocol", &["-", "-", "-", "any", "tcp", "udp"]),
        part("priority", &["-", "-", "-", "-", "-", "high"]),
        part("via", &["-", "-", "-", "-", "-", "-", "/usr/bin/ssh"]),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(action, process, remote, ports, protocol, priority, via, disabled)| {
                let parts = [action, process, remote, ports, protocol, priority, via];
                let parts = parts.into_iter().flatten();
                let mut rule: Map<String, Value> = parts
                    .map(|(key, word)| (key.to_owned(), json!(word)))
                    .collect();
                if disabled {
                    rule.insert("disabled".to_owned(), json!(true));
                }
                Value::Object(rule)
            },
        )
}

fn any_call() -> impl Strategy<Value = Call> {
    (
        prop::sample::select(vec!["/usr/bin/curl", "/usr/bin/curl", "/usr/bin/wget", APP]),
        prop::sample::select(vec![
            None,
            Some("a.example"),
            Some("www.a.example"),
            Some("b.test"),
        ]),
        prop::sample::select(vec!["10.0.0.1", "192.0.2.1", "224.0.0.251", "2001:db8::1"]),
        prop::sample::select(vec![80, 443]),
        prop::sample::select(vec!["tcp", "udp"]),
        any::<bool>(),
    )
        .prop_map(|(key, host, ip, port, protocol, is_via)| {
            let here = Played {
                key,
                host,
                ip,
                port,
                protocol,
            };
            Call { here, is_via }
        })
}

/// Rules; what a list denies to all; and whether a program is named for those of macOS.
fn any_import() -> impl Strategy<
    Value = (
        Vec<Value>,
        Option<(&'static str, &'static str)>,
        Option<&'static str>,
    ),
> {
    let lists = [
        None,
        None,
        Some(("domains", "a.example")),
        Some(("hosts", "www.a.example")),
        Some(("addresses", "10.0.0.0/8")),
    ];
    (
        prop::collection::vec(any_rule(), 1..6),
        prop::sample::select(lists.to_vec()),
        prop::sample::select(vec![None, Some(APP)]),
    )
}

/// What is taken, and all the rules that Little Snitch has then.
fn import_of(
    rules: &[Value],
    list: Option<(&str, &str)>,
    app: Option<&str>,
) -> (Imported, Vec<Value>) {
    let mut group = json!({"rules": rules});
    let mut all = rules.to_vec();
    if let Some((key, word)) = list {
        group[format!("denied-remote-{key}")] = json!([word]);
        all.push(json!({"action": "deny", format!("remote-{key}"): word}));
    }
    (read(&group.to_string(), app), all)
}

/// What was taken does allow something, or it would be easy to allow nothing that was not.
#[test]
fn some_of_what_was_allowed_still_is() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let (mut there, mut here) = (0, 0);
    for _ in 0..1000 {
        let tree = (any_import(), any_call()).new_tree(&mut runner).unwrap();
        let ((rules, list, app), call) = tree.current();
        let (imported, all) = import_of(&rules, list, app);
        there += u32::from(surely_allows(&all, &call));
        here += u32::from(played::allows(&taken(imported), &call.here));
    }
    assert!(here * 10 > there, "{here} of {there}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_is_allowed_that_may_not_have_been(
        (rules, list, app) in any_import(),
        calls in prop::collection::vec(any_call(), 8),
    ) {
        let (imported, all) = import_of(&rules, list, app);
        let taken = taken(imported);
        for call in calls {
            if played::allows(&taken, &call.here) {
                prop_assert!(surely_allows(&all, &call), "{:?} {:?}", app, call);
            }
        }
    }
}
