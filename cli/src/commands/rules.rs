//! `portreevectl rules`: lists and changes rules.

mod built_in;
mod changes;
mod check;
mod dry_run;
mod edit;
mod export;
mod import;
mod network;
mod parts;
mod show;

use std::time::Duration;

use portreeve_dbus::{ANY, Rule, RuleChanges, RuleSpec, RulesProxy, program_key, starter_key};
use portreeve_i18n::{gettext, gettext_f, ngettext_f};
use serde::Serialize;

pub(super) use self::parts::{action, other_side};
use self::parts::{any_program, in_force, lifespan, named_list, origin, started, subject};
use super::words;
use crate::{
    args::{AddRule, Rules},
    bus::{Bus, call_with_leave},
    clock::boot_time,
    error::Result,
    output::{Output, Table},
};

/// A rule as programs read it.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of its own for programs"
)]
pub(super) struct View<'a> {
    pub(super) id: u64,
    uid: Option<u32>,
    program: Option<&'a str>,
    started_by: Option<&'a str>,
    and_what_it_starts: bool,
    /// What the file was called of a program that is known by its SHA-256: a claim.
    called: Option<&'a str>,
    pub(super) operations: &'a [String],
    destination: &'a str,
    host: Option<&'a str>,
    network: Option<&'a str>,
    /// Name of the list, or path of an administrator's, and how many entries it has.
    list: Option<&'a str>,
    entries: Option<u32>,
    ports: Option<&'a str>,
    protocol: Option<&'a str>,
    pub(super) action: &'a str,
    errno: Option<u16>,
    lifespan: &'a str,
    pid: Option<u32>,
    /// Microseconds on `CLOCK_BOOTTIME`.
    ends: Option<u64>,
    /// UUID of the one network that it is for, and what that was called.
    only_in: Option<&'a str>,
    only_in_name: Option<&'a str>,
    /// Whether that is not active now.
    away: bool,
    enabled: bool,
    origin: &'a str,
    created: i64,
    built_in: Option<&'a str>,
    note: Option<&'a str>,
    paused: bool,
}

impl<'a> From<&'a Rule> for View<'a> {
    fn from(rule: &'a Rule) -> Self {
        Self {
            id: rule.id,
            uid: rule.uid,
            program: rule.program.as_deref(),
            started_by: rule.started_by.as_deref(),
            and_what_it_starts: rule.and_what_it_starts == Some(true),
            called: rule.called.as_deref(),
            operations: &rule.operations,
            destination: &rule.destination,
            host: rule.host.as_deref(),
            network: rule.network.as_deref(),
            list: rule.list.as_deref(),
            entries: rule.entries,
            ports: rule.ports.as_deref(),
            protocol: rule.protocol.as_deref(),
            action: &rule.action,
            errno: rule.errno,
            lifespan: &rule.lifespan,
            pid: rule.pid,
            ends: rule.ends,
            only_in: rule.only_in.as_deref(),
            only_in_name: rule.only_in_name.as_deref(),
            away: rule.away == Some(true),
            enabled: rule.enabled,
            origin: &rule.origin,
            created: rule.created,
            built_in: rule.built_in.as_deref(),
            note: rule.note.as_deref(),
            paused: rule.paused == Some(true),
        }
    }
}

/// A change made.
#[derive(Debug, Serialize)]
struct Made {
    /// Its number, by which it can be undone; 0 if it cannot.
    change: u64,
    /// The rules that it is about; of an edited one, what it is now.
    ids: Vec<u64>,
}

