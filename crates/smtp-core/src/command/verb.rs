//! The first word of a line, and the short arguments.

use crate::{reply::PeerError, server::Dialect};

/// A command's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Helo,
    Ehlo,
    Lhlo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Expn,
    Help,
    StartTls,
    Auth,
    Etrn,
    Xclient,
    /// One that other servers have or had, and this one never has.
    Foreign,
}

impl Verb {
    const NAMES: [(&'static str, Self); 25] = [
        ("HELO", Self::Helo),
        ("EHLO", Self::Ehlo),
        ("LHLO", Self::Lhlo),
        ("MAIL", Self::Mail),
        ("RCPT", Self::Rcpt),
        ("DATA", Self::Data),
        ("BDAT", Self::Bdat),
        ("RSET", Self::Rset),
        ("NOOP", Self::Noop),
        ("QUIT", Self::Quit),
        ("VRFY", Self::Vrfy),
        ("EXPN", Self::Expn),
        ("HELP", Self::Help),
        ("STARTTLS", Self::StartTls),
        ("AUTH", Self::Auth),
        ("ETRN", Self::Etrn),
        ("XCLIENT", Self::Xclient),
        // RFC 5321 appendix F.1: TURN gives mail away to whoever claims a name.
        ("TURN", Self::Foreign),
        // RFC 2645 §5.2.1: its secure sister, for hosts without a fixed address.
        ("ATRN", Self::Foreign),
        // RFC 5321 appendix F.6: to terminals.
        ("SEND", Self::Foreign),
        ("SOML", Self::Foreign),
        ("SAML", Self::Foreign),
        // Of Sendmail: talk about how the message goes on.
        ("VERB", Self::Foreign),
        ("ONEX", Self::Foreign),
        // Of Postfix: the log's view of a filtered message.
        ("XFORWARD", Self::Foreign),
    ];

    /// The command and its argument, without the space around it. Case does not count
    /// (RFC 5321 §2.4).
    pub(crate) fn parse(line: &str) -> Result<(Self, &str), PeerError> {
        let line = line.trim_end_matches(' ');
        let (word, argument) = line.split_once(' ').unwrap_or((line, ""));
        let found = Self::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        found.map(|(_, verb)| (*verb, argument.trim_start())).ok_or(PeerError::UnknownCommand)
    }
}

/// The name a client gives itself: `Domain / address-literal` (RFC 5321 §4.1.1.1). Taken as it
/// is: clients behind NAT say strange things, and refusing them helps nobody (RFC 5321 §4.1.4).
pub(crate) fn hello_name(argument: &str, dialect: Dialect) -> Result<&str, PeerError> {
    let usage = match dialect {
        Dialect::Smtp => PeerError::Syntax("EHLO your.host.name"),
        Dialect::Lmtp => PeerError::Syntax("LHLO your.host.name"),
    };
    argument.split(' ').next().filter(|name| !name.is_empty() && name.len() <= 255).ok_or(usage)
}

/// `AUTH mechanism [initial-response]` (RFC 4954 §4).
#[derive(Debug)]
pub(crate) struct Auth<'a> {
    pub(crate) mechanism: &'a str,
    pub(crate) initial: Option<&'a str>,
}

impl<'a> Auth<'a> {
    pub(crate) fn parse(argument: &'a str) -> Result<Self, PeerError> {
        let mut words = argument.split(' ');
        let mechanism = words.next().filter(|word| !word.is_empty());
        let (mechanism, initial) = match (mechanism, words.next(), words.next()) {
            (Some(mechanism), initial, None) => (mechanism, initial),
            _ => return Err(PeerError::Syntax("AUTH mechanism [initial-response]")),
        };
        Ok(Self { mechanism, initial })
    }
}

/// `BDAT chunk-size [LAST]` (RFC 3030 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) octets: u64,
    pub(crate) last: bool,
}

impl Chunk {
    pub(crate) fn parse(argument: &str) -> Result<Self, PeerError> {
        const USAGE: PeerError = PeerError::Syntax("BDAT octets [LAST]");
        let (size, rest) = argument.split_once(' ').unwrap_or((argument, ""));
        if !size.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(USAGE);
        }
        let octets = size.parse().map_err(|_| USAGE)?;
        match rest.trim() {
            "" => Ok(Self { octets, last: false }),
            word if word.eq_ignore_ascii_case("LAST") => Ok(Self { octets, last: true }),
            _ => Err(USAGE),
        }
    }
}
