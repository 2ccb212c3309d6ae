//! `portreevectl pending`: the open prompts.

use std::time::Duration;

use futures_util::StreamExt as _;
use portreeve_dbus::{Error as BrokerError, Prompt, PromptsProxy};
use portreeve_i18n::{fill, gettext};
use serde::Serialize;

use super::words;
use crate::{
    bus::Bus,
    clock::boot_time,
    error::{Error, Result},
    output::{Output, Table, cut},
};

/// Columns of a terminal that a command line may take.
const COMMAND_WIDTH: usize = 50;

/// A prompt as programs read it.
#[derive(Debug, Serialize)]
struct View<'a> {
    id: u64,
    revision: u32,
    uid: u32,
    subject: Subject<'a>,
    operation: &'a str,
    object: Object<'a>,
    held: u32,
    attempts: u32,
    deadline: u64,
    /// Of the system's calls: what becomes of those that nobody answers.
    unanswered: Option<&'a str>,
    scopes: &'a [String],
    lifespans: &'a [String],
    suggested_lifespan: &'a str,
}

#[derive(Debug, Serialize)]
struct Subject<'a> {
    key: &'a str,
    name: &'a str,
    path: &'a str,
    verified: bool,
    /// Whether rules name it by the SHA-256 of its file.
    by_contents: bool,
    /// Of an application: its key.
    application: Option<&'a str>,
    /// Of a script: what runs it.
    interpreter: Option<&'a str>,
    runs_anything: bool,
    /// Of the file, if others than root can change it.
    sha256: Option<&'a str>,
    alterations: &'a [String],
    /// Files that foreign code comes from: claims.
    foreign_code: &'a [String],
    started_by: &'a [String],
    unit: Option<&'a str>,
    /// Of a service of the system's: its unit, which is no claim.
    service: Option<&'a str>,
    pid: u32,
    uid: u32,
    command: &'a str,
}

#[derive(Debug, Serialize)]
struct Object<'a> {
    host: Option<&'a str>,
    host_source: Option<&'a str>,
    domain: Option<&'a str>,
    address: &'a str,
    port: u16,
    protocol: &'a str,
    /// Whether it is one of the computer's name servers, which is to be asked for names.
    name_server: bool,
}

impl<'a> From<&'a Prompt> for View<'a> {
    fn from(prompt: &'a Prompt) -> Self {
        Self {
            id: prompt.id,
            revision: prompt.revision,
            uid: prompt.uid,
            subject: Subject {
                key: &prompt.subject,
                name: &prompt.name,
                path: &prompt.path,
                verified: prompt.verified,
                by_contents: prompt.by_contents == Some(true),
                application: prompt.application.as_deref(),
                interpreter: prompt.interpreter.as_deref(),
                runs_anything: prompt.runs_anything,
                sha256: prompt.sha256.as_deref(),
                alterations: &prompt.alterations,
                foreign_code: prompt.foreign_code.as_deref().unwrap_or_default(),
                started_by: &prompt.started_by,
                unit: prompt.unit.as_deref(),
                service: prompt.service.as_deref(),
                pid: prompt.pid,
                uid: prompt.uid,
                command: &prompt.command,
            },
            operation: &prompt.operation,
            object: Object {
                host: prompt.host.as_deref(),
                host_source: prompt.host_source.as_deref(),
                domain: prompt.domain.as_deref(),
                address: &prompt.address,
                port: prompt.port,
                protocol: &prompt.protocol,
                name_server: prompt.name_server == Some(true),
            },
            held: prompt.held,
            attempts: prompt.attempts,
            deadline: prompt.deadline,
            unanswered: prompt.unanswered.as_deref(),
            scopes: &prompt.scopes,
            lifespans: &prompt.lifespans,
            suggested_lifespan: &prompt.suggested_lifespan,
        }
    }
}

/// Prints the open prompts of user `uid`.
pub(crate) async fn list(uid: u32, output: &mut Output) -> Result<()> {
    let prompts = Bus::connect().await?.prompts().await?.list(uid).await?;
    print(&prompts, output)
}

