//! What each command does, once the table has let it pass.

use std::fmt::Display;

use conversation::Wire;

use crate::{
    command::Verb,
    language::Language,
    maildrop::{Absent, Maildrop},
    order,
    question::{Listing, Message, Question, Update},
    response::{PeerError, Positive},
    session::{Flow, Session},
    state::{State, Step},
};

impl Session {
    /// Takes the next line: a command, or a SASL response during AUTH.
    pub(crate) fn take_line(&mut self, wire: &mut Wire) -> Flow {
        let limits = &self.options.limits;
        let signing_in =
            matches!(self.state, State::Authorization(Step::Exchange(_) | Step::Acknowledging(..)));
        // AUTH's initial response stands in a command line, and clients disregard the limit that
        // RFC 5034 §4 sets there: one limit for both.
        let octets_max = limits.command_octets.max(limits.sasl_octets);
        let Some(length) = self.lines.next(&mut wire.input, octets_max) else {
            return Flow::NeedInput;
        };
        self.heard();
        let line = wire.input.bytes().get(..length).unwrap_or_default();
        let octets_max = if signing_in || starts_with_auth(line) {
            self.options.limits.sasl_octets
        } else {
            self.options.limits.command_octets
        };
        let result = match self.lines.check(line, octets_max) {
            Ok(line) => self.line(line, &mut wire.output),
            Err(error) => {
                if let State::Authorization(step) = &mut self.state {
                    *step = Step::Start;
                }
                Err(error)
            }
        };
        let flow = result.unwrap_or_else(|error| {
            self.blame(error, &mut wire.output);
            Flow::Go
        });
        wire.input.consume(length);
        flow
    }

    fn line(&mut self, line: &[u8], output: &mut Vec<u8>) -> Result<Flow, PeerError> {
        if let State::Authorization(step) = &mut self.state
            && matches!(step, Step::Exchange(_) | Step::Acknowledging(..))
        {
            let step = std::mem::replace(step, Step::Start);
            return self.sasl_response(step, line, output);
        }
        let (verb, arguments) = Verb::parse(line)?;
        order::check(verb, self.state.stage())?;
        match verb {
            Verb::Capa => {
                verb.nothing(arguments)?;
                self.list_capabilities(output);
            }
            Verb::Stls => {
                verb.nothing(arguments)?;
                return self.stls(output);
            }
            Verb::Utf8 => {
                verb.nothing(arguments)?;
                self.utf8 = true;
                Positive::Utf8.write(self.language, output);
            }
            Verb::Lang => self.lang(arguments, output)?,
            Verb::User => return self.user(arguments, output),
            Verb::Pass => return self.pass(arguments),
            Verb::Apop => return self.apop(arguments),
            Verb::Auth => return self.auth(arguments, output),
            Verb::Quit => {
                verb.nothing(arguments)?;
                return Ok(self.quit(output));
            }
            _ => return self.transaction(verb, arguments, output),
        }
        Ok(Flow::Go)
    }

    /// The commands of TRANSACTION (RFC 1939 §5 and §7).
    fn transaction(
        &mut self,
        verb: Verb,
        arguments: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        let language = self.language;
        let State::Transaction(maildrop) = &mut self.state else {
            return Err(PeerError::NotSignedIn);
        };
        match verb {
            Verb::List | Verb::Uidl => {
                let unique_ids = verb == Verb::Uidl;
                let Some(number) = verb.optional_number(arguments)? else {
                    let ticket = self.open.ask();
                    let listing = Listing { ticket, unique_ids, next: 0 };
                    return Ok(Flow::Ask(Question::Listing(listing)));
                };
                list_one(maildrop, number, unique_ids, language, output);
            }
            Verb::Retr => {
                let number = verb.number(arguments)?;
                return Ok(self.message(number, None, output));
            }
            Verb::Top => {
                let (number, lines) = verb.number_and_lines(arguments)?;
                return Ok(self.message(number, Some(lines), output));
            }
            Verb::Dele => {
                let number = verb.number(arguments)?;
                match maildrop.delete(number) {
                    Ok(()) => Positive::Deleted(number).write(language, output),
                    Err(absent) => absent.write(language, output),
                }
            }
            _ => {
                verb.nothing(arguments)?;
                match verb {
                    Verb::Stat => Positive::Stat(maildrop).write(language, output),
                    Verb::Rset => {
                        maildrop.reset();
                        Positive::Reset(maildrop).write(language, output);
                    }
                    _ => Positive::Noop.write(language, output),
                }
            }
        }
        Ok(Flow::Go)
    }

