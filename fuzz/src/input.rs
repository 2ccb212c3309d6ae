//! A fuzzer's input, taken piece by piece.

/// What is left of the input. At its end there are zeros, so that each input means something.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of it.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether there is more.
    pub fn has_more(&self) -> bool {
        !self.0.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// As many bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.bytes(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// At most as many bytes.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A text up to a zero byte, or all that is left; bytes that are not UTF-8 are replaced.
    pub fn text(&mut self) -> String {
        let length = self.0.iter().position(|&byte| byte == 0);
        let text = self.bytes(length.unwrap_or(self.0.len()));
        self.bytes(1);
        String::from_utf8_lossy(text).into_owned()
    }
}
