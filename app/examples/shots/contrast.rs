//! Finds text that is hard to tell from its ground, in the pictures themselves.

use std::collections::HashMap;

use adw::prelude::*;
use gtk::{gdk, graphene};

/// The least contrast of text where people want much of it, as WCAG 2 has it (1.4.3).
const HIGH: f64 = 4.5;
/// The same else, and always on an accent: what libadwaita dims has 3.2, of which smoothing takes a little.
const USUAL: f64 = 2.9;
/// What lies on an accent.
const ACCENTED: [&str; 2] = ["suggested-action", "destructive-action"];
/// Bytes of a pixel.
const PIXEL: usize = 4;

/// A colour without transparency.
type Colour = [u8; 3];

/// A picture's pixels.
struct Pixels {
    bytes: Vec<u8>,
    width: usize,
    height: usize,
}

/// What is written in a window in colours that are too much alike, one line each. What is in menus and the like is left
/// out, or behind them (`covered`), or cannot be used now; and so are heads of tables, whose colour is libadwaita's.
pub(crate) fn faint(
    window: &gtk::Window,
    picture: &gdk::Texture,
    covered: &[graphene::Rect],
) -> Vec<String> {
    let pixels = Pixels::of(picture);
    let mut labels = Vec::new();
    find_labels(window.upcast_ref(), &mut labels);
    let faint = labels.into_iter().filter_map(|label| {
        let bounds = label.compute_bounds(window)?;
        let is_covered = covered.iter().any(|it| it.intersection(&bounds).is_some());
        if is_covered || !is_in_front(window, &label, &bounds) {
            return None;
        }
        let contrast = pixels.contrast(&bounds)?;
        (contrast < least(&label)).then(|| format!("{contrast:.2}:1 “{}”", label.text()))
    });
    faint.collect()
}

fn least(label: &gtk::Label) -> f64 {
    let button = label.ancestor(gtk::Button::static_type());
    let is_accented =
        button.is_some_and(|button| ACCENTED.iter().any(|class| button.has_css_class(class)));
    if adw::StyleManager::default().is_high_contrast() && !is_accented {
        HIGH
    } else {
        USUAL
    }
}

fn find_labels(widget: &gtk::Widget, found: &mut Vec<gtk::Label>) {
    let mut child = widget.first_child();
    while let Some(widget) = child {
        child = widget.next_sibling();
        let is_head = widget.css_name() == "header"
            && widget.parent().is_some_and(|it| it.is::<gtk::ColumnView>());
        if !widget.is_mapped() || !widget.is_sensitive() || widget.is::<gtk::Popover>() || is_head {
            continue;
        }
        match widget.downcast_ref::<gtk::Label>() {
            Some(label) if !label.text().trim().is_empty() => found.push(label.clone()),
            Some(_) => {}
            None => find_labels(&widget, found),
        }
    }
}

/// Whether nothing is in front of it, and no scrolled window has it out of sight.
fn is_in_front(window: &gtk::Window, label: &gtk::Label, bounds: &graphene::Rect) -> bool {
    let every = gtk::PickFlags::INSENSITIVE | gtk::PickFlags::NON_TARGETABLE;
    [bounds.top_left(), bounds.center(), bounds.bottom_right()]
        .into_iter()
        .zip([1.0, 0.0, -1.0])
        .all(|(point, inwards)| {
            let (x, y) = (point.x() + inwards, point.y() + inwards);
            let picked = window.pick(f64::from(x), f64::from(y), every);
            picked.is_some_and(|picked| &picked == label)
        })
}

impl Pixels {
    fn of(picture: &gdk::Texture) -> Self {
        let mut downloader = gdk::TextureDownloader::new(picture);
        downloader.set_format(gdk::MemoryFormat::R8g8b8a8);
        let (bytes, stride) = downloader.download_bytes();
        let size = |pixels: i32| usize::try_from(pixels).unwrap_or_default();
        let (width, height) = (size(picture.width()), size(picture.height()));
        let rows = bytes.chunks(stride).take(height);
        Self {
            bytes: rows
                .flat_map(|row| &row[..width * PIXEL])
                .copied()
                .collect(),
            width,
            height,
        }
    }

    /// How far what is most unlike the ground of a part of the picture differs from it: the ground is what there is most
    /// of. `None` if the part has no pixels.
    fn contrast(&self, part: &graphene::Rect) -> Option<f64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "pixels of a window"
        )]
        let [left, top, right, bottom] = [
            part.x(),
            part.y(),
            part.x() + part.width(),
            part.y() + part.height(),
        ]
        .map(|place| place.max(0.0) as usize);
        let mut often = HashMap::<Colour, usize>::new();
        for y in top..bottom.min(self.height) {
            for x in left..right.min(self.width) {
                let at = (y * self.width + x) * PIXEL;
                let [red, green, blue, _] = self.bytes[at..at + PIXEL] else {
                    continue;
                };
                *often.entry([red, green, blue]).or_default() += 1;
            }
        }
        let ground = often.iter().max_by_key(|(_, count)| **count)?.0;
        let ground = luminance(*ground);
        let contrasts = often.keys().map(|colour| {
            let other = luminance(*colour);
            (ground.max(other) + 0.05) / (ground.min(other) + 0.05)
        });
        contrasts.reduce(f64::max)
    }
}

/// Relative luminance, by WCAG 2's definition.
fn luminance(colour: Colour) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}