    fn message(&mut self, number: usize, lines: Option<u64>, output: &mut Vec<u8>) -> Flow {
        let language = self.language;
        let entry = self.state.maildrop().ok_or(Absent::Never).and_then(|drop| drop.entry(number));
        match entry {
            Ok(entry) => {
                let ticket = self.open.ask();
                let (uid, octets, utf8) = (entry.uid, entry.octets, self.utf8);
                let message = Message { ticket, uid, octets, lines, utf8 };
                Flow::Ask(Question::Message(message))
            }
            Err(absent) => {
                absent.write(language, output);
                Flow::Go
            }
        }
    }

    /// RFC 1939 §6: UPDATE comes only after QUIT in TRANSACTION; §4: otherwise there is no maildrop
    /// to give back.
    fn quit(&mut self, output: &mut Vec<u8>) -> Flow {
        let marks = self.state.maildrop().map(|drop| (drop.deleted(), drop.fetched()));
        self.state = State::Closed;
        match marks {
            Some((deleted, fetched)) => {
                let ticket = self.open.ask();
                Flow::Ask(Question::Update(Update { ticket, deleted, fetched }))
            }
            None => {
                Positive::Bye.write(self.language, output);
                Flow::Go
            }
        }
    }

    /// `LANG [range]` (RFC 6856 §3.2).
    fn lang(&mut self, arguments: &[u8], output: &mut Vec<u8>) -> Result<(), PeerError> {
        if arguments.trim_ascii().is_empty() {
            Positive::Languages.write(self.language, output);
            for language in Language::ALL {
                let line = format!("{} {}\r\n", language.tag(), language.name());
                output.extend_from_slice(line.as_bytes());
            }
            output.extend_from_slice(b".\r\n");
            return Ok(());
        }
        let range = Verb::Lang.text(arguments)?.trim();
        self.language =
            Language::matching(range, Language::default()).ok_or(PeerError::UnknownLanguage)?;
        Positive::Speaks(self.language).write(self.language, output);
        Ok(())
    }

    /// RFC 2449 §5: what can be had in AUTHORIZATION is announced in both states. STLS is the
    /// exception that RFC 2595 §4 makes: announced where it is permitted now.
    fn list_capabilities(&self, output: &mut Vec<u8>) {
        let announced = self.announced();
        let names: Vec<&str> = announced.iter().map(|mechanism| mechanism.name()).collect();
        let sasl = format!("SASL {}", names.join(" "));
        // RFC 2449 §6.7: without a limit, messages stay until their owner removes them.
        let expire = match self.options.expire_days {
            Some(days) => format!("EXPIRE {days}"),
            None => "EXPIRE NEVER".to_owned(),
        };
        // RFC 2449 §6.5.
        let login_delay = format!("LOGIN-DELAY {}", self.options.login_delay.as_secs());
        let mut capabilities: Vec<&dyn Display> = vec![
            &"TOP",
            &"UIDL",
            &"RESP-CODES",
            &"AUTH-RESP-CODE",
            &"PIPELINING",
            &expire,
            &"UTF8 USER",
            &"LANG",
            &"IMPLEMENTATION Postrider",
        ];
        if !self.options.login_delay.is_zero() {
            capabilities.push(&login_delay);
        }
        if self.may_send_password() {
            capabilities.push(&"USER");
        }
        if !names.is_empty() {
            capabilities.push(&sasl);
        }
        if self.options.stls && !self.has_tls() && self.state.maildrop().is_none() {
            capabilities.push(&"STLS");
        }
        Positive::Capabilities.write(self.language, output);
        for capability in capabilities {
            output.extend_from_slice(format!("{capability}\r\n").as_bytes());
        }
        output.extend_from_slice(b".\r\n");
    }
}

fn list_one(
    maildrop: &Maildrop,
    number: usize,
    unique_ids: bool,
    language: Language,
    output: &mut Vec<u8>,
) {
    match maildrop.entry(number) {
        Ok(entry) if unique_ids => {
            Positive::Listed(number, &maildrop.unique_id(entry.uid)).write(language, output);
        }
        Ok(entry) => Positive::Listed(number, &entry.octets).write(language, output),
        Err(absent) => absent.write(language, output),
    }
}

fn starts_with_auth(line: &[u8]) -> bool {
    line.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH "))
}
