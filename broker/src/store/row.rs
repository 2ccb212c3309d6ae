//! Rules as rows. Nothing in the database is trusted: a row that makes no sense is left out.

use portreeve_dbus::ANY;
use portreeve_policy::{
    Action, Deadline, Destination, InList, Lifespan, Network, NetworkName, Note, ObjectPattern,
    OfContents, Operation, Operations, Origin, Ports, Program, Protocol, Rule, RuleId, Starter,
    SubjectPattern,
};
use rusqlite::{Connection, Row, named_params};

use super::lifespan::{self, Columns, Life};
use crate::clock::{Era, Now};

/// The columns of a rule, but for its life's.
const COLUMNS: &str = "id, uid, program, claim, device, inode, started_by, and_started, operations, \
                       destination, host, network, ports, protocol, action, errno, enabled, origin, \
                       created, note, only_in, only_in_name";

/// What a row holds.
#[derive(Debug)]
pub(super) enum Found {
    /// A rule.
    Rule(Rule),
    /// A rule that lives on though the computer was started anew: the row has to say so.
    CarriedOver(Rule, Deadline),
    /// The rule is over.
    Over(RuleId),
    /// It makes no sense.
    Senseless,
}

/// The columns of [`read`].
pub(super) fn columns() -> String {
    format!("{COLUMNS}, {}", lifespan::COLUMNS.join(", "))
}

/// Reads one row.
pub(super) fn read(row: &Row<'_>, era: &Era, now: Now) -> Found {
    // A column of another type than ours makes a senseless row, not an unreadable table.
    try_to_read(row, era, now)
        .ok()
        .flatten()
        .unwrap_or(Found::Senseless)
}

fn try_to_read(row: &Row<'_>, era: &Era, now: Now) -> rusqlite::Result<Option<Found>> {
    let life = Columns::read(row)?;
    let device: Option<i64> = row.get("device")?;
    let inode: Option<i64> = row.get("inode")?;
    let program: String = row.get("program")?;
    let claim: Option<String> = row.get("claim")?;
    let started_by: Option<String> = row.get("started_by")?;
    let and_started: bool = row.get("and_started")?;
    let operations: String = row.get("operations")?;
    let destination: String = row.get("destination")?;
    let host: Option<String> = row.get("host")?;
    let network: Option<String> = row.get("network")?;
    let action: String = row.get("action")?;
    let errno: Option<i64> = row.get("errno")?;
    let origin: String = row.get("origin")?;
    let id: i64 = row.get("id")?;
    let uid: i64 = row.get("uid")?;
    let ports: Option<String> = row.get("ports")?;
    let protocol: Option<i64> = row.get("protocol")?;
    let enabled = row.get("enabled")?;
    let created: i64 = row.get("created")?;
    let note: Option<String> = row.get("note")?;
    let only_in: Option<String> = row.get("only_in")?;
    let only_in_name: Option<String> = row.get("only_in_name")?;
    let sensible = || {
        let life = life.life(created, era, now)?;
        let lifespan = match life {
            Life::Lives(lifespan) => lifespan,
            Life::CarriedOver(deadline) => Lifespan::Until(deadline),
            Life::Over => return Some(Found::Over(RuleId(u64::try_from(id).ok()?))),
        };
        let file = device.zip(inode);
        (device.is_some() == inode.is_some()).then_some(())?;
        let subject = if program == ANY {
            let is_any = claim.is_none() && started_by.is_none() && !and_started;
            is_any.then_some(SubjectPattern::Any)?
        } else {
            let program = program_of(&program, claim.as_deref(), file, lifespan)?;
            subject(program, started_by.as_deref(), and_started)?
        };
        let action = match (action.as_str(), errno) {
            ("allow", None) => Action::Allow,
            ("ask", None) => Action::Ask,
            (word @ ("deny" | "deny-and-ask"), Some(errno @ 1..=4095)) => {
                let action = word.parse::<Action>().ok()?;
                action.with_errno(u16::try_from(errno).ok()?)?
            }
            _ => return None,
        };
        let destination = to(&destination, host, network)?;
        let operations: Option<Vec<Operation>> = operations
            .split(',')
            .map(|word| word.parse().ok())
            .collect();
        let operations = operations?;
        is_told(&subject, &operations, lifespan).then_some(())?;
        let rule = Rule {
            id: RuleId(u64::try_from(id).ok()?),
            uid: Some(u32::try_from(uid).ok()?),
            subject,
            operations: Operations::of(operations)?,
            object: ObjectPattern {
                destination,
                ports: match ports {
                    Some(text) => Some(Ports::written(&text)?),
                    None => None,
                },
                protocol: match protocol {
                    Some(number) => Some(Protocol::of(u16::try_from(number).ok()?)?),
                    None => None,
                },
            },
            action,
            lifespan,
            network: only_network(only_in, only_in_name).ok()?,
            enabled,
            origin: origin
                .parse()
                .ok()
                .filter(|origin: &Origin| origin.is_users())?,
            created,
            note: match note {
                Some(text) => Some(Note::new(&text)?),
                None => None,
            },
        };
        let is_for_any = rule.subject == SubjectPattern::Any;
        (!is_for_any || rule.is_against_list()).then_some(())?;
        Some(match life {
            Life::CarriedOver(deadline) => Found::CarriedOver(rule, deadline),
            Life::Lives(_) | Life::Over => Found::Rule(rule),
        })
    };
    Ok(sensible())
}

