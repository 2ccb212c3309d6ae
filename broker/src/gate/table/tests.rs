//! Every way a hold can end, and that each ends it once.

use portreeve_abi::Process;
use portreeve_policy::Outcome;

use super::*;
use crate::config::Config;

mod room;
mod users;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Answers>>);

type Answers = Vec<(u64, Result<u32, i32>)>;

impl Answer for Log {
    fn answer(&self, unique: u64, result: Result<&[u8], i32>) {
        let errno = |bytes: &[u8]| u32::from_ne_bytes(bytes[4..8].try_into().unwrap());
        self.0.lock().unwrap().push((unique, result.map(errno)));
    }
}

impl Log {
    fn read(&self) -> Answers {
        self.0.lock().unwrap().clone()
    }
}

fn table() -> (Arc<Table>, Log, Arc<Failures>) {
    table_with(&Config::default())
}

fn table_with(config: &Config) -> (Arc<Table>, Log, Arc<Failures>) {
    let (log, failures) = (Log::default(), Arc::new(Failures::default()));
    (
        Table::new(
            Box::new(log.clone()),
            Arc::clone(&failures),
            config.unseen(),
        ),
        log,
        failures,
    )
}

/// A call of the thread `tid`.
fn call(tid: u32) -> Request {
    let mut request = Request {
        tid,
        ..Request::default()
    };
    request.key.process = Process {
        tgid: tid,
        uid: USER,
        ..Process::default()
    };
    request
}

/// Whose calls those of [`call`] are.
const USER: u32 = 1000;

/// What is to be done within this time.
fn next(table: &Table, pause: Duration) -> Round {
    next_of(table, USER, pause)
}

fn next_of(table: &Table, user: u32, pause: Duration) -> Round {
    let mut pace = Pace {
        pause,
        due: Instant::now() + pause,
        look: None,
    };
    table.next_round(user, &mut pace)
}

/// The number of the only held call.
fn the_one(table: &Table) -> u64 {
    the_one_of(table, USER)
}

fn the_one_of(table: &Table, user: u32) -> u64 {
    match next_of(table, user, Duration::ZERO) {
        Round::Breathe(calls) if calls.len() == 1 => calls[0].0,
        _ => panic!("not one call is held"),
    }
}

#[test]
fn a_verdict_ends_a_hold_once() {
    let (table, log, failures) = table();
    let held = table.knock(1, &call(7)).unwrap();
    assert!(held.is_waiting());
    assert!(held.release(&once(Outcome::Allow)));
    assert!(!table.interrupt(1));
    assert_eq!(log.read(), [(1, Ok(0))]);
    assert!(failures.report().is_empty());
}

#[test]
fn a_signal_ends_a_hold_once() {
    let (table, log, failures) = table();
    let held = table.knock(1, &call(7)).unwrap();
    assert!(table.interrupt(1));
    assert!(!held.is_waiting());
    assert!(!held.release(&once(Outcome::Allow)));
    assert_eq!(log.read(), [(1, Err(libc::EINTR))]);
    assert!(failures.report().is_empty());
}

#[test]
fn a_forgotten_call_is_denied_and_counted() {
    let (table, log, failures) = table();
    drop(table.knock(1, &call(7)));
    assert_eq!(log.read(), [(1, Ok(1))]);
    assert_eq!(failures.report(), ["dropped=1"]);
    assert!(table.is_empty());
}

#[test]
fn a_breath_is_not_the_end_of_a_call() {
    let (table, log, failures) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    assert!(table.call_out(number));
    assert!(!table.interrupt(1), "the call goes on");
    assert!(table.has_left(number) && held.is_waiting());
    assert!(table.knock(2, &call(7)).is_none(), "it is the same call");
    assert!(!table.has_left(number) && table.len() == 1);
    assert!(held.release(&once(Outcome::Allow)));
    assert_eq!(log.read(), [(1, Err(libc::EINTR)), (2, Ok(0))]);
    assert!(table.is_empty() && failures.report().is_empty());
}

#[test]
fn a_verdict_waits_for_one_who_takes_a_breath() {
    let (table, log, failures) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    table.call_out(number);
    table.interrupt(1);
    assert!(held.release(&once(Outcome::Allow)));
    assert_eq!(log.read(), [(1, Err(libc::EINTR))]);
    assert!(table.knock(2, &call(7)).is_none());
    assert_eq!(log.read()[1..], [(2, Ok(0))]);
    assert!(table.is_empty() && failures.report().is_empty());
}

#[test]
fn a_verdict_that_waits_is_void_when_the_rules_change() {
    let (table, log, failures) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    assert!(table.call_out(number) && !table.interrupt(1));
    assert!(held.release(&once(Outcome::Allow)));
    table.change_rules();
    let anew = table.knock(2, &call(7)).unwrap();
    assert!(anew.is_waiting() && table.len() == 1);
    assert!(anew.release(&once(Outcome::DENY)));
    assert_eq!(log.read(), [(1, Err(libc::EINTR)), (2, Ok(1))]);
    assert!(table.is_empty() && failures.report().is_empty());
}

