//! Who may connect to those who listen. The kernel cannot ask when a packet comes, so it is told
//! beforehand, once for each program and port, and again whenever the rules change.

use std::{collections::HashMap, sync::Arc};

use portreeve_abi::{
    AF_INET, AF_INET6, MAX_PEERS, MAX_REACHES, PROGRAM_BYTES, Peers, Reach, request_flags,
};
use portreeve_policy::{
    Alteration, Ancestry, Contents, Decision, Destination, Digest, Mode, Object, Operation,
    Outcome, Process, Program, Protocol, Reach as Said, Subject,
};

use super::rulebook::RuleBook;
use crate::{
    config::Config,
    failure::{Failures, Reason, with_causes},
    gate::Held,
    probe::{Error, Kernel},
    subject::{Caller, Code},
};

/// Programs and ports of one user that are kept up to date; the one that listened longest ago makes
/// room, and nobody gets to it any more until it listens anew.
const OF_ONE_USER: usize = MAX_REACHES as usize / 4;
/// Of others, in [`Reach::granted`].
const KEPT_OUT: u32 = 1;
/// See [`KEPT_OUT`].
const ADMITTED: u32 = 2;
/// In [`Reach::marks`], beside those of the process: its program's file was none that its user had let it run from.
const CHANGED: u32 = 1 << 16;
/// No process: rules for single ones do not match it.
pub(super) const NO_PROCESS: Process = Process {
    pid: 0,
    began: 0,
    run: 0,
    alteration: Alteration::NONE,
};

/// Who listens where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Listener {
    uid: u32,
    program: Program,
    /// Only if it is about this one process: a rule for it has a part in it, or those that allow its
    /// program something do not hold for it.
    process: Option<Process>,
    /// What was in the program's file.
    contents: Contents,
    port: u16,
    protocol: Protocol,
}

impl Listener {
    fn subject(&self) -> Subject {
        Subject {
            uid: self.uid,
            program: self.program.clone(),
            // Who listens already is not looked at for a rule's sake, nor kept from peers because it was not.
            contents: match self.contents {
                Contents::OfRoot => Contents::OfRootNow(Digest::OF_NONE),
                contents => contents,
            },
            process: self.process.unwrap_or(NO_PROCESS),
            // No rule about it goes by that.
            ancestry: Ancestry::default(),
        }
    }
}

/// What the kernel has of it.
struct Known {
    slot: u32,
    /// Who was let in last by a rule about everybody, or by an answer that has made no rule. That stays
    /// as it was when no such rule is left: a limit that goes is no leave for anybody. But what a rule for one
    /// network lets in is let in as long as that is active.
    granted: Peerage,
    used: u64,
    written: Box<Reach>,
}

/// Who is let in: the first network that fits decides, and else what becomes of all others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Peerage {
    named: Vec<Peers>,
    others: Outcome,
}

/// All listeners that the kernel knows of.
pub(super) struct Listeners {
    kernel: Arc<dyn Kernel>,
    failures: Arc<Failures>,
    /// Says what becomes of peers that neither a rule nor an answer is about.
    config: Config,
    known: HashMap<Listener, Known>,
    /// Those that an earlier broker has left and this one cannot keep up to date: user and slot.
    left: Vec<(u32, u32)>,
    last_slot: u32,
    uses: u64,
}

impl Listeners {
    /// Goes on with what an earlier broker has left in the kernel.
    pub(super) fn new(kernel: Arc<dyn Kernel>, failures: Arc<Failures>, config: Config) -> Self {
        let mut listeners = Self {
            failures,
            config,
            known: HashMap::new(),
            left: Vec::new(),
            last_slot: 0,
            uses: 0,
            kernel,
        };
        for (slot, reach) in listeners.kernel.reaches() {
            listeners.last_slot = listeners.last_slot.max(slot);
            match listener(&reach) {
                Some(listener) => {
                    let known = Known {
                        slot,
                        granted: Peerage::written(&reach),
                        used: 0,
                        written: Box::new(reach),
                    };
                    listeners.known.insert(listener, known);
                }
                None => listeners.left.push((reach.uid, slot)),
            }
        }
        listeners
    }

