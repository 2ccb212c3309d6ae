//! Errors cross the bus under stable names, and say what was wrong.

use portreeve_dbus::{BROKER_PATH, BUS_NAME, OWN_UID, RuleChanges, RuleSpec};
use zbus::{Connection, DynamicType};

use crate::{
    broker::Broker,
    stage::{As, on_a_bus},
};

/// Name and text of the error that a call is answered with.
async fn error<B>(client: &Connection, member: &str, body: &B) -> (String, String)
where
    B: serde::Serialize + DynamicType,
{
    let (interface, method) = member.split_once('.').unwrap();
    let interface = format!("io.github.portreeve.{interface}");
    let result = client
        .call_method(
            Some(BUS_NAME),
            BROKER_PATH,
            Some(interface.as_str()),
            method,
            body,
        )
        .await;
    match result {
        Err(zbus::Error::MethodError(name, Some(text), _)) => (name.to_string(), text),
        other => panic!("{member}: {other:?}"),
    }
}

#[test]
fn errors_have_names_of_their_own() {
    on_a_bus("errors::errors_have_names_of_their_own", As::Root, async {
        let _broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let answer = (7_u64, 1_u32, "allow", "host", "once");
        for (member, name) in [
            ("Broker1.RegisterAgent", "AccessDenied"),
            ("Broker1.PromptShown", "NoSuchPrompt"),
            ("Prompts1.Answer", "NoSuchPrompt"),
            ("Rules1.Change", "NoSuchRule"),
            ("Rules1.Undo", "NoSuchChange"),
        ] {
            let (found, text) = match member {
                "Broker1.RegisterAgent" => error(&client, member, &()).await,
                "Broker1.PromptShown" => error(&client, member, &(7_u64, 1_u32)).await,
                "Prompts1.Answer" => error(&client, member, &answer).await,
                "Rules1.Change" => {
                    error(&client, member, &(1000_u32, RuleChanges::remove(7))).await
                }
                _ => error(&client, member, &(1000_u32, 7_u64)).await,
            };
            assert_eq!(found, format!("io.github.portreeve.Error.{name}"), "{text}");
            assert!(text.starts_with("cannot "), "{text}");
        }
    });
}

#[test]
fn an_invalid_argument_is_named() {
    on_a_bus("errors::an_invalid_argument_is_named", As::Anyone, async {
        let _broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let invalid = "io.github.portreeve.Error.InvalidArgument";
        for (answer, named) in [
            ((7_u64, 1_u32, "maybe", "host", "once"), "action “maybe”"),
            ((7, 1, "allow", "planet", "once"), "scope “planet”"),
            ((7, 1, "allow", "host", "twice"), "lifespan “twice”"),
        ] {
            let (name, text) = error(&client, "Prompts1.Answer", &answer).await;
            assert_eq!(name, invalid);
            assert!(text.contains(named), "{text}");
        }
        let spec = || RuleSpec {
            program: "/usr/bin/curl".into(),
            operations: vec!["connect".into()],
            action: "allow".into(),
            ..RuleSpec::default()
        };
        let wrong: [(RuleSpec, &str); 9] = [
            (
                RuleSpec {
                    program: "curl".into(),
                    ..spec()
                },
                "program “curl”",
            ),
            (
                RuleSpec {
                    operations: vec![],
                    ..spec()
                },
                "operation",
            ),
            (
                RuleSpec {
                    operations: vec!["fly".into()],
                    ..spec()
                },
                "operation “fly”",
            ),
            (
                RuleSpec {
                    host: Some("a b".into()),
                    ..spec()
                },
                "host “a b”",
            ),
            (
                RuleSpec {
                    host: Some("192.0.2.1".into()),
                    ..spec()
                },
                "host “192.0.2.1”",
            ),
            (
                RuleSpec {
                    network: Some("1.2.3".into()),
                    ..spec()
                },
                "address “1.2.3”",
            ),
            (
                RuleSpec {
                    ports: Some("0".into()),
                    ..spec()
                },
                "ports “0”",
            ),
            (
                RuleSpec {
                    protocol: Some("tpc".into()),
                    ..spec()
                },
                "protocol “tpc”",
            ),
            (
                RuleSpec {
                    action: "maybe".into(),
                    ..spec()
                },
                "action “maybe”",
            ),
        ];
        for (spec, named) in wrong {
            let (name, text) =
                error(&client, "Rules1.Change", &(OWN_UID, RuleChanges::add(spec))).await;
            assert_eq!(name, invalid, "{text}");
            assert!(text.contains(named), "{text}");
        }
        let both = RuleSpec {
            host: Some("a.example".into()),
            network: Some("192.0.2.1".into()),
            ..spec()
        };
        let (_, text) = error(&client, "Rules1.Change", &(OWN_UID, RuleChanges::add(both))).await;
        let named = "host, domain, network, list and place";
        assert!(text.contains(named), "{text}");
    });
}