#[test]
fn one_who_comes_back_with_another_call_has_left_the_first() {
    let (table, log, _) = table();
    let first = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    table.call_out(number);
    table.interrupt(1);
    let mut other = call(7);
    other.key.endpoint.port = 443;
    let second = table.knock(2, &other).unwrap();
    assert!(!first.is_waiting() && second.is_waiting());
    assert!(!first.release(&once(Outcome::Allow)));
    assert!(second.release(&once(Outcome::DENY)));
    assert_eq!(log.read(), [(1, Err(libc::EINTR)), (2, Ok(1))]);
    assert!(table.is_empty());
}

#[test]
fn one_who_does_not_come_back_is_lost() {
    let (table, _, failures) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    assert!(!table.lose(number), "it is inside");
    table.call_out(number);
    table.interrupt(1);
    assert!(table.lose(number));
    assert!(!held.is_waiting() && table.is_empty());
    drop(held);
    assert!(failures.report().is_empty());
}

#[test]
fn one_who_is_called_out_again_on_the_way_back_is_the_same() {
    let (table, log, _) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    assert!(table.call_out(number) && !table.interrupt(1));
    assert!(table.has_left(number));
    // Parked, or the next breath is due: it knocks before that reaches it.
    assert!(table.call_out(number));
    assert!(table.knock(2, &call(7)).is_none());
    assert!(!table.interrupt(2), "no signal has taken it away");
    assert!(table.has_left(number));
    assert!(table.knock(3, &call(7)).is_none());
    assert!(table.interrupt(3), "that call-out is over");
    assert!(!held.is_waiting());
    assert_eq!(log.read(), [1, 2, 3].map(|it| (it, Err(libc::EINTR))));
}

#[test]
fn one_who_has_a_verdict_is_not_lost_to_a_handler() {
    let (table, log, _) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    assert!(table.call_out(number) && !table.interrupt(1));
    assert_eq!(table.outside(number), Some(false));
    assert!(held.release(&once(Outcome::Allow)));
    assert_eq!(table.outside(number), Some(true));
    assert!(!table.lose_unless_answered(number));
    assert!(table.knock(2, &call(7)).is_none());
    assert_eq!(log.read(), [(1, Err(libc::EINTR)), (2, Ok(0))]);
    assert_eq!(table.outside(number), None);
}

#[test]
fn one_who_was_not_called_out_after_all_is_held_as_before() {
    let (table, log, _) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    table.call_out(number);
    assert!(!table.has_left(number));
    assert!(table.interrupt(1), "this is a signal");
    assert!(!held.is_waiting());
    assert_eq!(log.read(), [(1, Err(libc::EINTR))]);
}

#[test]
fn racing_ends_give_one_answer() {
    let (table, log, _) = table();
    for unique in 0..500 {
        let held = table.knock(unique, &call(7)).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| table.interrupt(unique));
            scope.spawn(|| held.release(&once(Outcome::DENY)));
        });
    }
    let log = log.read();
    let uniques: HashSet<u64> = log.iter().map(|(unique, _)| *unique).collect();
    assert_eq!((log.len(), uniques.len()), (500, 500));
}

#[test]
fn racing_breaths_lose_no_call() {
    let (table, log, failures) = table();
    for round in 0..500 {
        let (first, second) = (2 * round, 2 * round + 1);
        let held = table.knock(first, &call(7)).unwrap();
        let number = the_one(&table);
        let released = std::thread::scope(|scope| {
            scope.spawn(|| {
                if table.call_out(number) && !table.interrupt(first) && table.has_left(number) {
                    assert!(table.knock(second, &call(7)).is_none());
                }
            });
            scope
                .spawn(|| held.release(&once(Outcome::Allow)))
                .join()
                .unwrap()
        });
        assert!(released && table.is_empty());
    }
    let allowed = log.read().iter().filter(|(_, told)| *told == Ok(0)).count();
    assert_eq!(allowed, 500);
    assert!(failures.report().is_empty());
}

#[test]
fn parking_waits_for_all_and_takes_in_the_new() {
    let (table, log, _) = table();
    let first = table.knock(1, &call(7)).unwrap();
    std::thread::scope(|scope| {
        let breath = scope.spawn(|| {
            let Round::Park(calls) = next(&table, Duration::from_secs(60)) else {
                panic!("nothing is to be parked");
            };
            for (number, _) in &calls {
                table.call_out(*number);
                table.interrupt(1);
                table.parked(*number);
            }
            calls.len()
        });
        assert!(table.park(Duration::from_secs(60)));
        assert_eq!(breath.join().unwrap(), 1);
    });
    // One more while the computer goes to sleep.
    let second = table.knock(2, &call(8)).unwrap();
    assert!(!table.park(Duration::ZERO));
    let Round::Park(calls) = next(&table, Duration::ZERO) else {
        panic!("the new one is not to be parked");
    };
    assert_eq!(calls.len(), 1);
    table.parked(calls[0].0);
    assert!(table.park(Duration::ZERO));
    table.unpark();
    assert!(matches!(next(&table, Duration::ZERO), Round::Unpark));
    assert!(table.knock(3, &call(7)).is_none());
    assert!(first.release(&once(Outcome::Allow)) && second.release(&once(Outcome::Allow)));
    let allowed = log.read().iter().filter(|(_, told)| *told == Ok(0)).count();
    assert_eq!(allowed, 2);
}

