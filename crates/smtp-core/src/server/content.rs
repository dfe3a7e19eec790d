//! From DATA or BDAT to the end of the content.
//!
//! The content is decoded in the driver's buffer and offered to the agent piece by piece. Once it
//! is refused, by the agent or here, it is read to its end without being offered, and only then is
//! the refusal said: a reply in the middle of content would be taken for the next one's
//! (RFC 5321 §4.1.1.4, RFC 3030 §2). It is not read for ever, though: after twice the octets of the
//! largest message the refusal is said and the connection ends.

use conversation::{Input, Wire};
use mail_types::Reply;

use super::{
    question::{Complete, Piece, Question, RefusedPart},
    session::{Flow, Session},
    state::{Activity, State, Transaction},
};
use crate::{
    data::{Decoded, Decoder},
    reply::{Blame, PeerError, Positive, Refusal},
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
    /// Octets that came over the wire so far.
    raw: u64,
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
    pub(super) fn new(framing: Framing) -> Self {
        let decoder = if framing == Framing::Dots { Decoder::dotted() } else { Decoder::counted() };
        Self { framing, decoder, octets: 0, raw: 0, phase: Phase::Beginning, ended: false }
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
        let allowed = raw_max(limit).saturating_sub(self.raw);
        let most = match self.framing {
            Framing::Dots => allowed,
            Framing::Chunk { left, .. } => allowed.min(left),
        };
        let there = input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let bytes = input.bytes_mut().get_mut(..there).unwrap_or_default();
        let mut decoded = self.decoder.decode(bytes);
        if let Framing::Chunk { left, .. } = &mut self.framing {
            *left = left.saturating_sub(decoded.consumed as u64);
            decoded.ended = *left == 0;
        }
        self.raw = self.raw.saturating_add(decoded.consumed as u64);
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
        self.raw >= raw_max(limit) && !self.ended
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
                self.state = State::Closed;
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
            _ => {
                self.state.turn_to(Activity::Idle);
                Refusal::Failure.write(&mut wire.output);
            }
        }
    }

    /// The content, or a chunk of it, has come to its end.
    fn end_content(&mut self, output: &mut Vec<u8>) -> Flow {
        let Some(activity) = self.state.activity() else { return Flow::Go };
        let Activity::Content(transaction, mut receiving) =
            std::mem::replace(activity, Activity::Idle)
        else {
            return Flow::Go;
        };
        if let Phase::Refused(blame) = receiving.phase {
            // RFC 3030 §2: after a refused chunk the transaction is void.
            self.say_no(blame, output);
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
        let Some(Activity::Skipping { octets, error, then }) = self.state.activity() else {
            return Flow::Go;
        };
        if *octets > limit {
            error.write(&mut wire.output);
            self.state = State::Closed;
            return Flow::Go;
        }
        let there = wire.input.len().min(usize::try_from(*octets).unwrap_or(usize::MAX));
        wire.input.consume(there);
        *octets -= there as u64;
        if *octets > 0 {
            if there > 0 {
                self.heard();
            }
            return Flow::NeedInput;
        }
        let (error, then) = (*error, *then);
        self.state.turn_to(then.map_or(Activity::Idle, Activity::Transaction));
        self.blame(error, &mut wire.output);
        Flow::Go
    }
}
