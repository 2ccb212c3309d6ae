//! A request on its way through the loop.

use std::sync::Arc;

use portreeve_policy::{Object, Operation, Process};
use tokio::sync::mpsc;

use crate::{
    gate::Held,
    object::{Sender, Ways},
    subject::{Caller, Code},
};

/// An identified request on its way to a verdict.
pub struct Arrival {
    /// The kernel's record.
    pub request: portreeve_abi::Request,
    /// Who calls.
    pub caller: Arc<Caller>,
    /// What is done.
    pub operation: Operation,
    /// Whether it is about a connection that there is: it goes on unless a rule is against it, and
    /// nobody is asked.
    pub open: bool,
    /// To what.
    pub object: Object,
    /// The duty to answer.
    pub held: Held,
    /// Whether the way to the object has been looked for.
    pub way_sought: bool,
    /// What its process is to the rules; so as it was when it was judged last.
    pub process: Process,
}

impl Arrival {
    /// The run that an answer is for and no other, whatever their program: one that runs what it was given.
    pub(super) fn only(&self) -> Option<u64> {
        (self.caller.code == Code::Given).then_some(self.request.run)
    }

    /// Has it found out where the caller comes from; then the call is judged anew. If the loop ends meanwhile, it is
    /// denied.
    pub(super) fn trace(self, again: &mpsc::WeakSender<Self>) {
        let Some(again) = again.upgrade() else { return };
        tokio::spawn(async move {
            self.caller.trace().await;
            drop(again.send(self).await);
        });
    }

    /// Has it found out whether the kernel sends there by way of a tunnel; then the call is judged anew, with what is
    /// known by then.
    pub(super) fn seek_way(mut self, ways: &Ways, again: &mpsc::WeakSender<Self>) {
        let Some(again) = again.upgrade() else { return };
        let ways = ways.clone();
        tokio::spawn(async move {
            let sender = Sender {
                uid: self.caller.subject.uid,
                tid: Some(self.request.tid),
            };
            ways.find(sender, &mut self.object).await;
            self.way_sought = true;
            drop(again.send(self).await);
        });
    }
}
