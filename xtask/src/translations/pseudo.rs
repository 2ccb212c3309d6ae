//! A translation that is none: English with accents, longer than it is, so that pictures show what is not
//! translated and what has no room.

use super::catalog::Entry;
use super::rules::DIRECTION;

/// Letters and what stands for them.
const ACCENTS: [(char, char); 20] = [
    ('a', 'á'),
    ('c', 'ç'),
    ('d', 'ð'),
    ('e', 'é'),
    ('g', 'ğ'),
    ('i', 'í'),
    ('k', 'ķ'),
    ('l', 'ļ'),
    ('n', 'ñ'),
    ('o', 'ö'),
    ('r', 'ŕ'),
    ('s', 'š'),
    ('t', 'ţ'),
    ('u', 'ü'),
    ('y', 'ý'),
    ('z', 'ž'),
    ('A', 'Å'),
    ('E', 'É'),
    ('O', 'Ö'),
    ('U', 'Û'),
];
/// Text becomes longer by one of so many letters: as much as German is longer than English.
const LONGER: usize = 3;
/// Text that is for programs.
const AS_IT_IS: [&str; 3] = ["%H:%M", "%H:%M:%S", DIRECTION];

/// A file with all entries translated.
pub(super) fn translation(entries: &[Entry]) -> String {
    let header = "msgid \"\"\nmsgstr \"\"\n\"Content-Type: text/plain; charset=UTF-8\\n\"\n\
                  \"Plural-Forms: nplurals=2; plural=(n != 1);\\n\"\n\n";
    let mut parts = vec![header.to_owned()];
    for entry in entries.iter().filter(|entry| !entry.is_header()) {
        let context = entry.context.iter();
        parts.extend(context.map(|context| format!("msgctxt {context:?}\n")));
        let (text, translation) = (&entry.text, pseudo(&entry.text));
        parts.push(match &entry.plural {
            Some(plural) => format!(
                "msgid {text:?}\nmsgid_plural {plural:?}\nmsgstr[0] {translation:?}\nmsgstr[1] {:?}\n\n",
                pseudo(plural)
            ),
            None => format!("msgid {text:?}\nmsgstr {translation:?}\n\n"),
        });
    }
    parts.concat()
}

/// The text with accents, but for places of values, and longer.
fn pseudo(text: &str) -> String {
    if AS_IT_IS.contains(&text) {
        return text.to_owned();
    }
    let mut longer = String::new();
    let mut letters = 0;
    let mut is_place = false;
    for letter in text.chars() {
        is_place = (is_place || letter == '{' || letter == '$') && letter != '}' && letter != ')';
        let accent = ACCENTS.iter().find(|(plain, _)| *plain == letter);
        match accent.filter(|_| !is_place) {
            Some((_, accent)) => {
                longer.push(*accent);
                letters += 1;
                if letters % LONGER == 0 {
                    longer.push(*accent);
                }
            }
            None => longer.push(letter),
        }
    }
    longer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_change_and_places_do_not() {
        assert_eq!(pseudo("Rule for {app}"), "Rüļéé föŕ {app}");
        assert_eq!(pseudo("for $(time)"), "föŕ $(time)");
        assert_eq!(pseudo("%H:%M"), "%H:%M");
    }

    #[test]
    fn a_file_can_be_read_again() {
        let entry = Entry {
            context: Some("c".to_owned()),
            text: "a \"b\"\n".to_owned(),
            plural: Some("{n} b".to_owned()),
            ..Entry::default()
        };
        let file = translation(std::slice::from_ref(&entry));
        let entries = super::super::catalog::entries(&file).unwrap();
        assert_eq!(entries[1].key(), entry.key());
        assert_eq!(entries[1].translations[1], "{n} b");
    }
}
