//! Threads with calls at the gate, and what must become of each call: exactly one end.
//!
//! A model of the whole: the kernel, the threads, the one who has them breathe, and the loop that
//! answers. After each step it knows which replies have to have come, and no other may have.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use portreeve_abi::{CacheKey, Request, Verdict, verdict_flags};
use portreeve_broker::{
    decide::Arrival,
    dispatch::arrival,
    gate::{Held, fuzzing::Round, once},
    object::Names,
    subject::Caller,
};
use portreeve_policy::{Decision, Outcome, Ruleset};

use crate::kernel::{EINTR, Kernel, SHORT, Told};

/// How many threads there are.
pub const THREADS: usize = 8;
/// Calls that may wait to be looked at; one more is denied.
const ROOM: usize = 3;

/// Where a thread is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Somewhere else.
    Away,
    /// At the gate, in this request, with this call.
    Inside(u64, usize),
    /// Called out of this call for a breath.
    Outside(usize),
}

/// One call, from the first knock to its end.
struct Call {
    thread: usize,
    request: Request,
    /// The bytes of a verdict that came while the thread was outside.
    verdict: Option<Vec<u8>>,
    /// Its end has come: a verdict, a signal, or its thread did not come back.
    ended: bool,
    /// Held by programs that are being replaced: nobody looks at it.
    strange: bool,
    brief: bool,
}

/// A call that the loop has before it.
struct Judged {
    call: usize,
    held: Held,
}

/// The whole.
pub struct Threads<'a> {
    kernel: Kernel,
    places: [Place; THREADS],
    calls: Vec<Call>,
    /// Calls on their way to the loop.
    queue: VecDeque<usize>,
    judged: Vec<Judged>,
    /// Calls, by their numbers in the table, let go in the last breath.
    out: Vec<u64>,
    /// Calls, by their numbers, that are to be left stopped; whether they are.
    parked: BTreeMap<u64, bool>,
    /// Which call has which number in the table.
    numbers: BTreeMap<u64, usize>,
    replaces: bool,
    parking: bool,
    caller: Arc<Caller>,
    rules: &'a Ruleset,
    names: &'a mut Names,
    told: Vec<(u64, Told)>,
    expected: Vec<(u64, Told)>,
}

impl<'a> Threads<'a> {
    /// Threads of which none is at the gate.
    pub fn new(
        replaces: bool,
        caller: Arc<Caller>,
        rules: &'a Ruleset,
        names: &'a mut Names,
    ) -> Self {
        Self {
            kernel: Kernel::new(&SHORT, replaces, ROOM),
            places: [Place::Away; THREADS],
            calls: Vec::new(),
            queue: VecDeque::new(),
            judged: Vec::new(),
            out: Vec::new(),
            parked: BTreeMap::new(),
            numbers: BTreeMap::new(),
            replaces,
            parking: false,
            caller,
            rules,
            names,
            told: Vec::new(),
            expected: Vec::new(),
        }
    }

    fn tid(thread: usize) -> u32 {
        1000 + u32::try_from(thread).expect("few threads")
    }

    /// A thread comes to the gate with this call, if it is not there.
    pub fn knock(&mut self, thread: usize, mut request: Request) {
        request.tid = Self::tid(thread);
        if request.key == CacheKey::default() {
            // No call is nobody's.
            request.key.process.uid = 1000;
        }
        match self.places[thread] {
            Place::Inside(..) => return,
            Place::Outside(call) if self.is_stopped(call) => return,
            Place::Outside(call) if self.calls[call].request.key == request.key => {
                return self.come_back(thread);
            }
            Place::Outside(call) => self.calls[call].ended = true,
            Place::Away => {}
        }
        self.arrive(thread, request);
    }

