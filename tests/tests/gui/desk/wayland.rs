//! Compositors of Wayland without a screen, and their keyboards: GNOME's, and one that has layers.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use tokio::{runtime::Runtime, time::sleep};
use zbus::{Connection, OwnedObjectPath, connection, proxy};

use super::{PATIENCE, PAUSE};
use crate::programs::Running;

/// How long a key is down.
const KEY: Duration = Duration::from_millis(50);

/// Whose windows they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compositor {
    /// GNOME's, which has no layers.
    Mutter,
    /// One with layers above all windows.
    Sway,
}

/// A compositor, and the keyboard before it.
pub(crate) struct Wayland {
    compositor: Compositor,
    size: (u32, u32),
    /// `XDG_RUNTIME_DIR`.
    folder: PathBuf,
    /// GNOME's way to press keys from afar.
    remote: Option<RemoteProxy<'static>>,
}

#[proxy(
    interface = "org.gnome.Mutter.RemoteDesktop",
    default_service = "org.gnome.Mutter.RemoteDesktop",
    default_path = "/org/gnome/Mutter/RemoteDesktop"
)]
trait RemoteDesktop {
    fn create_session(&self) -> zbus::Result<OwnedObjectPath>;
}

#[proxy(
    interface = "org.gnome.Mutter.RemoteDesktop.Session",
    default_service = "org.gnome.Mutter.RemoteDesktop"
)]
trait Remote {
    fn start(&self) -> zbus::Result<()>;
    fn notify_keyboard_keysym(&self, keysym: u32, down: bool) -> zbus::Result<()>;
}

impl Wayland {
    /// One that is yet to be started, with a monitor of this size.
    pub(super) fn new(compositor: Compositor, size: (u32, u32), folder: &Path) -> Self {
        Self {
            compositor,
            size,
            folder: folder.to_owned(),
            remote: None,
        }
    }

    /// Starts it, and what presses keys, on this session bus.
    pub(super) fn start(&mut self, runtime: &Runtime, bus: &str) -> Vec<Running> {
        let mut command = match self.compositor {
            Compositor::Mutter => self.mutter(),
            Compositor::Sway => self.sway(),
        };
        self.lead(command.env("DBUS_SESSION_BUS_ADDRESS", bus));
        command
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let compositor = Running::start(&mut command);
        let socket = self.folder.join(self.display());
        let end = Instant::now() + PATIENCE;
        while !socket.exists() {
            assert!(Instant::now() < end, "{:?} does not start", self.compositor);
            runtime.block_on(async { sleep(PAUSE).await });
        }
        match self.compositor {
            Compositor::Mutter => {
                self.remote = Some(runtime.block_on(remote(bus)));
                vec![compositor]
            }
            Compositor::Sway => {
                // While there is no keyboard, nothing has its focus.
                let mut keyboard = Command::new("wtype");
                self.lead(keyboard.args(["-s", "86400000"]));
                vec![Running::start(&mut keyboard), compositor]
            }
        }
    }

    fn mutter(&self) -> Command {
        let (width, height) = self.size;
        let mut command = Command::new("mutter");
        command
            .args(["--headless", "--wayland", "--no-x11"])
            .args(["--wayland-display", self.display()])
            .args(["--virtual-monitor", &format!("{width}x{height}")])
            .env("GSETTINGS_BACKEND", "memory")
            .env("LIBGL_ALWAYS_SOFTWARE", "1");
        command
    }

    fn sway(&self) -> Command {
        let (width, height) = self.size;
        let config = self.folder.join("sway.conf");
        let text = format!(
            "xwayland disable\n\
             output HEADLESS-1 resolution {width}x{height} position 0 0\n\
             focus_follows_mouse no\n\
             default_border none\n"
        );
        fs::write(&config, text).expect("cannot write a file");
        let mut command = Command::new("sway");
        command
            .arg("--config")
            .arg(config)
            .env("WLR_BACKENDS", "headless")
            .env("WLR_RENDERER", "pixman")
            .env("SWAYSOCK", self.folder.join("sway.sock"));
        command
    }

