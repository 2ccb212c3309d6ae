//! Setting modes: the leave that it needs, how often it may be, and what the store keeps of it.

use portreeve_policy::{Leave, Mode, ModeChange};
use tokio::sync::oneshot;

use super::{
    super::{Command, ModeSet},
    desk::{ALICE, BOB, Desk, frozen},
    kernel::Told,
    modes::{seconds, set},
    running::Running,
};
use crate::store::{fail_deletions, fail_modes};

const CURL: &str = "/usr/bin/curl";

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
        let (reply, result) = oneshot::channel();
        let command = Command::SetMode {
            uid: ALICE,
            change,
            leave: Some(Leave::Strengthen),
            reply,
        };
        desk.send(command).await;
        replies.push(result);
    }
    let second = frozen(replies.pop().unwrap()).await.unwrap();
    assert_eq!(second.unwrap(), ModeSet::Needs(Leave::EndLockdown));
    let first = frozen(replies.pop().unwrap()).await.unwrap();
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
    assert_eq!(refusals, 1, "of what loosens, the last");
    assert_eq!(ask(Mode::Deny).await.unwrap(), ModeSet::Done, "it is there");
    let refused = ask(Mode::Ask).await.unwrap_err();
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

/// No program keeps its user in a lockdown, or from questions, by changes of nothing.
#[tokio::test(start_paused = true)]
async fn changes_of_nothing_are_not_counted_and_are_not_stored() {
    let desk = Desk::new().await;
    let own = Some(Leave::Strengthen);
    for mode in [Mode::Lockdown, Mode::Deny] {
        desk.mode(set(mode)).await;
        let generation = desk.kernel.generation();
        for _ in 0..40 {
            for change in [ModeChange::Wake, set(mode)] {
                assert_eq!(desk.try_mode(ALICE, change, own).await, ModeSet::Done);
            }
        }
        assert_eq!(desk.kernel.generation(), generation, "nothing has changed");
    }
    // What took a password is not for nothing, however busy somebody was.
    for span in 1..=40 {
        let command = |reply| Command::SetMode {
            uid: ALICE,
            change: ModeChange::Snooze(Mode::Deny, seconds(span)),
            leave: own,
            reply,
        };
        drop(desk.ask(command).await);
    }
    desk.mode(set(Mode::Lockdown)).await;
    let ask = set(Mode::Ask);
    let done = desk.try_mode(ALICE, ask, Some(Leave::EndLockdown)).await;
    assert_eq!(done, ModeSet::Done);
}

/// Many lockdowns at once are one.
#[tokio::test(start_paused = true)]
async fn lockdowns_in_flight_are_put_in_force_once() {
    let desk = Desk::new().await;
    desk.rest().await;
    let generation = desk.kernel.generation();
    let mut replies = Vec::new();
    for _ in 0..60 {
        let (reply, result) = oneshot::channel();
        let command = Command::SetMode {
            uid: ALICE,
            change: set(Mode::Lockdown),
            leave: Some(Leave::Strengthen),
            reply,
        };
        desk.send(command).await;
        replies.push(result);
    }
    for reply in replies {
        // As many as may be written to the disk in a minute; how many are before they are there already, who knows.
        drop(frozen(reply).await.unwrap());
    }
    assert_eq!(desk.kernel.generation(), generation + 1);
    assert_eq!(desk.status(ALICE).await.mode, "lockdown");
}

/// No program keeps its user from questions by changes that need no password.
#[tokio::test(start_paused = true)]
async fn many_snoozes_keep_nobody_from_questions() {
    let desk = Desk::new().await;
    let own = Some(Leave::Strengthen);
    desk.mode(set(Mode::Allow)).await;
    let snoozes = |span| {
        let command = move |reply| Command::SetMode {
            uid: ALICE,
            change: ModeChange::Snooze(Mode::Deny, seconds(span)),
            leave: own,
            reply,
        };
        desk.ask(command)
    };
    let mut refusals = 0;
    for span in 1..=40 {
        refusals += usize::from(snoozes(span).await.is_err());
    }
    assert_eq!(refusals, 10);
    for mode in [Mode::Ask, Mode::Deny] {
        let done = desk.try_mode(ALICE, set(mode), own).await;
        assert_eq!(done, ModeSet::Done, "{mode}");
    }
    assert!(snoozes(50).await.is_err());
}

