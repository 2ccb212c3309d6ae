//! What a process has cost so far, as the kernel tells it.

use std::{collections::BTreeMap, ffi::OsString, fs, time::Duration};

fn read(process: u32, file: &str) -> String {
    let path = format!("/proc/{process}/{file}");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// The number after a name of a file in /proc.
fn number(text: &str, name: &str) -> u64 {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    let value = value.unwrap_or_else(|| panic!("there is no {name} in {text}"));
    value.parse().expect("it is a number")
}

/// Whether one of the process's threads runs, or would if there were a processor for it.
pub(crate) fn is_busy(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let mut paths = threads.filter_map(|thread| Some(thread.ok()?.path().join("stat")));
    paths.any(|path| {
        // It may have ended meanwhile.
        let stat = fs::read_to_string(path).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, fields)| fields);
        state.is_some_and(|fields| fields.starts_with(['R', 'D']))
    })
}

/// How often each of a process's threads has slept and woken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WakeUps(BTreeMap<OsString, u64>);

impl WakeUps {
    /// So far.
    pub(crate) fn of(process: u32) -> Self {
        let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
        let ids = threads.map(|thread| thread.expect("it can be listed").file_name());
        let of = |id: OsString| {
            let status = read(process, &format!("task/{}/status", id.display()));
            (id, number(&status, "voluntary_ctxt_switches:"))
        };
        Self(ids.map(of).collect())
    }

    /// How many there have been since then. A thread that was kept in case it is needed, and has ended, is no more of them.
    pub(crate) fn since(&self, before: &Self) -> u64 {
        let threads = self.0.iter();
        let woken = threads.map(|(id, count)| count - before.0.get(id).copied().unwrap_or(0));
        woken.sum()
    }
}

/// The processor's time that it has taken, by the ticks of the clock.
pub(crate) fn time(process: u32) -> Duration {
    let stat = read(process, "stat");
    let (_, fields) = stat.rsplit_once(')').expect("the name is in brackets");
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || -> u64 {
        let field = fields.next().expect("there is a field");
        field.parse().expect("it is a number")
    };
    // A tick is 10 ms wherever Linux runs (USER_HZ).
    Duration::from_millis(10 * (ticks() + ticks()))
}

/// The processor's time that its first thread has taken, exactly: in a program with windows, that of the main loop.
pub(crate) fn main_time(process: u32) -> Duration {
    let stat = read(process, "schedstat");
    let nanoseconds = stat.split_whitespace().next();
    let nanoseconds = nanoseconds.and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.expect("it is a number"))
}

/// Bytes of what it has in memory.
pub(crate) fn memory(process: u32) -> u64 {
    number(&read(process, "smaps_rollup"), "Rss:") << 10
}

/// Bytes of that which no other process has.
pub(crate) fn own_memory(process: u32) -> u64 {
    let text = read(process, "smaps_rollup");
    (number(&text, "Private_Clean:") + number(&text, "Private_Dirty:")) << 10
}
