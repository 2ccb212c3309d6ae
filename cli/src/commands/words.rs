//! Words that the results of several commands share.

use portreeve_i18n::{fill, gettext, gettext_f};

/// What was done, as a sentence, with the number of the change that it was, if it has one.
pub(super) fn done(what: &str, change: u64) -> String {
    if change == 0 {
        // Translators: {done} is what was done, such as “Rule 12 removed”, here and below.
        return gettext_f("{done}.", &[("done", what)]);
    }
    gettext_f(
        // Translators: {change} is the number by which the change can be undone.
        "{done} (change {change}).",
        &[("done", what), ("change", &change.to_string())],
    )
}

/// Things in a row.
pub(super) fn row(things: &[String]) -> String {
    // Translators: between the things of a list.
    things.join(&gettext(", "))
}

/// The words for those counts that are not 0.
pub(super) fn counts<const N: usize>(counts: [(usize, String); N]) -> Vec<String> {
    let some = counts.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(_, words)| words).collect()
}

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    gettext_f("“{name}”", &[("name", name)])
}

/// The path of a program, with a remark if it is only what the program says.
pub(super) fn path(path: &str, verified: bool) -> String {
    if verified {
        return path.to_owned();
    }
    // Translators: {path} is the path of a program, as that states it itself.
    gettext_f("{path} (not verified)", &[("path", path)])
}

/// The other side of a call.
pub(super) fn other_side(host: Option<&str>, address: &str, port: u16, protocol: &str) -> String {
    let mut place = match host {
        Some(host) => format!("{host} ({address})"),
        None => address.to_owned(),
    };
    if port != 0 {
        place = with_ports(&place, &port.to_string());
    }
    with_protocol(&place, protocol)
}

/// A place, and only these ports there.
pub(super) fn with_ports(place: &str, ports: &str) -> String {
    // Translators: {place} is a name or an address; {port} may be several, and ranges.
    let text = gettext("{place} port {port}");
    fill(&text, &[("place", place), ("port", ports)])
}

/// A place, and only this protocol there.
pub(super) fn with_protocol(place: &str, protocol: &str) -> String {
    // Translators: {place} is a name or an address, perhaps with ports; {protocol} is tcp, for example.
    let text = gettext("{place}, {protocol}");
    fill(&text, &[("place", place), ("protocol", protocol)])
}

/// A place, and only while the computer is in this network.
pub(super) fn only_in(place: &str, network: &str) -> String {
    // Translators: {place} is a name or an address, perhaps with ports and a protocol; {network} is what a network is called.
    let text = gettext("{place}, only in {network}");
    fill(&text, &[("place", place), ("network", network)])
}

/// A domain's name, and what is below it.
pub(super) fn and_below(domain: &str) -> String {
    // Translators: {domain} is the end of a computer's name, such as example.org.
    gettext_f("{domain} and below", &[("domain", domain)])
}
