//! What the kernel has to offer: its version, its type information, the BPF security module, FUSE.

use std::{fs, os::unix::fs::FileTypeExt as _, path::Path};

use portreeve_i18n::{fill, gettext, gettext_f};

use super::{Finding, fix, read};

/// The first kernel that lets security programs read a file's attributes as the gate needs it.
const OLDEST: (u32, u32) = (6, 12);

/// Checks the kernel that `root` (`/`, save in tests) shows.
pub(super) fn check(root: &Path) -> Vec<Finding> {
    let release = read(root, "proc/sys/kernel/osrelease");
    vec![
        version(&release),
        type_information(root),
        security_modules(root, &release),
        fuse(root),
    ]
}

fn version(release: &str) -> Finding {
    let (major, minor) = OLDEST;
    let oldest = format!("{major}.{minor}");
    let values = [("release", release), ("oldest", &oldest)];
    let found = gettext_f(
        "the kernel is {release}, {oldest} or later is needed",
        &values,
    );
    match parse_version(release) {
        Some(version) if version >= OLDEST => Finding::good("kernel", found),
        Some(_) => Finding::bad(
            "kernel",
            found,
            gettext_f(
                "Install a kernel of version {oldest} or later from your distribution \
                 (on Debian: from its backports) and start it.",
                &values,
            ),
        ),
        None => Finding::unknown("kernel", gettext("the kernel's version cannot be read")),
    }
}

fn parse_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn type_information(root: &Path) -> Finding {
    if root.join("sys/kernel/btf/vmlinux").exists() {
        Finding::good("btf", gettext("the kernel describes its types (BTF)"))
    } else {
        Finding::bad(
            "btf",
            gettext("the kernel does not describe its types: /sys/kernel/btf/vmlinux is missing"),
            gettext(
                "Start a kernel that was built with CONFIG_DEBUG_INFO_BTF=y, as the distributions' \
                 own kernels are.",
            ),
        )
    }
}

fn security_modules(root: &Path, release: &str) -> Finding {
    let active = read(root, "sys/kernel/security/lsm");
    if active.is_empty() {
        return Finding::bad(
            "lsm",
            gettext("the active security modules cannot be read from /sys/kernel/security/lsm"),
            fix(
                &gettext("Run this, and doctor again:"),
                &["mount -t securityfs securityfs /sys/kernel/security"],
            ),
        );
    }
    let values = [("modules", active.as_str())];
    if active.split(',').any(|module| module == "bpf") {
        return Finding::good(
            "lsm",
            gettext_f(
                "BPF is among the active security modules ({modules})",
                &values,
            ),
        );
    }
    let config = read(root, &format!("boot/config-{release}"));
    if !config.is_empty() && !config.lines().any(|line| line == "CONFIG_BPF_LSM=y") {
        let found = gettext(
            "BPF is not among the active security modules ({modules}), and this kernel was built without it",
        );
        return Finding::bad(
            "lsm",
            fill(&found, &values),
            gettext(
                "Start a kernel that was built with CONFIG_BPF_LSM=y, as those of Debian, Ubuntu, \
                 Fedora and Arch Linux are.",
            ),
        );
    }
    let found = gettext("BPF is not among the active security modules ({modules})");
    let loader = Loader::of(&read(root, "etc/os-release"));
    Finding::bad(
        "lsm",
        fill(&found, &values),
        loader.fix(&lsm_parameter(&active)),
    )
}

/// The kernel's command line parameter that adds BPF to the `active` security modules.
fn lsm_parameter(active: &str) -> String {
    format!("lsm={active},bpf")
}

/// How the kernel's command line is changed, by family of distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loader {
    /// `/etc/default/grub` and `update-grub`, of Debian and Ubuntu.
    UpdateGrub,
    /// `grubby`, of Fedora and its relatives.
    Grubby,
    /// Anything else.
    Other,
}

impl Loader {
    fn of(os_release: &str) -> Self {
        let words = os_release
            .lines()
            .filter_map(|line| {
                line.strip_prefix("ID=")
                    .or_else(|| line.strip_prefix("ID_LIKE="))
            })
            .flat_map(|value| value.trim_matches(['"', '\'']).split_whitespace());
        for word in words {
            match word {
                "debian" | "ubuntu" => return Self::UpdateGrub,
                "fedora" | "rhel" | "centos" => return Self::Grubby,
                _ => {}
            }
        }
        Self::Other
    }

