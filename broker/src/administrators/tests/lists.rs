//! Lists that rules name: read anew when they change, and a slip in one opens nothing.

use super::*;

impl Place {
    fn list(&self, name: &str, text: &str) -> PathBuf {
        let directory = self.dir.path().join("lists");
        fs::create_dir_all(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let path = directory.join(name);
        // Another file, as editors write.
        fs::remove_file(&path).ok();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// How many entries the list of each rule has, and what is wrong.
    fn entries(&mut self) -> (Vec<usize>, String) {
        let (rules, problems) = self.rules.read();
        let entries = rules.iter().map(|rule| match &rule.object.destination {
            Destination::List(list) => list.list().unwrap().len(),
            other => panic!("{other:?}"),
        });
        (entries.collect(), in_words(&problems).unwrap_or_default())
    }
}

fn against(list: &Path) -> String {
    let list = list.display();
    format!(
        "[[rule]]\nprogram = \"any\"\noperations = [\"connect\"]\nlist = \"{list}\"\naction = \"deny\"\n"
    )
}

#[test]
fn a_list_is_read_anew_when_it_has_changed_and_stays_if_it_is_wrong() {
    let mut place = Place::new();
    let list = place.list("ads.txt", "a.test\n");
    place.write("10.toml", &against(&list).repeat(2));
    assert_eq!(place.entries(), (vec![1, 1], String::new()));
    // The same one, for both.
    let (rules, _) = place.rules.read();
    let [one, other] = &rules[..] else { panic!() };
    assert_eq!(one.object, other.object);
    place.list("ads.txt", "a.test\nb.test\n");
    assert_eq!(place.entries(), (vec![2, 2], String::new()));
    place.list("ads.txt", "a.test\nb.test\nc..test\n");
    let (entries, problems) = place.entries();
    assert_eq!(entries, [2, 2]);
    assert!(
        problems.contains("ads.txt:3: expected a name"),
        "{problems}"
    );
    fs::remove_file(&list).unwrap();
    let (entries, problems) = place.entries();
    assert!(
        entries == [2, 2] && problems.contains("ads.txt"),
        "{problems}"
    );
    // A slip in the rules keeps no list as it was.
    place.write("10.toml", "[[rule]");
    place.list("ads.txt", "a.test\nb.test\nc.test\n");
    let (entries, problems) = place.entries();
    assert_eq!(entries, [3, 3]);
    assert!(problems.contains("10.toml:1"), "{problems}");
}

#[test]
fn a_list_is_roots_and_where_lists_are() {
    let mut place = Place::new();
    let list = place.list("ads.txt", "a.test\n");
    for other in [
        Path::new("/etc/passwd"),
        Path::new("ads.txt"),
        &place.dir.path().join("lists/../rules.d/10.toml"),
    ] {
        place.write("10.toml", &against(other));
        let (entries, problems) = place.entries();
        assert!(entries.is_empty());
        assert!(
            problems.contains("10.toml:1: cannot use list"),
            "{problems}"
        );
    }
    place.write("10.toml", &against(&list));
    fs::set_permissions(&list, fs::Permissions::from_mode(0o666)).unwrap();
    let (entries, problems) = place.entries();
    assert!(
        entries.is_empty() && problems.contains("cannot trust"),
        "{problems}"
    );
    fs::set_permissions(&list, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(place.entries().0, [1]);
}
