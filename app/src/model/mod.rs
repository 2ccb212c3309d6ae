//! What the windows show, without widgets: every rule of behaviour that can be tested without a
//! display is here.

mod absence;
mod activity_facts;
mod activity_item;
mod activity_list;
mod activity_view;
mod activity_words;
mod bulk;
mod change_words;
mod clock;
mod countdown;
mod destinations;
mod draft;
mod health;
mod hindsight;
mod import_preview;
mod mode_words;
mod program_item;
mod program_list;
mod program_rules;
mod program_words;
mod question;
mod queue;
mod rule_item;
mod rule_list;
mod rule_words;
mod settings_words;
mod text;
mod timeline;
mod week;
mod wrapping;

pub use absence::Absence;
pub use activity_facts::{ActivityFacts, Fact};
pub use activity_item::ActivityItem;
pub use activity_list::ActivityList;
pub use activity_view::{ActivityView, DIRECTIONS, PLACES, Period, VERDICTS, chip};
pub use activity_words::ActivityWords;
pub use bulk::{Bulk, Merge};
pub use change_words::ChangeWords;
pub(crate) use change_words::changed;
pub(crate) use clock::{boot_time, in_words, moment};
pub use countdown::Countdown;
pub use destinations::{
    Destinations, Group as DestinationGroup, Place as DestinationPlace, Port as ListeningPort,
};
pub use draft::{
    ACTIONS, Draft, DraftDestination, DraftError, DraftNetwork, DraftProcesses, PROTOCOLS,
};
pub use health::{StateFact, state_facts};
pub use hindsight::{Asking, matched_words};
pub use import_preview::{ImportPart, ImportPreview, Line as ImportLine, summary};
pub use mode_words::ModeWords;
pub use program_item::ProgramItem;
pub use program_list::{ProgramFilter, ProgramList};
pub use program_rules::{DEFAULTS, ProgramRules, Standing, can_be_ruled};
pub use program_words::ProgramWords;
pub use question::{Choice, Detail, Extent, Place, Question};
pub use queue::Queue;
pub use rule_item::RuleItem;
pub use rule_list::RuleList;
pub use rule_words::RuleWords;
pub use settings_words::{
    SettingFact, SettingsGroup, settings_groups, settings_source, state_groups,
};
pub use text::{is_right_to_left, isolate, plain, shown};
pub use timeline::{Calls, TimelineParts};
pub use week::{DAYS, HOURS, Week};
pub use wrapping::Wrapping;
