//! Rules as they come over the bus: whatever their texts are, a rule is refused or made of parts that
//! name themselves in the same way again.
//!
//! Input: texts with a zero byte after each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_dbus::{Checked, Rule, RuleSpec};
use portreeve_fuzz::input::Input;
use portreeve_policy::{Lifespan, Origin, Rule as PolicyRule, RuleId};

/// Texts that are there at all.
fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let spec = RuleSpec {
        list: None,
        operations: input.text().split(' ').map(str::to_owned).collect(),
        action: input.text(),
        program: input.text(),
        called: some(input.text()),
        protocol: some(input.text()),
        host: some(input.text()),
        domain: some(input.text()),
        network: some(input.text()),
        ports: some(input.text()),
        errno: some(input.text()).and_then(|word| word.parse().ok()),
        place: some(input.text()),
        lifespan: some(input.text()),
        enabled: some(input.text()).map(|word| word == "yes"),
        note: some(input.text()),
        started_by: some(input.text()),
        and_what_it_starts: some(input.text()).map(|word| word == "yes"),
        only_in: some(input.text()),
        only_in_name: some(input.text()),
    };
    let Ok(checked) = spec.check() else { return };
    let rule = Rule::from(&rule(checked.clone()));
    let again = RuleSpec {
        lifespan: Some(checked.lifespan.to_string()),
        ..rule.spec(0).expect("a rule for a program, for ever")
    };
    assert_eq!(again.check().ok(), Some(checked));
});

fn rule(checked: Checked) -> PolicyRule {
    PolicyRule {
        id: RuleId(1),
        uid: Some(1000),
        subject: checked.subject,
        operations: checked.operations,
        object: checked.object,
        action: checked.action,
        lifespan: Lifespan::Always,
        enabled: checked.enabled,
        origin: Origin::Window,
        created: 0,
        note: checked.note,
        network: checked.network,
    }
}
