//! Modes: what each makes of calls, and that they end.

use std::fs;

use portreeve_dbus::{ModeState, RuleSpec};
use portreeve_policy::{
    Action, BuiltIn, For, Leave, Mode, ModeChange, Operation, Outcome, Scope, Span,
};

use super::{
    super::{Command, ModeSet},
    above::{above, put_above},
    desk::{ALICE, BOB, Desk, asking, at, said, spec_for},
    kernel::Told,
    running::Running,
};
use crate::config::{Config, Treatment};

const CURL: &str = "/usr/bin/curl";

/// The whole of a mode, until another one is set.
pub(super) fn set(mode: Mode) -> ModeChange {
    ModeChange::Set(mode, None)
}

pub(super) fn seconds(seconds: u64) -> Span {
    Span::of_seconds(seconds).unwrap()
}

impl Desk {
    pub(super) async fn try_mode(
        &self,
        uid: u32,
        change: ModeChange,
        leave: Option<Leave>,
    ) -> ModeSet {
        let command = |reply| Command::SetMode {
            uid,
            change,
            leave,
            reply,
        };
        self.ask(command).await.unwrap()
    }

    /// Root sets a mode of Alice's.
    pub(super) async fn mode(&self, change: ModeChange) {
        let done = self.try_mode(ALICE, change, Some(Leave::Weaken)).await;
        assert_eq!(done, ModeSet::Done);
        self.rest().await;
    }

    pub(super) async fn state(&self, uid: u32) -> ModeState {
        let command = |reply| Command::Mode { uid, reply };
        self.ask(command).await.unwrap()
    }

    /// What a call of a program's is told at once.
    pub(super) async fn told_of(&self, program: &Running, address: &str) -> Option<Told> {
        let call = self.call(program, at(address, 443)).await;
        self.rest().await;
        self.told(call)
    }