/// Where to.
fn to(word: &str, host: Option<String>, network: Option<String>) -> Option<Destination> {
    Some(match (word, host, network) {
        ("anywhere", None, None) => Destination::Anywhere,
        ("local-network", None, None) => Destination::LocalNetwork,
        ("this-computer", None, None) => Destination::ThisComputer,
        ("name-servers", None, None) => Destination::NameServers,
        ("vpn", None, None) => Destination::Vpn,
        ("multicast", None, None) => Destination::Multicast,
        ("internet", None, None) => Destination::Internet,
        ("domain", Some(domain), None) => Destination::Domain(domain.into()),
        ("host", Some(host), None) => Destination::Host(host.into()),
        ("network", None, Some(network)) => Destination::network(network.parse().ok()?),
        ("list", Some(list), None) => Destination::List(InList::named(&list)?),
        _ => return None,
    })
}

/// Whose calls a rule is about.
fn subject(
    program: Program,
    started_by: Option<&str>,
    and_started: bool,
) -> Option<SubjectPattern> {
    Some(match (started_by, and_started) {
        (None, false) => SubjectPattern::Program(program),
        (None, true) => SubjectPattern::AndStarted(Starter::at(program.key()?)?),
        (Some(path), false) => SubjectPattern::StartedBy(program, Starter::at(path)?),
        (Some(_), true) => return None,
    })
}

/// Whether it can be told where it matters who has started a program.
fn is_told(subject: &SubjectPattern, operations: &[Operation], lifespan: Lifespan) -> bool {
    let incoming = [Operation::Listen, Operation::Accept];
    let is_of_process = matches!(lifespan, Lifespan::Process(_));
    let is_incoming = operations.iter().any(|it| incoming.contains(it));
    subject.starter().is_none() || !is_of_process && !is_incoming
}

/// Columns that make no sense together.
struct Senseless;

/// The network that a rule is for, if it is for one.
fn only_network(id: Option<String>, name: Option<String>) -> Result<Option<Network>, Senseless> {
    let name = name.map(|name| NetworkName::new(&name).ok_or(Senseless));
    match (id, name.transpose()?) {
        (Some(id), name) => {
            let id = id.parse().map_err(|_not_a_uuid| Senseless)?;
            Ok(Some(Network { id, name }))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Senseless),
    }
}

/// The program that a row names, or that was this file: only a process that runs can be of one without a path.
fn program_of(
    key: &str,
    claim: Option<&str>,
    file: Option<(i64, i64)>,
    lifespan: Lifespan,
) -> Option<Program> {
    match (file, Program::of_key(key)) {
        (None, Some(Program::Contents(it))) => {
            Some(Program::Contents(OfContents::new(it.digest(), claim)))
        }
        (None, program) => program,
        (Some((device, inode)), _) if matches!(lifespan, Lifespan::Process(_)) => {
            Some(Program::File {
                device: device.cast_unsigned(),
                inode: inode.cast_unsigned(),
                claim: key.into(),
            })
        }
        (Some(_), _) => None,
    }
}

