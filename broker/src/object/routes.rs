//! Whether an address is in the VPN: whether the kernel sends there, for this user, by way of a tunnel.
//!
//! The kernel is asked for the route while the caller is held, and then what kind of device that leads by. So it is the
//! way of now: nothing watches routes. A program that chooses its way itself goes another one (SECURITY.md).

use std::{
    fs,
    net::IpAddr,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    sync::Arc,
    time::Duration,
};

use portreeve_policy::{Object, Protocol};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
    netlink::SocketAddrNetlink,
    recvfrom, sendto, socket_with,
    sockopt::{Timeout, set_socket_timeout},
};
use tokio::{sync::Semaphore, time::timeout};

use super::netlink::{
    Reply, Route, Wanted, ask_for_device, ask_for_route, device_kind, reply, route,
};

/// How long a caller waits for the kernel's answer, which is there at once unless devices are being changed.
const PATIENCE: Duration = Duration::from_millis(200);
/// Questions to the kernel under way at once.
const UNDER_WAY: usize = 16;
/// Bytes taken of a reply.
const REPLY: usize = 16 * 1024;

/// Devices that are tunnels, by their drivers' words (`IFLA_INFO_KIND`). A tap has the word of tun devices.
const TUNNELS: [&str; 18] = [
    "amneziawg",
    "erspan",
    "gre",
    "gretap",
    "ip6erspan",
    "ip6gre",
    "ip6gretap",
    "ip6tnl",
    "ipip",
    "ovpn",
    "ovpn-dco",
    "ppp",
    "sit",
    "tun",
    "vti",
    "vti6",
    "wireguard",
    "xfrm",
];

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// For whom routes are looked up.
    pub uid: u32,
    /// The thread, if there is one already: it may be in a network of its own, whose routes are not known.
    pub tid: Option<u32>,
}

/// Who knows the routes.
pub trait Routes: Send + Sync {
    /// Whether what is sent to an object goes by way of a tunnel; `None` if that cannot be told. May take its time.
    fn lead_into_tunnel(&self, sender: Sender, object: &Object) -> Option<bool>;
}

/// The kernel's own.
#[derive(Debug, Default)]
pub struct KernelRoutes;

impl Routes for KernelRoutes {
    fn lead_into_tunnel(&self, sender: Sender, object: &Object) -> Option<bool> {
        if sender.tid.is_some_and(|tid| !is_in_own_network(tid)) || is_link_local(object.address) {
            return None;
        }
        let number = u8::try_from(object.protocol.0).ok();
        let named = [Protocol::TCP, Protocol::UDP].contains(&object.protocol);
        let wanted = Wanted {
            address: object.address,
            uid: sender.uid,
            to: number.filter(|_| named).map(|number| (number, object.port)),
        };
        is_tunnelled(&wanted)
    }
}

/// Has the way to addresses found out, aside and for a limited time.
#[derive(Clone)]
pub struct Ways {
    routes: Arc<dyn Routes>,
    turns: Arc<Semaphore>,
}

impl Ways {
    /// By these routes.
    pub fn new(routes: Arc<dyn Routes>) -> Self {
        let turns = Arc::new(Semaphore::new(UNDER_WAY));
        Self { routes, turns }
    }

    /// Notes whether an object is in the VPN for who sends there, as far as that can be known in time.
    pub async fn find(&self, sender: Sender, object: &mut Object) {
        let (routes, turns, asked) = (
            Arc::clone(&self.routes),
            Arc::clone(&self.turns),
            object.clone(),
        );
        let found = async move {
            let turn = turns.acquire_owned().await.ok()?;
            let work = move || {
                let found = routes.lead_into_tunnel(sender, &asked);
                // Whoever has waited long enough is gone; what the kernel is at still takes a turn.
                drop(turn);
                found
            };
            tokio::task::spawn_blocking(work).await.ok()?
        };
        let found = timeout(PATIENCE, found).await;
        if found.is_err() {
            tracing::debug!(address = %object.address, "cannot tell the way to an address in time");
        }
        object.knowledge.vpn = found.ok().flatten();
    }
}

impl Default for Ways {
    fn default() -> Self {
        Self::new(Arc::new(KernelRoutes))
    }
}

/// Whether a thread is in the network that the broker is in, which is the computer's own.
fn is_in_own_network(tid: u32) -> bool {
    let network = |of: &str| {
        let data = fs::metadata(format!("/proc/{of}/ns/net")).ok()?;
        Some((data.dev(), data.ino()))
    };
    let own = network("self");
    own.is_some() && network(&tid.to_string()) == own
}

/// Whether a program names the device with such an address, by which alone it is reached.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.octets();
            // Groups of one device (1) and of what is at one line (2).
            v6.is_unicast_link_local() || first == 0xff && matches!(second & 0x0f, 1 | 2)
        }
    }
}

/// Whether the route leads by way of a tunnel; `None` if the kernel's answers do not say.
fn is_tunnelled(wanted: &Wanted) -> Option<bool> {
    let socket = open().ok()?;
    let mut buffer = vec![0; REPLY];
    let device = match ask(&socket, &ask_for_route(wanted, 1), 1, &mut buffer)? {
        Reply::Message(kind, body) => match route(kind, body)? {
            Route::By(device) => device,
            Route::Here | Route::Nowhere => return Some(false),
        },
        // There is no way at all, or it is forbidden.
        Reply::Error(error) => {
            let nowhere = [libc::ENETUNREACH, libc::EHOSTUNREACH, libc::EACCES];
            return nowhere.iter().any(|it| *it == -error).then_some(false);
        }
    };
    match ask(&socket, &ask_for_device(device, 2), 2, &mut buffer)? {
        Reply::Message(kind, body) => device_kind(kind, body, device).map(is_tunnel),
        Reply::Error(_) => None,
    }
}

fn is_tunnel(kind: &[u8]) -> bool {
    TUNNELS.iter().any(|tunnel| tunnel.as_bytes() == kind)
}

fn open() -> rustix::io::Result<OwnedFd> {
    // No protocol: that is the one of routes.
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    Ok(socket)
}

/// Puts a question to the kernel. Its answer is there when it has taken the question.
fn ask<'a>(
    socket: &OwnedFd,
    question: &[u8],
    sequence: u32,
    buffer: &'a mut [u8],
) -> Option<Reply<'a>> {
    let kernel = SocketAddrNetlink::new(0, 0);
    let sent = sendto(socket, question, SendFlags::empty(), &kernel).ok()?;
    let (_, length, source) = recvfrom(socket, &mut *buffer, RecvFlags::TRUNC).ok()?;
    let source = SocketAddrNetlink::try_from(source?).ok()?;
    if sent != question.len() || source.pid() != 0 {
        return None;
    }
    // One that was cut off was longer than the buffer.
    reply(buffer.get(..length)?, sequence)
}

#[cfg(test)]
mod tests;
