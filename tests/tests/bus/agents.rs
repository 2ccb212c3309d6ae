//! `Broker1.RegisterAgent` and `Broker1.PromptShown`, from a program that is not the agent; and
//! what an agent serves.
#![expect(
    clippy::needless_pass_by_value,
    reason = "`#[interface]` prescribes the methods' form"
)]

use std::{
    process::Command,
    sync::{Arc, Mutex},
};

use portreeve_broker::{
    bus::{agent, has_desktop, session_of},
    decide::{AgentKind, ToAgent},
    subject::ProcessHandle,
};
use portreeve_dbus::{AGENT_PATH, AgentProxy, BrokerProxy, Error, OWN_UID, Prompt, PromptsProxy};
use zbus::{Connection, connection::Builder, interface};

use crate::{
    broker::Broker,
    contract::same_as_golden,
    logind::{Logind, Session},
    stage::{As, eventually, me, on_a_bus},
};

async fn is_refused() {
    let broker = Broker::start().await;
    let client = Connection::system().await.unwrap();
    let proxy = BrokerProxy::new(&client).await.unwrap();
    let refused = proxy.register_agent().await;
    assert!(
        matches!(&refused, Err(Error::AccessDenied(text)) if text.contains("portreeve-agent")),
        "{refused:?}"
    );
    assert!(!proxy.status(OWN_UID).await.unwrap().agent);

    broker.call(me(), "192.0.2.1").await;
    let prompts = PromptsProxy::new(&client).await.unwrap();
    eventually("the prompt is listed", async || {
        prompts.list(OWN_UID).await.unwrap().len() == 1
    })
    .await;
    let id = prompts.list(OWN_UID).await.unwrap()[0].id;
    let refused = proxy.prompt_shown(id, 1).await;
    assert!(
        matches!(refused, Err(Error::NoSuchPrompt(_))),
        "{refused:?}"
    );
}

#[test]
fn another_program_cannot_be_the_agent() {
    let name = "agents::another_program_cannot_be_the_agent";
    on_a_bus(name, As::User, is_refused());
}

#[test]
fn another_program_cannot_be_the_agent_of_root_either() {
    let name = "agents::another_program_cannot_be_the_agent_of_root_either";
    on_a_bus(name, As::Root, is_refused());
}

#[test]
fn who_has_a_desktop_is_told_from_who_has_a_terminal() {
    let name = "agents::who_has_a_desktop_is_told_from_who_has_a_terminal";
    on_a_bus(name, As::Anyone, async {
        let client = Connection::system().await.unwrap();
        let unknown = has_desktop(&client, 1000).await;
        assert!(unknown.is_err(), "nobody says: {unknown:?}");
        let session = |uid, class, kind, state| Session {
            uid,
            class,
            kind,
            desktop: if uid == 1005 { "gnome" } else { "" },
            state,
        };
        let logind = Logind::start([
            session(1000, "user", "tty", "active"),
            session(1000, "user", "wayland", "online"),
            session(1001, "user", "tty", "active"),
            session(1001, "manager", "unspecified", "active"),
            session(1002, "user", "x11", "closing"),
            session(1003, "greeter", "wayland", "active"),
            // Something of a newer version of logind.
            session(1004, "user", "hologram", "active"),
            // Whose type somebody has changed.
            session(1005, "user", "tty", "active"),
        ])
        .await;
        let mut desktops = Vec::new();
        for uid in 999..=1006 {
            if has_desktop(&client, uid).await.unwrap() {
                desktops.push(uid);
            }
        }
        assert_eq!(desktops, [1000, 1004, 1005]);
        logind.end(1).await;
        assert!(!has_desktop(&client, 1000).await.unwrap());
    });
}

