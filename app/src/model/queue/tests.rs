//! Tests of the queue of questions.

use super::*;

/// [`FLOOD`] as an id.
const MANY: u64 = 8;

fn prompt(id: u64, subject: &str) -> Prompt {
    Prompt {
        id,
        subject: subject.to_owned(),
        operation: "connect".to_owned(),
        scopes: vec!["host".to_owned()],
        attempts: 1,
        ..Prompt::default()
    }
}

/// A question about listening: those are each put alone.
fn alone(id: u64, subject: &str) -> Prompt {
    Prompt {
        operation: "listen".to_owned(),
        ..prompt(id, subject)
    }
}

fn gathered(queue: &mut Queue, subject: &str, now: Instant) -> Vec<u64> {
    let shown = queue.gather(subject, now);
    shown.into_iter().map(|prompt| prompt.id).collect()
}

#[test]
fn each_subject_shows_its_oldest_question() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for (id, subject) in [(7, "a"), (3, "b"), (5, "a"), (9, "a")] {
        queue.put(alone(id, subject), now);
    }
    assert_eq!(gathered(&mut queue, "a", now), [7]);
    assert_eq!(queue.waiting("a"), 2);
    assert_eq!(gathered(&mut queue, "b", now), [3]);
    assert_eq!(queue.waiting("b"), 0);
    assert_eq!(queue.remove(7).as_deref(), Some("a"));
    assert_eq!(gathered(&mut queue, "a", now), [5]);
    assert_eq!(queue.waiting("a"), 1);
    assert_eq!(queue.remove(7), None);
    assert_eq!(queue.subjects(), ["b", "a"]);
}

fn held(id: u64, subject: &str) -> Prompt {
    Prompt {
        held: 1,
        ..prompt(id, subject)
    }
}

fn others(queue: &Queue) -> Vec<&str> {
    let others = queue.others().into_iter();
    others.map(|prompt| prompt.subject.as_str()).collect()
}

#[test]
fn one_subject_after_the_other_has_its_turn() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    assert_eq!((queue.turn(), others(&queue)), (None, vec![]));
    let service = Prompt {
        unanswered: Some("deny".to_owned()),
        ..held(1, "service")
    };
    queue.put(service, now);
    for (id, subject) in [(2, "a"), (3, "b"), (4, "a"), (5, "c")] {
        queue.put(held(id, subject), now);
    }
    assert_eq!(queue.turn().as_deref(), Some("a"));
    assert_eq!(others(&queue), ["b", "c", "service"]);
    // It has another question.
    queue.answered(2);
    assert_eq!(queue.turn().as_deref(), Some("a"));
    queue.answered(4);
    assert_eq!(queue.turn().as_deref(), Some("b"));
    queue.put_off("b", now);
    assert_eq!(queue.turn().as_deref(), Some("c"));
    assert_eq!(others(&queue), ["service"]);
    queue.choose("b");
    assert_eq!(queue.turn().as_deref(), Some("b"));
    assert_eq!(others(&queue), ["c", "service"]);
    // What is no longer open cannot be chosen.
    queue.choose("a");
    assert_eq!(queue.turn().as_deref(), Some("b"));
    queue.clear();
    assert_eq!((queue.turn(), others(&queue)), (None, vec![]));
}

#[test]
fn nothing_is_taken_from_under_the_eyes_while_there_is_time() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    // Nobody waits for the first.
    queue.put(prompt(1, "a"), now);
    assert_eq!(queue.turn().as_deref(), Some("a"));
    queue.put(held(2, "b"), now);
    assert_eq!(queue.turn().as_deref(), Some("a"));
    queue.choose("b");
    assert_eq!(queue.turn().as_deref(), Some("b"));
    // Its time is over, and nobody waits for another.
    queue.put(prompt(2, "b"), now);
    assert_eq!(queue.turn().as_deref(), Some("b"));
    queue.put(held(1, "a"), now);
    assert_eq!(queue.turn().as_deref(), Some("b"), "that was then");
    queue.put(held(2, "b"), now);
    assert_eq!(queue.turn().as_deref(), Some("b"));
    queue.put(prompt(2, "b"), now);
    assert_eq!(queue.turn().as_deref(), Some("a"), "who waits is next");
    assert_eq!(others(&queue), ["b"]);
}

#[test]
fn what_comes_at_once_is_shown_together() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.put(prompt(1, "a"), now);
    assert_eq!(gathered(&mut queue, "a", now), [1]);
    queue.put(prompt(2, "a"), now);
    queue.put(alone(3, "a"), now);
    queue.put(prompt(4, "b"), now);
    assert_eq!(gathered(&mut queue, "a", now + GATHERING / 2), [1, 2]);
    assert_eq!(queue.waiting("a"), 1);
}

