//! From DATA or BDAT to the end of the content.
//!
//! The content is decoded in the driver's buffer and offered to the agent piece by piece. Once it
//! is refused, by the agent or here, it is read to its end without being offered, and only then is
//! the refusal said: a reply in the middle of content would be taken for the next one's
//! (RFC 5321 §4.1.1.4, RFC 3030 §2). It is not read for ever, though: after twice the octets of the
//! largest message the refusal is said and the connection ends.

use conversation::{Input, Wire};
use mail_types::{QueueId, Reply};

use super::{
    options::{BareLineEnds, Dialect, Options},
    pace::Pace,
    question::{Complete, Piece, Question, RefusedPart},
    session::{Flow, Session},
    state::{Activity, Transaction},
};
use crate::{
    data::{Decoded, Decoder, Tolerance},
    reply::{Blame, Farewell, PeerError, Positive, Refusal, write_again},
};

/// How the end of the content is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// By CRLF, dot, CRLF.
    Dots,
    /// By counting: so many octets in this chunk, so many of them still to come.
    Chunk { octets: u64, left: u64, last: bool },
}

/// Content on its way in.
#[derive(Debug)]
pub(super) struct Receiving {
    framing: Framing,
    decoder: Decoder,
    /// Octets of content so far (RFC 1870 §3: with CRLF, without the doubled dots).
    octets: u64,
    phase: Phase,
    /// What came over the wire so far.
    pace: Pace,
    /// The DATA's dot, or the chunk's last octet, has come.
    ended: bool,
}

#[derive(Debug)]
enum Phase {
    /// The agent is asked whether it may come.
    Beginning,
    /// It is taken.
    Open,
    /// A piece is with the agent; it takes so many bytes of the input.
    Offered(usize),
    /// The whole is with the agent.
    Completing,
    /// It is refused and read to its end.
    Refused(Blame),
}

impl Receiving {
    pub(super) fn new(framing: Framing, transaction: Transaction, options: &Options) -> Self {
        let decoder = if framing == Framing::Dots { Decoder::dotted() } else { Decoder::counted() };
        let tolerance = match options.bare_line_ends {
            _ if transaction.binary => Tolerance::Everything,
            BareLineEnds::Repaired => Tolerance::BareLineEnds,
            BareLineEnds::Refused => Tolerance::None,
        };
        let (decoder, pace) = (decoder.tolerating(tolerance), Pace::default());
        Self { framing, decoder, octets: 0, pace, phase: Phase::Beginning, ended: false }
    }

    pub(super) fn pace(&mut self) -> &mut Pace {
        &mut self.pace
    }

    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// The agent lets it come.
    pub(super) fn open(&mut self) {
        self.phase = Phase::Open;
    }

    /// The next chunk of the same content.
    pub(super) fn next_chunk(&mut self, framing: Framing) {
        self.framing = framing;
        self.ended = false;
    }

    /// Decodes what has come; nothing has if the count is zero and it has not ended.
    fn decode(&mut self, input: &mut Input, limit: u64) -> Decoded {
        let allowed = raw_max(limit).saturating_sub(self.pace.octets());
        let most = match self.framing {
            Framing::Dots => allowed,
            Framing::Chunk { left, .. } => allowed.min(left),
        };
        // Not beyond the octet that makes it too large: whether that or a fault comes first must
        // not depend on how the input was cut.
        let most = match limit.checked_sub(self.octets) {
            Some(room) if !self.is_refused() => most.min(room.saturating_add(1)),
            _ => most,
        };
        let there = input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let bytes = input.bytes_mut().get_mut(..there).unwrap_or_default();
        let mut decoded = self.decoder.decode(bytes);
        if let Framing::Chunk { left, .. } = &mut self.framing {
            *left = left.saturating_sub(decoded.consumed as u64);
            decoded.ended = *left == 0;
        }
        self.pace.came(decoded.consumed);
        self.ended = decoded.ended;
        self.octets = self.octets.saturating_add(decoded.content as u64);
        decoded
    }

    /// Whether this is the end of the whole content, not only of a chunk.
    fn is_last(&self) -> bool {
        !matches!(self.framing, Framing::Chunk { last: false, .. })
    }

    /// Whether more has come than any message could have, and still not the end.
    fn is_endless(&self, limit: u64) -> bool {
        self.pace.octets() >= raw_max(limit) && !self.ended
    }

    fn is_refused(&self) -> bool {
        matches!(self.phase, Phase::Refused(_))
    }

    /// The content's own faults turn it into a refused one. Returns what is to be said then.
    fn judge(&mut self, limit: u64) -> Option<Reply> {
        if self.is_refused() {
            return None;
        }
        let counted_to_end = self.ended && self.is_last() && self.framing != Framing::Dots;
        let fault = if counted_to_end { self.decoder.fault_at_end() } else { self.decoder.fault() };
        let blame = match fault {
            Some(fault) => Blame::Peer(PeerError::Content(fault)),
            None if self.octets > limit => Blame::Us(Refusal::TooBig(limit)),
            None => return None,
        };
        let reply = blame.reply();
        self.phase = Phase::Refused(blame);
        Some(reply)
    }
}

/// How much of a content is read at most, in octets: a doubled dot adds to a line of three octets at
/// least, so what reaches this was too large before.
fn raw_max(limit: u64) -> u64 {
    limit.saturating_mul(2).saturating_add(1024)
}