/// Who would be cut off by a lockdown that cannot be kept is cut off all the same.
#[tokio::test(start_paused = true)]
async fn what_lets_nothing_more_happen_is_in_force_even_if_it_cannot_be_kept() {
    let mut desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.mode(set(Mode::Allow)).await;
    fail_modes(&desk.database(), Some("the disk is full"));
    let command = |reply| Command::SetMode {
        uid: ALICE,
        change: set(Mode::Lockdown),
        leave: Some(Leave::Strengthen),
        reply,
    };
    let unkept = desk.ask(command).await.unwrap_err().to_string();
    assert!(unkept.contains("may not outlive the broker"), "{unkept}");
    assert!(unkept.contains("the disk is full"), "{unkept}");
    assert_eq!(desk.status(ALICE).await.mode, "lockdown");
    assert_eq!(desk.told_of(&curl, "192.0.2.1").await, Some(Told::Kept(1)));
    let refused = desk.try_mode(ALICE, set(Mode::Ask), Some(Leave::Strengthen));
    assert_eq!(refused.await, ModeSet::Needs(Leave::EndLockdown));
    // With the next change, whosever it is, it is written down.
    fail_modes(&desk.database(), None);
    let done = desk.try_mode(BOB, set(Mode::Deny), Some(Leave::Strengthen));
    assert_eq!(done.await, ModeSet::Done);
    desk.rest().await;
    desk.stop().await;
    let next = desk.followed().await;
    assert_eq!(next.status(ALICE).await.mode, "lockdown");
}

/// A change that needs leave and one that needs none, at once: the later one counts, kept or not.
#[tokio::test(start_paused = true)]
async fn what_is_in_force_early_is_not_undone_by_what_was_begun_before() {
    let desk = Desk::new().await;
    let mut replies = Vec::new();
    for (mode, leave) in [
        (Mode::Allow, Leave::Weaken),
        (Mode::Lockdown, Leave::Strengthen),
    ] {
        let (reply, result) = oneshot::channel();
        let command = Command::SetMode {
            uid: ALICE,
            change: set(mode),
            leave: Some(leave),
            reply,
        };
        desk.send(command).await;
        replies.push(result);
    }
    let generation = desk.kernel.generation();
    for reply in replies {
        let done = frozen(reply).await.unwrap();
        assert_eq!(done.unwrap(), ModeSet::Done);
        assert_eq!(desk.status(ALICE).await.mode, "lockdown");
    }
    assert!(
        desk.kernel.generation() <= generation + 1,
        "put in force once"
    );
}

#[tokio::test(start_paused = true)]
async fn an_end_leaves_nothing_behind_and_is_kept_with_the_next_change() {
    let mut desk = Desk::new().await;
    desk.mode(ModeChange::Snooze(Mode::Deny, seconds(60))).await;
    fail_deletions(&desk.database(), Some("the disk is full"));
    desk.pass_seconds(60).await;
    assert_eq!(desk.status(ALICE).await.mode, "ask");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while desk.status(ALICE).await.store == "ok" {
        assert!(std::time::Instant::now() < end, "it is not tried");
        desk.rest().await;
    }
    fail_deletions(&desk.database(), None);
    let done = desk.try_mode(BOB, set(Mode::Deny), Some(Leave::Weaken));
    assert_eq!(done.await, ModeSet::Done);
    desk.rest().await;
    let generation = desk.kernel.generation();
    desk.stop().await;
    let mode = crate::store::kept_mode_rows(&desk.database());
    assert_eq!(mode, [BOB], "of others there is none");
    let next = desk.followed().await;
    next.rest().await;
    assert_eq!(next.kernel.generation(), generation, "nothing is forgotten");
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
