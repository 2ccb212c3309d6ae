//! The broker's lists: it knows what they are called, and takes changes of rules that come with some.

use portreeve_dbus::{Error, ListInfo, NewList, RuleChanges, read_sealed};
use portreeve_policy::List;
use zbus::{OwnedFd, interface, object_server::SignalEmitter};

use super::{RulesInterface, Shared, lock, own};

impl super::Broker {
    pub(crate) fn set_lists(&self, names: &[&str]) {
        lock(&self.state).lists = names.iter().map(|&it| it.into()).collect();
    }
}

pub(super) struct ListsInterface(pub(super) Shared);

#[expect(clippy::unused_self, reason = "zbus calls them so")]
#[interface(name = "io.github.portreeve.Lists1")]
impl ListsInterface {
    fn list(&self, uid: u32) -> Vec<ListInfo> {
        own(uid);
        let names = lock(&self.0).lists.clone();
        let infos = names.into_iter().map(|name| ListInfo {
            name,
            entries: 1,
            ..ListInfo::default()
        });
        infos.collect()
    }

    fn read(&self, uid: u32, name: &str) -> Result<(OwnedFd, u64), Error> {
        own(uid);
        Err(Error::Failed(name.to_owned()))
    }

    async fn change(
        &self,
        uid: u32,
        rules: RuleChanges,
        keep: Vec<NewList>,
        remove: Vec<String>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(u64, Vec<u64>), Error> {
        own(uid);
        assert_eq!(remove, [""; 0]);
        for (_, _, text) in keep {
            read_sealed(text.into(), List::LONGEST).expect("a list can be read");
        }
        let made = lock(&self.0).change(rules)?;
        RulesInterface(self.0.clone()).tell(&emitter).await;
        Ok(made)
    }
}
