//! What systemd-resolved has found, for programs that have it look names up: they get no answers that
//! the probe could see.
//!
//! It does not say who has asked. So it is listened to only where programs ask it that way, and its names
//! come last.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use tokio::{net::UnixStream, time::sleep};

use super::{
    answer::{LookedUp, STEPS, host_name},
    names::Names,
};

/// Where it tells of its answers, to root.
const MONITOR: &str = "/run/systemd/resolve/io.systemd.Resolve.Monitor";
/// Where it says whom programs ask.
const NSSWITCH: &str = "/etc/nsswitch.conf";
/// Subscribes; messages end with a zero byte (varlink).
const SUBSCRIBE: &[u8] =
    b"{\"method\":\"io.systemd.Resolve.Monitor.SubscribeQueryResults\",\"more\":true}\0";
/// Longest message, bytes.
const LONGEST: usize = 256 * 1024;
/// When to look again whether it is there.
const AGAIN: Duration = Duration::from_secs(60);
const TYPE_CNAME: u16 = 5;
const ADDRESSES: usize = 64;
/// The one that was asked for, and those on the way.
const NAMES: usize = 1 + STEPS;

/// Learns names from it for good, whenever it runs; not at all where programs do not ask it.
pub(super) async fn follow_resolved(names: Arc<Mutex<Names>>) {
    if !fs::read_to_string(NSSWITCH).is_ok_and(|text| is_asked(&text)) {
        return;
    }
    loop {
        if let Err(error) = follow(Path::new(MONITOR), &names).await {
            tracing::debug!("cannot follow systemd-resolved: {error}");
        }
        lock(&names).has_resolver = false;
        sleep(AGAIN).await;
    }
}

/// Whether programs have systemd-resolved look hosts up, by this `nsswitch.conf(5)`.
fn is_asked(text: &str) -> bool {
    text.lines()
        .filter_map(|line| line.split('#').next()?.trim().strip_prefix("hosts:"))
        .any(|services| services.split_whitespace().any(|word| word == "resolve"))
}

