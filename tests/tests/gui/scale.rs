//! Windows with more to show than anybody looks at: how long they are busy with it, and what they keep of it.
//!
//! What counts is the processor's time, so that it makes no difference what else the computer does. It is that of an
//! unoptimised build, several times what is installed takes.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use portreeve_dbus::{APPLICATION_ID, Rule, RuleChanges};
use tokio::task::JoinHandle;

use crate::{
    activity::row,
    desk::Desk,
    process,
    rules::{built_in, rule},
};

/// The longest that the main loop may be busy before it answers. An unoptimised build takes seconds to read, search or
/// show again ten thousand rules; none of it may take as long as rows for all of them, with which the window did not
/// answer for more than 20 s.
const STALL: Duration = Duration::from_secs(4);
/// So many pages of what programs did are scrolled through, of which the window keeps 16.
const PAGES: usize = 200;
/// The longest that the main loop may be busy with a page, unoptimised.
const PAGE_STALL: Duration = Duration::from_millis(600);
/// How long nothing is to be done by a window that has shown everything.
const CALM: Duration = Duration::from_millis(500);

/// Asks the window's main loop again and again, and measures what that does before it answers.
struct Watch {
    longest: Arc<Mutex<Option<Duration>>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins with the program that was started last.
    fn begin(desk: &Desk) -> Self {
        let longest = Arc::<Mutex<Option<Duration>>>::default();
        let (kept, session, process) = (Arc::clone(&longest), desk.session(), desk.process());
        let path = format!("/{}", APPLICATION_ID.replace('.', "/"));
        #[expect(clippy::async_yields_async, reason = "what is begun goes on")]
        let task = desk.run(async move {
            tokio::spawn(async move {
                loop {
                    let before = process::main_time(process);
                    let asked = session
                        .call_method(
                            Some(APPLICATION_ID),
                            path.as_str(),
                            Some("org.gtk.Actions"),
                            "List",
                            &(),
                        )
                        .await;
                    // It is not there yet.
                    if asked.is_ok() {
                        let busy = process::main_time(process).saturating_sub(before);
                        let mut longest = lock(&kept);
                        *longest = Some(busy.max(longest.unwrap_or_default()));
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
        });
        Self { longest, task }
    }

    /// The longest that it was busy since this was asked last.
    fn longest(&self, desk: &Desk) -> Duration {
        let mut longest = None;
        desk.until("it answers", |_| {
            longest = lock(&self.longest).take();
            longest.is_some()
        });
        longest.expect("it was waited for")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(longest: &Mutex<Option<Duration>>) -> MutexGuard<'_, Option<Duration>> {
    longest.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the window does nothing any more but answer.
fn calm(desk: &Desk) {
    let mut before = desk.broker.rules_read();
    desk.until("the window has nothing to do", |desk| {
        let looks = (0..25).filter(|_| {
            desk.pause(CALM / 25);
            process::is_busy(desk.process())
        });
        let (busy, now) = (looks.count(), desk.broker.rules_read());
        std::mem::replace(&mut before, now) == now && busy < 13
    });
}

#[expect(clippy::print_stdout, reason = "a measurement")]
fn tell(what: &str, told: &str) {
    println!("{what}: {told}");
}

/// So many rules of three hundred programs, and one that is built in.
fn rules(count: u64) -> Vec<Rule> {
    let one = |at: u64| Rule {
        host: Some(format!("host{at}.server.example")),
        ..rule(100 + at, &format!("/usr/bin/program{}", at % 300))
    };
    (0..count).map(one).chain([built_in()]).collect()
}

/// What it took to show so many rules.
struct Opened {
    desk: Desk,
    watch: Watch,
    time: Duration,
    longest: Duration,
    memory: u64,
}

fn open(count: u64) -> Opened {
    let mut desk = Desk::new();
    desk.broker.set_rules(rules(count));
    desk.start_program("portreeve");
    let watch = Watch::begin(&desk);
    desk.until("the window has read the rules", |desk| {
        desk.has_window("Portreeve") && desk.broker.rules_read() > 0
    });
    calm(&desk);
    let process = desk.process();
    Opened {
        time: process::time(process),
        longest: watch.longest(&desk),
        memory: process::own_memory(process),
        desk,
        watch,
    }
}

#[test]
fn ten_thousand_rules_open_without_a_row_for_each() {
    // What the window takes by itself.
    let one = open(1);
    let (time, longest, memory) = (one.time, one.longest, one.memory);
    drop(one);
    let all = open(10_000);
    let time = all.time.saturating_sub(time);
    let longest = all.longest.saturating_sub(longest);
    let memory = all.memory.saturating_sub(memory) >> 20;
    let told = format!("{time:?}, {longest:?} without an answer, {memory} MiB");
    tell("opening 10000 rules", &told);
    // Unoptimised it takes several times the second that what is installed may take; with a row for each it took minutes.
    assert!(time < Duration::from_secs(4), "{told}");
    assert!(longest < STALL, "{told}");
    // The rules, as they came and as they are kept; rows are there for some screens only.
    assert!(memory < 120, "{told}");
    let desk = all.desk;
    desk.see(
        "/^program0: allow host0.server.example, always$/",
        "list item",
    );
}

#[test]
fn ten_thousand_rules_are_searched_and_deleted() {
    let Opened { desk, watch, .. } = open(10_000);
    let mut told = Vec::new();
    let mut step = |what: &str| {
        calm(&desk);
        told.push((what.to_owned(), watch.longest(&desk)));
    };
    desk.focus("Portreeve");
    // Into the list: to look where the keyboard is would keep the window busy.
    let (x, y) = desk.middle("Portreeve");
    desk.xdotool(["mousemove", &x, &y, "click", "1"]);
    desk.press("End", 1);
    step("going to the end");
    desk.press("ctrl+f", 1);
    desk.enter("Search", "host99");
    step("searching");
    desk.press("Escape", 1);
    step("searching nothing any more");
    desk.run(desk.broker.changes(RuleChanges::switch(105, false)));
    step("another one's change");
    desk.press("ctrl+a", 1);
    desk.see("10000 Selected", "label");
    step("choosing all");
    desk.press("Delete", 1);
    desk.until("all are gone", |desk| desk.broker.rules().len() == 1);
    step("deleting all");
    desk.press("ctrl+z", 1);
    desk.until("all are back", |desk| desk.broker.rules().len() > 1);
    step("putting all back");
    tell("10000 rules", &format!("{told:?}"));
    let stalled = told.iter().any(|(_, longest)| *longest > STALL);
    assert!(!stalled, "{told:?}");
}

#[test]
fn of_a_million_rows_many_pages_are_scrolled_and_few_kept() {
    let mut desk = Desk::new();
    let history = desk.broker.history.clone();
    history.set_many(row(1_000_000, "program"), 1_000_000);
    desk.start_program("portreeve");
    let watch = Watch::begin(&desk);
    desk.see("Rules", "label");
    desk.focus("Portreeve");
    desk.xdotool(["mousemove", "1279", "1023"]);
    desk.press("alt+2", 1);
    let sees = |place: &str| {
        let text = format!("/^program: denied {place}.server.example/");
        desk.see(&text, "list item");
    };
    sees("0");
    desk.tab_to("list item", "");
    let opening = watch.longest(&desk);
    let scroll = |pages| {
        for _ in 0..pages {
            let read = history.pages_read();
            let mut pressed = None;
            desk.until("it reads on", |desk| {
                // What was read last may not have been there yet when the key was pressed before.
                if pressed.is_none_or(|then: Instant| then.elapsed() > CALM) {
                    pressed = Some(Instant::now());
                    desk.press("End", 1);
                }
                history.pages_read() > read
            });
        }
        let memory = process::own_memory(desk.process()) >> 20;
        (watch.longest(&desk), memory)
    };
    // As many as are kept, and some.
    let few = scroll(20);
    let many = scroll(PAGES - 20);
    let read = history.pages_read();
    // One for each key, unless a key came late.
    assert!(read < PAGES + PAGES / 10, "{read} pages were read");
    sees("[12][0-9]{4}");
    desk.press("Home", 1);
    desk.until("what was forgotten is read again", |_| {
        history.pages_read() > read
    });
    sees("0");
    let back = watch.longest(&desk);
    let told = format!(
        "opening {opening:?}, 20 pages {few:?} MiB, {PAGES} {many:?} MiB, back to the newest {back:?}"
    );
    tell("1000000 rows", &told);
    assert!(few.0.max(many.0).max(back) < PAGE_STALL, "{told}");
    // Of each page is kept where it begins.
    assert!(many.1 < few.1 + 8, "{told}");
}
