//! Tests of the loop: real processes and a real database, a kernel and a gate that are played, and
//! a clock that stands still while work is done.

mod above;
mod agents;
mod ancestry;
mod answers;
mod applications;
mod asking;
mod asks;
mod built_ins;
mod chance;
mod changes;
mod clock;
mod contents;
mod deadlines;
mod desk;
mod ending;
mod given;
mod keeping;
mod kernel;
mod learning;
mod lifespans;
mod listening;
mod modes;
mod named;
mod networks;
mod open;
mod protected;
mod recording;
mod running;
mod services;
mod signals;
mod successor;
mod timed;
mod trusted;
mod vpn;
