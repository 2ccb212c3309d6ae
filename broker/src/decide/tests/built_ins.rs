//! Built-in rules: what users make of them, and who may.

use std::sync::Arc;

use portreeve_dbus::{Error, Rule};
use portreeve_policy::{Action, BuiltIn, For, Mode, Object, Operation, Outcome, Protocol, Scope};
use tokio::sync::oneshot;

use super::{
    super::{BuiltInSet, Command, RuleLeave},
    desk::{ALICE, BOB, Desk, asking, at, frozen, remove, said, spec_for},
    kernel::Told,
    modes::set,
    running::Running,
};
use crate::{config::Config, store::fail_built_ins};

const CURL: &str = "/usr/bin/curl";
const LOOKUPS: BuiltIn = BuiltIn::NameLookups;
const HERE: BuiltIn = BuiltIn::ThisComputer;

/// A name server of the computer's, asked by UDP.
fn name_server(address: &str) -> Object {
    let mut object = Object {
        protocol: Protocol::UDP,
        ..at(address, 53)
    };
    object.knowledge.name_server = true;
    object
}

impl Desk {
    async fn try_built_in(
        &self,
        wanted: (BuiltIn, Action),
        leave: RuleLeave,
    ) -> Result<BuiltInSet, Error> {
        let command = |reply| Command::SetBuiltIn {
            uid: ALICE,
            wanted,
            leave,
            reply,
        };
        let set = self.ask(command).await;
        self.rest().await;
        set
    }

    /// Root has a built-in rule say something else to Alice.
    pub(super) async fn built_in(&self, rule: BuiltIn, action: Action) {
        let set = self.try_built_in((rule, action), RuleLeave::Allow).await;
        assert_eq!(set.unwrap(), BuiltInSet::Done);
    }

    /// What a call is told at once.
    pub(super) async fn told_at(&self, program: &Running, object: Object) -> Option<Told> {
        let call = self.call(program, object).await;
        self.rest().await;
        self.told(call)
    }

    /// The built-in rules as a user sees them.
    async fn listed(&self, uid: u32) -> Vec<(String, String)> {
        let command = |reply| Command::Rules { uid, reply };
        let rules: Vec<Rule> = self.ask(command).await.unwrap();
        let mut listed: Vec<_> = rules
            .into_iter()
            .filter_map(|rule| Some((rule.built_in?, rule.action)))
            .collect();
        listed.sort();
        listed
    }
}

fn listed(lookups: &str, here: &str) -> Vec<(String, String)> {
    [("name-lookups", lookups), ("this-computer", here)]
        .map(|(rule, action)| (rule.to_owned(), action.to_owned()))
        .to_vec()
}

#[tokio::test(start_paused = true)]
async fn names_are_looked_up_without_a_question_by_default() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let here = desk.told_at(&curl, name_server("127.0.0.53")).await;
    assert_eq!(here, Some(Told::Kept(0)));
    // Others may be the name servers soon: that one has a moment.
    let router = desk.told_at(&curl, name_server("192.168.1.1")).await;
    assert_eq!(router, Some(Told::Kept(0)));
    let by_tcp = Object {
        protocol: Protocol::TCP,
        ..name_server("192.168.1.1")
    };
    assert_eq!(desk.told_at(&curl, by_tcp).await, Some(Told::Once(0)));
    assert!(desk.prompts(ALICE).await.is_empty());
    // Whoever else answers there is asked about.
    let stranger = Object {
        protocol: Protocol::UDP,
        ..at("192.168.1.2", 53)
    };
    assert_eq!(desk.told_at(&curl, stranger).await, None);
    assert_eq!(desk.prompt().await.name_server, None);
    assert_eq!(desk.listed(ALICE).await, listed("allow", "allow"));
}