/// Lists or changes the rules of user `uid`.
pub(crate) async fn run(uid: u32, command: &Rules, output: &mut Output) -> Result<()> {
    let changes = match command {
        Rules::List => return list(uid, output).await,
        Rules::Show(rule) => return show::run(uid, rule.id, output).await,
        Rules::BuiltIn(arguments) => return built_in::run(uid, arguments, output).await,
        Rules::Check => return check::run(uid, output).await,
        Rules::Changes => return changes::list(uid, output).await,
        Rules::Undo(undo) => return changes::undo(uid, undo.change, output).await,
        Rules::Export(arguments) => return export::run(uid, arguments, output).await,
        Rules::Import(arguments) => return import::run(uid, arguments, output).await,
        Rules::Add(rule) if rule.dry_run => {
            let spec = added(uid, rule).await?;
            return dry_run::run(uid, &spec, output).await;
        }
        Rules::Add(rule) => RuleChanges::add(added(uid, rule).await?),
        Rules::Edit(rule) => edit::changes(uid, rule).await?,
        Rules::Remove(rules) => RuleChanges {
            remove: Some(rules.ids.clone()),
            ..RuleChanges::default()
        },
        Rules::Enable(rules) => RuleChanges {
            enable: Some(rules.ids.clone()),
            ..RuleChanges::default()
        },
        Rules::Disable(rules) => RuleChanges {
            disable: Some(rules.ids.clone()),
            ..RuleChanges::default()
        },
    };
    // The broker checks too; this says what is wrong even without one.
    changes.check()?;
    let (change, added): (u64, Vec<u64>) =
        call_with_leave(patient_proxy().await?.inner(), "Change", &(uid, &changes)).await?;
    let ids = if added.is_empty() {
        let named = [changes.remove, changes.enable, changes.disable];
        named.into_iter().flatten().flatten().collect()
    } else {
        added
    };
    output.result(&Made { change, ids }, |made| {
        words::done(&said(command, &made.ids), made.change)
    })
}

/// What a command has done to these rules.
fn said(command: &Rules, ids: &[u64]) -> String {
    let numbers: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let rules = words::row(&numbers);
    let (count, values) = (ids.len(), [("rules", rules.as_str())]);
    match command {
        Rules::Edit(rule) => gettext_f(
            "Rule {old} is rule {new} now",
            &[("old", &rule.id.to_string()), ("new", &rules)],
        ),
        // Translators: {rules} is the number of one, or of several, here and below.
        Rules::Remove(_) => ngettext_f(
            "Rule {rules} removed",
            "Rules {rules} removed",
            count,
            &values,
        ),
        Rules::Enable(_) => ngettext_f(
            "Rule {rules} enabled",
            "Rules {rules} enabled",
            count,
            &values,
        ),
        Rules::Disable(_) => ngettext_f(
            "Rule {rules} disabled",
            "Rules {rules} disabled",
            count,
            &values,
        ),
        _ => ngettext_f("Rule {rules} added", "Rules {rules} added", count, &values),
    }
}

async fn list(uid: u32, output: &mut Output) -> Result<()> {
    let mut rules = Bus::connect().await?.rules().await?.list(uid).await?;
    rules.sort_by(|a, b| (&a.program, a.id).cmp(&(&b.program, b.id)));
    let views: Vec<_> = rules.iter().map(View::from).collect();
    output.result(&views, |views| text(views, boot_time()))
}

async fn added(uid: u32, rule: &AddRule) -> Result<RuleSpec> {
    let parts = &rule.parts;
    let key = if parts.and_what_it_starts {
        starter_key
    } else {
        program_key
    };
    let program = if rule.app.as_os_str() == ANY {
        ANY.to_owned()
    } else {
        key(&rule.app)?
    };
    let mut spec = RuleSpec {
        program,
        called: None,
        started_by: parts.started_by.as_deref().map(starter_key).transpose()?,
        and_what_it_starts: parts.and_what_it_starts.then_some(true),
        operations: rule.operations.iter().map(ToString::to_string).collect(),
        host: parts.host.clone(),
        network: parts.addr.clone(),
        list: parts.list.clone(),
        place: parts.place.clone(),
        domain: parts.domain.clone(),
        ports: parts.port.as_ref().map(ToString::to_string),
        errno: parts.errno,
        protocol: parts.protocol.map(|protocol| protocol.to_string()),
        action: rule.action.as_str().to_owned(),
        lifespan: parts.lifespan().map(|lifespan| lifespan.to_string()),
        enabled: None,
        note: parts.note.clone(),
        ..RuleSpec::default()
    };
    if let Some(word) = &parts.network {
        network::put_in(&mut spec, uid, word).await?;
    }
    Ok(spec)
}

pub(super) async fn patient_proxy() -> Result<RulesProxy<'static>> {
    Bus::connect_patiently().await?.rules().await
}

