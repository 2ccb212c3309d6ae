//! Ratios to no firewall, their limits, and how they are shown.

use anyhow::Result;
use serde_json::json;

use super::figures::{Broker, Figures, NONE};

const OURS: &str = "portreeve";
const OTHER: &str = "opensnitch";

/// The operations with the most that the ratio of their counted instructions may be.
const LIMITS: [(&str, f64); 10] = [
    ("tcp_connect", 1.03),
    ("udp_connect", 1.20),
    ("udp_sendto", 1.10),
    ("send_connected", 1.05),
    ("send_connected_tcp", 1.05),
    ("unix_connect", 1.07),
    ("unix_send", 1.10),
    ("spawn", 1.005),
    // A round through the broker: what the other firewall takes for every connection.
    (FIRST, 13.0),
    // Time for each connection, so the throughput is at least 0.95 of that without.
    ("tcp_throughput", 1.0 / 0.95),
];
/// The table's first lines.
const HEAD: [&str; 2] = [
    "| operation | none, instructions | Portreeve | at most | none, real time | Portreeve | OpenSnitch |",
    "|---|---:|---:|---:|---:|---:|---:|",
];
/// The first lines of that of instructions alone.
const COUNTED_HEAD: [&str; 2] = [
    "| operation | none, instructions | more with Portreeve | Portreeve | at most |",
    "|---|---:|---:|---:|---:|",
];
const FIRST: &str = "tcp_first_known";
const EVERY: &str = "tcp_connect";

/// One operation.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    operation: &'static str,
    limit: f64,
    /// Instructions without a firewall.
    instructions: f64,
    icount_ratio: f64,
    wall_ratio: f64,
    opensnitch_wall_ratio: f64,
    /// Nanoseconds without, with ours, and with the other.
    nanoseconds: [f64; 3],
}

impl From<&Row> for Counted {
    fn from(row: &Row) -> Self {
        Self {
            operation: row.operation,
            limit: row.limit,
            instructions: row.instructions,
            ratio: row.icount_ratio,
        }
    }
}

/// The rows of the table, in the order of the limits.
pub(crate) fn rows(counted: &Figures, real: &Figures) -> Result<Vec<Row>> {
    let row = |&(operation, limit)| {
        Ok(Row {
            operation,
            limit,
            instructions: counted.nanoseconds(NONE, operation)?,
            icount_ratio: counted.ratio(OURS, operation)?,
            wall_ratio: real.ratio(OURS, operation)?,
            opensnitch_wall_ratio: real.ratio(OTHER, operation)?,
            nanoseconds: [
                real.nanoseconds(NONE, operation)?,
                real.nanoseconds(OURS, operation)?,
                real.nanoseconds(OTHER, operation)?,
            ],
        })
    };
    LIMITS.iter().map(row).collect()
}

/// One operation by its instructions alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    operation: &'static str,
    limit: f64,
    instructions: f64,
    ratio: f64,
}

/// The same rows by instructions alone.
pub(crate) fn counted_rows(counted: &Figures) -> Result<Vec<Counted>> {
    let row = |&(operation, limit)| {
        Ok(Counted {
            operation,
            limit,
            instructions: counted.nanoseconds(NONE, operation)?,
            ratio: counted.ratio(OURS, operation)?,
        })
    };
    LIMITS.iter().map(row).collect()
}

/// A table of them in Markdown.
pub(crate) fn counted_table(rows: &[Counted]) -> String {
    let line = |row: &Counted| {
        format!(
            "| {} | {:.0} | {:.0} | {:.3} | {:.3} |",
            row.operation,
            row.instructions,
            row.instructions * (row.ratio - 1.0),
            row.ratio,
            row.limit
        )
    };
    let head = COUNTED_HEAD.iter().map(ToString::to_string);
    let lines: Vec<String> = head.chain(rows.iter().map(line)).collect();
    lines.join("\n") + "\n"
}

/// The limits of them that are exceeded, in words.
pub(crate) fn too_many_instructions(rows: &[Counted]) -> Vec<String> {
    let beyond = rows.iter().filter(|row| row.ratio > row.limit);
    beyond
        .map(|row| {
            format!(
                "  {}: {:.3} times the instructions without, at most {:.3}",
                row.operation, row.ratio, row.limit
            )
        })
        .collect()
}

