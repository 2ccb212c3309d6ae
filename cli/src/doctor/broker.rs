//! What the broker says of itself, if there is one to be asked.

use portreeve_dbus::Status;
use portreeve_i18n::{fill, gettext, gettext_f};

use super::{Finding, fix};
use crate::{bus::Bus, error::Error, user};

/// The first user who is guarded; those below are the system's own.
const FIRST_GUARDED_UID: u32 = 1000;

/// Shows what the broker has said.
const JOURNAL: &str = "journalctl --unit=portreeved.service";
/// Starts it anew.
const RESTART: &str = "systemctl restart portreeved.service";

/// The checks that need the broker.
const OF_BROKER: [&str; 7] = [
    "enforcing",
    "mode",
    "store",
    "history",
    "administrators",
    "services",
    "agent",
];

/// Asks the broker for its state, as it concerns user `uid`.
pub(super) async fn check(uid: u32) -> Vec<Finding> {
    let bus = match Bus::connect().await {
        Ok(bus) => bus,
        Err(error) => {
            let start = fix(
                &gettext("Start the system bus:"),
                &["systemctl start dbus.socket"],
            );
            let untold_of = gettext("whether the broker runs cannot be told");
            let mut findings = vec![
                Finding::bad("bus", error.to_string(), start),
                Finding::unknown("broker", untold_of),
            ];
            findings.extend(untold());
            return findings;
        }
    };
    let reached = gettext("the system bus can be reached");
    let mut findings = vec![Finding::good("bus", reached)];
    let status = match bus.broker().await {
        Ok(broker) => broker.status(uid).await.map_err(Error::from),
        Err(error) => Err(error),
    };
    match status {
        Ok(status) => findings.extend(judge(&status, user::real(uid))),
        Err(Error::NoBroker(why)) => {
            findings.push(Finding::bad(
                "broker",
                gettext_f(
                    "the broker cannot be reached: {reason}",
                    &[("reason", &why)],
                ),
                fix(
                    &gettext(
                        "Start it now and with the computer; if it fails, its journal says why:",
                    ),
                    &["systemctl enable --now portreeved.service", JOURNAL],
                ),
            ));
            findings.extend(untold());
        }
        Err(error) => {
            findings.push(Finding::bad(
                "broker",
                gettext_f(
                    "the broker does not tell its state: {reason}",
                    &[("reason", &error.to_string())],
                ),
                fix(&gettext("Its journal says more:"), &[JOURNAL]),
            ));
            findings.extend(untold());
        }
    }
    findings
}

fn untold() -> impl Iterator<Item = Finding> {
    OF_BROKER.into_iter().map(|check| {
        let found = match check {
            "enforcing" => gettext("whether the firewall is enforced cannot be told"),
            "mode" => gettext("whether anybody is asked cannot be told"),
            "store" => gettext("the state of the rule store cannot be told"),
            "history" => gettext("whether a history is kept cannot be told"),
            "administrators" => gettext("the state of administrators' rules cannot be told"),
            "services" => gettext("whether services are guarded cannot be told"),
            _ => gettext("whether an agent is there to ask cannot be told"),
        };
        Finding::unknown(check, found)
    })
}

fn are_guarded(status: &Status) -> bool {
    !matches!(status.services.as_deref(), None | Some("off"))
}

fn services(status: &Status) -> Finding {
    let found = match status.services.as_deref() {
        Some("all") => gettext("root and all system users are guarded, and administrators asked"),
        Some("some") => {
            gettext("those of root and the system users are guarded that the settings name")
        }
        _ => gettext("services of the system are not guarded, as the settings want it"),
    };
    Finding::good("services", found)
}

fn judge(status: &Status, uid: u32) -> Vec<Finding> {
    vec![
        Finding::good(
            "broker",
            gettext_f(
                "the broker runs, version {version}",
                &[("version", &status.version)],
            ),
        ),
        enforcing(status),
        mode(status, uid),
        store(status),
        history(status),
        administrators(status),
        services(status),
        agent(status, uid),
    ]
}

fn enforcing(status: &Status) -> Finding {
    if status.enforcing {
        return Finding::good("enforcing", gettext("the firewall is enforced"));
    }
    Finding::bad(
        "enforcing",
        gettext("the firewall is not enforced"),
        fix(
            &gettext("Restart the broker; its journal says what failed:"),
            &[RESTART, JOURNAL],
        ),
    )
}

fn store(status: &Status) -> Finding {
    if status.store == "ok" {
        return Finding::good("store", gettext("the rule store is in order"));
    }
    Finding::bad(
        "store",
        gettext_f(
            // Translators: {reason} is a technical text in English, here and below.
            "the rule store is not in order: {reason}",
            &[("reason", &status.store)],
        ),
        fix(
            &gettext(
                "Rules cannot be changed until this is put right and the broker restarted; the \
                 store is in /var/lib/portreeve:",
            ),
            &[RESTART],
        ),
    )
}

