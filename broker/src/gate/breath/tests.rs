//! Tests of breaths with real threads that are really stopped.

use std::{
    ffi::CString,
    fs::{self, OpenOptions},
    io::{BufRead, BufReader},
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    ptr,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use nix::{sys::ptrace, unistd::Pid};
use portreeve_abi::Request;
use rustix::{
    process::WaitOptions,
    thread::{CapabilitySet, capabilities, set_capabilities},
};
use tokio::sync::Notify;

use super::Breath;
use crate::{
    config::Config,
    failure::Failures,
    gate::{
        Presence,
        table::{Answer, Table},
    },
};

/// Waits for what must come about.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{what}: waited 30 s"
        );
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Nobody hears the answers.
struct Deaf;

impl Answer for Deaf {
    fn answer(&self, _unique: u64, _result: Result<&[u8], i32>) {}
}

const USER: u32 = 1000;

/// A table whose calls breathe.
fn breathing() -> Arc<Table> {
    let table = Table::new(
        Box::new(Deaf),
        Arc::new(Failures::default()),
        Config::default().unseen(),
    );
    Breath::start(
        Arc::clone(&table),
        Arc::new(Notify::new()),
        Presence::default(),
    )
    .unwrap();
    table
}

/// A call of a process's first thread, and a user's.
fn request(pid: i32, uid: u32) -> Request {
    let tid = pid.cast_unsigned();
    let mut request = Request {
        tid,
        ..Request::default()
    };
    request.key.process.tgid = tid;
    request.key.process.uid = uid;
    request
}

/// A process that cannot be stopped until somebody opens `pipe` for writing: it waits for a child of
/// `vfork()`, which waits for that.
fn unstoppable(pipe: &Path) -> i32 {
    let pipe = CString::new(pipe.as_os_str().as_bytes()).unwrap();
    let program = c"/bin/true";
    let mut actions = std::mem::MaybeUninit::uninit();
    let mut child = 0;
    // SAFETY: what is used between fork() and _exit() was made before; the pointers are good for as
    // long as the calls take.
    unsafe {
        let actions = actions.as_mut_ptr();
        assert_eq!(libc::posix_spawn_file_actions_init(actions), 0);
        let opened =
            libc::posix_spawn_file_actions_addopen(actions, 0, pipe.as_ptr(), libc::O_RDONLY, 0);
        assert_eq!(opened, 0);
        let pid = libc::fork();
        assert!(pid >= 0);
        if pid == 0 {
            let arguments = [program.as_ptr().cast_mut(), ptr::null_mut()];
            let spawned = libc::posix_spawn(
                &raw mut child,
                program.as_ptr(),
                actions,
                ptr::null(),
                arguments.as_ptr(),
                ptr::null(),
            );
            libc::_exit(spawned);
        }
        libc::posix_spawn_file_actions_destroy(actions);
        pid
    }
}

fn status(pid: i32, key: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.unwrap_or_default().trim().to_owned()
}

#[test]
fn a_thread_that_stops_too_late_is_let_go_though_its_call_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let pid = unstoppable(&pipe);
    until("it to wait", || status(pid, "State:").starts_with('D'));
    let table = breathing();
    let held = table.knock(1, &request(pid, USER)).unwrap();
    until("it to be traced", || {
        !matches!(status(pid, "TracerPid:").as_str(), "" | "0")
    });
    // Breath gives up on its stopping first, and then a signal takes its call away.
    let traced = Instant::now();
    until("it to be given up", || {
        traced.elapsed() > super::stopping::PATIENCE * 2
    });
    table.interrupt(1);
    drop(held);
    drop(OpenOptions::new().write(true).open(&pipe).unwrap());
    // Not by waiting for it: that it has stopped is for the one who traces it, a thread of this process.
    until("it to end", || status(pid, "State:").starts_with('Z'));
    let mut ended = 0;
    // SAFETY: `ended` is good for as long as the call takes.
    let waited = unsafe { libc::waitpid(pid, &raw mut ended, 0) };
    assert_eq!((waited, ended), (pid, 0));
}

