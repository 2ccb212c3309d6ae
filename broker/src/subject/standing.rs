//! Executables whose calls never wait for an answer, because the prompt could not be shown
//! without them.
//!
//! Told by the file, never by a name that a process gives itself. They gain nothing else by it:
//! what no rule allows is refused at once, since whoever runs as the user can also run these
//! programs with code of his own inside (`LD_PRELOAD`).
//!
//! Of root, where system users are guarded, it is the other way round: what such a program wants is let go on at
//! once, unless a rule is against it, or wants it asked; other system users are asked about. And services that are needed for a prompt, or to give a password, are judged by
//! nothing: root's not even by the broker, which might not come up without them (`broker/src/decide/services.rs`).

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use portreeve_abi::{
    Fileid, Standing,
    request_flags::{AT_ONCE, NEEDED, QUIET, UNASKED},
};
use portreeve_dbus::AGENT_EXECUTABLE;

use super::{file::kernel_fileid, process::statx_at};

/// Need the network for nothing: the bus, display servers, the user's service manager, portals.
const QUIETLY_REFUSED: &[&str] = &[
    AGENT_EXECUTABLE,
    "/usr/bin/dbus-daemon",
    "/usr/bin/dbus-broker",
    "/usr/bin/dbus-broker-launch",
    "/usr/lib/systemd/systemd",
    "/usr/lib/systemd/systemd-executor",
    "/usr/bin/Xorg",
    "/usr/lib/xorg/Xorg",
    "/usr/libexec/Xorg",
    "/usr/bin/Xvfb",
    "/usr/bin/Xephyr",
    "/usr/bin/Xwayland",
    "/usr/libexec/at-spi-bus-launcher",
    "/usr/libexec/at-spi2-registryd",
    "/usr/libexec/xdg-desktop-portal",
    "/usr/libexec/xdg-desktop-portal-gnome",
    "/usr/libexec/xdg-desktop-portal-gtk",
    "/usr/libexec/xdg-desktop-portal-kde",
];

/// Draw the screen and may have business on the network too (weather, calendars): refused at
/// once, and the user is asked meanwhile.
const ASKED_ABOUT: &[&str] = &[
    "/usr/bin/gnome-shell",
    "/usr/bin/mutter",
    "/usr/bin/kwin_wayland",
    "/usr/bin/kwin_x11",
    "/usr/bin/plasmashell",
    "/usr/bin/sway",
    "/usr/bin/labwc",
    "/usr/bin/wayfire",
    "/usr/bin/weston",
    "/usr/bin/cosmic-comp",
    "/usr/bin/xfwm4",
    "/usr/bin/openbox",
    "/usr/bin/metacity",
    "/usr/bin/marco",
];

/// What the system needs to show a prompt, to find out who somebody is, to take a password, and to have a network at
/// all. Where people run them, they are programs like others.
const NEEDED_SERVICES: &[&str] = &[
    // Itself.
    "/usr/libexec/portreeved",
    // systemd: sessions, devices, the journal, names, the network, the time, users.
    "/usr/lib/systemd/systemd-hostnamed",
    "/usr/lib/systemd/systemd-journald",
    "/usr/lib/systemd/systemd-localed",
    "/usr/lib/systemd/systemd-logind",
    "/usr/lib/systemd/systemd-machined",
    "/usr/lib/systemd/systemd-networkd",
    "/usr/lib/systemd/systemd-networkd-wait-online",
    "/usr/lib/systemd/systemd-nsresourced",
    "/usr/lib/systemd/systemd-resolved",
    "/usr/lib/systemd/systemd-udevd",
    "/usr/bin/udevadm",
    "/usr/lib/systemd/systemd-user-runtime-dir",
    "/usr/lib/systemd/systemd-userdbd",
    "/usr/lib/systemd/systemd-userwork",
    "/usr/lib/systemd/systemd-homed",
    // Networks, and their addresses and names.
    "/usr/sbin/NetworkManager",
    "/usr/libexec/nm-dispatcher",
    "/usr/libexec/nm-dhcp-helper",
    "/usr/lib/NetworkManager/nm-dhcp-helper",
    "/usr/sbin/ModemManager",
    "/usr/sbin/wpa_supplicant",
    "/usr/libexec/iwd",
    "/usr/sbin/connmand",
    "/usr/sbin/dhclient",
    "/usr/sbin/dhcpcd",
    "/usr/sbin/dnsmasq",
    "/usr/sbin/unbound",
    // Who users are, and what they may do.
    "/usr/lib/polkit-1/polkitd",
    "/usr/lib/polkit-1/polkit-agent-helper-1",
    "/usr/libexec/polkitd",
    "/usr/libexec/accounts-daemon",
    "/usr/sbin/unix_chkpwd",
    "/usr/sbin/nscd",
    "/usr/sbin/nslcd",
    "/usr/sbin/winbindd",
    "/usr/sbin/sssd",
    "/usr/libexec/sssd/sssd_be",
    "/usr/libexec/sssd/sssd_nss",
    "/usr/libexec/sssd/sssd_pam",
    "/usr/libexec/sssd/krb5_child",
    "/usr/libexec/sssd/ldap_child",
    // Logging in before a screen.
    "/usr/bin/login",
    "/usr/sbin/agetty",
    "/usr/sbin/gdm3",
    "/usr/sbin/gdm",
    "/usr/libexec/gdm-session-worker",
    "/usr/libexec/gdm-x-session",
    "/usr/libexec/gdm-wayland-session",
    "/usr/bin/sddm",
    "/usr/libexec/sddm-helper",
    "/usr/lib/x86_64-linux-gnu/sddm/sddm-helper",
    "/usr/sbin/lightdm",
    "/usr/bin/greetd",
    "/usr/sbin/greetd",
    "/usr/lib/greetd/greetd",
    "/usr/bin/plymouth",
    "/usr/sbin/plymouthd",
];

