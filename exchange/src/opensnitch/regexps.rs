//! Regular expressions that say no more than a list of words would: those that OpenSnitch's window writes.

/// Most words in one.
const MOST: usize = 64;

/// Places in the local network, as the rules editor writes them for “LAN”.
pub(super) const LAN: &str = r"^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|169\.254\.\d{1,3}\.\d{1,3}|192\.168\.\d{1,3}\.\d{1,3}|172\.1[6-9]\.\d+\.\d+|172\.2[0-9]\.\d+\.\d+|172\.3[0-1]+\.\d{1,3}\.\d{1,3}|10\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|f[cde].*::.*)$";
/// What it writes for “MULTICAST”.
pub(super) const MULTICAST: &str = r"^(2[32][23459]\.\d{1,3}\.\d{1,3}\.\d{1,3})$";

/// The words of `^word$` or `^(word|word)$`.
pub(super) fn words(pattern: &str) -> Option<Vec<String>> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let grouped = inner
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'));
    let words: Vec<&str> = match grouped {
        Some(inner) => inner.split('|').take(MOST + 1).collect(),
        None => vec![inner],
    };
    if words.len() > MOST {
        return None;
    }
    words.into_iter().map(literal).collect()
}

/// The domain of `^(|.*\.)example\.org$`, which is the name and all that end with it.
pub(super) fn domain(pattern: &str) -> Option<String> {
    let rest = pattern
        .strip_prefix(r"^(|.*\.)")
        .or_else(|| pattern.strip_prefix(r"^(.*\.|)"))
        .or_else(|| pattern.strip_prefix(r"^(.*\.)?"))?;
    literal(rest.strip_suffix('$')?)
}

/// What a pattern means that has nothing but itself for a meaning.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            // Before a letter or a digit it is a class, or something else that is not itself.
            '\\' => text.push(chars.next().filter(char::is_ascii_punctuation)?),
            '.' | '^' | '$' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' => {
                return None;
            }
            c => text.push(c),
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        let read = |pattern: &str| words(pattern).map(|words| words.join(" "));
        for (pattern, expected) in [
            (r"^(80|443)$", "80 443"),
            (r"^80$", "80"),
            (r"^/usr/bin/python3\.13$", "/usr/bin/python3.13"),
            (r"^\/opt\/my\-app$", "/opt/my-app"),
            (r"^(tcp|tcp6)$", "tcp tcp6"),
        ] {
            assert_eq!(read(pattern).as_deref(), Some(expected), "{pattern}");
        }
    }

    #[test]
    fn what_means_more_is_not() {
        for pattern in [
            "443",
            "^443",
            "443$",
            r"a\.b\..*",
            "^$",
            "^()$",
            "^(80|)$",
            "^a.b$",
            r"^a\db$",
            "^80|443$",
            "^(80|443$",
            r"^(80\|443)$",
            r"^(80|443\)$",
            r"^80\$",
            "^(?:80|443)$",
            "^((80)|443)$",
            "^[48]0$",
            r"^\Qa\E$",
            r"^/tmp/\.mount_Cursor[0-9A-Za-z]+\/.*bin$",
            r"^\/snap\/app\/[0-9]+\/usr\/bin\/app$",
        ] {
            assert_eq!(words(pattern), None, "{pattern}");
        }
        assert_eq!(words(&format!("^({})$", vec!["1"; 65].join("|"))), None);
    }

    #[test]
    fn domains_are_read() {
        for pattern in [
            r"^(|.*\.)yahoo\.com$",
            r"^(.*\.|)yahoo\.com$",
            r"^(.*\.)?yahoo\.com$",
        ] {
            assert_eq!(domain(pattern).as_deref(), Some("yahoo.com"), "{pattern}");
        }
        for pattern in [
            r".*\.yahoo\.com$",
            r"^.*\.yahoo\.com$",
            r"^(|.*\.)yahoo.com$",
            r"^(|.*\.)yahoo\.(com|net)$",
            r"^(|.*\.)yahoo\.com",
            r"^(|.*\.)$",
        ] {
            assert_eq!(domain(pattern), None, "{pattern}");
        }
    }
}
