//! From the wire to content.

/// Takes dots away and watches over line ends.
#[derive(Debug, Clone)]
pub struct Decoder {
    place: Place,
    dotted: bool,
    tolerance: Tolerance,
    fault: Option<ContentFault>,
}

/// What is no fault of content. The end is the same with all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tolerance {
    /// Every CR stands before an LF, every LF behind a CR, and there is no NUL.
    #[default]
    None,
    /// A CR or LF may stand alone, but not behind a lone dot, where it plays the end:
    /// [`super::LineEnds`] makes CRLF of it.
    BareLineEnds,
    /// Any octet may stand anywhere (BINARYMIME, RFC 3030 §3).
    Everything,
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
        let tolerance = Tolerance::None;
        Self { place: Place::LineStart, dotted: true, tolerance, fault: None }
    }

    /// For content whose octets are counted (BDAT, RFC 3030 §2): a dot is like any byte.
    pub fn counted() -> Self {
        Self { dotted: false, ..Self::dotted() }
    }

    /// The same with another idea of what is a fault.
    pub fn tolerating(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
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
        let dangling = self.place == Place::Cr && self.tolerance == Tolerance::None;
        self.fault.or(dangling.then_some(ContentFault::BareCr))
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
            // A dot on a line of its own that ends otherwise: nobody honest means either.
            (Place::DotCr, b'\r') => self.always(ContentFault::BareCr, Place::Cr),
            (Place::DotCr, _) => self.always(ContentFault::BareCr, Place::InLine),
            (Place::Dot, b'\n') => self.always(ContentFault::BareLf, Place::InLine),
            (Place::Cr, b'\r') => {
                self.blame(ContentFault::BareCr);
                (Place::Cr, Fate::Keep)
            }
            (Place::Cr, _) => {
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

    /// A fault whatever is tolerated.
    fn always(&mut self, fault: ContentFault, next: Place) -> (Place, Fate) {
        self.fault.get_or_insert(fault);
        (next, Fate::Keep)
    }

    fn blame(&mut self, fault: ContentFault) {
        let tolerated = match self.tolerance {
            Tolerance::None => false,
            Tolerance::BareLineEnds => fault != ContentFault::Nul,
            Tolerance::Everything => true,
        };
        if !tolerated {
            self.fault.get_or_insert(fault);
        }
    }
}