#[test]
fn what_comes_later_waits_until_the_first_is_answered() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.put(prompt(1, "a"), now);
    assert_eq!(gathered(&mut queue, "a", now), [1]);
    for id in 2..5 {
        queue.put(prompt(id, "a"), now);
    }
    let later = now + GATHERING;
    assert_eq!(gathered(&mut queue, "a", later), [1]);
    assert_eq!(queue.waiting("a"), 3);
    queue.remove(1);
    assert_eq!(gathered(&mut queue, "a", later), [2, 3, 4]);
    queue.remove(3);
    assert_eq!(gathered(&mut queue, "a", later), [2, 4]);
    assert_eq!(queue.waiting("a"), 0);
}

#[test]
fn a_flood_is_shown_together_whenever_it_comes() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.put(prompt(0, "a"), now);
    assert_eq!(gathered(&mut queue, "a", now), [0]);
    let later = now + GATHERING;
    for id in 1..MANY {
        queue.put(prompt(id, "a"), now);
        assert_eq!(gathered(&mut queue, "a", later), [0]);
    }
    queue.put(prompt(MANY, "a"), now);
    assert_eq!(gathered(&mut queue, "a", later).len(), FLOOD + 1);
    // What comes after that waits, however much it is.
    for id in 100..200 {
        queue.put(prompt(id, "a"), now);
        assert_eq!(gathered(&mut queue, "a", later).len(), FLOOD + 1);
    }
    assert_eq!(queue.waiting("a"), 100);
    for id in 0..=MANY {
        queue.remove(id);
    }
    assert_eq!(gathered(&mut queue, "a", later).len(), MOST);
}

#[test]
fn what_comes_back_is_shown_with_all_that_has_come_meanwhile() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.put(prompt(1, "a"), now);
    assert_eq!(gathered(&mut queue, "a", now), [1]);
    queue.put_off("a", now);
    queue.put(prompt(2, "a"), now);
    assert!(!queue.is_put_off("a"));
    assert_eq!(gathered(&mut queue, "a", now + 9 * GATHERING), [1, 2]);
}

#[test]
fn an_update_keeps_its_place() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.put(alone(1, "a"), now);
    queue.put(alone(2, "a"), now);
    let changed = Prompt {
        revision: 2,
        ..alone(1, "a")
    };
    queue.put(changed, now);
    let shown = queue.gather("a", now);
    let shown: Vec<_> = shown.iter().map(|it| (it.id, it.revision)).collect();
    assert_eq!(shown, [(1, 2)]);
    assert_eq!(queue.waiting("a"), 1);
}

#[test]
fn a_new_attempt_or_question_ends_putting_off() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.put(prompt(1, "a"), now);
    queue.put_off("a", now);
    let stopped = Prompt {
        held: 0,
        ..prompt(1, "a")
    };
    queue.put(stopped, now);
    assert!(
        queue.is_put_off("a"),
        "the same attempts again are no reason to come back"
    );
    let again = Prompt {
        attempts: 2,
        ..prompt(1, "a")
    };
    queue.put(again, now);
    assert!(!queue.is_put_off("a"));
    queue.put_off("a", now);
    queue.put(prompt(2, "b"), now);
    assert!(queue.is_put_off("a"), "another program is no reason either");
    queue.put(prompt(3, "a"), now);
    assert!(!queue.is_put_off("a"));
}

#[test]
fn putting_off_ends_with_the_last_question() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.put_off("a", now);
    assert!(!queue.is_put_off("a"), "there is nothing to put off");
    queue.put(prompt(1, "a"), now);
    queue.put_off("a", now);
    queue.remove(1);
    assert!(!queue.is_put_off("a"));
    queue.put(prompt(2, "a"), now);
    queue.put_off("a", now);
    queue.clear();
    assert!(queue.oldest("a").is_none() && !queue.is_put_off("a"));
}

#[test]
fn what_is_put_off_again_and_again_no_longer_comes_by_itself() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for id in 0..3 {
        queue.put(prompt(id, "a"), now);
        assert!(!queue.is_put_off("a"), "{id} times is not too often");
        queue.put_off("a", now);
    }
    queue.put(prompt(9, "a"), now);
    assert!(queue.is_put_off("a") && queue.is_quiet("a", now));
    queue.put(prompt(10, "b"), now);
    assert!(!queue.is_put_off("b"), "another program is asked about");

    // A day later, or when it was looked at.
    let later = now + REMEMBERED;
    assert!(!queue.is_quiet("a", later));
    queue.put(prompt(11, "a"), later);
    assert!(!queue.is_put_off("a"));
    queue.put_off("a", now);
    queue.bring_back("a");
    assert!(!queue.is_quiet("a", now));
}

#[test]
fn who_answers_is_asked_again() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for id in 0..3 {
        queue.put(prompt(id, "a"), now);
        queue.put_off("a", now);
    }
    queue.answered(1);
    assert!(!queue.is_quiet("a", now));
}

#[test]
fn a_new_broker_does_not_make_a_subject_loud() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for id in 0..3 {
        queue.put(prompt(id, "a"), now);
        queue.put_off("a", now);
    }
    queue.clear();
    queue.put(prompt(1, "a"), now);
    assert!(queue.is_put_off("a"));
}
