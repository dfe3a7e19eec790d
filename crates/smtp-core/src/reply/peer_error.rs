//! How a peer can break the protocol.

use mail_types::{Malformed, Reply};

use super::Wording;
use crate::{data::ContentFault, server::order::OutOfOrder};

/// The peer's breach of the protocol. Counted: too many end the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerError {
    /// A command that does not exist.
    UnknownCommand,
    /// A command that exists and is not offered, such as TURN.
    NotOffered,
    /// A command line longer than the limit.
    LineTooLong,
    /// A SASL line longer than the limit (RFC 4954 §4).
    AuthLineTooLong,
    /// A command line that ends in a bare LF.
    BareLineFeed,
    /// A command line with a control character.
    ControlCharacter,
    /// A command line that is not UTF-8.
    NotUtf8,
    /// The command's argument, and how it should read.
    Syntax(&'static str),
    /// An unreadable reverse-path.
    BadSender(Malformed),
    /// An unreadable forward-path.
    BadRecipient(Malformed),
    /// A known parameter with an impossible value, or one given twice.
    BadParameter(&'static str),
    /// BY with less time than was announced as the least (RFC 2852 §3).
    TooLittleTime,
    /// HOLDFOR or HOLDUNTIL beyond what was announced, or beyond BY (RFC 4865 §4.2, §5.2.2).
    HeldTooLong,
    /// A parameter of no extension that we announced.
    UnknownParameter,
    /// A non-ASCII address without SMTPUTF8.
    NeedsSmtpUtf8,
    /// A command at the wrong time.
    Order(OutOfOrder),
    /// More recipients than the limit.
    TooManyRecipients,
    /// DATA although MAIL said BINARYMIME.
    BinaryNeedsBdat,
    /// LMTP content without a recipient.
    NobodyToReplyFor,
    /// Content that breaks a rule of [`crate::data`].
    Content(ContentFault),
    /// STARTTLS where there is no TLS to start.
    NoTlsHere,
    /// AUTH where nobody signs in.
    NoAuthHere,
    /// A command that has to wait for STARTTLS.
    NeedsTls,
    /// AUTH without TLS.
    NeedsTlsForAuth,
    /// MAIL without having signed in.
    NeedsAuth,
    /// A SASL mechanism that is not offered.
    UnknownMechanism,
    /// A SASL response that is not base64.
    BadBase64,
    /// A SASL response that the mechanism cannot read.
    BadResponse,
    /// `*`: the client gave up.
    AuthCancelled,
}

impl PeerError {
    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        self.wording().write(output);
    }

    fn wording(&self) -> Wording<'static> {
        match self {
            // RFC 5321 §4.2.4: 500 for what is unknown, 502 for what is known and not there.
            Self::UnknownCommand => {
                Wording::new(500, (5, 5, 1), "No such command; HELP lists those that exist")
            }
            Self::NotOffered => Wording::new(502, (5, 5, 1), "This command is not offered here"),
            Self::LineTooLong => Wording::new(500, (5, 5, 2), "This line is too long"),
            // RFC 4954 §4, §6.
            Self::AuthLineTooLong => Wording::new(500, (5, 5, 6), "This line is too long"),
            Self::BareLineFeed => {
                Wording::new(500, (5, 5, 2), "Lines end in CRLF; this one ended in a bare LF")
            }
            Self::ControlCharacter => {
                Wording::new(500, (5, 5, 2), "A command line cannot have control characters")
            }
            Self::NotUtf8 => Wording::new(500, (5, 5, 2), "This line is not UTF-8"),
            Self::Syntax(usage) => Wording::new(501, (5, 5, 4), format!("It reads: {usage}")),
            Self::BadSender(why) => Wording::new(501, (5, 1, 7), sentence(why)),
            Self::BadRecipient(why) => Wording::new(501, (5, 1, 3), sentence(why)),
            Self::BadParameter(name) => {
                Wording::new(501, (5, 5, 4), format!("{name} cannot be understood"))
            }
            Self::TooLittleTime => {
                Wording::new(555, (5, 5, 4), "BY leaves less time than a message may need here")
            }
            Self::HeldTooLong => {
                Wording::new(501, (5, 5, 4), "A message cannot be held back for so long")
            }
            // RFC 5321 §4.1.1.11.
            Self::UnknownParameter => {
                Wording::new(555, (5, 5, 4), "A parameter here is of no extension that is offered")
            }
            // RFC 6531 §3.5: 553 for an address in RCPT or MAIL.
            Self::NeedsSmtpUtf8 => Wording::new(
                553,
                (5, 6, 7),
                "An address that is not ASCII needs the parameter SMTPUTF8",
            ),
            Self::Order(order) => order_wording(*order),
            // RFC 5321 §4.5.3.1.10; the enhanced status as RFC 5248 has it.
            Self::TooManyRecipients => Wording::new(
                452,
                (4, 5, 3),
                "Too many recipients for one message; send it again to the others",
            ),
            // RFC 3030 §3.
            Self::BinaryNeedsBdat => {
                Wording::new(503, (5, 5, 1), "A message with BINARYMIME has to come by BDAT")
            }
            // RFC 2033 §4.2.
            Self::NobodyToReplyFor => Wording::new(503, (5, 5, 1), "No recipient was accepted"),
            Self::Content(fault) => Wording::new(554, (5, 6, 0), content_text(*fault)),
            // RFC 3207 §4 names no code for a server without TLS; the command is not there.
            Self::NoTlsHere => Wording::new(502, (5, 5, 1), "No TLS to start here"),
            Self::NoAuthHere => Wording::new(
                502,
                (5, 5, 1),
                "Nobody signs in here; set your mail program to port 465 (TLS) or 587 (STARTTLS)",
            ),
            _ => self.sign_in_wording(),
        }
    }

    /// What stands in the way of signing in, or in the way of those who have not.
    fn sign_in_wording(&self) -> Wording<'static> {
        match self {
            // RFC 3207 §4.
            Self::NeedsTls => Wording::new(
                530,
                (5, 7, 0),
                "Encryption is needed; set your mail program to STARTTLS, or to port 465",
            ),
            // RFC 4954 §6; the enhanced status from RFC 5248.
            Self::NeedsTlsForAuth => Wording::new(
                538,
                (5, 7, 11),
                "No password without encryption; set your mail program to STARTTLS",
            ),
            // RFC 4954 §6.
            Self::NeedsAuth => Wording::new(
                530,
                (5, 7, 0),
                "Sign in first; set your mail program to send name and password",
            ),
            // RFC 4954 §4: 504 for the mechanism, 501 for the rest.
            Self::UnknownMechanism => {
                Wording::new(504, (5, 5, 4), "No such mechanism; EHLO lists those that exist")
            }
            Self::BadBase64 => Wording::new(501, (5, 5, 2), "This is not base64"),
            Self::BadResponse => Wording::new(501, (5, 5, 2), "Unreadable sign-in data"),
            Self::AuthCancelled => Wording::new(501, (5, 7, 0), "Sign-in cancelled"),
            _ => Wording::new(500, (5, 5, 0), "This cannot be done"),
        }
    }
}

