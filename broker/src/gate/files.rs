//! The gate's file system: mounted nowhere, so that nobody comes across it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::{
    fs::{AtFlags, Mode, OFlags, StatxFlags},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags},
};

use super::{Connection, Error, wire};

/// The file system, and the one file in it once it is open.
pub(super) struct Files {
    root: OwnedFd,
}

impl Files {
    /// Makes the file system whose requests come out of `connection`. They have to be served before
    /// anything in it is looked at.
    ///
    /// With `allow_other`, because the kernel checks the *held* task's right to read the file; and
    /// from the initial user namespace, so that tasks of every user namespace have it.
    pub(super) fn mount(connection: &Connection) -> Result<Self, Error> {
        let error = |source: rustix::io::Errno| Error::Mount(source.into());
        let fs = rustix::mount::fsopen(c"fuse", FsOpenFlags::FSOPEN_CLOEXEC).map_err(error)?;
        let fd = connection.as_fd().as_raw_fd().to_string();
        let strings = [
            ("source", "portreeve-gate"),
            ("fd", &fd),
            ("rootmode", "40000"),
            ("user_id", "0"),
            ("group_id", "0"),
        ];
        for (key, value) in strings {
            rustix::mount::fsconfig_set_string(&fs, key, value).map_err(error)?;
        }
        rustix::mount::fsconfig_set_flag(&fs, "allow_other").map_err(error)?;
        rustix::mount::fsconfig_create(&fs).map_err(error)?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        rustix::mount::fsmount(&fs, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
            .map(|root| Self { root })
            .map_err(error)
    }

    /// Opens the one file. Blocks until the connection's server answers.
    pub(super) fn file(&self) -> Result<GateFile, Error> {
        let name = String::from_utf8_lossy(wire::FILE_NAME);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.root, name.as_ref(), flags, Mode::empty())
            .map(GateFile)
            .map_err(|source| Error::Mount(source.into()))
    }
}

/// The gatekeeper's executable on the gate. It keeps the file system.
pub struct GateFile(OwnedFd);

impl GateFile {
    /// Takes over the file of a broker that has ended.
    pub(super) fn adopt(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Device number of the file system as the kernel keeps it.
    pub fn device(&self) -> Result<u64, Error> {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        // FUSE shows programs the device number that it has in the kernel.
        rustix::fs::statx(&self.0, "", flags, StatxFlags::BASIC_STATS)
            .map(|stat| crate::subject::fileid(&stat).device)
            .map_err(|source| Error::Mount(source.into()))
    }
}

impl AsFd for GateFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