fn text(rules: &[View<'_>], now: Duration) -> String {
    if rules.is_empty() {
        return gettext("No rules.");
    }
    let mut table = Table::new([
        gettext("ID"),
        // Translators: whether a rule is in force: yes, no, away or paused.
        gettext("ON"),
        gettext("ACTION"),
        gettext("PROGRAM"),
        gettext("OPERATIONS"),
        gettext("OTHER SIDE"),
        // Translators: how long a rule lives.
        gettext("LIFESPAN"),
        // Translators: who has made a rule or a change, or what.
        gettext("MADE BY"),
    ]);
    for rule in rules {
        table.row([
            rule.id.to_string(),
            in_force(rule),
            action(rule),
            subject(rule),
            rule.operations.join(", "),
            other_side(rule),
            lifespan(rule, now),
            origin(rule.origin),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule {
            id: 12,
            uid: Some(1000),
            program: Some("/usr/bin/curl".into()),
            operations: vec!["connect".into()],
            destination: "host".into(),
            host: Some("example.org".into()),
            ports: Some("443".into()),
            protocol: Some("tcp".into()),
            action: "deny".into(),
            errno: Some(1),
            lifespan: "always".into(),
            enabled: true,
            origin: "prompt".into(),
            created: 1_700_000_000,
            ..Rule::default()
        }
    }

    #[test]
    fn programs_get_every_field() {
        assert_eq!(
            serde_json::to_value(View::from(&rule())).unwrap(),
            serde_json::json!({
                "id": 12, "uid": 1000, "program": "/usr/bin/curl", "started_by": null,
                "and_what_it_starts": false, "called": null, "operations": ["connect"],
                "destination": "host", "host": "example.org", "network": null, "list": null, "entries": null, "ports": "443",
                "protocol": "tcp", "action": "deny", "errno": 1, "lifespan": "always",
                "pid": null, "ends": null, "only_in": null, "only_in_name": null, "away": false, "enabled": true, "origin": "prompt", "created": 1_700_000_000,
                "built_in": null, "note": null, "paused": false,
            })
        );
    }

    #[test]
    fn people_are_told_who_has_to_have_started_it() {
        let started = Rule {
            started_by: Some("/usr/bin/git".into()),
            ..rule()
        };
        let and_started = Rule {
            and_what_it_starts: Some(true),
            ..rule()
        };
        let told = |rule: &Rule| subject(&View::from(rule));
        assert_eq!(told(&rule()), "/usr/bin/curl");
        assert_eq!(told(&started), "/usr/bin/curl started by /usr/bin/git");
        assert_eq!(told(&and_started), "/usr/bin/curl and what it starts");
    }

    #[test]
    fn people_get_a_row_for_each_rule() {
        let built_in = Rule {
            id: 1,
            destination: "this-computer".into(),
            action: "allow".into(),
            lifespan: "process".into(),
            pid: Some(42),
            ..Rule::default()
        };
        let until = |lifespan: &str, ends| Rule {
            lifespan: lifespan.into(),
            ends,
            ..rule()
        };
        let timed = until("until", Some(3_700_000_000));
        let domain = Rule {
            destination: "domain".into(),
            ports: Some("80,443".into()),
            errno: Some(111),
            ..rule()
        };
        let away = Rule {
            only_in: Some("0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".into()),
            only_in_name: Some("Home".into()),
            away: Some(true),
            ..rule()
        };
        let key = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let by_contents = |called: Option<&str>| Rule {
            program: Some(key.clone()),
            called: called.map(str::to_owned),
            ..rule()
        };
        let (called, uncalled) = (by_contents(Some("/usr/bin/x")), by_contents(None));
        let rules = [
            rule(),
            built_in,
            timed,
            until("logout", None),
            domain,
            away,
            called,
            uncalled,
        ];
        let views: Vec<_> = rules.iter().map(View::from).collect();
        assert_eq!(
            serde_json::to_value(&views[2]).unwrap()["ends"],
            3_700_000_000_u64
        );
        let text = text(&views, Duration::from_millis(95_500));
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[7].contains(" /usr/bin/x (sha256:0123456789ab…) "),
            "{text}"
        );
        assert!(lines[8].contains(" sha256:0123456789ab… "), "{text}");
        assert!(lines[1].contains("example.org port 443, tcp"), "{text}");
        assert!(lines[2].contains("any program"), "{text}");
        assert!(lines[2].contains("this-computer"), "{text}");
        assert!(lines[2].contains("process 42"), "{text}");
        assert!(lines[3].contains("ends in 1h 5s "), "{text}");
        assert!(lines[4].contains("until logout"), "{text}");
        assert!(lines[1].contains(" deny  "), "{text}");
        assert!(lines[6].starts_with("12  away "), "{text}");
        assert!(lines[6].contains("443, tcp, only in Home"), "{text}");
        assert!(lines[5].contains("deny (ECONNREFUSED)"), "{text}");
        assert!(
            lines[5].contains("example.org and below port 80,443, tcp"),
            "{text}"
        );
    }
}
