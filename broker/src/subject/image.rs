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
    fs::File,
    io::{self, Read},
    os::{fd::AsFd as _, unix::fs::OpenOptionsExt as _},
    path::Path,
};

use portreeve_abi::{Fileid, Mounter, request_flags};
use portreeve_policy::Program;
use rustix::fs::{FileType, OFlags, Statx, fstatfs};

use super::{
    file::kernel_fileid,
    fileid,
    process::{statx_of, statx_straight},
    script::OF_USERS,
};

/// `mountinfo` of who looks at files of the host.
const OWN_MOUNTS: &str = "/proc/self/mountinfo";

/// An AppImage that is mounted.
pub(super) struct Image {
    /// Its file.
    pub program: Program,
    /// Attributes of that.
    pub stat: Statx,
    /// Whether another process had control of what has mounted it.
    pub controlled: bool,
}

/// The AppImage that this user has mounted so; `None` if it was something else that has, or the file is where it was
/// no more.
pub(super) fn find(mounter: &Mounter, uid: u32) -> Option<Image> {
    let path = CStr::from_bytes_until_nul(&mounter.path).ok()?;
    let path = path.to_str().ok()?;
    let image = at(Path::new(path), mounter.executable, Path::new(OWN_MOUNTS))?;
    (mounter.uid == uid).then_some(Image {
        program: Program::at(path)?,
        stat: image,
        controlled: mounter.marks & request_flags::TRACED != 0,
    })
}

/// Attributes of the file at this path, if it is this one, and an AppImage.
fn at(path: &Path, executable: Fileid, mounts: &Path) -> Option<Statx> {
    let stat = statx_straight(path).ok()?;
    let is_file = FileType::from_raw_mode(u32::from(stat.stx_mode)) == FileType::RegularFile;
    if !is_file || kernel_fileid(&stat, mounts) != executable {
        return None;
    }
    // There may be something else by now, which it would not do to wait for.
    let mut options = File::options();
    let options = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = options.read(true).open(path).ok()?;
    let is_it = statx_of(file.as_fd()).is_ok_and(|other| fileid(&other) == fileid(&stat));
    let system = fstatfs(&file).ok()?;
    let is_read = is_it && system.f_type.cast_unsigned() != OF_USERS;
    (is_read && is_appimage(file).ok()?).then_some(stat)
}

/// Whether it begins as AppImages do: `AI` and their type where ELF has nothing to say (the specification of AppImage,
/// "image format").
fn is_appimage(mut file: impl Read) -> io::Result<bool> {
    let mut head = [0; 11];
    match file.read_exact(&mut head) {
        Ok(()) => Ok(head.starts_with(b"\x7fELF") && matches!(head, [.., b'A', b'I', 1 | 2])),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
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
        let is = |head: &[u8]| is_appimage(head).unwrap();
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
