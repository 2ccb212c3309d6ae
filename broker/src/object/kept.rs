//! What the next broker knows of names: what this one has learnt, unless it ends so suddenly that nothing
//! can be left. They hold as long as the probe does, which gives the runs their numbers.
//!
//! A line for each user, so that what cannot be read costs nobody else's.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    net::IpAddr,
    os::fd::{AsFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};

use super::{
    book::{Asked, Book, Times},
    lookups::{OF_USER, USERS},
    names::{Learnt, Names, SHARED},
};
use crate::keep::keep;

/// Under which name they are kept.
pub const NAMES: &str = "names";
/// Bytes of a line besides what is counted for its names.
const LINE: usize = 1024;
/// Bytes read at most: as much as there can be.
const LARGEST: usize = USERS * (OF_USER + LINE) + SHARED.bytes + LINE;

/// What a user's programs have looked up; of no user, what systemd-resolved has found.
#[derive(Serialize, Deserialize)]
struct Line {
    uid: Option<u32>,
    runs: Vec<Run>,
}

#[derive(Serialize, Deserialize)]
struct Run {
    number: u64,
    processes: Vec<u32>,
    used: u64,
    answers: Vec<(Asked, Vec<(IpAddr, Times)>)>,
}

impl Run {
    fn of(number: u64, processes: &[u32], book: &Book) -> Self {
        let answers = book.answers().into_iter();
        Self {
            number,
            processes: processes.to_vec(),
            used: book.used,
            answers: answers.map(|(it, leads)| (it.clone(), leads)).collect(),
        }
    }
}

/// Has them kept.
pub fn keep_names(names: &Mutex<Names>) {
    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
    names.take_in();
    match write(&names.learnt) {
        Ok(file) => keep(NAMES, file.as_fd()),
        Err(error) => tracing::warn!("cannot leave names to the next broker: {error}"),
    }
}

/// Takes over what was kept.
pub(super) fn restore(names: &mut Names, kept: OwnedFd) {
    if let Err(error) = read(&mut names.learnt, kept) {
        tracing::warn!("cannot take over names: {error}");
    }
}

fn write(learnt: &Learnt) -> io::Result<File> {
    let file = File::from(memfd_create(NAMES, MemfdFlags::CLOEXEC)?);
    let mut text = BufWriter::new(&file);
    let mut line = |uid, runs| {
        serde_json::to_writer(&mut text, &Line { uid, runs })?;
        text.write_all(b"\n")
    };
    line(None, vec![Run::of(0, &[], &learnt.shared)])?;
    for (uid, user) in learnt.lookups.users() {
        let runs = user.runs.iter();
        let runs = runs.map(|(number, run)| Run::of(*number, &run.processes, &run.book));
        line(Some(uid), runs.collect())?;
    }
    text.flush()?;
    drop(text);
    Ok(file)
}

fn read(learnt: &mut Learnt, kept: OwnedFd) -> io::Result<()> {
    let mut file = File::from(kept);
    file.seek(SeekFrom::Start(0))?;
    let largest = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    for line in BufReader::new(file.take(largest)).split(b'\n') {
        match serde_json::from_slice(&line?) {
            Ok(line) => take_over(learnt, line),
            Err(error) => tracing::warn!("cannot take over the names of a user: {error}"),
        }
    }
    Ok(())
}

