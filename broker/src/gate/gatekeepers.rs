//! The gatekeepers: more than one, so that while another is started for one that has died, the probe finds the
//! gate all the same.

use std::{
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use portreeve_abi::GATEKEEPERS;

use super::{Error, GateFile, gatekeeper::Gatekeeper};
use crate::keep::{Kept, keep};

/// All of them, each in a place of its own.
pub struct Gatekeepers {
    places: [Gatekeeper; GATEKEEPERS],
    presence: Presence,
}

/// Whether all gatekeepers that the probe knows are there. Clones are the same.
#[derive(Clone)]
pub struct Presence(Arc<AtomicBool>);

impl Default for Presence {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Presence {
    /// Whether they are, as far as that is known.
    pub(super) fn is_whole(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Names of what is kept of the one in a place: its pidfd, and the other end of its standard input.
fn names(place: usize) -> (String, String) {
    (
        format!("gatekeeper-{place}"),
        format!("gatekeeper-{place}-alive"),
    )
}

impl Gatekeepers {
    /// Takes over those of this gate that were left, and starts the others. `left`: whether those that were left
    /// are of this gate; those of another lead nowhere. Needs a tokio runtime, and the gate to be served.
    pub(super) async fn enter(file: &GateFile, kept: &mut Kept, left: bool) -> Result<Self, Error> {
        let mut adopted = [const { None }; GATEKEEPERS];
        for (place, gatekeeper) in adopted.iter_mut().enumerate() {
            let (process, alive) = names(place);
            // Both, whatever becomes of them: see `Entrance::open`.
            let found = kept.take(&process).zip(kept.take(&alive));
            let found = found.filter(|_| left);
            *gatekeeper = found.and_then(|(process, alive)| Gatekeeper::adopt(process, alive));
        }
        let [first, second] = adopted;
        Ok(Self {
            places: [
                adopt_or_start(first, file, 0).await?,
                adopt_or_start(second, file, 1).await?,
            ],
            presence: Presence::default(),
        })
    }

    /// Their process ids.
    pub fn pids(&self) -> [u32; GATEKEEPERS] {
        self.places.each_ref().map(Gatekeeper::pid)
    }

    /// Whether they are there, from now on.
    pub fn presence(&self) -> Presence {
        self.presence.clone()
    }

    /// Waits until one ends; returns its place, and how long it has been ours. The place has to be filled before
    /// the next call.
    pub async fn ended(&mut self) -> (usize, Duration) {
        let [first, second] = &mut self.places;
        let ended = tokio::select! {
            lived = first.ended() => (0, lived),
            lived = second.ended() => (1, lived),
        };
        self.presence.0.store(false, Ordering::SeqCst);
        ended
    }

    /// Fills a place; the probe has yet to be told of the new one, and that it was: [`Self::are_known`].
    pub async fn fill(&mut self, place: usize, file: &GateFile) -> Result<(), Error> {
        let next = start(file, place).await?;
        if let Some(place) = self.places.get_mut(place) {
            *place = next;
        }
        Ok(())
    }

    /// The probe knows these.
    pub fn are_known(&self) {
        self.presence.0.store(true, Ordering::SeqCst);
    }
}

async fn adopt_or_start(
    adopted: Option<Gatekeeper>,
    file: &GateFile,
    place: usize,
) -> Result<Gatekeeper, Error> {
    match adopted {
        Some(gatekeeper) => Ok(gatekeeper),
        None => start(file, place).await,
    }
}

/// Starts a gatekeeper, and has it kept.
async fn start(file: &GateFile, place: usize) -> Result<Gatekeeper, Error> {
    let gatekeeper = Gatekeeper::start(file).await?;
    let (process, alive) = gatekeeper.descriptors();
    let names = names(place);
    keep(&names.0, process.as_fd());
    keep(&names.1, alive.as_fd());
    Ok(gatekeeper)
}
