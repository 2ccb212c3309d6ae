//! Pictures of every screen and state, from sample data, into the folder that `OUT` names.
//!
//! `tests/shots/run` runs this on a display nobody sees.

mod activity;
mod applications;
mod camera;
mod contrast;
mod exchange;
mod prompts;
mod rules;
mod settings;
mod turns;

use std::{cell::RefCell, env, path::PathBuf, rc::Rc};

use adw::prelude::*;
use gtk::{gio, glib};
use portreeve_app::{agent, i18n, model::is_right_to_left};

use camera::{Camera, Look};

fn main() -> glib::ExitCode {
    i18n::init();
    let application = adw::Application::builder()
        .application_id("io.github.portreeve.Portreeve.Shots")
        .flags(gio::ApplicationFlags::NON_UNIQUE)
        .build();
    let faint = Rc::new(RefCell::new(Vec::new()));
    let found = Rc::clone(&faint);
    application.connect_activate(move |application| {
        let application = application.clone();
        let found = Rc::clone(&found);
        let hold = application.hold();
        glib::spawn_future_local(async move {
            found.replace(take_all(&application).await);
            drop(hold);
            application.quit();
        });
    });
    let ended = application.run();
    let faint = faint.take();
    if faint.is_empty() {
        return ended;
    }
    complain(&faint);
    glib::ExitCode::FAILURE
}

#[expect(clippy::print_stderr, reason = "whoever takes pictures is to know")]
fn complain(faint: &[String]) {
    for text in faint {
        eprintln!("too little contrast: {text}");
    }
}

/// Takes all pictures; what is hard to read in them.
async fn take_all(application: &adw::Application) -> Vec<String> {
    let folder = PathBuf::from(env::var_os("OUT").unwrap_or_else(|| "target/shots".into()));
    if let Some(display) = gtk::gdk::Display::default() {
        agent::install_style(&display);
        // Where it is before it is installed.
        let icons = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/icons");
        gtk::IconTheme::for_display(&display).add_search_path(icons);
    }
    let only = env::var("ONLY").unwrap_or_default();
    let camera = Camera::new(application, folder, only);
    let looks = [
        Look::new("light"),
        Look::new("narrow").width(360),
        Look::new("large-text").text_scale(2.0),
        Look::new("dark").dark(),
        Look::new("right-to-left").right_to_left(),
        Look::new("high-contrast").high_contrast(),
        Look::new("high-contrast-dark").high_contrast().dark(),
    ];
    // A translation is as long in the dark, and has one direction.
    let looks = match (env::var_os("LANGUAGE"), is_right_to_left()) {
        (None, _) => looks.to_vec(),
        (Some(_), false) => looks[..3].to_vec(),
        (Some(_), true) => looks.map(Look::right_to_left)[..3].to_vec(),
    };
    for look in &looks {
        look.wear();
        prompts::take(&camera, look).await;
        rules::take(&camera, look).await;
        activity::take(&camera, look).await;
        applications::take(&camera, look).await;
        exchange::take(&camera, look).await;
        settings::take(&camera, look).await;
    }
    camera.faint()
}
