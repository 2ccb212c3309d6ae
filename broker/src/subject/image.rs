//! AppImages: a program that serves a file system out of its own file, and runs what is in it.
//!
//! The file is the program. Where the file system is mounted is another place each time, and only its user can look
//! into it: not even root can, so what runs there cannot be looked at. The kernel has noted which executable has
//! brought the file system; if that is an AppImage, whatever runs in there is taken for it.
//!
//! That says whose image it is, not what is served: whoever runs as the user can have an AppImage serve something
//! else (its runtime has a variable for it), as he can have any program of his own run code of his.

use std::{
    ffi::CStr,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use portreeve_abi::{Mounter, request_flags};
use portreeve_policy::Program;
use rustix::fs::{FileType, Statx, fstatfs};

use super::{
    contents::open,
    file::kernel_fileid,
    process::{open_straight, statx_of},
    script::OF_USERS,
};

/// `mountinfo` of who looks at files of the host.
const OWN_MOUNTS: &str = "/proc/self/mountinfo";
/// What an AppImage begins with: ELF, and its mark and type where that has nothing to say (the specification of
/// AppImage, "image format").
const ELF: &[u8] = b"\x7fELF";
const MARK: &[u8] = b"AI";
const TYPES: [u8; 2] = [1, 2];

/// An AppImage that is mounted.
pub(super) struct Image {
    /// Its file.
    pub program: Program,
    /// Attributes of that.
    pub stat: Statx,
    /// Whether another process had control of what has mounted it.
    pub controlled: bool,
    /// The file itself: there may be another at its path any time.
    file: OwnedFd,
}

impl Image {
    /// What leads to the file, and to no other.
    pub(super) fn link(&self) -> PathBuf {
        link(&self.file)
    }
}

fn link(file: &OwnedFd) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// The AppImage that this user has mounted so; `None` if it was something else that has, or the file is where it was
/// no more.
pub(super) fn find(mounter: &Mounter, uid: u32) -> Option<Image> {
    if mounter.uid != uid {
        return None;
    }
    let path = CStr::from_bytes_until_nul(&mounter.path).ok()?;
    let path = path.to_str().ok()?;
    let program = Program::at(path)?;
    let file = open_straight(Path::new(path)).ok()?;
    let stat = statx_of(file.as_fd()).ok()?;
    let kind = FileType::from_raw_mode(u32::from(stat.stx_mode));
    let executable = kernel_fileid(&stat, Path::new(OWN_MOUNTS));
    if kind != FileType::RegularFile || executable != mounter.executable {
        return None;
    }
    // What a user serves need not be the same for who reads it next.
    if fstatfs(&file).ok()?.f_type.cast_unsigned() == OF_USERS {
        return None;
    }
    let mut head = [0; 11];
    std::io::Read::read_exact(&mut open(&link(&file)).ok()?, &mut head).ok()?;
    is_head(&head).then_some(Image {
        program,
        stat,
        controlled: mounter.marks & request_flags::TRACED != 0,
        file,
    })
}

/// Whether a file that begins so is an AppImage.
pub(super) fn is_head(head: &[u8]) -> bool {
    let behind = head.get(8..).and_then(|rest| rest.strip_prefix(MARK));
    let kind = behind.and_then(|rest| rest.first());
    head.starts_with(ELF) && kind.is_some_and(|kind| TYPES.contains(kind))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use portreeve_abi::MOUNTER_PATH;

    use super::{super::process::statx_at, *};

    const HEAD: &[u8] = b"\x7fELF\x02\x01\x01\x00AI\x02\x00\x00\x00\x00\x00";

    fn mounter(path: &Path, file: &Path) -> Mounter {
        let stat = statx_at(file).unwrap();
        let mut mounter = Mounter {
            executable: kernel_fileid(&stat, Path::new(OWN_MOUNTS)),
            uid: 1000,
            marks: 0,
            path: [0; MOUNTER_PATH],
        };
        let path = path.as_os_str().as_encoded_bytes();
        mounter.path[..path.len()].copy_from_slice(path);
        mounter
    }

    #[test]
    fn a_head_is_an_appimages_or_not() {
        let is = is_head;
        assert!(is(HEAD));
        assert!(is(b"\x7fELF\x02\x01\x01\x00AI\x01"));
        for other in [
            b"".as_slice(),
            b"\x7fELF",
            b"\x7fELF\x02\x01\x01\x00AI",
            b"\x7fELF\x02\x01\x01\x00AI\x00",
            b"\x7fELF\x02\x01\x01\x00AI\x03",
            b"\x7fELF\x02\x01\x01\x00\x00\x00\x00",
            b"#!/bin/AI\x02\x02",
        ] {
            assert!(!is(other), "{other:?}");
        }
    }

    #[test]
    fn an_image_is_the_file_that_the_kernel_has_noted_where_it_has_noted_it() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().canonicalize().unwrap();
        let at = |name: &str| directory.join(name);
        let (image, other, plain, link) = (at("a.AppImage"), at("b.AppImage"), at("c"), at("d"));
        fs::write(&image, HEAD).unwrap();
        fs::write(&other, HEAD).unwrap();
        fs::write(&plain, "#!/bin/sh\n").unwrap();
        symlink(&image, &link).unwrap();

        let found = find(&mounter(&image, &image), 1000).unwrap();
        assert_eq!(Some(found.program), Program::at(image.to_str().unwrap()));
        assert!(!found.controlled);
        let traced = Mounter {
            marks: request_flags::TRACED,
            ..mounter(&image, &image)
        };
        assert!(find(&traced, 1000).unwrap().controlled);

        assert!(
            find(&mounter(&image, &image), 1001).is_none(),
            "of another user"
        );
        assert!(
            find(&mounter(&image, &other), 1000).is_none(),
            "another file"
        );
        assert!(find(&mounter(&plain, &plain), 1000).is_none(), "no image");
        assert!(find(&mounter(&link, &image), 1000).is_none(), "a link");
        assert!(
            find(&mounter(Path::new(""), &image), 1000).is_none(),
            "no path"
        );
        let gone = mounter(&image, &image);
        fs::remove_file(&image).unwrap();
        assert!(find(&gone, 1000).is_none(), "no file there");
    }
}
