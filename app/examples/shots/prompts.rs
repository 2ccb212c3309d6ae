//! The prompt in all its cases.

use std::slice;

use portreeve_app::{
    agent::PromptWindow,
    model::Extent,
    programs::{Package, Program},
};
use portreeve_dbus::Prompt;
use portreeve_policy::Scope;
use rustix::time::{ClockId, clock_gettime};

use crate::{
    camera::{Camera, Look},
    turns,
};

pub(crate) async fn take(camera: &Camera, look: &Look) {
    let cases = [
        ("prompt-name", prompt(), 0),
        ("prompt-address", nameless(), 0),
        ("prompt-datagram", datagram(), 0),
        ("prompt-without-file", without_file(), 0),
        ("prompt-contents", contained(), 0),
        ("prompt-script", script(), 0),
        ("prompt-commands", commands(), 0),
        (
            "prompt-service",
            Prompt {
                uid: 33,
                service: Some("fwupd-refresh.service".into()),
                unanswered: Some("allow".into()),
                ..prompt()
            },
            0,
        ),
        ("prompt-altered", altered(), 0),
        ("prompt-changed", changed(), 0),
        (
            "prompt-look-alike",
            Prompt {
                host: Some("www.xn--80ak6aa92e.example".into()),
                domain: Some("xn--80ak6aa92e.example".into()),
                ..prompt()
            },
            0,
        ),
        ("prompt-queue", prompt(), 2),
        (
            "prompt-stopped",
            Prompt {
                held: 0,
                deadline: 0,
                attempts: 3,
                ..prompt()
            },
            0,
        ),
        ("prompt-long-names", long_names(), 0),
        ("prompt-lookup", lookup(), 0),
        ("prompt-listen", listen(), 0),
        ("prompt-listen-datagrams", listen_for_datagrams(), 0),
        ("prompt-raw", raw(), 0),
        (
            "prompt-each-time",
            Prompt {
                scopes: vec!["host-port".into()],
                lifespans: vec!["once".into()],
                suggested_lifespan: "once".into(),
                ..prompt()
            },
            0,
        ),
        (
            "prompt-hour",
            Prompt {
                suggested_lifespan: "3600s".into(),
                ..prompt()
            },
            0,
        ),
        (
            "prompt-listen-logout",
            Prompt {
                suggested_lifespan: "logout".into(),
                ..listen_for_datagrams()
            },
            0,
        ),
    ];
    for (name, prompt, waiting) in cases {
        take_one(camera, look, name, &prompt, &curl(), waiting, |_| ()).await;
    }
    take_others(camera, look).await;
    take_places(camera, look).await;
    turns::take(camera, look).await;
}

async fn take_others(camera: &Camera, look: &Look) {
    take_one(
        camera,
        look,
        "prompt-application",
        &viewer(),
        &magick(),
        0,
        |_| (),
    )
    .await;
    let viewer = Program {
        title: Some("Viewer".into()),
        ..Program::default()
    };
    take_one(
        camera,
        look,
        "prompt-flatpak",
        &flatpak(),
        &viewer,
        0,
        |_| (),
    )
    .await;
    let none = Program {
        package: Package::None,
        ..Program::default()
    };
    take_one(
        camera,
        look,
        "prompt-no-package",
        &without_package(),
        &none,
        0,
        |_| (),
    )
    .await;
    let last = Prompt {
        deadline: in_seconds(6),
        ..prompt()
    };
    take_one(
        camera,
        look,
        "prompt-last-seconds",
        &last,
        &curl(),
        0,
        |_| (),
    )
    .await;
    for (name, prompt) in [
        ("prompt-details", prompt()),
        ("prompt-altered-details", altered()),
    ] {
        take_one(camera, look, name, &prompt, &curl(), 0, |window| {
            window.set_details_expanded(true);
        })
        .await;
    }
    take_one(
        camera,
        look,
        "prompt-listen-local",
        &listen(),
        &curl(),
        0,
        |window| {
            window.choose_extent(Extent::Scope(Scope::LocalNetwork));
        },
    )
    .await;
}