    fn fix(self, parameter: &str) -> String {
        match self {
            Self::UpdateGrub => {
                let add = fix(
                    &gettext(
                        "In /etc/default/grub, add this to the words in GRUB_CMDLINE_LINUX (in place of \
                         any lsm= there):",
                    ),
                    &[parameter],
                );
                let then = fix(
                    &gettext("Then run this, and restart the computer:"),
                    &["update-grub"],
                );
                format!("{add}\n{then}")
            }
            Self::Grubby => fix(
                &gettext("Run this, and restart the computer:"),
                &[&format!("grubby --update-kernel=ALL --args={parameter}")],
            ),
            Self::Other => fix(
                &gettext(
                    "Add this to the kernel's command line, in your boot loader's configuration (in \
                     place of any lsm= there), and restart the computer:",
                ),
                &[parameter],
            ),
        }
    }
}

fn fuse(root: &Path) -> Finding {
    let device = root.join("dev/fuse");
    if fs::metadata(device).is_ok_and(|meta| meta.file_type().is_char_device()) {
        Finding::good("fuse", gettext("FUSE is there (/dev/fuse)"))
    } else {
        Finding::bad(
            "fuse",
            gettext("FUSE is missing: there is no device /dev/fuse"),
            fix(
                &gettext(
                    "Run this, and doctor again; if it fails, start a kernel that was built with \
                     CONFIG_FUSE_FS:",
                ),
                &["modprobe fuse"],
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root directory that shows the given files.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn find(files: &[(&str, &str)], check: &str) -> Finding {
        let root = root(files);
        super::check(root.path())
            .into_iter()
            .find(|finding| finding.check == check)
            .unwrap()
    }

    fn lsm_fix(os_release: &str) -> String {
        find(
            &[
                (
                    "sys/kernel/security/lsm",
                    "lockdown,capability,yama,apparmor",
                ),
                ("etc/os-release", os_release),
            ],
            "lsm",
        )
        .fix
        .unwrap()
    }

    #[test]
    fn kernels_are_told_by_their_number() {
        let ok = |release: &str| find(&[("proc/sys/kernel/osrelease", release)], "kernel").ok;
        assert_eq!(ok("6.12.117+deb13-amd64\n"), Some(true));
        assert_eq!(ok("6.12-rc1"), Some(true));
        assert_eq!(ok("7.2.13"), Some(true));
        assert_eq!(ok("6.1.0-37-amd64"), Some(false));
        assert_eq!(ok("5.15.0"), Some(false));
        assert_eq!(ok("unknown"), None);
    }

    #[test]
    fn the_bpf_module_is_found_as_a_word() {
        let ok = |active: &str| find(&[("sys/kernel/security/lsm", active)], "lsm").ok;
        assert_eq!(ok("landlock,yama,bpf"), Some(true));
        assert_eq!(ok("bpf,ipe"), Some(true));
        assert_eq!(ok("landlock,bpfish"), Some(false));
        assert_eq!(ok(""), Some(false));
    }

    #[test]
    fn the_fix_keeps_the_modules_there_are() {
        let parameter = "lsm=lockdown,capability,yama,apparmor,bpf";
        assert!(lsm_fix("ID=debian").contains(parameter));
        assert!(lsm_fix("ID=debian").ends_with("update-grub"));
        assert!(lsm_fix("ID=linuxmint\nID_LIKE=\"ubuntu debian\"").ends_with("update-grub"));
        assert_eq!(
            lsm_fix("NAME=Fedora\nID=fedora"),
            format!(
                "Run this, and restart the computer:\n\
                 grubby --update-kernel=ALL --args={parameter}"
            )
        );
        assert!(lsm_fix("ID=arch").ends_with(parameter));
    }

    #[test]
    fn a_kernel_built_without_bpf_is_told() {
        let files = |config| {
            [
                ("proc/sys/kernel/osrelease", "6.12.1"),
                ("sys/kernel/security/lsm", "yama"),
                ("boot/config-6.12.1", config),
            ]
        };
        let without = find(&files("# CONFIG_BPF_LSM is not set\n"), "lsm");
        assert!(without.fix.unwrap().contains("CONFIG_BPF_LSM=y"));
        let with = find(&files("CONFIG_BPF_LSM=y\n"), "lsm");
        assert!(with.fix.unwrap().contains("lsm=yama,bpf"));
    }

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(find(&[], "btf").ok, Some(false));
        assert_eq!(
            find(&[("sys/kernel/btf/vmlinux", "")], "btf").ok,
            Some(true)
        );
        // An ordinary file is not the device.
        assert_eq!(find(&[("dev/fuse", "")], "fuse").ok, Some(false));
    }
}
