//! `portreevectl programs`: the programs that were seen.

use portreeve_dbus::SeenProgram;
use portreeve_i18n::gettext;
use serde::Serialize;

use super::words;
use crate::{
    bus::Bus,
    clock::in_local_time,
    error::Result,
    output::{Output, Table},
};

/// A program as programs read it.
#[derive(Debug, Serialize)]
struct View<'a> {
    key: &'a str,
    name: &'a str,
    path: &'a str,
    verified: bool,
    /// Microseconds since 1970, like `last`.
    first: i64,
    last: i64,
    allowed: u64,
    denied: u64,
    /// Names and addresses that it has connected to, as far as activity of it is kept, like the next.
    destinations: Option<u32>,
    /// Ports that it listens on.
    listens: Option<u32>,
}

impl<'a> From<&'a SeenProgram> for View<'a> {
    fn from(program: &'a SeenProgram) -> Self {
        Self {
            key: &program.subject,
            name: &program.name,
            path: &program.path,
            verified: program.verified,
            first: program.first,
            last: program.last,
            allowed: program.allowed,
            denied: program.denied,
            destinations: program.destinations,
            listens: program.listens,
        }
    }
}

/// Lists the programs of user `uid` that were seen, the last ones first.
pub(crate) async fn run(uid: u32, output: &mut Output) -> Result<()> {
    let proxy = Bus::connect().await?.activities().await?;
    let programs = proxy.programs(uid).await?;
    let views: Vec<_> = programs.iter().map(View::from).collect();
    output.result(&views, |views| text(views))
}

fn text(programs: &[View<'_>]) -> String {
    if programs.is_empty() {
        return gettext("No programs seen.");
    }
    let mut table = Table::new([
        gettext("PROGRAM"),
        gettext("FIRST SEEN"),
        gettext("LAST SEEN"),
        // Translators: how many calls were allowed; the next is how many were denied.
        gettext("ALLOWED"),
        gettext("DENIED"),
        gettext("DESTINATIONS"),
    ]);
    for program in programs {
        table.row([
            words::path(program.path, program.verified),
            in_local_time(program.first),
            in_local_time(program.last),
            program.allowed.to_string(),
            program.denied.to_string(),
            program
                .destinations
                .map_or_else(String::new, |count| count.to_string()),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> SeenProgram {
        SeenProgram {
            subject: "/usr/bin/curl".into(),
            name: "curl".into(),
            path: "/usr/bin/curl".into(),
            verified: true,
            first: 1_000_000,
            last: 2_000_000,
            allowed: 3,
            denied: 4,
            destinations: Some(5),
            listens: Some(6),
        }
    }

    #[test]
    fn programs_get_every_field() {
        assert_eq!(
            serde_json::to_value(View::from(&program())).unwrap(),
            serde_json::json!({
                "key": "/usr/bin/curl", "name": "curl", "path": "/usr/bin/curl", "verified": true,
                "first": 1_000_000, "last": 2_000_000, "allowed": 3, "denied": 4,
                "destinations": 5, "listens": 6,
            })
        );
    }

    #[test]
    fn people_get_a_row_for_each() {
        let claimed = SeenProgram {
            path: "/tmp/x\u{202e}".into(),
            verified: false,
            ..program()
        };
        let programs = [program(), claimed];
        let views: Vec<_> = programs.iter().map(View::from).collect();
        let text = text(&views);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].starts_with("/usr/bin/curl "), "{text}");
        assert!(
            lines[2].starts_with("/tmp/x\\u{202e} (not verified) "),
            "{text}"
        );
    }
}
