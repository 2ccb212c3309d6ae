//! What `portreevectl` prints is in the language of whoever reads it; programs get English.

use std::process::Output;

use portreeve_tests::programs;
use tokio::process::Command;

use crate::{
    broker::Broker,
    stage::{As, on_a_bus},
};

/// What `portreevectl` says to these words where `LANGUAGE` is this, beside the exit status.
async fn told(language: &str, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(programs().join("portreevectl"));
    // In the locale C nothing is translated; ./x test has this one.
    command
        .env("LANG", "en_US.UTF-8")
        .env("LANGUAGE", language)
        .args(words);
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().await.unwrap();
    let text = String::from_utf8([stdout, stderr].concat()).unwrap();
    (status.code(), text)
}

#[test]
fn people_are_told_in_their_language() {
    // Not within the time that the test has.
    programs();
    let name = "languages::people_are_told_in_their_language";
    on_a_bus(name, As::Anyone, async {
        let _broker = Broker::start().await;
        let (status, text) = told("de", &["status"]).await;
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("\nOffene Fragen:"), "{text}");
        // Longer words move what stands behind them, all of it.
        let values = text.lines().map(|line| line.split_once(": "));
        let ends: Vec<_> = values
            .map(|line| line.unwrap())
            .map(|(field, value)| field.chars().count() + value.len() - value.trim_start().len())
            .collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{text}");
        let (status, text) = told("de", &["rules", "list"]).await;
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("GEGENSTELLE"), "{text}");
        assert!(text.contains("eingebaut"), "{text}");
        let (status, text) = told("de", &["rules", "show", "99"]).await;
        assert_eq!(status, Some(4), "{text}");
        assert_eq!(
            text,
            "portreevectl: Regel 99 ist nicht unter Ihren Regeln\n"
        );
        let (_, text) = told("ja", &["status"]).await;
        assert!(text.contains("\n開いている質問:"), "{text}");
    });
}

#[test]
fn programs_are_told_the_same_in_every_language() {
    programs();
    let name = "languages::programs_are_told_the_same_in_every_language";
    on_a_bus(name, As::Anyone, async {
        let _broker = Broker::start().await;
        for words in [
            &["--json", "status"][..],
            &["--json", "rules", "list"],
            &["--json", "rules", "show", "99"],
            &["--json", "doctor"],
        ] {
            let (english, german) = (told("en", words).await, told("de", words).await);
            assert_eq!(english, german);
        }
        let (_, text) = told("de", &["--json", "rules", "show", "99"]).await;
        assert!(text.contains("cannot find rule 99 among yours"), "{text}");
    });
}

#[test]
fn nobody_says_where_translations_are() {
    programs();
    let name = "languages::nobody_says_where_translations_are";
    on_a_bus(name, As::Anyone, async {
        let _broker = Broker::start().await;
        // The very ones that are installed, by a path that could lead to others.
        let (_, text) = told("../locale/de", &["status"]).await;
        assert!(text.contains("\nOpen prompts:"), "{text}");
    });
}