/// Prints the open prompts of user `uid` now, and again whenever they are others.
pub(crate) async fn watch(uid: u32, output: &mut Output) -> Result<()> {
    let proxy = Bus::connect().await?.prompts().await?;
    // Listening first, subscribing next, listing last: no change is missed.
    let mut changes = proxy.receive_changed().await.map_err(BrokerError::from)?;
    let mut owners = proxy
        .inner()
        .receive_owner_changed()
        .await
        .map_err(BrokerError::from)?;
    proxy.watch(uid).await?;
    let mut shown = listed(&proxy, uid, output).await?;
    loop {
        tokio::select! {
            Some(_) = changes.next() => {
                let prompts = proxy.list(uid).await?;
                if prompts != shown {
                    print(&prompts, output)?;
                    shown = prompts;
                }
            }
            // Another broker does not know of the subscription.
            Some(_) = owners.next() => return Err(Error::broker_ended()),
            else => return Err(Error::bus_ended()),
        }
    }
}

async fn listed(proxy: &PromptsProxy<'_>, uid: u32, output: &mut Output) -> Result<Vec<Prompt>> {
    let prompts = proxy.list(uid).await?;
    print(&prompts, output)?;
    Ok(prompts)
}

fn print(prompts: &[Prompt], output: &mut Output) -> Result<()> {
    let views: Vec<_> = prompts.iter().map(View::from).collect();
    output.result(&views, |views| text(views, boot_time()))
}

