//! Calls of root and of system users: which are judged, who is asked, and what becomes of them without an answer.

use std::time::Duration;

use portreeve_abi::request_flags::{AT_ONCE, FOREIGN_CODE, NEEDED, UNASKED};
use portreeve_dbus::{ACTION_ANSWER_FOR_SYSTEM, Error, Prompt, RuleChanges};
use portreeve_policy::{Answer, For, Mode, Operation, Outcome, Scope};

use super::{
    super::{AgentKind, Answered, Logins, Origin, ToAgent},
    desk::{ALICE, Agent, BOB, Desk, asking, at, edit, said, spec_for},
    kernel::Told,
    running::Running,
};
use crate::config::{Config, Services, Treatment, Unruled};

mod rules;

const WWW: u32 = 33;
const ALWAYS: Answer = Answer {
    action: Outcome::Allow,
    scope: Scope::Host,
    lifespan: For::Always,
};

fn guarded(services: Services) -> Config {
    Config {
        services: Services {
            guarded: true,
            ..services
        },
        ..asking()
    }
}

async fn bobs(desk: &Desk) -> Agent {
    let window = AgentKind::Window;
    desk.register_of(BOB, window, "b", 64).await.unwrap()
}

async fn guarding() -> Desk {
    Desk::with(guarded(Services::default())).await
}

/// These administrators sit before their screens.
async fn seat(desk: &Desk, administrators: &[u32]) {
    desk.log_in_at(Logins {
        users: [ALICE, BOB].into(),
        administrators: administrators.iter().copied().collect(),
        ..Logins::default()
    })
    .await;
}

fn nginx() -> Running {
    Running::of("/usr/sbin/nginx", WWW).in_service("nginx.service")
}

async fn call(desk: &Desk, program: &Running) -> u64 {
    let call = desk.call(program, at("192.0.2.1", 443)).await;
    desk.rest().await;
    call
}

/// The prompts that an agent was shown, and the ids of those withdrawn.
fn heard(agent: &mut Agent) -> (Vec<Prompt>, Vec<u64>) {
    let (mut shown, mut withdrawn) = (Vec::new(), Vec::new());
    for message in agent.heard() {
        match message {
            ToAgent::Show(prompt) => shown.push(prompt),
            ToAgent::Update(_) => {}
            ToAgent::Withdraw { id, .. } => withdrawn.push(id),
        }
    }
    (shown, withdrawn)
}

fn by(uid: u32, name: &str) -> Origin {
    let name = name.to_owned();
    Origin::Connection { uid, name }
}

#[tokio::test(start_paused = true)]
async fn without_an_administrator_the_settings_say_what_becomes_of_it_and_nothing_waits() {
    for (treatment, errno) in [(Treatment::Allow, 0), (Treatment::Deny, 1)] {
        let services = Services {
            unanswered: treatment,
            ..Services::default()
        };
        let desk = Desk::with(guarded(services)).await;
        let nginx = nginx();
        let told = call(&desk, &nginx).await;
        assert_eq!(desk.told(told), Some(Told::Kept(errno)), "{treatment:?}");
        // An agent is not an administrator, nor is one without an agent anybody to be asked.
        let _alices = desk.register("a").await;
        seat(&desk, &[BOB]).await;
        let told = call(&desk, &nginx).await;
        assert_eq!(desk.told(told), Some(Told::Kept(errno)), "{treatment:?}");
        assert!(desk.prompts(WWW).await.is_empty());
        assert!(!desk.status(WWW).await.agent);
    }
}

