//! What programs did, as the script says.

use portreeve_dbus::{Activity, ActivityFilter, Error, Matched, RuleSpec, SeenProgram};
use zbus::{interface, message::Header, object_server::SignalEmitter};

use super::{Shared, lock};

pub(super) struct Activities(pub(super) Shared);

#[interface(name = "io.github.portreeve.Activity1")]
impl Activities {
    fn list(
        &self,
        uid: u32,
        filter: ActivityFilter,
        before: &str,
        limit: u32,
    ) -> (Vec<Activity>, String) {
        let mut state = lock(&self.0);
        let rows = &state.script.activity;
        if let Some(after) = filter.after {
            let rows = rows.iter().rev().filter(|row| row.changed > after);
            return (rows.cloned().collect(), String::new());
        }
        let begin: usize = before.parse().unwrap_or_default();
        let end = rows.len().min(begin + limit.min(2) as usize);
        let next = if end < rows.len() {
            end.to_string()
        } else {
            String::new()
        };
        let page = rows[begin..end].to_vec();
        state.filters.push(filter);
        state.calls.push(format!("List {uid} {limit}"));
        (page, next)
    }

    fn matches(&self, uid: u32, rule: RuleSpec, since: i64) -> Matched {
        let called = format!("Matches {uid} {} {}", rule.program, since > 0);
        lock(&self.0).calls.push(called);
        Matched {
            calls: 214,
            denied: 3,
            more: None,
            untold: rule.started_by.map(|_| "starter".into()),
        }
    }

    fn programs(&self, _uid: u32) -> Vec<SeenProgram> {
        lock(&self.0).script.programs.clone()
    }

    fn clear(&self, #[zbus(header)] header: Header<'_>, uid: u32) -> Result<(), Error> {
        lock(&self.0).note(&header, format!("Clear {uid}"))
    }

    fn watch(&self, #[zbus(header)] header: Header<'_>, _uid: u32) -> u64 {
        let mut state = lock(&self.0);
        state.watchers.push(header.sender().unwrap().to_string());
        let rows = state.script.activity.iter();
        rows.map(|row| row.changed).max().unwrap_or_default()
    }

    #[zbus(signal)]
    pub(super) async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}
