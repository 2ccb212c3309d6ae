//! Mounts as `mountinfo` of a process has them: what is mounted, and where.

use std::{
    cmp::Reverse,
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// Bytes that are read of a table: a user may have 100,000 mounts (`fs.mount-max`), and what is behind so many is
/// not worth the time.
const TABLE_MAX: u64 = 4 << 20;

/// One line of it, `proc_pid_mountinfo(5)`.
#[derive(Debug, PartialEq)]
pub(super) struct Mount {
    /// Its id, as `statx(2)` gives it.
    pub id: u64,
    /// Major and minor number of the super block's device.
    pub device: (u32, u32),
    /// What is mounted, as a path in its file system.
    root: PathBuf,
    /// Where.
    point: PathBuf,
}

/// The mounts in this file, one after another, because users can have very many. A line that makes no sense is
/// left out; if there is no such file, there are none.
pub(super) fn mounts(path: &Path) -> impl Iterator<Item = Mount> + use<> {
    let file = File::open(path).ok();
    file.into_iter()
        .flat_map(|file| of_table(BufReader::new(file)))
}

fn of_table(table: impl BufRead) -> impl Iterator<Item = Mount> {
    let lines = table.take(TABLE_MAX).split(b'\n').map_while(Result::ok);
    lines.filter_map(|line| mount(&line))
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut field = || fields.next();
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u64>().ok();
    let id = number(field()?)?;
    field()?;
    let (major, minor) = std::str::from_utf8(field()?).ok()?.split_once(':')?;
    Some(Mount {
        id,
        device: (major.parse().ok()?, minor.parse().ok()?),
        root: unescaped(field()?)?,
        point: unescaped(field()?)?,
    })
}

/// A path of which some bytes may be written as three octal digits after a `\`.
fn unescaped(field: &[u8]) -> Option<PathBuf> {
    let mut parts = field.split(|byte| *byte == b'\\');
    let mut path = parts.next()?.to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(3)?;
        let digits = std::str::from_utf8(digits).ok()?;
        path.push(u8::from_str_radix(digits, 8).ok()?);
        path.extend(rest);
    }
    Some(OsString::from_vec(path).into())
}

/// Where else the file can be that is at `path`, on the mount `id` of those in the file `own`: below those in the
/// file `others` that are of the same file system, and of a part of it that the file is in. Whether it is the
/// same is to be seen there: another mount can hide it. First where the least of the file system is mounted, then in
/// the order of the names, so that a file is called the same whatever was mounted first.
pub(super) fn elsewhere(path: &Path, id: u64, own: &Path, others: &Path) -> Vec<PathBuf> {
    let Some(mount) = mounts(own).find(|mount| mount.id == id) else {
        return Vec::new();
    };
    let Ok(rest) = path.strip_prefix(&mount.point) else {
        return Vec::new();
    };
    let inner = below(&mount.root, rest);
    let others = mounts(others)
        .filter(|other| other.device == mount.device && inner.starts_with(&other.root));
    let mut others: Vec<Mount> = others.collect();
    // Each root is a part of the one path.
    others.sort_by_key(|other| (Reverse(other.root.as_os_str().len()), other.point.clone()));
    let places = others.iter().filter_map(|other| {
        let rest = inner.strip_prefix(&other.root).ok()?;
        Some(below(&other.point, rest))
    });
    places.collect()
}

/// A path below another; that itself, if it is empty.
fn below(path: &Path, rest: &Path) -> PathBuf {
    path.iter().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "\
        22 1 0:21 / /proc rw shared:5 - proc proc rw\n\
        29 1 0:27 /@ / rw,relatime shared:1 - btrfs /dev/sda2 rw,subvol=/@\n\
        30 29 0:27 /@data /srv/more\\040data rw - btrfs /dev/sda2 rw\n\
        129 1 259:2 / /boot rw - ext4 /dev/nvme0n1p2 rw\n\
        140 29 7:3 / /snap/example_b/4 ro,nodev - squashfs /dev/loop3 ro\n";

    #[test]
    fn lines_are_read() {
        let of = |line: &str| mount(line.as_bytes());
        let plain = Mount {
            id: 30,
            device: (0, 27),
            root: "/@da ta".into(),
            point: "/a\\b".into(),
        };
        assert_eq!(
            of("30 29 0:27 /@da\\040ta /a\\134b rw - btrfs"),
            Some(plain)
        );
        for line in [
            "",
            "30",
            "30 29 0:27 /@data",
            "x 29 0:27 /@data /srv",
            "30 29 027 /@data /srv",
            "30 29 0:x /@data /srv",
            "30 29 0:27 /@data /sr\\04",
            "30 29 0:27 /@data /sr\\0x0v",
            "30 29 0:27 /@data /sr\\777v",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
        assert_eq!(of_table(HOST.as_bytes()).count(), 5);
    }

    #[test]
    fn a_file_is_found_where_its_file_system_is_mounted_too() {
        let dir = tempfile::tempdir().unwrap();
        let (own, host) = (dir.path().join("own"), dir.path().join("host"));
        std::fs::write(&host, HOST).unwrap();
        std::fs::write(
            &own,
            "500 1 0:27 /@/var/app/files /app ro - btrfs /dev/sda2 rw\n\
             501 1 0:27 /@/var/one /one ro - btrfs /dev/sda2 rw\n\
             502 1 7:3 / /snap/example/4 ro - squashfs /dev/loop3 ro\n\
             503 1 0:99 / /tmp rw - tmpfs tmpfs rw\n\
             504 1 0:27 / /whole rw - btrfs /dev/sda2 rw\n",
        )
        .unwrap();
        let of = |id, path: &str| elsewhere(Path::new(path), id, &own, &host);
        let at = |path: &str| vec![PathBuf::from(path)];
        assert_eq!(of(500, "/app/bin/x"), at("/var/app/files/bin/x"));
        assert_eq!(of(501, "/one")[0].as_os_str(), "/var/one", "a file");
        assert_eq!(
            of(502, "/snap/example/4/bin/x"),
            at("/snap/example_b/4/bin/x")
        );
        assert_eq!(of(504, "/whole/@data/x"), at("/srv/more data/x"));
        for (id, path) in [
            (500, "/application/x"),
            (500, "/"),
            (503, "/tmp/x"),
            (504, "/whole/@other/x"),
            (505, "/app/bin/x"),
        ] {
            assert_eq!(of(id, path), Vec::<PathBuf>::new(), "{id} {path}");
        }
    }

    #[test]
    fn the_place_in_the_smallest_mount_is_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let (own, host) = (dir.path().join("own"), dir.path().join("host"));
        std::fs::write(&own, "500 1 0:27 /@home/a /app ro - btrfs /dev/sda2 rw\n").unwrap();
        let mut lines = [
            "28 1 0:27 / /mnt/whole rw - btrfs /dev/sda2 rw\n",
            "29 1 0:27 /@ / rw - btrfs /dev/sda2 rw\n",
            "30 29 0:27 /@home /media/home rw - btrfs /dev/sda2 rw\n",
            "31 29 0:27 /@home /home rw - btrfs /dev/sda2 rw\n",
        ];
        for _ in 0..2 {
            std::fs::write(&host, lines.concat()).unwrap();
            let places = elsewhere(Path::new("/app/x"), 500, &own, &host);
            let expected = ["/home/a/x", "/media/home/a/x", "/mnt/whole/@home/a/x"];
            assert_eq!(places, expected.map(PathBuf::from));
            lines.reverse();
        }
    }
}