/// By which an administrator comes from afar: nobody is asked about them, and what is said of calls that no rule is
/// about is not said of them. A rule can be against them.
const WAYS_IN: &[&str] = &[
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-session",
    "/usr/lib/openssh/sshd-auth",
    "/usr/libexec/openssh/sshd-session",
    "/usr/libexec/openssh/sshd-auth",
    "/usr/sbin/dropbear",
];

/// Those above that are needed too, if the system has its own.
const NEEDED_OF_THOSE: &[&str] = &[
    "/usr/bin/dbus-daemon",
    "/usr/bin/dbus-broker",
    "/usr/bin/dbus-broker-launch",
    "/usr/lib/systemd/systemd",
    "/usr/lib/systemd/systemd-executor",
    "/usr/bin/Xorg",
    "/usr/lib/xorg/Xorg",
    "/usr/libexec/Xorg",
    "/usr/bin/Xwayland",
    "/usr/bin/gnome-shell",
    "/usr/bin/mutter",
    "/usr/bin/kwin_wayland",
    "/usr/bin/weston",
    "/usr/bin/labwc",
    "/usr/bin/cosmic-comp",
];

/// Where they may be.
pub fn never_held_paths() -> impl Iterator<Item = PathBuf> {
    let all = [QUIETLY_REFUSED, ASKED_ABOUT, NEEDED_SERVICES, WAYS_IN];
    all.into_iter().flatten().map(PathBuf::from)
}

/// The executables that are there now, each with its standing; those of services, where these are guarded.
pub fn never_held(services: bool) -> Vec<(Fileid, Standing)> {
    let of_services: [(&[&str], u32); 3] = [
        (NEEDED_SERVICES, NEEDED),
        (NEEDED_OF_THOSE, NEEDED),
        (WAYS_IN, UNASKED),
    ];
    let kinds = [(QUIETLY_REFUSED, AT_ONCE | QUIET), (ASKED_ABOUT, AT_ONCE)];
    let kinds = kinds
        .into_iter()
        .chain(of_services.into_iter().filter(|_| services));
    let mut flags_of: BTreeMap<&str, u32> = BTreeMap::new();
    for (paths, flags) in kinds {
        for path in paths {
            *flags_of.entry(*path).or_default() |= flags;
        }
    }
    let mut found: HashMap<Fileid, Standing> = HashMap::new();
    for (path, flags) in flags_of {
        // Two paths may lead to one file.
        if let Some(file) = owned_by_root(Path::new(path)) {
            found.entry(file).or_default().flags |= flags;
        }
    }
    found.into_iter().collect()
}

/// The file, if root alone can have put it there.
fn owned_by_root(path: &Path) -> Option<Fileid> {
    let stat = statx_at(path).ok()?;
    let writable_by_others = stat.stx_mode & 0o022 != 0;
    (stat.stx_uid == 0 && !writable_by_others)
        .then(|| kernel_fileid(&stat, Path::new("/proc/self/mountinfo")))
}