#[tokio::test(start_paused = true)]
async fn who_wants_to_be_asked_about_lookups_is_and_about_nothing_else() {
    let desk = Desk::new().await;
    let (curl, bobs) = (Running::of(CURL, ALICE), Running::of(CURL, BOB));
    let before = desk.told_at(&curl, name_server("127.0.0.53")).await;
    assert_eq!(before, Some(Told::Kept(0)));
    let generation = desk.kernel.generation();
    desk.built_in(LOOKUPS, Action::Ask).await;
    assert!(desk.kernel.generation() > generation, "it is forgotten");
    assert_eq!(desk.listed(ALICE).await, listed("ask", "allow"));
    let held = desk.call(&curl, name_server("127.0.0.53")).await;
    let prompt = desk.prompt().await;
    assert_eq!(prompt.name_server, Some(true));
    assert_eq!(prompt.scopes, ["name-servers", "host", "host-port", "any"]);
    assert_eq!(desk.told(held), None);
    // Nobody else is asked, and about nothing else.
    let others = desk.told_at(&bobs, name_server("127.0.0.53")).await;
    assert_eq!(others, Some(Told::Kept(0)));
    let service = desk.told_at(&curl, at("127.0.0.1", 631)).await;
    assert_eq!(service, Some(Told::Kept(0)));
    // The answer is for all name servers, and for this program.
    let answer = said(Outcome::Allow, Scope::NameServers, For::Always);
    desk.answer(&prompt, answer).await.unwrap();
    assert!(desk.told(held).is_some());
    let rules = desk.rules(ALICE).await;
    assert_eq!(rules[0].destination, "name-servers");
    assert_eq!((&rules[0].ports, &rules[0].protocol), (&None, &None));
    for address in ["127.0.0.53", "192.168.1.1"] {
        let told = desk.told_at(&curl, name_server(address)).await;
        assert_eq!(told, Some(Told::Kept(0)), "{address}");
    }
    let wget = Running::of("/usr/bin/wget", ALICE);
    assert_eq!(desk.told_at(&wget, name_server("127.0.0.53")).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_is_refused_and_a_rule_for_the_program_counts_for_more() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.built_in(LOOKUPS, Action::DENY).await;
    let lookup = || name_server("127.0.0.53");
    assert_eq!(desk.told_at(&curl, lookup()).await, Some(Told::Kept(1)));
    let service = desk.told_at(&curl, at("127.0.0.53", 853)).await;
    assert_eq!(service, Some(Told::Kept(0)));
    let rule = desk.add(&spec_for(Operation::Connect, CURL, "allow")).await;
    assert_eq!(desk.told_at(&curl, lookup()).await, Some(Told::Kept(0)));
    desk.change(remove(rule)).await.unwrap();
    desk.built_in(LOOKUPS, Action::Allow).await;
    desk.built_in(HERE, Action::DENY).await;
    assert_eq!(desk.told_at(&curl, lookup()).await, Some(Told::Kept(0)));
    let service = desk.told_at(&curl, at("127.0.0.1", 631)).await;
    assert_eq!(service, Some(Told::Kept(1)));
    assert_eq!(desk.listed(ALICE).await, listed("allow", "deny"));
    // A removed rule counts no more, and the built-in ones do whatever they say.
    assert_eq!(desk.status(ALICE).await.rules, 2);
}

/// A rule wants it asked: no mode lets it go on, and none but a lockdown has what is allowed asked.
#[tokio::test(start_paused = true)]
async fn modes_go_by_built_in_rules_as_by_others() {
    let desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    let lookup = || name_server("192.168.1.1");
    desk.mode(set(Mode::Lockdown)).await;
    assert_eq!(desk.told_at(&curl, lookup()).await, Some(Told::Kept(0)));
    desk.built_in(LOOKUPS, Action::Ask).await;
    for (mode, told) in [
        (Mode::Lockdown, Some(Told::Kept(1))),
        (Mode::Deny, Some(Told::Kept(1))),
        (Mode::Allow, None),
        (Mode::Learn, None),
    ] {
        desk.mode(set(mode)).await;
        assert_eq!(desk.told_at(&curl, lookup()).await, told, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_answered_by_what_a_built_in_rule_says_now() {
    for (action, told) in [(Action::Allow, 0), (Action::DENY, 1)] {
        let desk = Desk::new().await;
        let curl = Running::of(CURL, ALICE);
        desk.built_in(LOOKUPS, Action::Ask).await;
        let held = desk.call(&curl, name_server("127.0.0.53")).await;
        desk.rest().await;
        desk.built_in(LOOKUPS, action).await;
        assert_eq!(desk.told(held), Some(Told::Kept(told)));
        assert!(desk.prompts(ALICE).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn code_of_others_may_do_what_is_built_in_and_is_asked_about_as_anybody() {
    let desk = Desk::new().await;
    let mut curl = Running::of(CURL, ALICE);
    let caller = Arc::get_mut(&mut curl.caller).unwrap();
    caller.subject.process.alteration.foreign_code = true;
    let lookup = || name_server("127.0.0.53");
    assert_eq!(desk.told_at(&curl, lookup()).await, Some(Told::Kept(0)));
    desk.built_in(LOOKUPS, Action::Ask).await;
    assert_eq!(desk.told_at(&curl, lookup()).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_lets_more_happen_needs_more_leave() {
    for (protected, needed) in [(false, RuleLeave::Edit), (true, RuleLeave::Allow)] {
        let config = Config {
            protected,
            ..asking()
        };
        let desk = Desk::with(config).await;
        let order = [Action::Allow, Action::Ask, Action::DENY];
        let places = || order.iter().enumerate();
        for ((from, before), (to, after)) in
            places().flat_map(|one| places().map(move |it| (one, it)))
        {
            desk.built_in(LOOKUPS, *before).await;
            let wanted = (LOOKUPS, *after);
            let set = desk.try_built_in(wanted, RuleLeave::None).await.unwrap();
            assert!(matches!(set, BuiltInSet::Needs(_)), "{before} to {after}");
            let set = desk
                .try_built_in(wanted, RuleLeave::Strengthen)
                .await
                .unwrap();
            let done = if to < from {
                BuiltInSet::Needs(needed)
            } else {
                BuiltInSet::Done
            };
            assert_eq!(set, done, "{before} to {after}");
            let set = desk.try_built_in(wanted, needed).await.unwrap();
            assert_eq!(set, BuiltInSet::Done);
            assert_eq!(desk.listed(ALICE).await, listed(after.as_str(), "allow"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_is_there_after_a_restart_and_is_no_news_to_the_kernel() {
    let mut desk = Desk::new().await;
    let curl = Running::of(CURL, ALICE);
    desk.built_in(LOOKUPS, Action::DENY).await;
    desk.stop().await;
    let generation = desk.kernel.generation();
    let next = desk.followed().await;
    next.rest().await;
    assert_eq!(next.kernel.generation(), generation);
    assert_eq!(next.listed(ALICE).await, listed("deny", "allow"));
    let told = next.told_at(&curl, name_server("127.0.0.53")).await;
    assert_eq!(told, Some(Told::Kept(1)));
    assert_eq!(next.listed(BOB).await, listed("allow", "allow"));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_keeps_nobody_from_less_and_lets_nothing_more_happen() {
    let mut desk = Desk::new().await;
    fail_built_ins(&desk.database(), Some("disk full"));
    let wanted = (LOOKUPS, Action::DENY);
    for time in ["once", "once more"] {
        let error = desk
            .try_built_in(wanted, RuleLeave::Strengthen)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::StoreUnavailable(text) if text.contains("in force")),
            "{time}: {error}"
        );
        assert_eq!(desk.listed(ALICE).await, listed("deny", "allow"));
    }
    let wanted = (LOOKUPS, Action::Ask);
    let error = desk
        .try_built_in(wanted, RuleLeave::Edit)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::StoreUnavailable(_)), "{error}");
    assert_eq!(desk.listed(ALICE).await, listed("deny", "allow"));
    // What could not be kept is, when something else can.
    fail_built_ins(&desk.database(), None);
    desk.add_rule(CURL, "allow").await;
    desk.rest().await;
    desk.stop().await;
    let next = desk.followed().await;
    assert_eq!(next.listed(ALICE).await, listed("deny", "allow"));
}

/// A change that needs more leave and one that needs less, at once: the later one counts, kept or not.
#[tokio::test(start_paused = true)]
async fn what_is_in_force_early_is_not_undone_by_what_was_begun_before() {
    let mut desk = Desk::new().await;
    desk.built_in(LOOKUPS, Action::DENY).await;
    let mut replies = Vec::new();
    for (action, leave) in [
        (Action::Allow, RuleLeave::Edit),
        (Action::DENY, RuleLeave::Strengthen),
    ] {
        let (reply, result) = oneshot::channel();
        desk.send(Command::SetBuiltIn {
            uid: ALICE,
            wanted: (LOOKUPS, action),
            leave,
            reply,
        })
        .await;
        replies.push(result);
    }
    for reply in replies {
        let set = frozen(reply).await.unwrap().unwrap();
        assert_eq!(set, BuiltInSet::Done);
    }
    assert_eq!(desk.listed(ALICE).await, listed("deny", "allow"));
    desk.stop().await;
    let next = desk.followed().await;
    assert_eq!(next.listed(ALICE).await, listed("deny", "allow"));
}

#[tokio::test(start_paused = true)]
async fn a_built_in_rule_is_no_rule_of_a_users() {
    let desk = Desk::new().await;
    for rule in BuiltIn::ALL {
        let error = desk.change(remove(rule.id())).await.unwrap_err();
        assert!(
            matches!(&error, Error::AccessDenied(text) if text.contains("built in")),
            "{error}"
        );
    }
}
