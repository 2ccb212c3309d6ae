//! `portreevectl status`: the state of the firewall.

use portreeve_dbus::{ActiveNetwork, Status};
use portreeve_i18n::{gettext, gettext_f};
use serde::Serialize;

use super::{mode, words};
use crate::{
    bus::Bus,
    clock::boot_time,
    error::Result,
    output::{Output, fields},
};

/// The state as programs read it.
#[derive(Debug, Serialize)]
struct View<'a> {
    version: &'a str,
    mode: &'a str,
    /// Microseconds on `CLOCK_BOOTTIME`.
    mode_ends: Option<u64>,
    mode_before: Option<&'a str>,
    mode_undecided: bool,
    enforcing: bool,
    agent: bool,
    agent_kind: Option<&'a str>,
    prompts: u32,
    held: u32,
    rules: u32,
    store: &'a str,
    history: &'a str,
    administrators: &'a str,
    networks: Vec<Network<'a>>,
    services: Option<&'a str>,
    name_sources: Option<&'a [String]>,
    failures: &'a [String],
    hold_seconds: u32,
}

/// A network that is active, as programs read it.
#[derive(Debug, Serialize)]
struct Network<'a> {
    uuid: &'a str,
    name: &'a str,
    kind: &'a str,
    primary: bool,
}

impl<'a> From<&'a ActiveNetwork> for Network<'a> {
    fn from(network: &'a ActiveNetwork) -> Self {
        Self {
            uuid: &network.uuid,
            name: &network.name,
            kind: &network.kind,
            primary: network.primary,
        }
    }
}

impl<'a> From<&'a Status> for View<'a> {
    fn from(status: &'a Status) -> Self {
        Self {
            version: &status.version,
            mode: &status.mode,
            mode_ends: status.mode_ends,
            mode_before: status.mode_before.as_deref(),
            mode_undecided: status.mode_undecided.unwrap_or_default(),
            enforcing: status.enforcing,
            agent: status.agent,
            agent_kind: status.agent_kind.as_deref(),
            prompts: status.prompts,
            held: status.held,
            rules: status.rules,
            store: &status.store,
            history: &status.history,
            administrators: &status.administrators,
            networks: status
                .networks
                .iter()
                .flatten()
                .map(Network::from)
                .collect(),
            services: status.services.as_deref(),
            name_sources: status.name_sources.as_deref(),
            failures: &status.failures,
            hold_seconds: status.hold_seconds,
        }
    }
}

/// Prints the state as far as it concerns user `uid`.
pub(crate) async fn run(uid: u32, output: &mut Output) -> Result<()> {
    let status = Bus::connect().await?.broker().await?.status(uid).await?;
    output.result(&View::from(&status), text)
}

fn text(status: &View<'_>) -> String {
    let mode = if status.mode_undecided {
        mode::undecided()
    } else {
        mode::words(
            status.mode,
            status.mode_ends,
            status.mode_before,
            boot_time(),
        )
    };
    let failures = if status.failures.is_empty() {
        // Translators: no failures.
        gettext("none")
    } else {
        status.failures.join(", ")
    };
    let names = match status.name_sources {
        Some(sources) => sources.join(", "),
        // Translators: where names of computers come from is not known.
        None => gettext("not known"),
    };
    let networks: Vec<String> = status
        .networks
        .iter()
        .map(|network| format!("{} ({})", network.name, network.uuid))
        .collect();
    let networks = if networks.is_empty() {
        // Translators: no networks.
        gettext("none known")
    } else {
        words::row(&networks)
    };
    fields(&[
        (gettext("Version:"), status.version.to_owned()),
        // Translators: whether the firewall is enforced: yes or no.
        (gettext("Enforcing:"), yes_no(status.enforcing)),
        (gettext("Mode:"), mode),
        // Translators: whether a program is there that asks the user: yes or no.
        (gettext("Agent:"), agent(status)),
        (gettext("Open prompts:"), status.prompts.to_string()),
        // Translators: how many calls of programs wait for an answer.
        (gettext("Calls held:"), status.held.to_string()),
        (gettext("Rules in force:"), status.rules.to_string()),
        // Translators: where rules are kept.
        (gettext("Rule store:"), status.store.to_owned()),
        // Translators: what programs did.
        (gettext("History:"), status.history.to_owned()),
        // Translators: of administrators.
        (gettext("Admin rules:"), status.administrators.to_owned()),
        (gettext("Networks:"), networks),
        // Translators: of the system.
        (gettext("Services:"), services(status.services)),
        // Translators: of computers on the network; what follows are words for where they come from.
        (gettext("Names from:"), names),
        (gettext("Failures:"), failures),
        (
            // Translators: for how long a call may wait for an answer.
            gettext("Longest hold:"),
            gettext_f(
                // Translators: seconds.
                "{seconds} s",
                &[("seconds", &status.hold_seconds.to_string())],
            ),
        ),
    ])
}

fn yes_no(value: bool) -> String {
    if value { gettext("yes") } else { gettext("no") }
}

/// Whether the user has an agent, and where that asks.
fn agent(status: &View<'_>) -> String {
    match (status.agent, status.agent_kind) {
        (true, Some("window")) => gettext("yes, in a window"),
        (true, Some("terminal")) => gettext("yes, on a terminal"),
        (is_there, _) => yes_no(is_there),
    }
}

/// Whether root and system users are guarded, in words.
fn services(state: Option<&str>) -> String {
    match state {
        // Translators: whether services of the system are guarded, here and below.
        Some("all") => gettext("guarded, root and all system users"),
        Some("some") => gettext("guarded, those that the settings name"),
        Some("off") | None => gettext("not guarded"),
        Some(other) => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_every_field() {
        let status = Status {
            version: "0.1.0".into(),
            mode: "ask".into(),
            enforcing: true,
            prompts: 2,
            store: "ok".into(),
            history: "off".into(),
            administrators: "ok".into(),
            networks: Some(vec![ActiveNetwork {
                uuid: "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".into(),
                name: "Home".into(),
                kind: "vpn".into(),
                primary: true,
            }]),
            services: Some("some".into()),
            name_sources: Some(vec!["lookup".into(), "hosts".into()]),
            failures: vec!["no-agent=1".into()],
            hold_seconds: 120,
            ..Status::default()
        };
        assert_eq!(
            serde_json::to_value(View::from(&status)).unwrap(),
            serde_json::json!({
                "version": "0.1.0", "mode": "ask", "mode_ends": null, "mode_before": null,
                "mode_undecided": false,
                "enforcing": true, "agent": false, "agent_kind": null,
                "prompts": 2, "held": 0, "rules": 0, "store": "ok", "history": "off",
                "administrators": "ok", "networks": [{
                    "uuid": "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab", "name": "Home", "kind": "vpn",
                    "primary": true,
                }],
                "services": "some", "name_sources": ["lookup", "hosts"],
                "failures": ["no-agent=1"], "hold_seconds": 120,
            })
        );
    }

    #[test]
    fn people_get_a_line_for_each_field() {
        let status = Status {
            store: "cannot open\u{1b}[2J".into(),
            agent: true,
            agent_kind: Some("terminal".into()),
            ..Status::default()
        };
        let text = text(&View::from(&status));
        assert!(text.contains("Enforcing:      no\n"), "{text}");
        assert!(
            text.contains("Rule store:     cannot open\\u{1b}[2J\n"),
            "{text}"
        );
        assert!(text.contains("Failures:       none\n"), "{text}");
        assert!(text.contains("Services:       not guarded\n"), "{text}");
        assert!(
            text.contains("Agent:          yes, on a terminal\n"),
            "{text}"
        );
    }
}
