//! Finding out what a file is, and that no text is too odd.

use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Found {
    Found::File(TextFile {
        name: "file".to_owned(),
        text: text.to_owned(),
    })
}

fn settings(format: Option<Format>) -> Settings {
    Settings {
        format,
        app: Some("/a".to_owned()),
        ..Settings::default()
    }
}

#[test]
fn a_file_tells_what_it_is() {
    for (text, format) in [
        ("{\"portreeve-rules\": 1, \"rules\": []}", Format::Portreeve),
        ("\u{feff} {\"rules\": []}", Format::Lsrules),
        (
            "{\"denied-remote-domains\": [\"a.example\"]}",
            Format::Lsrules,
        ),
        (
            "{\"name\": \"a\", \"action\": \"deny\", \"operator\": {\"operand\": \"true\"}}",
            Format::OpenSnitch,
        ),
        ("# x\n0.0.0.0 a.example\n", Format::List),
        ("a.example\r\nb.example\r\n", Format::List),
    ] {
        let imported = import(&found(text), &settings(None)).unwrap();
        assert_eq!(imported.format, format, "{text}");
    }
    for text in ["", "{}", "[]", "no rules", "\u{0}"] {
        let error = import(&found(text), &settings(None)).unwrap_err();
        assert!(matches!(error, Error::Unknown(_)), "{text}: {error}");
    }
    assert!(
        import(&found("{"), &settings(None))
            .unwrap_err()
            .to_string()
            .contains("file:1:1")
    );
    let directory = Found::Directory {
        name: "rules".to_owned(),
        files: Vec::new(),
        skipped: Vec::new(),
    };
    let error = import(&directory, &settings(Some(Format::List))).unwrap_err();
    assert!(matches!(error, Error::Directory(_)), "{error}");
}

#[test]
fn formats_have_words() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert!("auto".parse::<Format>().is_err());
}

/// Texts with the words of all formats.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\n",
        " ",
        "1",
        "true",
        "null",
        "^(|",
        "$",
        ".example",
        "0.0.0.0 ",
        "\"portreeve-rules\"",
        "\"rules\"",
        "\"operator\"",
        "\"operand\"",
        "\"process.path\"",
        "\"dest.ip\"",
        "\"action\"",
        "\"deny\"",
        "\"allow\"",
        "\"type\"",
        "\"regexp\"",
        "\"data\"",
        "\"/a\"",
        "\"list\"",
        "\"denied-remote-domains\"",
        "\"process\"",
        "\"remote-addresses\"",
        "::-ffff::",
        "ü",
        "\u{202e}",
        "\u{0}",
    ];
    let piece = prop::sample::select(pieces.to_vec()).prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![9 => piece, 1 => "\\PC{0,3}"], 0..40)
        .prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in any_text()) {
        for format in [None].into_iter().chain(Format::ALL.map(Some)) {
            if let Ok(imported) = import(&found(&text), &settings(format)) {
                for rule in imported.rules {
                    prop_assert!(rule.spec.check().is_ok(), "{:?}", rule);
                }
            }
        }
    }

    /// Whatever a rule of OpenSnitch has in its parts.
    #[test]
    fn no_condition_is_too_odd(
        kind in prop::sample::select(vec!["simple", "regexp", "network", "range", "list", "lists", "x"]),
        operand in prop::sample::select(vec![
            "true", "process.path", "process.command", "user.id", "dest.ip", "dest.host", "dest.network",
            "dest.port", "protocol", "list", "lists.ips",
        ]),
        data in "(\\^?\\(?[/a-z0-9.:|*\\\\-]{0,12}\\)?\\$?|\\PC{0,6})",
        action in prop::sample::select(vec!["allow", "deny", "reject"]),
    ) {
        let rule = serde_json::json!({
            "name": data, "action": action, "duration": "always", "enabled": true,
            "operator": {"type": "list", "list": [
                {"type": "simple", "operand": "process.path", "data": "/a"},
                {"type": kind, "operand": operand, "data": data},
            ]},
        });
        let imported = import(&found(&rule.to_string()), &settings(Some(Format::OpenSnitch))).unwrap();
        for rule in imported.rules {
            prop_assert!(rule.spec.check().is_ok(), "{:?}", rule);
        }
    }
}
