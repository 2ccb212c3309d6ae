//! Networks that the computer is in: what is known of them, and what the next broker finds of that.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::FileExt as _,
    },
};

use portreeve_dbus::ActiveNetwork;
use portreeve_policy::{NetworkId, NetworkName};
use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};

use crate::keep::{Kept, keep};

/// Networks that are looked at; more at once are not active for rules.
pub const MOST: usize = 64;
/// Bytes of the word for a kind of network.
const KIND: usize = 64;
/// Under which name they are left to the next broker.
const NAME: &str = "networks";
/// Bytes of what is left of each network: each byte of its texts takes six at most.
const LINE: usize = 128 + 6 * (NetworkName::LONGEST + KIND);

/// The networks that are active.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks {
    list: Vec<ActiveNetwork>,
    ids: BTreeSet<NetworkId>,
}

impl Networks {
    /// These, as far as they can be named: a rule names none by anything else than a UUID.
    pub fn of(found: impl IntoIterator<Item = ActiveNetwork>) -> Self {
        let mut networks = Self::default();
        for found in found {
            let Ok(id) = found.uuid.parse::<NetworkId>() else {
                continue;
            };
            if networks.list.len() >= MOST || !networks.ids.insert(id) {
                continue;
            }
            let name = NetworkName::of(&found.name);
            let kind = found.kind.chars().filter(char::is_ascii_graphic);
            networks.list.push(ActiveNetwork {
                uuid: id.to_string(),
                name: name.map_or_else(|| id.to_string(), |name| name.as_str().to_owned()),
                kind: kind.take(KIND).collect(),
                primary: found.primary,
            });
        }
        networks
    }

    /// Whether this one is active.
    pub fn is_active(&self, id: NetworkId) -> bool {
        self.ids.contains(&id)
    }

    /// All of them.
    pub fn list(&self) -> &[ActiveNetwork] {
        &self.list
    }
}

/// One network, written down.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    uuid: String,
    name: String,
    kind: String,
    primary: bool,
}

/// What is left to the next broker, however suddenly this one ends: so that rules for a network are in force there
/// from the beginning, whatever the network manager takes to answer.
#[derive(Debug)]
pub struct Left(Option<File>);

impl Left {
    /// Takes over what an earlier broker has left; from now on it is this one's to keep up to date.
    pub fn take_over(kept: &mut Kept) -> (Self, Networks) {
        if let Some(left) = kept.take(NAME) {
            let file = File::from(left);
            return match read(&file) {
                Ok(networks) => (Self(Some(file)), networks),
                Err(error) => {
                    tracing::warn!("cannot take over which networks are active: {error}");
                    (Self(Some(file)), Networks::default())
                }
            };
        }
        match memfd_create(NAME, MemfdFlags::CLOEXEC).map(OwnedFd::into) {
            Ok(file) => {
                keep(NAME, File::as_fd(&file));
                (Self(Some(file)), Networks::default())
            }
            Err(error) => {
                tracing::warn!(
                    "cannot leave to the next broker which networks are active: {error}"
                );
                (Self(None), Networks::default())
            }
        }
    }

    /// Nothing is left.
    pub fn nothing() -> Self {
        Self(None)
    }

    /// Writes down which are active.
    pub fn write(&self, networks: &Networks) {
        if let Some(file) = &self.0
            && let Err(error) = write(file, networks)
        {
            tracing::warn!("cannot leave to the next broker which networks are active: {error}");
        }
    }
}

fn write(file: &File, networks: &Networks) -> io::Result<()> {
    let written = networks.list.iter().cloned().map(|network| Written {
        uuid: network.uuid,
        name: network.name,
        kind: network.kind,
        primary: network.primary,
    });
    let mut text = serde_json::to_vec(&written.collect::<Vec<_>>())?;
    // One line, written at once: what is behind it may be the rest of a longer one.
    text.push(b'\n');
    file.write_all_at(&text, 0)
}

fn read(file: &File) -> io::Result<Networks> {
    let mut text = Vec::new();
    let largest = u64::try_from(MOST * LINE).unwrap_or(u64::MAX);
    let mut file = file.try_clone()?;
    io::Seek::rewind(&mut file)?;
    file.take(largest).read_to_end(&mut text)?;
    let line = text.split(|byte| *byte == b'\n').next();
    let Some(line) = line.filter(|line| !line.is_empty()) else {
        return Ok(Networks::default());
    };
    let written: Vec<Written> = serde_json::from_slice(line)?;
    let networks = written.into_iter().map(|network| ActiveNetwork {
        uuid: network.uuid,
        name: network.name,
        kind: network.kind,
        primary: network.primary,
    });
    Ok(Networks::of(networks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32, name: &str) -> ActiveNetwork {
        ActiveNetwork {
            uuid: format!("{number:08x}-4C1A-4f6e-9d55-0123456789ab"),
            name: name.to_owned(),
            kind: "802-11-wireless".to_owned(),
            primary: number == 0,
        }
    }

    #[test]
    fn they_are_bounded_whatever_the_network_manager_says() {
        let many = Networks::of((0..1000).map(|it| network(it, &"\u{1b}ü".repeat(1000))));
        assert_eq!(many.list().len(), MOST);
        let name = &many.list()[0].name;
        assert!(name.len() <= NetworkName::LONGEST && !name.contains('\u{1b}'));
        let odd = [
            network(1, ""),
            network(1, "again"),
            ActiveNetwork {
                uuid: "home".to_owned(),
                ..network(2, "none")
            },
            ActiveNetwork {
                kind: "\n".repeat(1000) + &"x".repeat(1000),
                ..network(3, "odd")
            },
        ];
        let odd = Networks::of(odd);
        assert_eq!(odd.list().len(), 2);
        assert_eq!(odd.list()[0].name, odd.list()[0].uuid);
        assert_eq!(odd.list()[1].kind, "x".repeat(KIND));
        assert!(odd.is_active(odd.list()[0].uuid.parse().unwrap()));
    }

    #[test]
    fn the_next_broker_finds_what_was_written_last() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(read(&file).unwrap(), Networks::default());
        let most = Networks::of((0..64).map(|it| network(it, &"\"".repeat(200))));
        for networks in [
            most,
            Networks::of([network(0, "Home"), network(1, "VPN")]),
            Networks::default(),
        ] {
            write(&file, &networks).unwrap();
            assert_eq!(read(&file).unwrap(), networks);
        }
        file.write_all_at(b"x", 0).unwrap();
        assert!(read(&file).is_err());
    }
}