    /// Limits who may connect to one who is about to listen, should it be let go on.
    pub(super) fn limit(
        &mut self,
        held: &mut Held,
        rules: &RuleBook,
        caller: &Caller,
        object: &Object,
    ) {
        // To this computer's own address nobody else can connect.
        if object.is_this_computer() {
            return;
        }
        match self.slot(rules, caller, object) {
            Ok(slot) => held.limit(slot),
            Err(error) => {
                self.complain(&error);
                held.forbid();
            }
        }
    }

    /// The slot in which it is written down who may connect to one who listens.
    fn slot(&mut self, rules: &RuleBook, caller: &Caller, object: &Object) -> Result<u32, Error> {
        let subject = &caller.subject;
        let said = rules.reach(subject, object.port, object.protocol);
        let listener = Listener {
            uid: subject.uid,
            program: subject.program.clone(),
            // What one may do who runs what it is given, is no leave for the next.
            process: (said.is_of_process()
                || subject.process.alteration.is_foreign()
                || caller.code == Code::Given)
                .then_some(subject.process),
            contents: subject.contents,
            port: object.port,
            protocol: object.protocol,
        };
        self.uses += 1;
        if let Some(known) = self.known.get_mut(&listener) {
            known.used = self.uses;
            return Ok(known.slot);
        }
        self.make_room(subject.uid);
        let slot = self.last_slot + 1;
        let unruled = self.config.unruled_of(subject.uid).accept.action();
        let mut granted = Peerage::of(&Destination::Anywhere, unruled);
        let reach = Box::new(written(rules, &listener, &said, &mut granted));
        self.tell(slot, &reach)?;
        self.last_slot = slot;
        let known = Known {
            slot,
            granted,
            used: self.uses,
            written: reach,
        };
        self.known.insert(listener, known);
        Ok(slot)
    }

    /// An answer that makes no rule lets these peers in, where no rule says otherwise.
    pub(super) fn grant(&mut self, rules: &RuleBook, slot: u32, peers: &Destination) {
        if let Some(known) = self.known.values_mut().find(|known| known.slot == slot) {
            known.granted = Peerage::of(peers, Outcome::Allow);
            self.renew(rules);
        }
    }

    /// The rules have changed: tells the kernel who may connect now.
    pub(super) fn renew(&mut self, rules: &RuleBook) {
        let is_locked = |uid: u32| rules.modes.of(uid) == Mode::Lockdown;
        // What cannot be kept up to date may let somebody in: nobody gets to it until it listens anew.
        let left = self.left.extract_if(.., |(uid, _)| is_locked(*uid));
        let cut_off: Vec<(u32, u32)> = left.collect();
        for (uid, slot) in &cut_off {
            tracing::info!(uid, slot, "a listener of an earlier broker is cut off");
            self.kernel.forget_reach(*slot);
        }
        // Nobody may have been limited so far: then the kernel does not look.
        if !cut_off.is_empty()
            && let Err(error) = self.kernel.judge_peers()
        {
            self.complain(&error);
        }
        let mut changed = Vec::new();
        for (listener, known) in &mut self.known {
            let said = rules.reach(&listener.subject(), listener.port, listener.protocol);
            let reach = written(rules, listener, &said, &mut known.granted);
            if reach != *known.written {
                *known.written = reach;
                changed.push((known.slot, known.written.clone()));
            }
        }
        for (slot, reach) in changed {
            if let Err(error) = self.tell(slot, &reach) {
                self.complain(&error);
                self.kernel.forget_reach(slot);
                self.known.retain(|_, known| known.slot != slot);
            }
        }
    }

    fn complain(&self, error: &Error) {
        let error = with_causes(error);
        tracing::error!("cannot limit who may connect: {error}");
        self.failures.count(Reason::PeersUnlimited);
    }

    fn tell(&self, slot: u32, reach: &Reach) -> Result<(), Error> {
        self.kernel.set_reach(slot, reach)?;
        if reach.count > 0 || reach.others_admitted == 0 {
            self.kernel.judge_peers()?;
        }
        Ok(())
    }