async fn follow(path: &Path, names: &Mutex<Names>) -> io::Result<()> {
    let stream = UnixStream::connect(path).await?;
    let mut unsent = SUBSCRIBE;
    while !unsent.is_empty() {
        stream.writable().await?;
        match stream.try_write(unsent) {
            Ok(sent) => unsent = unsent.get(sent..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let (mut received, mut piece) = (Vec::new(), [0; 4096]);
    let mut tells = false;
    loop {
        stream.readable().await?;
        match stream.try_read(&mut piece) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => received.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        while let Some(end) = received.iter().position(|byte| *byte == 0) {
            let message: Vec<u8> = received.drain(..=end).collect();
            let message = message.get(..end).unwrap_or_default();
            match read(message) {
                Some(Told::Found(found)) => lock(names).share(&found),
                Some(Told::Nothing) => {}
                None => continue,
            }
            if !std::mem::replace(&mut tells, true) {
                lock(names).has_resolver = true;
            }
        }
        if received.len() > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

fn lock(names: &Mutex<Names>) -> MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a message tells that is no refusal.
#[derive(Debug, PartialEq)]
enum Told {
    /// Names of addresses.
    Found(LookedUp),
    /// Something else.
    Nothing,
}

#[derive(Deserialize)]
struct Message {
    error: Option<String>,
    parameters: Option<Results>,
}

/// One lookup and what came of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    state: Option<String>,
    question: Option<Vec<Key>>,
    /// Earlier questions, where one name led to another.
    collected_questions: Option<Vec<Key>>,
    answer: Option<Vec<Answer>>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "type")]
    kind: u16,
    name: String,
}

#[derive(Deserialize)]
struct Answer {
    rr: Option<Record>,
}

#[derive(Deserialize)]
struct Record {
    key: Key,
    name: Option<String>,
    address: Option<Vec<u8>>,
}

/// Reads a message; `None` if it is a refusal, or cannot be understood.
fn read(message: &[u8]) -> Option<Told> {
    let message: Message = serde_json::from_slice(message).ok()?;
    let found = message.parameters.and_then(found);
    let told = found.map_or(Told::Nothing, Told::Found);
    message.error.is_none().then_some(told)
}

/// What has come of a lookup; `None` if that is no name with addresses.
fn found(results: Results) -> Option<LookedUp> {
    if results.state.as_deref() != Some("success") {
        return None;
    }
    let records = results.answer.unwrap_or_default().into_iter();
    let records: Vec<Record> = records.filter_map(|answer| answer.rr).collect();
    // Those asked for first come first, then those that they have led to.
    let earlier = results.collected_questions.unwrap_or_default();
    let asked = earlier.into_iter().chain(results.question?);
    let mut names: Vec<Box<str>> = Vec::new();
    let add = |names: &mut Vec<Box<str>>, text: &str| {
        if let Some(name) = host_name(text)
            && names.len() < NAMES
            && !names.contains(&name)
        {
            names.push(name);
            return true;
        }
        false
    };
    for key in asked {
        add(&mut names, &key.name);
    }
    // Each pass may lead one further.
    while records.iter().any(|record| {
        let from = record.key.kind == TYPE_CNAME && is_one_of(&names, &record.key.name);
        let to = record.name.as_deref().filter(|_| from);
        to.is_some_and(|to| add(&mut names, to))
    }) {}
    let addresses = records
        .iter()
        .filter(|record| is_one_of(&names, &record.key.name))
        .filter_map(|record| address(record.address.as_deref()?))
        .filter(|address| !address.is_loopback() && !address.is_unspecified())
        .take(ADDRESSES);
    let addresses: Vec<IpAddr> = addresses.collect();
    let mut names = names.into_iter();
    let name = names.next().filter(|_| !addresses.is_empty())?;
    Some(LookedUp {
        name,
        aliases: names.collect(),
        addresses,
        // It does not say how long.
        lifetime: Duration::ZERO,
    })
}

fn is_one_of(names: &[Box<str>], text: &str) -> bool {
    host_name(text).is_some_and(|name| names.contains(&name))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    let six = <[u8; 16]>::try_from(bytes).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
    four.or(six).ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use portreeve_abi::Process;

    use super::*;

    #[test]
    fn it_is_asked_where_the_system_says_so() {
        assert!(is_asked(
            "passwd: files\nhosts: mymachines resolve [!UNAVAIL=return] files dns # x\n"
        ));
        assert!(!is_asked("hosts: files dns # resolve\npasswd: resolve\n"));
        assert!(!is_asked("hosts: files mdns4_minimal myresolve\n"));
    }

    #[test]
    fn what_it_has_found_is_read() {
        let message = br#"{"parameters":{"state":"success","rcode":0,"question":[
            {"class":1,"type":1,"name":"b.cdn.example"},{"class":1,"type":28,"name":"b.cdn.example"}],
            "collectedQuestions":[{"class":1,"type":1,"name":"WWW.example"}],"answer":[
            {"rr":{"key":{"class":1,"type":5,"name":"www.example"},"name":"a.cdn.example"},"raw":"x"},
            {"rr":{"key":{"class":1,"type":5,"name":"a.cdn.example"},"name":"b.cdn.example"}},
            {"rr":{"key":{"class":1,"type":1,"name":"b.cdn.example"},"address":[192,0,2,1]}},
            {"rr":{"key":{"class":1,"type":28,"name":"b.cdn.example"},
             "address":[32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1]},"ifindex":2},
            {"rr":{"key":{"class":1,"type":1,"name":"bank.example"},"address":[192,0,2,66]}},
            {"raw":"AA=="}]},"continues":true}"#;
        let Some(Told::Found(found)) = read(message) else {
            panic!("nothing is found");
        };
        assert_eq!(&*found.name, "www.example");
        assert_eq!(
            found.aliases,
            ["b.cdn.example".into(), "a.cdn.example".into()]
        );
        let addresses: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn anything_else_says_nothing() {
        for message in [
            &b"{\"parameters\":{\"ready\":true},\"continues\":true}"[..],
            b"{\"error\":\"io.systemd.System\",\"parameters\":{}}",
            b"{\"parameters\":{\"state\":\"timeout\",\"question\":[]}}",
            b"{\"parameters\":{\"state\":\"success\",\"question\":[]}}",
            b"{\"parameters\":{\"state\":\"success\"}}",
            b"[]",
            b"",
            b"\xff",
        ] {
            assert!(matches!(read(message), None | Some(Told::Nothing)));
        }
    }

    #[test]
    fn who_refuses_tells_nothing() {
        for refusal in [
            &b"{\"error\":\"io.systemd.System\",\"parameters\":{}}"[..],
            b"no JSON",
        ] {
            assert_eq!(read(refusal), None);
        }
        let ready = b"{\"parameters\":{\"ready\":true},\"continues\":true}";
        assert_eq!(read(ready), Some(Told::Nothing));
    }

    #[tokio::test]
    async fn messages_come_in_pieces_and_end_with_the_service() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("monitor");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let names = Arc::new(Mutex::new(Names::default()));
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let message =
                br#"{"parameters":{"state":"success","question":[{"type":1,"name":"a.example"}],
                "answer":[{"rr":{"key":{"type":1,"name":"a.example"},"address":[192,0,2,1]}}]}}"#;
            for piece in [&b"{}\0"[..], &message[..20], &message[20..], b"\0"] {
                stream.writable().await.unwrap();
                assert_eq!(stream.try_write(piece).unwrap(), piece.len());
                tokio::task::yield_now().await;
            }
        });
        let error = follow(&path, &names).await.unwrap_err();
        serving.await.unwrap();
        // Some of what it was sent is still unread.
        let ends = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
        assert!(ends.contains(&error.kind()), "{error}");
        let address = "192.0.2.1".parse().unwrap();
        let (host, _) = names.lock().unwrap().of(Process::default(), 1, address);
        assert_eq!(host.as_deref(), Some("a.example"));
        assert_eq!(names.lock().unwrap().sources(), ["hosts", "resolver"]);
    }
}
