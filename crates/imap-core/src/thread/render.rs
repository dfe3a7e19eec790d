//! `thread-list` (RFC 5256 §5).

use super::Threads;
use crate::response::number;

/// What is still to be written.
enum Rest {
    Open(usize),
    Close,
}

impl Threads {
    /// The threads, in their order.
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Appends a thread.
    pub fn render(&self, out: &mut Vec<u8>, thread: usize) {
        let mut rest: Vec<Rest> =
            self.roots.get(thread).map(|root| Rest::Open(*root)).into_iter().collect();
        while let Some(next) = rest.pop() {
            match next {
                Rest::Close => out.push(b')'),
                Rest::Open(node) => self.open(out, node, &mut rest),
            }
        }
    }

    /// A message, and those below it as long as there is one only; several are lists of their own.
    fn open(&self, out: &mut Vec<u8>, node: usize, rest: &mut Vec<Rest>) {
        out.push(b'(');
        let mut at = node;
        while let Some(node) = self.nodes.get(at) {
            if let Some(message) = node.number {
                number(out, message.into());
                if !node.children.is_empty() {
                    out.push(b' ');
                }
            }
            match node.children.as_slice() {
                [only] => at = *only,
                several => {
                    rest.push(Rest::Close);
                    rest.extend(several.iter().rev().map(|child| Rest::Open(*child)));
                    return;
                }
            }
        }
    }
}
