//! Keys in, screens out, with a clock that the tests play.

use portreeve_dbus::withdrawn;

use super::*;

const START: u64 = 10_000;

/// A conversation, and the clock it goes by.
struct Played {
    conversation: Conversation,
    start: Instant,
    millis: u64,
}

impl Played {
    fn new() -> Self {
        let start = Instant::now();
        let mut conversation = Conversation::new();
        conversation.registered();
        let mut played = Self {
            conversation,
            start,
            millis: START,
        };
        played.paint();
        played
    }

    /// What has appeared gets onto the terminal.
    fn paint(&mut self) {
        if !self.conversation.is_seen() {
            self.conversation.saw(self.now());
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.millis)
    }

    /// Boot time runs beside the clock.
    fn boot_time(&self) -> Duration {
        Duration::from_millis(self.millis)
    }

    fn pass(&mut self, millis: u64) {
        self.millis += millis;
    }

    fn put(&mut self, prompt: Prompt) {
        self.put_asked(Asked {
            prompt,
            is_changeable: false,
        });
    }

    fn put_asked(&mut self, asked: Asked) {
        self.conversation.put(asked);
        self.paint();
    }

    fn withdraw(&mut self, id: u64, reason: &str) {
        self.conversation.withdraw(id, reason);
        self.paint();
    }

    fn press(&mut self, letter: char) -> Option<Wish> {
        let now = self.now();
        let wish = self.conversation.press(Key::Letter(letter), now);
        self.paint();
        wish
    }

    /// Presses it after a pause in which no key was pressed.
    fn press_calmly(&mut self, letter: char) -> Option<Wish> {
        self.pass(1000);
        self.press(letter)
    }

    fn answered(&mut self, id: u64, result: Result<u64, BrokerError>) -> Option<u64> {
        let again = self.conversation.answered(id, result);
        self.paint();
        again
    }

    fn view(&self) -> View {
        self.conversation.view(self.now(), self.boot_time())
    }

    fn text(&self) -> String {
        let view = self.view();
        let lines = [view.question, view.more, view.live, vec![view.keys]].concat();
        lines.join("\n").replace('\u{a0}', " ")
    }

    fn has(&self, text: &str) -> bool {
        self.text().contains(text)
    }
}

fn prompt(id: u64) -> Prompt {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    Prompt {
        id,
        revision: 3,
        operation: "connect".into(),
        name: format!("curl{id}"),
        path: "/usr/bin/curl".into(),
        verified: true,
        host: Some("www.example.org".into()),
        domain: Some("example.org".into()),
        address: "192.0.2.7".into(),
        port: 443,
        protocol: "tcp".into(),
        held: 1,
        attempts: 1,
        deadline: 70_500_000,
        scopes: words(&["domain", "host", "host-port", "any", "planet"]),
        lifespans: words(&["once", "process", "3600s", "logout", "always"]),
        suggested_lifespan: "always".into(),
        ..Prompt::default()
    }
}

fn answer(wish: Option<Wish>) -> (u64, u32, bool, Scope, String) {
    let Some(Wish::Answer(given)) = wish else {
        panic!("no answer: {wish:?}");
    };
    let lifespan = given.lifespan.to_string();
    (given.id, given.revision, given.allow, given.scope, lifespan)
}

#[test]
fn a_key_answers_what_was_shown() {
    let mut played = Played::new();
    assert!(played.has("No questions."));
    played.put(prompt(7));
    assert_eq!(played.conversation.shown(), Some((7, 3)));
    assert!(played.has("Allow “curl7” to connect to www.example.org?"));
    assert!(played.has("rule for “curl7”: example.org and its subdomains, any port, always."));
    let given = answer(played.press_calmly('a'));
    assert_eq!(given, (7, 3, true, Scope::Domain, "always".to_owned()));
    assert!(played.has("Sending your answer…"));
    assert_eq!(played.press_calmly('d'), None, "one answer is enough");
    assert_eq!(played.answered(7, Ok(12)), None);
    assert!(played.has(
        "Allowed “curl7”: example.org and its subdomains, any port, always. This is rule 12 now."
    ));
    assert!(played.has("No questions."));
}

#[test]
fn what_was_typed_before_answers_nothing() {
    let mut played = Played::new();
    played.press('a');
    played.put(prompt(7));
    for _ in 0..9 {
        assert_eq!(played.press('a'), None);
        played.pass(100);
    }
    // 900 ms after it came up, and 100 ms after the last key.
    played.pass(299);
    assert_eq!(played.press('a'), None);
    played.pass(399);
    assert_eq!(played.press('a'), None);
    played.pass(400);
    assert!(played.press('d').is_some());
}

#[test]
fn mashing_answers_nothing_however_long() {
    let mut played = Played::new();
    played.put(prompt(7));
    for (count, letter) in "adlsinqad1".chars().cycle().enumerate().take(2000) {
        played.pass(if count % 2 == 0 { 50 } else { 399 });
        assert_eq!(played.press(letter), None);
    }
    assert_eq!(played.conversation.shown(), Some((7, 3)));
}