    /// A thread that was called out comes back with its call.
    pub fn come_back(&mut self, thread: usize) {
        let Place::Outside(call) = self.places[thread] else {
            return;
        };
        if self.is_stopped(call) {
            return;
        }
        let request = self.calls[call].request;
        if self.calls[call].strange {
            // What its call is, is known now.
            let mut request = request;
            request.key.process.uid = 1000;
            self.calls[call].ended = true;
            return self.arrive(thread, request);
        }
        if self.calls[call].ended {
            // It took too long: this is another one.
            return self.arrive(thread, request);
        }
        self.kernel.hold(request.tid, Some(request));
        let unique = self.enter(request.tid);
        match self.calls[call].verdict.take() {
            Some(verdict) => {
                self.expected.push((unique, Ok(verdict)));
                self.end(thread, call);
            }
            None => self.places[thread] = Place::Inside(unique, call),
        }
    }

    /// Whether the thread of a call is left stopped.
    fn is_stopped(&self, call: usize) -> bool {
        let mut stopped = self.parked.iter().filter(|(_, stopped)| **stopped);
        stopped.any(|(number, _)| self.numbers[number] == call)
    }

    /// A new call.
    fn arrive(&mut self, thread: usize, request: Request) {
        self.kernel.hold(request.tid, Some(request));
        let call = self.add(thread, request, false);
        let unique = self.enter(request.tid);
        self.places[thread] = Place::Inside(unique, call);
        if self.queue.len() < ROOM {
            self.queue.push_back(call);
        } else {
            self.expect_denial(call);
        }
    }

    /// A thread is held by programs that the gate knows nothing of.
    pub fn knock_strangely(&mut self, thread: usize) {
        if self.places[thread] != Place::Away {
            return;
        }
        let tid = Self::tid(thread);
        let unique = self.enter(tid);
        if self.replaces {
            let request = Request {
                tid,
                ..Request::default()
            };
            let call = self.add(thread, request, true);
            self.places[thread] = Place::Inside(unique, call);
        } else {
            // It learns nothing.
            self.expected.push((unique, Err(61)));
        }
    }

    fn add(&mut self, thread: usize, request: Request, strange: bool) -> usize {
        self.calls.push(Call {
            thread,
            request,
            verdict: None,
            ended: false,
            strange,
            brief: false,
        });
        self.calls.len() - 1
    }

    /// Asks the gate; what that tells is looked at when the step is over.
    fn enter(&mut self, tid: u32) -> u64 {
        let (unique, told) = self.kernel.knock(tid);
        self.told.extend(told);
        unique
    }

    /// A thread at the gate gets a signal.
    pub fn signal(&mut self, thread: usize) {
        if let Place::Inside(unique, call) = self.places[thread] {
            self.told.extend(self.kernel.interrupt(unique));
            self.expected.push((unique, Err(EINTR)));
            self.end(thread, call);
        }
    }

    /// A call has ended, and its thread has gone away.
    fn end(&mut self, thread: usize, call: usize) {
        self.calls[call].ended = true;
        self.places[thread] = Place::Away;
        self.kernel.hold(Self::tid(thread), None);
    }

    /// The loop takes the next call.
    pub fn judge(&mut self) {
        let Some(call) = self.queue.pop_front() else {
            return;
        };
        let knock = self.kernel.knocks.try_recv().expect("it is on its way");
        let request = self.calls[call].request;
        assert_eq!(knock.request, request, "it is the call that came");
        assert_eq!(knock.held.is_waiting(), self.waits(call));
        let known = (1..=6).contains(&request.key.operation);
        match arrival(knock, Arc::clone(&self.caller), self.names) {
            None => {
                assert!(!known);
                self.expect_denial(call);
            }
            Some(arrival) => {
                assert!(known);
                self.settle(call, arrival);
            }
        }
    }