fn history(status: &Status) -> Finding {
    match status.history.as_str() {
        "ok" => Finding::good("history", gettext("a history is kept of what programs do")),
        "off" => Finding::good(
            "history",
            gettext("no history is kept, as the settings want it"),
        ),
        problem => Finding::bad(
            "history",
            gettext_f(
                "no history is kept of what programs do: {reason}",
                &[("reason", problem)],
            ),
            fix(
                &gettext(
                    "Rules are not concerned. If the file cannot be repaired, put it aside; a new one is made:",
                ),
                &[
                    "mv /var/lib/portreeve/history.db /var/lib/portreeve/history.db.bad",
                    RESTART,
                ],
            ),
        ),
    }
}

fn administrators(status: &Status) -> Finding {
    if status.administrators == "ok" {
        let found = gettext("administrators' rules are in order");
        return Finding::good("administrators", found);
    }
    Finding::bad(
        "administrators",
        gettext_f(
            "administrators' rules are not in order: {reason}",
            &[("reason", &status.administrators)],
        ),
        gettext(
            "Put the file right: its rules count as soon as it is saved. Until then they are as they \
             were when it was right, or left out. See portreeve-rules(5).",
        ),
    )
}

fn agent(status: &Status, uid: u32) -> Finding {
    let user = uid.to_string();
    let values = [("user", user.as_str())];
    if status.agent {
        return Finding::good(
            "agent",
            // Translators: {user} is the number of a user, here and below.
            gettext_f("an agent is there to ask user {user}", &values),
        );
    }
    if uid < FIRST_GUARDED_UID {
        let text = if are_guarded(status) {
            gettext("no administrator sits at the computer who could be asked about user {user}")
        } else {
            // Translators: --user is typed so.
            gettext("user {user} is not guarded and needs no agent; --user names another")
        };
        return Finding::unknown("agent", fill(&text, &values));
    }
    let desktop = fix(
        &gettext("In a desktop session of that user, run this:"),
        &["systemctl --user start portreeve-agent.service"],
    );
    let terminal = fix(
        &gettext("Without one, on a terminal of that user:"),
        &["portreevectl agent"],
    );
    Finding::bad(
        "agent",
        gettext_f(
            "no agent is there to ask user {user}: what no rule covers is denied",
            &values,
        ),
        format!("{desktop}\n{terminal}"),
    )
}

fn mode(status: &Status, uid: u32) -> Finding {
    if status.mode_undecided != Some(true) {
        let found = gettext_f("the mode is {mode}", &[("mode", &status.mode)]);
        return Finding::good("mode", found);
    }
    let [ask, learn, allow] = [
        (
            "ask",
            // Translators: what a command does, here and below.
            gettext("ask about what no rule allows or denies"),
        ),
        (
            "learn",
            gettext("make rules of what happens for a week, then ask"),
        ),
        ("allow", gettext("go on watching")),
    ]
    .map(|(mode, does)| format!("portreevectl mode {mode:<8} # {does}"));
    Finding::bad(
        "mode",
        gettext_f(
            "user {user} is only watched: nobody has chosen how to start",
            &[("user", &uid.to_string())],
        ),
        fix(
            &gettext("Open Portreeve, or run as that user one of these:"),
            &[&ask, &learn, &allow],
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Status {
        Status {
            version: "0.1.0".into(),
            enforcing: true,
            agent: true,
            store: "ok".into(),
            history: "ok".into(),
            administrators: "ok".into(),
            ..Status::default()
        }
    }

    fn bad(status: &Status, uid: u32) -> Vec<&'static str> {
        judge(status, uid)
            .iter()
            .filter(|finding| finding.ok == Some(false))
            .map(|finding| finding.check)
            .collect()
    }

    #[test]
    fn each_failure_of_the_broker_is_a_problem() {
        assert!(bad(&sound(), 1000).is_empty());
        let status = Status {
            enforcing: false,
            ..sound()
        };
        assert_eq!(bad(&status, 1000), ["enforcing"]);
        let status = Status {
            store: "read-only".into(),
            ..sound()
        };
        assert_eq!(bad(&status, 1000), ["store"]);
        let status = Status {
            history: "cannot open it".into(),
            ..sound()
        };
        assert_eq!(bad(&status, 1000), ["history"]);
        let status = Status {
            history: "off".into(),
            ..sound()
        };
        assert!(bad(&status, 1000).is_empty());
        let status = Status {
            administrators: "cannot understand 10.toml:3".into(),
            ..sound()
        };
        assert_eq!(bad(&status, 1000), ["administrators"]);
        let status = Status {
            agent: false,
            ..sound()
        };
        assert_eq!(bad(&status, 1000), ["agent"]);
        let status = Status {
            mode_undecided: Some(true),
            ..sound()
        };
        assert_eq!(bad(&status, 1000), ["mode"]);
    }

    #[test]
    fn the_systems_own_users_need_no_agent() {
        let status = Status {
            agent: false,
            ..sound()
        };
        assert!(bad(&status, 0).is_empty());
        let guarded = Status {
            services: Some("all".into()),
            ..status
        };
        assert!(bad(&guarded, 0).is_empty());
        let found = judge(&guarded, 0);
        let services = found.iter().find(|finding| finding.check == "services");
        assert!(
            services
                .unwrap()
                .found
                .contains("all system users are guarded")
        );
    }
}