#[test]
fn enter_and_what_is_no_letter_never_answer_but_count_as_typing() {
    let mut played = Played::new();
    played.put(prompt(7));
    for _ in 0..50 {
        played.pass(1500);
        let now = played.now();
        assert_eq!(played.conversation.press(Key::Other, now), None);
    }
    played.pass(399);
    assert_eq!(played.press('a'), None);
    for letter in ['A', 'D', 'y', '1', 'x', 'b'] {
        assert_eq!(played.press_calmly(letter), None, "{letter}");
    }
    assert!(played.press_calmly('a').is_some());
}

#[test]
fn time_counts_from_when_it_is_on_the_terminal() {
    let mut played = Played::new();
    played.conversation.put(Asked {
        prompt: prompt(7),
        is_changeable: false,
    });
    // The terminal keeps it waiting.
    played.pass(60_000);
    let now = played.now();
    assert_eq!(played.conversation.press(Key::Letter('a'), now), None);
    played.paint();
    played.pass(999);
    assert_eq!(played.press('a'), None);
    assert!(played.press_calmly('a').is_some());
}

#[test]
fn a_change_has_to_be_looked_at() {
    let mut played = Played::new();
    played.put(prompt(7));
    played.pass(5000);
    let put = |played: &mut Played, prompt| {
        let is_changeable = false;
        played.conversation.put(Asked {
            prompt,
            is_changeable,
        });
    };
    // More attempts are no other question.
    let more = Prompt {
        attempts: 9,
        held: 4,
        deadline: 80_000_000,
        ..prompt(7)
    };
    put(&mut played, more);
    assert!(played.conversation.is_seen());
    let another = Prompt {
        revision: 4,
        host: None,
        ..prompt(7)
    };
    put(&mut played, another);
    assert!(
        !played.conversation.is_seen(),
        "what was typed is thrown away"
    );
    played.paint();
    assert!(played.has("The question has changed.") && played.has("Warning: No name is known"));
    assert_eq!(played.press('a'), None);
    played.pass(999);
    assert_eq!(played.press('a'), None);
    assert_eq!(answer(played.press_calmly('a')).1, 4);
}

#[test]
fn an_answer_that_came_too_late_for_its_revision_is_asked_anew() {
    let mut played = Played::new();
    played.put(prompt(7));
    played.press_calmly('a').unwrap();
    let stale = BrokerError::StaleRevision("cannot take it".into());
    assert_eq!(
        played.answered(7, Err(stale)),
        Some(7),
        "it is to be looked at again"
    );
    assert!(played.has("has changed meanwhile") && played.has("Allow “curl7”"));
    assert_eq!(played.press('a'), None);
    played.put(Prompt {
        revision: 4,
        address: "192.0.2.8".into(),
        ..prompt(7)
    });
    assert_eq!(answer(played.press_calmly('d')).1, 4);
    let other = BrokerError::Failed("cannot \u{1b}[2J".into());
    assert_eq!(played.answered(7, Err(other)), Some(7));
    assert!(played.has("The answer was not taken: cannot \\u{1b}[2J"));
    played.press_calmly('d').unwrap();
    let gone = BrokerError::NoSuchPrompt(String::new());
    assert_eq!(played.answered(7, Err(gone)), None);
    assert!(played.has("No questions."));
}

#[test]
fn the_oldest_comes_first_and_next_goes_round() {
    let mut played = Played::new();
    for id in [7, 3, 9] {
        played.put(prompt(id));
    }
    assert!(played.has("2 more waiting") && played.has("“curl7”"));
    for id in [3, 9, 7] {
        assert_eq!(played.press_calmly('n'), None);
        assert_eq!(played.conversation.shown(), Some((id, 3)));
        assert_eq!(played.press('a'), None, "the next one has to be looked at");
    }
    played.press_calmly('n');
    played.withdraw(3, withdrawn::ENDED);
    assert!(played.has("“curl3” has ended and needs no answer."));
    assert_eq!(played.conversation.shown(), Some((7, 3)));
    played.withdraw(9, withdrawn::ANSWERED);
    assert!(!played.has("more waiting") && !played.has("“curl9”"));
    played.withdraw(7, withdrawn::ANSWERED);
    assert!(played.has("The question about “curl7” is answered."));
    assert!(played.has("No questions."));
    assert_eq!(played.press('q'), None, "this has just come up too");
    assert_eq!(played.press_calmly('q'), Some(Wish::Quit));
}

#[test]
fn an_answer_of_ones_own_is_not_told_as_anothers() {
    let mut played = Played::new();
    played.put(prompt(7));
    played.press_calmly('d').unwrap();
    played.withdraw(7, withdrawn::ANSWERED);
    assert!(!played.has("is answered"));
    played.put(prompt(8));
    assert_eq!(played.answered(7, Ok(0)), None);
    assert!(played.has("Denied “curl7”") && played.has("Allow “curl8”"));
}

