//! UTF-7 (RFC 2152): UTF-16 in base64 between `+` and `-`.

/// Decodes by pieces; what is no UTF-16 becomes U+FFFD.
#[derive(Debug, Default)]
pub(super) struct Utf7 {
    shifted: bool,
    /// Nothing was read since the `+`.
    empty: bool,
    bits: u32,
    count: u32,
    high: Option<u16>,
}

impl Utf7 {
    pub(super) fn push(&mut self, octets: &[u8], out: &mut String) {
        for octet in octets {
            if !self.shifted {
                if *octet == b'+' {
                    *self = Self { shifted: true, empty: true, ..Self::default() };
                } else {
                    out.push(if octet.is_ascii() { char::from(*octet) } else { '\u{fffd}' });
                }
                continue;
            }
            if let Some(six) = six_bits(*octet) {
                self.empty = false;
                self.six(six, out);
                continue;
            }
            if self.empty && *octet == b'-' {
                out.push('+');
            }
            self.end_shift(out);
            if *octet != b'-' {
                out.push(if octet.is_ascii() { char::from(*octet) } else { '\u{fffd}' });
            }
        }
    }

    pub(super) fn finish(mut self, out: &mut String) {
        self.end_shift(out);
    }

    fn six(&mut self, six: u32, out: &mut String) {
        self.bits = (self.bits << 6 | six) & 0x003f_ffff;
        self.count = self.count.saturating_add(6);
        if self.count >= 16 {
            self.count = self.count.saturating_sub(16);
            let unit = u16::try_from(self.bits >> self.count & 0xffff).unwrap_or(0xfffd);
            self.unit(unit, out);
        }
    }

    fn unit(&mut self, unit: u16, out: &mut String) {
        let units = [self.high.take(), Some(unit)];
        if (0xd800..0xdc00).contains(&unit) {
            if units.first() != Some(&None) {
                out.push('\u{fffd}');
            }
            self.high = Some(unit);
            return;
        }
        let decoded = char::decode_utf16(units.into_iter().flatten());
        out.extend(decoded.map(|c| c.unwrap_or('\u{fffd}')));
    }

    fn end_shift(&mut self, out: &mut String) {
        if self.high.take().is_some() {
            out.push('\u{fffd}');
        }
        *self = Self::default();
    }
}

fn six_bits(octet: u8) -> Option<u32> {
    let value = match octet {
        b'A'..=b'Z' => octet.wrapping_sub(b'A'),
        b'a'..=b'z' => octet.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => octet.wrapping_sub(b'0').wrapping_add(52),
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}