#[tokio::test(start_paused = true)]
async fn an_administrator_is_asked_and_nobody_else() {
    let desk = guarding().await;
    let mut alices = desk.register("a").await;
    let mut bobs = bobs(&desk).await;
    seat(&desk, &[ALICE]).await;
    let told = call(&desk, &nginx()).await;
    assert_eq!(desk.told(told), None);
    let (shown, _) = heard(&mut alices);
    let [prompt] = shown.as_slice() else {
        panic!("{shown:?}");
    };
    assert_eq!(
        (prompt.uid, prompt.service.as_deref()),
        (WWW, Some("nginx.service"))
    );
    assert_eq!(prompt.unanswered.as_deref(), Some("allow"));
    assert!(bobs.heard().is_empty());
    assert!(
        desk.prompts(ALICE).await.is_empty(),
        "her programs see nothing of it"
    );
    assert!(desk.prompts(BOB).await.is_empty());
    assert_eq!(desk.prompts(WWW).await.len(), 1, "root does");
}

#[tokio::test(start_paused = true)]
async fn it_takes_the_agent_and_a_password_to_answer() {
    let desk = guarding().await;
    let alices = desk.register("a").await;
    let window = AgentKind::Window;
    let bobs = desk.register_of(BOB, window, "b", 64).await.unwrap();
    seat(&desk, &[ALICE]).await;
    let told = call(&desk, &nginx()).await;
    let prompt = desk.prompts(WWW).await.remove(0);
    desk.shown(&alices, &prompt).await.unwrap();
    let refused = desk.shown(&bobs, &prompt).await;
    assert!(
        matches!(refused, Err(Error::NoSuchPrompt(_))),
        "{refused:?}"
    );
    desk.pass(Duration::from_millis(300)).await;
    for origin in [
        by(BOB, "b"),
        by(ALICE, "another"),
        by(WWW, "w"),
        Origin::Leave(Some(BOB)),
    ] {
        let refused = desk.answer_as(origin, &prompt, ALWAYS).await;
        assert!(matches!(refused, Err(Error::NoSuchPrompt(_))));
    }
    for action in [Outcome::Allow, Outcome::DENY] {
        for lifespan in [For::Once, For::Always] {
            let answer = said(action, Scope::Host, lifespan);
            let taken = desk.answer_as(by(ALICE, "a"), &prompt, answer).await;
            let Ok(Answered::NeedsLeave(ACTION_ANSWER_FOR_SYSTEM, details)) = taken else {
                panic!("{answer:?}");
            };
            let [("answer", words), ..] = details.as_slice() else {
                panic!("{details:?}");
            };
            assert!(
                words.contains("nginx.service (/usr/sbin/nginx), user 33"),
                "{words}"
            );
        }
    }
    assert_eq!(desk.told(told), None);
    let taken = desk
        .answer_as(Origin::Leave(Some(ALICE)), &prompt, ALWAYS)
        .await;
    assert!(matches!(taken, Ok(Answered::Done(rule)) if rule > 0));
    assert_eq!(desk.told(told), Some(Told::Kept(0)));
    let rules = desk.rules(WWW).await;
    assert_eq!(
        rules.iter().map(|rule| rule.uid).collect::<Vec<_>>(),
        [Some(WWW)]
    );
    assert!(desk.rules(ALICE).await.is_empty());
    assert_eq!(desk.told(call(&desk, &nginx()).await), Some(Told::Kept(0)));
}

