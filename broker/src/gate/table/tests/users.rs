//! Each user's calls breathe, and are parked, apart from others'.

use super::*;

/// Long enough for what must not come.
const SOON: Duration = Duration::from_millis(10);

#[test]
fn users_breathe_and_are_parked_apart() {
    let (table, ..) = table();
    let own = table.knock(1, &call(7)).unwrap();
    let mut of_other = call(8);
    of_other.key.process.uid = USER + 1;
    let other = table.knock(2, &of_other).unwrap();
    let mut users = [(); 2].map(|()| table.next_user(SOON).unwrap());
    users.sort_unstable();
    assert_eq!(users, [USER, USER + 1]);
    assert_eq!(table.next_user(SOON), None);
    assert!(!table.give_up(USER), "there is a call");
    assert!(!table.park(Duration::ZERO));
    for user in [USER, USER + 1] {
        let Round::Park(calls) = next_of(&table, user, Duration::ZERO) else {
            panic!("nothing is to be parked");
        };
        assert_eq!(calls.len(), 1);
        table.parked(calls[0].0);
    }
    assert!(table.park(Duration::ZERO));
    table.unpark();
    assert!(matches!(next(&table, Duration::ZERO), Round::Unpark));
    // The computer sleeps again before the other's are let go: those are parked still, and these are not.
    assert!(!table.park(Duration::ZERO));
    assert!(matches!(next(&table, Duration::ZERO), Round::Park(calls) if calls.len() == 1));
    table.unpark();
    assert!(matches!(
        next_of(&table, USER + 1, Duration::ZERO),
        Round::Unpark
    ));
    assert!(table.be_brief_all(USER + 1) && !table.be_brief_all(USER + 1));
    assert!(other.is_brief() && !own.is_brief());
    drop(own);
    assert!(table.give_up(USER));
    let again = table.knock(3, &call(7)).unwrap();
    assert_eq!(table.next_user(SOON), Some(USER));
    drop(again);
}

#[test]
fn who_the_probe_says_cannot_be_called_out_is_not() {
    let (table, ..) = table();
    let mut stays = call(7);
    stays.flags = request_flags::BRIEF;
    let held = table.knock(1, &stays).unwrap();
    let Round::Breathe(calls) = next(&table, Duration::ZERO) else {
        panic!("nobody is to breathe");
    };
    assert!(!table.call_out(calls[0].0));
    drop(held);
}
