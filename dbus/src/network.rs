//! Networks that the computer is in, as the broker lists them, and those that rules are for.

use portreeve_policy::{Network, NetworkId, NetworkName};
use zbus::{DeserializeDict, SerializeDict, Type};

use crate::Error;

/// A network that is active: a connection of `NetworkManager`'s.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct ActiveNetwork {
    /// The UUID of the connection, by which rules name it.
    pub uuid: String,
    /// What it is called.
    pub name: String,
    /// Its kind, in `NetworkManager`'s words: `802-11-wireless`, `802-3-ethernet`, `vpn`, `wireguard`, …
    pub kind: String,
    /// Whether it leads to the internet, or carries the VPN that does.
    pub primary: bool,
}

/// The network that a rule is to be for.
pub(crate) fn check(id: Option<&str>, name: Option<&str>) -> Result<Option<Network>, Error> {
    let invalid = |text: String| Error::InvalidArgument(text);
    let Some(id) = id else {
        return match name {
            None => Ok(None),
            Some(name) => Err(invalid(format!(
                "cannot use the name “{}” of a network without its UUID",
                name.escape_debug()
            ))),
        };
    };
    let id: NetworkId = id.parse().map_err(|_not_a_uuid| {
        invalid(format!(
            "cannot use network “{}”: expected the UUID of a connection of NetworkManager's",
            id.escape_debug()
        ))
    })?;
    let name = name.map(|name| {
        NetworkName::new(name).ok_or_else(|| {
            invalid(format!(
                "cannot use the name “{}” of a network: expected a text of at most {} bytes, without \
                 control characters",
                name.escape_debug(),
                NetworkName::LONGEST
            ))
        })
    });
    Ok(Some(Network {
        id,
        name: name.transpose()?,
    }))
}
