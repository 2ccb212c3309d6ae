//! Tests of the bus contract: the real interfaces and the real loop on a bus of their own, with a
//! kernel, a gate and a polkit that the tests play.
//!
//! They need `dbus-daemon`. Run as root, they see the broker through root's eyes and through a
//! user's; run as a user, only through his.

mod activity;
mod administrators;
mod agents;
mod broker;
mod contract;
mod errors;
mod hindsight;
mod languages;
mod limits;
mod lists;
mod logind;
mod modes;
mod network_manager;
mod networks;
mod polkit;
mod prompts;
mod rules;
mod settings;
mod stage;
mod status;
mod timed;
mod watching;
