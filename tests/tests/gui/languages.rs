//! The programs find the translations where they are installed, and use them.

use crate::{desk::Desk, prompts::prompt};

#[test]
fn questions_are_in_the_language_of_the_user() {
    for (language, question, allow) in [
        (
            "de",
            "Darf „curl“ sich mit server.example verbinden?",
            "Erlauben",
        ),
        (
            "ar",
            "أتسمح لـ«curl» بالاتصال بالمضيف server.example؟",
            "اسمح",
        ),
        (
            "pt_BR",
            "Permitir que “curl” se conecte a server.example?",
            "Permitir",
        ),
    ] {
        let mut desk = Desk::new();
        desk.speak(language);
        desk.start_agent();
        desk.run(desk.broker.show(&prompt(1)));
        desk.see(question, "alert");
        desk.see(allow, "button");
    }
}

#[test]
fn the_window_is_in_the_language_of_the_user() {
    let mut desk = Desk::new();
    desk.speak("de");
    desk.start_program("portreeve");
    desk.see("Hauptmenü", "toggle button");
    desk.see("Noch keine Regeln", "label");
}
