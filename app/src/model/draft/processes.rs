//! Of which processes a rule that is being written is to be.

/// Which processes are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DraftProcesses {
    /// The program's, whoever has started it.
    #[default]
    Own,
    /// Those of everything that the program starts, too.
    AndStarted,
    /// The program's where another one has started it.
    StartedBy,
}

#[cfg(test)]
mod tests {
    use portreeve_dbus::RuleSpec;

    use super::{super::Draft, DraftProcesses};

    fn draft() -> Draft {
        Draft {
            program: "/usr/bin/curl".into(),
            ..Draft::default()
        }
    }

    #[test]
    fn it_can_matter_who_has_started_the_program() {
        let with = |processes, starter: &str| Draft {
            processes,
            starter: starter.into(),
            ..draft()
        };
        let spec = with(DraftProcesses::StartedBy, " /usr/bin/git ")
            .spec()
            .unwrap();
        assert_eq!(spec.started_by.as_deref(), Some("/usr/bin/git"));
        let again = Draft::of(spec.clone()).unwrap();
        assert!(!again.is_of_another_starter());
        assert_eq!(
            again.spec().unwrap(),
            RuleSpec {
                lifespan: None,
                ..spec
            }
        );
        let spec = with(DraftProcesses::AndStarted, "").spec().unwrap();
        assert_eq!(
            (spec.and_what_it_starts, &spec.started_by),
            (Some(true), &None)
        );
        assert_eq!(
            with(DraftProcesses::Own, "python")
                .spec()
                .unwrap()
                .started_by,
            None
        );
        for starter in ["", "git", "/usr/bin/python3"] {
            let error = with(DraftProcesses::StartedBy, starter).spec().unwrap_err();
            assert!(
                error.starter.is_some() && error.program.is_none(),
                "{starter}"
            );
        }
        let error = Draft {
            program: "/usr/bin/python3".into(),
            ..with(DraftProcesses::AndStarted, "")
        };
        assert!(error.spec().unwrap_err().program.is_some());
        let listens = Draft {
            base: Some(RuleSpec {
                operations: vec!["listen".into()],
                ..draft().spec().unwrap()
            }),
            ..with(DraftProcesses::AndStarted, "")
        };
        let error = listens.spec().unwrap_err();
        assert!(error.starter.is_some() && error.program.is_none());
    }
}
