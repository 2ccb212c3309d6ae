//! What the agent costs while it has nothing to ask.

use std::time::Duration;

use crate::{desk::Desk, presence::logind, process};

/// The most that it may take to start, of a processor's time, and to keep in memory.
const STARTING: Duration = Duration::from_secs(1);
const MEMORY: u64 = 60 << 20;
/// How long nothing is to happen.
const IDLE: Duration = Duration::from_secs(60);

#[test]
fn an_agent_with_nothing_to_ask_costs_little() {
    let mut desk = Desk::new();
    // Else the agent would go on looking for it.
    let _logind = desk.run(logind());
    desk.start_agent();
    let agent = desk.process();
    // What is left of starting.
    let mut before = process::wake_ups(agent);
    desk.until("it is idle", |desk| {
        desk.pause(Duration::from_millis(500));
        let now = process::wake_ups(agent);
        std::mem::replace(&mut before, now) == now
    });
    let time = process::time(agent);
    let (memory, own) = (process::memory(agent), process::own_memory(agent));
    desk.pause(IDLE);
    let woken = process::wake_ups(agent) - before;
    assert!(time < STARTING, "it took {time:?} to start");
    assert!(
        memory < MEMORY,
        "it has {memory} bytes, {own} of them its own"
    );
    assert_eq!(woken, 0, "it woke up in {IDLE:?}");
}
