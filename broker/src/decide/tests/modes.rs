//! Modes: what each makes of calls, that they end, and that only who has leave makes one weaker.

use portreeve_dbus::{ModeState, RuleSpec};
use portreeve_policy::{Action, For, Leave, Mode, ModeChange, Operation, Scope, Span};

use super::{
    super::{Command, ModeSet},
    desk::{ALICE, BOB, Desk, at, said, spec_for, switch},
    kernel::Told,
    running::Running,
};
use crate::store::fail_modes;

const CURL: &str = "/usr/bin/curl";

/// The whole of a mode, until another one is set.
fn set(mode: Mode) -> ModeChange {
    ModeChange::Set(mode, None)
}

fn seconds(seconds: u64) -> Span {
    Span::of_seconds(seconds).unwrap()
}

impl Desk {
    async fn try_mode(&self, uid: u32, change: ModeChange, leave: Option<Leave>) -> ModeSet {
        let command = |reply| Command::SetMode {
            uid,
            change,
            leave,
            reply,
        };
        self.ask(command).await.unwrap()
    }

    /// Root sets a mode of Alice's.
    async fn mode(&self, change: ModeChange) {
        let done = self.try_mode(ALICE, change, Some(Leave::Weaken)).await;
        assert_eq!(done, ModeSet::Done);
        self.rest().await;
    }

    async fn state(&self, uid: u32) -> ModeState {
        let command = |reply| Command::Mode { uid, reply };
        self.ask(command).await.unwrap()
    }

    /// What a call of a program's is told at once.
    async fn told_of(&self, program: &Running, address: &str) -> Option<Told> {
        let call = self.call(program, at(address, 443)).await;
        self.rest().await;
        self.told(call)
    }

