//! Tests of the windows: the real programs on a display nobody sees, driven through the
//! accessibility bus and the X server, against a broker that this test plays.
//!
//! They run in the lab root (`./x test gui`), which has GTK, Xvfb, xdotool and the accessibility
//! bus.

mod activity;
mod applications;
mod broker;
mod bulk;
mod changes;
mod costs;
mod desk;
mod exchange;
mod health;
mod hindsight;
mod history;
mod languages;
mod modes;
mod names;
mod places;
mod presence;
mod process;
mod programs;
mod prompts;
mod rules;
mod scale;
mod settings;
mod wayland;
