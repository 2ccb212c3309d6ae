//! Which service of systemd's a process is in, by its control group: known only where root alone can have put it.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use super::ProcessHandle;

/// Where the unified hierarchy is.
const HIERARCHY: &str = "/sys/fs/cgroup";
/// Where system services are; what users' managers and containers have is beside it.
const SYSTEM: &str = "system.slice";
/// Longest name of a unit, `unit_name_is_valid()` of systemd.
const LONGEST: usize = 255;

/// The service that a process is in.
///
/// A process is where it was born or put. Who may put one into a group can write to its `cgroup.procs`, so none of
/// those on the way may be others' than root's: `Delegate=` gives them to the service's user.
pub(super) fn service_of(process: &ProcessHandle) -> Option<Box<str>> {
    let groups = fs::read_to_string(process.proc_path("cgroup")).ok()?;
    let (name, group) = service_in(&groups)?;
    let own = Path::new(HIERARCHY).join(group);
    let is_of_root = |path: &Path| {
        fs::symlink_metadata(path).is_ok_and(|stat| stat.uid() == 0 && stat.mode() & 0o022 == 0)
    };
    let all = own.ancestors().take_while(|it| *it != Path::new(HIERARCHY));
    let mut all = all.map(|group| is_of_root(group) && is_of_root(&group.join("cgroup.procs")));
    all.all(|is_so| is_so).then(|| name.into())
}

/// The outermost service in the line of the unified hierarchy, `cgroups(7)`, and the group.
fn service_in(groups: &str) -> Option<(&str, &str)> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mut parts = path.split('/');
    if parts.next() != Some(SYSTEM) || path.split('/').any(|part| part == "..") {
        return None;
    }
    let name = parts.find(|part| part.strip_suffix(".slice").is_none())?;
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    let is_one = name.strip_suffix(".service").is_some() && name.len() <= LONGEST;
    (is_one && name.bytes().all(is_sound)).then_some((name, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_one_of_the_system_by_its_outermost_unit() {
        let name =
            |path: &str| service_in(&format!("0::{path}\n")).map(|(name, _)| name.to_owned());
        assert_eq!(
            name("/system.slice/nginx.service").as_deref(),
            Some("nginx.service")
        );
        assert_eq!(
            name("/system.slice/system-getty.slice/getty@tty1.service/inner/b.service").as_deref(),
            Some("getty@tty1.service")
        );
        for other in [
            "/",
            "/init.scope",
            "/system.slice",
            "/system.slice/docker-1.scope/a.service",
            "/system.slice/a b.service",
            "/system.slice/../user.slice/a.service",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/a.service",
            "/machine.slice/a.service",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
        assert_eq!(service_in("12:cpu:/system.slice/a.service\n"), None);
    }
}
