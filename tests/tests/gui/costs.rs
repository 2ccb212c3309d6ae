//! What the agent costs while it has nothing to ask.

use std::{fs, time::Duration};

use crate::{desk::Desk, presence::logind};

/// The most that it may take to start, of a processor's time, and to keep in memory.
const STARTING: Duration = Duration::from_secs(1);
const MEMORY: u64 = 60 << 20;
/// How long nothing is to happen.
const IDLE: Duration = Duration::from_secs(5);

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

/// How often the process's threads have slept and woken up.
fn wake_ups(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let ids = threads.map(|thread| thread.expect("it can be listed").file_name());
    ids.map(|id| {
        let status = read(process, &format!("task/{}/status", id.display()));
        number(&status, "voluntary_ctxt_switches:")
    })
    .sum()
}

/// The processor's time that it has taken.
fn time(process: u32) -> Duration {
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

#[test]
fn an_agent_with_nothing_to_ask_costs_little() {
    let mut desk = Desk::new();
    // Else the agent would go on looking for it.
    let _logind = desk.run(logind());
    desk.start_agent();
    let agent = desk.process();
    // What is left of starting.
    let mut before = wake_ups(agent);
    desk.until("it is idle", |desk| {
        desk.pause(Duration::from_millis(500));
        let now = wake_ups(agent);
        std::mem::replace(&mut before, now) == now
    });
    let time = time(agent);
    let memory = number(&read(agent, "smaps_rollup"), "Rss:") << 10;
    let own = number(&read(agent, "smaps_rollup"), "Pss:") << 10;
    desk.pause(IDLE);
    let woken = wake_ups(agent) - before;
    assert!(time < STARTING, "it took {time:?} to start");
    assert!(
        memory < MEMORY,
        "it has {memory} bytes, {own} of them its share"
    );
    assert_eq!(woken, 0, "it woke up in {IDLE:?}");
}