#[test]
fn the_end_of_a_thread_that_was_killed_while_it_was_stopped_is_seen_by_its_parent() {
    let script = "sleep 1000 & echo $!; wait $!; echo $?";
    let mut shell = Command::new("sh")
        .args(["-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let pid: i32 = lines.next().unwrap().unwrap().parse().unwrap();
    let table = breathing();
    let held = table.knock(1, &request(pid, USER)).unwrap();
    assert!(table.park(Duration::from_secs(30)));
    assert!(status(pid, "State:").starts_with('t'), "it is stopped");
    // SAFETY: no pointers.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
    table.unpark();
    let (told, status) = mpsc::channel();
    std::thread::spawn(move || told.send(lines.next()));
    let status = status.recv_timeout(Duration::from_secs(30));
    // SAFETY: no pointers. Where nobody was told, the shell would wait for ever.
    unsafe { libc::kill(shell.id().cast_signed(), libc::SIGKILL) };
    shell.wait().unwrap();
    drop(held);
    let killed = 128 + libc::SIGKILL;
    assert_eq!(status.unwrap().unwrap().unwrap(), killed.to_string());
}

/// A process that executes a program once it is told to; says the number of its second thread first.
const EXECUTES: &str = "
import os, sys, threading
second = threading.Thread(target=threading.Event().wait)
second.start()
print(second.native_id, flush=True)
sys.stdin.readline()
os.execv('/bin/true', ['true'])
";

#[test]
fn a_process_that_is_being_executed_keeps_no_other_users_from_being_stopped() {
    let mut python = Command::new("python3")
        .args(["-c", EXECUTES])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(python.stdout.take().unwrap()).lines();
    let second: i32 = lines.next().unwrap().unwrap().parse().unwrap();
    // execve() waits for the end of all other threads, which is over when whoever traces them has seen it.
    ptrace::seize(Pid::from_raw(second), ptrace::Options::empty()).unwrap();
    drop(python.stdin.take());
    until("its second thread to end", || {
        status(second, "State:").starts_with('Z')
    });
    let sleep = || Command::new("sleep").arg("1000").spawn().unwrap();
    let (mut same, mut other) = (sleep(), sleep());
    let table = breathing();
    let knock = |unique, child: &Child, user| {
        let request = request(child.id().cast_signed(), user);
        table.knock(unique, &request).unwrap()
    };
    let waiting = knock(1, &python, USER);
    until("its call to be brief", || waiting.is_brief());
    let (beside, held) = (knock(2, &same, USER), knock(3, &other, USER + 1));
    until("that of another process too", || beside.is_brief());
    assert!(!table.park(Duration::ZERO));
    let is = |letter: char| status(other.id().cast_signed(), "State:").starts_with(letter);
    until("the other user's to be stopped", || is('t'));
    table.unpark();
    until("it to go on", || is('S'));
    assert!(!held.is_brief());
    rustix::process::waitpid(
        rustix::process::Pid::from_raw(second),
        WaitOptions::from_bits_retain(libc::__WALL.cast_unsigned()),
    )
    .unwrap();
    // Not by waiting for it: a child's stops are told to whoever waits.
    let executed = python.id().cast_signed();
    until("it to be executed, and to end", || {
        status(executed, "State:").starts_with('Z')
    });
    assert!(python.wait().unwrap().success());
    for child in [&mut same, &mut other] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    drop((waiting, beside, held));
}

#[test]
fn threads_that_were_parked_are_not_brief_when_they_wake() {
    let mut sleeping: Vec<Child> = (0..3)
        .map(|_| Command::new("sleep").arg("1000").spawn().unwrap())
        .collect();
    let table = breathing();
    let held: Vec<_> = sleeping
        .iter()
        .zip(1..)
        .map(|(child, unique)| {
            let request = request(child.id().cast_signed(), USER);
            table.knock(unique, &request).unwrap()
        })
        .collect();
    let all_are = |letter: char| {
        let state = |child: &Child| status(child.id().cast_signed(), "State:");
        sleeping.iter().all(|it| state(it).starts_with(letter))
    };
    for _ in 0..20 {
        assert!(table.park(Duration::from_secs(30)));
        assert!(all_are('t'), "they are stopped");
        table.unpark();
    }
    until("them to go on", || all_are('S'));
    assert!(held.iter().all(|it| !it.is_brief()));
    for child in &mut sleeping {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// The broker's unit gives it no `CAP_KILL`.
#[test]
fn a_thread_of_a_users_is_there_though_no_signal_may_be_sent_to_it() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let nobody = 65534;
    let mut child = Command::new("sleep")
        .arg("600")
        .uid(nobody)
        .spawn()
        .unwrap();
    let tid = child.id();
    let alive = std::thread::spawn(move || {
        let mut sets = capabilities(None).unwrap();
        sets.effective -= CapabilitySet::KILL;
        set_capabilities(None, sets).unwrap();
        let pid = rustix::process::Pid::from_raw(tid.cast_signed()).unwrap();
        let refused = rustix::process::test_kill_process(pid);
        (refused, super::breather::exists(tid))
    });
    let alive = alive.join().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(alive, (Err(rustix::io::Errno::PERM), true));
    assert!(!super::breather::exists(tid));
}
