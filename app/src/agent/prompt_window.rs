//! The window that asks one question.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{accessible::Relation, glib};
use portreeve_dbus::Prompt;
use portreeve_policy::{For, Scope};

use crate::{
    model::{Choice, Extent, Question, plain},
    programs::Program,
    sentence::show_sentence,
};

mod countdown;
mod height;
mod imp;
mod menu;
mod others;
mod places;

pub use others::Other;

/// What takes up the window's width beside the question and beside the sentence on the answer: margins,
/// and the picture and its distance. Pixels.
const BESIDE_HEADING: i32 = 125;
const BESIDE_CONSEQUENCE: i32 = 50;

/// Size of the program's icon, pixels; and what prompt.css puts around the one for programs without.
const ICON: i32 = 56;
const ICON_PADDING: i32 = 12;
const NO_ICON: &str = "program";

/// An answer to one prompt of those that are shown as one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Of this prompt.
    pub id: u64,
    /// This revision.
    pub revision: u32,
    /// How far it reaches.
    pub scope: Scope,
}

/// What a person has done with a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This revision has come onto the screen.
    Shown {
        /// Of this prompt.
        id: u64,
        /// This revision.
        revision: u32,
    },
    /// It was answered.
    Answer {
        /// What was seen, and how far the answer to that reaches.
        given: Vec<Given>,
        /// Whether it was allowed.
        allow: bool,
        /// How long.
        lifespan: For,
    },
    /// It is to be decided later; the window closes.
    Later,
    /// It is another subject's turn.
    Choose(String),
    /// All that waits is to be decided later.
    AllLater,
    /// For a while nothing is to be asked, and what no rule is about to be denied.
    Snooze,
}

glib::wrapper! {
    /// A window that asks one question at a time, about one program after the other.
    pub struct PromptWindow(ObjectSubclass<imp::PromptWindow>)
        @extends adw::ApplicationWindow, gtk::ApplicationWindow, gtk::Window, gtk::Widget,
        @implements gtk::gio::ActionGroup, gtk::gio::ActionMap, gtk::Accessible, gtk::Buildable,
            gtk::ConstraintTarget, gtk::Native, gtk::Root, gtk::ShortcutManager;
}

impl PromptWindow {
    /// A window that shows nothing yet. `on_outcome` learns what the person does.
    pub fn new(
        application: &impl IsA<gtk::Application>,
        on_outcome: impl Fn(Outcome) + 'static,
    ) -> Self {
        let window: Self = glib::Object::builder()
            .property("application", application)
            .build();
        window.imp().on_outcome.replace(Some(Box::new(on_outcome)));
        window
    }

    /// Has questions that come from now on begin with their details if these are to be open, and suggest no longer
    /// lifespan than this.
    pub fn prefer(&self, details: bool, longest: For) {
        self.imp().opens_details.set(details);
        self.imp().longest.set(Some(longest));
    }

    /// Asks what these prompts do, as one question; `waiting` more of the same program wait behind them.
    ///
    /// A question that is on the screen already keeps what was chosen in it.
    pub fn ask(&self, prompts: &[Prompt], program: &Program, waiting: usize) {
        let imp = self.imp();
        let Some(mut question) = Question::of(prompts, program) else {
            return;
        };
        if let Some(longest) = imp.longest.get() {
            question.suggest_at_most(longest);
        }
        let asked: Vec<_> = prompts.iter().map(|it| (it.id, it.revision)).collect();
        let before = imp.shown.replace(Some(imp::Shown {
            asked: asked.clone(),
            question: question.clone(),
        }));
        let same = before.as_ref().is_some_and(|before| before.asked == asked);
        let unmoved = same
            && before.as_ref().is_some_and(|before| {
                let before = &before.question;
                // A program may have got its title and its icon: that can move what is below.
                before.stopped.is_some() == question.stopped.is_some()
                    && before.heading == question.heading
                    && before.identity == question.identity
                    && before.icon == question.icon
            });

        self.show_words(&question, waiting);
        imp.places().show(&question);
        // Of what has only grown, what was chosen stays: it is not for the program to choose otherwise.
        let grown = !same
            && before.as_ref().is_some_and(|before| {
                let mut ids = before.asked.iter().map(|(id, _)| id);
                ids.any(|id| asked.iter().any(|(other, _)| other == id))
            });
        let chosen = self.chosen_of(before.as_ref()).filter(|_| grown);
        if before.is_none_or(|before| !same || before.question.scopes != question.scopes) {
            let extent = chosen.map(|(extent, _)| extent);
            fill(
                &imp.scope_row,
                &question.scopes,
                question.extent_after(extent),
            );
        }
        if !same {
            let kept = chosen.and_then(|(_, lifespan)| {
                let mut lifespans = question.lifespans.iter();
                lifespans.position(|choice| choice.value == lifespan)
            });
            let suggested = question.suggested_lifespan;
            fill(
                &imp.lifespan_row,
                &question.lifespans,
                kept.unwrap_or(suggested),
            );
            imp.details_row.set_expanded(imp.opens_details.get());
        }
        self.show_details(&question);
        self.fill_menu(&question);
        self.show_consequence();
        self.fit();
        let deadlines = prompts.iter().map(|prompt| prompt.deadline);
        imp.count_down(deadlines.filter(|it| *it > 0).min().unwrap_or_default());
        if !unmoved {
            imp.guard().change();
        }
        if !same {
            imp.guard().set_busy(false);
            if self.is_mapped() {
                self.tell_shown();
            }
        }
    }

