//! Held calls from the probe's record to the decision and back, with everything that can come
//! between: each call has exactly one end.
//!
//! Input: whether programs are replaced (bit 0 of the first byte), then steps: the low half of a byte
//! says which, the high half for which thread; then what that step needs.
#![no_main]

use std::sync::{Arc, LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use portreeve_abi::Request;
use portreeve_broker::{
    object::Names,
    subject::{Caller, Code, Extras, Lineage, ProcessHandle},
};
use portreeve_fuzz::{
    input::Input,
    threads::{THREADS, Threads},
};
use portreeve_policy::{
    Action, Alteration, Ancestry, Contents, Destination, Lifespan, ObjectPattern, Operations,
    Origin, Outcome, Process, Program, Rule, RuleId, Ruleset, Subject, SubjectPattern,
};
use tokio::sync::Semaphore;

static NAMES: LazyLock<Mutex<Names>> = LazyLock::new(Mutex::default);

static CALLER: LazyLock<Arc<Caller>> = LazyLock::new(|| {
    let pid = std::process::id();
    Arc::new(Caller {
        service: None,
        subject: Subject {
            uid: 1000,
            program: program(),
            contents: Contents::OfRoot,
            process: Process {
                pid,
                began: 1,
                run: 1,
                alteration: Alteration::NONE,
            },
            ancestry: Ancestry::default(),
        },
        handle: ProcessHandle::open(pid).expect("this process"),
        path: program().shown_path().into(),
        command: String::new(),
        code: Code::Own,
        left_out: Extras::default(),
        lineage: Lineage::default().into(),
        turns: Semaphore::new(1).into(),
    })
});

/// Some calls are decided by these, the others are asked about.
static RULES: LazyLock<Ruleset> = LazyLock::new(|| {
    let any = Destination::Anywhere;
    let network = |text: &str| Destination::network(text.parse().expect("a network"));
    Ruleset::new([
        rule(1, Destination::ThisComputer, None, Action::Allow),
        rule(2, network("10.0.0.0/8"), None, Action::DENY),
        rule(3, network("2001:db8::/32"), Some(443), Action::Allow),
        rule(4, any, Some(25), Action::Deny(111)),
    ])
});

fn program() -> Program {
    Program::at("/usr/bin/curl").expect("a path")
}

fn rule(id: u64, destination: Destination, port: Option<u16>, action: Action) -> Rule {
    Rule {
        id: RuleId(id),
        uid: Some(1000),
        subject: SubjectPattern::Program(program()),
        operations: Operations::ALL,
        object: ObjectPattern {
            destination,
            ports: port.map(Into::into),
            protocol: None,
        },
        action,
        lifespan: Lifespan::Always,
        enabled: true,
        origin: Origin::Prompt,
        created: 0,
        note: None,
        network: None,
    }
}

/// The request in an element of the probe's map, which is nothing but its bytes to aya too.
fn request(bytes: [u8; size_of::<Request>()]) -> Request {
    // SAFETY: the bytes are as many, and every bit pattern is a request: integers only.
    unsafe { bytes.as_ptr().cast::<Request>().read_unaligned() }
}

/// An ordinary call that one byte tells from others.
fn plain(byte: u8) -> Request {
    let mut request = Request::default();
    request.key.process.uid = 1000 + u32::from(byte >> 7);
    request.key.operation = 3;
    request.key.endpoint.family = 2;
    request.key.endpoint.port = byte.into();
    request.key.endpoint.address[0] = u32::from(byte & 15);
    request
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let mut names = NAMES.lock().expect("no panic");
    let replaces = input.byte() & 1 != 0;
    let mut threads = Threads::new(replaces, Arc::clone(&CALLER), &RULES, &mut names);
    while input.has_more() {
        let step = input.byte();
        let thread = usize::from(step >> 4) % THREADS;
        match step & 15 {
            0 => threads.knock(thread, request(input.array())),
            1 => threads.knock(thread, plain(input.byte())),
            2 => threads.come_back(thread),
            3 => threads.signal(thread),
            4 => threads.release(input.byte(), Some(Outcome::Allow)),
            5 => {
                let errno = u16::from_ne_bytes(input.array()) % 4095 + 1;
                threads.release(input.byte(), Some(Outcome::Deny(errno)));
            }
            6 => threads.release(input.byte(), None),
            7 => threads.round(u16::from_ne_bytes(input.array())),
            8 => threads.park(true),
            9 => threads.park(false),
            10 => threads.knock_strangely(thread),
            11 => return threads.leave(),
            _ => threads.judge(),
        }
        threads.check();
    }
    threads.finish();
});
