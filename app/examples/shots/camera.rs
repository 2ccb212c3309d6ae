//! Takes pictures of windows.

use std::{cell::RefCell, fs, path::PathBuf, time::Duration};

use adw::prelude::*;
use gtk::{gdk, gio, glib, graphene};
use portreeve_dbus::APPLICATION_ID;

use crate::contrast;

/// How long a window gets to come up and draw.
const SETTLING: Duration = Duration::from_millis(350);
/// How long one frame gets.
const FRAME: Duration = Duration::from_millis(40);
/// Frames after which what was done to a window is in its picture: in the first, what is new finds its place.
const DRAWN: i64 = 3;
/// Dots per inch at which text has its normal size, in the unit of `gtk-xft-dpi`.
const NORMAL_DPI: f64 = 96.0 * 1024.0;

/// How everything looks in one series of pictures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) name: &'static str,
    dark: bool,
    high_contrast: bool,
    text_scale: f64,
    right_to_left: bool,
    /// Width of the windows; their own when `None`.
    pub(crate) width: Option<i32>,
}

impl Look {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            dark: false,
            high_contrast: false,
            text_scale: 1.0,
            right_to_left: false,
            width: None,
        }
    }

    pub(crate) fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    pub(crate) fn high_contrast(self) -> Self {
        Self {
            high_contrast: true,
            ..self
        }
    }

    pub(crate) fn width(self, width: i32) -> Self {
        Self {
            width: Some(width),
            ..self
        }
    }

    pub(crate) fn text_scale(self, text_scale: f64) -> Self {
        Self { text_scale, ..self }
    }

    pub(crate) fn right_to_left(self) -> Self {
        Self {
            right_to_left: true,
            ..self
        }
    }

    /// Makes all windows look like this from now on.
    pub(crate) fn wear(&self) {
        adw::StyleManager::default().set_color_scheme(if self.dark {
            adw::ColorScheme::ForceDark
        } else {
            adw::ColorScheme::ForceLight
        });
        // As the desktop's settings have it.
        gio::Settings::new("org.gnome.desktop.a11y.interface")
            .set_boolean("high-contrast", self.high_contrast)
            .expect("cannot set the contrast");
        gtk::Widget::set_default_direction(if self.right_to_left {
            gtk::TextDirection::Rtl
        } else {
            gtk::TextDirection::Ltr
        });
        if let Some(settings) = gtk::Settings::default() {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a few hundred thousand at most"
            )]
            settings.set_gtk_xft_dpi((NORMAL_DPI * self.text_scale) as i32);
            settings.set_gtk_enable_animations(false);
            settings.set_gtk_font_name(Some("Cantarell 11"));
        }
    }
}

/// Takes pictures into a folder.
pub(crate) struct Camera {
    pub(crate) application: adw::Application,
    folder: PathBuf,
    /// What the names of all that is pictured contain.
    only: String,
    /// What is hard to read, in which picture.
    faint: RefCell<Vec<String>>,
}

impl Camera {
    pub(crate) fn new(application: &adw::Application, folder: PathBuf, only: String) -> Self {
        fs::create_dir_all(&folder).expect("cannot make the folder for the pictures");
        Self {
            application: application.clone(),
            folder,
            only,
            faint: RefCell::default(),
        }
    }

    /// What was hard to read in the pictures, one line each.
    pub(crate) fn faint(&self) -> Vec<String> {
        self.faint.take()
    }

    /// Shows the window, does what `prepare` says, takes the picture and closes the window.
    pub(crate) async fn take<W: IsA<gtk::Window>>(
        &self,
        look: &Look,
        name: &str,
        window: &W,
        prepare: impl FnOnce(&W),
    ) {
        if !name.contains(&self.only) {
            window.destroy();
            forget_preferences();
            return;
        }
        let window_size = window.default_size();
        if let Some(width) = look.width {
            window.set_default_size(width, window_size.1);
        }
        window.present();
        glib::timeout_future(SETTLING).await;
        let before = frames(window.upcast_ref());
        prepare(window);
        glib::timeout_future(SETTLING).await;
        // A busy computer may not have come to drawing it.
        let picture = loop {
            window.upcast_ref::<gtk::Window>().queue_draw();
            glib::timeout_future(FRAME).await;
            let drawn = frames(window.upcast_ref()) - before;
            if let Some(picture) = picture(window.upcast_ref()).filter(|_| drawn >= DRAWN) {
                break picture;
            }
        };
        let file = self.folder.join(format!("{name}-{}.png", look.name));
        picture
            .save_to_png(&file)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
        let faint = faint(window.upcast_ref(), &picture).into_iter();
        let faint = faint.map(|text| format!("{name}-{}: {text}", look.name));
        self.faint.borrow_mut().extend(faint);
        window.destroy();
        forget_preferences();
    }
}

/// What is hard to read in a window's picture.
fn faint(window: &gtk::Window, picture: &gdk::Texture) -> Vec<String> {
    let mut popovers = Vec::new();
    find_popovers(window.upcast_ref(), &mut popovers);
    let covered: Vec<_> = popovers.iter().filter_map(place).collect();
    contrast::faint(window, picture, &covered)
}

/// The next window is as if it were the first.
fn forget_preferences() {
    let settings = gio::Settings::new(APPLICATION_ID);
    let keys = settings.settings_schema().map(|schema| schema.list_keys());
    for key in keys.unwrap_or_default() {
        settings.reset(&key);
    }
}

/// How often the window was drawn.
fn frames(window: &gtk::Window) -> i64 {
    window
        .frame_clock()
        .map_or(0, |clock| clock.frame_counter())
}

/// With the menus and the like that are open in front of it; `None` while nothing of the window is drawn.
fn picture(window: &gtk::Window) -> Option<gdk::Texture> {
    let snapshot = gtk::Snapshot::new();
    paint(&snapshot, window.upcast_ref());
    let mut popovers = Vec::new();
    find_popovers(window.upcast_ref(), &mut popovers);
    for popover in popovers {
        if let Some(place) = place(&popover) {
            snapshot.save();
            snapshot.translate(&place.top_left());
            paint(&snapshot, popover.upcast_ref());
            snapshot.restore();
        }
    }
    let node = snapshot.to_node()?;
    let renderer = window.renderer()?;
    Some(renderer.render_texture(&node, None))
}

fn paint(snapshot: &gtk::Snapshot, widget: &gtk::Widget) {
    let paintable = gtk::WidgetPaintable::new(Some(widget));
    let (width, height) = (paintable.intrinsic_width(), paintable.intrinsic_height());
    paintable.snapshot(snapshot, f64::from(width), f64::from(height));
}

/// The part of its window that is behind it.
fn place(popover: &gtk::Popover) -> Option<graphene::Rect> {
    let popup = popover.surface().and_downcast::<gdk::Popup>()?;
    let (x, y) = (popup.position_x(), popup.position_y());
    #[expect(clippy::cast_precision_loss, reason = "a few thousand pixels")]
    let [x, y, width, height] = [x, y, popup.width(), popup.height()].map(|pixels| pixels as f32);
    Some(graphene::Rect::new(x, y, width, height))
}

/// Those in front of a widget that are open.
fn find_popovers(widget: &gtk::Widget, found: &mut Vec<gtk::Popover>) {
    let mut child = widget.first_child();
    while let Some(widget) = child {
        match widget.downcast_ref::<gtk::Popover>() {
            Some(popover) if popover.is_mapped() => found.push(popover.clone()),
            Some(_) => {}
            None => find_popovers(&widget, found),
        }
        child = widget.next_sibling();
    }
}
