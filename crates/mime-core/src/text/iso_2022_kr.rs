//! ISO-2022-KR (RFC 1557): KS X 1001 between SO and SI, seven bits each; made EUC-KR, which is the
//! same with the eighth bit set.

const SHIFT_OUT: u8 = 0x0e;
const SHIFT_IN: u8 = 0x0f;
const DESIGNATOR: &[u8] = b"\x1b$)C";

/// Turns octets into EUC-KR by pieces. The designator is passed over wherever it stands, and SO
/// works without it, because texts without one exist.
#[derive(Debug, Default)]
pub(super) struct ToEucKr {
    shifted: bool,
    /// How much of the designator the last octets were.
    escape: usize,
}

impl ToEucKr {
    pub(super) fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        for octet in octets {
            if DESIGNATOR.get(self.escape) == Some(octet) {
                self.escape = self.escape.saturating_add(1);
                if self.escape == DESIGNATOR.len() {
                    self.escape = 0;
                }
                continue;
            }
            // It was no designator: what was passed over is text.
            for passed in DESIGNATOR.get(..std::mem::take(&mut self.escape)).unwrap_or_default() {
                self.octet(*passed, out);
            }
            if *octet == 0x1b {
                self.escape = 1;
            } else {
                self.octet(*octet, out);
            }
        }
    }

    fn octet(&mut self, octet: u8, out: &mut Vec<u8>) {
        match octet {
            SHIFT_OUT => self.shifted = true,
            SHIFT_IN => self.shifted = false,
            // RFC 1557: each line begins in ASCII.
            b'\n' => {
                self.shifted = false;
                out.push(octet);
            }
            0x21..=0x7e if self.shifted => out.push(octet | 0x80),
            _ => out.push(octet),
        }
    }
}
