//! What each command does, once the table has let it pass.

use conversation::Wire;
use mail_types::Late;

use super::{
    content::{Framing, Receiving},
    line::Expected,
    options::{AuthPolicy, Dialect},
    order::{self, OutOfOrder},
    pace::Pace,
    question::{Begin, Question, Recipient, RefusedPart, Sender},
    session::{Flow, Session},
    state::{Activity, Skipping},
};
use crate::{
    command::{Chunk, Hold, MailFrom, RcptTo, Verb},
    reply::{Blame, Farewell, PeerError, Positive, Refusal, write_help},
};

impl Session {
    /// Takes the next line: a command, or a SASL response during AUTH.
    pub(super) fn take_line(&mut self, wire: &mut Wire) -> Flow {
        let options = self.options.clone();
        let signing_in = matches!(self.state.activity(), Some(Activity::SigningIn(_)));
        let expected = if signing_in { Expected::SaslResponse } else { Expected::Command };
        let Some(length) = self.lines.next(&mut wire.input, expected, &options) else {
            return Flow::NeedInput;
        };
        self.heard();
        let line = wire.input.bytes().get(..length).unwrap_or_default();
        let output = &mut wire.output;
        let result = match self.lines.check(line, expected, &options) {
            Ok(line) if signing_in => self.sasl_response(line, output),
            Ok(line) => self.command(line, output),
            Err(error) => {
                if signing_in {
                    self.state.turn_to(Activity::Idle);
                }
                Err(error)
            }
        };
        let flow =
            result.unwrap_or_else(|error| self.refuse(error.into(), RefusedPart::Command, output));
        // Passwords may stand in it, and the driver's buffers go from connection to connection.
        wire.input.bytes_mut().iter_mut().take(length).for_each(|byte| *byte = 0);
        wire.input.consume(length);
        flow
    }

    fn command(&mut self, line: &str, output: &mut Vec<u8>) -> Result<Flow, PeerError> {
        let (verb, argument) = self.known(Verb::parse(line)?)?;
        if let Err(farewell) = self.counts.command(verb, &self.options.limits) {
            self.leave(farewell, output);
            return Ok(Flow::Go);
        }
        if let Err(out_of_order) = order::check(verb, self.state.stage()) {
            return self.out_of_order(verb, argument, out_of_order, output);
        }
        match verb {
            Verb::Helo => self.hello(argument, false, output)?,
            Verb::Ehlo | Verb::Lhlo => self.hello(argument, true, output)?,
            Verb::Mail => {
                let asked = self.mail(argument);
                return Ok(asked.unwrap_or_else(|blame| {
                    self.refuse(blame, RefusedPart::Sender(argument.into()), output)
                }));
            }
            Verb::Rcpt => {
                let asked = self.rcpt(argument);
                return Ok(asked.unwrap_or_else(|error| {
                    self.refuse(error.into(), RefusedPart::Recipient(argument.into()), output)
                }));
            }
            Verb::Data => return self.data(argument),
            Verb::Bdat => return self.bdat(argument, output),
            Verb::StartTls => return self.start_tls(argument, output),
            Verb::Auth => return self.auth(argument, output),
            Verb::Rset => {
                no_argument(argument, "RSET")?;
                self.state.turn_to(Activity::Idle);
                Positive::Reset.write(output);
            }
            Verb::Quit => {
                no_argument(argument, "QUIT")?;
                self.leave(Farewell::Quit, output);
            }
            // RFC 5321 §4.1.1.9, §4.1.1.8: whatever stands behind them.
            Verb::Noop => Positive::Noop.write(output),
            Verb::Help => write_help(output, &self.options),
            Verb::Vrfy => return self.verify(argument, false),
            Verb::Expn => return self.verify(argument, true),
            Verb::Etrn => return self.etrn(argument),
            Verb::Xclient => return self.xclient(argument),
            Verb::Foreign => return Err(PeerError::NotOffered),
        }
        Ok(Flow::Go)
    }

