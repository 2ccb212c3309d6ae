//! Where the lines of a sentence end that has long names in it.
//!
//! A name without spaces is broken wherever a line is full, and what follows it may be alone on the
//! next line. What is found here are places in the sentence: nothing is put into it that would be
//! read aloud or copied.

use std::{net::IpAddr, ops::Range};

use super::text::{CLOSE, OPEN};

/// How many of a name's last characters go with the punctuation behind it.
const COMPANY: usize = 3;

/// What stays together when a sentence is broken into lines. Ranges are of bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wrapping {
    /// The parts of names, each with the dot or hyphen that ends it, and with the punctuation around
    /// the name: a line ends inside of one only if that is longer than the line.
    pub words: Vec<Range<usize>>,
    /// The ends of names and the punctuation behind them: no line ends inside of one.
    pub ends: Vec<Range<usize>>,
}

impl Wrapping {
    /// For a sentence whose names are in isolation; `fits` says of a name, with the punctuation around
    /// it, whether a line has room for it: then it stays whole.
    pub fn of(sentence: &str, fits: impl Fn(&str) -> bool) -> Self {
        let mut wrapping = Self::default();
        let mut from = 0;
        while let Some(name) = next_name(sentence, from) {
            wrapping.add(sentence, from, &name, &fits);
            from = name.end;
        }
        wrapping
    }

    fn add(
        &mut self,
        sentence: &str,
        from: usize,
        name: &Range<usize>,
        fits: impl Fn(&str) -> bool,
    ) {
        let space_or_name = |c: char| c.is_whitespace() || c == OPEN;
        let before = &sentence[from..name.start];
        let start = name.start - (before.len() - before.trim_end_matches(not_space).len());
        let after = &sentence[name.end..];
        let end = name.end + after.find(space_or_name).unwrap_or(after.len());

        let inner = name.start + OPEN.len_utf8()..name.end - CLOSE.len_utf8();
        let mut begun = start;
        let cuts = if fits(&sentence[start..end]) {
            Vec::new()
        } else {
            cuts(&sentence[inner.clone()])
        };
        for cut in cuts {
            self.words.push(begun..inner.start + cut);
            begun = inner.start + cut;
        }
        self.words.push(begun..end);
        if end > name.end {
            let company = sentence[..inner.end].char_indices().rev().take(COMPANY);
            let first = company.map(|(index, _)| index).last().unwrap_or(inner.end);
            self.ends.push(first.max(begun).max(inner.start)..end);
        }
    }
}

fn not_space(c: char) -> bool {
    !c.is_whitespace()
}

/// The next name in isolation, with its marks.
fn next_name(sentence: &str, from: usize) -> Option<Range<usize>> {
    let start = from + sentence[from..].find(OPEN)?;
    let end = start + sentence[start..].find(CLOSE)? + CLOSE.len_utf8();
    Some(start..end)
}

/// Where a new part begins: after dots, hyphens, spaces, and the slashes of paths. Numbers of addresses stay
/// together, and so does the name of a hidden file with its dot.
fn cuts(name: &str) -> Vec<usize> {
    let address = name.split('/').next().unwrap_or(name);
    if address.parse::<IpAddr>().is_ok() {
        return Vec::new();
    }
    let mut before = None;
    let mut cuts = Vec::new();
    for ((_, c), (index, next)) in name.char_indices().zip(name.char_indices().skip(1)) {
        let ends_part = match c {
            '/' => next.is_alphanumeric() || next == '.',
            '.' => next.is_alphanumeric() && before != Some('/'),
            c => next.is_alphanumeric() && (c == '-' || c.is_whitespace()),
        };
        if ends_part {
            cuts.push(index);
        }
        before = Some(c);
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{isolate, plain};

    fn words(sentence: &str) -> Vec<String> {
        let words = Wrapping::of(sentence, |_| false).words;
        words.into_iter().map(|it| plain(&sentence[it])).collect()
    }

    fn ends(sentence: &str) -> Vec<String> {
        let ends = Wrapping::of(sentence, |_| false).ends;
        ends.into_iter().map(|it| plain(&sentence[it])).collect()
    }

    #[test]
    fn names_are_broken_after_dots_and_hyphens() {
        let sentence = format!(
            "Allow “{}” to connect to {}?",
            isolate("org.example.App"),
            isolate("eu-central.assets.example")
        );
        assert_eq!(
            words(&sentence),
            [
                "“org.", "example.", "App”", "eu-", "central.", "assets.", "example?"
            ]
        );
    }

    #[test]
    fn names_that_fit_in_a_line_stay_whole() {
        let sentence = format!(
            "Allow “{}” to connect to {}?",
            isolate("org.example.App"),
            isolate("a.example")
        );
        let short = |name: &str| name.chars().count() < 15;
        let words = Wrapping::of(&sentence, short).words;
        let words: Vec<_> = words.into_iter().map(|it| plain(&sentence[it])).collect();
        assert_eq!(words, ["“org.", "example.", "App”", "a.example?"]);
    }

    #[test]
    fn punctuation_is_never_alone() {
        let sentence = format!(
            "Allow (“{}”) to {}?",
            isolate("a.it"),
            isolate("server.example")
        );
        assert_eq!(ends(&sentence), ["it”)", "ple?"]);
        let rule = format!("{}, until process 12 ends", isolate("server.example"));
        assert_eq!(ends(&rule), ["ple,"]);
        assert_eq!(
            ends(&format!("to {} always", isolate("x.example"))),
            [""; 0]
        );
    }

    #[test]
    fn addresses_stay_whole() {
        for address in ["203.0.113.10", "2001:db8::7", "192.0.2.0/24"] {
            let sentence = format!("to {}?", isolate(address));
            assert_eq!(words(&sentence), [format!("{address}?")]);
        }
    }

    #[test]
    fn paths_are_broken_after_slashes_and_not_before_what_is_hidden() {
        let sentence = format!(
            "{}, not from a package",
            isolate("/home/a/.local/lib-2/x.py")
        );
        assert_eq!(
            words(&sentence),
            ["/", "home/", "a/", ".local/", "lib-", "2/", "x.", "py,"]
        );
    }

    #[test]
    fn dots_that_begin_nothing_are_no_place_for_a_break() {
        assert_eq!(words(&isolate(".a..b. c…")), [".", "a..", "b. ", "c…"]);
    }

    #[test]
    fn whatever_the_sentence_is_the_places_are_in_it() {
        for sentence in [
            "",
            "\u{2068}",
            "\u{2068}\u{2069}",
            "é\u{2068}é.é\u{2069}é",
            "\u{2069}\u{2068}",
        ] {
            let Wrapping { words, ends } = Wrapping::of(sentence, |_| false);
            assert!(
                words
                    .into_iter()
                    .chain(ends)
                    .all(|it| sentence.get(it).is_some())
            );
        }
    }
}
