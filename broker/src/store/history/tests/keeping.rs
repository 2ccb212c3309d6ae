//! The thread: it writes what comes, never has anybody wait, and leaves alone what it cannot use.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use rusqlite::Connection;

use super::{super::History, *};
use crate::failure::Failures;

fn keep(path: &Path) -> (History, Arc<Failures>) {
    let failures = Arc::new(Failures::default());
    let history = History::keep(path.to_owned(), WIDE, Arc::clone(&failures)).unwrap();
    (history, failures)
}

async fn rows(history: &History, uid: u32) -> Vec<portreeve_dbus::Activity> {
    let page = history.page(uid, everything(), 100).await;
    page.unwrap().rows
}

#[tokio::test]
async fn what_is_noted_is_there_for_whoever_asks() {
    let folder = folder();
    let (history, failures) = keep(&folder.path);
    for _ in 0..1_000 {
        history.note(deed(ALICE, "192.0.2.1"), ALLOWED);
    }
    history.note(deed(BOB, "192.0.2.1"), DENIED);
    let of_alice = rows(&history, ALICE).await;
    assert_eq!((of_alice.len(), of_alice[0].count), (1, 1_000));
    assert_eq!(rows(&history, BOB).await.len(), 1);
    assert_eq!(history.programs(ALICE).await.unwrap()[0].allowed, 1_000);
    assert_eq!(history.state(), "ok");
    assert_eq!(failures.report(), Vec::<String>::new());
    let mode = fs::metadata(&folder.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
}

#[tokio::test]
async fn it_is_written_without_anybody_asking() {
    let folder = folder();
    let (history, _) = keep(&folder.path);
    let (mut changes, _) = history.watch(ALICE).await.unwrap();
    history.note(deed(ALICE, "192.0.2.1"), ALLOWED);
    changes.changed().await.unwrap();
    // Whoever reads the file now, after a kill for example, finds it.
    let found: u32 = Connection::open(&folder.path)
        .unwrap()
        .query_row("SELECT count(*) FROM activity", [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, 1);
}

#[tokio::test]
async fn who_watches_is_told_of_his_own() {
    let folder = folder();
    let (history, _) = keep(&folder.path);
    let (mut changes, seen) = history.watch(ALICE).await.unwrap();
    let (mut of_bob, _) = history.watch(BOB).await.unwrap();
    history.note(deed(BOB, "192.0.2.1"), ALLOWED);
    of_bob.changed().await.unwrap();
    assert!(!changes.has_changed().unwrap());
    history.note(deed(ALICE, "192.0.2.1"), ALLOWED);
    changes.changed().await.unwrap();
    let news = history.page(ALICE, Query::After(seen), 10).await.unwrap();
    assert_eq!(news.rows.len(), 1);
    history.clear(ALICE).await.unwrap();
    assert_eq!(rows(&history, ALICE).await, []);
    changes.changed().await.unwrap();
    assert!(*changes.borrow() > news.rows[0].changed);
    assert!(!of_bob.has_changed().unwrap());
}

#[tokio::test]
async fn who_watches_is_told_at_most_once_a_second() {
    let folder = folder();
    let (history, _) = keep(&folder.path);
    let (mut changes, _) = history.watch(ALICE).await.unwrap();
    let (begun, mut told) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_millis(2_500) {
        history.note(deed(ALICE, "192.0.2.1"), ALLOWED);
        // It is written, since somebody asks, or cleared; and there is no end of it.
        history.settle().await.unwrap();
        if told % 2 == 1 {
            history.clear(ALICE).await.unwrap();
        }
        if changes.has_changed().unwrap() {
            changes.mark_unchanged();
            told += 1;
        }
    }
    assert!((1..=3).contains(&told), "{told} times");
    // Of the last one too.
    history.note(deed(ALICE, "192.0.2.2"), ALLOWED);
    let last = rows(&history, ALICE).await[0].changed;
    changes
        .wait_for(|changed| *changed >= last)
        .await
        .map(drop)
        .unwrap();
}

#[tokio::test]
async fn what_waits_is_written_when_all_are_gone() {
    let folder = folder();
    let (history, _) = keep(&folder.path);
    history.settle().await.unwrap();
    history.note(deed(ALICE, "192.0.2.1"), ALLOWED);
    drop(history);
    // The file is whole when its log is gone: the thread has closed it.
    let log = folder.path.with_file_name("history.db-wal");
    let end = Instant::now() + Duration::from_secs(20);
    while log.exists() {
        assert!(Instant::now() < end, "it is not closed");
        tokio::task::yield_now().await;
    }
    assert_eq!(ids(&open(&folder.path), ALICE, &everything()).len(), 1);
}

#[tokio::test]
async fn more_than_may_wait_is_lost_and_counted() {
    let folder = folder();
    let (history, failures) = keep(&folder.path);
    history.settle().await.unwrap();
    // Somebody else writes, so that the thread waits for the file.
    let other = Connection::open(&folder.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    for number in 0..20_000_u32 {
        let address = std::net::Ipv4Addr::from_bits(number).to_string();
        history.note(deed(ALICE, &address), ALLOWED);
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "nobody waits");
    other.execute_batch("ROLLBACK").unwrap();
    history.settle().await.unwrap();
    let report = failures.report().join(" ");
    let lost = report.strip_prefix("history-lost=").unwrap();
    let kept = ids(
        &Database::open(&folder.path, WIDE).unwrap(),
        ALICE,
        &everything(),
    )
    .len();
    assert_eq!(lost.parse::<usize>().unwrap() + kept, 20_000);
    assert!(kept >= 4_096, "{kept}");
    // It goes on.
    history.note(deed(BOB, "192.0.2.1"), ALLOWED);
    assert_eq!(rows(&history, BOB).await.len(), 1);
    assert_eq!(history.state(), "ok");
}

#[tokio::test]
async fn who_clears_much_gets_the_room_back() {
    let folder = folder();
    let mut database = open(&folder.path);
    let mut batch = Batch::default();
    for number in 0..60_000_u32 {
        let address = std::net::Ipv4Addr::from_bits(number).to_string();
        let (deed, told) = (deed(ALICE, &address), ALLOWED);
        batch.add(Key { deed, told }, crate::store::history::thread::now());
    }
    database.write(&batch.take()).unwrap();
    drop(database);
    let size = || fs::metadata(&folder.path).unwrap().len();
    assert!(size() > 6_000_000);
    let (history, _) = keep(&folder.path);
    history.clear(ALICE).await.unwrap();
    assert_eq!(rows(&history, ALICE).await, []);
    let end = Instant::now() + Duration::from_secs(20);
    while size() > 700_000 {
        assert!(Instant::now() < end, "{}", size());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn who_asks_and_goes_takes_nobodys_place() {
    let folder = folder();
    let (history, _) = keep(&folder.path);
    let other = Connection::open(&folder.path).unwrap();
    for _ in 0..2 {
        history.settle().await.unwrap();
        // Somebody else writes, so that the thread waits for the file, and they for the thread.
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        history.note(deed(ALICE, "192.0.2.1"), ALLOWED);
        for _ in 0..200 {
            assert!(history.settle().now_or_never().is_none());
        }
        other.execute_batch("ROLLBACK").unwrap();
    }
    history.settle().await.unwrap();
}

/// There is no history, the reason is said, and the file is as it was.
async fn is_left_alone(path: &Path, problem: &str) {
    let before = fs::read(path).unwrap();
    let (history, failures) = keep(path);
    let refused = history.page(ALICE, everything(), 10).await.unwrap_err();
    assert!(refused.to_string().contains(problem), "{refused}");
    assert!(history.state().contains(problem), "{}", history.state());
    history.note(deed(ALICE, "192.0.2.1"), ALLOWED);
    assert_eq!(failures.report(), ["history-lost=1"]);
    assert_eq!(fs::read(path).unwrap(), before);
}

#[tokio::test]
async fn a_newer_history_is_left_alone() {
    let folder = folder();
    drop(open(&folder.path));
    let connection = Connection::open(&folder.path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = DELETE; PRAGMA user_version = 99;")
        .unwrap();
    drop(connection);
    is_left_alone(&folder.path, "schema 99").await;
}

#[tokio::test]
async fn a_damaged_history_is_left_alone() {
    let folder = folder();
    let mut database = open(&folder.path);
    write(&mut database, deed(ALICE, "192.0.2.1"), ALLOWED, MORNING);
    drop(database);
    let mut bytes = fs::read(&folder.path).unwrap();
    bytes[4_096..8_192].fill(0xff);
    fs::write(&folder.path, bytes).unwrap();
    is_left_alone(&folder.path, "the database").await;
    fs::write(&folder.path, "dear diary").unwrap();
    is_left_alone(&folder.path, "the database").await;
}

#[tokio::test]
async fn none_is_kept_if_none_is_wanted() {
    let history = History::none();
    history.note(deed(ALICE, "192.0.2.1"), ALLOWED);
    assert_eq!(history.state(), "off");
    let refused = history.page(ALICE, everything(), 10).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        Error::NoHistory("off".into()).to_string()
    );
}
