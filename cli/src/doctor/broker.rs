//! What the broker says of itself, if there is one to be asked.

use portreeve_dbus::Status;

use super::Finding;
use crate::{bus::Bus, error::Error, user};

/// The first user who is guarded; those below are the system's own.
const FIRST_GUARDED_UID: u32 = 1000;

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
            let start = "Start the system bus:\nsystemctl start dbus.socket";
            let mut findings = vec![
                Finding::bad("bus", error.to_string(), start),
                Finding::unknown("broker", "whether the broker runs cannot be told"),
            ];
            findings.extend(untold());
            return findings;
        }
    };
    let mut findings = vec![Finding::good("bus", "the system bus can be reached")];
    let status = match bus.broker().await {
        Ok(broker) => broker.status(uid).await.map_err(Error::from),
        Err(error) => Err(error),
    };
    match status {
        Ok(status) => findings.extend(judge(&status, user::real(uid))),
        Err(Error::NoBroker(why)) => {
            findings.push(Finding::bad(
                "broker",
                format!("the broker cannot be reached: {why}"),
                "Start it now and with the computer; if it fails, its journal says why:\n\
                 systemctl enable --now portreeved.service\n\
                 journalctl --unit=portreeved.service",
            ));
            findings.extend(untold());
        }
        Err(error) => {
            findings.push(Finding::bad(
                "broker",
                format!("the broker does not tell its state: {error}"),
                "Its journal says more:\njournalctl --unit=portreeved.service",
            ));
            findings.extend(untold());
        }
    }
    findings
}

fn untold() -> impl Iterator<Item = Finding> {
    OF_BROKER.into_iter().map(|check| {
        let found = match check {
            "enforcing" => "whether the firewall is enforced cannot be told",
            "mode" => "whether anybody is asked cannot be told",
            "store" => "the state of the rule store cannot be told",
            "history" => "whether a history is kept cannot be told",
            "administrators" => "the state of administrators' rules cannot be told",
            "services" => "whether services are guarded cannot be told",
            _ => "whether an agent is there to ask cannot be told",
        };
        Finding::unknown(check, found)
    })
}

fn are_guarded(status: &Status) -> bool {
    !matches!(status.services.as_deref(), None | Some("off"))
}

fn services(status: &Status) -> Finding {
    let found = match status.services.as_deref() {
        Some("all") => "root and all system users are guarded, and administrators asked",
        Some("some") => "those of root and the system users are guarded that the settings name",
        _ => "services of the system are not guarded, as the settings want it",
    };
    Finding::good("services", found)
}

fn judge(status: &Status, uid: u32) -> Vec<Finding> {
    vec![
        Finding::good(
            "broker",
            format!("the broker runs, version {}", status.version),
        ),
        if status.enforcing {
            Finding::good("enforcing", "the firewall is enforced")
        } else {
            Finding::bad(
                "enforcing",
                "the firewall is not enforced",
                "Restart the broker; its journal says what failed:\n\
                 systemctl restart portreeved.service\n\
                 journalctl --unit=portreeved.service",
            )
        },
        mode(status, uid),
        if status.store == "ok" {
            Finding::good("store", "the rule store is in order")
        } else {
            Finding::bad(
                "store",
                format!("the rule store is not in order: {}", status.store),
                "Rules cannot be changed until this is put right and the broker restarted; the \
                 store is in /var/lib/portreeve:\nsystemctl restart portreeved.service",
            )
        },
        match status.history.as_str() {
            "ok" => Finding::good("history", "a history is kept of what programs do"),
            "off" => Finding::good("history", "no history is kept, as the settings want it"),
            problem => Finding::bad(
                "history",
                format!("no history is kept of what programs do: {problem}"),
                "Rules are not concerned. If the file cannot be repaired, put it aside; a new one is made:\n\
                 mv /var/lib/portreeve/history.db /var/lib/portreeve/history.db.bad\n\
                 systemctl restart portreeved.service",
            ),
        },
        if status.administrators == "ok" {
            Finding::good("administrators", "administrators' rules are in order")
        } else {
            Finding::bad(
                "administrators",
                format!(
                    "administrators' rules are not in order: {}",
                    status.administrators
                ),
                "Put the file right: its rules count as soon as it is saved. Until then they are as they \
                 were when it was right, or left out. See portreeve-rules(5).",
            )
        },
        services(status),
        if status.agent {
            Finding::good("agent", format!("an agent is there to ask user {uid}"))
        } else if uid < FIRST_GUARDED_UID && are_guarded(status) {
            Finding::unknown(
                "agent",
                format!(
                    "no administrator sits at the computer who could be asked about user {uid}"
                ),
            )
        } else if uid < FIRST_GUARDED_UID {
            Finding::unknown(
                "agent",
                format!("user {uid} is not guarded and needs no agent; --user names another"),
            )
        } else {
            Finding::bad(
                "agent",
                format!("no agent is there to ask user {uid}: what no rule covers is denied"),
                "In a desktop session of that user, run this:\n\
                 systemctl --user start portreeve-agent.service\n\
                 Without one, on a terminal of that user:\n\
                 portreevectl agent",
            )
        },
    ]
}

fn mode(status: &Status, uid: u32) -> Finding {
    if status.mode_undecided == Some(true) {
        Finding::bad(
            "mode",
            format!("user {uid} is only watched: nobody has chosen how to start"),
            "Open Portreeve, or run as that user one of these:\n\
             portreevectl mode ask      # ask about what no rule allows or denies\n\
             portreevectl mode learn    # make rules of what happens for a week, then ask\n\
             portreevectl mode allow    # go on watching",
        )
    } else {
        Finding::good("mode", format!("the mode is {}", status.mode))
    }
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