impl From<&PeerError> for Reply {
    fn from(error: &PeerError) -> Self {
        error.wording().into_reply()
    }
}

/// RFC 5321 §4.1.4, and 554 for DATA without recipients (RFC 5321 §3.3).
fn order_wording(order: OutOfOrder) -> Wording<'static> {
    let text = match order {
        OutOfOrder::NoHello => "Say EHLO first",
        OutOfOrder::NoExtensions => "Say EHLO first, HELO does not do",
        OutOfOrder::NoSender => "Say MAIL first",
        OutOfOrder::NoRecipient => {
            return Wording::new(554, (5, 5, 1), "No recipient was accepted");
        }
        OutOfOrder::TransactionOpen => "Not within a mail transaction",
        OutOfOrder::ChunksBegun => "The content has begun with BDAT",
        OutOfOrder::TlsStands => "TLS stands already",
        OutOfOrder::SignedIn => "You are signed in already",
    };
    Wording::new(503, (5, 5, 1), text)
}

fn content_text(fault: ContentFault) -> &'static str {
    match fault {
        ContentFault::BareCr => "The message has a CR without LF (RFC 5321 section 2.3.8)",
        ContentFault::BareLf => "The message has an LF without CR (RFC 5321 section 2.3.8)",
        ContentFault::Nul => "The message has a NUL character",
    }
}

/// `the domain is empty` becomes `The domain is empty`.
fn sentence(why: &Malformed) -> String {
    let mut letters = why.0.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
