//! Programs that have another path to OpenSnitch, or none that is known here.

use super::*;

#[test]
fn what_denies_a_path_may_be_about_an_application_or_a_script() {
    let https = || condition("simple", "dest.port", "443");
    let expression = condition("regexp", "process.path", "^/snap/firefox/.*");
    for app in ["snap:firefox", SCRIPT] {
        for whose in [path("/snap/firefox/1/firefox"), expression.clone()] {
            let allow = rule("allow", "allow", &[https()]);
            let deny = rule("deny", "deny", &[whose, https()]);
            let imported = read_for(&[allow.clone(), deny.clone()], Some(app));
            let allows = |rule: &&Incoming| rule.spec.program == app;
            let off = imported.rules.iter().find(allows).unwrap().off.as_deref();
            assert!(off.unwrap().contains("“deny” may have denied"), "{off:?}");
            assert_eq!(imported.rules.iter().filter(allows).count(), 1);
            // One whose path is known it is not about, nor does it count if it is off.
            let other = read_for(&[allow.clone(), deny.clone()], Some("/usr/bin/curl"));
            assert!(other.rules.iter().all(|it| it.off.is_none()), "{other:?}");
            let mut deny = deny;
            deny["enabled"] = json!(false);
            let imported = read_for(&[allow, deny], Some(app));
            assert_eq!(imported.rules.iter().find(allows).unwrap().off, None);
        }
    }
}

/// To OpenSnitch paths are the same in upper and lower case, unless it is told otherwise.
#[test]
fn what_denies_a_path_in_other_case_counts_though_it_is_refused() {
    let allow = rule("a", "allow", &[path("/bin/A")]);
    let mut unknown = rule("b", "made-up", &[path("/bin/a")]);
    let imported = read(&[allow.clone(), unknown.clone()]);
    assert!(
        off(&imported).contains("“b” may have denied"),
        "{imported:?}"
    );
    unknown["operator"]["list"][0]["sensitive"] = json!(true);
    assert_eq!(about(&read(&[allow, unknown])), ["anywhere"]);
}