    /// The rules that were learned of Alice, when there are so many.
    async fn learned(&self, number: usize) -> Vec<portreeve_dbus::Rule> {
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

/// Who was let in by an answer that made no rule stays out during a lockdown, and no longer.
#[tokio::test(start_paused = true)]
async fn what_was_granted_is_there_again_after_a_lockdown() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let listening = desk.listen(&curl, "0.0.0.0", 80).await;
    let once = said(Action::Allow, Scope::LocalNetwork, For::Once);
    desk.answer(&desk.prompt().await, once).await.unwrap();
    assert_eq!(desk.admitted(listening), [true, true, false]);
    desk.mode(set(Mode::Lockdown)).await;
    assert_eq!(desk.admitted(listening), [true, false, false]);
    desk.mode(set(Mode::Ask)).await;
    assert_eq!(desk.admitted(listening), [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_answered_by_the_mode() {
    for (mode, told) in [
        (Mode::Allow, Told::Kept(0)),
        (Mode::Learn, Told::Kept(0)),
        (Mode::Deny, Told::Kept(1)),
        (Mode::Lockdown, Told::Kept(1)),
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
    let once = said(Action::Allow, Scope::Host, For::Once);
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

/// Whether it goes on, and may be remembered or not: that depends on whether there is a rule about a name yet.
fn is_let_go(told: Option<Told>) -> bool {
    matches!(told, Some(Told::Kept(0) | Told::Once(0)))
}

#[tokio::test(start_paused = true)]
async fn to_learn_makes_the_rule_that_a_prompt_would_suggest() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.mode(ModeChange::Set(Mode::Learn, Some(seconds(60))))
        .await;
    let mut named = at("192.0.2.1", 443);
    named.host = Some("www.example.org".into());
    for object in [
        named.clone(),
        named,
        at("192.0.2.2", 443),
        at("192.0.2.2", 80),
    ] {
        let call = desk.call(&curl, object).await;
        desk.rest().await;
        assert!(is_let_go(desk.told(call)));
    }
    desk.listen(&curl, "0.0.0.0", 80).await;
    let mut rules = desk.learned(3).await;
    rules.sort_by(|one, other| one.destination.cmp(&other.destination));
    let said: Vec<_> = rules
        .iter()
        .map(|it| {
            (
                it.operations[0].as_str(),
                it.destination.as_str(),
                it.ports.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("listen", "anywhere", Some("80")),
            ("connect", "domain", None),
            ("connect", "network", None)
        ]
    );
    for rule in &rules {
        let of = (
            rule.program.as_deref(),
            rule.action.as_str(),
            rule.lifespan.as_str(),
        );
        assert_eq!(of, (Some(CURL), "allow", "always"));
    }
    desk.pass_seconds(60).await;
    assert_eq!(desk.status(ALICE).await.mode, "ask");
    assert!(is_let_go(desk.told_of(&curl, "192.0.2.2").await), "known");
    assert_eq!(
        desk.told_of(&curl, "192.0.2.3").await,
        None,
        "asked about again"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_learned_of_code_without_a_name() {
    let desk = Desk::new().await;
    desk.mode(set(Mode::Learn)).await;
    let mut altered = Running::of(CURL, ALICE);
    let caller = std::sync::Arc::get_mut(&mut altered.caller).unwrap();
    caller.subject.process.alteration.controlled = true;
    for program in [
        altered,
        Running::given("/usr/bin/python3.13", ALICE),
        Running::without_file(ALICE),
    ] {
        let told = desk.told_of(&program, "192.0.2.1").await;
        assert_eq!(told, Some(Told::Kept(0)), "it goes on");
    }
    let curl = Running::of(CURL, ALICE);
    let told = desk.call_at_once(&curl, at("192.0.2.9", 443)).await;
    assert_eq!(told, Some(Told::Kept(0)));
    // What comes after it is learned: so the store has done all before it.
    desk.told_of(&curl, "192.0.2.2").await;
    let rules = desk.learned(1).await;
    assert_eq!(rules[0].network.as_deref(), Some("192.0.2.2/32"));
}

#[tokio::test(start_paused = true)]
async fn what_was_looked_at_is_not_learned_again() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.mode(set(Mode::Learn)).await;
    desk.told_of(&curl, "192.0.2.1").await;
    let id = portreeve_policy::RuleId(desk.learned(1).await[0].id);
    desk.change(switch(id, false)).await.unwrap();
    desk.told_of(&curl, "192.0.2.1").await;
    desk.told_of(&curl, "192.0.2.2").await;
    assert_eq!(desk.learned(2).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_weaker_needs_leave_and_what_is_not_does_not() {
    let desk = Desk::new().await;
    let own = Some(Leave::Strengthen);
    let allow = ModeChange::Snooze(Mode::Allow, seconds(60));
    for (change, needed) in [
        (set(Mode::Allow), Leave::Weaken),
        (set(Mode::Learn), Leave::Weaken),
        (allow, Leave::Snooze),
    ] {
        for leave in [None, own] {
            let refused = desk.try_mode(ALICE, change, leave).await;
            assert_eq!(refused, ModeSet::Needs(needed));
        }
    }
    let without = desk.try_mode(ALICE, set(Mode::Lockdown), None).await;
    assert_eq!(without, ModeSet::Needs(Leave::Strengthen));
    assert_eq!(desk.status(ALICE).await.mode, "ask");
    let done = desk.try_mode(ALICE, set(Mode::Lockdown), own).await;
    assert_eq!(done, ModeSet::Done);
    for (change, needed) in [
        (set(Mode::Ask), Leave::EndLockdown),
        (set(Mode::Deny), Leave::EndLockdown),
        (
            ModeChange::Snooze(Mode::Deny, seconds(1)),
            Leave::EndLockdown,
        ),
        (allow, Leave::Weaken),
    ] {
        let refused = desk.try_mode(ALICE, change, own).await;
        assert_eq!(refused, ModeSet::Needs(needed), "{change:?}");
    }
    assert_eq!(desk.status(ALICE).await.mode, "lockdown");
}

/// A lockdown that the store has yet to keep cannot be lifted by who comes in between.
#[tokio::test(start_paused = true)]
async fn a_change_under_way_counts_already() {
    let desk = Desk::new().await;
    let mut replies = Vec::new();
    for change in [set(Mode::Lockdown), set(Mode::Ask)] {
        let (reply, result) = tokio::sync::oneshot::channel();
        let command = Command::SetMode {
            uid: ALICE,
            change,
            leave: Some(Leave::Strengthen),
            reply,
        };
        desk.send(command).await;
        replies.push(result);
    }
    let second = super::desk::frozen(replies.pop().unwrap()).await.unwrap();
    assert_eq!(second.unwrap(), ModeSet::Needs(Leave::EndLockdown));
    let first = super::desk::frozen(replies.pop().unwrap()).await.unwrap();
    assert_eq!(first.unwrap(), ModeSet::Done);
    assert_eq!(desk.status(ALICE).await.mode, "lockdown");
}

/// Each change voids what the kernel remembers, so that no program may make it without end; but it cannot keep
/// its user from a lockdown by that.
#[tokio::test(start_paused = true)]
async fn whoever_needs_no_password_sets_modes_in_moderation() {
    let desk = Desk::new().await;
    let own = Some(Leave::Strengthen);
    let ask = |mode| {
        let command = move |reply| Command::SetMode {
            uid: ALICE,
            change: set(mode),
            leave: own,
            reply,
        };
        desk.ask(command)
    };
    let mut refusals = 0;
    for mode in [Mode::Deny, Mode::Ask].into_iter().cycle().take(62) {
        refusals += usize::from(ask(mode).await.is_err());
    }
    // The clock stands still meanwhile.
    assert_eq!(refusals, 32);
    let refused = ask(Mode::Deny).await.unwrap_err();
    assert!(refused.to_string().contains("30 times"), "{refused}");
    assert_eq!(
        desk.try_mode(BOB, set(Mode::Deny), own).await,
        ModeSet::Done
    );
    assert_eq!(ask(Mode::Lockdown).await.unwrap(), ModeSet::Done);
    let generation = desk.kernel.generation();
    assert_eq!(ask(Mode::Lockdown).await.unwrap(), ModeSet::Done);
    assert_eq!(desk.kernel.generation(), generation, "nothing has changed");
    desk.mode(set(Mode::Ask)).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_not_in_force() {
    let desk = Desk::new().await;
    desk.mode(set(Mode::Deny)).await;
    fail_modes(&desk.database(), Some("the disk is full"));
    let command = |reply| Command::SetMode {
        uid: ALICE,
        change: set(Mode::Allow),
        leave: Some(Leave::Weaken),
        reply,
    };
    let refused = desk.ask(command).await.unwrap_err();
    assert!(
        refused.to_string().contains("the disk is full"),
        "{refused}"
    );
    assert_eq!(desk.status(ALICE).await.mode, "deny");
    fail_modes(&desk.database(), None);
    desk.mode(set(Mode::Allow)).await;
    assert_eq!(desk.status(ALICE).await.mode, "allow");
}

#[tokio::test(start_paused = true)]
async fn the_next_broker_goes_on_with_the_mode_and_with_its_end() {
    let mut desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.mode(set(Mode::Lockdown)).await;
    desk.mode(ModeChange::Snooze(Mode::Allow, seconds(60)))
        .await;
    desk.pass_seconds(20).await;
    let (state, generation) = (desk.state(ALICE).await, desk.kernel.generation());
    desk.stop().await;
    let mut next = desk.followed().await;
    next.rest().await;
    assert_eq!(next.kernel.generation(), generation, "nothing is forgotten");
    assert_eq!(next.state(ALICE).await, state);
    assert_eq!(next.told_of(&curl, "192.0.2.1").await, Some(Told::Kept(0)));
    next.stop().await;
    // While no broker runs, it ends.
    next.pass_seconds(60).await;
    let last = next.followed().await;
    last.rest().await;
    assert!(last.kernel.generation() > generation);
    assert_eq!(last.state(ALICE).await.mode, "lockdown");
    assert_eq!(last.told_of(&curl, "192.0.2.1").await, Some(Told::Kept(1)));
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
            reply,
        };
        desk.ask(command).await.unwrap().outcome
    };
    for (mode, known, unknown) in [
        (Mode::Ask, "allow", "ask"),
        (Mode::Learn, "allow", "allow"),
        (Mode::Deny, "allow", "deny"),
        (Mode::Lockdown, "deny", "deny"),
    ] {
        desk.mode(set(mode)).await;
        let outcomes = [explain("192.0.2.1").await, explain("192.0.2.2").await];
        assert_eq!(outcomes, [known, unknown], "{mode}");
    }
}
