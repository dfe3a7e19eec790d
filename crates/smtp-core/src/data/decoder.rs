//! From the wire to content.

/// Takes dots away and watches over line ends.
#[derive(Debug, Clone)]
pub struct Decoder {
    place: Place,
    dotted: bool,
    fault: Option<ContentFault>,
}

/// What the last byte was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    InLine,
    /// A CR in a line.
    Cr,
    /// A dot at the start of a line: it is dropped, whatever follows.
    Dot,
    /// A CR behind that dot.
    DotCr,
}

/// What one call of [`Decoder::decode`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// So many bytes of content now stand at the start of the buffer.
    pub content: usize,
    /// So many bytes of input they were made of.
    pub consumed: usize,
    /// The content has ended; bytes behind `consumed` are the next command.
    pub ended: bool,
}

/// Why content is refused. The first fault counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentFault {
    /// A CR that no LF follows.
    BareCr,
    /// An LF that no CR precedes.
    BareLf,
    /// A NUL.
    Nul,
}

/// What becomes of one byte.
enum Fate {
    Keep,
    Drop,
    End,
}

impl Decoder {
    /// For content that ends with a dot (DATA).
    pub fn dotted() -> Self {
        Self { place: Place::LineStart, dotted: true, fault: None }
    }

    /// For content whose octets are counted (BDAT, RFC 3030 §2): a dot is like any byte.
    pub fn counted() -> Self {
        Self { dotted: false, ..Self::dotted() }
    }

    /// Decodes what is there, in place.
    pub fn decode(&mut self, bytes: &mut [u8]) -> Decoded {
        let (mut read, mut kept) = (0, 0);
        while let Some(byte) = bytes.get(read).copied() {
            let run = self.plain_run(bytes.get(read..).unwrap_or_default());
            if run > 0 {
                if kept < read {
                    bytes.copy_within(read..read + run, kept);
                }
                self.place = Place::InLine;
                read += run;
                kept += run;
                continue;
            }
            read += 1;
            match self.take(byte) {
                Fate::Keep => {
                    if let Some(place) = bytes.get_mut(kept) {
                        *place = byte;
                    }
                    kept += 1;
                }
                Fate::Drop => {}
                Fate::End => return Decoded { content: kept, consumed: read, ended: true },
            }
        }
        Decoded { content: kept, consumed: read, ended: false }
    }

    /// What is wrong with the content so far.
    pub fn fault(&self) -> Option<ContentFault> {
        self.fault
    }

    /// What is wrong with counted content that ends here.
    pub fn fault_at_end(&self) -> Option<ContentFault> {
        let dangling = (self.place == Place::Cr).then_some(ContentFault::BareCr);
        self.fault.or(dangling)
    }

    /// How many bytes at the start mean nothing but themselves.
    fn plain_run(&self, bytes: &[u8]) -> usize {
        let at_dot = self.place == Place::LineStart && self.dotted && bytes.first() == Some(&b'.');
        if at_dot || !matches!(self.place, Place::LineStart | Place::InLine) {
            return 0;
        }
        memchr::memchr3(b'\r', b'\n', 0, bytes).unwrap_or(bytes.len())
    }

    fn take(&mut self, byte: u8) -> Fate {
        let (place, fate) = match (self.place, byte) {
            (Place::LineStart, b'.') if self.dotted => (Place::Dot, Fate::Drop),
            (Place::Dot, b'\r') => (Place::DotCr, Fate::Drop),
            (Place::DotCr, b'\n') => (Place::LineStart, Fate::End),
            (Place::Cr, b'\n') => (Place::LineStart, Fate::Keep),
            (Place::Cr | Place::DotCr, b'\r') => {
                self.blame(ContentFault::BareCr);
                (Place::Cr, Fate::Keep)
            }
            (Place::Cr | Place::DotCr, _) => {
                self.blame(ContentFault::BareCr);
                (Place::InLine, Fate::Keep)
            }
            (_, b'\r') => (Place::Cr, Fate::Keep),
            (_, b'\n') => {
                // No line starts here: a dot that follows ends nothing.
                self.blame(ContentFault::BareLf);
                (Place::InLine, Fate::Keep)
            }
            (_, 0) => {
                self.blame(ContentFault::Nul);
                (Place::InLine, Fate::Keep)
            }
            (_, _) => (Place::InLine, Fate::Keep),
        };
        self.place = place;
        fate
    }

    fn blame(&mut self, fault: ContentFault) {
        self.fault.get_or_insert(fault);
    }
}
