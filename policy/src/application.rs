//! Applications of packaging systems: what they are called whatever version of them is installed.

use std::fmt;

/// Which packaging system an application is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packaging {
    /// Flatpak.
    Flatpak,
    /// Snap.
    Snap,
}

impl Packaging {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Flatpak, Self::Snap];

    /// The word that keys begin with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flatpak => "flatpak",
            Self::Snap => "snap",
        }
    }
}

impl fmt::Display for Packaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An application as its packaging system names it: all executables in any version of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Application {
    packaging: Packaging,
    key: Box<str>,
}

/// Longest id of a Flatpak, bytes (`flatpak_is_valid_name` of Flatpak).
const FLATPAK_MAX: usize = 255;
/// Shortest and longest name of a snap, and longest key of an instance, bytes (`snap/naming` of snapd).
const SNAP_MIN: usize = 2;
const SNAP_MAX: usize = 40;
const INSTANCE_MAX: usize = 10;

impl Application {
    /// The application with this id, if one can have it.
    pub fn new(packaging: Packaging, id: &str) -> Option<Self> {
        let is_one = match packaging {
            Packaging::Flatpak => is_flatpak(id),
            Packaging::Snap => is_snap(id),
        };
        is_one.then(|| Self {
            packaging,
            key: format!("{packaging}:{id}").into(),
        })
    }

    /// The one with this key, as in `flatpak:org.mozilla.firefox` or `snap:firefox`.
    pub fn of_key(key: &str) -> Option<Self> {
        let (word, id) = key.split_once(':')?;
        let packaging = Packaging::ALL
            .into_iter()
            .find(|packaging| packaging.as_str() == word)?;
        Self::new(packaging, id)
    }

    /// Which packaging system it is of.
    pub const fn packaging(&self) -> Packaging {
        self.packaging
    }

    /// What names it, and tells it from any path.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its id there: `org.mozilla.firefox`; of a snap its name, with the key of the instance, if there are
    /// several: `firefox`, `firefox_work`.
    pub fn id(&self) -> &str {
        self.key.split_once(':').map_or("", |(_, id)| id)
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

/// Whether a Flatpak can have this id: three or more parts between dots, of letters, digits and `_`, none of
/// which begins with a digit; in the last one there can be a `-` anywhere.
fn is_flatpak(id: &str) -> bool {
    let parts: Vec<&str> = id.split('.').collect();
    let is_part = |(number, part): (usize, &&str)| {
        let is_last = number + 1 == parts.len();
        let can_begin =
            |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || is_last && byte == b'-';
        part.bytes().next().is_some_and(can_begin)
            && part
                .bytes()
                .all(|byte| can_begin(byte) || byte.is_ascii_digit())
    };
    id.len() <= FLATPAK_MAX && parts.len() >= 3 && parts.iter().enumerate().all(is_part)
}

/// Whether a snap, or an instance of one, can have this name.
fn is_snap(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (name, instance) = match id.split_once('_') {
        Some((name, instance)) => (name, Some(instance)),
        None => (id, None),
    };
    let is_instance = |key: &str| (1..=INSTANCE_MAX).contains(&key.len()) && key.bytes().all(plain);
    (SNAP_MIN..=SNAP_MAX).contains(&name.len())
        && name
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(plain))
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && instance.is_none_or(is_instance)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_name_applications() {
        for (key, packaging, id) in [
            (
                "flatpak:org.mozilla.firefox",
                Packaging::Flatpak,
                "org.mozilla.firefox",
            ),
            ("flatpak:_.b_2.-C-3", Packaging::Flatpak, "_.b_2.-C-3"),
            ("snap:firefox", Packaging::Snap, "firefox"),
            ("snap:7-zip-b_work1", Packaging::Snap, "7-zip-b_work1"),
            ("snap:a0", Packaging::Snap, "a0"),
        ] {
            let application = Application::of_key(key).expect(key);
            assert_eq!(application.packaging(), packaging);
            assert_eq!((application.id(), application.key()), (id, key));
        }
    }

    #[test]
    fn what_no_application_can_be_called_is_no_key() {
        let long = |start: &str, length| format!("{start}{}", "x".repeat(length));
        for key in [
            "",
            "flatpak",
            "flatpak:",
            "snap:",
            ":",
            "Flatpak:a.b.c",
            "rpm:firefox",
            " flatpak:a.b.c",
            "flatpak:a.b.c ",
            "flatpak:a.b",
            "flatpak:a..c",
            "flatpak:.a.b.c",
            "flatpak:a.b.c.",
            "flatpak:a.b-c.d",
            "flatpak:-a.b.c",
            "flatpak:1a.b.c",
            "flatpak:a.b.1c",
            "flatpak:a.b.c/d",
            "flatpak:a.b.c\n",
            "flatpak:a.b.ç",
            "flatpak:a.b.c:d",
            &long("flatpak:a.b.", FLATPAK_MAX),
            "snap:a",
            "snap:Firefox",
            "snap:fire fox",
            "snap:-a",
            "snap:a-",
            "snap:a--b",
            "snap:12",
            "snap:1-2",
            "snap:a.b",
            "snap:ab_",
            "snap:_ab",
            "snap:ab_c_d",
            "snap:ab_C",
            "snap:ab/..",
            "snap:ab_12345678901",
            "snap:äb",
            &long("snap:", SNAP_MAX + 1),
        ] {
            assert_eq!(Application::of_key(key), None, "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn no_key_is_a_path_or_has_one_in_it(key in "(flatpak|snap):\\PC{0,50}") {
            if let Some(application) = Application::of_key(&key) {
                prop_assert_eq!(application.key(), key.as_str());
                let id = application.id();
                let is_one_part = !id.contains(['/', ':', '\0']) && !id.contains("..");
                prop_assert!(key.is_ascii() && is_one_part);
            }
        }
    }
}