#[test]
fn a_process_is_in_a_session_that_is_open_and_its_users() {
    let name = "agents::a_process_is_in_a_session_that_is_open_and_its_users";
    on_a_bus(name, As::Anyone, async {
        let client = Connection::system().await.unwrap();
        let this = ProcessHandle::open(std::process::id()).unwrap();
        let session_of = async |uid, process| session_of(&client, uid, process).await;
        assert!(session_of(1000, &this).await.is_err(), "nobody says");
        let session = |uid, class| Session {
            uid,
            class,
            kind: "tty",
            desktop: "",
            state: "active",
        };
        let logind = Logind::start([
            session(1000, "user"),
            session(1000, "manager"),
            session(1001, "user"),
        ])
        .await;
        // One that the user's service manager has started, as it does for who lingers.
        assert_eq!(session_of(1000, &this).await, Ok(None));
        logind.put(this.pid(), 0);
        let own = session_of(1000, &this).await.unwrap().unwrap();
        assert!(own.ends_with("/session/_30"), "{own}");
        assert_eq!(session_of(1001, &this).await, Ok(None));
        logind.put(this.pid(), 1);
        assert_eq!(session_of(1000, &this).await, Ok(None));

        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let other = ProcessHandle::open(child.id()).unwrap();
        logind.put(child.id(), 0);
        assert_eq!(session_of(1000, &other).await, Ok(Some(own)));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(session_of(1000, &other).await, Ok(None), "it has ended");

        logind.put(this.pid(), 0);
        logind.set_state(0, "closing");
        assert_eq!(session_of(1000, &this).await, Ok(None));
        logind.end(0).await;
        assert_eq!(session_of(1000, &this).await, Ok(None));
    });
}

/// What every agent has to serve.
#[derive(Clone, Default)]
struct Agent(Arc<Mutex<Vec<String>>>);

impl Agent {
    /// Waits until it has heard this, and nothing else.
    async fn hears(&self, expected: &[&str]) {
        eventually("the agent has heard all", async || {
            self.0.lock().unwrap().len() == expected.len()
        })
        .await;
        assert_eq!(*self.0.lock().unwrap(), expected);
    }
}

// In order: a withdrawal must not overtake what it withdraws.
#[interface(name = "io.github.portreeve.Agent1", spawn = false)]
impl Agent {
    fn show(&self, prompt: Prompt) {
        self.0.lock().unwrap().push(format!("show {}", prompt.id));
    }

    fn update(&self, prompt: Prompt) {
        self.0.lock().unwrap().push(format!("update {}", prompt.id));
    }

    fn withdraw(&self, id: u64, reason: &str) {
        let line = format!("withdraw {id} {reason}");
        self.0.lock().unwrap().push(line);
    }

    fn dropped(&self) {
        self.0.lock().unwrap().push("dropped".to_owned());
    }
}

/// An agent on the bus.
async fn serve() -> (Agent, Connection) {
    let agent = Agent::default();
    let connection = Builder::system()
        .serve_at(AGENT_PATH, agent.clone())
        .build()
        .await
        .unwrap();
    (agent, connection)
}

#[test]
fn what_an_agent_serves_is_written_down() {
    let name = "agents::what_an_agent_serves_is_written_down";
    on_a_bus(name, As::Anyone, async {
        let (agent, connection) = serve().await;
        same_as_golden(&connection, AGENT_PATH, "io.github.portreeve.Agent1").await;

        // And the broker's proxy fits it.
        let client = Connection::system().await.unwrap();
        let proxy = AgentProxy::builder(&client)
            .destination(connection.unique_name().unwrap().to_owned())
            .build()
            .await
            .unwrap();
        let prompt = Prompt {
            id: 7,
            ..Prompt::default()
        };
        proxy.show(&prompt).await.unwrap();
        proxy.update(&prompt).await.unwrap();
        proxy.withdraw(7, "answered").await.unwrap();
        proxy.dropped().await.unwrap();
        let expected = ["show 7", "update 7", "withdraw 7 answered", "dropped"];
        agent.hears(&expected).await;
    });
}

#[test]
fn an_agent_that_is_dropped_is_told_so_at_last() {
    let name = "agents::an_agent_that_is_dropped_is_told_so_at_last";
    on_a_bus(name, As::Anyone, async {
        let (agent, connection) = serve().await;
        let name = connection.unique_name().unwrap().to_owned().into();
        let broker = Connection::system().await.unwrap();
        let handle = agent::start(&broker, name, AgentKind::Window)
            .await
            .unwrap();
        let withdraw = ToAgent::Withdraw {
            id: 7,
            reason: "ended",
        };
        handle.sender.send(withdraw).await.unwrap();
        agent.hears(&["withdraw 7 ended"]).await;
        drop(handle);
        agent.hears(&["withdraw 7 ended", "dropped"]).await;
    });
}
