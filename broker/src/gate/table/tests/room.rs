//! How many calls are held at once, and what becomes of those for which there is no room.

use portreeve_abi::request_flags::NEEDED;

use super::*;
use crate::config::{Services, Treatment};

#[test]
fn a_user_has_a_share() {
    let (table, log, failures) = table();
    let unique = |tid: u32| u64::from(tid);
    let share = u32::try_from(USER_SHARE).unwrap();
    let mut held: Vec<Held> = (0..share)
        .map(|tid| table.knock(unique(tid), &call(tid)).unwrap())
        .collect();
    assert!(table.knock(unique(share), &call(share)).is_none());
    assert_eq!(log.read(), [(unique(share), Ok(1))]);
    assert_eq!(failures.report(), ["user-share=1"]);
    let mut of_bob = call(share + 1);
    of_bob.key.process.uid = 1001;
    assert!(table.knock(unique(share + 1), &of_bob).is_some());
    assert!(held.remove(0).release(&once(Outcome::Allow)));
    assert!(table.knock(unique(share + 2), &call(share + 2)).is_some());
}

#[test]
fn what_a_screen_needs_goes_on_though_others_take_all_room() {
    let services = Services {
        guarded: true,
        unanswered: Treatment::Deny,
        ..Services::default()
    };
    let (table, log, failures) = table_with(&Config {
        services,
        ..Config::default()
    });
    let of_system = |tid, flags| {
        let mut call = call(tid);
        call.key.process.uid = 101;
        call.flags = flags;
        call
    };
    let share = u32::try_from(USER_SHARE).unwrap();
    let held: Vec<Held> = (0..share)
        .map(|tid| table.knock(tid.into(), &of_system(tid, 0)).unwrap())
        .collect();
    let (next, last) = (share, share + 1);
    assert!(table.knock(next.into(), &of_system(next, NEEDED)).is_none());
    assert!(table.knock(last.into(), &of_system(last, 0)).is_none());
    assert_eq!(log.read(), [(next.into(), Ok(0)), (last.into(), Ok(1))]);
    assert_eq!(failures.report(), ["user-share=2"]);
    drop(held);
}

/// Who is out for a breath keeps the place.
#[test]
fn no_more_are_held_than_there_can_be() {
    let (table, log, failures) = table();
    let unique = |tid: u32| u64::from(tid);
    let of = |uid, tid| {
        let mut call = call(tid);
        call.key.process.uid = uid;
        call
    };
    let held: Vec<Held> = (0..MAX_HOLDS)
        .map(|tid| of(1000 + tid / (MAX_HOLDS / 2), tid))
        .map(|call| table.knock(unique(call.tid), &call).unwrap())
        .collect();
    let number = table.lock().by_unique[&unique(1)];
    assert!(table.call_out(number) && !table.interrupt(unique(1)));
    assert!(
        table
            .knock(unique(MAX_HOLDS), &of(1002, MAX_HOLDS))
            .is_none()
    );
    assert!(table.knock(unique(MAX_HOLDS + 1), &of(1000, 1)).is_none());
    let denied = [(unique(1), Err(libc::EINTR)), (unique(MAX_HOLDS), Ok(1))];
    assert_eq!(log.read(), denied);
    assert_eq!(failures.report(), ["hold-table-full=1"]);
    assert!(held.iter().all(Held::is_waiting));
    for it in held {
        assert!(it.release(&once(Outcome::Allow)));
    }
}