async fn take_places(camera: &Camera, look: &Look) {
    let hosts = [
        ("www.example.org", "example.org"),
        ("static.example.net", "example.net"),
        ("api.tracker.example", "tracker.example"),
    ];
    let mut places: Vec<Prompt> = hosts
        .iter()
        .map(|(host, domain)| Prompt {
            host: Some((*host).into()),
            domain: Some((*domain).into()),
            ..prompt()
        })
        .collect();
    places.push(nameless());
    for (id, place) in (1..).zip(&mut places) {
        place.id = id;
    }
    let flood: Vec<Prompt> = (1..=12)
        .map(|id| Prompt {
            id,
            address: format!("203.0.113.{id}"),
            port: 6881,
            ..nameless()
        })
        .collect();
    for (name, prompts, waiting) in [("prompt-places", places, 0), ("prompt-flood", flood, 3)] {
        let window = PromptWindow::new(&camera.application, |_| ());
        window.ask(&prompts, &curl(), waiting);
        camera.take(look, name, &window, |_| ()).await;
    }
}

async fn take_one(
    camera: &Camera,
    look: &Look,
    name: &str,
    prompt: &Prompt,
    program: &Program,
    waiting: usize,
    prepare: impl FnOnce(&PromptWindow),
) {
    let window = PromptWindow::new(&camera.application, |_| ());
    window.ask(slice::from_ref(prompt), program, waiting);
    camera.take(look, name, &window, prepare).await;
}

pub(crate) fn curl() -> Program {
    Program {
        package: Package::Some {
            name: "curl".into(),
            version: "8.14.1-2+deb13u2".into(),
        },
        ..Program::default()
    }
}

fn magick() -> Program {
    Program {
        title: Some("ImageMagick".into()),
        icon: Some("display-im7.q16".into()),
        package: Package::Some {
            name: "imagemagick-7.q16".into(),
            version: "8:7.1.1.43+dfsg1-1".into(),
        },
    }
}

fn viewer() -> Prompt {
    Prompt {
        name: "display-im7.q16".into(),
        path: "/usr/bin/display-im7.q16".into(),
        command: "display-im7.q16 https://server.example/picture.png".into(),
        ..prompt()
    }
}

fn flatpak() -> Prompt {
    Prompt {
        name: "org.example.Viewer".into(),
        application: Some("flatpak:org.example.Viewer".into()),
        path: "/var/lib/flatpak/app/org.example.Viewer/x86_64/stable/4f1c9e/files/bin/viewer"
            .into(),
        command: "viewer https://server.example/picture.png".into(),
        ..prompt()
    }
}

fn contained() -> Prompt {
    Prompt {
        subject: format!("sha256:{}", "0123456789abcdef".repeat(4)),
        sha256: Some("0123456789abcdef".repeat(4)),
        by_contents: Some(true),
        verified: false,
        name: "postgres".into(),
        path: "/usr/lib/postgresql/17/bin/postgres".into(),
        command: "postgres -D /var/lib/postgresql/data".into(),
        ..prompt()
    }
}

fn without_package() -> Prompt {
    Prompt {
        name: "sync".into(),
        path: "/home/alice/.local/bin/sync".into(),
        command: "sync --all".into(),
        ..prompt()
    }
}

pub(crate) fn prompt() -> Prompt {
    Prompt {
        service: None,
        unanswered: None,
        waits: Some(4711),
        id: 1,
        revision: 1,
        uid: 1000,
        operation: "connect".into(),
        subject: "/usr/bin/curl".into(),
        name: "curl".into(),
        path: "/usr/bin/curl".into(),
        verified: true,
        by_contents: None,
        application: None,
        interpreter: None,
        runs_anything: false,
        sha256: None,
        alterations: vec![],
        foreign_code: None,
        pid: 4711,
        command: "curl --silent https://www.example.org/index.html".into(),
        started_by: vec![
            "/usr/bin/bash".into(),
            "/usr/libexec/gnome-terminal-server".into(),
        ],
        unit: Some("vte-spawn-4f0c2f6e.scope".into()),
        host: Some("www.example.org".into()),
        host_source: Some("lookup".into()),
        domain: Some("example.org".into()),
        address: "203.0.113.10".into(),
        port: 443,
        name_server: None,
        protocol: "tcp".into(),
        held: 1,
        attempts: 1,
        deadline: in_seconds(600),
        scopes: ["domain", "host", "host-port", "any"]
            .map(str::to_owned)
            .into(),
        lifespans: ["once", "process", "3600s", "logout", "always"]
            .map(str::to_owned)
            .into(),
        suggested_lifespan: "always".into(),
    }
}

/// A question about an address that has no name.
fn nameless() -> Prompt {
    Prompt {
        host: None,
        domain: None,
        scopes: ["host", "host-port", "any"].map(str::to_owned).into(),
        ..prompt()
    }
}

