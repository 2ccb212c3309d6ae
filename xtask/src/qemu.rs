//! Starts a machine with qemu and follows it until it is off.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// A machine to be booted.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) kernel: PathBuf,
    pub(crate) initramfs: PathBuf,
    /// Words for the kernel's command line.
    pub(crate) kernel_words: Vec<String>,
    pub(crate) megabytes: u32,
    pub(crate) processors: Processors,
    /// Disks in order; what is written to them is thrown away.
    pub(crate) disks: Vec<PathBuf>,
    /// Virtio ports whose data goes to a file: name and file.
    pub(crate) ports: Vec<(&'static str, PathBuf)>,
    /// Where what comes through the terminal port goes; standard output if nowhere else.
    pub(crate) terminal: Option<PathBuf>,
    /// Where the console's lines go.
    pub(crate) console: PathBuf,
    /// Where disks keep what is written to them.
    pub(crate) scratch: PathBuf,
    /// The file of the port through which the machine says that its work is over; it is given
    /// [`GRACE`] from then on to switch itself off.
    pub(crate) report: Option<PathBuf>,
    /// After this the machine is switched off.
    pub(crate) limit: Duration,
    /// And if its output pauses for longer than this.
    pub(crate) silence: Option<Duration>,
}

/// What the machine's code runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processors {
    /// Two of the host's.
    Kvm,
    /// Two emulated ones.
    Emulated,
    /// An emulated one whose instructions are what makes the machine's time pass, one nanosecond
    /// for each: the same code takes the same time, whatever else the host does. While it has
    /// nothing to do, time jumps to the next timer.
    Counted,
}

impl Processors {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["-smp", "2", "-accel", "kvm", "-cpu", "host"],
            Self::Emulated => &["-smp", "2", "-accel", "tcg,thread=multi", "-cpu", "max"],
            Self::Counted => &[
                "-smp",
                "1",
                "-accel",
                "tcg,thread=single",
                "-cpu",
                "max",
                "-icount",
                "shift=0,sleep=off",
            ],
        }
    }
}

/// How a machine's run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    PoweredOff,
    /// It had reported, but did not switch itself off.
    Lingered,
    /// Nothing has been heard of it for too long.
    FellSilent,
    TimedOut,
}

/// How long a machine may take to switch itself off: a second or two, as a rule. The emulated
/// processors sometimes stand still for good when one tells the other to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(60);
/// How often is looked whether the machine has reported.
const LOOK: Duration = Duration::from_secs(1);

/// The port whose data is shown as it comes.
pub(crate) const TERMINAL_PORT: &str = "lab.terminal";

impl Machine {
    /// Runs the machine; qemu's own complaints go to `errors`.
    pub(crate) fn run(&self, errors: Stdio) -> Result<End> {
        let mut child = self
            .command()
            .stderr(errors)
            .spawn()
            .context("cannot run qemu")?;
        let mut out: Box<dyn io::Write + Send> = match &self.terminal {
            None => Box::new(io::stdout()),
            Some(path) => Box::new(
                File::create(path).with_context(|| format!("cannot create {}", path.display()))?,
            ),
        };
        let mut terminal = child.stdout.take().context("cannot read from qemu")?;
        let (heard, output) = mpsc::channel::<()>();
        // The port closes when the machine is off.
        let relay = thread::spawn(move || show(&mut terminal, &mut out, &heard));
        let ended = self.wait(&output);
        if ended != End::PoweredOff {
            child.kill().context("cannot stop qemu")?;
        }
        check(&mut child, ended != End::PoweredOff)?;
        match relay.join() {
            Ok(shown) => shown.context("cannot show the machine's output")?,
            Err(_) => bail!("cannot show the machine's output"),
        }
        Ok(ended)
    }

    /// Waits until the machine is off or has had its time.
    fn wait(&self, output: &mpsc::Receiver<()>) -> End {
        let mut deadline = Instant::now() + self.limit;
        let mut heard = Instant::now();
        let mut end = End::TimedOut;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match output.recv_timeout(left.min(LOOK)) {
                Ok(()) => heard = Instant::now(),
                Err(RecvTimeoutError::Disconnected) => return End::PoweredOff,
                Err(RecvTimeoutError::Timeout) if end == End::Lingered => {}
                Err(RecvTimeoutError::Timeout) if self.has_reported() => {
                    end = End::Lingered;
                    deadline = deadline.min(Instant::now() + GRACE);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.silence.is_some_and(|limit| heard.elapsed() > limit) {
                        return End::FellSilent;
                    }
                }
            }
        }
        end
    }

    /// Whether the machine has said that its work is over.
    pub(crate) fn has_reported(&self) -> bool {
        let report = self.report.as_ref().and_then(|it| fs::metadata(it).ok());
        report.is_some_and(|it| it.len() > 0)
    }

    fn command(&self) -> Command {
        // Should this program be killed, qemu must not stay behind.
        let mut qemu = Command::new("setpriv");
        qemu.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        qemu.args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ]);
        qemu.args(["-M", "q35", "-m", &self.megabytes.to_string()]);
        qemu.args(self.processors.options());
        qemu.arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(&self.initramfs);
        let words = self.kernel_words.join(" ");
        qemu.arg("-append")
            .arg(format!("console=ttyS0 panic=-1 {words}"));
        qemu.arg("-serial").arg(with_path("file:", &self.console));
        for (number, disk) in self.disks.iter().enumerate() {
            let options = format!("id=disk{number},if=none,format=raw,snapshot=on,cache=unsafe,");
            qemu.arg("-drive")
                .arg(with_path(&format!("{options}file="), disk));
            qemu.arg("-device")
                .arg(format!("virtio-blk-pci,drive=disk{number}"));
        }
        qemu.args([
            "-device",
            "virtio-serial-pci",
            "-chardev",
            "file,id=terminal,path=/dev/stdout",
        ]);
        qemu.arg("-device").arg(format!(
            "virtserialport,chardev=terminal,name={TERMINAL_PORT}"
        ));
        for (name, file) in &self.ports {
            qemu.arg("-chardev")
                .arg(with_path(&format!("file,id={name},path="), file));
            qemu.arg("-device")
                .arg(format!("virtserialport,chardev={name},name={name}"));
        }
        qemu.env("TMPDIR", &self.scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        qemu
    }
}

/// Waits for qemu's end.
fn check(child: &mut Child, killed: bool) -> Result<()> {
    let status = child.wait().context("cannot wait for qemu")?;
    if !killed && !status.success() {
        bail!("qemu ended with {status}");
    }
    Ok(())
}

/// Shows what comes through the terminal port, and tells `heard` of it.
fn show(
    terminal: &mut impl io::Read,
    out: &mut impl io::Write,
    heard: &mpsc::Sender<()>,
) -> io::Result<()> {
    let mut buffer = [0; 8192];
    loop {
        let length = terminal.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        out.write_all(&buffer[..length])?;
        out.flush()?;
        // Nobody waits any more when the machine is being switched off.
        heard.send(()).ok();
    }
}

/// An option of qemu that ends in a path; a comma in a path is written twice.
fn with_path(option: &str, path: &Path) -> String {
    format!("{option}{}", path.display().to_string().replace(',', ",,"))
}