    /// An answer is on its way, or no longer is.
    pub fn set_answering(&self, answering: bool) {
        self.imp().guard().set_busy(answering);
    }

    /// Says all the time that no program waits for the answer, and offers nothing that would do something.
    pub fn mark_as_practice(&self) {
        let imp = self.imp();
        imp.practice.set_visible(true);
        imp.menu_button.set_visible(false);
    }

    /// Says that something went wrong.
    pub fn show_error(&self, text: &str) {
        self.imp()
            .toasts
            .add_toast(adw::Toast::builder().title(text).use_markup(false).build());
    }

    /// Opens or closes the details.
    pub fn set_details_expanded(&self, expanded: bool) {
        self.imp().details_row.set_expanded(expanded);
    }

    /// Chooses how far an answer is to reach, if that is offered.
    pub fn choose_extent(&self, extent: Extent) {
        let imp = self.imp();
        let shown = imp.shown.borrow();
        let scopes = shown.as_ref().map(|shown| shown.question.scopes.iter());
        let index = scopes.and_then(|mut it| it.position(|choice| choice.value == extent));
        drop(shown);
        if let Some(index) = index.and_then(|index| u32::try_from(index).ok()) {
            imp.scope_row.set_selected(index);
        }
    }

    fn show_heading(&self, heading: &str) {
        let room = self.default_width() - BESIDE_HEADING;
        show_sentence(&self.imp().heading, heading, Some(room));
    }

    /// The window has another width: names may fit in a line that did not, or no longer.
    fn wrap_anew(&self) {
        let shown = self.imp().shown.borrow();
        let heading = shown.as_ref().map(|shown| shown.question.heading.clone());
        drop(shown);
        if let Some(heading) = heading {
            self.show_heading(&heading);
            self.show_consequence();
            self.fit_title();
        }
    }

    fn show_words(&self, question: &Question, waiting: usize) {
        let imp = self.imp();
        let heading = plain(&question.heading);
        self.set_title(Some(&heading));
        self.show_heading(&question.heading);
        show_sentence(&imp.identity, &question.identity, None);
        self.show_icon(question.icon.as_deref());
        imp.warning
            .set_label(question.warning.as_deref().unwrap_or_default());
        imp.warning_box.set_visible(question.warning.is_some());
        imp.stopped
            .set_label(question.stopped.as_deref().unwrap_or_default());
        imp.stopped.set_visible(question.stopped.is_some());
        imp.countdown_label.set_label(&question.countdown);
        let waiting = Question::waiting(waiting);
        imp.title
            .set_subtitle(waiting.as_deref().unwrap_or_default());
        // On a narrow screen there may be no room for all of it.
        imp.title.set_tooltip_text(waiting.as_deref());
        self.fit_title();

        let mut described_by: Vec<&gtk::Accessible> = vec![imp.identity.upcast_ref()];
        if question.warning.is_some() {
            described_by.push(imp.warning.upcast_ref());
        }
        if question.stopped.is_some() {
            described_by.push(imp.stopped.upcast_ref());
        }
        described_by.push(imp.consequence.upcast_ref());
        self.update_relation(&[
            Relation::LabelledBy(&[imp.heading.upcast_ref()]),
            Relation::DescribedBy(&described_by),
        ]);
    }

    /// Shows the program's own icon, if there is one.
    fn show_icon(&self, icon: Option<&str>) {
        let image = &*self.imp().icon;
        let icons = &self.imp().icons;
        match icon.and_then(|icon| icons.find(icon, ICON, image.upcast_ref())) {
            Some(icon) => {
                image.set_paintable(Some(&icon));
                image.set_pixel_size(ICON);
                image.remove_css_class(NO_ICON);
            }
            None => {
                image.set_icon_name(Some("application-x-executable-symbolic"));
                image.set_pixel_size(ICON - 2 * ICON_PADDING);
                image.add_css_class(NO_ICON);
            }
        }
    }

