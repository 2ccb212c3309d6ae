//! Which file it is: as programs are told, and as the kernel knows it.

use std::path::Path;

use portreeve_abi::Fileid;
use rustix::fs::Statx;

use super::mounts::mounts;

/// Device and inode of a file as `stat(2)` gives them, which tells files apart on every file system.
pub fn fileid(stat: &Statx) -> Fileid {
    Fileid {
        device: kernel_device(stat.stx_dev_major, stat.stx_dev_minor),
        inode: stat.stx_ino,
    }
}

/// Device and inode of a file as the probe sees them: the device is that of the super block.
///
/// btrfs and overlayfs make up devices for `stat(2)`, one for each subvolume or layer. The super
/// block's is what `mountinfo` shows for the mount that the file was found through; those in which
/// the file can have been found are in the file at `table`.
pub(super) fn kernel_fileid(stat: &Statx, table: &Path) -> Fileid {
    let shown = fileid(stat);
    // Devices that exist are never made up.
    if stat.stx_dev_major != 0 {
        return shown;
    }
    Fileid {
        device: device_of(stat.stx_mnt_id, table).unwrap_or(shown.device),
        ..shown
    }
}

/// The device of a mount of those in the file at `table`.
fn device_of(mount: u64, table: &Path) -> Option<u64> {
    let (major, minor) = mounts(table).find(|other| other.id == mount)?.device;
    Some(kernel_device(major, minor))
}

/// A device number in the kernel's own form (`MKDEV` of `include/linux/kdev_t.h`).
fn kernel_device(major: u32, minor: u32) -> u64 {
    u64::from(major) << 20 | u64::from(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_of_a_mount_is_found() {
        let table = "\
            22 1 0:21 / /proc rw shared:5 - proc proc rw\n\
            29 1 0:27 /@ / rw,relatime shared:1 - btrfs /dev/sda2 rw,subvol=/@\n\
            129 1 259:2 / /boot rw - ext4 /dev/nvme0n1p2 rw\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), table).unwrap();
        let table = file.path();
        assert_eq!(device_of(29, table), Some(27));
        assert_eq!(device_of(129, table), Some(259 << 20 | 2));
        assert_eq!(device_of(2, table), None);
    }
}
