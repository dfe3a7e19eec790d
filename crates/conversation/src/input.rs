//! The buffer of received bytes.

/// Received bytes that have not been taken yet: filled behind, consumed in front.
#[derive(Debug, Default)]
pub struct Input {
    buffer: Vec<u8>,
    start: usize,
}

impl Input {
    /// What is there.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// What is there, to decode in place; the decoded part is then [consumed](Input::consume).
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.start..).unwrap_or_default()
    }

    /// How much is there.
    pub fn len(&self) -> usize {
        self.buffer.len().saturating_sub(self.start)
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes `count` bytes away in front; at most what is there.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.buffer.len());
        if self.start == self.buffer.len() {
            self.clear();
        }
    }

    /// Adds bytes behind.
    pub fn fill(&mut self, bytes: &[u8]) {
        // Moves the rest to the front when the dead part is the larger: each byte moves once.
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes all away, keeping the memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.start = 0;
    }

    /// How much memory the buffer holds.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_behind_and_empties_in_front() {
        let mut input = Input::default();
        input.fill(b"abc");
        input.consume(1);
        assert_eq!(input.bytes(), b"bc");
        input.consume(1);
        input.fill(b"de");
        assert_eq!(input.bytes(), b"cde");
        input.consume(99);
        assert!(input.is_empty());
    }
}