    /// Passes on what this listener knows. LMTP has LHLO in the place of HELO and EHLO, so that
    /// nobody takes the one for the other (RFC 2033 §4.1).
    fn known<'a>(&self, (verb, argument): (Verb, &'a str)) -> Result<(Verb, &'a str), PeerError> {
        match (self.options.dialect, verb) {
            (Dialect::Smtp, Verb::Lhlo) | (Dialect::Lmtp, Verb::Helo | Verb::Ehlo) => {
                Err(PeerError::UnknownCommand)
            }
            (_, Verb::Etrn) if !self.options.extensions.etrn => Err(PeerError::NotOffered),
            (_, Verb::Xclient) if !self.trusts_peer() => Err(PeerError::NotOffered),
            _ => Ok((verb, argument)),
        }
    }

    /// A command at the wrong time. The octets behind an untimely BDAT are content all the same
    /// and must not be taken for commands (RFC 3030 §2).
    fn out_of_order(
        &mut self,
        verb: Verb,
        argument: &str,
        out_of_order: OutOfOrder,
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        let error = match (self.options.dialect, out_of_order) {
            (Dialect::Lmtp, OutOfOrder::NoRecipient) => PeerError::NobodyToReplyFor,
            _ => PeerError::Order(out_of_order),
        };
        if verb != Verb::Bdat {
            return Err(error);
        }
        let then = self.state.transaction().copied();
        match (Chunk::parse(argument), self.state.activity()) {
            (Ok(Chunk { octets, last }), Some(activity)) => {
                // RFC 2033 §4.3: no recipient, no reply, but only to the last.
                let silent = error == PeerError::NobodyToReplyFor && last;
                let then = then.filter(|_| !silent);
                let error = (!silent).then_some(error);
                let skipping = Skipping { octets, error, then, pace: Pace::default() };
                *activity = Activity::Skipping(skipping);
                Ok(Flow::Go)
            }
            _ => {
                error.write(output);
                self.leave(Farewell::LostTrack, output);
                Ok(Flow::Go)
            }
        }
    }

    fn mail(&mut self, argument: &str) -> Result<Flow, Blame> {
        if matches!(self.options.auth, AuthPolicy::Required(_)) && !self.signed_in {
            let reachable = !self.can_start_tls() || !self.announced().is_empty();
            let error = if reachable { PeerError::NeedsAuth } else { PeerError::NeedsTls };
            return Err(error.into());
        }
        let mail = MailFrom::parse(argument)?;
        self.only_announced(&mail)?;
        let limit = self.options.message_octets_max;
        if mail.size.is_some_and(|size| size > limit) {
            // RFC 1870 §6.1: said before the content travels.
            return Err(Blame::Us(Refusal::TooBig(limit)));
        }
        Ok(Flow::Ask(Question::Sender(Sender { ticket: self.open.ask(), mail: Box::new(mail) })))
    }

    fn rcpt(&mut self, argument: &str) -> Result<Flow, PeerError> {
        let limit = self.limits().recipients;
        let Some(transaction) = self.state.transaction() else {
            return Err(PeerError::Order(OutOfOrder::NoSender));
        };
        let rcpt = RcptTo::parse(argument, transaction.smtputf8)?;
        if transaction.recipients >= limit {
            return Err(PeerError::TooManyRecipients);
        }
        Ok(Flow::Ask(Question::Recipient(Recipient { ticket: self.open.ask(), rcpt })))
    }

    /// Parameters belong to extensions: those that EHLO does not name are unknown
    /// (RFC 5321 §4.1.1.11).
    fn only_announced(&self, mail: &MailFrom) -> Result<(), PeerError> {
        let extensions = &self.options.extensions;
        let unannounced = mail.by.is_some() && extensions.deliver_by.is_none()
            || mail.hold.is_some() && self.longest_hold().is_none()
            || mail.priority.is_some() && !extensions.priority
            // RFC 8689 §2: within TLS only.
            || mail.require_tls && !(extensions.require_tls && self.has_tls());
        // RFC 2852 §3: less time than any message needs here.
        let least = i64::from(extensions.deliver_by.unwrap_or(0));
        let hasty = mail.by.is_some_and(|by| by.late == Late::Return && by.seconds < least);
        if unannounced {
            return Err(PeerError::UnknownParameter);
        }
        if hasty {
            return Err(PeerError::TooLittleTime);
        }
        let (Some(hold), Some((longest, until))) = (&mail.hold, self.longest_hold()) else {
            return Ok(());
        };
        let (fits, in_time) = match hold {
            Hold::For(seconds) => {
                (*seconds <= longest, mail.by.is_none_or(|by| i64::from(*seconds) <= by.seconds))
            }
            Hold::Until { at, .. } => {
                let opened = self.opened_at.unwrap_or(*at);
                (*at <= until, mail.by.is_none_or(|by| *at <= by.at(opened).at))
            }
        };
        // RFC 4865 §4.2, §5.2.2.
        if fits && in_time { Ok(()) } else { Err(PeerError::HeldTooLong) }
    }

    /// Says no, and lets the agent know.
    pub(super) fn refuse(&mut self, blame: Blame, part: RefusedPart, output: &mut Vec<u8>) -> Flow {
        let reply = blame.reply();
        self.say_no(blame, output);
        self.tell(part, reply)
    }

    fn data(&mut self, argument: &str) -> Result<Flow, PeerError> {
        no_argument(argument, "DATA")?;
        if self.state.transaction().is_some_and(|transaction| transaction.binary) {
            return Err(PeerError::BinaryNeedsBdat);
        }
        Ok(self.begin(Framing::Dots))
    }

    /// Content is to come: the first that the agent hears of it.
    fn begin(&mut self, framing: Framing) -> Flow {
        if let Some(transaction) = self.state.transaction().copied() {
            let receiving = Box::new(Receiving::new(framing, transaction, &self.options));
            self.state.turn_to(Activity::Content(transaction, receiving));
        }
        Flow::Ask(Question::Begin(Begin { ticket: self.open.ask() }))
    }

    fn bdat(&mut self, argument: &str, output: &mut Vec<u8>) -> Result<Flow, PeerError> {
        let chunk = match Chunk::parse(argument) {
            Ok(chunk) => chunk,
            Err(error) => {
                // Where this chunk ends is unknown: nothing that follows could be trusted.
                error.write(output);
                self.leave(Farewell::LostTrack, output);
                return Ok(Flow::Go);
            }
        };
        let framing = Framing::Chunk { octets: chunk.octets, left: chunk.octets, last: chunk.last };
        match self.state.activity() {
            Some(activity @ Activity::Chunks(..)) => {
                if let Activity::Chunks(transaction, mut receiving) =
                    std::mem::replace(activity, Activity::Idle)
                {
                    receiving.next_chunk(framing);
                    *activity = Activity::Content(transaction, receiving);
                }
                Ok(Flow::Go)
            }
            _ => Ok(self.begin(framing)),
        }
    }

    fn start_tls(&mut self, argument: &str, output: &mut Vec<u8>) -> Result<Flow, PeerError> {
        no_argument(argument, "STARTTLS")?;
        if self.has_tls() {
            return Err(PeerError::Order(OutOfOrder::TlsStands));
        }
        if !self.options.starttls {
            return Err(PeerError::NoTlsHere);
        }
        Positive::StartTls.write(output);
        Ok(Flow::StartTls)
    }

    pub(super) fn has_tls(&self) -> bool {
        self.tls().is_some()
    }

    pub(super) fn can_start_tls(&self) -> bool {
        self.options.starttls && !self.has_tls()
    }
}

pub(super) fn no_argument(argument: &str, usage: &'static str) -> Result<(), PeerError> {
    if argument.is_empty() { Ok(()) } else { Err(PeerError::Syntax(usage)) }
}