    /// Makes room for one more listener of this user.
    fn make_room(&mut self, uid: u32) {
        let left = self.left.iter().filter(|(user, _)| *user == uid).count();
        let own = self.known.iter().filter(|(other, _)| other.uid == uid);
        let oldest = own
            .clone()
            .min_by_key(|(_, known)| known.used)
            .map(|(listener, known)| (listener.clone(), known.slot));
        if left + own.count() < OF_ONE_USER {
            return;
        }
        self.failures.count(Reason::ListenerLimit);
        let slot = if let Some(at) = self.left.iter().position(|(user, _)| *user == uid) {
            self.left.remove(at).1
        } else if let Some((listener, slot)) = oldest {
            self.known.remove(&listener);
            slot
        } else {
            return;
        };
        self.kernel.forget_reach(slot);
    }
}

impl Peerage {
    /// These peers are treated so; if they are not everybody, all others otherwise.
    fn of(peers: &Destination, action: Outcome) -> Self {
        let named = networks(peers, action);
        let others = match (named.is_empty(), action) {
            (true, action) => action,
            (false, Outcome::Allow) => Outcome::DENY,
            (false, Outcome::Deny(_)) => Outcome::Allow,
        };
        Self { named, others }
    }

    /// What the kernel has been told. Of an earlier broker's there is no other note; so what rules named
    /// then stays named.
    fn written(reach: &Reach) -> Self {
        let count = usize::try_from(reach.count).unwrap_or(0);
        let (skipped, count, admitted) = match (reach.granted & 0xffff, reach.granted >> 16) {
            (0, _) => (0, count, reach.others_admitted != 0),
            (mark, named) => (count, usize::try_from(named).unwrap_or(0), mark == ADMITTED),
        };
        let peers = reach.peers.iter().skip(skipped);
        Self {
            named: peers.take(count).copied().collect(),
            others: if admitted {
                Outcome::Allow
            } else {
                Outcome::DENY
            },
        }
    }

    fn lets_some_in(&self) -> bool {
        admits(self.others) > 0 || self.named.iter().any(|peers| peers.admitted > 0)
    }

    /// Writes down for the next broker what a mode, or a rule for one network, has put out of force. Where there is no place for it,
    /// that one lets nobody in.
    fn note_in(&self, reach: &mut Reach) {
        // As long as nothing else is said: what is in force may let everybody in.
        reach.granted = KEPT_OUT;
        let count = usize::try_from(reach.count).unwrap_or(MAX_PEERS);
        let Some(places) = reach.peers.get_mut(count..) else {
            return;
        };
        let Some(places) = places.get_mut(..self.named.len()) else {
            return;
        };
        places.copy_from_slice(&self.named);
        let mark = match self.others {
            Outcome::Allow => ADMITTED,
            Outcome::Deny(_) => KEPT_OUT,
        };
        let named = u32::try_from(self.named.len()).unwrap_or(0);
        reach.granted = (named << 16) | mark;
    }
}

/// Who it is that an earlier broker wrote this for.
fn listener(reach: &Reach) -> Option<Listener> {
    let length = usize::try_from(reach.program_length).ok()?;
    let key = std::str::from_utf8(reach.program.get(..length)?).ok()?;
    let marked = |mark: u32| reach.marks & mark != 0;
    let process = Process {
        pid: reach.pid,
        began: reach.began,
        run: reach.run,
        alteration: Alteration {
            foreign_code: marked(request_flags::FOREIGN_CODE),
            controlled: marked(request_flags::TRACED),
            changed: false,
        },
    };
    let program = Program::of_key(key)?;
    let contents = match program.digest() {
        Some(digest) => Contents::Known(digest),
        // A file that was as it is to be stays that: what is in it is not looked up.
        None if marked(CHANGED) => Contents::Script,
        None => Contents::OfRoot,
    };
    Some(Listener {
        uid: reach.uid,
        program,
        process: (reach.pid != 0).then_some(process),
        contents,
        port: reach.port,
        protocol: Protocol(reach.protocol),
    })
}