/// Inserts a rule that is made in this era; its id is ignored and the new one returned.
///
/// Only rules of one user, for one program or against lists, can be stored; one known by its file alone only in a rule for
/// a process of its.
pub(super) fn insert(connection: &Connection, rule: &Rule, era: &Era) -> rusqlite::Result<RuleId> {
    let subject = &rule.subject;
    let (program, device, inode) = match (subject, rule.lifespan) {
        (
            SubjectPattern::Program(Program::File {
                device,
                inode,
                claim,
            }),
            Lifespan::Process(_),
        ) => (
            claim.as_ref(),
            Some(device.cast_signed()),
            Some(inode.cast_signed()),
        ),
        (SubjectPattern::Any, _) if rule.is_against_list() => (ANY, None, None),
        _ => {
            let key = subject.program().and_then(Program::key);
            (key.ok_or(rusqlite::Error::InvalidQuery)?, None, None)
        }
    };
    let claim = match subject.program() {
        Some(Program::Contents(contents)) => contents.claim(),
        _ => None,
    };
    let started_by = match subject {
        SubjectPattern::StartedBy(_, starter) => Some(starter.path()),
        _ => None,
    };
    let and_started = matches!(subject, SubjectPattern::AndStarted(_));
    let (destination, host, network) = match &rule.object.destination {
        Destination::Anywhere => ("anywhere", None, None),
        Destination::LocalNetwork => ("local-network", None, None),
        Destination::ThisComputer => ("this-computer", None, None),
        Destination::NameServers => ("name-servers", None, None),
        Destination::Vpn => ("vpn", None, None),
        Destination::Multicast => ("multicast", None, None),
        Destination::Internet => ("internet", None, None),
        Destination::Domain(domain) => ("domain", Some(domain.as_ref()), None),
        Destination::Host(host) => ("host", Some(host.as_ref()), None),
        Destination::List(list) => ("list", Some(list.name()), None),
        Destination::Network(network) => ("network", None, Some(network.to_string())),
    };
    let operations: Vec<&str> = rule.operations.iter().map(Operation::as_str).collect();
    let life = Columns::of(rule.lifespan, era);
    let only_in = rule.network.as_ref();
    let only_in_name = only_in.and_then(|network| network.name.as_ref());
    let mut statement = connection.prepare_cached(
        "INSERT INTO rule (uid, program, claim, device, inode, started_by, and_started, operations, destination, host, \
         network, ports, protocol, action, errno, enabled, origin, created, note, only_in, only_in_name, lifespan, boot, \
         boottime, wall, by_wall, numbering, run, pid, began, foreign_code, controlled) VALUES (:uid, :program, \
         :claim, :device, :inode, :started_by, :and_started, :operations, :destination, :host, :network, :ports, \
         :protocol, :action, :errno, :enabled, :origin, :created, :note, :only_in, :only_in_name, :lifespan, :boot, \
         :boottime, :wall, :by_wall, :numbering, :run, :pid, :began, :foreign_code, :controlled)",
    )?;
    statement.execute(named_params! {
        ":uid": rule.uid,
        ":program": program,
        ":claim": claim,
        ":device": device,
        ":inode": inode,
        ":started_by": started_by,
        ":and_started": and_started,
        ":operations": operations.join(","),
        ":destination": destination,
        ":host": host,
        ":network": network,
        ":ports": rule.object.ports.as_ref().map(ToString::to_string),
        ":protocol": rule.object.protocol.map(|protocol| protocol.0),
        ":action": rule.action.as_str(),
        ":errno": rule.action.errno(),
        ":enabled": rule.enabled,
        ":origin": rule.origin.as_str(),
        ":created": rule.created,
        ":note": rule.note.as_ref().map(Note::as_str),
        ":only_in": only_in.map(|network| network.id.to_string()),
        ":only_in_name": only_in_name.map(NetworkName::as_str),
        ":lifespan": life.lifespan,
        ":boot": life.boot,
        ":boottime": life.boottime,
        ":wall": life.wall,
        ":by_wall": life.by_wall,
        ":numbering": life.numbering,
        ":run": life.run,
        ":pid": life.pid,
        ":began": life.began,
        ":foreign_code": life.foreign_code,
        ":controlled": life.controlled,
    })?;
    Ok(RuleId(connection.last_insert_rowid().cast_unsigned()))
}

/// The rule lives on in this era, until then.
pub(super) fn carry_over(
    connection: &Connection,
    id: RuleId,
    deadline: Deadline,
    era: &Era,
) -> rusqlite::Result<()> {
    let life = Columns::of(Lifespan::Until(deadline), era);
    connection.execute(
        "UPDATE rule SET boot = :boot, boottime = :boottime, by_wall = :by_wall WHERE id = :id",
        named_params! {
            ":boot": life.boot,
            ":boottime": life.boottime,
            ":by_wall": life.by_wall,
            ":id": id.0.cast_signed(),
        },
    )?;
    Ok(())
}
