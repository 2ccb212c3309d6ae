//! Makes foreign text safe to print. A program chooses its own name and command line; it must not
//! be able to move the cursor, to set the terminal's title, or to turn the text's direction.

use portreeve_dbus::deceives;

/// `text` as it can be shown on one line.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if deceives(c) {
            cleaned.extend(c.escape_unicode());
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

/// `json` with everything escaped that JSON lets stand but a terminal would act on. Such characters
/// can only be in strings, where JSON's own escapes mean the same.
pub(super) fn clean_json(json: &str) -> String {
    let mut cleaned = String::with_capacity(json.len());
    for c in json.chars() {
        if deceives(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                cleaned.push_str(&escaped(*unit));
            }
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

fn escaped(unit: u16) -> String {
    format!("\\u{unit:04x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_stays() {
        assert_eq!(
            clean("curl -o \\x https://bücher.example/日本"),
            "curl -o \\x https://bücher.example/日本"
        );
    }

    #[test]
    fn escape_sequences_are_shown() {
        assert_eq!(clean("\u{1b}]0;root\u{7}"), "\\u{1b}]0;root\\u{7}");
        assert_eq!(clean("a\nb\tc\rd\u{7f}"), "a\\u{a}b\\u{9}c\\u{d}d\\u{7f}");
        // CSI as one character of the C1 set.
        assert_eq!(clean("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn the_direction_of_text_cannot_be_turned() {
        assert_eq!(clean("exe.\u{202e}fdp"), "exe.\\u{202e}fdp");
        assert_eq!(clean("a\u{200b}b\u{2066}c"), "a\\u{200b}b\\u{2066}c");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = "a\u{9b}b\u{202e}c\u{e0041}d\u{7f}\u{1b}\n";
        let cleaned = clean_json(&serde_json::to_string(text).unwrap());
        assert!(!cleaned.chars().any(deceives), "{cleaned}");
        assert_eq!(serde_json::from_str::<String>(&cleaned).unwrap(), text);
    }
}