#[test]
fn a_call_of_replaced_programs_comes_back_as_another() {
    let (table, log, failures) = table();
    assert!(table.call_back(1, 7));
    let number = the_one_of(&table, NOBODY);
    assert!(table.call_out(number));
    assert!(!table.interrupt(1));
    let held = table.knock(2, &call(7)).unwrap();
    assert!(!table.lose(number) && table.len() == 1);
    assert!(held.release(&once(Outcome::Allow)));
    assert_eq!(log.read(), [(1, Err(libc::EINTR)), (2, Ok(0))]);
    // One that cannot be called out is denied.
    assert!(table.call_back(3, 8));
    assert!(!table.be_brief(the_one_of(&table, NOBODY)));
    assert_eq!(log.read()[2..], [(3, Ok(1))]);
    assert!(table.is_empty() && failures.report().is_empty());
}

#[test]
fn calls_that_are_left_to_the_next_broker_are_not_answered() {
    let (table, log, failures) = table();
    let released = table.knock(1, &call(7)).unwrap();
    let dropped = table.knock(2, &call(8)).unwrap();
    assert!(table.leave(), "all are in");
    assert!(!released.release(&once(Outcome::Allow)));
    drop(dropped);
    assert!(!table.interrupt(1) && !table.interrupt(2));
    assert!(table.knock(3, &call(9)).is_none());
    assert!(table.call_back(4, 10));
    assert!(log.read().is_empty() && failures.report().is_empty());
}

/// What was stopped too late has to be let go soon, though its call may have ended meanwhile, or the next
/// breath may be far.
#[test]
fn late_threads_are_seen_to_before_the_next_breath() {
    let (table, ..) = table();
    let far = Duration::from_secs(3600);
    let mut pace = Pace {
        pause: far,
        due: Instant::now() + far,
        look: Some(Duration::from_millis(1)),
    };
    assert!(matches!(table.next_round(USER, &mut pace), Round::Look));
    let held = table.knock(1, &call(7)).unwrap();
    assert!(matches!(table.next_round(USER, &mut pace), Round::Look));
    pace.due = Instant::now();
    assert!(matches!(table.next_round(USER, &mut pace), Round::Breathe(calls) if calls.len() == 1));
    drop(held);
}

/// However long none has been held.
#[test]
fn a_call_that_comes_after_a_while_breathes_a_while_after() {
    let (table, ..) = table();
    let pause = Duration::from_millis(200);
    let mut pace = Pace {
        pause,
        due: Instant::now(),
        look: None,
    };
    std::thread::scope(|scope| {
        let round = scope.spawn(|| {
            let round = table.next_round(USER, &mut pace);
            (matches!(round, Round::Breathe(_)), Instant::now())
        });
        std::thread::park_timeout(pause * 2);
        let came = Instant::now();
        let held = table.knock(1, &call(7)).unwrap();
        let (breathes, when) = round.join().unwrap();
        assert!(breathes && when.duration_since(came) >= pause);
        drop(held);
    });
}

#[test]
fn a_broker_that_ends_waits_for_who_is_out_for_a_breath() {
    let (table, log, _) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    assert!(table.call_out(number) && !table.interrupt(1));
    std::thread::scope(|scope| {
        let leaving = scope.spawn(|| table.leave());
        let begun = Instant::now();
        while !table.lock().leaving {
            assert!(begun.elapsed() < Duration::from_secs(30));
            std::thread::yield_now();
        }
        assert!(!table.call_out(number), "nobody is called out any more");
        assert!(table.knock(2, &call(7)).is_none());
        assert!(leaving.join().unwrap(), "it is back");
    });
    assert!(!table.lock().held[&number].is_out());
    drop(held);
    assert_eq!(log.read(), [(1, Err(libc::EINTR))]);
}

#[test]
fn a_broker_that_ends_knows_that_somebody_is_not_back() {
    let (table, ..) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    assert!(table.call_out(number) && !table.interrupt(1));
    let begun = Instant::now();
    assert!(!table.leave() && !table.leave());
    let time = begun.elapsed();
    let once = RETURN_BEFORE_LEAVING..RETURN_BEFORE_LEAVING * 2;
    assert!(once.contains(&time), "it waits once: {time:?}");
    drop(held);
}

#[test]
fn a_broker_that_ends_does_not_wait_for_who_has_ended() {
    let (table, ..) = table();
    let held = table.knock(1, &call(7)).unwrap();
    let number = the_one(&table);
    assert!(table.call_out(number) && !table.interrupt(1));
    std::thread::scope(|scope| {
        let leaving = scope.spawn(|| {
            let begun = Instant::now();
            (table.leave(), begun.elapsed())
        });
        while !table.lock().leaving {
            std::thread::yield_now();
        }
        assert!(table.lose(number));
        let (all_are_in, time) = leaving.join().unwrap();
        assert!(all_are_in && time < RETURN_BEFORE_LEAVING, "{time:?}");
    });
    drop(held);
}