impl Session {
    /// Goes on with the content that is there.
    pub(super) fn receive(&mut self, wire: &mut Wire) -> Flow {
        let limit = self.options.message_octets_max;
        let Some(receiving) = self.receiving() else { return Flow::Go };
        if receiving.ended {
            return self.end_content(&mut wire.output);
        }
        let decoded = receiving.decode(&mut wire.input, limit);
        if decoded.consumed == 0 && !decoded.ended {
            return Flow::NeedInput;
        }
        let refused = receiving.judge(limit);
        if decoded.content == 0 || receiving.is_refused() {
            wire.input.consume(decoded.consumed);
            let endless = receiving.is_endless(limit);
            self.heard();
            if endless {
                self.end_content(&mut wire.output);
                self.leave(Farewell::TooMuch, &mut wire.output);
            }
            return refused.map_or(Flow::Go, |reply| self.tell(RefusedPart::Content, reply));
        }
        receiving.phase = Phase::Offered(decoded.consumed);
        self.heard();
        Flow::Ask(Question::Piece(Piece { ticket: self.open.ask(), octets: decoded.content }))
    }

    /// The agent has taken a piece, or refused it and all that follows.
    pub(super) fn piece_answered(&mut self, input: &mut Input, refusal: Option<Refusal>) {
        let Some(receiving) = self.receiving() else { return };
        if let Phase::Offered(consumed) = receiving.phase {
            input.consume(consumed);
        }
        receiving.phase = refusal.map_or(Phase::Open, |why| Phase::Refused(Blame::Us(why)));
    }

    /// The agent does not want the content to begin.
    pub(super) fn content_not_begun(&mut self, refusal: Refusal, output: &mut Vec<u8>) {
        let Some(Activity::Content(transaction, receiving)) = self.state.activity() else { return };
        let transaction: Transaction = *transaction;
        if receiving.framing == Framing::Dots {
            // The client has not begun either; it may try again, or reset.
            self.state.turn_to(Activity::Transaction(transaction));
            refusal.write(output);
        } else {
            receiving.phase = Phase::Refused(Blame::Us(refusal));
        }
    }

    /// The agent dropped a question about the content.
    pub(super) fn content_failed(&mut self, wire: &mut Wire) {
        match self.receiving().map(|receiving| &receiving.phase) {
            Some(Phase::Beginning) => self.content_not_begun(Refusal::Failure, &mut wire.output),
            Some(Phase::Offered(_)) => {
                self.piece_answered(&mut wire.input, Some(Refusal::Failure));
            }
            _ => self.content_not_queued(&Refusal::Failure, &mut wire.output),
        }
    }

    /// The message is on stable storage.
    pub(super) fn content_queued(&mut self, id: QueueId, output: &mut Vec<u8>) {
        for _ in 0..self.replies_due() {
            Positive::Queued(id).write(output);
        }
        self.counts.message();
        self.state.turn_to(Activity::Idle);
    }

    /// It is not, and will not be.
    pub(super) fn content_not_queued(&mut self, refusal: &Refusal, output: &mut Vec<u8>) {
        for _ in 0..self.replies_due() {
            refusal.write(output);
        }
        self.state.turn_to(Activity::Idle);
    }

    /// How many replies the end of the content has: with LMTP one for each recipient that was
    /// accepted (RFC 2033 §4.2).
    fn replies_due(&mut self) -> u32 {
        match (self.options.dialect, self.state.activity()) {
            (Dialect::Lmtp, Some(Activity::Content(transaction, _))) => transaction.recipients,
            _ => 1,
        }
    }

    /// The content, or a chunk of it, has come to its end.
    fn end_content(&mut self, output: &mut Vec<u8>) -> Flow {
        let replies = self.replies_due();
        let Some(activity) = self.state.activity() else { return Flow::Go };
        let Activity::Content(transaction, mut receiving) =
            std::mem::replace(activity, Activity::Idle)
        else {
            return Flow::Go;
        };
        if receiving.is_refused() {
            // RFC 3030 §2: after a refused chunk the transaction is void.
            let replies = if receiving.is_last() { replies } else { 1 };
            if let Phase::Refused(blame) = receiving.phase {
                let reply = blame.reply();
                (1..replies).for_each(|_| write_again(&reply, output));
                self.say_no(blame, output);
            }
            return Flow::Go;
        }
        match receiving.framing {
            Framing::Chunk { octets, last: false, .. } => {
                *activity = Activity::Chunks(transaction, receiving);
                Positive::ChunkTaken(octets).write(output);
                Flow::Go
            }
            _ => {
                receiving.phase = Phase::Completing;
                *activity = Activity::Content(transaction, receiving);
                Flow::Ask(Question::Complete(Complete { ticket: self.open.ask() }))
            }
        }
    }

    /// Drops the octets of an untimely chunk, then says why; not of one that no message could be.
    pub(super) fn skip(&mut self, wire: &mut Wire) -> Flow {
        let limit = self.options.message_octets_max;
        let Some(Activity::Skipping(skipping)) = self.state.activity() else {
            return Flow::Go;
        };
        if skipping.octets > limit {
            let error = skipping.error;
            if let Some(error) = error {
                error.write(&mut wire.output);
            }
            self.leave(Farewell::TooMuch, &mut wire.output);
            return Flow::Go;
        }
        let there = wire.input.len().min(usize::try_from(skipping.octets).unwrap_or(usize::MAX));
        wire.input.consume(there);
        skipping.octets -= there as u64;
        skipping.pace.came(there);
        if skipping.octets > 0 {
            if there > 0 {
                self.heard();
            }
            return Flow::NeedInput;
        }
        let (error, then) = (skipping.error, skipping.then);
        self.state.turn_to(then.map_or(Activity::Idle, Activity::Transaction));
        match error {
            Some(error) => self.refuse(error.into(), RefusedPart::Command, &mut wire.output),
            None => Flow::Go,
        }
    }
}
