//! Bare line ends made whole.

/// Makes CRLF of each CR and each LF that stands alone, for content that came with
/// [`super::Tolerance::BareLineEnds`]. Cut anywhere.
///
/// What results has no dot that ends it early: content is encoded anew for each next hop.
#[derive(Debug, Clone, Default)]
pub struct LineEnds {
    after_cr: bool,
}

impl LineEnds {
    /// Appends a piece of content, repaired.
    pub fn repair(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) {
                out.extend_from_slice(b"\r\n");
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
                continue;
            }
            let place = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            let (plain, behind) = rest.split_at(place);
            out.extend_from_slice(plain);
            rest = behind;
            if let Some(rest_behind) = rest.strip_prefix(b"\r") {
                self.after_cr = true;
                rest = rest_behind;
            } else if let Some(rest_behind) = rest.strip_prefix(b"\n") {
                out.extend_from_slice(b"\r\n");
                rest = rest_behind;
            }
        }
    }

    /// The content has ended.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.after_cr {
            out.extend_from_slice(b"\r\n");
        }
    }
}
