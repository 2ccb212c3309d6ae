//! From the gate to the loop: each call's caller and object are found out, side by side, because
//! one caller's files may take their time.

use std::sync::{Arc, Mutex, PoisonError};

use portreeve_abi::{MAX_HOLDS, Operation as AbiOperation};
use portreeve_policy::{Operation, Outcome};
use tokio::sync::{Semaphore, mpsc};

use crate::{
    config::Unseen,
    decide::Arrival,
    failure::{Failures, Reason},
    gate::{Knock, once},
    object::{self, Names},
    subject::{Caller, Error, Resolver},
};

/// Calls on their way at once. One whose caller a signal has taken away is still on its way.
const UNDER_WAY: usize = MAX_HOLDS as usize;

/// What all calls on their way need.
struct Dispatch {
    resolver: Resolver,
    arrivals: mpsc::Sender<Arrival>,
    names: Arc<Mutex<Names>>,
    failures: Arc<Failures>,
    unseen: Unseen,
}

/// Hands calls on until the gate or the loop ends.
pub async fn run(
    mut knocks: mpsc::Receiver<Knock>,
    arrivals: mpsc::Sender<Arrival>,
    resolver: Resolver,
    names: Arc<Mutex<Names>>,
    failures: Arc<Failures>,
    unseen: Unseen,
) {
    let under_way = Arc::new(Semaphore::new(UNDER_WAY));
    let dispatch = Arc::new(Dispatch {
        resolver,
        arrivals,
        names,
        failures,
        unseen,
    });
    while let Some(knock) = knocks.recv().await {
        let Ok(place) = Arc::clone(&under_way).try_acquire_owned() else {
            dispatch.failures.count(Reason::QueueFull);
            dispatch.give_up(knock);
            continue;
        };
        let dispatch = Arc::clone(&dispatch);
        tokio::spawn(async move {
            dispatch.bring(knock).await;
            drop(place);
        });
    }
}

impl Dispatch {
    /// Ends a call that cannot be looked into; whether it still waited.
    fn give_up(&self, knock: Knock) -> bool {
        let action = self.unseen.outcome(&knock.request);
        knock.held.release(&once(action))
    }

    /// Brings one call to the loop.
    async fn bring(&self, knock: Knock) {
        let caller = match self
            .resolver
            .resolve(&knock.request, knock.script.as_deref(), &knock.ancestry)
            .await
        {
            Ok(caller) => caller,
            Err(error) => {
                // One that a signal took away has gone for good reason.
                if self.give_up(knock) && !matches!(error, Error::Gone { .. }) {
                    tracing::debug!(%error, "cannot identify a caller");
                    self.failures.count(Reason::SubjectUnknown);
                }
                return;
            }
        };
        let arrival = arrival(
            knock,
            caller,
            &mut self.names.lock().unwrap_or_else(PoisonError::into_inner),
        );
        if let Some(arrival) = arrival {
            // If the loop has ended, dropping the arrival denies the call.
            drop(self.arrivals.send(arrival).await);
        }
    }
}

/// What the loop is to judge of a call whose caller is known. `None` if there is no such operation:
/// the call is denied.
pub fn arrival(knock: Knock, caller: Arc<Caller>, names: &mut Names) -> Option<Arrival> {
    let Knock { request, held, .. } = knock;
    let Some((operation, open)) = operation(request.key.operation) else {
        held.release(&once(Outcome::DENY));
        return None;
    };
    let object = object::object(&request, names);
    Some(Arrival {
        request,
        process: caller.subject.process,
        caller,
        operation,
        open,
        way_sought: false,
        object,
        held,
    })
}

/// What the kernel's number stands for, and whether it is about a connection that there is.
fn operation(raw: u32) -> Option<(Operation, bool)> {
    Some(match AbiOperation::from_raw(u8::try_from(raw).ok()?)? {
        AbiOperation::Create => (Operation::Create, false),
        AbiOperation::Bind => (Operation::Bind, false),
        AbiOperation::Connect => (Operation::Connect, false),
        AbiOperation::Listen => (Operation::Listen, false),
        AbiOperation::Accept => (Operation::Accept, true),
        AbiOperation::Send => (Operation::Connect, true),
    })
}