fn text(prompts: &[View<'_>], now: Duration) -> String {
    if prompts.is_empty() {
        return gettext("No open prompts.");
    }
    let mut table = Table::new([
        // Translators: the number of a rule or a question.
        gettext("ID"),
        // Translators: how often a question has changed, a number.
        gettext("REVISION"),
        gettext("PROGRAM"),
        // Translators: the number of a process.
        gettext("PID"),
        gettext("OPERATION"),
        gettext("OTHER SIDE"),
        // Translators: how many calls wait.
        gettext("HELD"),
        // Translators: the time that is left.
        gettext("LEFT"),
        gettext("COMMAND"),
    ]);
    for prompt in prompts {
        table.row([
            prompt.id.to_string(),
            prompt.revision.to_string(),
            program(&prompt.subject),
            prompt.subject.pid.to_string(),
            prompt.operation.to_owned(),
            other_side(&prompt.object),
            prompt.held.to_string(),
            time_left(prompt.deadline, now),
            cut(prompt.subject.command, COMMAND_WIDTH),
        ]);
    }
    table.render()
}

fn program(subject: &Subject<'_>) -> String {
    let mut program = subject.application.unwrap_or(subject.path).to_owned();
    if subject.by_contents {
        // Translators: {program} is a path as the program states it itself.
        let text = gettext("{program} (so it says; in a container or similar)");
        program = fill(&text, &[("program", &program)]);
    } else {
        program = words::path(&program, subject.verified);
    }
    if let Some(interpreter) = subject.interpreter {
        let text = gettext("{program} (script run by {interpreter})");
        let values = [("program", program.as_str()), ("interpreter", interpreter)];
        program = fill(&text, &values);
    }
    if subject.runs_anything {
        let text = gettext("{program} (runs what it is given)");
        program = fill(&text, &[("program", &program)]);
    }
    for alteration in subject.alterations {
        let text = match alteration.as_str() {
            "foreign-code" => gettext("{program} (with code that is not its own)"),
            "controlled" => gettext("{program} (controlled by another program)"),
            "changed" => gettext("{program} (its file has changed since you allowed it)"),
            _ => gettext("{program} (altered)"),
        };
        program = fill(&text, &[("program", &program)]);
    }
    program
}

fn other_side(object: &Object<'_>) -> String {
    words::other_side(object.host, object.address, object.port, object.protocol)
}

fn time_left(deadline: u64, now: Duration) -> String {
    if deadline == 0 {
        return "-".to_owned();
    }
    let left = Duration::from_micros(deadline).saturating_sub(now);
    format!("{} s", left.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt() -> Prompt {
        Prompt {
            id: 7,
            revision: 2,
            uid: 1000,
            operation: "connect".into(),
            subject: "path:/usr/bin/curl".into(),
            name: "curl".into(),
            path: "/usr/bin/curl".into(),
            verified: true,
            by_contents: None,
            application: None,
            interpreter: None,
            runs_anything: false,
            sha256: None,
            alterations: vec![],
            foreign_code: None,
            started_by: vec!["/usr/bin/bash".into()],
            unit: Some("vte-spawn-7.scope".into()),
            pid: 4711,
            command: "curl \u{1b}]0;x\u{7} https://example.org".into(),
            host: None,
            host_source: None,
            domain: None,
            address: "192.0.2.7".into(),
            port: 443,
            name_server: None,
            protocol: "tcp".into(),
            held: 1,
            attempts: 3,
            deadline: 90_000_000,
            scopes: vec!["host".into(), "any".into()],
            lifespans: vec!["once".into()],
            suggested_lifespan: "once".into(),
            service: None,
            waits: None,
            unanswered: None,
        }
    }

    #[test]
    fn programs_get_subject_and_object_apart() {
        assert_eq!(
            serde_json::to_value(View::from(&prompt())).unwrap(),
            serde_json::json!({
                "id": 7, "revision": 2, "uid": 1000, "operation": "connect",
                "subject": {
                    "key": "path:/usr/bin/curl", "name": "curl", "path": "/usr/bin/curl",
                    "verified": true, "by_contents": false, "application": null, "interpreter": null, "runs_anything": false,
                    "sha256": null,
                    "alterations": [], "foreign_code": [], "pid": 4711, "uid": 1000,
                    "started_by": ["/usr/bin/bash"], "unit": "vte-spawn-7.scope", "service": null,
                    "command": "curl \u{1b}]0;x\u{7} https://example.org",
                },
                "object": {
                    "host": null, "host_source": null, "domain": null, "address": "192.0.2.7", "port": 443, "protocol": "tcp",
                    "name_server": false,
                },
                "held": 1, "attempts": 3, "deadline": 90_000_000, "unanswered": null,
                "scopes": ["host", "any"], "lifespans": ["once"],
                "suggested_lifespan": "once",
            })
        );
    }

    #[test]
    fn people_get_a_row_for_each_prompt() {
        let named = Prompt {
            host: Some("example.org".into()),
            verified: false,
            alterations: vec!["foreign-code".into(), "controlled".into()],
            deadline: 0,
            ..prompt()
        };
        let application = Prompt {
            path: "/snap/example/1/bin/example".into(),
            application: Some("snap:example".into()),
            ..prompt()
        };
        let prompts = [prompt(), named, application];
        let views: Vec<_> = prompts.iter().map(View::from).collect();
        let text = text(&views, Duration::from_secs(60));
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].contains("192.0.2.7 port 443, tcp"), "{text}");
        assert!(lines[1].contains("30 s"), "{text}");
        assert!(lines[1].contains("curl \\u{1b}]0;x\\u{7} https"), "{text}");
        let program = "/usr/bin/curl (not verified) (with code that is not its own) \
                       (controlled by another program)";
        assert!(lines[2].contains(program), "{text}");
        assert!(
            lines[2].contains("example.org (192.0.2.7) port 443, tcp"),
            "{text}"
        );
        assert!(lines[3].contains(" snap:example "), "{text}");
    }

    #[test]
    fn nothing_open_is_said() {
        assert_eq!(text(&[], Duration::ZERO), "No open prompts.");
    }

    #[test]
    fn a_deadline_that_has_passed_leaves_nothing() {
        assert_eq!(time_left(1, Duration::from_secs(9)), "0 s");
    }
}
