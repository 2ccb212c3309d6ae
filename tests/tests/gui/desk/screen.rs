//! What the windows of a desk are shown on, and the keyboard before it.

use std::process::{Command, Output};

use tokio::runtime::Runtime;

use super::wayland::Wayland;
use crate::programs::Running;

/// A display nobody sees.
pub(crate) enum Screen {
    /// Of an X server without a window manager.
    X(String),
    /// Of a compositor.
    Wayland(Wayland),
}

impl Screen {
    /// An X server.
    pub(super) fn x() -> (Self, Running) {
        let (xvfb, display) = Running::start_and_read(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", "1280x1024x24"])
                .args(["-nolisten", "tcp", "-noreset"]),
        );
        (Self::X(format!(":{display}")), xvfb)
    }

    /// Has a program show its windows here.
    pub(super) fn lead(&self, command: &mut Command) {
        match self {
            Self::X(display) => {
                command
                    .env("DISPLAY", display)
                    .env("GDK_BACKEND", "x11")
                    .env_remove("WAYLAND_DISPLAY");
            }
            Self::Wayland(wayland) => wayland.lead(command),
        }
    }

    /// Presses the keys, one after the other, as often as said, 50 ms apart.
    pub(super) fn press(&self, runtime: &Runtime, keys: &[&str], times: u32) {
        match self {
            Self::X(_) => {
                let times = times.to_string();
                let repeat = ["--repeat", &times, "--repeat-delay", "50"];
                let words = ["key", "--delay", "50"].into_iter().chain(repeat);
                self.xdotool(words.chain(keys.iter().copied()));
            }
            Self::Wayland(wayland) => {
                let keys = keys.repeat(times as usize);
                wayland.press(runtime, &keys);
            }
        }
    }

    /// Runs xdotool.
    pub(super) fn xdotool<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Output {
        let mut command = Command::new("xdotool");
        self.lead(&mut command);
        let output = command.args(words).output();
        output.expect("cannot run xdotool")
    }
}
