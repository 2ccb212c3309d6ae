//! Mounting the gate's file system, and unmounting it when the broker ends.

use std::{
    ffi::CString,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::mount::{MountFlags, UnmountFlags};

use super::{Error, wire};

/// The mounted gate.
pub struct Mount {
    path: PathBuf,
}

impl Mount {
    /// Mounts the gate; the kernel's requests come out of `device`.
    ///
    /// `allow_other`, because the kernel checks the *held* task's right to read the file; and from
    /// the initial user namespace, so that tasks of every user namespace have it.
    pub(super) fn new(device: &OwnedFd, path: &Path) -> Result<Self, Error> {
        let error = |source: rustix::io::Errno| Error::Mount {
            path: path.display().to_string(),
            source: source.into(),
        };
        match rustix::fs::mkdir(path, rustix::fs::Mode::from(0o700)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(source) => return Err(error(source)),
        }
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0,allow_other",
            device.as_raw_fd()
        );
        let options = CString::new(options).map_err(|_nul| error(rustix::io::Errno::INVAL))?;
        rustix::mount::mount(
            c"portreeve-gate",
            path,
            c"fuse",
            MountFlags::NOSUID | MountFlags::NODEV,
            options.as_c_str(),
        )
        .map_err(error)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Path of the one file.
    pub fn file(&self) -> PathBuf {
        self.path
            .join(String::from_utf8_lossy(wire::FILE_NAME).as_ref())
    }

    /// Device number of the file system as the kernel keeps it. Blocks until the connection's
    /// server answers.
    pub fn device(&self) -> Result<u64, Error> {
        let stat = rustix::fs::stat(self.file()).map_err(|source| Error::Mount {
            path: self.path.display().to_string(),
            source: source.into(),
        })?;
        Ok(crate::subject::kernel_device(stat.st_dev))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(error) = rustix::mount::unmount(&self.path, UnmountFlags::DETACH) {
            tracing::warn!(%error, path = %self.path.display(), "cannot unmount the gate");
        }
    }
}
