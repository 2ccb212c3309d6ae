//! One file for each family of hooks: the body collects who and what, and has them judged.

pub mod accept;
pub mod bind;
pub mod connect;
pub mod create;
pub mod image;
pub mod listen;
pub mod mark;
pub mod names;
pub mod prctl;
pub mod reach;
pub mod route;
pub mod run;
pub mod sendmsg;
