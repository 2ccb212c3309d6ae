//! A desk of its own for each test: display, session bus, system bus, broker.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Output},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use portreeve_dbus::{AGENT_ID, Activity, SYSTEM_BUS};
use portreeve_tests::Daemon;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    broker::Broker,
    programs::{self, Running},
};

/// How long anything may take to happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked whether it has.
const PAUSE: Duration = Duration::from_millis(10);

/// The desk of one test. There is one at a time: the tests measure how fast windows react.
pub(crate) struct Desk {
    pub(crate) broker: Broker,
    runtime: Runtime,
    display: String,
    session_bus: String,
    // In the order in which they end.
    programs: Vec<Running>,
    language: &'static str,
    schemas: TempDir,
    _system_bus: Daemon,
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Desk {
    /// An empty desk and a broker that says nothing yet.
    pub(crate) fn new() -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        programs::folder();

        let folder = tempfile::tempdir().expect("cannot make a folder");
        let (xvfb, display) = Running::start_and_read(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", "1280x1024x24"])
                .args(["-nolisten", "tcp", "-noreset"]),
        );
        let display = format!(":{display}");
        take_the_system_bus_place();
        let system_bus = Daemon::start_at(SYSTEM_BUS);
        let (session_daemon, session_bus) = start_session_bus(&display, folder.path());
        let runtime = Runtime::new().expect("cannot start a runtime");
        let broker = Broker::start(&runtime, system_bus.address());
        Self {
            broker,
            runtime,
            display,
            session_bus,
            programs: vec![session_daemon, xvfb],
            language: "",
            schemas: compiled(&schema()),
            _system_bus: system_bus,
            folder,
            _alone: alone,
        }
    }

    /// Starts the agent and waits until it has registered.
    pub(crate) fn start_agent(&mut self) {
        self.start_program("portreeve-agent");
        self.until("the agent has registered", |desk| desk.broker.has_agent());
    }

    /// Programs that are started from now on are in this language.
    pub(crate) fn speak(&mut self, language: &'static str) {
        self.language = language;
    }

    /// Programs that are started from now on find this schema, and no other of what they keep.
    pub(crate) fn forge(&mut self, schema: &str) {
        self.schemas = compiled(schema);
    }

    /// Starts one of the programs under test.
    pub(crate) fn start_program(&mut self, name: &str) {
        let running = Running::start(&mut self.command(programs::folder().join(name)));
        // Before the buses, so that it is gone first.
        self.programs.insert(0, running);
    }

    /// The process of the program that was started last.
    pub(crate) fn process(&self) -> u32 {
        self.programs.first().expect("a program runs").id()
    }

    /// Waits until something has happened.
    pub(crate) fn until(&self, what: &str, mut happened: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !happened(self) {
            assert!(
                Instant::now() < end,
                "waited in vain until {what}\n{}",
                self.tree()
            );
            self.pause(PAUSE);
        }
    }

    /// Lets time pass, where something is *not* to happen in it.
    pub(crate) fn pause(&self, time: Duration) {
        self.runtime
            .block_on(async { tokio::time::sleep(time).await });
    }

    /// Address of the session's bus.
    pub(crate) fn session_bus(&self) -> &str {
        &self.session_bus
    }

    /// What the windows have kept.
    pub(crate) fn kept(&self) -> String {
        let file = self.folder.path().join("glib-2.0/settings/keyfile");
        fs::read_to_string(file).unwrap_or_default()
    }

    /// Runs a future of the broker's.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A program does this.
    pub(crate) fn happens(&self, row: Activity) {
        self.run(self.broker.happens(row));
    }

    /// Whether a window whose title contains this is on the screen.
    pub(crate) fn has_window(&self, title: &str) -> bool {
        self.window(title).is_some()
    }

    /// Waits for a window and gives it the keyboard, as a window manager would.
    pub(crate) fn focus(&self, title: &str) {
        self.until(&format!("there is a window “{title}”"), |desk| {
            desk.has_window(title)
        });
        let window = self.window(title).expect("it was there a moment ago");
        self.xdotool(["windowfocus", "--sync", &window]);
    }

    /// Presses the key as often as said, 50 ms apart.
    pub(crate) fn press(&self, key: &str, times: u32) {
        let times = times.to_string();
        self.xdotool([
            "key",
            "--delay",
            "50",
            "--repeat",
            &times,
            "--repeat-delay",
            "50",
            key,
        ]);
    }

    /// Presses Tab in the window that has the keyboard until what is named has the focus, and then space there. (GTK
    /// 4.18 gives rows and check boxes no actions on the accessibility bus.)
    pub(crate) fn choose(&self, name: &str) {
        let is_there = |desk: &Self| {
            let tree = desk.tree();
            let mut lines = tree.lines();
            lines.any(|line| line.contains(name) && line.contains(" focused"))
        };
        self.until(&format!("“{name}” has the focus"), |desk| {
            is_there(desk) || {
                desk.press("Tab", 1);
                false
            }
        });
        self.press("space", 1);
    }

    /// Runs xdotool.
    pub(crate) fn xdotool<const N: usize>(&self, arguments: [&str; N]) -> Output {
        self.command("xdotool")
            .args(arguments)
            .output()
            .expect("cannot run xdotool")
    }

