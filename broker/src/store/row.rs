//! Rules as rows. Nothing in the database is trusted: a row that makes no sense is left out.

use portreeve_policy::{
    Action, Destination, Lifespan, ObjectPattern, Operation, Operations, Origin, Program, Protocol,
    Rule, RuleId, SubjectPattern,
};
use rusqlite::{Row, named_params};

/// The columns of [`read`], in any order.
pub(super) const COLUMNS: &str = "id, uid, program, operations, destination, host, network, port, \
                                  protocol, action, errno, enabled, origin, created";

/// Reads one row; `None` if it makes no sense.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<Rule>> {
    let program: String = row.get("program")?;
    let operations: String = row.get("operations")?;
    let destination: String = row.get("destination")?;
    let host: Option<String> = row.get("host")?;
    let network: Option<String> = row.get("network")?;
    let action: String = row.get("action")?;
    let errno: Option<i64> = row.get("errno")?;
    let origin: String = row.get("origin")?;
    let id: i64 = row.get("id")?;
    let uid: i64 = row.get("uid")?;
    let port: Option<i64> = row.get("port")?;
    let protocol: Option<i64> = row.get("protocol")?;
    let enabled = row.get("enabled")?;
    let created = row.get("created")?;
    let sensible = || {
        let action = match (action.as_str(), errno) {
            ("allow", None) => Action::Allow,
            ("deny", Some(errno @ 1..=4095)) => Action::Deny(u16::try_from(errno).ok()?),
            _ => return None,
        };
        let destination = match (destination.as_str(), host, network) {
            ("anywhere", None, None) => Destination::Anywhere,
            ("local-network", None, None) => Destination::LocalNetwork,
            ("this-computer", None, None) => Destination::ThisComputer,
            ("host", Some(host), None) => Destination::Host(host.into()),
            ("network", None, Some(network)) => Destination::network(network.parse().ok()?),
            _ => return None,
        };
        let operations = operations
            .split(',')
            .map(|word| word.parse::<Operation>().ok())
            .collect::<Option<Vec<_>>>()?;
        Some(Rule {
            id: RuleId(u64::try_from(id).ok()?),
            uid: Some(u32::try_from(uid).ok()?),
            subject: SubjectPattern::Program(Program::at(&program)?),
            operations: Operations::of(operations)?,
            object: ObjectPattern {
                destination,
                port: port.map(u16::try_from).transpose().ok()?,
                protocol: match protocol {
                    Some(number) => Some(Protocol::of(u16::try_from(number).ok()?)?),
                    None => None,
                },
            },
            action,
            lifespan: Lifespan::Always,
            enabled,
            origin: origin
                .parse()
                .ok()
                .filter(|origin| *origin != Origin::BuiltIn)?,
            created,
        })
    };
    Ok(sensible())
}

/// Inserts a rule; its id is ignored and the new one returned.
///
/// Only rules of one user, for one program by path, that live always can be stored.
pub(super) fn insert(connection: &rusqlite::Connection, rule: &Rule) -> rusqlite::Result<RuleId> {
    let SubjectPattern::Program(Program::Path(program)) = &rule.subject else {
        return Err(rusqlite::Error::InvalidQuery);
    };
    let (destination, host, network) = match &rule.object.destination {
        Destination::Anywhere => ("anywhere", None, None),
        Destination::LocalNetwork => ("local-network", None, None),
        Destination::ThisComputer => ("this-computer", None, None),
        Destination::Host(host) => ("host", Some(host.as_ref()), None),
        Destination::Network(network) => ("network", None, Some(network.to_string())),
    };
    let operations: Vec<&str> = rule.operations.iter().map(Operation::as_str).collect();
    connection.execute(
        "INSERT INTO rule (uid, program, operations, destination, host, network, port, protocol, \
         action, errno, enabled, origin, created) VALUES (:uid, :program, :operations, \
         :destination, :host, :network, :port, :protocol, :action, :errno, :enabled, :origin, \
         :created)",
        named_params! {
            ":uid": rule.uid,
            ":program": program.as_ref(),
            ":operations": operations.join(","),
            ":destination": destination,
            ":host": host,
            ":network": network,
            ":port": rule.object.port,
            ":protocol": rule.object.protocol.map(|protocol| protocol.0),
            ":action": rule.action.as_str(),
            ":errno": match rule.action {
                Action::Allow => None,
                Action::Deny(errno) => Some(errno),
            },
            ":enabled": rule.enabled,
            ":origin": rule.origin.as_str(),
            ":created": rule.created,
        },
    )?;
    Ok(RuleId(connection.last_insert_rowid().cast_unsigned()))
}
