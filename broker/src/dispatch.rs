//! From the gate to the loop: each call's caller and object are found out, side by side, because
//! one caller's files may take their time.

use std::sync::{Arc, Mutex, PoisonError};

use portreeve_abi::Operation as AbiOperation;
use portreeve_policy::Operation;
use tokio::sync::mpsc;

use crate::{
    decide::Arrival,
    failure::{Failures, Reason},
    gate::Knock,
    object::{self, Hosts},
    subject::Resolver,
};

/// Hands calls on until the gate or the loop ends.
pub async fn run(
    mut knocks: mpsc::Receiver<Knock>,
    arrivals: mpsc::Sender<Arrival>,
    hosts: Arc<Mutex<Hosts>>,
    failures: Arc<Failures>,
) {
    let resolver = Arc::new(Resolver::default());
    while let Some(knock) = knocks.recv().await {
        let (resolver, arrivals) = (Arc::clone(&resolver), arrivals.clone());
        let (hosts, failures) = (Arc::clone(&hosts), Arc::clone(&failures));
        tokio::spawn(async move {
            let Knock { request, held } = knock;
            let caller = match resolver.resolve(&request).await {
                Ok(caller) => caller,
                Err(error) => {
                    // One that a signal took away has gone for good reason.
                    if held.as_ref().is_some_and(crate::gate::Held::is_waiting) {
                        tracing::warn!(%error, "cannot identify a caller: denied");
                        failures.count(Reason::SubjectUnknown);
                    }
                    return deny(held);
                }
            };
            let Some(operation) = operation(request.key.operation) else {
                return deny(held);
            };
            let object = object::object(
                &request.key.endpoint,
                &mut hosts.lock().unwrap_or_else(PoisonError::into_inner),
            );
            let arrival = Arrival {
                request,
                caller,
                operation,
                object,
                held,
            };
            // If the loop has ended, dropping the arrival denies the call.
            drop(arrivals.send(arrival).await);
        });
    }
}

fn deny(held: Option<crate::gate::Held>) {
    if let Some(held) = held {
        held.release(&crate::gate::once(portreeve_policy::Action::DENY));
    }
}

fn operation(raw: u32) -> Option<Operation> {
    Some(match AbiOperation::from_raw(u8::try_from(raw).ok()?)? {
        AbiOperation::Create => Operation::Create,
        AbiOperation::Bind => Operation::Bind,
        AbiOperation::Connect => Operation::Connect,
        AbiOperation::Listen => Operation::Listen,
        AbiOperation::Accept => Operation::Accept,
    })
}
