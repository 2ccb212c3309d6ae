//! The text to be translated in Rust sources, found in the tokens that the compiler sees.
//!
//! xgettext reads Rust from version 0.24 on, and the baseline has 0.23, to which a string that goes on in
//! the next line is another than it is.

use std::str::FromStr as _;

use anyhow::{Context as _, Result, anyhow, bail};
use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use syn::Lit;

/// The functions that translate, each with how many of its arguments are text.
const KEYWORDS: [(&str, usize); 3] = [("gettext", 1), ("gettext_f", 1), ("ngettext_f", 2)];
/// How a comment for translators begins.
const FOR_TRANSLATORS: &str = "// Translators:";

/// One text to be translated.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The text, for one of what is counted where it has a plural.
    pub(super) text: String,
    /// The text for several.
    pub(super) plural: Option<String>,
    /// What the translators are told.
    pub(super) comment: String,
    line: usize,
}

/// The texts in a source file, tests left out.
pub(super) fn messages(source: &str) -> Result<Vec<Message>> {
    let tokens = TokenStream::from_str(source).map_err(|error| anyhow!("cannot parse: {error}"))?;
    let mut messages = Vec::new();
    walk(tokens, &mut messages)?;
    messages.sort_by_key(|message| message.line);
    let mut comments = comments(source).into_iter().peekable();
    for message in &mut messages {
        while let Some((_, text)) = comments.next_if(|(line, _)| *line < message.line) {
            if !message.comment.is_empty() {
                message.comment.push('\n');
            }
            message.comment.push_str(&text);
        }
    }
    if let Some((line, _)) = comments.next() {
        bail!("line {line}: this comment for translators has no text below it");
    }
    Ok(messages)
}

/// The messages as a part of a template.
pub(super) fn template(path: &str, messages: &[Message]) -> String {
    let mut parts = Vec::new();
    for message in messages {
        let comment = message.comment.lines();
        parts.extend(comment.map(|line| format!("#. {line}\n")));
        parts.push(format!("#: {path}\nmsgid {}\n", quoted(&message.text)));
        parts.push(match &message.plural {
            Some(plural) => {
                let plural = quoted(plural);
                format!("msgid_plural {plural}\nmsgstr[0] \"\"\nmsgstr[1] \"\"\n\n")
            }
            None => "msgstr \"\"\n\n".to_owned(),
        });
    }
    parts.concat()
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n").replace('\t', "\\t"))
}

fn walk(tokens: TokenStream, messages: &mut Vec<Message>) -> Result<()> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    let mut before: Option<&Ident> = None;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' && is_for_tests(tokens.get(at)) => {
                at = past_item(&tokens, at + 1);
            }
            TokenTree::Ident(word) if *word == "use" && !is_bound(tokens.get(at)) => {
                at = past_item(&tokens, at);
            }
            TokenTree::Ident(word) => {
                let keyword = KEYWORDS.iter().find(|(keyword, _)| *word == keyword);
                let is_defined = before.is_some_and(|before| *before == "fn");
                if let Some((name, texts)) = keyword.filter(|_| !is_defined) {
                    let message = call(name, *texts, word.span(), tokens.get(at));
                    messages.push(message?);
                }
                before = Some(word);
                continue;
            }
            TokenTree::Group(group) => walk(group.stream(), messages)?,
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        before = None;
    }
    Ok(())
}

