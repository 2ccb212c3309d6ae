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

mod screen;
mod wayland;

use screen::Screen;
pub(crate) use wayland::Compositor;
use wayland::Wayland;

/// How long anything may take to happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked whether it has.
const PAUSE: Duration = Duration::from_millis(10);

/// What the agent and the compositor have said to each other.
const WIRE: &str = "wire";
/// A window with an entry and a label that says what is in it.
const LETTER: &str = r#"<interface>
  <object class="GtkWindow" id="letter">
    <property name="title">Letter</property>
    <property name="default-width">400</property>
    <property name="child">
      <object class="GtkBox">
        <child><object class="GtkEntry" id="text"/></child>
        <child><object class="GtkLabel">
          <property name="label" bind-source="text" bind-property="text"/>
        </object></child>
      </object>
    </property>
  </object>
</interface>"#;

/// The desk of one test. There is one at a time: the tests measure how fast windows react.
pub(crate) struct Desk {
    pub(crate) broker: Broker,
    runtime: Runtime,
    screen: Screen,
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
        Self::on(None)
    }

    /// The same under a compositor of Wayland, with a monitor of this size.
    pub(crate) fn under(compositor: Compositor, size: (u32, u32)) -> Self {
        Self::on(Some((compositor, size)))
    }

    fn on(compositor: Option<(Compositor, (u32, u32))>) -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        programs::folder();

        let folder = tempfile::tempdir().expect("cannot make a folder");
        let runtime = Runtime::new().expect("cannot start a runtime");
        take_the_system_bus_place();
        let system_bus = Daemon::start_at(SYSTEM_BUS);
        let (mut screen, mut programs) = match compositor {
            None => {
                let (screen, xvfb) = Screen::x();
                (screen, vec![xvfb])
            }
            Some((compositor, size)) => {
                let wayland = Wayland::new(compositor, size, folder.path());
                (Screen::Wayland(wayland), Vec::new())
            }
        };
        let (session_daemon, session_bus) = start_session_bus(&screen, folder.path());
        programs.insert(0, session_daemon);
        if let Screen::Wayland(wayland) = &mut screen {
            programs.splice(..0, wayland.start(&runtime, &session_bus));
        }
        let broker = Broker::start(&runtime, system_bus.address());
        Self {
            broker,
            runtime,
            screen,
            session_bus,
            programs,
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

    /// The same, and takes down all that it and the compositor say to each other.
    pub(crate) fn tap_agent(&mut self) {
        let wire = fs::File::create(self.folder.path().join(WIRE)).expect("cannot write a file");
        let mut command = self.command(programs::folder().join("portreeve-agent"));
        let running = Running::start(command.env("WAYLAND_DEBUG", "client").stderr(wire));
        self.programs.insert(0, running);
        self.until("the agent has registered", |desk| desk.broker.has_agent());
    }

    /// What was said since then.
    pub(crate) fn wire(&self) -> String {
        let wire = fs::read(self.folder.path().join(WIRE)).expect("it is written");
        String::from_utf8_lossy(&wire).into_owned()
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

    /// What the test has a compositor do.
    pub(crate) fn wayland(&self) -> &Wayland {
        match &self.screen {
            Screen::Wayland(wayland) => wayland,
            Screen::X(_) => panic!("this test is for a compositor of Wayland"),
        }
    }

    /// Whether a window whose title contains this has the keyboard, as the window itself has it.
    pub(crate) fn is_active(&self, title: &str) -> bool {
        let tree = self.tree();
        let mut windows = tree.lines().filter(|line| is_window(line));
        windows.any(|line| line.contains(title) && line.contains(" active"))
    }

    /// Opens another window to write into, and gives it the keyboard.
    pub(crate) fn open_letter(&mut self) {
        let page = self.folder.path().join("letter.ui");
        fs::write(&page, LETTER).expect("cannot write a file");
        let mut command = self.command("gtk4-builder-tool");
        let running = Running::start(command.arg("preview").arg(page));
        self.programs.insert(0, running);
        self.until("the letter has the keyboard", |desk| {
            desk.is_active("Letter")
        });
    }

    /// The prompt has come up: gives it the keyboard where it has not got it by that.
    pub(crate) fn receive_prompt(&self) {
        self.wayland().receive();
    }

    /// Gives the letter the keyboard, which the prompt has.
    pub(crate) fn turn_to_letter(&self) {
        self.until("the letter has the keyboard", |desk| {
            desk.is_active("Letter") || {
                desk.turn(false);
                false
            }
        });
    }

    /// Gives the prompt the keyboard, which the letter has. A compositor does not always do what it is told.
    pub(crate) fn turn_to_prompt(&self) {
        self.turn(true);
    }

    fn turn(&self, to_prompt: bool) {
        self.wayland().turn(&self.runtime, to_prompt);
    }

    /// A connection of the test's to the bus of the session.
    pub(crate) fn session(&self) -> zbus::Connection {
        let bus = zbus::connection::Builder::address(self.session_bus.as_str());
        self.run(bus.build())
            .expect("cannot connect to the session bus")
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
        self.press_all(&[key], times);
    }

    /// Presses the keys, one after the other, as often as said, 50 ms apart.
    pub(crate) fn press_all(&self, keys: &[&str], times: u32) {
        self.screen.press(&self.runtime, keys, times);
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

    /// Presses Tab until what has the keyboard is of this role, and its name begins like this: at most as often as there
    /// may be something in the window. To look takes too long to go by time.
    pub(crate) fn tab_to(&self, role: &str, name: &str) {
        let beginning = format!("{role} “{name}");
        let is_there = |line: &str| line.starts_with(&beginning) && line.contains(" focused");
        for _ in 0..40 {
            if self.tree().lines().any(|line| is_there(line.trim_start())) {
                return;
            }
            self.press("Tab", 1);
        }
        panic!("{role} “{name}” does not get the keyboard\n{}", self.tree());
    }

    /// Runs xdotool.
    pub(crate) fn xdotool<const N: usize>(&self, arguments: [&str; N]) -> Output {
        self.screen.xdotool(arguments)
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
            .env("DBUS_SESSION_BUS_ADDRESS", &self.session_bus)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("XDG_DATA_HOME", self.folder.path())
            .env("GSK_RENDERER", "cairo")
            // What is kept is, in a file of this desk's.
            .env("GSETTINGS_BACKEND", "keyfile")
            .env("GSETTINGS_SCHEMA_DIR", self.schemas.path())
            .env("XDG_CONFIG_HOME", self.folder.path())
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("AT_SPI_BUS_ADDRESS");
        self.screen.lead(&mut command);
        if !self.language.is_empty() {
            // In the locale C nothing is translated; ./x test has this one.
            command
                .env("LANG", "en_US.UTF-8")
                .env("LANGUAGE", self.language);
        }
        command
    }
}

/// Whether a line of the accessible tree is about a window.
fn is_window(line: &str) -> bool {
    // Applications stand at the edge, and their windows below.
    line.starts_with("  ") && !line.starts_with("   ")
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
fn start_session_bus(screen: &Screen, data: &Path) -> (Running, String) {
    let services = data.join("dbus-1/services");
    fs::create_dir_all(&services).expect("cannot make a folder");
    let agent = programs::folder().join("portreeve-agent");
    let text = format!(
        "[D-BUS Service]\nName={AGENT_ID}\nExec={}\n",
        agent.display()
    );
    fs::write(services.join(format!("{AGENT_ID}.service")), text).expect("cannot write a service");
    let mut command = Command::new("dbus-daemon");
    command
        .args(["--session", "--nofork", "--print-address=1"])
        .env("XDG_DATA_HOME", data)
        .stderr(std::process::Stdio::null());
    screen.lead(&mut command);
    Running::start_and_read(&mut command)
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