    /// The rules that were learned of Alice, when there are so many.
    pub(super) async fn learned(&self, number: usize) -> Vec<portreeve_dbus::Rule> {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let mut rules = self.rules(ALICE).await;
            rules.retain(|rule| rule.origin == "learned");
            if rules.len() == number {
                return rules;
            }
            assert!(std::time::Instant::now() < end, "{rules:?}");
            self.rest().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_mode_says_what_becomes_of_what_no_rule_is_about() {
    let desk = Desk::new().await;
    let (curl, bobs) = (Running::of(CURL, ALICE), Running::of(CURL, BOB));
    for (mode, told) in [
        (Mode::Allow, Some(Told::Kept(0))),
        (Mode::Deny, Some(Told::Kept(1))),
        (Mode::Lockdown, Some(Told::Kept(1))),
        (Mode::Off, Some(Told::Kept(0))),
        (Mode::Ask, None),
    ] {
        desk.mode(set(mode)).await;
        assert_eq!(desk.told_of(&curl, "192.0.2.1").await, told, "{mode}");
        assert_eq!(desk.status(ALICE).await.mode, mode.as_str());
        // Nobody else is concerned.
        assert_eq!(desk.told_of(&bobs, "192.0.2.1").await, None);
        assert_eq!(desk.status(BOB).await.mode, "ask");
    }
}

#[tokio::test(start_paused = true)]
async fn rules_decide_first_and_in_a_lockdown_only_those_against() {
    let desk = Desk::new().await;
    let (curl, wget) = (
        Running::of(CURL, ALICE),
        Running::of("/usr/bin/wget", ALICE),
    );
    desk.add_rule(CURL, "allow").await;
    desk.add_rule("/usr/bin/wget", "deny").await;
    for (mode, allowed) in [
        (Mode::Deny, Told::Kept(0)),
        (Mode::Allow, Told::Kept(0)),
        (Mode::Lockdown, Told::Kept(1)),
    ] {
        desk.mode(set(mode)).await;
        assert_eq!(desk.told_of(&curl, "192.0.2.1").await, Some(allowed));
        let denied = desk.told_of(&wget, "192.0.2.1").await;
        assert_eq!(denied, Some(Told::Kept(1)), "{mode}");
        // The built-in rule counts in all of them.
        let own = desk.told_of(&curl, "127.0.0.1").await;
        assert_eq!(own, Some(Told::Kept(0)), "{mode}");
    }
    desk.mode(set(Mode::Ask)).await;
    assert_eq!(desk.told_of(&curl, "192.0.2.1").await, Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn a_lockdown_cuts_what_is_open_and_keeps_everybody_out() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let rule = spec_for(Operation::Listen, CURL, "allow");
    desk.add(&rule).await;
    let listening = desk.listen(&curl, "0.0.0.0", 80).await;
    assert_eq!(desk.admitted(listening), [true, true, true]);
    let open = [Operation::Connect, Operation::Accept];
    let send = |operation| desk.send_on(&curl, operation, at("192.0.2.1", 443));
    for operation in open {
        assert_eq!(send(operation).await, Some(Told::Kept(0)));
    }
    let generation = desk.kernel.generation();
    desk.mode(set(Mode::Lockdown)).await;
    assert!(desk.kernel.generation() > generation, "labels are void");
    for operation in open {
        assert_eq!(send(operation).await, Some(Told::Kept(1)), "{operation}");
    }
    assert_eq!(desk.admitted(listening), [true, false, false]);
    let refused = desk.listen(&curl, "0.0.0.0", 81).await;
    assert_eq!(desk.told(refused), Some(Told::Kept(1)));
    desk.mode(set(Mode::Ask)).await;
    assert_eq!(desk.admitted(listening), [true, true, true]);
    for operation in open {
        assert_eq!(send(operation).await, Some(Told::Kept(0)));
    }
}

/// Neither rules, nor a built-in one that the user has set otherwise, nor the settings stop anything; who listens is
/// open to everybody, and as it was afterwards.
#[tokio::test(start_paused = true)]
async fn off_stops_nothing_that_users_or_settings_would() {
    let mut config = Config {
        mode: Some(Mode::Ask),
        ..Config::default()
    };
    config.unruled.connect = Treatment::Deny;
    config.unruled.accept = Treatment::Deny;
    let desk = Desk::with(config).await;
    let (curl, wget) = (
        Running::of(CURL, ALICE),
        Running::of("/usr/bin/wget", ALICE),
    );
    desk.add_rule(CURL, "deny").await;
    desk.add(&spec_for(Operation::Listen, CURL, "deny")).await;
    desk.built_in(BuiltIn::ThisComputer, Action::DENY).await;
    let to = || at("192.0.2.1", 443);
    let stopped = [Some(Told::Kept(1)); 2];
    let all = async || {
        [
            desk.told_of(&curl, "192.0.2.1").await,
            desk.told_of(&wget, "127.0.0.1").await,
        ]
    };
    assert_eq!(all().await, stopped);
    desk.mode(set(Mode::Off)).await;
    assert_eq!(all().await, [Some(Told::Kept(0)); 2]);
    let open = desk.send_on(&wget, Operation::Accept, to()).await;
    assert_eq!(open, Some(Told::Kept(0)));
    let listening = desk.listen(&curl, "0.0.0.0", 80).await;
    assert_eq!(desk.told(listening), Some(Told::Kept(0)));
    assert_eq!(desk.admitted(listening), [true, true, true]);
    desk.mode(set(Mode::Ask)).await;
    assert_eq!(all().await, stopped);
    assert_eq!(desk.admitted(listening), [false, false, false]);
}

/// What administrators want stays, whatever they want.
#[tokio::test(start_paused = true)]
async fn off_leaves_administrators_rules_alone() {
    let desk = Desk::new().await;
    desk.mode(set(Mode::Off)).await;
    let curl = Running::of(CURL, ALICE);
    for (action, told) in [
        (Action::DENY, Some(Told::Kept(1))),
        (Action::Ask, None),
        (Action::DenyAndAsk(1), Some(Told::Once(1))),
    ] {
        put_above(&desk, vec![above(None, action)]).await;
        assert_eq!(desk.told_of(&curl, "192.0.2.1").await, told, "{action:?}");
        // About anything else they say nothing.
        let other = desk.told_of(&curl, "198.51.100.1").await;
        assert_eq!(other, Some(Told::Kept(0)), "{action:?}");
    }
}

/// Who was let in by an answer that made no rule stays out during a lockdown, and no longer.
#[tokio::test(start_paused = true)]
async fn what_was_granted_is_there_again_after_a_lockdown() {
    let mut desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let listening = desk.listen(&curl, "0.0.0.0", 80).await;
    let once = said(Outcome::Allow, Scope::LocalNetwork, For::Once);
    desk.answer(&desk.prompt().await, once).await.unwrap();
    assert_eq!(desk.admitted(listening), [true, true, false]);
    desk.mode(set(Mode::Lockdown)).await;
    assert_eq!(desk.admitted(listening), [true, false, false]);
    desk.mode(set(Mode::Ask)).await;
    assert_eq!(desk.admitted(listening), [true, true, false]);
    // Also if another broker ends it.
    desk.mode(set(Mode::Lockdown)).await;
    desk.stop().await;
    let next = desk.followed().await;
    assert_eq!(next.admitted(listening), [true, false, false]);
    next.add_rule("/usr/bin/other", "allow").await;
    assert_eq!(next.admitted(listening), [true, false, false]);
    next.mode(set(Mode::Ask)).await;
    assert_eq!(next.admitted(listening), [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_answered_by_the_mode() {
    for (mode, told) in [
        (Mode::Allow, Told::Kept(0)),
        (Mode::Learn, Told::Kept(0)),
        (Mode::Deny, Told::Kept(1)),
        (Mode::Lockdown, Told::Kept(1)),
        (Mode::Off, Told::Kept(0)),
    ] {
        let desk = Desk::new().await;
        let (curl, bobs) = (Running::of(CURL, ALICE), Running::of(CURL, BOB));
        let held = desk.call(&curl, at("192.0.2.1", 443)).await;
        let others = desk.call(&bobs, at("192.0.2.1", 443)).await;
        desk.rest().await;
        desk.mode(set(mode)).await;
        assert_eq!(desk.told(held), Some(told), "{mode}");
        assert_eq!(desk.told(others), None);
        assert!(desk.prompts(ALICE).await.is_empty());
        let learned = usize::from(mode == Mode::Learn);
        assert_eq!(desk.learned(learned).await.len(), learned);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_the_next_attempt_does_not_outlive_its_mode() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.call(&curl, at("192.0.2.1", 443)).await;
    desk.pass_seconds(61).await;
    let once = said(Outcome::Allow, Scope::Host, For::Once);
    desk.answer(&desk.prompt().await, once).await.unwrap();
    desk.mode(set(Mode::Deny)).await;
    let told = desk.told_of(&curl, "192.0.2.1").await;
    assert_eq!(told, Some(Told::Kept(1)));
}

#[tokio::test(start_paused = true)]
async fn a_snooze_ends_by_itself_and_voids_what_was_let_go_on() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.mode(set(Mode::Deny)).await;
    desk.mode(ModeChange::Snooze(Mode::Allow, seconds(60)))
        .await;
    let state = desk.state(ALICE).await;
    assert_eq!(
        (state.mode.as_str(), state.before.as_deref()),
        ("allow", Some("deny"))
    );
    let left = state.ends.unwrap() - desk.clocks.now().boottime;
    assert!((59_900_000..=60_000_000).contains(&left), "{left}");
    assert_eq!(desk.told_of(&curl, "192.0.2.1").await, Some(Told::Kept(0)));
    let generation = desk.kernel.generation();
    desk.pass_seconds(60).await;
    assert!(desk.kernel.generation() > generation, "without any call");
    assert_eq!(desk.told_of(&curl, "192.0.2.1").await, Some(Told::Kept(1)));
    assert_eq!(
        desk.state(ALICE).await,
        ModeState {
            mode: "deny".into(),
            ..ModeState::default()
        }
    );
    // One that is ended sooner does the same.
    desk.mode(ModeChange::Snooze(Mode::Allow, seconds(60)))
        .await;
    desk.mode(ModeChange::Wake).await;
    assert_eq!(desk.told_of(&curl, "192.0.2.1").await, Some(Told::Kept(1)));
}

/// A listener of an earlier broker that nothing is known of is no way in during a lockdown.
#[tokio::test(start_paused = true)]
async fn a_lockdown_cuts_off_listeners_that_an_earlier_broker_has_left() {
    let mut desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.add(&spec_for(Operation::Listen, CURL, "allow")).await;
    let listening = desk.listen(&curl, "0.0.0.0", 80).await;
    desk.stop().await;
    desk.kernel.forget_programs();
    let next = desk.followed().await;
    next.mode(set(Mode::Deny)).await;
    assert_eq!(next.admitted(listening), [true, true, true]);
    next.mode(set(Mode::Lockdown)).await;
    assert_eq!(next.admitted(listening), [false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn what_would_become_of_a_call_depends_on_the_mode() {
    let desk = Desk::new().await;
    desk.add(&RuleSpec {
        network: Some("192.0.2.1".into()),
        ..spec_for(Operation::Connect, CURL, "allow")
    })
    .await;
    let explain = async |address: &str| {
        let program = portreeve_policy::Program::Path(CURL.into());
        let call = Box::new((program, Operation::Connect, at(address, 443)));
        let command = |reply| Command::Explain {
            uid: ALICE,
            call,
            starter: None,
            reply,
        };
        desk.ask(command).await.unwrap().outcome
    };
    for (mode, known, unknown) in [
        (Mode::Ask, "allow", "ask"),
        (Mode::Learn, "allow", "allow"),
        (Mode::Deny, "allow", "deny"),
        (Mode::Lockdown, "deny", "deny"),
        (Mode::Off, "allow", "allow"),
    ] {
        desk.mode(set(mode)).await;
        let outcomes = [explain("192.0.2.1").await, explain("192.0.2.2").await];
        assert_eq!(outcomes, [known, unknown], "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_chosen_nothing_is_only_watched() {
    let desk = Desk::with(Config::default()).await;
    let undecided = ModeState {
        mode: "allow".into(),
        undecided: Some(true),
        ..ModeState::default()
    };
    assert_eq!(desk.state(ALICE).await, undecided);
    let curl = Running::of(CURL, ALICE);
    let to = at("203.0.113.10", 443);
    assert_eq!(desk.told_at(&curl, to.clone()).await, Some(Told::Kept(0)));

    // A snooze is no choice, and what was chosen is one whatever it was.
    desk.mode(ModeChange::Snooze(Mode::Deny, seconds(60))).await;
    assert_eq!(desk.state(ALICE).await.undecided, Some(true));
    desk.mode(ModeChange::Wake).await;
    desk.mode(set(Mode::Ask)).await;
    assert_eq!(desk.state(ALICE).await.undecided, None);
    assert_eq!(desk.told_at(&curl, to).await, None);
    // Others are watched on.
    assert_eq!(desk.state(BOB).await, undecided);
}

#[tokio::test(start_paused = true)]
async fn where_modes_cannot_be_read_everybody_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("rules.db"), "not a database".repeat(50)).unwrap();
    let desk = Desk::with_on(Config::default(), dir).await;
    let state = desk.state(ALICE).await;
    assert_eq!((state.mode.as_str(), state.undecided), ("ask", None));
    let call = desk
        .call(&Running::of(CURL, ALICE), at("203.0.113.10", 443))
        .await;
    desk.prompt().await;
    assert_eq!(desk.told(call), None);
}

#[tokio::test(start_paused = true)]
async fn what_the_administrator_wants_of_all_is_a_choice() {
    let desk = Desk::with(asking()).await;
    let state = desk.state(ALICE).await;
    assert_eq!((state.mode.as_str(), state.undecided), ("ask", None));
}

#[tokio::test(start_paused = true)]
async fn to_be_asked_from_the_beginning_needs_no_leave_but_to_strengthen() {
    let desk = Desk::with(Config::default()).await;
    for mode in [Mode::Ask, Mode::Deny] {
        let done = desk.try_mode(BOB, set(mode), Some(Leave::Strengthen)).await;
        assert_eq!(done, ModeSet::Done);
        let desk = Desk::with(Config::default()).await;
        let needs = desk.try_mode(BOB, set(Mode::Learn), None).await;
        assert_eq!(needs, ModeSet::Needs(Leave::Weaken));
    }
}
