//! Counting: octets, line ends, and what the octets of a body are like.

use crate::body_structure::OctetKinds;

/// RFC 5322 §2.1.1, without the line end.
const LINE_OCTETS_MAX: u64 = 998;

/// A place between two octets, and how many line ends and octets above 127 are before it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) lines: u64,
    eight_bit: u64,
}

impl Place {
    /// Whether base64 is shorter than quoted-printable for what is between here and `end`: 4
    /// characters for 3 octets, and 3 for one above 127. Line ends and `=` weigh little.
    pub(super) fn is_dense_to(self, end: Self) -> bool {
        let escaped = end.eight_bit.saturating_sub(self.eight_bit);
        escaped.saturating_mul(6) > end.at.saturating_sub(self.at)
    }
}

/// Where the input stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measure {
    position: u64,
    lines: u64,
    eight_bit: u64,
    line_start: u64,
    last: Option<u8>,
    /// How many octets the line end before `line_start` has.
    line_end_octets: u64,
}

impl Measure {
    /// Octets taken.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The place.
    pub(super) fn here(&self) -> Place {
        Place { at: self.position, lines: self.lines, eight_bit: self.eight_bit }
    }

    /// Where the line begins in which the input stands.
    pub(super) fn line_start(&self) -> u64 {
        self.line_start
    }

    /// At the start of a line: the place before the line end that was taken last.
    pub(super) fn before_line_end(&self) -> Place {
        Place {
            at: self.position.saturating_sub(self.line_end_octets),
            lines: self.lines.saturating_sub(1),
            eight_bit: self.eight_bit,
        }
    }

    /// Takes one header line, or a piece of one: there is a line end at most at its end.
    pub(super) fn take_line(&mut self, line: &[u8]) -> OctetKinds {
        // Lines are short: one plain loop is quicker than two searches.
        let (mut all, mut nul) = (0_u8, false);
        for octet in line {
            all |= octet;
            nul |= *octet == 0;
        }
        let eight_bit = !all.is_ascii();
        let mut kinds = OctetKinds { eight_bit, nul, ..OctetKinds::default() };
        self.count_eight_bit(line, eight_bit);
        if let Some((b'\n', before)) = line.split_last() {
            self.line_end(line, before.len(), &mut kinds);
        }
        self.end_run(line, &mut kinds);
        kinds
    }

    /// Takes octets and says what they are like.
    pub(super) fn take(&mut self, run: &[u8]) -> OctetKinds {
        let mut kinds = OctetKinds::default();
        memchr::memchr_iter(b'\n', run).for_each(|at| self.line_end(run, at, &mut kinds));
        self.look_at(run, &mut kinds);
        kinds
    }

    /// Takes lines up to the one that begins with `-`, or with the end of `rest`: such a line may
    /// yet follow. Says how much it took.
    pub(super) fn take_to_dash_line(&mut self, rest: &[u8]) -> (usize, OctetKinds) {
        let mut kinds = OctetKinds::default();
        let mut taken = rest.len();
        for at in memchr::memchr_iter(b'\n', rest) {
            self.line_end(rest, at, &mut kinds);
            let behind = at.saturating_add(1);
            if rest.get(behind) == Some(&b'-') {
                taken = behind;
                break;
            }
        }
        self.look_at(rest.get(..taken).unwrap_or(rest), &mut kinds);
        (taken, kinds)
    }

    /// The line ends of the run are taken: takes the rest of what is to be known of it.
    fn look_at(&mut self, run: &[u8], kinds: &mut OctetKinds) {
        kinds.eight_bit = !run.is_ascii();
        kinds.nul = memchr::memchr(0, run).is_some();
        self.count_eight_bit(run, kinds.eight_bit);
        self.end_run(run, kinds);
    }

    fn count_eight_bit(&mut self, run: &[u8], any: bool) {
        if any {
            let above = run.iter().filter(|octet| !octet.is_ascii()).count();
            self.eight_bit = self.eight_bit.saturating_add(octets(above));
        }
    }

    /// The LF at this index of the run, which begins at `position`.
    #[inline]
    fn line_end(&mut self, run: &[u8], at: usize, kinds: &mut OctetKinds) {
        let before = match at.checked_sub(1) {
            Some(before) => run.get(before).copied(),
            None => self.last,
        };
        let crlf = before == Some(b'\r');
        let line_end = self.position.saturating_add(octets(at));
        let length = line_end.saturating_sub(self.line_start).saturating_sub(crlf.into());
        kinds.bare_lf |= !crlf;
        kinds.long_line |= length > LINE_OCTETS_MAX;
        self.line_end_octets = if crlf { 2 } else { 1 };
        self.line_start = line_end.saturating_add(1);
        self.lines = self.lines.saturating_add(1);
    }

    fn end_run(&mut self, run: &[u8], kinds: &mut OctetKinds) {
        self.last = run.last().copied().or(self.last);
        self.position = self.position.saturating_add(octets(run.len()));
        // One octet more than fits may be the CR of a line end to come; then the LF decides.
        let open = self.position.saturating_sub(self.line_start);
        kinds.long_line |= open > LINE_OCTETS_MAX.saturating_add(1);
    }
}

fn octets(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