/// The limits that are exceeded, in words.
pub(crate) fn exceeded(rows: &[Row]) -> Vec<String> {
    let counted: Vec<Counted> = rows.iter().map(Counted::from).collect();
    let mut exceeded = too_many_instructions(&counted);
    let of = |name: &str| rows.iter().find(|row| row.operation == name);
    if let (Some(first), Some(every)) = (of(FIRST), of(EVERY)) {
        let (ours, theirs) = (first.nanoseconds[1], every.nanoseconds[2]);
        if ours > theirs {
            exceeded.push(format!(
                "  {FIRST}: {:.0} µs, more than the {:.0} µs of OpenSnitch's every connection",
                ours / 1e3,
                theirs / 1e3
            ));
        }
    }
    exceeded
}

/// A table in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let lines = rows.iter().map(|row| {
        format!(
            "| {} | {:.0} | {:.3} | {:.3} | {:.1} µs | {:.2} | {:.2} |",
            row.operation,
            row.instructions,
            row.icount_ratio,
            row.limit,
            row.nanoseconds[0] / 1e3,
            row.wall_ratio,
            row.opensnitch_wall_ratio
        )
    });
    let lines: Vec<String> = HEAD.map(str::to_owned).into_iter().chain(lines).collect();
    format!("{}\n", lines.join("\n"))
}

/// A JSON array, an operation on each line.
pub(crate) fn json(rows: &[Row]) -> String {
    let objects: Vec<String> = rows
        .iter()
        .map(|row| {
            let object = json!({
                "operation": row.operation,
                "icount_ratio": row.icount_ratio,
                "icount_limit": row.limit,
                "wall_ratio": row.wall_ratio,
                "opensnitch_wall_ratio": row.opensnitch_wall_ratio,
                "none_instructions": row.instructions,
                "none_nanoseconds": row.nanoseconds[0],
            });
            format!("  {object}")
        })
        .collect();
    format!("[\n{}\n]", objects.join(",\n"))
}

/// What the broker takes, in words.
pub(crate) fn about_broker(broker: &Broker) -> String {
    format!(
        "broker: {:.1} MiB resident, {:.0} wake-ups in {:.0} idle seconds, {:.2} % of a processor at \
         1,000 known connections a second\n",
        broker.resident_kib / 1024.0,
        broker.idle_wakeups,
        broker.idle_seconds,
        broker.busy_percent
    )
}

#[cfg(test)]
mod tests {
    use super::{Row, exceeded, json, table};

    fn row(operation: &'static str, icount_ratio: f64, nanoseconds: [f64; 3]) -> Row {
        Row {
            operation,
            limit: 1.1,
            instructions: 1000.0,
            icount_ratio,
            wall_ratio: 1.5,
            opensnitch_wall_ratio: 2.5,
            nanoseconds,
        }
    }

    #[test]
    fn names_what_exceeds_its_limit() {
        let fine = row("unix_send", 1.1, [1.0, 9.0, 1.0]);
        let dear = row("udp_connect", 1.101, [1.0, 1.0, 1.0]);
        let found = exceeded(&[fine, dear]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("udp_connect: 1.101"), "{found:?}");
    }

    #[test]
    fn the_first_call_must_be_cheaper_than_every_one_of_opensnitch() {
        let every = row("tcp_connect", 1.0, [10.0, 10.0, 120.0]);
        let cheap = row("tcp_first_known", 1.0, [20.0, 119.0, 300.0]);
        let dear = row("tcp_first_known", 1.0, [20.0, 121.0, 300.0]);
        assert!(exceeded(&[every.clone(), cheap]).is_empty());
        assert_eq!(exceeded(&[every, dear]).len(), 1);
    }

    #[test]
    fn shows_ratios_to_no_firewall() {
        let rows = [row("spawn", 1.004, [2000.0, 3000.0, 5000.0])];
        assert!(table(&rows).contains("| spawn | 1000 | 1.004 | 1.100 | 2.0 µs | 1.50 | 2.50 |"));
        let parsed: serde_json::Value = serde_json::from_str(&json(&rows)).expect("JSON");
        assert_eq!(parsed[0]["operation"], "spawn");
        assert_eq!(parsed[0]["wall_ratio"], 1.5);
        assert_eq!(parsed[0]["opensnitch_wall_ratio"], 2.5);
    }
}
