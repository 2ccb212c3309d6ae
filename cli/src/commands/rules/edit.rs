//! `portreevectl rules edit`: what a rule is to say from now on.

use std::path::Path;

use portreeve_dbus::{ANY, Error as BrokerError, RuleChanges, RuleSpec, program_key, starter_key};
use portreeve_i18n::gettext_f;

use super::network;
use crate::{
    args::EditRule,
    bus::Bus,
    clock::boot_time,
    error::{Error, Result},
};

/// The change that puts another rule in the place of one.
pub(super) async fn changes(uid: u32, edit: &EditRule) -> Result<RuleChanges> {
    let id = edit.id;
    let named = id.to_string();
    let values = [("rule", named.as_str())];
    if edit.is_of_nothing() {
        let text = gettext_f(
            "cannot edit rule {rule} without an option that says what is to be different; \
             “portreevectl rules edit --help” lists them",
            &values,
        );
        return Err(Error::Usage(text));
    }
    let rules = Bus::connect().await?.rules().await?.list(uid).await?;
    let rule = rules.iter().find(|rule| rule.id == id).ok_or_else(|| {
        let text = gettext_f("cannot find rule {rule} among those of the user", &values);
        Error::Broker(BrokerError::NoSuchRule(text))
    })?;
    let now = u64::try_from(boot_time().as_micros()).unwrap_or(u64::MAX);
    let own = !matches!(rule.origin.as_str(), "built-in" | "administrator");
    let spec = rule.spec(now).filter(|_| own).ok_or_else(|| {
        Error::Usage(gettext_f(
            "cannot edit rule {rule}: it is for one process, or not the user's own",
            &values,
        ))
    })?;
    let mut spec = edited(spec, edit)?;
    if let Some(word) = &edit.parts.network {
        network::put_in(&mut spec, uid, word).await?;
    }
    Ok(RuleChanges {
        add: Some(vec![spec]),
        remove: Some(vec![id]),
        ..RuleChanges::default()
    })
}

/// What the rule says when it is edited.
fn edited(mut spec: RuleSpec, edit: &EditRule) -> Result<RuleSpec> {
    let parts = &edit.parts;
    if let Some(app) = &edit.app {
        let program = if app.as_os_str() == ANY {
            ANY.to_owned()
        } else {
            program_key(app)?
        };
        // What the one before was called says nothing of another.
        spec.called = spec.called.filter(|_| program == spec.program);
        spec.program = program;
    }
    if edit.started_by_any || parts.started_by.is_some() || parts.and_what_it_starts {
        spec.started_by = parts.started_by.as_deref().map(starter_key).transpose()?;
        spec.and_what_it_starts = parts.and_what_it_starts.then_some(true);
    }
    if spec.and_what_it_starts == Some(true) {
        spec.program = starter_key(Path::new(&spec.program))?;
    }
    if !edit.operations.is_empty() {
        spec.operations = edit.operations.iter().map(ToString::to_string).collect();
    }
    let somewhere = [
        &parts.host,
        &parts.domain,
        &parts.addr,
        &parts.list,
        &parts.place,
    ];
    if edit.anywhere || somewhere.iter().any(|place| place.is_some()) {
        spec.host.clone_from(&parts.host);
        spec.domain.clone_from(&parts.domain);
        spec.network.clone_from(&parts.addr);
        spec.list.clone_from(&parts.list);
        spec.place.clone_from(&parts.place);
    }
    if edit.any_port || parts.port.is_some() {
        spec.ports = parts.port.as_ref().map(ToString::to_string);
    }
    if edit.any_protocol || parts.protocol.is_some() {
        spec.protocol = parts.protocol.map(|protocol| protocol.to_string());
    }
    if let Some(action) = edit.action.map(portreeve_policy::Action::as_str)
        && action != spec.action
    {
        action.clone_into(&mut spec.action);
        spec.errno = None;
    }
    if parts.errno.is_some() {
        spec.errno = parts.errno;
    }
    if edit.any_network {
        spec.only_in = None;
        spec.only_in_name = None;
    }
    if let Some(lifespan) = parts.lifespan() {
        spec.lifespan = Some(lifespan.to_string());
    } else if edit.always {
        spec.lifespan = None;
    }
    if let Some(note) = &parts.note {
        spec.note = Some(note.clone()).filter(|note| !note.is_empty());
    }
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Command, Rules};

    fn rule() -> RuleSpec {
        RuleSpec {
            program: "/usr/bin/curl".into(),
            operations: vec!["connect".into()],
            host: Some("a.example".into()),
            ports: Some("443".into()),
            protocol: Some("tcp".into()),
            action: "deny".into(),
            errno: Some(111),
            lifespan: Some("60s".into()),
            enabled: Some(false),
            note: Some("why".into()),
            only_in: Some("0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".into()),
            only_in_name: Some("Home".into()),
            ..RuleSpec::default()
        }
    }

    fn edit(words: &str) -> EditRule {
        let words = ["portreevectl", "rules", "edit", "7"]
            .into_iter()
            .chain(words.split_whitespace());
        match Args::try_parse_from(words).unwrap().command {
            Command::Rules(Rules::Edit(edit)) => edit,
            other => panic!("{other:?}"),
        }
    }

    fn with(words: &str) -> RuleSpec {
        let edit = edit(words);
        assert_eq!(edit.is_of_nothing(), words.is_empty(), "{words}");
        edited(rule(), &edit).unwrap()
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        assert_eq!(with(""), rule());
        let elsewhere = RuleSpec {
            host: None,
            domain: Some("b.example".into()),
            ..rule()
        };
        assert_eq!(with("--domain b.example"), elsewhere);
        let wide = RuleSpec {
            host: None,
            ports: None,
            protocol: None,
            lifespan: None,
            ..rule()
        };
        assert_eq!(with("--anywhere --any-port --any-protocol --always"), wide);
        let whoever = edited(
            RuleSpec {
                started_by: Some("/usr/bin/git".into()),
                ..rule()
            },
            &edit("--started-by-any"),
        );
        assert_eq!(whoever.unwrap(), rule());
        let everywhere = RuleSpec {
            only_in: None,
            only_in_name: None,
            ..rule()
        };
        assert_eq!(with("--any-network"), everywhere);
        let allowed = RuleSpec {
            action: "allow".into(),
            errno: None,
            operations: vec!["listen".into()],
            ..rule()
        };
        assert_eq!(with("--action allow --op listen"), allowed);
        assert_eq!(with("--action deny").errno, Some(111));
        assert_eq!(
            with("--errno EPERM --port 80,8080").ports.as_deref(),
            Some("80,8080")
        );
        let hour = with("--for 1h --note later");
        assert_eq!(
            (hour.lifespan.as_deref(), hour.note.as_deref()),
            (Some("3600s"), Some("later"))
        );
    }
}
