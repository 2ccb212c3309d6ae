//! What a machine needs to enforce. Each answer that is no comes with its fix.

use std::fs;

use super::Error;

/// Checks all of it.
pub(super) fn check() -> Result<(), Error> {
    let missing = |text: String| Err(Error::Prerequisite(text));
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