/// Whether this is the rest of `#[cfg(test)]`.
fn is_for_tests(attribute: Option<&TokenTree>) -> bool {
    matches!(attribute, Some(TokenTree::Group(group))
        if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// Whether this follows a `use` that imports nothing, as in `impl Trait + use<'a>`.
fn is_bound(next: Option<&TokenTree>) -> bool {
    matches!(next, Some(TokenTree::Punct(punct)) if punct.as_char() == '<')
}

/// The place behind the item that begins here.
fn past_item(tokens: &[TokenTree], begin: usize) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => punct.as_char() == ';' && punct.spacing() == Spacing::Alone,
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    let rest = tokens.get(begin..).unwrap_or_default();
    begin
        + rest
            .iter()
            .position(is_end)
            .map_or(rest.len(), |end| end + 1)
}

fn call(name: &str, texts: usize, place: Span, arguments: Option<&TokenTree>) -> Result<Message> {
    let line = place.start().line;
    let Some(TokenTree::Group(group)) = arguments else {
        bail!("line {line}: {name} is to be called, or its texts are not found");
    };
    let mut found = literals(group)
        .take(texts)
        .collect::<Option<Vec<_>>>()
        .with_context(|| {
            format!("line {line}: {name} needs a literal; for what is translated already there is fill()")
        })?
        .into_iter();
    let (text, line) = found
        .next()
        .with_context(|| format!("line {line}: {name} without a text"))?;
    Ok(Message {
        text,
        plural: found.next().map(|(text, _)| text),
        comment: String::new(),
        line,
    })
}

/// The arguments, with the lines they are in; `None` for one that is not a string.
fn literals(group: &Group) -> impl Iterator<Item = Option<(String, usize)>> {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let arguments: Vec<Option<(String, usize)>> = tokens
        .split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
        .map(|argument| match argument {
            [TokenTree::Literal(literal)] => match Lit::new(literal.clone()) {
                Lit::Str(text) => Some((text.value(), literal.span().start().line)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    arguments.into_iter()
}

/// The comments for translators, each with the line it ends in.
fn comments(source: &str) -> Vec<(usize, String)> {
    let mut comments: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (line, text) in (1..).zip(source.lines().map(str::trim)) {
        is_open = text.starts_with(FOR_TRANSLATORS) || (is_open && text.starts_with("//"));
        let words = text.trim_start_matches('/').trim();
        match comments.last_mut() {
            Some((end, comment)) if is_open && !text.starts_with(FOR_TRANSLATORS) => {
                *end = line;
                comment.push('\n');
                comment.push_str(words);
            }
            _ if is_open => comments.push((line, words.to_owned())),
            _ => {}
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        let messages = messages(source).unwrap().into_iter();
        messages.map(|message| message.text).collect()
    }

    #[test]
    fn strings_are_what_the_compiler_sees() {
        let source = r##"
            fn f<'a>(c: char) -> impl Fn() + use<'a> {
                if c == '"' { return gettext("one “{a}”"); }
                assert_eq!(gettext("in \"macros\"\n"), x);
                let y = gettext("goes on \
                                 below");
                let path: &'a str = gettext_f(r#"raw "x" \n"#, &[]);
            }
        "##;
        let expected = [
            "one “{a}”",
            "in \"macros\"\n",
            "goes on below",
            "raw \"x\" \\n",
        ];
        assert_eq!(texts(source), expected);
        assert_eq!(quoted("a \"b\"\n\\"), r#""a \"b\"\n\\""#);
    }

    #[test]
    fn tests_imports_and_definitions_are_no_calls() {
        let source = "
            use crate::i18n::{gettext, gettext_f};
            pub use gettextrs::gettext;
            pub fn gettext_f(msgid: &str) {}
            #[cfg(test)]
            mod tests { fn t() { gettext(\"of a test\"); } }
            fn g() { gettext(\"of the program\"); }
        ";
        assert_eq!(texts(source), ["of the program"]);
    }

    #[test]
    fn what_could_be_missed_is_refused() {
        for source in [
            "fn f() { gettext(name) }",
            "fn f() { gettext_f(&gettext(\"twice\"), &[]) }",
            "fn f() { names.map(gettext) }",
            "fn f() { ngettext_f(\"one\", many, 2, &[]) }",
            "fn f() { gettext(concat!(\"a\", \"b\")) }",
            "// Translators: of nothing.\nfn f() {}",
        ] {
            assert!(messages(source).is_err(), "{source}");
        }
    }

    #[test]
    fn a_comment_is_for_the_next_text() {
        let source = "fn f() {
            gettext(\"first\");
            // Translators: of the second,
            // in two lines.
            match x {
                y => gettext_f(\"second\", &[]),
                // Not for translators.
                z => ngettext_f(
                    // Translators: of the third.
                    \"{n} third\",
                    \"{n} thirds\",
                    2,
                    &[],
                ),
            }
        }";
        let found = messages(source).unwrap();
        let comments: Vec<_> = found.iter().map(|it| it.comment.as_str()).collect();
        let second = "Translators: of the second,\nin two lines.";
        assert_eq!(comments, ["", second, "Translators: of the third."]);
        assert_eq!(found[2].plural.as_deref(), Some("{n} thirds"));
        assert!(template("a.rs", &found).contains(
            "#. Translators: of the third.\n#: a.rs\nmsgid \"{n} third\"\nmsgid_plural \"{n} thirds\"\n"
        ));
    }
}