    /// Clicks through the accessibility bus, once what is named can be clicked.
    pub(crate) fn click(&self, name: &str, role: &str) {
        self.labui(&["click", name, role]);
    }

    /// Waits until something is on the screen.
    pub(crate) fn see(&self, name: &str, role: &str) {
        self.labui(&["wait", name, role]);
    }

    /// Waits until something is no longer on the screen.
    pub(crate) fn see_no(&self, name: &str, role: &str) {
        self.labui(&["wait", "--gone", name, role]);
    }

    /// Replaces the text of an entry.
    pub(crate) fn enter(&self, name: &str, text: &str) {
        self.labui(&["set", name, text]);
    }

    /// The middle of the “Allow” button of a window, on the screen.
    pub(crate) fn allow_button(&self, title: &str) -> (i32, i32) {
        let window = self.window(title).expect("there is no such window");
        let output = self.xdotool(["getwindowgeometry", "--shell", &window]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = |name: &str| -> i32 {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.and_then(|value| value.parse().ok())
                .expect("xdotool tells the geometry")
        };
        // The right one of two that share the bottom edge.
        (
            number("X") + number("WIDTH") * 3 / 4,
            number("Y") + number("HEIGHT") - 42,
        )
    }

    /// A place well inside of a window, on the screen.
    pub(crate) fn middle(&self, title: &str) -> (String, String) {
        let window = self.window(title).expect("there is no such window");
        let output = self.xdotool(["getwindowgeometry", "--shell", &window]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = |name: &str| -> i32 {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.and_then(|value| value.parse().ok())
                .expect("xdotool tells the geometry")
        };
        let x = number("X") + number("WIDTH") / 2;
        let y = number("Y") + number("HEIGHT") * 3 / 4;
        (x.to_string(), y.to_string())
    }

    /// All that is on the screen.
    pub(crate) fn tree(&self) -> String {
        let output = self
            .labui_command(&["see"])
            .output()
            .expect("cannot run python3");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn window(&self, title: &str) -> Option<String> {
        let found = self.xdotool(["search", "--onlyvisible", "--name", title]);
        String::from_utf8_lossy(&found.stdout)
            .lines()
            .next()
            .map(str::to_owned)
    }

    fn labui(&self, arguments: &[&str]) {
        let output = self
            .labui_command(arguments)
            .output()
            .expect("cannot run python3");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn labui_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("python3");
        command
            .env(
                "PYTHONPATH",
                Path::new(env!("CARGO_MANIFEST_DIR")).join("lab"),
            )
            .args(["-m", "labui"])
            .args(arguments);
        command
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.session_bus)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("XDG_DATA_HOME", self.folder.path())
            .env("GDK_BACKEND", "x11")
            .env("GSK_RENDERER", "cairo")
            // What is kept is, in a file of this desk's.
            .env("GSETTINGS_BACKEND", "keyfile")
            .env("GSETTINGS_SCHEMA_DIR", self.schemas.path())
            .env("XDG_CONFIG_HOME", self.folder.path())
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("AT_SPI_BUS_ADDRESS")
            .env_remove("WAYLAND_DISPLAY");
        if !self.language.is_empty() {
            // In the locale C nothing is translated; ./x test has this one.
            command
                .env("LANG", "en_US.UTF-8")
                .env("LANGUAGE", self.language);
        }
        command
    }
}

/// The text of the schema of what the windows keep.
pub(crate) fn schema() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
    let file = file.join("io.github.portreeve.Portreeve.gschema.xml");
    fs::read_to_string(file).expect("the schema is there")
}

/// The folder of this schema alone, as where Portreeve is installed.
fn compiled(schema: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("cannot make a folder");
    let file = folder.path().join("test.gschema.xml");
    fs::write(file, schema).expect("cannot write a schema");
    let status = Command::new("glib-compile-schemas")
        .arg("--strict")
        .arg(folder.path())
        .status()
        .expect("cannot run glib-compile-schemas");
    assert!(status.success(), "the schema has mistakes");
    folder
}

/// A bus that starts the agent when it is called, as where Portreeve is installed.
fn start_session_bus(display: &str, data: &Path) -> (Running, String) {
    let services = data.join("dbus-1/services");
    fs::create_dir_all(&services).expect("cannot make a folder");
    let agent = programs::folder().join("portreeve-agent");
    let text = format!(
        "[D-BUS Service]\nName={AGENT_ID}\nExec={}\n",
        agent.display()
    );
    fs::write(services.join(format!("{AGENT_ID}.service")), text).expect("cannot write a service");
    Running::start_and_read(
        Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .env("DISPLAY", display)
            .env("XDG_DATA_HOME", data)
            .stderr(std::process::Stdio::null()),
    )
}

/// The programs under test look for the system bus in one place only, so the test's bus has to be
/// there. The lab root has none of its own; elsewhere it must not be taken from others.
fn take_the_system_bus_place() {
    static TAKEN: OnceLock<()> = OnceLock::new();
    TAKEN.get_or_init(|| {
        let socket = SYSTEM_BUS.trim_start_matches("unix:path=");
        let folder = Path::new(socket).parent().expect("a socket is in a folder");
        fs::create_dir(folder)
            .unwrap_or_else(|error| panic!("these tests run in the lab root only: {error}"));
    });
}
