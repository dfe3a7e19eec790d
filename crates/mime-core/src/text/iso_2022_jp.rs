//! ISO-2022-JP (RFC 1468) with escapes that follow each other, as where encoded words or lines were
//! put together. They mean what the last one says; encoding_rs, made for the web, sees a fault.

const ESCAPE: u8 = 0x1b;

/// Leaves out escapes behind which nothing stands but another.
#[derive(Debug, Default)]
pub(super) struct LastEscape {
    /// A whole escape that waits for what follows it.
    held: Vec<u8>,
    /// The beginning of one.
    open: Vec<u8>,
}

impl LastEscape {
    pub(super) fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        for octet in octets {
            if self.open.is_empty() && *octet != ESCAPE {
                out.append(&mut self.held);
                out.push(*octet);
                continue;
            }
            self.open.push(*octet);
            match self.open.as_slice() {
                [ESCAPE] | [ESCAPE, b'(' | b'$'] => {}
                [ESCAPE, b'(', b'B' | b'I' | b'J'] | [ESCAPE, b'$', b'@' | b'B'] => {
                    self.held.clear();
                    self.held.append(&mut self.open);
                }
                // It was none, and this may be the beginning of one.
                [.., ESCAPE] => {
                    self.open.pop();
                    self.finish(out);
                    self.open.push(ESCAPE);
                }
                _ => self.finish(out),
            }
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        out.append(&mut self.open);
    }
}
