//! Questions about looking names up.

use super::*;

fn lookup(address: &str) -> Prompt {
    Prompt {
        host: None,
        address: address.into(),
        port: 53,
        protocol: "udp".into(),
        name_server: Some(true),
        scopes: ["name-servers", "host", "host-port", "any"]
            .map(str::to_owned)
            .into(),
        ..prompt()
    }
}

#[test]
fn a_lookup_is_no_connection_to_an_address() {
    let prompt = lookup("127.0.0.53");
    assert_eq!(heading_of(&prompt), "Allow “curl” to look up names?");
    let question = question(&prompt);
    let warning = "The names that it looks up can tell others what it does.";
    assert_eq!(question.warning.as_deref(), Some(warning));
    let labels: Vec<_> = question.scopes.iter().map(|it| plain(&it.label)).collect();
    assert_eq!(
        labels,
        [
            "This computer’s name servers",
            "127.0.0.53",
            "127.0.0.53, UDP port 53 only",
            "Anywhere"
        ]
    );
    assert!(
        question
            .details
            .iter()
            .any(|detail| plain(&detail.value) == "127.0.0.53")
    );
    for (lifespan, end) in [
        (For::Once, "just this time."),
        (For::Process, "until “curl” quits."),
        (For::Time(Span::HOUR), "for 1 hour."),
        (For::Logout, "until you log out."),
        (For::Always, "always."),
    ] {
        assert_eq!(
            plain(&question.consequence(Scope::NameServers, lifespan)),
            format!("Your answer applies to all of this computer’s name servers, {end}")
        );
    }
}

#[test]
fn whoever_else_is_asked_for_names_is_an_address() {
    let stranger = Prompt {
        name_server: None,
        ..lookup("203.0.113.53")
    };
    assert_eq!(
        heading_of(&stranger),
        "Allow “curl” to send data to 203.0.113.53?"
    );
    let script = Prompt {
        interpreter: Some("/usr/bin/python3.13".into()),
        ..lookup("127.0.0.53")
    };
    assert_eq!(
        heading_of(&script),
        "Allow the script “curl” to look up names?"
    );
}
