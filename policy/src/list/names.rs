//! Many names in little room.
//!
//! Each is written backwards, with a NUL for each dot, so that sorting brings together what is below a domain.

/// A name as it is compared.
pub(super) fn key(name: &str) -> Vec<u8> {
    let dots_first = |byte| if byte == b'.' { 0 } else { byte };
    name.bytes().rev().map(dots_first).collect()
}

/// Whether the key is that of the domain or of something below it.
fn is_within(key: &[u8], domain: &[u8]) -> bool {
    key.strip_prefix(domain)
        .is_some_and(|rest| rest.first().is_none_or(|byte| *byte == 0))
}

/// Names, sorted, each once.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Names {
    /// Their keys, one after the other.
    text: Box<[u8]>,
    /// Where each of them ends.
    ends: Box<[u32]>,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        let end = usize::try_from(*self.ends.get(at)?).ok()?;
        let before = at.checked_sub(1).and_then(|at| self.ends.get(at)).copied();
        let start = usize::try_from(before.unwrap_or_default()).ok()?;
        self.text.get(start..end)
    }

    /// How many are not after the key.
    fn up_to(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle).is_some_and(|found| found <= key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The last one that is not after the key.
    fn last_up_to(&self, key: &[u8]) -> Option<&[u8]> {
        self.get(self.up_to(key).checked_sub(1)?)
    }

    /// Whether any is below the key: what comes right after it is, if any is.
    pub(super) fn has_below(&self, key: &[u8]) -> bool {
        self.get(self.up_to(key))
            .is_some_and(|found| is_within(found, key))
    }

    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.last_up_to(key).is_some_and(|found| found == key)
    }

    /// Whether the key is that of one of these domains, or below one. As none of them is below another, whatever is
    /// between a domain and a name below it is below it too: so if there is one, it is the last up to the name.
    pub(super) fn has_what_it_is_within(&self, key: &[u8]) -> bool {
        self.last_up_to(key)
            .is_some_and(|found| is_within(key, found))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = String> {
        (0..self.len()).filter_map(|at| {
            let key = self.get(at)?.iter().rev();
            Some(
                key.map(|byte| char::from(if *byte == 0 { b'.' } else { *byte }))
                    .collect(),
            )
        })
    }

    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.text) + size_of_val(&*self.ends)
    }
}

/// Names as they come.
#[derive(Default)]
pub(super) struct Pool {
    text: Vec<u8>,
    spans: Vec<(u32, u32)>,
}

impl Pool {
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn push(&mut self, name: &str) {
        let start = self.text.len();
        self.text.extend(key(name));
        // Names of 253 bytes at most, of which there are not so many: it fits.
        let span = (u32::try_from(start), u32::try_from(self.text.len()));
        if let (Ok(start), Ok(end)) = span {
            self.spans.push((start, end));
        }
    }

    fn get(&self, (start, end): (u32, u32)) -> &[u8] {
        self.text
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// Those that are let in, after what was let in last, in order.
    fn sorted(mut self, is_let_in: impl Fn(&[u8], Option<&[u8]>) -> bool) -> Names {
        let mut spans = std::mem::take(&mut self.spans);
        spans.sort_unstable_by(|one, other| self.get(*one).cmp(self.get(*other)));
        let mut last = None;
        spans.retain(|span| {
            let kept = is_let_in(self.get(*span), last.map(|last| self.get(last)));
            if kept {
                last = Some(*span);
            }
            kept
        });
        let length = spans.iter().map(|(start, end)| (end - start) as usize);
        let mut text = Vec::with_capacity(length.sum());
        let mut ends = Vec::with_capacity(spans.len());
        for span in spans {
            text.extend_from_slice(self.get(span));
            ends.extend(u32::try_from(text.len()));
        }
        Names {
            text: text.into(),
            ends: ends.into(),
        }
    }

    /// Those that are not below others.
    pub(super) fn uncovered(self) -> Names {
        self.sorted(|key, last| !last.is_some_and(|last| is_within(key, last)))
    }

    /// Those that are not within these domains.
    pub(super) fn apart_from(self, domains: &Names) -> Names {
        self.sorted(|key, last| last != Some(key) && !domains.has_what_it_is_within(key))
    }
}