    fn show_details(&self, question: &Question) {
        let imp = self.imp();
        let mut rows = imp.detail_rows.borrow_mut();
        let kept = question.details.len().min(rows.len());
        for row in rows.drain(kept..) {
            imp.details_row.remove(&row);
        }
        for (index, detail) in question.details.iter().enumerate() {
            if index == rows.len() {
                let row = adw::ActionRow::builder()
                    .use_markup(false)
                    .subtitle_selectable(true)
                    .css_classes(["property"])
                    .build();
                imp.details_row.add_row(&row);
                rows.push(row);
            }
            if let Some(row) = rows.get(index) {
                row.set_title(&detail.title);
                row.set_subtitle(&detail.value);
            }
        }
    }

    /// Shows what an answer would do now.
    fn show_consequence(&self) {
        let imp = self.imp();
        let chosen = self.chosen();
        let is_for_places = chosen.is_some_and(|(extent, _)| extent == Extent::Places);
        imp.places().set_choosable(is_for_places);
        let places = imp.places().chosen();
        let text = match (&*imp.shown.borrow(), chosen) {
            (Some(shown), Some((Extent::Scope(scope), lifespan))) => {
                shown.question.consequence(scope, lifespan)
            }
            (Some(shown), Some((Extent::Places, lifespan))) => shown
                .question
                .consequence_for_places(places.len(), lifespan),
            _ => String::new(),
        };
        imp.guard()
            .set_unanswerable(is_for_places && places.is_empty());
        let room = self.default_width() - BESIDE_CONSEQUENCE;
        show_sentence(&imp.consequence, &text, Some(room));
    }

    /// Something of the question that is shown.
    fn question<T>(&self, of: impl FnOnce(&Question) -> T) -> Option<T> {
        let shown = self.imp().shown.borrow();
        shown.as_ref().map(|shown| of(&shown.question))
    }

    /// How far and how long an answer would be, as it is chosen now.
    fn chosen(&self) -> Option<(Extent, For)> {
        self.chosen_of(self.imp().shown.borrow().as_ref())
    }

    /// The same of what was shown.
    fn chosen_of(&self, shown: Option<&imp::Shown>) -> Option<(Extent, For)> {
        let imp = self.imp();
        let question = &shown?.question;
        let extent = chosen(&imp.scope_row, &question.scopes)?;
        let lifespan = chosen(&imp.lifespan_row, &question.lifespans)?;
        Some((extent, lifespan))
    }

    /// A button was pressed.
    fn answer(&self, allow: bool) {
        if let Some((extent, lifespan)) = self.chosen() {
            self.give(allow, extent, lifespan);
        }
    }

    /// Gives this answer, if any may be given now.
    fn give(&self, allow: bool, extent: Extent, lifespan: For) {
        let imp = self.imp();
        if !imp.guard().accepts() {
            return;
        }
        let given = match extent {
            Extent::Places => imp.places().chosen(),
            // What the others ask is settled with it.
            Extent::Scope(scope) => {
                let shown = imp.shown.borrow();
                let first = shown.as_ref().and_then(|shown| shown.asked.first());
                first
                    .map(|&(id, revision)| Given {
                        id,
                        revision,
                        scope,
                    })
                    .into_iter()
                    .collect()
            }
        };
        if given.is_empty() {
            return;
        }
        imp.guard().set_busy(true);
        imp.tell(Outcome::Answer {
            given,
            allow,
            lifespan,
        });
    }

    /// The question is on the screen: tells so, and has it read aloud.
    fn tell_shown(&self) {
        let imp = self.imp();
        let Some((asked, words)) = imp.shown.borrow().as_ref().map(|shown| {
            let question = &shown.question;
            let words = [
                Some(&question.heading),
                Some(&question.identity),
                question.warning.as_ref(),
            ];
            let places = question.places.iter().map(|place| &place.name);
            let words: Vec<_> = words
                .into_iter()
                .flatten()
                .chain(places)
                .map(|text| plain(text))
                .collect();
            (shown.asked.clone(), words.join("\n"))
        }) else {
            return;
        };
        self.announce(&words, gtk::AccessibleAnnouncementPriority::High);
        for (id, revision) in asked {
            imp.tell(Outcome::Shown { id, revision });
        }
    }
}

fn fill<T>(row: &adw::ComboRow, choices: &[Choice<T>], suggested: usize) {
    let labels: Vec<_> = choices.iter().map(|choice| choice.label.as_str()).collect();
    row.set_model(Some(&gtk::StringList::new(&labels)));
    row.set_selected(u32::try_from(suggested).unwrap_or_default());
}

fn chosen<T: Copy>(row: &adw::ComboRow, choices: &[Choice<T>]) -> Option<T> {
    choices
        .get(usize::try_from(row.selected()).ok()?)
        .map(|choice| choice.value)
}