fn take_over(learnt: &mut Learnt, line: Line) {
    let Learnt { lookups, shared } = learnt;
    for run in line.runs {
        let (used, answers) = (run.used, run.answers.into_iter());
        if let Some(uid) = line.uid {
            lookups.restore((uid, run.number), run.processes, used, answers);
        } else {
            for (asked, leads) in answers {
                shared.note(asked, leads.into_iter(), used);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portreeve_abi::Process;

    use super::{super::answer::LookedUp, *};
    use crate::clock::Now;

    fn found(name: &str) -> LookedUp {
        LookedUp {
            name: name.into(),
            aliases: vec!["cdn.example".into()],
            addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            lifetime: Duration::ZERO,
        }
    }

    fn host(names: &mut Names, uid: u32, run: u64, address: IpAddr) -> Option<Box<str>> {
        let process = Process {
            uid,
            ..Process::default()
        };
        names.of(process, run, address).0
    }

    #[test]
    fn the_next_one_knows_what_this_one_knew() {
        let mut names = Names::default();
        let now = Now::read().boottime;
        let lookups = &mut names.learnt.lookups;
        lookups.learn(1000, 7, &found("a.example"), now);
        names.learnt.shared.learn(&found("b.example"), now);
        let mut next = Names::default();
        restore(&mut next, write(&names.learnt).unwrap().into());
        for address in found("").addresses {
            let mut host = |run| host(&mut next, 1000, run, address);
            assert_eq!(host(7).as_deref(), Some("a.example"));
            assert_eq!(host(8).as_deref(), Some("b.example"));
        }
        let both = |learnt: &Learnt| {
            let user = learnt.lookups.users().next().unwrap().1;
            (learnt.shared.bytes(), user.runs[&7].book.bytes())
        };
        assert_eq!(both(&next.learnt), both(&names.learnt));
    }

    #[test]
    fn what_cannot_be_read_costs_nobody_elses_names() {
        let mut names = Names::default();
        let now = Now::read().boottime;
        for uid in [1000, 1001] {
            names.learnt.lookups.learn(uid, 7, &found("a.example"), now);
        }
        let mut kept = write(&names.learnt).unwrap();
        let mut text = String::new();
        kept.seek(SeekFrom::Start(0)).unwrap();
        kept.read_to_string(&mut text).unwrap();
        // The first line is of no user.
        let second = text.find('\n').unwrap() + 1;
        text.replace_range(second..=second, "x");
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let mut next = Names::default();
        restore(&mut next, file.into());
        let address = "192.0.2.1".parse().unwrap();
        let known = [1000, 1001].map(|uid| host(&mut next, uid, 7, address).is_some());
        assert_eq!(known.iter().filter(|known| **known).count(), 1);
    }

    #[test]
    fn as_much_as_can_be_known_is_left_and_taken_over() {
        let mut names = Names::default();
        let now = Now::read().boottime;
        let long = |index: u32| format!("{index:.>59}.{}example", "a.".repeat(90));
        for index in 0..8000_u32 {
            let addresses = (0..4).map(|it| u128::MAX - u128::from(4 * index + it));
            let found = LookedUp {
                name: long(index).replace("..", "xx").into(),
                aliases: vec!["cdn.example".into(); 2],
                addresses: addresses
                    .map(|bits| std::net::Ipv6Addr::from_bits(bits).into())
                    .collect(),
                lifetime: Duration::ZERO,
            };
            let (lookups, run) = (&mut names.learnt.lookups, u64::MAX - u64::from(index % 9));
            lookups.learn(u32::MAX, run, &found, now + u64::from(index));
            if index < 1000 {
                names.learnt.shared.learn(&found, now + u64::from(index));
            }
        }
        let (_, user) = names.learnt.lookups.users().next().unwrap();
        let bytes: usize = user.runs.values().map(|run| run.book.bytes()).sum();
        assert!(bytes > OF_USER / 2 && bytes <= OF_USER);
        let file = write(&names.learnt).unwrap();
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        let most = bytes + names.learnt.shared.bytes() + 2 * LINE;
        assert!(length <= most && most <= LARGEST, "{length}");
        let mut next = Names::default();
        restore(&mut next, file.into());
        let (_, restored) = next.learnt.lookups.users().next().unwrap();
        let restored = restored.runs.values().map(|run| run.book.bytes());
        assert_eq!(restored.sum::<usize>(), bytes);
        assert_eq!(next.learnt.shared.bytes(), names.learnt.shared.bytes());
    }
}