#[test]
fn scope_and_lifespan_are_chosen_by_numbers() {
    let mut played = Played::new();
    played.put(prompt(7));
    played.press_calmly('s');
    assert!(played.has("1 example.org and its subdomains"));
    assert!(
        played.has("4 anywhere") && !played.has("5 "),
        "{}",
        played.text()
    );
    assert_eq!(played.press_calmly('a'), None, "a menu takes no answer");
    played.press_calmly('9');
    played.press_calmly('0');
    assert!(played.has("b back"));
    played.press_calmly('3');
    played.press_calmly('l');
    assert!(played.has("3 for 1h"), "{}", played.text());
    played.press_calmly('b');
    assert!(played.has("www.example.org, port 443 only, always."));
    played.press_calmly('l');
    played.press_calmly('2');
    assert!(played.has("www.example.org, port 443 only, until it quits."));
    // It opens no menu that a change has closed.
    played.press_calmly('s');
    played.put(Prompt {
        revision: 4,
        ..prompt(7)
    });
    assert!(played.has("a allow") && played.has("subdomains, any port, always."));
    played.press_calmly('s');
    played.press_calmly('2');
    let given = answer(played.press_calmly('d'));
    assert_eq!(given, (7, 4, false, Scope::Host, "always".to_owned()));
}

#[test]
fn what_others_can_change_is_not_allowed_for_ever() {
    let mut played = Played::new();
    played.put_asked(Asked {
        prompt: prompt(7),
        is_changeable: true,
    });
    assert!(played.has("until you log out.") && played.has("not the system’s"));
    played.press_calmly('l');
    assert!(played.has("4 until you log out") && !played.has("5 "));
    played.press_calmly('5');
    played.press_calmly('b');
    assert_eq!(answer(played.press_calmly('a')).4, "logout");
}

#[test]
fn what_is_learned_of_a_file_has_to_be_looked_at() {
    let mut played = Played::new();
    played.put_asked(Asked {
        prompt: prompt(7),
        is_changeable: true,
    });
    played.pass(2000);
    played.conversation.looked("/another", false);
    assert!(played.has("Press a key.") && played.has("not the system’s"));
    let path = played.conversation.path().unwrap().to_owned();
    played.conversation.looked(&path, false);
    played.paint();
    assert!(played.has("keys do not count yet") && !played.has("not the system’s"));
    assert_eq!(answer(played.press_calmly('a')).4, "always");
}

#[test]
fn what_cannot_be_taken_back_stays_true() {
    let mut played = Played::new();
    played.put(prompt(7));
    let last = |played: &Played| played.view().kept.pop().unwrap();
    assert_eq!(last(&played), "Keys count after a second.");
    played.pass(5000);
    assert_eq!(last(&played), "Keys count after a second.");
    let first = played.view().kept.swap_remove(0);
    assert!(first.starts_with("Denied in "), "{first}");
}

#[test]
fn details_are_shown_on_demand() {
    let mut played = Played::new();
    played.put(prompt(7));
    assert!(!played.has("Attempts: 1"));
    played.press_calmly('i');
    assert!(played.has("Attempts: 1"));
    played.press_calmly('i');
    assert!(!played.has("Attempts: 1"));
}

#[test]
fn what_does_not_fit_is_not_answered() {
    let mut played = Played::new();
    played.put(prompt(7));
    played.conversation.set_fits(false);
    assert_eq!(played.press_calmly('a'), None);
    assert_eq!(played.press_calmly('d'), None);
    assert!(played.has("Make this window larger to answer."));
    played.conversation.set_fits(true);
    played.paint();
    played.pass(500);
    assert_eq!(played.press('a'), None, "it has to be looked at first");
    assert!(played.press_calmly('a').is_some());
}

#[test]
fn the_time_that_is_left_counts_down() {
    let mut played = Played::new();
    played.put(prompt(7));
    assert!(played.has("Denied in 61 s") && played.has("keys do not count yet"));
    let wait = |played: &Played| {
        let wait = played
            .conversation
            .changes_in(played.now(), played.boot_time());
        wait.map(|wait| wait.as_millis())
    };
    assert_eq!(wait(&played), Some(501));
    played.pass(501);
    assert!(played.has("Denied in 60 s"));
    assert_eq!(wait(&played), Some(499), "then keys count");
    played.pass(499);
    assert!(played.has("Press a key."));
    assert!(!played.conversation.is_urgent(played.boot_time()));
    played.pass(50_000);
    assert!(played.conversation.is_urgent(played.boot_time()));
    played.put(Prompt {
        held: 0,
        deadline: 0,
        revision: 4,
        ..prompt(7)
    });
    played.pass(1000);
    assert!(!played.has("Denied in") && played.has("This attempt was stopped."));
    assert_eq!(wait(&played), None);
}

#[test]
fn a_broker_that_goes_takes_its_questions_with_it() {
    let mut played = Played::new();
    played.put(prompt(7));
    played.press_calmly('a').unwrap();
    let why = "The broker is not running.".to_owned();
    played.conversation.trouble(why);
    played.paint();
    assert_eq!(played.conversation.shown(), None);
    assert!(played.has("The broker has gone") && played.has("The broker is not running."));
    assert_eq!(played.answered(7, Ok(0)), None);
    played.conversation.registered();
    played.put(prompt(7));
    assert!(played.press_calmly('a').is_some());
}
