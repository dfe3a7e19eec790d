//! The parts that are open, from the message down to where the input stands, and what becomes of
//! them when they end.

use super::{
    Defect, DefectKind, Limits, Structure,
    fields::{Current, FieldStart, PartFields},
    firsts::Firsts,
    measure::{Measure, Place},
    open_part::{Inside, OpenPart},
};
use crate::{
    BodyStructure,
    body_structure::{MediaType, Message, OctetKinds},
    elsewhere::Partial,
    transfer::Encoding,
};

/// Where the input stands in the innermost open part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Header,
    Body,
}

/// Longer boundaries are not used; RFC 2046 §5.1.1 allows 70 octets.
const BOUNDARY_OCTETS_MAX: usize = 1000;

#[derive(Debug)]
pub(super) struct Tree {
    limits: Limits,
    open: Vec<OpenPart>,
    measure: Measure,
    /// How many parts have begun.
    parts: usize,
    /// How many octets of fields are kept.
    kept: usize,
    /// How many boundaries are open.
    boundaries: usize,
    /// Bit `n % 64` is set if an open boundary has `n` octets: most lines are told apart by length.
    boundary_lengths: u64,
    /// The field at hand.
    current: Current,
    firsts: Firsts,
    defects: Vec<Defect>,
    dkim_signed: bool,
}

/// What a delimiter line says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Next,
    Close,
}