    /// The rules are asked about a call.
    fn settle(&mut self, call: usize, arrival: Arrival) {
        let key = &arrival.request.key;
        let (endpoint, object) = (&key.endpoint, &arrival.object);
        assert_eq!(arrival.open, key.operation > 4);
        assert_eq!(object.address.is_ipv4(), endpoint.family == 2);
        assert_eq!(object.port, endpoint.port);
        assert_eq!(object.protocol.0, endpoint.protocol);
        let subject = &arrival.caller.subject;
        let decision = self.rules.decide(subject, arrival.operation, object);
        let held = arrival.held;
        match decision {
            Decision::Settled { action, .. } => {
                let verdict = Verdict {
                    flags: verdict_flags::CACHE,
                    generation: 7,
                    ..once(action)
                };
                self.answer(call, held, &verdict);
            }
            Decision::Asked { .. } | Decision::Ask => self.judged.push(Judged { call, held }),
        }
    }

    /// The loop answers one of the calls before it, or forgets it.
    pub fn release(&mut self, which: u8, action: Option<Outcome>) {
        if self.judged.is_empty() {
            return;
        }
        let which = usize::from(which) % self.judged.len();
        let Judged { call, held } = self.judged.swap_remove(which);
        let waits = self.waits(call);
        assert_eq!(held.is_waiting(), waits);
        assert_eq!(held.is_brief(), waits && self.calls[call].brief);
        match action {
            Some(action) => self.answer(call, held, &once(action)),
            None => {
                drop(held);
                self.expect_denial(call);
            }
        }
    }

    fn answer(&mut self, call: usize, held: Held, verdict: &Verdict) {
        assert_eq!(held.release(verdict), self.waits(call));
        self.expect_verdict(call, verdict);
    }

    fn expect_denial(&mut self, call: usize) {
        self.expect_verdict(call, &once(Outcome::DENY));
    }

    /// This verdict is given; it counts if the call has not ended.
    fn expect_verdict(&mut self, call: usize, verdict: &Verdict) {
        if !self.waits(call) {
            return;
        }
        let bytes = verdict.to_bytes().to_vec();
        let thread = self.calls[call].thread;
        if let Place::Inside(unique, _) = self.places[thread] {
            self.expected.push((unique, Ok(bytes)));
            self.end(thread, call);
        } else if self.calls[call].verdict.is_none() {
            self.calls[call].verdict = Some(bytes);
        }
    }

    fn waits(&self, call: usize) -> bool {
        !self.calls[call].ended
    }

    /// One round of breathing, parking or letting go. `how` has two bits for each thread.
    pub fn round(&mut self, how: u16) {
        match self.kernel.rounds.next() {
            None => {}
            Some(Round::Breathe(calls)) => {
                assert!(!self.parking);
                self.miss();
                for (number, tid) in calls {
                    if self.call_out(number, tid, how) {
                        self.out.push(number);
                    }
                }
            }
            Some(Round::Park(calls)) => {
                assert!(self.parking);
                for (number, tid) in calls {
                    let stopped = self.call_out(number, tid, how);
                    self.kernel.rounds.parked(number);
                    if self.numbers.contains_key(&number) {
                        self.parked.insert(number, stopped);
                    }
                }
            }
            Some(Round::Unpark) => {
                assert!(!self.parking);
                let parked = std::mem::take(&mut self.parked);
                let stopped = parked.into_iter().filter(|(_, stopped)| *stopped);
                self.out.extend(stopped.map(|(number, _)| number));
            }
        }
    }

    /// The call of this number in the table; `None` if it has ended since the round began.
    fn find(&mut self, number: u64, tid: u32) -> Option<usize> {
        if let Some(call) = self.numbers.get(&number) {
            return Some(*call).filter(|call| self.waits(*call));
        }
        let thread = (0..THREADS).find(|it| Self::tid(*it) == tid);
        let call = match self.places[thread.expect("one of the threads")] {
            Place::Inside(_, call) | Place::Outside(call) => call,
            Place::Away => return None,
        };
        assert!(!self.numbers.values().any(|other| *other == call));
        self.numbers.insert(number, call);
        Some(call)
    }

