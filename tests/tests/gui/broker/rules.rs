//! The rules of the broker that the test plays.

use portreeve_dbus::{Change, Error, Rule, RuleChanges};
use zbus::{interface, message::Header, object_server::SignalEmitter};

use super::{Shared, lock, own, to_each};

pub(super) struct RulesInterface(pub(super) Shared);

impl RulesInterface {
    pub(super) async fn tell(&self, emitter: &SignalEmitter<'_>) {
        let watchers = lock(&self.0).watchers.clone();
        for emitter in to_each(emitter, watchers) {
            Self::changed(&emitter)
                .await
                .expect("cannot tell of a change");
        }
    }
}

#[interface(name = "io.github.portreeve.Rules1")]
impl RulesInterface {
    fn list(&self, uid: u32) -> Vec<Rule> {
        own(uid);
        let mut state = lock(&self.0);
        state.rules_read += 1;
        state.rules.clone()
    }

    async fn change(
        &self,
        uid: u32,
        changes: RuleChanges,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(u64, Vec<u64>), Error> {
        own(uid);
        let made = lock(&self.0).change(changes)?;
        self.tell(&emitter).await;
        Ok(made)
    }

    async fn set_built_in(
        &self,
        uid: u32,
        rule: &str,
        action: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Error> {
        own(uid);
        lock(&self.0).set_built_in(rule, action)?;
        self.tell(&emitter).await;
        Ok(())
    }

    async fn undo(
        &self,
        uid: u32,
        change: u64,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<u64, Error> {
        own(uid);
        let number = lock(&self.0).undo(change)?;
        self.tell(&emitter).await;
        Ok(number)
    }

    fn changes(&self, uid: u32) -> Vec<Change> {
        own(uid);
        lock(&self.0).changes.iter().rev().cloned().collect()
    }

    fn watch(&self, uid: u32, #[zbus(header)] header: Header<'_>) {
        own(uid);
        lock(&self.0)
            .watchers
            .extend(header.sender().map(|name| name.to_owned().into()));
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}
