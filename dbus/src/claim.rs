//! For clients: text that a program has chosen, such as its name and command line, is a claim. Shown
//! as it is, it could move a terminal's cursor, hide a part of itself or turn the direction of others.

/// Whether a character is invisible or acts on the characters around it: not to be shown as it is.
pub fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul fillers, Khmer
            // inherent vowels, Mongolian separators.
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
            // Zero-width characters and marks, line and paragraph separators, embeddings,
            // overrides, isolates, invisible operators.
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            // Tags and variation selectors.
            | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_stays() {
        assert!(!"curl -o \\x “ü” 日本 אב 🙂".chars().any(deceives));
    }

    #[test]
    fn what_acts_on_a_terminal_or_on_other_text_does_not() {
        let texts = "\0\n\t\r\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{61c}\u{180e}\u{200b}\u{202e}\u{2066}\u{feff}\u{fffb}";
        for c in texts.chars().chain(['\u{e0041}', '\u{3164}', '\u{fe0f}']) {
            assert!(deceives(c), "{c:?}");
        }
    }
}