fn datagram() -> Prompt {
    Prompt {
        name: "dig".into(),
        path: "/usr/bin/dig".into(),
        command: "dig @dns.example.org www.example.org".into(),
        host: Some("dns.example.org".into()),
        port: 53,
        protocol: "udp".into(),
        ..prompt()
    }
}

fn lookup() -> Prompt {
    Prompt {
        address: "192.168.1.1".into(),
        port: 53,
        protocol: "udp".into(),
        name_server: Some(true),
        scopes: ["name-servers", "host", "host-port", "any"]
            .map(str::to_owned)
            .into(),
        ..nameless()
    }
}

fn listen() -> Prompt {
    Prompt {
        operation: "listen".into(),
        name: "syncthing".into(),
        path: "/usr/bin/syncthing".into(),
        command: "syncthing serve --no-browser".into(),
        host: None,
        address: "0.0.0.0".into(),
        port: 22000,
        scopes: ["host-port", "local-network", "this-computer", "any"]
            .map(str::to_owned)
            .into(),
        ..prompt()
    }
}

fn script() -> Prompt {
    Prompt {
        name: "virt-manager".into(),
        path: "/usr/bin/virt-manager".into(),
        interpreter: Some("/usr/bin/python3.13".into()),
        command: "/usr/bin/python3 /usr/bin/virt-manager".into(),
        ..prompt()
    }
}

fn commands() -> Prompt {
    Prompt {
        name: "python3.13".into(),
        path: "/usr/bin/python3.13".into(),
        runs_anything: true,
        lifespans: ["once", "process"].map(str::to_owned).into(),
        suggested_lifespan: "process".into(),
        command: "python3 -m http.server 8000".into(),
        port: 8000,
        ..listen()
    }
}

fn listen_for_datagrams() -> Prompt {
    Prompt {
        name: "mpv".into(),
        path: "/usr/bin/mpv".into(),
        command: "mpv udp://0.0.0.0:1234".into(),
        port: 1234,
        protocol: "udp".into(),
        ..listen()
    }
}

fn raw() -> Prompt {
    Prompt {
        operation: "create".into(),
        name: "traceroute".into(),
        path: "/usr/bin/traceroute".into(),
        command: "traceroute server.example".into(),
        host: None,
        address: "0.0.0.0".into(),
        port: 0,
        protocol: "icmp".into(),
        scopes: vec!["any".into()],
        ..prompt()
    }
}

fn altered() -> Prompt {
    Prompt {
        alterations: vec!["foreign-code".into()],
        foreign_code: Some(vec!["/home/alice/.local/lib/libhelpful.so".into()]),
        lifespans: ["once", "process"].map(str::to_owned).into(),
        suggested_lifespan: "once".into(),
        ..prompt()
    }
}

fn changed() -> Prompt {
    Prompt {
        name: "sync".into(),
        path: "/home/alice/.local/bin/sync".into(),
        command: "sync --all".into(),
        sha256: Some("4d2b77fe0c5e2a91a7a3f3f8f2b1c0ddc4e3558d6a4b0f2e9d1c7b6a59483726".into()),
        alterations: vec!["changed".into()],
        lifespans: ["once", "process", "always"].map(str::to_owned).into(),
        suggested_lifespan: "process".into(),
        ..prompt()
    }
}

fn without_file() -> Prompt {
    Prompt {
        name: "updater".into(),
        path: "/tmp/.cache-4f2a/updater".into(),
        verified: false,
        command: "/tmp/.cache-4f2a/updater --quiet".into(),
        lifespans: vec!["once".into(), "process".into()],
        suggested_lifespan: "process".into(),
        ..nameless()
    }
}

fn long_names() -> Prompt {
    Prompt {
        name: "org.example.ReallyLongApplicationName.Helper.NetworkProcess".into(),
        path: "/opt/example/lib/x86_64-linux-gnu/application/current/libexec/org.example.\
               ReallyLongApplicationName.Helper.NetworkProcess"
            .into(),
        host: Some("edge-17.eu-central.content-delivery.static.assets.example.org".into()),
        ..prompt()
    }
}

/// Microseconds on `CLOCK_BOOTTIME`, so many seconds from now.
pub(crate) fn in_seconds(seconds: u64) -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    (u64::try_from(now.tv_sec).unwrap_or_default() + seconds) * 1_000_000
}
