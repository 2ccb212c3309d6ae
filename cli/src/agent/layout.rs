//! Text in lines of a terminal's width.

use crate::output::{columns, columns_of};

/// `text` in lines of at most `width` columns, broken between words, or within one that is too long.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    // A character may take two columns.
    let width = width.max(2);
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split(' ') {
        let gap = usize::from(!line.is_empty());
        let wide = columns(word);
        if used + gap + wide <= width {
            line.extend(std::iter::repeat_n(' ', gap));
            line.push_str(word);
            used += gap + wide;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        used = 0;
        for c in word.chars() {
            let wide = columns_of(c);
            if used + wide > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += wide;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_in_long_ones() {
        assert_eq!(wrap("", 20), [""]);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrap("a /usr/bin/curl b", 6),
            ["a", "/usr/b", "in/cur", "l b"]
        );
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
    }

    #[test]
    fn what_some_terminals_draw_as_one_is_counted_one_by_one() {
        // A family, a skin tone, Arabic lam and alef, flags.
        for text in ["👩\u{200d}👧", "👍🏽", "\u{644}\u{627}", "🇩🇪"] {
            let all = text.repeat(10);
            for line in wrap(&all, 8) {
                assert!(columns(&line) <= 8, "{line:?}");
            }
            assert_eq!(wrap(&all, 8).concat(), all);
            let long = wrap(&text.repeat(4), 4 * columns(text));
            assert_eq!(long.len(), 1, "{long:?}");
            assert!(wrap(&text.repeat(4), 4 * columns(text) - 1).len() > 1);
        }
    }

    #[test]
    fn no_line_is_wider_and_nothing_is_lost() {
        let text = "Allow “日本” to connect to a-very-long-name.of.a.host.example.org? e\u{301}";
        for width in 2..90 {
            let lines = wrap(text, width);
            for line in &lines {
                assert!(columns(line) <= width, "{width}: {line:?}");
            }
            let kept: String = lines.concat().split(' ').collect();
            assert_eq!(kept, text.split(' ').collect::<String>(), "{width}");
        }
    }
}
