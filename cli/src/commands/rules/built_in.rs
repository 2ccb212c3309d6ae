//! `portreevectl rules built-in`: the rules that come with Portreeve, and what they say.

use portreeve_dbus::{Error as BrokerError, Rule};
use portreeve_i18n::{gettext, gettext_f};
use portreeve_policy::BuiltIn;
use serde::Serialize;

use super::patient_proxy;
use crate::{
    args::BuiltInRule,
    bus::{Bus, call_with_leave},
    error::Result,
    output::{Output, Table},
};

/// A built-in rule as programs read it.
#[derive(Debug, Serialize)]
struct View<'a> {
    rule: &'a str,
    action: &'a str,
    id: u64,
}

/// Lists the built-in rules of user `uid`, shows one, or has it say something else.
pub(super) async fn run(uid: u32, arguments: &BuiltInRule, output: &mut Output) -> Result<()> {
    let Some(rule) = arguments.rule else {
        let rules = Bus::connect().await?.rules().await?.list(uid).await?;
        let views: Vec<_> = BuiltIn::ALL
            .iter()
            .filter_map(|it| view(&rules, *it))
            .collect();
        return output.result(&views, |views| text(views));
    };
    if let Some(action) = arguments.action {
        let (rule, action) = (rule.as_str(), action.as_str());
        let proxy = patient_proxy().await?;
        call_with_leave::<_, ()>(proxy.inner(), "SetBuiltIn", &(uid, rule, action)).await?;
    }
    let rules = Bus::connect().await?.rules().await?.list(uid).await?;
    let view = view(&rules, rule).ok_or_else(|| {
        BrokerError::NoSuchRule(gettext_f(
            "cannot find {rule} among the rules of the broker",
            &[("rule", rule.as_str())],
        ))
    })?;
    output.result(&view, |view| {
        gettext_f(
            // Translators: {rule} and {action} are words that are typed so.
            "Rule {rule} says {action}.",
            &[("rule", view.rule), ("action", view.action)],
        )
    })
}

fn view(rules: &[Rule], rule: BuiltIn) -> Option<View<'_>> {
    let is_it = |other: &&Rule| other.built_in.as_deref() == Some(rule.as_str());
    let found = rules.iter().find(is_it)?;
    Some(View {
        rule: found.built_in.as_deref()?,
        action: &found.action,
        id: found.id,
    })
}

/// What a rule is about, for people.
fn about(word: &str) -> String {
    match word.parse() {
        // Translators: what a rule is about, after WHETHER, and the next.
        Ok(BuiltIn::ThisComputer) => gettext("this computer may be reached, by programs on it"),
        Ok(BuiltIn::NameLookups) => gettext("the computer's name servers may be asked for names"),
        Err(_) => String::new(),
    }
}

fn text(rules: &[View<'_>]) -> String {
    let mut table = Table::new([gettext("RULE"), gettext("ACTION"), gettext("WHETHER")]);
    for rule in rules {
        let (word, action) = (rule.rule.to_owned(), rule.action.to_owned());
        table.row([word, action, about(rule.rule)]);
    }
    table.render()
}
