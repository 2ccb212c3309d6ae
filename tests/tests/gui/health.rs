//! Whether everything works, and what the window says of that.

use portreeve_dbus::Status;

use crate::desk::Desk;

const ALARM: &str = "Nobody can be asked: what no rule is about is denied.";

/// Of a broker that is well, whose user has an agent.
pub(crate) fn sound() -> Status {
    Status {
        version: "0.1.0".into(),
        mode: "ask".into(),
        enforcing: true,
        agent: true,
        store: "ok".into(),
        history: "ok".into(),
        administrators: "ok".into(),
        ..Status::default()
    }
}

#[test]
fn an_agent_that_is_missing_is_told_of_and_started() {
    let mut desk = Desk::new();
    desk.broker.set_status(Status {
        agent: false,
        ..sound()
    });
    desk.start_program("portreeve");
    desk.see(ALARM, "label");
    desk.click("Details", "button");
    desk.see("Status", "dialog");
    desk.see("/Not shown: the agent is not running/", "label");
    desk.click("Start", "button");
    desk.until("the agent has registered", |desk| desk.broker.has_agent());
    desk.see("Shown to you", "label");
    desk.see_no(ALARM, "label");
}

#[test]
fn what_is_wrong_is_told_when_the_window_is_looked_at() {
    let mut desk = Desk::new();
    desk.start_program("portreeve");
    desk.see("Rules", "label");
    let alarm = "Nothing is stopped: the firewall is not active.";
    desk.see_no(alarm, "label");
    desk.broker.set_status(Status {
        enforcing: false,
        store: "cannot write the database".into(),
        ..sound()
    });
    // Nothing tells of it by itself; who comes back to the window sees it.
    desk.start_agent();
    desk.run(desk.broker.show(&crate::prompts::prompt(1)));
    desk.focus("Allow “curl”");
    desk.focus("Portreeve");
    desk.see(alarm, "label");
    desk.click("Details", "button");
    desk.see("/cannot write the database/", "label");
}
