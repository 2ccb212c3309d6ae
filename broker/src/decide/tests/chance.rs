//! Whatever happens in whatever order: every held call is answered exactly once, and what the
//! kernel may remember is what is in force.

use std::time::Duration;

use portreeve_abi::request_flags;
use portreeve_policy::{For, Object, Origin as RuleOrigin, Outcome, RuleId, Scope};

use super::{
    super::{Command, Made, RuleChange},
    desk::{ALICE, Agent, BOB, Desk, at, remove, said, switch},
    kernel::Told,
    running::Running,
};

use crate::store::ChangeId;

const RUNS: u64 = 60;
const STEPS: u32 = 120;

/// Numbers by xorshift64*: the same for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() {
            return None;
        }
        from.get(self.roll(from.len()))
    }

    fn object(&mut self) -> Object {
        let address = ["192.0.2.1", "192.0.2.2", "127.0.0.1"][self.roll(3)];
        at(address, [80, 443][self.roll(2)])
    }
}

struct Run {
    dice: Dice,
    desk: Desk,
    programs: Vec<Running>,
    calls: Vec<u64>,
    changes: Vec<ChangeId>,
    rules: Vec<RuleId>,
    agent: Option<Agent>,
}

impl Run {
    async fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            desk: Desk::new().await,
            programs: (0..4).map(started).collect(),
            calls: Vec::new(),
            changes: Vec::new(),
            rules: Vec::new(),
            agent: None,
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(16) {
            0..=6 => self.call().await,
            7 | 8 => {
                if let Some(call) = self.dice.pick(&self.calls)
                    && self.desk.told(*call).is_none()
                {
                    // The loop hears of some signals late.
                    if self.dice.roll(2) == 0 {
                        self.desk.interrupt(*call).await;
                    } else {
                        self.desk.interrupt_unheard(*call);
                    }
                }
            }
            9..=11 => self.answer().await,
            12 => {
                let millis = [1, 60, 1_000, 20_000, 400_000][self.dice.roll(5)];
                self.desk.pass(Duration::from_millis(millis)).await;
            }
            13 => {
                let index = self.dice.roll(4);
                self.programs[index].end();
                self.programs[index] = started(index);
            }
            14 => self.change().await,
            _ => self.come_or_go().await,
        }
    }

    async fn call(&mut self) {
        let (program, object) = (self.dice.roll(4), self.dice.object());
        let flags = [0, request_flags::NONBLOCK, request_flags::AT_ONCE][self.dice.roll(3)];
        let program = &self.programs[program];
        let call = self.desk.call_with(program, object, flags).await;
        self.calls.push(call);
    }

    async fn answer(&mut self) {
        let uid = [ALICE, BOB][self.dice.roll(2)];
        let prompts = self.desk.prompts(uid).await;
        let Some(prompt) = self.dice.pick(&prompts) else {
            return;
        };
        let action = [Outcome::Allow, Outcome::DENY][self.dice.roll(2)];
        let scope = Scope::ALL[self.dice.roll(3)];
        let lifespan = For::ALL[self.dice.roll(For::ALL.len())];
        // For the program without a file, what needs its path is refused.
        drop(
            self.desk
                .answer(prompt, said(action, scope, lifespan))
                .await,
        );
    }

    async fn change(&mut self) {
        let known = self.dice.pick(&self.rules).copied();
        let change = match (self.dice.roll(4), known) {
            (1, Some(rule)) => remove(rule),
            (2, _) => match self.dice.pick(&self.changes) {
                Some(change) => RuleChange::Undo(*change, RuleOrigin::Window),
                None => return,
            },
            (3, Some(rule)) => switch(rule, self.dice.roll(2) == 0),
            _ => {
                let action = ["allow", "deny"][self.dice.roll(2)];
                self.rules
                    .push(self.desk.add_rule("/usr/bin/curl", action).await);
                return;
            }
        };
        // It may be removed already, or not be.
        if let Ok(Made { change, .. }) = self.desk.change(change).await {
            self.changes.push(change);
        }
    }

    async fn come_or_go(&mut self) {
        match self.agent.take() {
            None => self.agent = Some(self.desk.register("a").await),
            Some(agent) => {
                let name = agent.name;
                self.desk.send(Command::Gone { name }).await;
            }
        }
    }
}

fn started(index: usize) -> Running {
    match index {
        0 => Running::of("/usr/bin/curl", ALICE),
        1 => Running::of("/usr/bin/wget", ALICE),
        2 => Running::of("/usr/bin/curl", BOB),
        _ => Running::without_file(ALICE),
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_is_answered_exactly_once() {
    let mut seen = [0; 3];
    for seed in 1..=RUNS {
        let mut run = Run::new(seed).await;
        for _ in 0..STEPS {
            run.step().await;
        }
        run.desk.stop().await;
        assert_eq!(run.desk.held(), 0, "seed {seed}");
        for call in &run.calls {
            match run.desk.told(*call) {
                Some(Told::Once(_)) => seen[0] += 1,
                Some(Told::Kept(_)) => seen[1] += 1,
                Some(Told::Interrupted) => seen[2] += 1,
                told @ (None | Some(Told::Stale(_))) => panic!("seed {seed}: {told:?}"),
            }
        }
        assert_eq!(run.desk.log.lock().len(), run.calls.len(), "seed {seed}");
    }
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
}
