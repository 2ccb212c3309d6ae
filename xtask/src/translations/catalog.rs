//! Files of translations (.po) and their template (.pot), as far as they are checked.

use anyhow::{Context as _, Result, bail};

/// One entry of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// What tells it from another with the same text.
    pub(super) context: Option<String>,
    /// The text; empty for the file's header.
    pub(super) text: String,
    /// The text for several.
    pub(super) plural: Option<String>,
    /// The translations: one, or one for each form of the language's plural.
    pub(super) translations: Vec<String>,
    /// Whether a person has yet to look at the translation.
    pub(super) is_fuzzy: bool,
}

impl Entry {
    /// Whether it is the file's header.
    pub(super) fn is_header(&self) -> bool {
        self.text.is_empty() && self.context.is_none()
    }

    /// What names it in a file.
    pub(super) fn key(&self) -> (Option<&str>, &str, Option<&str>) {
        (self.context.as_deref(), &self.text, self.plural.as_deref())
    }
}

/// The entries of a file, the header among them. One with entries that are no longer used is refused.
pub(super) fn entries(file: &str) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut entry = Entry::default();
    let mut string: Option<&mut String> = None;
    for (number, line) in (1..).zip(file.lines()) {
        let at = || format!("line {number}");
        if line.starts_with("#~") {
            bail!("line {number}: what is no longer used is to be deleted");
        }
        if line.starts_with('#') || line.is_empty() {
            string = None;
            if !entry.translations.is_empty() {
                entries.push(std::mem::take(&mut entry));
            }
            entry.is_fuzzy |= line.starts_with("#,") && line.contains("fuzzy");
            continue;
        }
        let (keyword, literal) = line.split_once('"').with_context(at)?;
        let value = unquoted(literal.strip_suffix('"').with_context(at)?).with_context(at)?;
        let place = match keyword.trim_end() {
            "" => string.with_context(at)?,
            "msgctxt" => entry.context.insert(String::new()),
            "msgid" => &mut entry.text,
            "msgid_plural" => entry.plural.insert(String::new()),
            word if word.starts_with("msgstr") => {
                entry.translations.push(String::new());
                entry.translations.last_mut().with_context(at)?
            }
            _ => bail!("line {number}: unknown word"),
        };
        place.push_str(&value);
        string = Some(place);
    }
    if !entry.translations.is_empty() {
        entries.push(entry);
    }
    Ok(entries)
}

fn unquoted(literal: &str) -> Result<String> {
    let mut text = String::new();
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(character @ ('"' | '\\')) => character,
                _ => bail!("unknown escape"),
            },
            character => character,
        });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read() {
        let file = r#"# A comment.
msgid ""
msgstr ""
"Language: de\n"

#. Translators: of this.
#: a.rs
#, fuzzy
msgctxt "context"
msgid "one “{a}”"
msgstr "ein “{a}”"

#: b.rs
msgid "{n} rule"
msgid_plural ""
"{n} "
"rules"
msgstr[0] "{n} Regel"
msgstr[1] "{n} \"Regeln\""
"#;
        let entries = entries(file).unwrap();
        assert_eq!(entries.len(), 3);
        assert!(entries[0].is_header() && entries[0].translations == ["Language: de\n"]);
        assert!(entries[1].is_fuzzy && !entries[2].is_fuzzy);
        assert_eq!(entries[1].context.as_deref(), Some("context"));
        assert_eq!(entries[1].text, "one “{a}”");
        assert_eq!(entries[2].plural.as_deref(), Some("{n} rules"));
        assert_eq!(entries[2].translations, ["{n} Regel", "{n} \"Regeln\""]);
    }

    #[test]
    fn what_is_no_longer_used_is_refused() {
        assert!(entries("#~ msgid \"a\"\n#~ msgstr \"b\"\n").is_err());
    }
}
