//! What the broker says of itself.

use portreeve_dbus::{Error, Settings, Status};
use zbus::{interface, message::Header};

use super::{Shared, lock, own};

/// Its state, and its agent.
pub(super) struct BrokerInterface(pub(super) Shared);

#[interface(name = "io.github.portreeve.Broker1")]
impl BrokerInterface {
    fn status(&self, uid: u32) -> Status {
        own(uid);
        let state = lock(&self.0);
        let mut status = state.status.clone();
        status.agent |= state.agent.is_some();
        status
    }

    fn settings(&self) -> Settings {
        lock(&self.0).settings.clone()
    }

    fn register_agent(&self, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        let mut state = lock(&self.0);
        if state.wants_no_agent {
            state.agents_refused += 1;
            return Err(Error::LimitsExceeded("agents".into()));
        }
        state.agent = header.sender().map(|name| name.to_owned().into());
        Ok(())
    }

    fn prompt_shown(&self, id: u64, revision: u32) {
        lock(&self.0).shown.push((id, revision));
    }
}
