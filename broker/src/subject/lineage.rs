//! Who has started a process, by who is alive: the processes it comes from, and systemd's unit.
//!
//! It is to be shown, and lets nothing happen: a user's processes can arrange to come from anywhere. What is denied to
//! whatever a program starts is denied by it to processes that are older than the probe, of which the kernel knows
//! no more.

use std::{fs, path::Path};

use portreeve_policy::Executable;

use super::{ProcessHandle, mapped};

/// How far back it is followed.
const LONGEST: usize = 5;
/// The same, for what is decided.
const FARTHEST: usize = 64;
/// Bytes read of a file of /proc at most.
const SIZE_MAX: usize = 4096;

/// Where a process comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lineage {
    /// Paths of the executables of its parent, of that one's, and so on, as the kernel gives them; without
    /// the first process. What one has run of the same executable one after another is said once.
    pub started_by: Vec<String>,
    /// Name of the unit that systemd has it in: `vte-spawn-….scope`, `backup.service`.
    pub unit: Option<String>,
    /// Paths of some of the files of others than root that a program of root's runs code from, as the kernel gives them.
    pub foreign_code: Vec<String>,
}

impl Lineage {
    /// That of a process, as it is now; whether foreign code is in it, the kernel has seen. What cannot be read is left
    /// out.
    pub fn of(process: &ProcessHandle, is_foreign: bool) -> Self {
        let mut started_by: Vec<String> = Vec::new();
        let own = path_of(process.pid());
        let mut pid = parent_of(process.pid());
        while let Some(parent) = pid.filter(|pid| *pid > 1)
            && let Some(path) = path_of(parent)
            && started_by.len() < LONGEST
        {
            let nearest = started_by.last().or(own.as_ref());
            if nearest != Some(&path) {
                started_by.push(path);
            }
            pid = parent_of(parent);
        }
        let groups = fs::read_to_string(process.proc_path("cgroup")).ok();
        Self {
            started_by,
            unit: groups.and_then(|text| unit_of(&text).map(str::to_owned)),
            foreign_code: if is_foreign {
                mapped::of_others(process)
            } else {
                Vec::new()
            },
        }
    }
}

/// What the processes run that it comes from, as far as they are alive.
pub(super) fn living(pid: u32) -> Vec<Executable> {
    let parents = std::iter::successors(parent_of(pid), |parent| parent_of(*parent));
    let parents = parents.take_while(|parent| *parent != 0).take(FARTHEST);
    let executable = |parent: u32| {
        let parent = ProcessHandle::open(parent).ok()?;
        let (stat, _path) = parent.executable().ok()?;
        let file = parent.kernel_fileid(&stat);
        Some(Executable {
            device: file.device,
            inode: file.inode,
            generation: None,
        })
    };
    let mut living: Vec<Executable> = Vec::new();
    for executable in parents.filter_map(executable) {
        if !living.contains(&executable) {
            living.push(executable);
        }
    }
    living
}

fn path_of(pid: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(
        path.to_str()
            .filter(|path| path.len() <= SIZE_MAX)?
            .to_owned(),
    )
}

/// Field 4 of `proc_pid_stat(5)`, behind the name, which may have anything in it.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind) = stat.rsplit_once(") ")?;
    behind.split(' ').nth(1)?.parse().ok()
}

/// The innermost unit in the line of the unified hierarchy, `cgroups(7)`.
fn unit_of(groups: &str) -> Option<&str> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut units = path.rsplit('/').filter(|name| {
        let kind = Path::new(name).extension().and_then(|kind| kind.to_str());
        matches!(kind, Some("service" | "scope"))
    });
    units.next().filter(|unit| unit.len() <= SIZE_MAX)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_unit_is_the_innermost_of_its_path() {
        let of = |path: &str| unit_of(&format!("0::{path}\n")).map(str::to_owned);
        let user = "/user.slice/user-1000.slice/user@1000.service";
        assert_eq!(
            of(&format!("{user}/app.slice/vte-spawn-7.scope")).as_deref(),
            Some("vte-spawn-7.scope")
        );
        assert_eq!(
            of(&format!("{user}/app.slice/a.service/inner/more")).as_deref(),
            Some("a.service")
        );
        assert_eq!(of("/"), None);
        assert_eq!(unit_of("12:cpu:/a.service\n"), None);
        assert_eq!(unit_of(""), None);
    }

    #[test]
    fn parents_are_followed_and_said_once() {
        // The shell is not replaced by what it starts, nor is the one within.
        let mut shell = Command::new("sh")
            .args(["-c", "sh -c 'cat; true'; true"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let children = |pid: u32| {
            let path = format!("/proc/{pid}/task/{pid}/children");
            let text = fs::read_to_string(path).unwrap_or_default();
            text.split_whitespace()
                .next()
                .and_then(|pid| pid.parse().ok())
        };
        let cat = loop {
            let cat = children(shell.id()).and_then(children);
            if let Some(cat) = cat
                && path_of(cat).is_some_and(|path| path.ends_with("/cat"))
            {
                break cat;
            }
            std::thread::yield_now();
        };
        let lineage = Lineage::of(&ProcessHandle::open(cat).unwrap(), false);
        let from = living(cat);
        drop(shell.stdin.take());
        shell.wait().unwrap();
        let own = path_of(std::process::id()).unwrap();
        let started_by = &lineage.started_by;
        assert_ne!(started_by[0], own, "a shell");
        assert_eq!(started_by[1], own, "the shells are one");
        let me = ProcessHandle::open(std::process::id()).unwrap();
        let (stat, _path) = me.executable().unwrap();
        let file = me.kernel_fileid(&stat);
        assert_ne!(from[0].inode, file.inode, "a shell");
        assert_eq!((from[1].device, from[1].inode), (file.device, file.inode));
    }
}