    /// Calls a thread out, whether that goes well or not; whether it is on its way back.
    fn call_out(&mut self, number: u64, tid: u32, how: u16) -> bool {
        let Some(call) = self.find(number, tid) else {
            assert!(!self.kernel.rounds.call_out(number));
            return false;
        };
        let how = how >> (2 * self.calls[call].thread) & 3;
        if how == 0 {
            // It must not be called out.
            let brief = self.kernel.rounds.be_brief(number);
            let it = &mut self.calls[call];
            assert_eq!(brief, !it.strange && !it.brief);
            it.brief = true;
            if it.strange {
                self.expect_denial(call);
            }
            return false;
        }
        assert!(self.kernel.rounds.call_out(number));
        if how == 1 {
            // A verdict comes at the same time.
            self.release(0, Some(Outcome::Allow));
        }
        let thread = self.calls[call].thread;
        if how > 1
            && let Place::Inside(unique, _) = self.places[thread]
        {
            self.told.extend(self.kernel.interrupt(unique));
            self.expected.push((unique, Err(EINTR)));
            self.kernel.hold(Self::tid(thread), None);
            self.places[thread] = Place::Outside(call);
        }
        let is_out = self.kernel.rounds.has_left(number);
        assert_eq!(is_out, self.places[thread] == Place::Outside(call));
        is_out
    }

    /// Those that were let go in the last breath should be back.
    fn miss(&mut self) {
        for number in std::mem::take(&mut self.out) {
            let call = self.numbers[&number];
            let place = self.places[self.calls[call].thread];
            let lost = self.waits(call) && place == Place::Outside(call);
            assert_eq!(self.kernel.rounds.lose(number), lost);
            self.calls[call].ended |= lost;
        }
    }

    /// The computer is to sleep, or not.
    pub fn park(&mut self, parking: bool) {
        self.parking = parking;
        if !parking {
            return self.kernel.table.unpark();
        }
        let parked: Vec<usize> = self.parked.keys().map(|it| self.numbers[it]).collect();
        let all = (0..self.calls.len()).filter(|it| self.waits(*it));
        let all = all.into_iter().all(|it| parked.contains(&it));
        assert_eq!(self.kernel.table.park(Duration::ZERO), all);
    }

    /// Panics unless what was told is what had to be.
    pub fn check(&mut self) {
        self.told.extend(self.kernel.drain());
        self.told.sort();
        self.expected.sort();
        assert_eq!(self.told, self.expected);
        self.told.clear();
        self.expected.clear();
        assert!(self.kernel.rounds.agree());
    }

    /// The broker ends, and leaves all to the next one: nothing is answered any more.
    pub fn leave(mut self) {
        let _ = self.kernel.table.leave();
        for thread in 0..THREADS {
            match self.places[thread] {
                Place::Inside(unique, _) => self.told.extend(self.kernel.interrupt(unique)),
                Place::Outside(call) => {
                    let request = self.calls[call].request;
                    self.kernel.hold(request.tid, Some(request));
                    self.enter(request.tid);
                }
                Place::Away => {}
            }
        }
        for Judged { held, .. } in std::mem::take(&mut self.judged) {
            assert!(!held.release(&once(Outcome::Allow)));
        }
        while self.kernel.knocks.try_recv().is_ok() {}
        self.check();
    }

    /// Everybody forgets what is theirs: no call is left.
    pub fn finish(mut self) {
        self.park(false);
        while self.queue.pop_front().is_some_and(|call| {
            drop(self.kernel.knocks.try_recv());
            self.expect_denial(call);
            true
        }) {}
        while !self.judged.is_empty() {
            self.release(0, None);
        }
        self.check();
        for thread in 0..THREADS {
            self.signal(thread);
        }
        self.check();
        // Those that are outside do not come back.
        while let Some(round) = self.kernel.rounds.next() {
            if let Round::Breathe(calls) = round {
                for (number, _) in calls {
                    assert!(self.kernel.rounds.lose(number));
                }
            }
        }
        self.check();
        assert!(self.kernel.table.is_empty() && self.kernel.waiting().is_empty());
    }
}
