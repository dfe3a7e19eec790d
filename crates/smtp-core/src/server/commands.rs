//! What each command does, once the table has let it pass.

use std::fmt::Display;

use conversation::Wire;

use super::{
    content::{Framing, Receiving},
    line::Expected,
    options::AuthPolicy,
    order::{self, OutOfOrder},
    question::{Begin, Question, Recipient, RefusedPart, Sender},
    session::{Flow, Session},
    state::{Activity, Hello, State},
};
use crate::{
    command::{Chunk, MailFrom, RcptTo, Verb, hello_name},
    reply::{Blame, Farewell, PeerError, Positive, Refusal, write_hello},
};

impl Session {
    /// Takes the next line: a command, or a SASL response during AUTH.
    pub(super) fn take_line(&mut self, wire: &mut Wire) -> Flow {
        let options = self.options.clone();
        let signing_in = matches!(self.state.activity(), Some(Activity::SigningIn(_)));
        let expected = if signing_in { Expected::SaslResponse } else { Expected::Command };
        let Some(length) = self.lines.next(&mut wire.input, expected, &options.limits) else {
            return Flow::NeedInput;
        };
        self.heard();
        let line = wire.input.bytes().get(..length).unwrap_or_default();
        let output = &mut wire.output;
        let result = match self.lines.check(line, expected, &options.limits) {
            Ok(line) if signing_in => self.sasl_response(line, output),
            Ok(line) => self.command(line, output),
            Err(error) => {
                if signing_in {
                    self.state.turn_to(Activity::Idle);
                }
                Err(error)
            }
        };
        let flow = result.unwrap_or_else(|error| {
            self.blame(error, output);
            Flow::Go
        });
        // Passwords may stand in it, and the driver's buffers go from connection to connection.
        wire.input.bytes_mut().iter_mut().take(length).for_each(|byte| *byte = 0);
        wire.input.consume(length);
        flow
    }

    fn command(&mut self, line: &str, output: &mut Vec<u8>) -> Result<Flow, PeerError> {
        let (verb, argument) = Verb::parse(line)?;
        if let Err(out_of_order) = order::check(verb, self.state.stage()) {
            return self.out_of_order(verb, argument, out_of_order, output);
        }
        match verb {
            Verb::Helo => self.hello(argument, false, output)?,
            Verb::Ehlo => self.hello(argument, true, output)?,
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
            Verb::Data => {
                no_argument(argument, "DATA")?;
                return Ok(self.begin(Framing::Dots));
            }
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
            Verb::Noop => Positive::Noop.write(output),
            Verb::Help => Positive::Help.write(output),
            Verb::Vrfy => Positive::CannotVerify.write(output),
            Verb::Expn => return Err(PeerError::NotOffered),
        }
        Ok(Flow::Go)
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
        let error = PeerError::Order(out_of_order);
        if verb != Verb::Bdat {
            return Err(error);
        }
        let then = self.state.transaction().copied();
        match (Chunk::parse(argument), self.state.activity()) {
            (Ok(Chunk { octets, .. }), Some(activity)) => {
                *activity = Activity::Skipping { octets, error, then };
                Ok(Flow::Go)
            }
            _ => {
                error.write(output);
                self.state = State::Closed;
                Ok(Flow::Go)
            }
        }
    }

    fn hello(
        &mut self,
        argument: &str,
        extended: bool,
        output: &mut Vec<u8>,
    ) -> Result<(), PeerError> {
        let name = hello_name(argument)?.into();
        // RFC 5321 §4.1.4: as if RSET had come.
        self.state = State::Greeted(Hello { name, extended }, Activity::Idle);
        if extended {
            self.list_extensions(output);
        } else {
            Positive::Hello(&self.options.hostname).write(output);
        }
        Ok(())
    }

    fn list_extensions(&self, output: &mut Vec<u8>) {
        let size = format!("SIZE {}", self.options.message_octets_max);
        let mut auth = String::from("AUTH");
        let mut extensions: Vec<&dyn Display> = vec![
            &"PIPELINING",
            &size,
            &"8BITMIME",
            &"SMTPUTF8",
            &"ENHANCEDSTATUSCODES",
            &"DSN",
            &"CHUNKING",
        ];
        if self.can_start_tls() {
            extensions.push(&"STARTTLS");
        }
        // RFC 4954 §4: nothing is announced that this session could not do now.
        if let (AuthPolicy::Required(mechanisms), true) = (&self.options.auth, self.has_tls()) {
            for mechanism in mechanisms {
                auth.push(' ');
                auth.push_str(mechanism.name());
            }
            extensions.push(&auth);
        }
        write_hello(output, &self.options.hostname, &extensions);
    }

    fn mail(&mut self, argument: &str) -> Result<Flow, Blame> {
        if matches!(self.options.auth, AuthPolicy::Required(_)) && !self.signed_in {
            let reachable = self.has_tls() || !self.can_start_tls();
            let error = if reachable { PeerError::NeedsAuth } else { PeerError::NeedsTls };
            return Err(error.into());
        }
        let mail = MailFrom::parse(argument)?;
        let limit = self.options.message_octets_max;
        if mail.size.is_some_and(|size| size > limit) {
            // RFC 1870 §6.1: said before the content travels.
            return Err(Blame::Us(Refusal::TooBig(limit)));
        }
        Ok(Flow::Ask(Question::Sender(Sender { ticket: self.open.ask(), mail })))
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

    /// Says no to a command of the transaction, and lets the agent know.
    fn refuse(&mut self, blame: Blame, part: RefusedPart, output: &mut Vec<u8>) -> Flow {
        let reply = blame.reply();
        self.say_no(blame, output);
        self.tell(part, reply)
    }

    /// Content is to come: the first that the agent hears of it.
    fn begin(&mut self, framing: Framing) -> Flow {
        if let Some(transaction) = self.state.transaction().copied() {
            let receiving = Box::new(Receiving::new(framing));
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
                self.state = State::Closed;
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

    fn can_start_tls(&self) -> bool {
        self.options.starttls && !self.has_tls()
    }
}

fn no_argument(argument: &str, usage: &'static str) -> Result<(), PeerError> {
    if argument.is_empty() { Ok(()) } else { Err(PeerError::Syntax(usage)) }
}
