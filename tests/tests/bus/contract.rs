//! The contract as written down in `dbus/interfaces/` is what is served.
//!
//! With `UPDATE_GOLDEN=1` the files are written anew; their comments stay with what they precede.

use std::{collections::HashMap, env, fs, path::PathBuf};

use portreeve_dbus::BROKER_PATH;
use zbus::{Connection, fdo::IntrospectableProxy};

use crate::{
    broker::Broker,
    stage::{As, on_a_bus},
};

const DOCTYPE: &str = r#"<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">"#;

fn golden(interface: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../dbus/interfaces")
        .join(format!("{interface}.xml"))
}

/// Compares an interface that `connection` serves at `path` with the file of its name.
pub(crate) async fn same_as_golden(connection: &Connection, path: &str, interface: &str) {
    let client = Connection::system().await.unwrap();
    let introspectable = IntrospectableProxy::builder(&client)
        .destination(connection.unique_name().unwrap().to_owned())
        .path(path)
        .build()
        .await
        .unwrap();
    let served = only(&introspectable.introspect().await.unwrap(), interface);
    let file = golden(interface);
    let written = fs::read_to_string(&file).unwrap_or_default();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, renewed(&written, &served)).unwrap();
        return;
    }
    assert_eq!(
        only(&written, interface),
        served,
        "{} is not what is served; `UPDATE_GOLDEN=1 cargo test -p portreeve-tests --features surroundings --test bus` \
         writes it anew",
        file.display()
    );
}

/// The elements of one interface, one a line, without comments and indentation.
fn only(xml: &str, interface: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let start = format!("<interface name=\"{interface}\">");
    for (_, line) in lines_with_comments(xml) {
        if line == start || !lines.is_empty() {
            let is_end = line == "</interface>";
            lines.push(line);
            if is_end {
                break;
            }
        }
    }
    lines
}

/// Each line of XML outside of comments, trimmed, and the comment that precedes it.
fn lines_with_comments(xml: &str) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut comment = String::new();
    let mut inside = false;
    for line in xml.lines() {
        inside |= line.trim_start().starts_with("<!--");
        if inside {
            comment.push_str(line);
            comment.push('\n');
            inside = !line.trim_end().ends_with("-->");
        } else if !line.trim().is_empty() {
            lines.push((std::mem::take(&mut comment), line.trim().to_owned()));
        }
    }
    lines
}

/// The text of a file for `served`, with the comments of the old one.
fn renewed(written: &str, served: &[String]) -> String {
    // The arguments of methods may have the same names: what they belong to tells them apart.
    let mut comments = HashMap::new();
    let mut owner = String::new();
    for (comment, line) in lines_with_comments(written) {
        if !line.starts_with("<arg") {
            owner.clone_from(&line);
        }
        if !comment.is_empty() {
            comments.insert((owner.clone(), line), comment);
        }
    }
    let mut text = String::new();
    owner.clear();
    let head = DOCTYPE.lines().map(|line| (0, line.trim().to_owned()));
    let mut level = 1;
    let body = served.iter().map(|line| {
        level -= usize::from(line.starts_with("</"));
        let this = level;
        let opens = !line.starts_with("</") && !line.ends_with("/>");
        level += usize::from(opens);
        (this, line.clone())
    });
    let node = |line: &str| [(0, line.to_owned())];
    for (level, line) in head
        .chain(node("<node>"))
        .chain(body)
        .chain(node("</node>"))
    {
        if !line.starts_with("<arg") {
            owner.clone_from(&line);
        }
        if let Some(comment) = comments.get(&(owner.clone(), line.clone())) {
            text.push_str(comment);
        }
        let indent = if line.starts_with('"') { 1 } else { 2 * level };
        text.push_str(&" ".repeat(indent));
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[test]
fn what_the_broker_serves_is_written_down() {
    let name = "contract::what_the_broker_serves_is_written_down";
    on_a_bus(name, As::Anyone, async {
        let broker = Broker::start().await;
        for interface in [
            "Broker1",
            "Prompts1",
            "Rules1",
            "Lists1",
            "Modes1",
            "Activity1",
        ] {
            let interface = format!("io.github.portreeve.{interface}");
            same_as_golden(broker.connection(), BROKER_PATH, &interface).await;
        }
    });
}

#[test]
fn comments_stay_where_they_belong() {
    let written = "<!-- Head -->\n<node>\n  <interface name=\"a\">\n    <!-- Of\n  m -->\n    \
                   <method name=\"m\">\n      <!-- Of u -->\n      <arg name=\"u\"/>\n    </method>\n  \
                   </interface>\n</node>\n";
    assert_eq!(
        only(written, "a"),
        [
            "<interface name=\"a\">",
            "<method name=\"m\">",
            "<arg name=\"u\"/>",
            "</method>",
            "</interface>"
        ]
    );
    let mut served = only(written, "a");
    served.insert(1, "<signal name=\"s\">".into());
    served.insert(2, "<arg name=\"u\"/>".into());
    served.insert(3, "</signal>".into());
    let text = renewed(written, &served);
    assert!(text.contains("<!-- Head -->\n<node>\n"), "{text}");
    assert!(
        text.contains("    <!-- Of\n  m -->\n    <method name=\"m\">\n"),
        "{text}"
    );
    assert_eq!(text.matches("<!-- Of u -->").count(), 1, "{text}");
    assert_eq!(only(&text, "a"), served);
}
