//! What is kept, in which order, and who makes room.

use std::net::Ipv4Addr;

use super::*;

const HOUR: u64 = 3_600_000_000;
const LIMITS: Limits = Limits {
    addresses: 256,
    names: 8,
    bytes: 1 << 20,
};

fn found(name: &str, addresses: &[IpAddr]) -> LookedUp {
    LookedUp {
        name: name.into(),
        aliases: vec![format!("cdn.{name}").into()],
        addresses: addresses.to_vec(),
        lifetime: Duration::from_secs(5),
    }
}

fn address(index: usize) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(index).unwrap()).into()
}

fn names(book: &mut Book, index: usize, now: u64) -> Vec<String> {
    let names = book.names(address(index), now).into_iter();
    names.map(|asked| asked.name.to_string()).collect()
}

/// What the names take, counted anew.
fn counted(book: &Book) -> usize {
    let answers = book.answers().into_iter();
    answers
        .map(|(asked, leads)| asked.bytes() + leads.len() * ENTRY)
        .sum()
}

#[test]
fn the_name_looked_up_last_is_the_first() {
    let mut book = Book::new(LIMITS);
    for (now, name) in (0..).zip(["a", "b", "a", "c", "a"]) {
        book.learn(&found(name, &[address(1)]), now);
    }
    assert_eq!(names(&mut book, 1, 9), ["a", "c", "b"]);
    assert_eq!(book.bytes(), counted(&book));
}

#[test]
fn the_last_is_told_by_the_time_not_by_who_comes_last() {
    let mut book = Book::new(LIMITS);
    for (now, name) in [(20, "b"), (30, "a"), (10, "c"), (25, "a"), (5, "b")] {
        book.learn(&found(name, &[address(1)]), now);
    }
    assert_eq!(names(&mut book, 1, 9), ["a", "b", "c"]);
    assert_eq!(book.used, 30);
    assert_eq!(book.bytes(), counted(&book));
}

#[test]
fn names_outlive_what_their_owner_says_but_not_by_much() {
    let mut book = Book::new(LIMITS);
    let mut long = found("long", &[address(1)]);
    long.lifetime = Duration::from_secs(u32::MAX.into());
    book.learn(&long, 0);
    book.learn(&found("short", &[address(1)]), 1);
    assert_eq!(names(&mut book, 1, HOUR)[0], "short");
    assert_eq!(names(&mut book, 1, HOUR + 1)[0], "long");
    assert!(names(&mut book, 1, 24 * HOUR).is_empty());
}

#[test]
fn many_other_names_of_an_address_do_not_push_out_one_that_was_known_before() {
    let mut book = Book::new(LIMITS);
    book.learn(&found("tracker", &[address(1)]), 1);
    for now in 2..100 {
        book.learn(&found(&format!("other{now}"), &[address(1)]), now);
    }
    let known = names(&mut book, 1, 200);
    assert_eq!(known.len(), LIMITS.names);
    assert!(known.contains(&"tracker".into()));
    assert_eq!(known[0], "other99", "the last is there as well");
    assert_eq!(book.bytes(), counted(&book));
}

#[test]
fn a_name_that_comes_late_outlasts_as_many_as_half_of_the_places() {
    let mut book = Book::new(LIMITS);
    for now in 0..50 {
        book.learn(&found(&format!("before{now}"), &[address(1)]), now);
    }
    book.learn(&found("tracker", &[address(1)]), 50);
    for now in 51..54 {
        book.learn(&found(&format!("after{now}"), &[address(1)]), now);
    }
    assert!(names(&mut book, 1, 60).contains(&"tracker".into()));
}

#[test]
fn many_other_addresses_do_not_push_out_one_that_was_known_before() {
    let mut book = Book::new(LIMITS);
    book.learn(&found("tracker", &[address(1)]), 1);
    for index in 2..50 * LIMITS.addresses {
        let now = u64::try_from(index).unwrap();
        book.learn(&found("other", &[address(index)]), now);
        assert!(book.addresses.len() <= LIMITS.addresses);
        assert_eq!(names(&mut book, index, now), ["other"], "the newest");
    }
    assert_eq!(names(&mut book, 1, 9), ["tracker"]);
    assert_eq!(book.bytes(), counted(&book));
}

#[test]
fn what_has_run_out_makes_room_before_anything_else() {
    let mut book = Book::new(LIMITS);
    for index in 0..LIMITS.addresses / 2 {
        book.learn(&found("old", &[address(index)]), 0);
    }
    for index in LIMITS.addresses / 2..=LIMITS.addresses {
        book.learn(&found("new", &[address(index)]), HOUR);
    }
    assert_eq!(book.addresses.len(), LIMITS.addresses / 2 + 1);
    assert_eq!(book.bytes(), counted(&book));
}

#[test]
fn long_names_take_no_more_bytes_than_there_are_for_them() {
    let mut book = Book::new(Limits {
        bytes: 20_000,
        ..LIMITS
    });
    for index in 0..1000_usize {
        let addresses: Vec<IpAddr> = (0..4).map(|it| address(4 * index + it)).collect();
        let mut found = found(&format!("{index}.{}", "x".repeat(200)), &addresses);
        found.aliases = vec!["y".repeat(250).into(); 16];
        book.learn(&found, u64::try_from(index).unwrap());
        assert!(book.bytes() <= 20_000);
        assert_eq!(book.bytes(), counted(&book));
    }
    assert_eq!(names(&mut book, 3999, 1000).len(), 1, "the newest");
}
