//! Several questions of one program, put as one: the places that it wants to connect to.

use portreeve_dbus::Prompt;
use portreeve_policy::{For, Scope};

use super::{Choice, Extent, Kind, Question, details, heading, is_changed, letters, warning};
use crate::{
    i18n::{gettext, gettext_f, ngettext_f},
    model::{clock::in_words, queue::FLOOD},
    programs::Program,
};

/// One of several places that are asked about together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Of the prompt that asks about it.
    pub id: u64,
    /// Of that prompt.
    pub revision: u32,
    /// Its name, or its address.
    pub name: String,
    /// How far an answer reaches that is for the chosen places.
    pub reach: String,
    /// The same for the broker.
    pub scope: Scope,
}

/// Whether two prompts of a subject can be put as one question: only the destinations differ.
pub(in crate::model) fn go_together(one: &Prompt, other: &Prompt) -> bool {
    let is_place = |prompt: &Prompt| {
        let suggested = prompt.scopes.first();
        // The first answer about a changed file changes what the others ask.
        Kind::of(prompt) == Kind::Connect
            && !is_changed(prompt)
            && suggested.is_some_and(|word| word.parse::<Scope>().is_ok_and(|it| it != Scope::Any))
    };
    let whose = |prompt: &Prompt| {
        (
            (prompt.uid, prompt.unanswered.clone()),
            (prompt.verified, prompt.runs_anything, prompt.by_contents),
            (prompt.interpreter.clone(), prompt.sha256.clone()),
            (prompt.alterations.clone(), prompt.lifespans.clone()),
        )
    };
    is_place(one) && is_place(other) && whose(one) == whose(other)
}

impl Question {
    /// The same question, of the first of these prompts, about all of them.
    pub(super) fn about_places(mut self, prompts: &[Prompt], program: &Program) -> Self {
        self.places = prompts
            .iter()
            .filter_map(|prompt| Place::of(prompt, program))
            .collect();
        let can_be_anywhere = prompts
            .iter()
            .all(|prompt| prompt.scopes.iter().any(|word| word == Scope::Any.as_str()));
        let is_flood = can_be_anywhere && prompts.len() >= FLOOD;
        self.heading = heading::of_places(prompts, &self.name, is_flood);
        self.warning = prompts
            .iter()
            .find(|prompt| letters(prompt).is_some_and(|it| it.looks_alike))
            .or(prompts.first())
            .and_then(warning);
        if prompts.iter().any(|prompt| prompt.held > 0) {
            self.stopped = None;
        }
        self.process = prompts.iter().find_map(|prompt| prompt.waits);
        let places = Choice {
            value: Extent::Places,
            label: gettext("The chosen places"),
        };
        let anywhere = Choice {
            value: Extent::Scope(Scope::Any),
            label: gettext("Anywhere"),
        };
        self.scopes = match (can_be_anywhere, is_flood) {
            (false, _) => vec![places],
            (true, false) => vec![places, anywhere],
            (true, true) => vec![anywhere, places],
        };
        self.details = prompts
            .first()
            .map(|first| details::of_program(first, program))
            .unwrap_or_default();
        self
    }

    /// Which extent is chosen at first, where this one was before of a question that this one has grown from.
    pub fn extent_after(&self, before: Option<Extent>) -> usize {
        let at = |extent| self.scopes.iter().position(|choice| choice.value == extent);
        let before = before.map(|extent| at(extent).or_else(|| at(Extent::Places)));
        before.flatten().unwrap_or_default()
    }

    /// What stands over the places; `None` if only one is asked about.
    pub fn places_title(&self) -> Option<String> {
        let count = self.places.len();
        // Translators: places on the network that a program wants to connect to.
        (count > 0).then(|| ngettext_f("{n} place", "{n} places", count, &[]))
    }

    /// What an answer for so many of the places will do.
    pub fn consequence_for_places(&self, count: usize, lifespan: For) -> String {
        let time = match lifespan {
            For::Time(span) => in_words(span),
            For::Once | For::Process | For::Logout | For::Always => String::new(),
        };
        let values = [("app", self.name.as_str()), ("time", &time)];
        match lifespan {
            _ if count == 0 => gettext("No place is chosen."),
            For::Once => ngettext_f(
                "Your answer applies to {n} place, just this time.",
                "Your answer applies to {n} places, just this time.",
                count,
                &values,
            ),
            For::Process => ngettext_f(
                "Your answer applies to {n} place, until “{app}” quits.",
                "Your answer applies to {n} places, until “{app}” quits.",
                count,
                &values,
            ),
            For::Time(_) => ngettext_f(
                "Your answer applies to {n} place, for {time}.",
                "Your answer applies to {n} places, for {time}.",
                count,
                &values,
            ),
            For::Logout => ngettext_f(
                "Your answer applies to {n} place, until you log out.",
                "Your answer applies to {n} places, until you log out.",
                count,
                &values,
            ),
            For::Always => ngettext_f(
                "Your answer applies to {n} place, always.",
                "Your answer applies to {n} places, always.",
                count,
                &values,
            ),
        }
    }
}

impl Place {
    fn of(prompt: &Prompt, program: &Program) -> Option<Self> {
        let question = Question::new(prompt, program);
        let suggested = question.scopes.into_iter().next()?;
        let Extent::Scope(scope) = suggested.value else {
            return None;
        };
        let reach = match scope {
            Scope::Host => gettext("Any port"),
            Scope::HostPort => gettext_f("Port {port} only", &[("port", &details::port(prompt))]),
            _ => suggested.label,
        };
        Some(Self {
            id: prompt.id,
            revision: prompt.revision,
            name: question.host,
            reach,
            scope,
        })
    }
}
