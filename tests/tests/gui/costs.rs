//! What the agent costs while it has nothing to ask, and how soon it asks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::{
    desk::{Compositor, Desk},
    presence::logind,
    process::{self, WakeUps},
    prompts::prompt,
};

/// The most that it may take to start, of a processor's time, and to keep in memory.
const STARTING: Duration = Duration::from_secs(1);
const MEMORY: u64 = 60 << 20;
/// How many prompts are timed.
const PROMPTS: u64 = 20;
/// The most that one may take of the agent, by the clock and of a processor's time. Where nothing else goes on, the first
/// is 150 ms; here several things are built at once.
const ASKING: Duration = Duration::from_millis(2000);
const WORK: Duration = Duration::from_millis(300);
/// How long nothing is to happen.
const IDLE: Duration = Duration::from_secs(30);

#[test]
fn an_agent_with_nothing_to_ask_costs_little() {
    let mut desk = Desk::new();
    // Else the agent would go on looking for it.
    let _logind = desk.run(logind());
    desk.start_agent();
    let agent = desk.process();
    // What is left of starting.
    let mut before = WakeUps::of(agent);
    desk.until("it is idle", |desk| {
        desk.pause(Duration::from_millis(500));
        let last = std::mem::replace(&mut before, WakeUps::of(agent));
        before == last
    });
    let time = process::time(agent);
    let (memory, own) = (process::memory(agent), process::own_memory(agent));
    desk.pause(IDLE);
    let woken = WakeUps::of(agent).since(&before);
    assert!(time < STARTING, "it took {time:?} to start");
    assert!(
        memory < MEMORY,
        "it has {memory} bytes, {own} of them its own"
    );
    assert_eq!(woken, 0, "it woke up in {IDLE:?}");
}

/// The time as libwayland writes it down: microseconds, of which it keeps 32 bits.
fn now() -> u32 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = time.expect("the clock is right").as_micros() % (1 << 32);
    u32::try_from(micros).expect("it is what is left of a division")
}

/// When the first frame was handed over, by what the agent and the compositor have said since there was none.
pub(crate) fn first_frame(wire: &str) -> Option<u32> {
    let mut lines = wire.lines();
    lines.find(|line| line.contains(".attach(wl_buffer"))?;
    let line = lines.find(|line| line.contains(".commit()"))?;
    let time = line.split_once('[')?.1.split_once(']')?.0;
    let (millis, micros) = time.trim().split_once('.')?;
    let millis: u32 = millis.parse().ok()?;
    Some(millis.wrapping_mul(1000).wrapping_add(micros.parse().ok()?))
}

/// How long it takes from the broker's call until the agent has told that the prompt is shown and its first frame is
/// drawn.
fn ask(desk: &Desk, id: u64) -> Duration {
    let before = desk.wire().len();
    let (called, start) = (now(), Instant::now());
    desk.run(desk.broker.show(&prompt(id)));
    while !desk.broker.was_shown(id, 1) {
        desk.pause(Duration::from_millis(1));
    }
    let told = start.elapsed();
    let mut drawn = None;
    desk.until("the first frame is drawn", |desk| {
        drawn = first_frame(desk.wire().get(before..).unwrap_or_default());
        drawn.is_some()
    });
    let drawn = drawn.expect("it was waited for").wrapping_sub(called);
    desk.run(desk.broker.withdraw(id));
    told.max(Duration::from_micros(drawn.into()))
}

#[test]
#[expect(clippy::print_stdout, reason = "docs/performance.md has the figures")]
fn a_prompt_is_there_at_once() {
    for compositor in [Compositor::Mutter, Compositor::Sway] {
        let mut desk = Desk::under(compositor, (1280, 800));
        desk.tap_agent();
        let agent = desk.process();
        // The first one has to load what all need.
        ask(&desk, PROMPTS + 1);
        let before = process::time(agent);
        let mut times: Vec<_> = (1..=PROMPTS).map(|id| ask(&desk, id)).collect();
        times.sort_unstable();
        let median = times[times.len() / 2];
        let work = process::time(agent).saturating_sub(before)
            / u32::try_from(PROMPTS).expect("they are few");
        let said = format!("{compositor:?}: {median:?}, {work:?} of a processor's time");
        println!("{said}");
        assert!(median < ASKING && work < WORK, "{said}");
    }
}