/// What the kernel is to have of it. Where the mode says who is let in of whom no rule does, what was granted is as it
/// was afterwards, as it is after rules for one network.
fn written(rules: &RuleBook, listener: &Listener, said: &Said, granted: &mut Peerage) -> Reach {
    let mode = rules.modes.of(listener.uid);
    let mut reach = if let Some(outcome) = mode.overrides(Operation::Accept, Decision::Ask) {
        let mut everybody = Peerage::of(&Destination::Anywhere, outcome);
        let mut reach = reach(listener, said, &mut everybody);
        granted.note_in(&mut reach);
        reach
    } else {
        let mut reach = reach(listener, said, granted);
        if said.is_of_network() {
            granted.note_in(&mut reach);
        }
        reach
    };
    if rules.trusted.is_changed(&listener.subject()) {
        reach.marks |= CHANGED;
    }
    reach
}

/// What the rules say, in the kernel's form, and where they are silent, what was granted.
fn reach(listener: &Listener, said: &Said, granted: &mut Peerage) -> Reach {
    let named = said.peers();
    let named = named.flat_map(|(destination, action)| networks(destination, action));
    let mut list: Vec<Peers> = named.collect();
    let others = if let Some(others) = said.rest() {
        let peerage = Peerage {
            named: list.clone(),
            others,
        };
        if !said.is_of_network() {
            *granted = peerage;
        } else if peerage.lets_some_in() {
            // Who is let in there is let in nowhere else.
            *granted = Peerage::of(&Destination::Anywhere, Outcome::DENY);
        }
        others
    } else {
        list.extend(&granted.named);
        granted.others
    };
    let mut others_admitted = admits(others);
    while list
        .last()
        .is_some_and(|last| last.admitted == others_admitted)
    {
        list.pop();
    }
    if list.len() > MAX_PEERS {
        tracing::warn!(
            program = %listener.program,
            port = listener.port,
            "more than {MAX_PEERS} networks are named: the rest is kept out"
        );
        list.truncate(MAX_PEERS);
        others_admitted = 0;
    }
    let process = listener.process.unwrap_or(NO_PROCESS);
    let mark = |is_so: bool, mark| if is_so { mark } else { 0 };
    let Alteration {
        foreign_code,
        controlled,
        changed: _,
    } = process.alteration;
    let mut reach = Reach {
        run: process.run,
        began: process.began,
        pid: process.pid,
        marks: mark(foreign_code, request_flags::FOREIGN_CODE)
            | mark(controlled, request_flags::TRACED),
        uid: listener.uid,
        port: listener.port,
        protocol: listener.protocol.0,
        count: u32::try_from(list.len()).unwrap_or(0),
        others_admitted: others_admitted.into(),
        peers: [Peers::default(); MAX_PEERS],
        granted: 0,
        program_length: 0,
        program: [0; PROGRAM_BYTES],
    };
    for (place, peers) in reach.peers.iter_mut().zip(list) {
        *place = peers;
    }
    if let Some(key) = listener.program.key()
        && let Some(place) = reach.program.get_mut(..key.len())
    {
        place.copy_from_slice(key.as_bytes());
        reach.program_length = u32::try_from(key.len()).unwrap_or(0);
    }
    reach
}

fn admits(action: Outcome) -> u16 {
    u16::from(action == Outcome::Allow)
}

/// The networks of a destination, and what becomes of who comes from there.
fn networks(destination: &Destination, action: Outcome) -> Vec<Peers> {
    let one = |network: &ipnet::IpNet| {
        let (address, mask, family) = match network {
            ipnet::IpNet::V4(net) => (
                words4(net.network().octets()),
                words4(net.netmask().octets()),
                AF_INET,
            ),
            ipnet::IpNet::V6(net) => (
                words6(net.network().octets()),
                words6(net.netmask().octets()),
                AF_INET6,
            ),
        };
        Peers {
            address,
            mask,
            family,
            admitted: admits(action),
        }
    };
    destination.networks().iter().map(one).collect()
}

fn words4(octets: [u8; 4]) -> [u32; 4] {
    [u32::from_ne_bytes(octets), 0, 0, 0]
}

fn words6(octets: [u8; 16]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(octets.as_chunks::<4>().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    words
}
