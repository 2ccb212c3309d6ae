//! What the words of a rule say of its list.

use crate::{
    i18n::{gettext_f, ngettext_f},
    model::text::{isolate, shown},
};

/// A list, with how many entries it has if that is known.
pub(super) fn shown_list(name: &str, entries_of: Option<u32>) -> String {
    let name = isolate(&shown(name));
    // Translators: {name} is what a list of names and addresses is called.
    let list = gettext_f("in list “{name}”", &[("name", &name)]);
    match entries_of {
        Some(count) => format!("{list} · {}", entries(usize::try_from(count).unwrap_or(0))),
        None => list,
    }
}

/// So many entries of a list, in words.
pub(crate) fn entries(count: usize) -> String {
    // Translators: how many entries a list has.
    ngettext_f("{n} entry", "{n} entries", count, &[])
}

#[cfg(test)]
mod tests {
    use portreeve_dbus::Rule;

    use crate::model::{RuleWords, text::plain};

    #[test]
    fn a_rule_about_a_list_names_it_with_its_size() {
        let of = |entries| {
            let words = RuleWords::new(&Rule {
                program: None,
                destination: "list".into(),
                host: None,
                list: Some("ads".into()),
                entries,
                action: "deny".into(),
                ..super::super::tests::rule()
            });
            plain(&words.spoken)
        };
        assert_eq!(
            of(Some(84_213)),
            "Any program: deny in list “ads” · 84213 entries, always"
        );
        assert_eq!(
            of(Some(1)),
            "Any program: deny in list “ads” · 1 entry, always"
        );
        assert_eq!(of(None), "Any program: deny in list “ads”, always");
    }
}
