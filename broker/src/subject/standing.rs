//! Executables whose calls never wait for an answer, because the prompt could not be shown
//! without them.
//!
//! Told by the file, never by a name that a process gives itself. They gain nothing else by it:
//! what no rule allows is refused at once, since whoever runs as the user can also run these
//! programs with code of his own inside (`LD_PRELOAD`).

use std::path::{Path, PathBuf};

use portreeve_abi::{
    Fileid, Standing,
    request_flags::{AT_ONCE, QUIET},
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

/// Where they may be.
pub fn never_held_paths() -> impl Iterator<Item = PathBuf> {
    QUIETLY_REFUSED.iter().chain(ASKED_ABOUT).map(PathBuf::from)
}

/// The executables that are there now, each with its standing.
pub fn never_held() -> Vec<(Fileid, Standing)> {
    let kinds = [(QUIETLY_REFUSED, AT_ONCE | QUIET), (ASKED_ABOUT, AT_ONCE)];
    kinds
        .into_iter()
        .flat_map(|(paths, flags)| paths.iter().map(move |path| (Path::new(path), flags)))
        .filter_map(|(path, flags)| Some((owned_by_root(path)?, Standing { flags })))
        .collect()
}

/// The file, if root alone can have put it there.
fn owned_by_root(path: &Path) -> Option<Fileid> {
    let stat = statx_at(path).ok()?;
    let writable_by_others = stat.stx_mode & 0o022 != 0;
    (stat.stx_uid == 0 && !writable_by_others)
        .then(|| kernel_fileid(&stat, Path::new("/proc/self/mountinfo")))
}