    /// The display's name. Sway chooses one by itself: the first that is free.
    fn display(&self) -> &'static str {
        match self.compositor {
            Compositor::Mutter => "wayland-0",
            Compositor::Sway => "wayland-1",
        }
    }

    /// Has a program show its windows here.
    pub(super) fn lead(&self, command: &mut Command) {
        command
            .env("WAYLAND_DISPLAY", self.display())
            .env("XDG_RUNTIME_DIR", &self.folder)
            .env("GDK_BACKEND", "wayland")
            .env_remove("DISPLAY");
    }

    /// Presses the keys, one after the other.
    pub(super) fn press(&self, runtime: &Runtime, keys: &[&str]) {
        let keys: Vec<_> = keys.iter().map(|key| parts(key)).collect();
        match &self.remote {
            Some(remote) => runtime.block_on(async {
                for (held, key) in keys {
                    press(remote, held, key).await.expect("cannot press a key");
                }
            }),
            None => self.wtype(&keys),
        }
    }

    fn wtype(&self, keys: &[(Option<&str>, &str)]) {
        let mut command = Command::new("wtype");
        self.lead(&mut command);
        let pause = KEY.as_millis().to_string();
        for (held, key) in keys {
            if let Some(held) = held {
                command.args(["-M", held]);
            }
            command.args(["-P", key, "-s", &pause, "-p", key]);
            if let Some(held) = held {
                command.args(["-m", held]);
            }
        }
        let status = command.status().expect("cannot run wtype");
        assert!(status.success(), "cannot press {keys:?}");
    }

    /// The prompt has come up. GNOME's compositor gives it the keyboard, whoever types elsewhere; this one does when it is
    /// clicked at.
    pub(super) fn receive(&self) {
        if self.compositor == Compositor::Sway {
            self.turn_to(self.size.0 - 200);
        }
    }

    /// Gives the keyboard to the prompt or, if that has it, to the only other window.
    pub(super) fn turn(&self, runtime: &Runtime, to_prompt: bool) {
        match self.compositor {
            Compositor::Mutter => self.press(runtime, &["alt+Tab"]),
            Compositor::Sway if to_prompt => self.receive(),
            // What is no prompt fills the screen.
            Compositor::Sway => self.turn_to(200),
        }
    }

    /// Clicks at a place of Sway's screen that is so far from the left.
    fn turn_to(&self, x: u32) {
        let x = x.to_string();
        for words in [
            &["set", &x, "90"][..],
            &["press", "button1"],
            &["release", "button1"],
        ] {
            self.swaymsg(&[&["seat", "seat0", "cursor"], words].concat());
        }
    }

    /// Asks Sway for something.
    pub(crate) fn swaymsg(&self, words: &[&str]) -> Output {
        let mut command = Command::new("swaymsg");
        command
            .arg("--socket")
            .arg(self.folder.join("sway.sock"))
            .args(words);
        let output = command.output().expect("cannot run swaymsg");
        assert!(output.status.success(), "{words:?}: {output:?}");
        output
    }
}

/// A session in which keys are pressed from afar, once GNOME's compositor is up to it.
async fn remote(bus: &str) -> RemoteProxy<'static> {
    let connection = connection::Builder::address(bus).build().await;
    let connection = connection.expect("cannot reach the session bus");
    let end = Instant::now() + PATIENCE;
    loop {
        match try_remote(&connection).await {
            Ok(remote) => return remote,
            Err(error) => assert!(Instant::now() < end, "cannot press keys: {error}"),
        }
        sleep(PAUSE).await;
    }
}

async fn try_remote(connection: &Connection) -> zbus::Result<RemoteProxy<'static>> {
    let desktop = RemoteDesktopProxy::new(connection).await?;
    let session = desktop.create_session().await?;
    let remote = RemoteProxy::builder(connection)
        .path(session)
        .build()
        .await?;
    remote.start().await?;
    // With the first key there is a keyboard, which windows have to learn of.
    press(&remote, None, "shift").await?;
    Ok(remote)
}

async fn press(remote: &RemoteProxy<'_>, held: Option<&str>, key: &str) -> zbus::Result<()> {
    let held = held.map(keysym);
    if let Some(held) = held {
        remote.notify_keyboard_keysym(held, true).await?;
    }
    remote.notify_keyboard_keysym(keysym(key), true).await?;
    sleep(KEY).await;
    remote.notify_keyboard_keysym(keysym(key), false).await?;
    if let Some(held) = held {
        remote.notify_keyboard_keysym(held, false).await?;
    }
    Ok(())
}

/// What is held down while a key is pressed, and that key.
fn parts(key: &str) -> (Option<&str>, &str) {
    match key.split_once('+') {
        Some((held, key)) => (Some(held), key),
        None => (None, key),
    }
}

/// A key's number, as X has given it.
fn keysym(key: &str) -> u32 {
    match key {
        "Return" => 0xff0d,
        "Tab" => 0xff09,
        "Escape" => 0xff1b,
        "space" => 0x20,
        "shift" => 0xffe1,
        "alt" => 0xffe9,
        letter => letter.bytes().next().map_or(0, u32::from),
    }
}
