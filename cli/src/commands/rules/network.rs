//! Which network a word of the command line means.

use portreeve_dbus::{ActiveNetwork, RuleSpec};
use portreeve_i18n::gettext_f;
use portreeve_policy::NetworkId;

use crate::{
    bus::Bus,
    commands::words,
    error::{Error, Result},
};

/// The word for the network that leads to the internet.
const CURRENT: &str = "current";

/// Has a rule be for the network that a word means to user `uid`.
pub(super) async fn put_in(spec: &mut RuleSpec, uid: u32, word: &str) -> Result<()> {
    let status = Bus::connect().await?.broker().await?.status(uid).await?;
    let (id, name) = meant(word, &status.networks.unwrap_or_default())?;
    spec.only_in = Some(id);
    spec.only_in_name = name;
    Ok(())
}

/// The UUID and the name of the network that a word means, where these are active.
fn meant(word: &str, active: &[ActiveNetwork]) -> Result<(String, Option<String>)> {
    let of = |network: &ActiveNetwork| (network.uuid.clone(), Some(network.name.clone()));
    if let Ok(id) = word.parse::<NetworkId>() {
        let id = id.to_string();
        let known = active.iter().find(|network| network.uuid == id);
        return Ok(known.map_or((id, None), of));
    }
    let mut found: Vec<&ActiveNetwork> = if word == CURRENT {
        active.iter().filter(|network| network.primary).collect()
    } else {
        active
            .iter()
            .filter(|network| network.name == word)
            .collect()
    };
    if word == CURRENT && found.is_empty() {
        found = active.iter().collect();
    }
    match found[..] {
        [network] => Ok(of(network)),
        _ => Err(Error::Usage(refusal(word, active, found.len()))),
    }
}

fn refusal(word: &str, active: &[ActiveNetwork], found: usize) -> String {
    let known = active.iter().map(|network| {
        let name = network.name.escape_debug().to_string();
        format!("{} ({})", words::quoted(&name), network.uuid)
    });
    let known = words::row(&known.collect::<Vec<_>>());
    let word = word.escape_debug().to_string();
    let values = [("name", word.as_str()), ("networks", &known)];
    if active.is_empty() {
        return gettext_f(
            "cannot find network “{name}”: none is active that NetworkManager has told of; expected a \
             UUID as “nmcli connection” shows it",
            &values,
        );
    }
    if found > 1 {
        return gettext_f(
            "cannot tell which is network “{name}”: active are {networks}; any other is named by its UUID",
            &values,
        );
    }
    gettext_f(
        "cannot find network “{name}”: active are {networks}; any other is named by its UUID",
        &values,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";
    const BRIDGE: &str = "b41d6e00-4c1a-4f6e-9d55-0123456789ab";

    fn network(uuid: &str, name: &str, primary: bool) -> ActiveNetwork {
        ActiveNetwork {
            uuid: uuid.to_owned(),
            name: name.to_owned(),
            kind: "802-3-ethernet".to_owned(),
            primary,
        }
    }

    fn named(word: &str, active: &[ActiveNetwork]) -> Result<(String, Option<String>), String> {
        meant(word, active).map_err(|error| error.to_string())
    }

    #[test]
    fn a_network_is_named_in_three_ways() {
        let active = [
            network(BRIDGE, "docker0", false),
            network(HOME, "Home", true),
        ];
        let home = Ok((HOME.to_owned(), Some("Home".to_owned())));
        for word in ["Home", "current", HOME, &HOME.to_uppercase()] {
            assert_eq!(named(word, &active), home, "{word}");
        }
        let other = "cafecafe-4c1a-4f6e-9d55-0123456789ab";
        assert_eq!(named(other, &active), Ok((other.to_owned(), None)));
        // The only one there is.
        let one = [network(BRIDGE, "docker0", false)];
        assert_eq!(named("current", &one).unwrap().0, BRIDGE);
    }

    #[test]
    fn what_cannot_be_told_is_named_with_what_there_is() {
        let error = named("Cafe\u{1b}", &[network(HOME, "Home", true)]).unwrap_err();
        assert!(
            error.contains("cannot find network “Cafe\\u{1b}”"),
            "{error}"
        );
        assert!(error.contains("“Home”") && error.contains(HOME), "{error}");
        assert!(named("Home", &[]).unwrap_err().contains("none is active"));
        let twins = [network(HOME, "Home", false), network(BRIDGE, "Home", false)];
        for word in ["Home", "current"] {
            let error = named(word, &twins).unwrap_err();
            assert!(error.contains("cannot tell which is network"), "{error}");
        }
    }
}
