# Makes the Debian tree $1 the lab machine's base system.
set -e

echo lab > "$1/etc/hostname"
chroot "$1" useradd --create-home --uid 1000 --groups sudo --shell /bin/bash alice
chroot "$1" useradd --create-home --uid 1001 --shell /bin/bash bob
chroot "$1" passwd --delete alice
chroot "$1" passwd --delete bob
mkdir -p "$1/out" "$1/lab"

# A machine id, so that the first boot is like any other.
chroot "$1" systemd-machine-id-setup

# Nothing that a machine of a few minutes can do without: emulation makes every start slow.
chroot "$1" systemctl set-default multi-user.target
chroot "$1" systemctl mask \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer getty@.service getty.target systemd-tmpfiles-clean.timer \
    dev-hugepages.mount dev-mqueue.mount kmod-static-nodes.service ldconfig.service \
    modprobe@configfs.service modprobe@drm.service modprobe@fuse.service \
    proc-sys-fs-binfmt_misc.automount sys-kernel-config.mount systemd-binfmt.service \
    systemd-firstboot.service systemd-hwdb-update.service systemd-journal-catalog-update.service \
    systemd-journal-flush.service systemd-modules-load.service systemd-pstore.service \
    systemd-random-seed.service systemd-remount-fs.service systemd-udev-load-credentials.service \
    systemd-udev-trigger.service systemd-update-done.service systemd-update-utmp.service \
    systemd-update-utmp-runlevel.service
# What a test may start.
chroot "$1" systemctl disable \
    NetworkManager.service NetworkManager-dispatcher.service NetworkManager-wait-online.service
mkdir -p "$1/etc/systemd/system-generators" "$1/etc/systemd/journald.conf.d"
for generator in fstab getty gpt-auto hibernate-resume rc-local run ssh system-update sysv tpm2; do
    ln -s /dev/null "$1/etc/systemd/system-generators/systemd-$generator-generator"
done
printf '[Journal]\nStorage=volatile\nForwardToSyslog=no\n' > "$1/etc/systemd/journald.conf.d/lab.conf"

# The icon cache and the like are there; the lists of packages only take room.
rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*