#[tokio::test(start_paused = true)]
async fn the_password_is_for_the_service_that_was_shown() {
    let desk = guarding().await;
    let alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    call(&desk, &nginx()).await;
    // The same program, in another service, with the same question.
    let other = Running::of("/usr/sbin/nginx", WWW).in_service("other.service");
    call(&desk, &other).await;
    let prompts = desk.prompts(WWW).await;
    let [prompt] = &prompts[..] else {
        panic!("{prompts:?}");
    };
    assert_eq!(prompt.service.as_deref(), Some("nginx.service"));
    desk.shown(&alices, prompt).await.unwrap();
    desk.pass(Duration::from_millis(300)).await;
    let taken = desk.answer_as(by(ALICE, "a"), prompt, ALWAYS).await;
    let Ok(Answered::NeedsLeave(_, details)) = taken else {
        panic!("it takes a password");
    };
    assert!(details[0].1.contains("nginx.service "), "{details:?}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_answer_waits_for_its_password() {
    let desk = guarding().await;
    let alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    let told = call(&desk, &nginx()).await;
    let prompt = desk.prompts(WWW).await.remove(0);
    desk.shown(&alices, &prompt).await.unwrap();
    desk.pass_seconds(20).await;
    for _ in 0..2 {
        let taken = desk.answer_as(by(ALICE, "a"), &prompt, ALWAYS).await;
        assert!(matches!(taken, Ok(Answered::NeedsLeave(..))));
        desk.pass_seconds(34).await;
    }
    assert_eq!(desk.told(told), None);
    desk.pass_seconds(3).await;
    assert_eq!(
        desk.told(told),
        Some(Told::Once(0)),
        "90 s, however often it is asked"
    );
}

#[tokio::test(start_paused = true)]
async fn who_turns_away_is_shown_nothing_and_nobody_waits_on() {
    let desk = guarding().await;
    let mut alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    let told = call(&desk, &nginx()).await;
    let (shown, _) = heard(&mut alices);
    seat(&desk, &[]).await;
    assert_eq!(desk.told(told), Some(Told::Kept(0)));
    assert_eq!(heard(&mut alices).1, [shown[0].id]);
    assert!(desk.prompts(WWW).await.is_empty());
    let refused = desk
        .answer_as(Origin::Leave(Some(ALICE)), &shown[0], ALWAYS)
        .await;
    assert!(matches!(refused, Err(Error::NoSuchPrompt(_))));
}

#[tokio::test(start_paused = true)]
async fn of_two_administrators_the_one_who_comes_sees_what_is_open() {
    let desk = guarding().await;
    let mut alices = desk.register("a").await;
    let mut bobs = bobs(&desk).await;
    seat(&desk, &[ALICE]).await;
    let told = call(&desk, &nginx()).await;
    let id = heard(&mut alices).0[0].id;
    seat(&desk, &[ALICE, BOB]).await;
    desk.pass(Duration::from_millis(70)).await;
    assert_eq!(heard(&mut bobs).0.len(), 1);
    seat(&desk, &[BOB]).await;
    assert_eq!(heard(&mut alices).1, [id]);
    assert_eq!(desk.told(told), None, "there is still somebody");
    let prompt = desk.prompts(WWW).await.remove(0);
    desk.shown(&bobs, &prompt).await.unwrap();
    let refused = desk.shown(&alices, &prompt).await;
    assert!(matches!(refused, Err(Error::NoSuchPrompt(_))));
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_one_question_once() {
    let desk = guarding().await;
    let _alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    let nginx = nginx();
    let first = call(&desk, &nginx).await;
    desk.pass_seconds(29).await;
    assert_eq!(desk.told(first), None);
    desk.pass_seconds(2).await;
    assert_eq!(desk.told(first), Some(Told::Once(0)));
    assert_eq!(desk.failures.report(), ["deadline=1"]);
    let second = call(&desk, &nginx).await;
    assert_eq!(desk.told(second), Some(Told::Kept(0)), "for a while");
    let prompts = desk.prompts(WWW).await;
    assert_eq!(
        (prompts.len(), prompts[0].attempts),
        (1, 2),
        "the question stays open"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_settings_do_not_name_is_not_judged() {
    let services = Services {
        only: vec!["nginx.service".into()],
        ..Services::default()
    };
    let desk = Desk::with(guarded(services)).await;
    let _alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    let other = call(&desk, &Running::of("/usr/sbin/nginx", WWW)).await;
    assert_eq!(desk.told(other), Some(Told::Kept(0)));
    let homes = call(&desk, &Running::of("/usr/sbin/nginx", 60_500)).await;
    assert_eq!(desk.told(homes), Some(Told::Kept(0)), "nobody's affair");
    let named = call(&desk, &nginx()).await;
    assert_eq!(desk.told(named), None);
}

#[tokio::test(start_paused = true)]
async fn what_a_prompt_needs_is_not_judged_where_it_belongs() {
    let desk = guarding().await;
    let _alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    let resolved = || Running::of("/usr/lib/systemd/systemd-resolved", 990);
    let told = async |program: &Running, flags| {
        let call = desk.call_with(program, at("192.0.2.53", 853), flags).await;
        desk.rest().await;
        desk.told(call)
    };
    let own = resolved().in_service("systemd-resolved.service");
    assert_eq!(told(&own, NEEDED).await, Some(Told::Kept(0)));
    let root = Running::of("/usr/sbin/NetworkManager", 0);
    assert_eq!(told(&root, NEEDED).await, Some(Told::Kept(0)));
    assert_eq!(
        told(&own, NEEDED | FOREIGN_CODE).await,
        None,
        "with code of others"
    );
    let elsewhere = resolved().in_service("nginx.service");
    assert_eq!(told(&elsewhere, NEEDED).await, None, "in another's service");
    assert_eq!(told(&resolved(), NEEDED).await, None, "in none");
    let compositor = Running::of("/usr/bin/openbox", WWW).in_service("nginx.service");
    assert_eq!(
        told(&compositor, AT_ONCE).await,
        None,
        "it is no way out for services"
    );
    let people = Running::of("/usr/sbin/dnsmasq", ALICE);
    assert_eq!(told(&people, NEEDED).await, None, "people are asked");
}

#[tokio::test(start_paused = true)]
async fn the_way_in_from_afar_is_closed_by_rules_alone() {
    let services = Services {
        unanswered: Treatment::Deny,
        ..Services::default()
    };
    let desk = Desk::with(guarded(services)).await;
    let sshd = Running::of("/usr/sbin/sshd", 0).in_service("ssh.service");
    let told = async || {
        let call = desk.call_with(&sshd, at("192.0.2.1", 22), UNASKED).await;
        desk.rest().await;
        desk.told(call)
    };
    assert_eq!(told().await, Some(Told::Kept(0)));
    let _alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    assert_eq!(told().await, Some(Told::Kept(0)));
    let rule = spec_for(Operation::Connect, "/usr/sbin/sshd", "deny");
    let add = edit(&RuleChanges::add(rule));
    desk.change_of(0, add).await.unwrap();
    assert!(told().await.unwrap().denied());
}

#[tokio::test(start_paused = true)]
async fn what_the_settings_say_of_people_is_not_said_of_services() {
    let desk = Desk::with(Config {
        mode: Some(Mode::Lockdown),
        unruled: Unruled {
            connect: Treatment::Deny,
            accept: Treatment::Deny,
            ..Unruled::default()
        },
        ..guarded(Services::default())
    })
    .await;
    let sends = desk
        .send_on(&nginx(), Operation::Accept, at("192.0.2.1", 443))
        .await;
    assert_eq!(sends, Some(Told::Kept(0)));
    let connects = call(&desk, &nginx()).await;
    assert_eq!(desk.told(connects), Some(Told::Kept(0)));
    assert_eq!(desk.status(WWW).await.mode, "ask");
    let _alices = desk.register("a").await;
    seat(&desk, &[ALICE]).await;
    let connects = call(&desk, &nginx()).await;
    assert_eq!(desk.told(connects), None);
}

#[tokio::test(start_paused = true)]
async fn another_agent_of_an_administrators_is_shown_everything() {
    let desk = guarding().await;
    let session = "s1".to_owned();
    let terminal = AgentKind::Terminal { session };
    let mut first = desk.register_as(terminal, "t", 64).await.unwrap();
    desk.log_in_at(Logins {
        users: [ALICE].into(),
        sessions: ["s1".to_owned()].into(),
        administrators: [ALICE].into(),
        ..Logins::default()
    })
    .await;
    let told = call(&desk, &nginx()).await;
    assert_eq!(heard(&mut first).0.len(), 1);
    let mut window = desk.register("w").await;
    desk.pass(Duration::from_millis(70)).await;
    assert_eq!(heard(&mut window).0.len(), 1);
    assert_eq!(desk.told(told), None);
}