impl Tree {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: vec![OpenPart::new(0, PartFields::of_message())],
            measure: Measure::default(),
            parts: 1,
            kept: 0,
            boundaries: 0,
            boundary_lengths: 0,
            current: Current::default(),
            firsts: Firsts::default(),
            defects: Vec::new(),
            dkim_signed: false,
        }
    }

    pub(super) fn mode(&self) -> Mode {
        match self.open.last() {
            Some(OpenPart { body: None, .. }) => Mode::Header,
            _ => Mode::Body,
        }
    }

    /// Whether a line may end a part.
    pub(super) fn awaits_delimiter(&self) -> bool {
        self.boundaries > 0
    }

    /// Body octets: any number of lines and pieces of lines.
    pub(super) fn body(&mut self, run: &[u8]) {
        let before = self.measure;
        let kinds = self.measure.take(run);
        self.body_octets(before, run, kinds);
    }

    /// Body octets, up to the line that may be a delimiter. Says how many it took.
    pub(super) fn body_lines(&mut self, rest: &[u8]) -> usize {
        if !self.awaits_delimiter() {
            self.body(rest);
            return rest.len();
        }
        let before = self.measure;
        let (taken, kinds) = self.measure.take_to_dash_line(rest);
        self.body_octets(before, rest.get(..taken).unwrap_or(rest), kinds);
        taken
    }

    fn body_octets(&mut self, before: Measure, run: &[u8], kinds: OctetKinds) {
        if let Some(part) = self.open.last_mut() {
            part.body_octets = part.body_octets.and(kinds);
            let unlabelled = matches!(part.inside, Inside::Leaf) && !part.may_be_eight_bit;
            self.firsts.of_body(&before, run, kinds, unlabelled);
        }
    }

    /// The first line of a field, or its head.
    pub(super) fn field(&mut self, name: &[u8], value_at: usize, head: &[u8], complete: bool) {
        self.end_field();
        let of_message = self.open.len() == 1;
        self.dkim_signed |= of_message && name.eq_ignore_ascii_case(b"DKIM-Signature");
        let room = self.room();
        if let Some(part) = self.open.last_mut() {
            match part.fields.begin(name, room, &mut self.current) {
                FieldStart::Kept | FieldStart::NotKept => {}
                FieldStart::Again => self.defect(DefectKind::DuplicateField),
                FieldStart::NoRoom => self.defect(DefectKind::FieldTruncated),
            }
        }
        self.current.append(head.get(value_at..).unwrap_or_default(), complete);
        self.header_octets(head);
    }

    /// A continuation line, or its head.
    pub(super) fn continuation(&mut self, head: &[u8], complete: bool) {
        match self.open.last_mut() {
            Some(part) if part.header_start == self.measure.position() => {
                self.defect(DefectKind::ContinuationOfNothing);
            }
            Some(_) => self.current.append(head, complete),
            None => {}
        }
        self.header_octets(head);
    }

    /// A header line that is none.
    pub(super) fn not_a_field(&mut self, head: &[u8]) {
        self.end_field();
        self.defect(DefectKind::NotAField);
        self.header_octets(head);
    }

    /// The rest of a header line, or a piece of it.
    pub(super) fn header_rest(&mut self, fragment: &[u8], complete: bool) {
        self.current.append(fragment, complete);
        self.header_octets(fragment);
    }

    /// The blank line that ends the header.
    pub(super) fn blank_line(&mut self, line: &[u8]) {
        self.header_octets(line);
        self.header_ended();
    }

    /// A line that begins with `--`: whether it ends a part. If so, it is taken.
    pub(super) fn delimiter_line(&mut self, line: &[u8]) -> bool {
        let Some((level, delimiter)) = self.match_delimiter(line) else { return false };
        if delimiter == Delimiter::Next && self.parts >= self.limits.parts_max {
            self.defect_once(DefectKind::TooManyParts);
            return false;
        }
        // The line end before the delimiter belongs to it (RFC 2046 §5.1.1).
        let end = self.measure.before_line_end();
        while self.open.len() > level.saturating_add(1) {
            self.end_innermost(end);
        }
        self.body(line);
        let header_start = self.measure.position();
        let Some(OpenPart { inside: Inside::Multipart { closed, .. }, fields, .. }) =
            self.open.get_mut(level)
        else {
            return true;
        };
        match delimiter {
            Delimiter::Close => {
                *closed = true;
                self.count_boundaries();
            }
            Delimiter::Next => {
                let fields = PartFields::of_part(fields.is_digest());
                self.open_part(OpenPart::new(header_start, fields));
            }
        }
        true
    }

    /// The input has ended.
    pub(super) fn finish(mut self) -> Structure {
        let end = self.measure.here();
        let mut ended = None;
        while !self.open.is_empty() {
            ended = self.end_innermost(end);
        }
        let Message { envelope, part } = ended.unwrap_or_else(Message::empty);
        Structure {
            envelope,
            body: BodyStructure { root: part },
            size: end.at,
            dkim_signed: self.dkim_signed,
            defects: self.firsts.into_defects(self.defects),
        }
    }

    fn match_delimiter(&self, line: &[u8]) -> Option<(usize, Delimiter)> {
        if !self.awaits_delimiter() || line.len() == crate::lines::HEAD_MAX {
            return None;
        }
        // `--boundary`, perhaps `--`, then white space only: a longer word is another boundary.
        let next = line.get(2..)?.trim_ascii_end();
        let close = next.strip_suffix(b"--");
        let may_be = |text: &[u8]| self.boundary_lengths & length_bit(text) != 0;
        let next = Some(next).filter(|text| may_be(text));
        let close = close.filter(|text| may_be(text));
        if next.is_none() && close.is_none() {
            return None;
        }
        self.open.iter().enumerate().rev().find_map(|(level, part)| match &part.inside {
            Inside::Multipart { boundary, closed: false, .. } => {
                if next == Some(boundary) {
                    Some((level, Delimiter::Next))
                } else if close == Some(boundary) {
                    Some((level, Delimiter::Close))
                } else {
                    None
                }
            }
            _ => None,
        })
    }

    /// The header of the innermost part has ended: decides what is inside it.
    fn header_ended(&mut self) {
        self.end_field();
        let depth = self.open.len();
        let start = self.measure.here();
        let in_phantom = self.ends_in(|around| matches!(around, Inside::Phantom));
        let Some(part) = self.open.last_mut() else { return };
        part.body = Some(start);
        if in_phantom {
            return;
        }
        let encoding = Encoding::parse(part.fields.encoding().unwrap_or_default());
        part.may_be_eight_bit =
            matches!(encoding, Encoding::EightBit | Encoding::Binary | Encoding::Unknown);
        let kind = Composite::of(part.fields.media_type());
        if part.fields.bad_media_type() {
            self.defect(DefectKind::BadContentType);
        }
        let Some(kind) = kind else { return };
        let encoded = !encoding.is_identity();
        if encoded {
            self.defect(DefectKind::EncodedComposite);
        }
        if depth >= self.limits.depth_max {
            self.defect(DefectKind::TooDeep);
            return;
        }
        match kind {
            Composite::Multipart(boundary) => self.open_multipart(boundary),
            Composite::Message if self.parts >= self.limits.parts_max => {
                self.defect_once(DefectKind::TooManyParts);
            }
            Composite::Message if !encoded => {
                self.open_inside(Inside::Message(None), PartFields::of_message());
                self.parts = self.parts.saturating_add(1);
            }
            Composite::External if !encoded => {
                self.open_inside(Inside::Phantom, PartFields::of_part(false));
            }
            Composite::Partial { complete: false } => self.defect(DefectKind::BadPartial),
            Composite::Message | Composite::External | Composite::Partial { .. } => {}
        }
    }

    /// Opens what is inside a message part: a header begins at once.
    fn open_inside(&mut self, inside: Inside, fields: PartFields) {
        if let Some(part) = self.open.last_mut() {
            part.inside = inside;
        }
        self.open.push(OpenPart::new(self.measure.position(), fields));
    }

    fn open_multipart(&mut self, boundary: Box<[u8]>) {
        if boundary.is_empty() || boundary.len() > BOUNDARY_OCTETS_MAX {
            self.defect(DefectKind::NoBoundary);
            return;
        }
        if let Some(part) = self.open.last_mut() {
            part.inside = Inside::Multipart { boundary, closed: false, parts: Vec::new() };
        }
        self.count_boundaries();
    }

    fn open_part(&mut self, part: OpenPart) {
        self.parts = self.parts.saturating_add(1);
        self.open.push(part);
    }

    fn count_boundaries(&mut self) {
        self.boundaries = 0;
        self.boundary_lengths = 0;
        for part in &self.open {
            if let Inside::Multipart { boundary, closed: false, .. } = &part.inside {
                self.boundaries = self.boundaries.saturating_add(1);
                self.boundary_lengths |= length_bit(boundary);
            }
        }
    }

    /// Ends the innermost part at `end` and gives it to the one around it, or back if it was the
    /// message itself.
    fn end_innermost(&mut self, end: Place) -> Option<Message> {
        let here = self.measure.here();
        self.end_field();
        let part = self.open.pop()?;
        if part.is_nothing(here)
            && self.around_is(|inside| matches!(inside, Inside::Multipart { .. }))
        {
            self.defect(DefectKind::RepeatedDelimiter);
            return None;
        }
        if self.around_is(|inside| matches!(inside, Inside::Phantom)) {
            if !part.fields.has_content_id() {
                self.defect_at(part.header_start, DefectKind::NoContentId);
            }
        } else if part.body.is_none() {
            self.defect(DefectKind::HeaderNotEnded);
        }
        if let Inside::Multipart { closed: false, parts, .. } = &part.inside {
            let kind =
                if parts.is_empty() { DefectKind::NoDelimiter } else { DefectKind::NotClosed };
            self.defect(kind);
            self.count_boundaries();
        }
        let octets = part.header_octets.and(part.body_octets);
        let message = part.end(end, here);
        match self.open.last_mut() {
            None => return Some(message),
            Some(around) => {
                around.body_octets = around.body_octets.and(octets);
                match &mut around.inside {
                    Inside::Leaf | Inside::Phantom => {}
                    Inside::Message(inner) => *inner = Some(Box::new(message)),
                    Inside::Multipart { parts, .. } => parts.push(message.part),
                }
            }
        }
        None
    }

    /// Once a part was taken off: whether the one around it is so.
    fn around_is(&self, test: fn(&Inside) -> bool) -> bool {
        self.open.last().is_some_and(|part| test(&part.inside))
    }

    /// Whether the innermost part lies in such a one.
    fn ends_in(&self, test: fn(&Inside) -> bool) -> bool {
        self.open.iter().rev().nth(1).is_some_and(|part| test(&part.inside))
    }

    fn end_field(&mut self) {
        let Some(part) = self.open.last_mut() else { return };
        let ended = part.fields.end(&mut self.current, self.limits.addresses_max);
        self.kept = self.kept.saturating_add(ended.kept);
        if ended.truncated {
            self.defect(DefectKind::FieldTruncated);
        }
    }

    fn room(&self) -> usize {
        self.limits.field_octets_max.min(self.limits.kept_octets_max.saturating_sub(self.kept))
    }

    fn header_octets(&mut self, octets: &[u8]) {
        let before = self.measure;
        let kinds = self.measure.take_line(octets);
        if let Some(part) = self.open.last_mut() {
            part.header_octets = part.header_octets.and(kinds);
        }
        self.firsts.of_header(&before, octets, kinds);
    }

    fn defect(&mut self, kind: DefectKind) {
        self.defect_at(self.measure.line_start(), kind);
    }

    fn defect_at(&mut self, at: u64, kind: DefectKind) {
        if self.defects.len() < Structure::DEFECTS_MAX {
            self.defects.push(Defect { at, kind });
        }
    }

    fn defect_once(&mut self, kind: DefectKind) {
        if !self.defects.iter().any(|defect| defect.kind == kind) {
            self.defect(kind);
        }
    }
}

/// A part that may have something inside.
enum Composite {
    Multipart(Box<[u8]>),
    Message,
    /// `message/external-body`.
    External,
    /// `message/partial`, with all parameters that RFC 2046 §5.2.2 asks for, or not.
    Partial {
        complete: bool,
    },
}

impl Composite {
    fn of(media_type: &MediaType) -> Option<Self> {
        if media_type.is_kind("multipart") {
            let boundary = media_type.param("boundary").unwrap_or_default();
            return Some(Self::Multipart(boundary.trim_ascii_end().into()));
        }
        if !media_type.is_kind("message") {
            return None;
        }
        let is = |name: &str| media_type.subtype.eq_ignore_ascii_case(name.as_bytes());
        if is("rfc822") || is("global") {
            Some(Self::Message)
        } else if is("external-body") {
            Some(Self::External)
        } else if is("partial") {
            let complete = Partial::of(media_type).is_some();
            Some(Self::Partial { complete })
        } else {
            None
        }
    }
}

fn length_bit(boundary: &[u8]) -> u64 {
    1 << (boundary.len() % 64)
}
