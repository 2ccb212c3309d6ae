//! What a machine needs to enforce. Each answer that is no comes with its fix.

use std::fs;

use super::Error;

/// The first kernel in which a BPF program may read extended attributes by the file of a task
/// (`bpf_get_task_exe_file`, `bpf_get_file_xattr` for LSM programs).
const OLDEST: (u32, u32) = (6, 12);

/// Checks all of it.
pub(super) fn check() -> Result<(), Error> {
    let missing = |text: String| Err(Error::Prerequisite(text));
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if version(&release).is_none_or(|found| found < OLDEST) {
        let (major, minor) = OLDEST;
        return missing(format!(
            "the kernel is {}; install Linux {major}.{minor} or newer",
            release.trim()
        ));
    }
    let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    if !modules.trim().split(',').any(|module| module == "bpf") {
        let list = modules.trim();
        let list = if list.is_empty() {
            "landlock,lockdown,yama,integrity,apparmor"
        } else {
            list
        };
        return missing(format!(
            "the BPF security module is not active; add `lsm={list},bpf` to the kernel command \
             line and restart"
        ));
    }
    if fs::metadata("/sys/kernel/btf/vmlinux").is_err() {
        return missing("the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)".to_owned());
    }
    if fs::metadata("/dev/fuse").is_err() {
        return missing("there is no /dev/fuse; load the fuse module (`modprobe fuse`)".to_owned());
    }
    Ok(())
}

/// The version in a kernel's release, such as `6.12.117+deb13-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.trim().splitn(3, ['.', '-', '+']);
    let mut next = || numbers.next()?.parse().ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_as_versions() {
        assert_eq!(version("6.12.117+deb13-cloud-amd64\n"), Some((6, 12)));
        assert_eq!(version("7.2-rc1"), Some((7, 2)));
        assert!(version("6.9.1") < Some(OLDEST));
        assert_eq!(version("unknown"), None);
    }
}
