//! What every translation has to keep of the text: places for values, key, how it ends.

use super::catalog::Entry;

/// The forms of a language's plural that stand for one number only, and so may have it in words: none, one and two in
/// Arabic.
const IN_WORDS: [(&str, &[usize]); 1] = [("ar", &[0, 1, 2])];
/// The text that says how a language is written, and what it can be translated to.
pub(super) const DIRECTION: &str = "default:LTR";
const DIRECTIONS: [&str; 2] = [DIRECTION, "default:RTL"];
/// The place that is for the count.
const COUNT: &str = "{n}";
/// How texts end, each in all the writings there are translations for.
const ENDS: [&[char]; 5] = [
    &['.', '。'],
    &['…'],
    &['?', '؟', '？'],
    &[':', '：'],
    &[';'],
];

/// What is wrong with the translation of an entry into a language.
pub(super) fn mistakes(language: &str, entry: &Entry) -> Vec<String> {
    let mut mistakes = Vec::new();
    let text = entry.plural.as_deref().unwrap_or(&entry.text);
    let mut found = |mistake: &str, translation: &str| {
        mistakes.push(format!("{mistake}: “{}” → “{translation}”", entry.text));
    };
    if entry.is_fuzzy {
        found("fuzzy", "");
    }
    for (form, translation) in entry.translations.iter().enumerate() {
        if translation.is_empty() {
            found("not translated", translation);
            continue;
        }
        let in_words = entry.plural.is_some()
            && IN_WORDS
                .iter()
                .any(|(known, forms)| *known == language && forms.contains(&form));
        let places_of = |text| {
            let mut places = places(text);
            places.retain(|place| !(in_words && *place == COUNT));
            places
        };
        if places_of(text) != places_of(translation) {
            found("other places for values", translation);
        }
        if text == DIRECTION && !DIRECTIONS.contains(&translation.as_str()) {
            found("neither of the two directions", translation);
        }
        if keys(text) != keys(translation) {
            found("another number of keys to press (_)", translation);
        }
        if end(text) != end(translation) {
            found("ends otherwise", translation);
        }
        if margins(text) != margins(translation) {
            found(
                "begins or ends with another number of spaces or lines",
                translation,
            );
        }
    }
    mistakes
}

/// The places for values, `{name}` and polkit’s `$(name)`, each once, sorted.
fn places(text: &str) -> Vec<&str> {
    let between = |open: &'static str, close: char| {
        text.match_indices(open).filter_map(move |(begin, _)| {
            let from = text.get(begin..)?;
            from.get(..=from.find(close)?)
        })
    };
    let mut places: Vec<&str> = between("{", '}').chain(between("$(", ')')).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// How many characters are marked as keys: by a `_` that is in no word.
fn keys(text: &str) -> usize {
    let characters: Vec<char> = text.chars().collect();
    let is_key = |pair: &[char]| pair[0] == '_' && pair[1].is_alphanumeric();
    characters.windows(2).filter(|pair| is_key(pair)).count()
}

/// The place in [`ENDS`] of how the text ends.
fn end(text: &str) -> Option<usize> {
    let last = text.trim_end().chars().last()?;
    ENDS.iter().position(|ends| ends.contains(&last))
}

/// Whether the text begins with a space, ends with a line, and ends with a space; the comma of Japanese has one in it.
fn margins(text: &str) -> (bool, bool, bool) {
    (
        text.starts_with(char::is_whitespace),
        text.ends_with('\n'),
        text.ends_with(char::is_whitespace) || text.ends_with('、'),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes_of(text: &str, translation: &str) -> usize {
        let entry = Entry {
            text: text.to_owned(),
            translations: vec![translation.to_owned()],
            ..Entry::default()
        };
        mistakes("de", &entry).len()
    }

    #[test]
    fn what_a_text_has_its_translation_has() {
        for (text, good, bad) in [
            ("Rule for {app}", "Regel für {app}", "Regel für {App}"),
            ("{a} to {b}", "{b} von {a}", "{b} von {b}"),
            ("for $(time)", "für $(time)", "für (time)"),
            ("_Close", "S_chließen", "Schließen"),
            ("_Close", "閉じる(_C)", "_閉じる(_C)"),
            ("Show…", "Anzeigen …", "Anzeigen..."),
            ("Done.", "終わり。", "Fertig"),
            ("Done", "Fertig", "Fertig."),
            ("Go on?", "هل تريد المتابعة؟", "Weiter"),
            (", ", "، ", ","),
            (", ", "、", ","),
            ("Close", "Schließen", ""),
            ("default:LTR", "default:RTL", "standard:LTR"),
        ] {
            assert_eq!(mistakes_of(text, good), 0, "{text} → {good}");
            assert_eq!(mistakes_of(text, bad), 1, "{text} → {bad}");
        }
    }

    #[test]
    fn a_number_may_be_in_words_where_it_can_be_no_other() {
        let entry = |forms: &[&str]| Entry {
            text: "{n} rule".to_owned(),
            plural: Some("{n} rules".to_owned()),
            translations: forms.iter().map(|form| (*form).to_owned()).collect(),
            ..Entry::default()
        };
        assert_eq!(
            mistakes("de", &entry(&["eine Regel", "{n} Regeln"])).len(),
            1
        );
        let arabic = ["لا قواعد", "قاعدة واحدة", "قاعدتان", "{n} قواعد"];
        assert!(mistakes("ar", &entry(&arabic)).is_empty());
        let arabic = ["لا قواعد", "قاعدة واحدة", "قاعدتان", "قواعد"];
        assert_eq!(mistakes("ar", &entry(&arabic)).len(), 1);
    }

    #[test]
    fn what_nobody_has_looked_at_is_a_mistake() {
        let entry = Entry {
            text: "a".to_owned(),
            translations: vec!["b".to_owned()],
            is_fuzzy: true,
            ..Entry::default()
        };
        assert_eq!(mistakes("de", &entry).len(), 1);
    }
}
