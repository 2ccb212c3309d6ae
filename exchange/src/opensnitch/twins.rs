//! Rules for hosts that are for one family of addresses: two that differ in nothing else make one.
//!
//! OpenSnitch's “tcp” is TCP over IPv4, and “tcp6” that over IPv6. A protocol of ours is for both, and a host may
//! have addresses of both.

use std::collections::HashMap;

use super::{Halved, conditions::Family};
use crate::draft::Draft;

/// Joins those that belong together, and says of all others what becomes of them.
pub(super) fn join(halves: Vec<Halved>, warnings: &mut Vec<String>) -> Vec<Draft> {
    let mut whole: Vec<Halved> = Vec::new();
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for half in halves {
        if half.family.is_some() {
            let same = places.entry(sameness(&half.draft)).or_default();
            let twin = same.iter().copied().find(|place| {
                let family = whole.get(*place).and_then(|twin| twin.family);
                family.is_some() && family != half.family
            });
            if let Some(twin) = twin.and_then(|place| whole.get_mut(place)) {
                twin.family = None;
                merge(&mut twin.draft, half.draft);
                continue;
            }
            same.push(whole.len());
        }
        whole.push(half);
    }
    whole
        .into_iter()
        .map(|half| alone(half, warnings))
        .collect()
}

/// What two rules have in common that may be twins, in words.
fn sameness(draft: &Draft) -> String {
    let Draft {
        action,
        in_force,
        first,
        who,
        any_case,
        operation,
        patterns,
        lost,
        refusal,
        ..
    } = draft;
    let whose = format!("{who:?} {any_case} {operation:?}");
    format!("{action:?} {in_force} {first} {whose} {patterns:?} {lost:?} {refusal:?}")
}

/// Makes one of two, which has the place of the one that has less to say.
fn merge(draft: &mut Draft, other: Draft) {
    let later = draft.name < other.name;
    draft.source = format!("{}” and “{}", draft.source, other.source);
    if later != draft.denies() {
        draft.name = other.name;
    }
    if draft.said.is_empty() {
        draft.said = other.said;
    }
}

fn alone(half: Halved, warnings: &mut Vec<String>) -> Draft {
    let Halved { mut draft, family } = half;
    let (own, other) = match family {
        Some(Family::V4) => ("IPv4", "IPv6"),
        Some(Family::V6) => ("IPv6", "IPv4"),
        None => return draft,
    };
    if draft.denies() {
        warnings.push(format!(
            "“{}” denies {own} only, and here {other} as well, because its host may have addresses of both",
            draft.source
        ));
    } else {
        draft.lost.push(format!(
            "it allows {own} only, and a rule for a host is for {other} as well"
        ));
    }
    draft
}
